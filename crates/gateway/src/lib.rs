//! A reverse proxy whose routes are guarded by circuits.
//!
//! Bodies are streamed both ways and never buffered whole. A request gets exactly one answer, the
//! upstream's or one of the gateway's own. It reaches its upstream at most once, or twice if its
//! first connection was just being closed and it is safe to send again. The table of [`outcome`]
//! lists every way in which a call can end, whose fault that is and what is reported to the
//! circuit.
//!
//! A route gets the requests whose path begins with its prefix, in whole segments. Paths are
//! compared in their normal form (RFC 3986, 6.2.2): `%c3` is `%C3`, `%7E` is `~`, and a character
//! outside ASCII is its encoding. The path itself is passed on unchanged.
//!
//! # Limits
//!
//! | what | limit | beyond it |
//! |---|---|---|
//! | lines of a header, and of trailers | `max_headers`, 256 | 431 for a request; 502 for an answer, which doesn't count |
//! | bytes of a request's header | 64 KiB | 431, or 414 |
//! | bytes of an answer's header | 400 KiB | 502, which doesn't count |
//! | time for a request's header | 20 s | the connection is closed |
//! | time to an answer's header | `response_timeout`, 30 s | 504, a failure |
//! | time without a byte of a body sent or taken | `body_timeout`; default: `response_timeout` | see [`outcome`] |
//!
//! # Signals
//!
//! The first SIGINT or SIGTERM lets requests in flight finish, for at most `drain_timeout`; the
//! exit code is 0. A second one ends the program at once, with 130 (SIGINT) or 143 (SIGTERM).
//! SIGHUP is logged and otherwise ignored, since there is no file to reload; it ends the demo.

mod admin;
mod answer;
mod bounds;
mod circuit;
pub mod cli;
mod config;
pub mod demo;
mod error;
mod gateway;
mod guard;
mod headers;
mod host;
mod idle_timeout;
mod line;
mod linger;
pub mod outcome;
mod proxy;
mod reply;
mod route;
pub mod serve;
mod server;
mod signals;
mod upload;
mod upstream;

pub use admin::AdminPages;
pub use circuit::Circuit;
pub use config::{Breaker, CircuitSettings, Config, DebugHeaders, ReportAt};
pub use error::StartError;
pub use gateway::{Gateway, Hooks};
pub use guard::{Key, OnChange};
pub use route::{Route, RouteError};
