//! The gateway's own answers, all of them JSON.

use breakerbox::Rejected;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use crate::outcome::Fault;
use crate::reply::Reply;

/// Builds a JSON answer. It is never cached: each describes one moment.
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

pub(crate) fn bad_host(says: &str) -> Response<Reply> {
    json(
        StatusCode::BAD_REQUEST,
        &json!({ "error": "bad_host", "says": says }),
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

/// Builds the answer for a call that got none from its upstream.
pub(crate) fn fault(fault: Fault, key: &str) -> Response<Reply> {
    use StatusCode as Status;
    let (status, error) = match fault {
        Fault::Unreachable => (Status::BAD_GATEWAY, "upstream_unreachable"),
        Fault::ConnectTimeout(_) => (Status::GATEWAY_TIMEOUT, "upstream_connect_timeout"),
        Fault::Exhausted => (Status::SERVICE_UNAVAILABLE, "gateway_exhausted"),
        Fault::ResponseTimeout(_) => (Status::GATEWAY_TIMEOUT, "upstream_timeout"),
        Fault::Closed | Fault::Stale => (Status::BAD_GATEWAY, "upstream_closed"),
        Fault::BadAnswer => (Status::BAD_GATEWAY, "upstream_bad_answer"),
        Fault::HeaderTooLarge => (Status::BAD_GATEWAY, "upstream_header_too_large"),
        Fault::Switched => (Status::BAD_GATEWAY, "upstream_switched"),
        Fault::Unsent => (Status::INTERNAL_SERVER_ERROR, "gateway_error"),
        Fault::ClientGone => (Status::BAD_REQUEST, "request_incomplete"),
        Fault::ClientSilent(_) => (Status::REQUEST_TIMEOUT, "request_timeout"),
    };
    let mut value = json!({ "error": error, "key": key });
    if let Fault::ConnectTimeout(limit)
    | Fault::ResponseTimeout(limit)
    | Fault::ClientSilent(limit) = fault
    {
        value["timeoutMs"] = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX).into();
    }
    json(status, &value)
}
