//! Answers that the gateway itself gives, all of them JSON.

use std::time::Duration;

use breakerbox::Rejected;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use crate::reply::Reply;

/// A JSON answer. Never cached: each tells about a moment.
pub(crate) fn json(status: StatusCode, value: &Value) -> Response<Reply> {
    let mut response = Response::new(Reply::from(format!("{value}\n")));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

pub(crate) fn not_found(path: &str) -> Response<Reply> {
    json(
        StatusCode::NOT_FOUND,
        &json!({ "error": "not_found", "path": path }),
    )
}

pub(crate) fn method_not_allowed(allowed: &'static str) -> Response<Reply> {
    let value = json!({ "error": "method_not_allowed", "allowed": allowed });
    let mut response = json(StatusCode::METHOD_NOT_ALLOWED, &value);
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

pub(crate) fn tunnel_refused() -> Response<Reply> {
    json(
        StatusCode::NOT_IMPLEMENTED,
        &json!({ "error": "connect_not_supported" }),
    )
}

pub(crate) fn circuit_open(status: StatusCode, key: &str, rejected: &Rejected) -> Response<Reply> {
    let seconds = rejected.retry_after_secs();
    let value = json!({
        "error": "circuit_open",
        "key": key,
        "state": rejected.state().to_string(),
        "retryAfterSeconds": seconds,
    });
    let mut response = json(status, &value);
    response.headers_mut().insert(RETRY_AFTER, seconds.into());
    response
}

/// Why an upstream gave no answer that can be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No connection came up.
    Unreachable,
    /// No connection came up in time.
    ConnectTimeout(Duration),
    /// No response header came in time.
    ResponseTimeout(Duration),
    /// The connection ended, or broke, with the request on its way.
    Closed,
    /// A kept connection turned out to be closed before anything was written to it. This says
    /// nothing about how a call would have gone, so it counts neither way.
    NeverSent,
    /// What came is not an HTTP response, or one that can't be passed on.
    BadAnswer,
    /// The client broke its upload off.
    ClientGone,
}

impl Fault {
    /// Whether the upstream is to blame.
    pub(crate) fn is_failure(self) -> bool {
        !matches!(self, Self::NeverSent | Self::ClientGone)
    }

    pub(crate) fn answer(self, key: &str) -> Response<Reply> {
        let (status, error) = match self {
            Self::Unreachable => (StatusCode::BAD_GATEWAY, "upstream_unreachable"),
            Self::ConnectTimeout(_) => (StatusCode::GATEWAY_TIMEOUT, "upstream_connect_timeout"),
            Self::ResponseTimeout(_) => (StatusCode::GATEWAY_TIMEOUT, "upstream_timeout"),
            Self::Closed | Self::NeverSent => (StatusCode::BAD_GATEWAY, "upstream_closed"),
            Self::BadAnswer => (StatusCode::BAD_GATEWAY, "upstream_bad_answer"),
            Self::ClientGone => (StatusCode::BAD_REQUEST, "request_incomplete"),
        };
        let mut value = json!({ "error": error, "key": key });
        if let Self::ConnectTimeout(limit) | Self::ResponseTimeout(limit) = self {
            value["timeoutMs"] = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX).into();
        }
        json(status, &value)
    }
}
