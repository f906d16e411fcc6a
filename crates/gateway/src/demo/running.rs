//! A running demo, as its views see it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::interval;

use super::board::{self, Board};
use super::rules;
use super::script::{self, ROUTES};
use super::switches::Switches;
use crate::circuit::Circuit;
use crate::gateway::Gateway;

/// The gateway of the demo, its counters, and the switches of its upstreams.
pub(super) struct Demo {
    pub(super) gateway: Gateway,
    pub(super) board: Arc<Board>,
    pub(super) switches: Arc<Switches>,
}

impl Demo {
    /// Replaces the rule that begins in shadow, and puts it back, in each round of the story.
    pub(super) async fn keep_rules(&self) {
        let mut ticks = interval(Duration::from_millis(100));
        let mut shadow = true;
        loop {
            ticks.tick().await;
            let since = self.board.elapsed().as_millis() % script::PERIOD.as_millis();
            let now = rules::in_shadow(Duration::from_millis(since as u64));
            if now != shadow {
                shadow = now;
                self.gateway.set_policies(rules::policies(shadow));
                self.board.ruled(shadow);
            }
        }
    }

    pub(super) async fn keep_marks(&self) {
        let mut ticks = interval(board::MARK);
        loop {
            ticks.tick().await;
            let states = (0..ROUTES.len()).filter_map(|route| self.circuit(route));
            self.board
                .mark(states.map(|circuit| circuit.snapshot.state));
        }
    }

    /// Returns the circuit of a route.
    pub(super) fn circuit(&self, route: usize) -> Option<Circuit> {
        self.gateway.circuit(&format!("/{}", ROUTES[route]))
    }

    /// Handles a digit that was pressed: another fault for that route, or all back to the script.
    pub(super) fn key(&self, digit: char) {
        match digit.to_digit(10) {
            Some(0) => (0..ROUTES.len()).for_each(|route| self.switches.hand_back(route)),
            Some(number) if (1..=ROUTES.len()).contains(&(number as usize)) => {
                let route = number as usize - 1;
                let fault = self.switches.upstreams[route].switch().fault.next();
                self.switches.set_by_hand(route, fault);
            }
            _ => {}
        }
    }

    /// Returns commands to try in another terminal.
    pub(super) fn commands(&self) -> [(&'static str, String); 5] {
        let (proxy, admin) = (self.gateway.address(), self.gateway.admin_address());
        let faults = format!("http://{admin}/demo/faults");
        [
            (
                "a request through the gateway",
                format!("curl -i http://{proxy}/orders"),
            ),
            (
                "key, state, failures in headers",
                format!("curl -i -H 'x-breakerbox-debug: 1' http://{proxy}/search"),
            ),
            ("all circuits", format!("curl -s http://{admin}/circuits")),
            (
                "or slow, hanging, errors, flapping",
                format!("curl -X POST '{faults}/catalog?mode=down'"),
            ),
            (
                "back to the script",
                format!("curl -X POST '{faults}/catalog?mode=script'"),
            ),
        ]
    }
}
