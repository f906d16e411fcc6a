//! A report under rules over a window, in points: the call counts in its window first, and the
//! circuit decides afterwards.

use super::{Contract, Done, KEY};
use crate::program::Do;
use crate::support::model::{Outcome, Permit, Snapshot, Tally, Window};

/// A report that has passed some of its points.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Part {
    passed: Point,
    /// A success that found the circuit closed without failures has nothing to forget: it is done
    /// once it is counted, unless the window opens.
    is_short: bool,
}

/// The last point that a report has passed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Point {
    /// A success has found that it has nothing to forget.
    Looked,
    /// The call counts in a window of time, as a success.
    Counted,
    /// It counts as a failure.
    Failed,
    /// It has read how many calls of the window of time failed.
    ReadFailed(u64),
    /// It knows whether the window opens, with the call.
    Knows { opens: bool },
}

/// A report on its way.
#[derive(Clone, Copy)]
struct Report {
    number: usize,
    of: usize,
    outcome: Outcome,
    permit: Permit,
}

/// The stage of a report whose [`Part`] is in the state.
pub(super) const IN_PARTS: u8 = 4;

impl Contract {
    fn report_of(&self, op: &Done) -> Option<Report> {
        let Do::Report(of, outcome) = op.what else {
            return None;
        };
        Some(Report {
            number: op.number,
            of,
            outcome,
            permit: self.permits[&of],
        })
    }

    /// Returns the outcomes of the first point of a report that counts in a window; `None` if the
    /// operation is no such report.
    pub(super) fn begin_in_parts(&self, op: &Done) -> Option<Vec<(Self, Option<u8>)>> {
        let report = self.report_of(op)?;
        let Report {
            outcome, permit, ..
        } = report;
        if !self.store.counts(KEY, permit, outcome, &self.rules) {
            return None;
        }
        let mut outcomes = vec![self.counted(report, false)];
        let is_clean = |circuit: Snapshot| circuit.failure_count == 0;
        if outcome == Outcome::Success && self.store.peek(KEY).is_some_and(is_clean) {
            outcomes.push(self.with_part(report, Point::Looked, true));
        }
        Some(outcomes)
    }

    /// Returns the outcomes of the next point of a report that has passed one.
    pub(super) fn go_on_in_parts(&self, op: &Done) -> Vec<(Self, Option<u8>)> {
        let report = self.report_of(op).expect("it has parts");
        let Part { passed, is_short } = self.parts[&report.number];
        // Calls of an earlier window change nothing.
        if self.store.is_stale(KEY, report.permit) {
            return vec![self.done(report)];
        }
        let tally = self.store.tally(KEY);
        let next = match passed {
            // Another circuit may have been created, which has no window yet.
            Point::Looked if !self.store.has_window(KEY) => return Vec::new(),
            Point::Looked => self.counted(report, is_short),
            Point::Counted if report.outcome == Outcome::Failure => {
                let mut failed = self.clone();
                failed.store.fail_counted(KEY);
                failed.with_part(report, Point::Failed, is_short)
            }
            Point::Counted | Point::Failed if tally.failed > 0 => {
                self.with_part(report, Point::ReadFailed(tally.failed), is_short)
            }
            Point::Counted | Point::Failed => self.knows(report, false, is_short),
            Point::ReadFailed(failed) => {
                let opens = self.rules.window_opens(Tally { failed, ..tally });
                self.knows(report, opens, is_short)
            }
            Point::Knows { opens } => {
                let mut decided = self.clone();
                let (permit, outcome) = (report.permit, report.outcome);
                let rules = &self.rules;
                decided.store.decide(KEY, permit, outcome, rules, opens);
                decided.store.take_announced();
                decided.done(report)
            }
        };
        vec![next]
    }

    /// Counts the call: in a window of calls, with the tally of just that moment.
    fn counted(&self, report: Report, is_short: bool) -> (Self, Option<u8>) {
        let mut counted = self.clone();
        let rules = &self.rules;
        match rules.more.window {
            Some(Window::Ms(_)) => {
                counted.store.count(KEY, Outcome::Success, rules);
                counted.with_part(report, Point::Counted, is_short)
            }
            _ => {
                counted.store.count(KEY, report.outcome, rules);
                let opens = rules.window_opens(counted.store.tally(KEY));
                counted.knows(report, opens, is_short)
            }
        }
    }

    fn knows(&self, report: Report, opens: bool, is_short: bool) -> (Self, Option<u8>) {
        match is_short && !opens {
            true => self.done(report),
            false => self.with_part(report, Point::Knows { opens }, is_short),
        }
    }

    fn with_part(&self, report: Report, passed: Point, is_short: bool) -> (Self, Option<u8>) {
        let mut next = self.clone();
        next.parts.insert(report.number, Part { passed, is_short });
        (next, Some(IN_PARTS))
    }

    fn done(&self, report: Report) -> (Self, Option<u8>) {
        let mut done = self.clone();
        done.parts.remove(&report.number);
        done.permits.remove(&report.of);
        (done, None)
    }
}
