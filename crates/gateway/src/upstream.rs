//! The pooled client to the upstreams, with the second try and the reason of a failure.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::{Request, Response};
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::config::Config;
use crate::line::{Connector, Heard};
use crate::outcome::Fault;
use crate::upload::{TimedOut, Upload, UploadBody, answer_within};

/// `EMFILE` and `ENFILE`: the process or the system has no more file descriptors.
const NO_DESCRIPTORS: [i32; 2] = [24, 23];

/// The most bytes that an answer's header may have.
const HEADER_BYTES: usize = 400 * 1024;

/// Connections to all upstreams.
#[derive(Debug)]
pub(crate) struct Upstreams {
    client: Client<Connector, UploadBody>,
    /// A client that opens a connection for each request, and keeps none.
    unpooled: Client<Connector, UploadBody>,
    connect_timeout: Duration,
    response_timeout: Duration,
}

impl Upstreams {
    pub(crate) fn new(config: &Config) -> Self {
        let connector = Connector::new(config.connect_timeout, config.body_limit());
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(config.pool_idle_timeout)
            .http1_max_buf_size(HEADER_BYTES)
            .http1_max_headers(config.max_headers.into())
            // A proxy must accept and remove spaces after a header's name (RFC 9112, 5.1), and may
            // unfold folded lines (5.2).
            .http1_allow_spaces_after_header_name_in_responses(true)
            .http1_allow_obsolete_multiline_headers_in_responses(true)
            // Applies only to requests of which nothing was written.
            .retry_canceled_requests(true);
        Self {
            client: builder.build(connector.clone()),
            unpooled: builder.pool_max_idle_per_host(0).build(connector),
            connect_timeout: config.connect_timeout,
            response_timeout: config.response_timeout,
        }
    }

    /// Sends a request, and returns the response or the reason why there is none.
    pub(crate) async fn send(
        &self,
        request: Request<UploadBody>,
        upload: Option<&Arc<Upload>>,
    ) -> Result<Response<Incoming>, Fault> {
        let answer = self.ask(request, upload);
        match answer_within(self.response_timeout, upload.map(Arc::as_ref), answer).await {
            Ok(answered) => answered,
            Err(TimedOut) => Err(Fault::ResponseTimeout(self.response_timeout)),
        }
    }

    /// Sends a request, and a second time where that does no harm.
    async fn ask(
        &self,
        mut request: Request<UploadBody>,
        upload: Option<&Arc<Upload>>,
    ) -> Result<Response<Incoming>, Fault> {
        let again = copy(&request);
        if let Some(upload) = upload.cloned() {
            hyper::ext::on_informational(&mut request, move |_| {
                upload.heard.store(true, Ordering::Release);
            });
        }
        let upload = upload.map(Arc::as_ref);
        let error = match self.client.request(request).await {
            Ok(response) => return Ok(response),
            Err(error) => error,
        };
        match (self.fault(&error, upload), again) {
            (Fault::Stale, Some(again)) => {
                let answer = self.unpooled.request(again).await;
                answer.map_err(|error| self.fault(&error, None))
            }
            (fault, _) => Err(fault),
        }
    }

    fn fault(&self, error: &ClientError, upload: Option<&Upload>) -> Fault {
        if let Some(fault) = upload.and_then(Upload::fault) {
            return fault;
        }
        let causes = || chain(error).filter_map(|cause| cause.downcast_ref::<io::Error>());
        let timed_out = causes().any(|cause| cause.kind() == io::ErrorKind::TimedOut);
        if error.is_connect() {
            return match timed_out {
                true => Fault::ConnectTimeout(self.connect_timeout),
                false if causes().any(is_exhaustion) => Fault::Exhausted,
                false => Fault::Unreachable,
            };
        }
        // The cause isn't hyper's: the request can't be sent.
        let Some(cause) = chain(error).find_map(|cause| cause.downcast_ref::<hyper::Error>())
        else {
            return Fault::Unsent;
        };
        if cause.is_user() {
            Fault::Unsent
        } else if cause.is_parse_too_large() {
            Fault::HeaderTooLarge
        } else if cause.is_parse() {
            Fault::BadAnswer
        } else if timed_out {
            Fault::ResponseTimeout(self.response_timeout)
        } else if is_stale(error) && !upload.is_some_and(Upload::has_heard) {
            Fault::Stale
        } else {
            Fault::Closed
        }
    }
}

/// Copies the request, if it may be sent twice.
fn copy(request: &Request<UploadBody>) -> Option<Request<UploadBody>> {
    if !request.body().is_end_stream() || !request.method().is_idempotent() {
        return None;
    }
    let mut copy = Request::new(UploadBody::empty());
    copy.method_mut().clone_from(request.method());
    copy.uri_mut().clone_from(request.uri());
    copy.headers_mut().clone_from(request.headers());
    Some(copy)
}

/// Returns whether a kept connection ended before a byte of the answer.
fn is_stale(error: &ClientError) -> bool {
    let heard = error.connect_info().and_then(Heard::of);
    heard.is_some_and(|it| it.nothing_on_a_kept_connection())
}

/// Returns whether this machine lacked the resources for a connection.
fn is_exhaustion(error: &io::Error) -> bool {
    let descriptors = error
        .raw_os_error()
        .is_some_and(|it| NO_DESCRIPTORS.contains(&it));
    let kinds = [
        io::ErrorKind::AddrNotAvailable,
        io::ErrorKind::OutOfMemory,
        io::ErrorKind::PermissionDenied,
    ];
    cfg!(unix) && descriptors || kinds.contains(&error.kind())
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}
