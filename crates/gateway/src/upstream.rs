//! The pooled client to the upstreams. It never sends a request twice.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::answer::Fault;
use crate::config::Config;
use crate::upload::{TimedOut, Upload, UploadBody, answer_within};

/// Connections to all upstreams.
#[derive(Debug)]
pub(crate) struct Upstreams {
    client: Client<HttpConnector, UploadBody>,
    connect_timeout: Duration,
    response_timeout: Duration,
}

impl Upstreams {
    pub(crate) fn new(config: &Config) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(config.connect_timeout));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(config.pool_idle_timeout)
            // A request that may have reached the upstream is never sent again: it need not be
            // idempotent, and whoever sent it knows better whether to repeat it.
            .retry_canceled_requests(false)
            .build(connector);
        Self {
            client,
            connect_timeout: config.connect_timeout,
            response_timeout: config.response_timeout,
        }
    }

    /// Sends a request; the response header, or why there is none.
    pub(crate) async fn send(
        &self,
        request: Request<UploadBody>,
        upload: Option<&Arc<Upload>>,
    ) -> Result<Response<Incoming>, Fault> {
        let upload = upload.map(Arc::as_ref);
        match answer_within(self.response_timeout, upload, self.client.request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) if upload.is_some_and(Upload::is_broken) => {
                drop(error);
                Err(Fault::ClientGone)
            }
            Ok(Err(error)) => Err(self.fault(&error)),
            Err(TimedOut) => Err(Fault::ResponseTimeout(self.response_timeout)),
        }
    }

    fn fault(&self, error: &ClientError) -> Fault {
        if error.is_connect() {
            return if chain(error).any(is_timeout) {
                Fault::ConnectTimeout(self.connect_timeout)
            } else {
                Fault::Unreachable
            };
        }
        match chain(error).find_map(|cause| cause.downcast_ref::<hyper::Error>()) {
            Some(cause) if cause.is_canceled() => Fault::NeverSent,
            Some(cause) if cause.is_parse() => Fault::BadAnswer,
            _ => Fault::Closed,
        }
    }
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn is_timeout(error: &(dyn Error + 'static)) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
}
