//! The path of a request through the gateway: route, circuit, upstream, outcome.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use breakerbox::PolicySet;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, EXPECT, HOST, HeaderValue};
use hyper::http::uri::{Parts, PathAndQuery, Scheme};
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Uri};

use crate::Key;
use crate::answer;
use crate::circuit::Circuit;
use crate::config::{Config, DebugHeaders, ReportAt};
use crate::guard::Guard;
use crate::headers;
use crate::host;
use crate::outcome::{Fault, Open, Whose};
use crate::reply::{Relay, Reply};
use crate::route::{Route, RouteTable};
use crate::upload::{Upload, UploadBody};
use crate::upstream::Upstreams;

/// The largest unwanted body that is read: reading it keeps the connection usable.
const UNWANTED_BODY: u64 = 64 * 1024;
const UNWANTED_BODY_TIME: Duration = Duration::from_millis(500);

/// The state that all requests share.
pub(crate) struct Proxy {
    routes: RouteTable,
    /// `None` if the breaker is off.
    guard: Option<Guard>,
    upstreams: Upstreams,
    open_status: StatusCode,
    report_at: ReportAt,
    body_limit: Duration,
    debug_headers: DebugHeaders,
}

impl Proxy {
    /// Replaces the rules of all circuits.
    pub(crate) fn set_policies(&self, policies: PolicySet<Key>) {
        if let Some(guard) = &self.guard {
            guard.set_policies(policies);
        }
    }

    pub(crate) fn new(
        config: &Config,
        guard: Option<Guard>,
        routes: RouteTable,
        open: StatusCode,
    ) -> Self {
        Self {
            routes,
            guard,
            upstreams: Upstreams::new(config),
            open_status: open,
            report_at: config.report_at,
            body_limit: config.body_limit(),
            debug_headers: config.debug_headers,
        }
    }

    /// Returns all routes and their circuits, longest prefix first.
    pub(crate) fn circuits(&self) -> impl Iterator<Item = Circuit> {
        self.guard.iter().flat_map(|guard| {
            let routes = self.routes.iter().enumerate();
            routes.map(move |(number, route)| Circuit {
                key: route.prefix().to_owned(),
                upstream: route.upstream().to_string(),
                snapshot: guard.snapshot(number),
                retry_after: guard.retry_after(number),
            })
        })
    }

    /// Answers one request. Dropped half-way, because the client left, it doesn't count.
    pub(crate) async fn handle(
        &self,
        client: SocketAddr,
        request: Request<Incoming>,
    ) -> Response<Reply> {
        if let Err(says) = host::check(&request) {
            return self.refuse(request, answer::bad_host(says)).await;
        }
        if request.method() == Method::CONNECT {
            return answer::tunnel_refused();
        }
        let Some((number, route)) = self.routes.find(request.uri().path()) else {
            let response = answer::not_found(request.uri().path());
            return self.refuse(request, response).await;
        };
        let debug = self.wants_debug(request.headers());

        let asked = self.guard.as_ref().map(|guard| guard.admit(number));
        let admission = match asked.transpose() {
            Ok(admission) => admission,
            Err(rejected) => {
                let mut response =
                    answer::circuit_open(self.open_status, route.prefix(), &rejected);
                self.add_debug(debug, number, route, response.headers_mut());
                return self.refuse(request, response).await;
            }
        };

        let open = Open::new(admission);
        let (parts, body) = request.into_parts();
        let (body, upload) = UploadBody::new(body, open.call(), self.body_limit);
        let request = outgoing(parts, body, route, client);
        let answered = match self.upstreams.send(request, upload.as_ref()).await {
            // The call can't go on after this: we ask for no upgrade and can offer no tunnel.
            Ok(response) if response.status().is_informational() => Err(Fault::Switched),
            other => other,
        };
        let mut response = match answered {
            Ok(response) => self.relay(response, open, upload),
            Err(fault) => {
                open.failed(fault.whose());
                let mut response = answer::fault(fault, route.prefix());
                if upload.is_some_and(|upload| !upload.is_done()) {
                    close_after(&mut response);
                }
                response
            }
        };
        self.add_debug(debug, number, route, response.headers_mut());
        response
    }

    /// Turns the answer into what the client gets, and reports to the circuit if the header
    /// decides. If the body decides, the call stays open.
    fn relay(
        &self,
        response: Response<Incoming>,
        open: Open,
        upload: Option<Arc<Upload>>,
    ) -> Response<Reply> {
        let (mut parts, body) = response.into_parts();
        headers::to_client(&mut parts.headers);
        let failed = |guard: &Guard| guard.is_failure(parts.status.as_u16());
        let open = if self.guard.as_ref().is_some_and(failed) {
            open.failed(Whose::Upstream);
            None
        } else if self.report_at == ReportAt::Headers {
            open.succeeded();
            None
        } else {
            Some(open)
        };
        let relay = Relay::new(body, open, upload, self.body_limit);
        let mut relayed = Response::new(Reply::Upstream(relay));
        *relayed.status_mut() = parts.status;
        *relayed.headers_mut() = parts.headers;
        relayed
    }

    /// Answers without the upstream, after reading the client's body: closing the connection while
    /// the client still writes could cost it the answer.
    async fn refuse(
        &self,
        request: Request<Incoming>,
        mut response: Response<Reply>,
    ) -> Response<Reply> {
        let expects = request.headers().contains_key(EXPECT);
        let body = request.into_body();
        if body.is_end_stream() {
            return response;
        }
        let small = body.size_hint().lower() <= UNWANTED_BODY;
        let read = async {
            let read = Limited::new(body, UNWANTED_BODY as usize).collect();
            matches!(
                tokio::time::timeout(UNWANTED_BODY_TIME, read).await,
                Ok(Ok(_))
            )
        };
        // Reading would invite a client that waits for `100 Continue`.
        if expects || !small || !read.await {
            close_after(&mut response);
        }
        response
    }

    fn wants_debug(&self, headers: &HeaderMap) -> bool {
        match self.debug_headers {
            DebugHeaders::Off => false,
            DebugHeaders::Always => true,
            DebugHeaders::OnRequest => headers
                .get(headers::DEBUG)
                .is_some_and(|value| value == "1" || value == "true"),
        }
    }

    fn add_debug(&self, wanted: bool, number: usize, route: &Route, headers: &mut HeaderMap) {
        let Some(guard) = self.guard.as_ref().filter(|_| wanted) else {
            return;
        };
        let snapshot = guard.snapshot(number);
        let text = |text: &str| HeaderValue::from_str(text).ok();
        if let (Some(key), Some(state)) = (text(route.prefix()), text(&snapshot.state.to_string()))
        {
            headers.insert(headers::DEBUG_KEY, key);
            headers.insert(headers::DEBUG_STATE, state);
        }
        headers.insert(headers::DEBUG_FAILURES, snapshot.failure_count.into());
    }
}

fn close_after(response: &mut Response<Reply>) {
    response
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
}

/// Builds the request for the upstream, with the same method, path and body.
fn outgoing(
    parts: hyper::http::request::Parts,
    body: UploadBody,
    route: &Route,
    client: SocketAddr,
) -> Request<UploadBody> {
    let mut headers = parts.headers;
    // A target in absolute form overrides the header (RFC 9112, 3.2.2).
    let host = match parts.uri.authority() {
        Some(authority) => HeaderValue::from_str(authority.as_str()).ok(),
        None => headers.get(HOST).cloned(),
    };
    headers::to_upstream(&mut headers, client.ip(), host);

    let mut target = Parts::default();
    target.scheme = Some(Scheme::HTTP);
    target.authority = Some(route.upstream().clone());
    target.path_and_query = Some(
        parts
            .uri
            .path_and_query()
            .cloned()
            .unwrap_or_else(|| PathAndQuery::from_static("/")),
    );
    let mut request = Request::new(body);
    *request.method_mut() = parts.method;
    *request.uri_mut() = Uri::from_parts(target).expect("all parts are given");
    *request.headers_mut() = headers;
    request
}
