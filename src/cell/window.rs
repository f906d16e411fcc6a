//! stub
use crate::word::{Call, Tally};
pub(super) struct Window;
impl Window {
    pub(super) fn count(_: u32) -> Self {
        Self
    }
    pub(super) fn time(_: u64) -> Self {
        Self
    }
    pub(super) fn record(&self, _: Call, _: impl FnMut() -> u64) -> Tally {
        Tally::default()
    }
}
