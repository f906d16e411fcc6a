//! Packed words as plain values: the fields of each, and the effect of every event on them.
//!
//! Nothing here knows of atomics, clocks or maps: a word is a `Copy` value and each function is
//! pure, so the whole layer is tested exhaustively. The cells (`crate::cell`) load a word, ask this
//! layer for the next one, and put that in by compare-and-swap.
//!
//! ```text
//!            63    61 60                        21  20  19                     0
//! control   | state  | generation                |flag| failures                |
//!            63                                24 23                            0
//! summary   | generation of the last transition  | count: what may reject       |
//!            63                  42 41                                          0
//! side      | tag: low generation | payload: a time, a count, a duration, probes |
//!            63                             32 31                                0
//! filter    | unclean circuits of a stripe    | its circuits that may reject      |
//! ```
//!
//! The summary's count has the circuits that may reject, the transitions under way, and the policy
//! sets and rules by hand that need every check.
//!
//! | state | value | a check | counts |
//! |---|---|---|---|
//! | closed | 0 | admits | yes |
//! | open | 1 | rejects until its time is over, then makes it half-open | yes |
//! | half-open | 2 | admits while probes are free | yes |
//! | forced-open | 3 | rejects | yes |
//! | disabled | 4 | admits | no |
//! | vacant | 5 | admits: the circuit was reset, or its cell is new and unused | revives it |
//! | retired | 6 | admits: it leaves the map, unless a handle pins it | looks the key up again |
//! | watched | 7 | admits: a closed circuit whose rules count each call | yes |
//!
//! The flag says how the generation began:
//! - closed or watched: as a new life of a cell that was reset or just created;
//! - open: too soon after the opening before it;
//! - half-open: by a call that is its first probe;
//! - retired: as the closed circuit before says, which it may become again.
//!
//! In the other states it isn't set.
//!
//! The all-zero control word is a closed circuit without failures, of generation 0.

mod cached;
mod control;
mod field;
#[cfg(any(test, fuzzing))]
mod fuzzed;
mod generation;
mod history;
mod known;
mod pins;
mod probes;
mod quiet;
mod report;
mod side;
mod stripe;
mod summary;
mod time;
mod token;
mod window;

pub(crate) use cached::CachedCalls;
pub(crate) use control::{Control, FAILURES_MAX, Series, State};
#[cfg(fuzzing)]
pub(crate) use fuzzed::check;
pub(crate) use generation::Generation;
pub(crate) use history::{History, Spell};
pub(crate) use known::{EntryKind, EntryState, KeyId, TickPair};
pub(crate) use pins::Pins;
pub(crate) use probes::Probes;
pub(crate) use quiet::Quiet;
pub use report::{Outcome, Report, Reported};
pub(crate) use side::Side;
pub(crate) use stripe::{STRIPE_BITS, stripe_of};
pub(crate) use summary::{FilterWord, SummaryWord};
pub(crate) use time::{Millis, TIME_MAX, Timestamp};
pub use token::PermitToken;
pub(crate) use window::{Bucket, Call, Head, NotCounted, Outcomes, Tally};
