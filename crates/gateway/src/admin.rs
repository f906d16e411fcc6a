//! The admin address, which lists the circuits.

use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode, Uri};
use serde_json::{Value, json};

use crate::answer;
use crate::circuit::Circuit;
use crate::host;
use crate::proxy::Proxy;
use crate::reply::Reply;

/// Pages besides the gateway's own, such as the demo's switches.
pub trait AdminPages: Send + Sync {
    /// Returns the status and JSON of a page; `None` if no such page exists.
    fn answer(&self, method: &Method, uri: &Uri) -> Option<(StatusCode, Value)>;
}

pub(crate) fn handle(
    proxy: &Proxy,
    pages: Option<&dyn AdminPages>,
    request: &Request<Incoming>,
) -> Response<Reply> {
    if let Err(says) = host::check(request) {
        return answer::bad_host(says);
    }
    let (method, uri) = (request.method(), request.uri());
    let value = match uri.path() {
        "/circuits" => circuits(proxy),
        "/healthz" => json!({ "status": "ok" }),
        path => {
            return match pages.and_then(|pages| pages.answer(method, uri)) {
                Some((status, value)) => answer::json(status, &value),
                None => answer::not_found(path),
            };
        }
    };
    if *method == Method::GET || *method == Method::HEAD {
        answer::json(StatusCode::OK, &value)
    } else {
        answer::method_not_allowed("GET, HEAD")
    }
}

fn circuits(proxy: &Proxy) -> Value {
    let circuit = |circuit: Circuit| {
        let mut value = json!({
            "key": circuit.key,
            "upstream": format!("http://{}", circuit.upstream),
            "snapshot": circuit.snapshot,
        });
        if let Some(left) = circuit.retry_after {
            // Rounded up, as in `Retry-After`.
            let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
            value["retryAfterSeconds"] = seconds.into();
        }
        value
    };
    json!({ "circuits": proxy.circuits().map(circuit).collect::<Vec<_>>() })
}
