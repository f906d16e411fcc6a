//! Packed words as plain values: what is in each, and what every event does to them.
//!
//! Nothing here knows of atomics, clocks or maps: a word is a `Copy` value and each function is
//! pure, so that the whole layer is tested exhaustively. The cells (`crate::cell`) load words,
//! ask this layer, and put the answer in by compare-and-swap.
//!
//! ```text
//!            63    61 60                        21  20  19                     0
//! control   | state  | generation                |flag| failures                |
//!            63                                24 23                            0
//! gate      | generation of the last transition  | circuits that may reject     |
//!            63                  42 41                                          0
//! side      | tag: generation low | payload: a time, a count, a duration, probes |
//! ```
//!
//! | state | value | a check | counts |
//! |---|---|---|---|
//! | closed | 0 | admits | yes |
//! | open | 1 | rejects until its time is over, then makes it half-open | yes |
//! | half-open | 2 | admits while probe slots are free | yes |
//! | forced-open | 3 | rejects | yes |
//! | disabled | 4 | admits | no |
//! | vacant | 5 | admits: the circuit was reset, or isn't born yet | revives it |
//! | retired | 6 | admits: on its way out of the map, unless it is pinned | look it up again |
//!
//! The flag says how the generation began: closed, that it is a new life of a cell that was reset
//! or just created; half-open, that the call which began it is its first probe. 7 is unused. The all-zero control word is a closed circuit without failures, of generation 0.

mod control;
mod decision;
mod gate;
mod generation;
mod limits;
mod side;
mod token;

pub(crate) use control::{Control, FAILURES_MAX, State};
pub(crate) use decision::{Admission, Verdict, on_acquire, on_report};
pub(crate) use gate::GateWord;
pub(crate) use generation::Generation;
pub(crate) use limits::{
    FAILURE_THRESHOLD_MAX, HALF_OPEN_MAX, SUCCESS_THRESHOLD_MAX, saturating_ms,
};
pub use limits::{Limits, TripRule};
pub(crate) use side::{Pins, Probes, Side, TIME_MAX};
pub use token::{Outcome, PermitToken, Reported};
