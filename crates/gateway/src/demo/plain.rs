//! The demo in lines of text, and the summary at its end.

use std::io::{self, Write};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::Demo;
use super::script::ROUTES;
use crate::signals::stop_asked;

/// How often the news are printed.
const NEWS: Duration = Duration::from_millis(50);

/// Every so many news a line on each route's state.
const STATUS: u32 = 40;

/// Prints what happens until the demo ends or a signal comes.
pub(super) async fn show(demo: &Demo, ends: impl Future<Output = ()>) -> io::Result<()> {
    for (comment, command) in demo.commands() {
        writeln!(io::stdout(), "# {comment}\n  {command}")?;
    }
    let mut stop = std::pin::pin!(stop_asked());
    let mut ends = std::pin::pin!(ends);
    let mut ticks = interval(NEWS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut known, mut tick) = (0, 0_u32);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = ends.as_mut() => return Ok(()),
            stopped = stop.as_mut() => return stopped,
        }
        let (news, all) = demo.board.news(known);
        known = all;
        for it in news {
            writeln!(
                io::stdout(),
                "{}  /{:<9} {}",
                it.time(),
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
    let seconds = demo.board.elapsed().as_secs();
    let mut line = format!("{:02}:{:02}   ", seconds / 60, seconds % 60);
    for (route, name) in ROUTES.iter().enumerate() {
        let rates = demo.board.rates(route);
        let state = demo
            .circuit(route)
            .map(|it| it.snapshot.state.to_string())
            .unwrap_or_default();
        line += &format!("   {name} {state} {:.0}/s", rates.requests);
        if rates.rejected > 0.0 {
            line += &format!(" ({:.0}/s rejected)", rates.rejected);
        }
    }
    line
}

/// What it all came to.
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
    let (mut requests, mut lost, mut rejected) = (0, 0, 0);
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
        requests += it.requests;
        rejected += it.rejected;
        lost += it.lost;
    }
    text += &format!(
        "\n{requests} requests, {} without an answer; {rejected} rejected at once, \
         of which the upstreams saw none.\n",
        if lost == 0 {
            "none".to_owned()
        } else {
            lost.to_string()
        }
    );
    text
}
