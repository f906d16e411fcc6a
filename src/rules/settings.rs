//! The settings of a policy as a builder or a file has them: each set, or not.

/// The sample of probes by which a half-open circuit is judged, and the share of failures
/// that opens it.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub(crate) struct ProbeFailureRate {
    pub(crate) sample: u32,
    pub(crate) percent: u32,
}

impl std::fmt::Debug for ProbeFailureRate {
    /// Shows it as the builder takes it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (self.sample, self.percent).fmt(f)
    }
}

/// Defines `Settings` with these names, types and ranges. A type without a range here has its own.
macro_rules! settings {
    ($($name:ident: $ty:ident $(in $range:expr)?,)+) => {
        /// The settings of a policy, each set or not. The names are those of files too.
        #[derive(Clone, PartialEq, Default)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
        pub(crate) struct Settings {
            $(
                #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
                pub(crate) $name: Option<$ty>,
            )+
            /// In a file, the name of the table whose settings hold where this one has none.
            #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
            pub(crate) inherits: Option<String>,
        }

        impl Settings {
            /// The names of all settings.
            #[cfg(any(test, fuzzing))]
            pub(crate) const NAMES: &[&str] = &[$(stringify!($name)),+];

            /// The types of all settings.
            #[cfg(all(test, feature = "serde"))]
            pub(crate) const TYPES: &[&str] = &[$(stringify!($ty)),+];

            /// Gives each setting that is set to its setter.
            #[cfg(all(test, feature = "serde"))]
            pub(crate) fn by_setters(&self) -> PolicyBuilder {
                let mut builder = Policy::builder();
                $(
                    if let Some(value) = self.$name {
                        builder = settings!(@set builder.$name: $ty = value);
                    }
                )+
                builder
            }

            /// Returns for each setting its name, its value here, and what the getter of a policy
            /// returns.
            #[cfg(test)]
            pub(crate) fn beside_getters(&self, policy: &Policy) -> Vec<(&'static str, String, String)> {
                let text = |value: &dyn std::fmt::Debug| format!("{value:?}");
                vec![$((stringify!($name), text(&self.$name), text(&policy.$name()))),+]
            }

            /// Checks each setting that is set, by itself.
            pub(crate) fn check(&self) -> Result<(), ConfigError> {
                $(
                    if let Some(value) = &self.$name {
                        value.check(stringify!($name), settings!(@range $($range)?))?;
                    }
                )+
                Ok(())
            }

            /// Takes over the settings of `base` that aren't set here.
            #[cfg(feature = "serde")]
            pub(crate) fn inherit(&mut self, base: &Self) {
                $(
                    if self.$name.is_none() {
                        self.$name.clone_from(&base.$name);
                    }
                )+
            }

            /// Shows the settings that are set, under the name of the type that they are part of.
            pub(crate) fn fmt_as(&self, name: &str, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut shown = f.debug_struct(name);
                $(
                    if let Some(value) = &self.$name {
                        shown.field(stringify!($name), value);
                    }
                )+
                shown.finish()
            }
        }
    };
    (@range $range:expr) => { $range };
    (@range) => { () };
    (@set $builder:ident.$name:ident: Millis = $value:ident) => { $builder.$name($value.into()) };
    (@set $builder:ident.$name:ident: ProbeFailureRate = $value:ident) => {
        $builder.$name($value.sample, $value.percent)
    };
    (@set $builder:ident.$name:ident: $ty:ident = $value:ident) => { $builder.$name($value) };
}
pub(super) use settings;
