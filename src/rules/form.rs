//! How a policy is written: one table of settings, its limits' and its own.

use super::policy::{DroppedPermit, Drops, Policy};
use crate::error::ConfigError;
use crate::rules::Forced;
use crate::rules::LimitsBuilder;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Serialize, Deserialize)]
pub(super) struct Form {
    #[serde(default)]
    shadow: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forced: Option<Forced>,
    #[serde(default)]
    dropped_permit: Dropped,
    #[serde(flatten)]
    limits: LimitsBuilder,
    /// What nobody knows. (`deny_unknown_fields` doesn't go together with `flatten`.)
    #[serde(flatten, skip_serializing)]
    unknown: BTreeMap<String, IgnoredAny>,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
enum Dropped {
    #[default]
    Ignored,
    Failure,
    FailureIfOlderMs(u64),
}

impl TryFrom<Form> for Policy {
    type Error = ConfigError;

    fn try_from(form: Form) -> Result<Self, ConfigError> {
        if let Some(name) = form.unknown.keys().next() {
            return Err(ConfigError::unknown(name));
        }
        let meaning = match form.dropped_permit {
            Dropped::Ignored => DroppedPermit::Ignored,
            Dropped::Failure => DroppedPermit::Failure,
            Dropped::FailureIfOlderMs(ms) => {
                DroppedPermit::FailureIfOlder(Duration::from_millis(ms))
            }
        };
        Policy::from(form.limits.build()?)
            .shadow(form.shadow)
            .forced(form.forced)
            .dropped_permit(meaning)
    }
}

impl From<Policy> for Form {
    fn from(policy: Policy) -> Self {
        Self {
            shadow: policy.is_shadow(),
            forced: policy.forced_state(),
            dropped_permit: match policy.drops {
                Drops::Ignored => Dropped::Ignored,
                Drops::Failure => Dropped::Failure,
                Drops::FailureIfOlder { ms } => Dropped::FailureIfOlderMs(ms),
            },
            limits: policy.limits.into(),
            unknown: BTreeMap::new(),
        }
    }
}
