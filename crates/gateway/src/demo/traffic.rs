//! The demo's clients: requests at a steady rate, over real sockets, whatever comes back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::header::RETRY_AFTER;
use hyper::{Response, StatusCode, body::Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::board::{Board, Ending};
use super::script::ROUTES;

/// Requests a second to each route.
pub(super) const RATE: u32 = 25;

/// Longer than the gateway ever takes.
const TIMEOUT: Duration = Duration::from_secs(60);

type HttpClient = Client<HttpConnector, Empty<Bytes>>;

/// Sends until `stop`, then waits for the answers that are due.
pub(super) async fn drive(proxy: SocketAddr, board: Arc<Board>, stop: watch::Receiver<bool>) {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let mut routes = JoinSet::new();
    for route in 0..ROUTES.len() {
        routes.spawn(one_route(
            client.clone(),
            proxy,
            route,
            Arc::clone(&board),
            stop.clone(),
        ));
    }
    while routes.join_next().await.is_some() {}
}

async fn one_route(
    client: HttpClient,
    proxy: SocketAddr,
    route: usize,
    board: Arc<Board>,
    mut stop: watch::Receiver<bool>,
) {
    let uri: hyper::Uri = format!("http://{proxy}/{}/42", ROUTES[route])
        .parse()
        .expect("a plain address");
    let mut ticks = interval(Duration::from_secs(1) / RATE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut pending = JoinSet::new();
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                let (client, uri, board) = (client.clone(), uri.clone(), Arc::clone(&board));
                board.sent(route);
                pending.spawn(async move {
                    let begun = Instant::now();
                    let ending = timeout(TIMEOUT, request(&client, uri)).await;
                    board.ended(route, ending.unwrap_or(Ending::Lost), begun.elapsed());
                });
            }
            Some(_) = pending.join_next() => {}
            _ = stop.changed() => break,
        }
    }
    while pending.join_next().await.is_some() {}
}

async fn request(client: &HttpClient, uri: hyper::Uri) -> Ending {
    let Ok(response) = client.get(uri).await else {
        return Ending::Lost;
    };
    let ending = ending(&response);
    match response.into_body().collect().await {
        Ok(_) => ending,
        Err(_) => Ending::Lost,
    }
}

/// Classifies an answer. The demo's upstreams never answer 502, 503 or 504 themselves.
fn ending(response: &Response<Incoming>) -> Ending {
    match response.status() {
        StatusCode::SERVICE_UNAVAILABLE if response.headers().contains_key(RETRY_AFTER) => {
            Ending::Rejected
        }
        StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => Ending::Failed,
        _ => Ending::Answered,
    }
}
