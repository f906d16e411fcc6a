//! The ways in which a call can end, whose fault each is, and what is reported to the circuit.
//!
//! A circuit describes an *upstream*, so only the upstream's faults count as failures. A fault of
//! the client's, the gateway's own or of neither side doesn't count: the permit is given back, and
//! a probe with it.
//!
//! | how the call ends | the client gets | whose fault | counts as |
//! |---|---|---|---|
//! | **not called** | | | |
//! | no route has the path | 404 `not_found` | the client's | – |
//! | no `Host`, two, an invalid one, or an invalid target | 400 `bad_host` | the client's | – |
//! | `CONNECT` | 501 `connect_not_supported` | the client's | – |
//! | the circuit is open, or all its probes are in flight | `open_status` `circuit_open`, `Retry-After` | – | – |
//! | **no connection** | | | |
//! | refused, unreachable, reset, or its name doesn't resolve | 502 `upstream_unreachable` | the upstream's | failure |
//! | none came up within `connect_timeout` | 504 `upstream_connect_timeout` | the upstream's | failure |
//! | this machine has no file descriptors, ports, memory or rights left for one | 503 `gateway_exhausted` | our own | nothing |
//! | **no answer** | | | |
//! | a new connection ended before the answer's header was whole | 502 `upstream_closed` | the upstream's | failure |
//! | a kept connection ended after a part of the header | 502 `upstream_closed` | the upstream's | failure |
//! | a kept connection ended before a byte of the answer | as the second try ends, or 502 `upstream_closed` | neither side's | as the second try, or nothing |
//! | no header within `response_timeout` (interim answers don't help), or the request's body isn't taken for that time | 504 `upstream_timeout` | the upstream's | failure |
//! | the answer is not HTTP | 502 `upstream_bad_answer` | the upstream's | failure |
//! | the header has more than `max_headers` lines or 400 KiB | 502 `upstream_header_too_large` | our own limit | nothing |
//! | a `101` that wasn't asked for, since the gateway can't offer a tunnel | 502 `upstream_switched` | our own limit | nothing |
//! | our HTTP library refuses to send the request | 500 `gateway_error` | our own | nothing |
//! | the client's body breaks off, or is not HTTP | 400 `request_incomplete` | the client's | nothing |
//! | the client's body is silent for `body_timeout` | 408 `request_timeout` | the client's | nothing |
//! | the client leaves | nothing | the client's | nothing |
//! | **an answer** | | | |
//! | its status is in `failure_on` | it | the upstream's | failure, with its header |
//! | any other status, `report_at` is `headers` | it | – | success, with its header |
//! | it has no body, or the body came to its end | it | – | success |
//! | its body breaks off, or its framing is wrong | as much of it as came | the upstream's | failure |
//! | its body is silent for `body_timeout` | as much of it as came | the upstream's | failure |
//! | its client has kept it waiting for [`CLIENT_TIME`] in all | it | – | success; a probe's at once |
//! | the client leaves, or takes nothing for `body_timeout` | as much of it as was taken | the client's | nothing |
//! | the drain time is over | as much of it as came | our own | nothing |
//!
//! **The second try.** A kept connection may be closed by its upstream just as a request goes out,
//! and HTTP doesn't say whether the request was received. A request that has no body and an
//! idempotent method (`GET`, `HEAD`, `OPTIONS`, `TRACE`, `PUT`, `DELETE`) is then sent again, once,
//! on a new connection, and judged by that. Any other request may have been received, so it isn't
//! repeated and its client gets the 502; a request of which no byte was written is sent again
//! whatever its method. The price: an upstream that dies of each `POST` and serves other requests
//! well goes unnoticed as long as its `POST`s go out on kept connections.
//!
//! **The client's time.** Once only the client delays a call, enough is known of the upstream. An
//! answer with a good header counts as a success when its client has left it untaken for
//! [`CLIENT_TIME`], all such waits of the call together: a slow reader keeps no probe in flight,
//! and if the upstream breaks off later, that is no failure. A probe that waits for its client's
//! *request* for that long is given back and doesn't count. The duration of a call, for rules about
//! slow calls, leaves the client's time out.
//!
//! **Silence.** Each byte begins `body_timeout` anew, so a slow body passes. If an answer is silent
//! while the client's own body is awaited, the silence is the client's. A chunk size that is no
//! number, and chunk extensions or trailers of more than 16 KiB, are wrong framing: our library
//! doesn't tell them apart.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::guard::Admission;

/// The time for which a call may wait for its client, all waits together, before its outcome no
/// longer depends on the client. A client with a working network empties its buffers in far less,
/// and other calls shouldn't wait nearly as long for a probe.
pub const CLIENT_TIME: Duration = Duration::from_millis(500);

/// The party to blame for the end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The upstream, the only party whose faults count.
    Upstream,
    Client,
    Ours,
    Neither,
}

/// The reason why an upstream gave no answer that can be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No connection came up.
    Unreachable,
    /// No connection came up in time.
    ConnectTimeout(Duration),
    /// This machine has no descriptor, port, memory or right left for a connection.
    Exhausted,
    /// No response header came in time.
    ResponseTimeout(Duration),
    /// The connection ended, or broke, with the request on its way.
    Closed,
    /// A kept connection ended before a byte of the answer.
    Stale,
    /// The answer is not HTTP.
    BadAnswer,
    /// The header is longer than our limits.
    HeaderTooLarge,
    /// The upstream changed the protocol, unasked.
    Switched,
    /// Our HTTP library didn't send the request.
    Unsent,
    /// The client broke off its upload.
    ClientGone,
    /// The client's upload was silent for too long.
    ClientSilent(Duration),
}

impl Fault {
    pub(crate) fn whose(self) -> Whose {
        match self {
            Self::Unreachable
            | Self::ConnectTimeout(_)
            | Self::ResponseTimeout(_)
            | Self::Closed
            | Self::BadAnswer => Whose::Upstream,
            Self::ClientGone | Self::ClientSilent(_) => Whose::Client,
            Self::Exhausted | Self::HeaderTooLarge | Self::Switched | Self::Unsent => Whose::Ours,
            Self::Stale => Whose::Neither,
        }
    }
}

/// A call whose end isn't known yet. If it is dropped, the client has left, and the call doesn't
/// count.
#[derive(Debug)]
pub(crate) struct Open(Arc<Call>);

/// The shared state of a call, through which the two bodies say which side it waits for.
#[derive(Debug)]
pub(crate) struct Call {
    began: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// `None` once reported, or without a circuit.
    admission: Option<Admission>,
    /// Set once a good header came.
    answered: bool,
    /// The time since which the call has been waiting for its client.
    client_since: Option<Instant>,
    /// The sum of its earlier waits for the client: for the request, or, once the header came, for
    /// the answer to be taken.
    client_had: Duration,
    /// The time that it waited for the client's request; set once the header came.
    request_had: Duration,
    /// Set while the waits of a probe are watched.
    watched: bool,
}

impl Open {
    pub(crate) fn new(admission: Option<Admission>) -> Self {
        Self(Arc::new(Call {
            began: Instant::now(),
            state: Mutex::new(State {
                admission,
                answered: false,
                client_since: None,
                client_had: Duration::ZERO,
                request_had: Duration::ZERO,
                watched: false,
            }),
        }))
    }

    pub(crate) fn call(&self) -> &Arc<Call> {
        &self.0
    }

    /// Notes that a good header came and a body follows.
    pub(crate) fn answered(&self) {
        let mut state = self.0.lock();
        state.stop();
        state.request_had = std::mem::take(&mut state.client_had);
        state.answered = true;
    }

    /// Ends the call as a success.
    pub(crate) fn succeeded(self) {
        self.0.end(true);
    }

    /// Ends the call, which got no good answer.
    pub(crate) fn failed(self, whose: Whose) {
        if whose == Whose::Upstream {
            self.0.end(false);
        }
    }

    /// Ends the call, whose body broke off or fell silent: as a success if its client had kept it
    /// waiting for [`CLIENT_TIME`], else as a failure.
    pub(crate) fn broke_off(self) {
        let waited = self.0.lock().waited();
        self.0.end(waited >= CLIENT_TIME);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let admission = self.0.lock().admission.take();
        // Outside the lock, since it may run listeners.
        drop(admission);
    }
}

impl Call {
    /// Notes that the call now waits for its client.
    pub(crate) fn waits_for_client(self: &Arc<Self>) {
        let mut state = self.lock();
        state.client_since.get_or_insert_with(Instant::now);
        let probes = state.admission.as_ref().is_some_and(Admission::is_probe);
        if probes && !state.watched {
            state.watched = true;
            tokio::spawn(watch(Arc::clone(self)));
        }
    }

    /// Notes that the call now waits for its upstream.
    pub(crate) fn waits_for_upstream(&self) {
        self.lock().stop();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, well: bool) {
        let mut state = self.lock();
        let admission = state.admission.take();
        let took = self.began.elapsed();
        let took = took.saturating_sub(state.waited() + state.request_had);
        drop(state);
        match admission {
            Some(admission) if well => admission.success(took),
            Some(admission) => admission.failure(took),
            None => {}
        }
    }

    /// Ends the call if the client's time is used up; otherwise returns how much of it is left.
    fn client_time_left(&self) -> Option<Duration> {
        let mut state = self.lock();
        let left = CLIENT_TIME.saturating_sub(state.waited());
        if state.admission.is_none() || !left.is_zero() {
            return state.admission.is_some().then_some(left);
        }
        if state.answered {
            drop(state);
            self.end(true);
        } else {
            let admission = state.admission.take();
            drop(state);
            drop(admission);
        }
        None
    }
}

impl State {
    fn stop(&mut self) {
        if let Some(since) = self.client_since.take() {
            self.client_had += since.elapsed();
        }
    }

    fn waited(&self) -> Duration {
        let now = self.client_since.map(|since| since.elapsed());
        self.client_had + now.unwrap_or_default()
    }
}

/// Ends a probe whose client has used up its time. The probe's task can't: a task that waits for a
/// client isn't woken before that client moves.
async fn watch(call: Arc<Call>) {
    while let Some(left) = call.client_time_left() {
        sleep(left).await;
    }
}
