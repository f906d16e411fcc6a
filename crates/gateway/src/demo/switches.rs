//! The demo's pages on the admin address, which switch faults by hand.

use std::sync::Arc;

use hyper::{Method, StatusCode, Uri};
use serde_json::{Value, json};

use super::board::Board;
use super::fault::Fault;
use super::upstream::{Switch, Upstream};
use crate::AdminPages;

/// All upstreams and their switches.
#[derive(Debug)]
pub(super) struct Switches {
    pub(super) upstreams: Vec<Arc<Upstream>>,
    pub(super) board: Arc<Board>,
}

impl Switches {
    /// Switches an upstream by hand; the script leaves it alone from then on.
    pub(super) fn set_by_hand(&self, route: usize, fault: Fault) {
        if self.upstreams[route].set(Switch {
            fault,
            by_hand: true,
        }) {
            self.board.faulted(route, fault, true);
        }
    }

    /// Returns an upstream to the script.
    pub(super) fn hand_back(&self, route: usize) {
        let fault = self.upstreams[route].switch().fault;
        self.upstreams[route].set(Switch {
            fault,
            by_hand: false,
        });
    }

    /// Applies the script to each upstream that isn't switched by hand.
    pub(super) fn follow_script(&self, script: impl Fn(usize) -> Fault) {
        for (route, upstream) in self.upstreams.iter().enumerate() {
            let (now, fault) = (upstream.switch(), script(route));
            if !now.by_hand && now.fault != fault {
                upstream.set(Switch {
                    fault,
                    by_hand: false,
                });
                self.board.faulted(route, fault, false);
            }
        }
    }

    fn list(&self) -> Value {
        let one = |upstream: &Arc<Upstream>| {
            let Switch { fault, by_hand } = upstream.switch();
            json!({
                "name": upstream.name,
                "mode": fault.to_string(),
                "byHand": by_hand,
                "requestsSeen": upstream.seen(),
            })
        };
        json!({ "faults": self.upstreams.iter().map(one).collect::<Vec<_>>() })
    }
}

impl AdminPages for Switches {
    fn answer(&self, method: &Method, uri: &Uri) -> Option<(StatusCode, Value)> {
        let rest = uri.path().strip_prefix("/demo/faults")?;
        if rest.is_empty() {
            return Some((StatusCode::OK, self.list()));
        }
        let name = rest.strip_prefix('/')?;
        let route = self.upstreams.iter().position(|it| it.name == name)?;
        if method != Method::POST {
            let error = json!({ "error": "method_not_allowed", "allowed": "POST" });
            return Some((StatusCode::METHOD_NOT_ALLOWED, error));
        }
        let mode = uri
            .query()
            .and_then(|query| query.strip_prefix("mode="))
            .unwrap_or_default();
        match (mode, mode.parse()) {
            ("script", _) => self.hand_back(route),
            (_, Ok(fault)) => self.set_by_hand(route, fault),
            _ => {
                let allowed = format!("{}, script", Fault::names());
                let error = json!({ "error": "bad_mode", "mode": mode, "allowed": allowed });
                return Some((StatusCode::BAD_REQUEST, error));
            }
        }
        Some((StatusCode::OK, self.list()))
    }
}
