//! The demo as lines of text, and the summary at its end.

use std::io::{self, Write};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::board::{Totals, time};
use super::running::Demo;
use super::script::ROUTES;
use crate::signals::Signals;

/// The time between two looks for new events.
const POLL: Duration = Duration::from_millis(50);

/// The number of looks between two lines on each route's state.
const STATUS: u32 = 40;

/// Prints events until the demo ends or a signal comes.
pub(super) async fn show(demo: &Demo, ends: impl Future<Output = ()>) -> io::Result<()> {
    writeln!(io::stdout(), "Try it in another terminal:")?;
    for (comment, command) in demo.commands() {
        writeln!(io::stdout(), "  {command}    # {comment}")?;
    }
    let mut signals = Signals::listen()?;
    let mut ends = std::pin::pin!(ends);
    let mut ticks = interval(POLL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut known, mut tick) = (0, 0_u32);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = ends.as_mut() => return Ok(()),
            _ = signals.next() => {
                signals.end_at_the_next();
                return Ok(());
            }
        }
        let (news, all) = demo.board.news(known);
        known = all;
        for it in news {
            writeln!(
                io::stdout(),
                "{}  /{:<9} {}",
                time(it.since),
                ROUTES[it.route],
                it.text()
            )?;
        }
        tick += 1;
        if tick.is_multiple_of(STATUS) {
            writeln!(io::stdout(), "{}", status(demo))?;
        }
    }
}

fn status(demo: &Demo) -> String {
    let mut line = format!("{}           ", time(demo.board.elapsed()));
    for (route, name) in ROUTES.iter().enumerate() {
        let (Some(circuit), rates) = (demo.circuit(route), demo.board.rates(route)) else {
            continue;
        };
        line += &format!(" | {name} {}", circuit.snapshot.state);
        if let Some(left) = circuit.retry_after {
            line += &format!(" for {:.1} s", left.as_secs_f64());
        }
        if rates.rejected > 0.0 {
            line += &format!(", {:.0}/s rejected", rates.rejected);
        }
    }
    line
}

/// Sums up the demo.
pub(super) fn summary(demo: &Demo) -> String {
    let mut text = format!(
        "\n{:<10} {:>9} {:>9} {:>9} {:>8} {:>13} {:>7} {:>7} {:>10}\n",
        "route",
        "requests",
        "answered",
        "rejected",
        "502/504",
        "upstream saw",
        "opened",
        "probes",
        "recoveries"
    );
    let (mut all, mut seen, mut untouched) = (Totals::default(), 0, true);
    for (route, upstream) in demo.switches.upstreams.iter().enumerate() {
        let it = demo.board.totals(route);
        text += &format!(
            "{:<10} {:>9} {:>9} {:>9} {:>8} {:>13} {:>7} {:>7} {:>10}\n",
            format!("/{}", ROUTES[route]),
            it.requests,
            it.answered,
            it.rejected,
            it.failed,
            upstream.seen(),
            it.opened,
            it.probes,
            it.recoveries
        );
        all.requests += it.requests;
        all.rejected += it.rejected;
        all.lost += it.lost;
        seen += upstream.seen();
        // More than that can only be requests by hand, or rejected requests that got through.
        untouched &= upstream.seen() <= it.answered + it.failed + it.lost;
    }
    let answered = all.requests - all.lost;
    text += &format!(
        "\n{} requests, {answered} got exactly one answer",
        all.requests
    );
    if all.lost > 0 {
        text += &format!(", {} got none", all.lost);
    }
    text += &format!(
        ". {} were let through, {seen} reached an upstream; {} were rejected at once",
        all.requests - all.rejected,
        all.rejected
    );
    text += if untouched {
        " and reached none.\n"
    } else {
        ".\n"
    };
    text
}
