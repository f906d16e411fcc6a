//! Command-line arguments, taken out one by one; what is left over is an error.

use std::str::FromStr;

use crate::error::{Error, Result};

/// The arguments that nobody has asked for yet.
#[derive(Debug)]
pub(crate) struct Args {
    left: Vec<String>,
}

impl Args {
    pub(crate) fn new(args: impl IntoIterator<Item = String>) -> Self {
        Self {
            left: args.into_iter().collect(),
        }
    }

    /// Whether the option `name`, which has no value, is given.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let before = self.left.len();
        self.left.retain(|arg| arg != name);
        self.left.len() < before
    }

    /// The value of the option `name`, given as `name VALUE` or `name=VALUE`.
    pub(crate) fn value(&mut self, name: &str) -> Result<Option<String>> {
        let joined = format!("{name}=");
        let Some(at) = self
            .left
            .iter()
            .position(|arg| arg == name || arg.starts_with(&joined))
        else {
            return Ok(None);
        };
        let arg = self.left.remove(at);
        let value = match arg.strip_prefix(&joined) {
            Some(value) => value.to_owned(),
            None if at < self.left.len() => self.left.remove(at),
            None => String::new(),
        };
        if value.is_empty() || value.starts_with("--") {
            return Err(Error::usage(format!("{name} needs a value")));
        }
        Ok(Some(value))
    }

    /// As [`Args::value`], read as a number.
    pub(crate) fn number<T: FromStr>(&mut self, name: &str) -> Result<Option<T>> {
        self.value(name)?
            .map(|value| {
                value
                    .parse()
                    .map_err(|_| Error::usage(format!("{name} takes a number, not `{value}`")))
            })
            .transpose()
    }

    /// As [`Args::value`], split at commas.
    pub(crate) fn list(&mut self, name: &str) -> Result<Option<Vec<String>>> {
        Ok(self.value(name)?.map(|value| {
            value
                .split(',')
                .map(|item| item.trim().to_owned())
                .collect()
        }))
    }

    /// The next argument that is no option. Ask for the options with values first.
    pub(crate) fn positional(&mut self) -> Result<Option<String>> {
        match self.left.first() {
            None => Ok(None),
            Some(arg) if arg.starts_with('-') => Err(unknown(arg)),
            Some(_) => Ok(Some(self.left.remove(0))),
        }
    }

    /// Complains about anything that nobody asked for.
    pub(crate) fn finish(self) -> Result<()> {
        match self.left.first() {
            None => Ok(()),
            Some(arg) => Err(unknown(arg)),
        }
    }
}

fn unknown(arg: &str) -> Error {
    Error::usage(format!("`{arg}` is not understood here"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Args {
        Args::new(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_are_found_wherever_they_stand() {
        let mut args = args("filter --bound 3 --verbose --only=a,b");
        assert!(args.flag("--verbose"));
        assert!(!args.flag("--verbose"));
        assert_eq!(args.number::<u32>("--bound"), Ok(Some(3)));
        assert_eq!(
            args.list("--only"),
            Ok(Some(vec!["a".to_owned(), "b".to_owned()]))
        );
        assert_eq!(args.positional(), Ok(Some("filter".to_owned())));
        assert_eq!(args.positional(), Ok(None));
        assert_eq!(args.finish(), Ok(()));
    }

    #[test]
    fn a_missing_or_wrong_value_is_named() {
        assert_eq!(
            args("--bound").value("--bound"),
            Err(Error::usage("--bound needs a value"))
        );
        assert_eq!(
            args("--bound --verbose").value("--bound"),
            Err(Error::usage("--bound needs a value"))
        );
        assert_eq!(
            args("--bound x").number::<u32>("--bound"),
            Err(Error::usage("--bound takes a number, not `x`"))
        );
    }

    #[test]
    fn what_is_left_over_is_an_error() {
        assert_eq!(
            args("--nonsense").finish(),
            Err(Error::usage("`--nonsense` is not understood here"))
        );
        assert!(args("--nonsense").positional().is_err());
    }
}
