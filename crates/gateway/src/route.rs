//! Routes: which path prefix goes to which upstream.

use std::fmt;
use std::str::FromStr;

use hyper::Uri;
use hyper::http::uri::{Authority, Scheme};

/// A path prefix, which is also the key of its circuit, and the upstream behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    prefix: String,
    upstream: Authority,
}

/// What is wrong with a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteError(&'static str);

/// All routes of a gateway, longest prefix first.
#[derive(Clone, Debug)]
pub(crate) struct RouteTable(Vec<Route>);

impl Route {
    /// The path prefix, without a slash at its end unless it is `/`.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Host and port of the upstream.
    #[must_use]
    pub fn upstream(&self) -> &Authority {
        &self.upstream
    }

    /// `/api` has `/api` and `/api/x`, but not `/apix`.
    fn matches(&self, path: &str) -> bool {
        if self.prefix == "/" {
            return path.starts_with('/');
        }
        path.strip_prefix(self.prefix.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl FromStr for Route {
    type Err = RouteError;

    fn from_str(text: &str) -> Result<Self, RouteError> {
        let (prefix, upstream) = text.split_once('=').ok_or(RouteError(
            "expected PREFIX=UPSTREAM, such as /api=http://127.0.0.1:9000",
        ))?;
        if !prefix.starts_with('/') || prefix.contains(['?', '#', ' ']) || prefix.contains("//") {
            return Err(RouteError(
                "the prefix must be a path that begins with one /, such as /api",
            ));
        }
        let upstream: Uri = upstream
            .parse()
            .map_err(|_| RouteError("the upstream must be http://HOST or http://HOST:PORT"))?;
        if upstream.scheme() != Some(&Scheme::HTTP) {
            return Err(RouteError(
                "the upstream must begin with http:// (TLS to upstreams is not supported)",
            ));
        }
        if upstream
            .path_and_query()
            .is_some_and(|path| path.as_str() != "/")
        {
            return Err(RouteError(
                "the upstream must have no path: the path of a request is passed on as it is",
            ));
        }
        let authority = upstream.into_parts().authority;
        let authority = authority
            .filter(|it| !it.as_str().contains('@') && !it.host().is_empty())
            .ok_or(RouteError(
                "the upstream must be http://HOST or http://HOST:PORT",
            ))?;

        let trimmed = prefix.trim_end_matches('/');
        let prefix = if trimmed.is_empty() { "/" } else { trimmed };
        Ok(Self {
            prefix: prefix.to_owned(),
            upstream: authority,
        })
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=http://{}", self.prefix, self.upstream)
    }
}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for RouteError {}

impl RouteTable {
    pub(crate) fn new(mut routes: Vec<Route>) -> Self {
        routes.sort_by(|a, b| {
            b.prefix
                .len()
                .cmp(&a.prefix.len())
                .then(a.prefix.cmp(&b.prefix))
        });
        Self(routes)
    }

    /// The route of the longest prefix, with its number.
    pub(crate) fn find(&self, path: &str) -> Option<(usize, &Route)> {
        self.0
            .iter()
            .enumerate()
            .find(|(_, route)| route.matches(path))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Route> {
        self.0.iter()
    }

    /// A prefix that two routes share.
    pub(crate) fn duplicate(&self) -> Option<&str> {
        let pair = self
            .0
            .windows(2)
            .find(|pair| pair[0].prefix == pair[1].prefix)?;
        Some(&pair[0].prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(prefixes: &[&str]) -> RouteTable {
        let route = |prefix| format!("{prefix}=http://host:1").parse().unwrap();
        RouteTable::new(prefixes.iter().map(route).collect())
    }

    fn found(table: &RouteTable, path: &str) -> Option<String> {
        table.find(path).map(|(_, route)| route.prefix.clone())
    }

    #[test]
    fn the_longest_prefix_wins_on_whole_segments() {
        let table = table(&["/api", "/api/v2/", "/a"]);
        assert_eq!(found(&table, "/api").as_deref(), Some("/api"));
        assert_eq!(found(&table, "/api/").as_deref(), Some("/api"));
        assert_eq!(found(&table, "/api/v1").as_deref(), Some("/api"));
        assert_eq!(found(&table, "/api/v2/x").as_deref(), Some("/api/v2"));
        assert_eq!(found(&table, "/api/v22").as_deref(), Some("/api"));
        assert_eq!(found(&table, "/apix"), None);
        assert_eq!(found(&table, "/"), None);
        assert_eq!(found(&table, "*"), None);
    }

    #[test]
    fn a_slash_catches_the_rest() {
        let table = table(&["/", "/api"]);
        assert_eq!(found(&table, "/other").as_deref(), Some("/"));
        assert_eq!(found(&table, "/api/x").as_deref(), Some("/api"));
        assert_eq!(found(&table, "*"), None);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "/api",
            "api=http://h",
            "/a=https://h",
            "/a=h:80",
            "/a=http://h/path",
            "/a=http://",
            "/a=http://user@h",
            "//=http://h",
            "/a b=http://h",
            "/a=http://h?x",
        ] {
            assert!(text.parse::<Route>().is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn duplicates_are_seen() {
        assert_eq!(table(&["/a", "/b", "/a/"]).duplicate(), Some("/a"));
        assert_eq!(table(&["/a", "/b"]).duplicate(), None);
    }
}
