//! A reverse proxy whose routes are guarded by circuits.
//!
//! Bodies are streamed both ways and never held. A request is sent to its upstream at most
//! once, and gets exactly one answer: the upstream's, or one of the gateway's own:
//!
//! | status | error | the circuit counts it as |
//! |---|---|---|
//! | 503 (`open_status`) | `circuit_open`, with `Retry-After` | nothing: the upstream wasn't called |
//! | 502 | `upstream_unreachable`: no connection | failure |
//! | 502 | `upstream_closed`: the connection ended before the answer | failure; nothing if the request was never written |
//! | 502 | `upstream_bad_answer`: no HTTP response | failure |
//! | 504 | `upstream_connect_timeout`, `upstream_timeout` | failure |
//! | 404 | `not_found`: no route | nothing |
//!
//! A request that meets a pooled connection which the upstream is just closing is answered with
//! 502 rather than sent again. It may have been received, and need not be idempotent.

mod admin;
mod answer;
pub mod cli;
mod config;
pub mod demo;
mod gateway;
mod guard;
mod headers;
mod linger;
mod proxy;
mod reply;
mod route;
pub mod serve;
mod server;
mod signals;
mod upload;
mod upstream;

pub use admin::AdminPages;
pub use config::{Breaker, CircuitSettings, Config, DebugHeaders, Settle};
pub use gateway::{Circuit, Gateway, Hooks, StartError};
pub use guard::{Key, OnChange};
pub use route::{Route, RouteError};
