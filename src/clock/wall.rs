//! Unix milliseconds as the standard library's times.

use crate::snapshot::CircuitBreakerSnapshot;
use crate::word::TIME_MAX;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A time of day.
pub(crate) type WallTime = SystemTime;

/// Returns the time that is `unix_ms`, at the latest May 2109.
pub(crate) fn wall_time(unix_ms: u64) -> WallTime {
    UNIX_EPOCH + Duration::from_millis(unix_ms.min(TIME_MAX))
}

impl CircuitBreakerSnapshot {
    /// Returns when the circuit came into this state:
    /// [`last_state_change`](Self::last_state_change).
    pub fn changed_at(&self) -> SystemTime {
        wall_time(self.last_state_change)
    }

    /// Returns when the last failure was recorded, if one was:
    /// [`last_failure_time`](Self::last_failure_time).
    pub fn failed_at(&self) -> Option<SystemTime> {
        (self.last_failure_time != 0).then(|| wall_time(self.last_failure_time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_counted_from_1970_and_end_in_2109() {
        let at = |ms| UNIX_EPOCH + Duration::from_millis(ms);
        let mut snapshot = CircuitBreakerSnapshot::default();
        assert_eq!((snapshot.changed_at(), snapshot.failed_at()), (at(0), None));
        snapshot.last_state_change = 1_500;
        snapshot.last_failure_time = u64::MAX;
        assert_eq!(snapshot.changed_at(), at(1_500));
        assert_eq!(snapshot.failed_at(), Some(at(TIME_MAX)));
    }
}
