//! A running gateway: its proxy and its admin address, started and stopped together.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use breakerbox::PolicySet;
use hyper::StatusCode;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::Key;
use crate::admin::{self, AdminPages};
use crate::circuit::Circuit;
use crate::config::{Breaker, Config};
use crate::error::StartError;
use crate::guard::{Guard, OnChange};
use crate::proxy::Proxy;
use crate::route::RouteTable;
use crate::server::{Limits, serve};

/// A gateway that serves until [`Gateway::shutdown`].
pub struct Gateway {
    proxy: Arc<Proxy>,
    address: SocketAddr,
    admin_address: SocketAddr,
    stop: watch::Sender<bool>,
    stop_admin: watch::Sender<bool>,
    serving: JoinHandle<usize>,
    serving_admin: JoinHandle<usize>,
}

/// Extensions of a gateway.
#[derive(Default)]
pub struct Hooks {
    /// Called after each transition.
    pub on_change: Option<OnChange>,
    /// More pages on the admin address.
    pub pages: Option<Arc<dyn AdminPages>>,
}

impl Gateway {
    /// Binds both addresses and starts to serve.
    ///
    /// # Errors
    /// If a setting is out of range or an address is taken.
    pub async fn start(config: Config, hooks: Hooks) -> Result<Self, StartError> {
        config.check()?;
        let routes = RouteTable::new(config.routes.clone());
        if let Some(prefix) = routes.duplicate() {
            return Err(StartError::DuplicateRoute(prefix.to_owned()));
        }
        let open = StatusCode::from_u16(config.circuit.open_status)
            .expect("its bounds are those of a status");
        let policies = config.policies.clone();
        let guard = Guard::new(&config.circuit, policies, routes.iter(), hooks.on_change)
            .map_err(StartError::Circuit)?;
        let guard = (config.breaker == Breaker::On).then_some(guard);
        let (listener, address) = bind(config.listen).await?;
        let (admin_listener, admin_address) = bind(config.admin).await?;

        let proxy = Arc::new(Proxy::new(&config, guard, routes, open));
        let (stop, stopped) = watch::channel(false);
        let (stop_admin, admin_stopped) = watch::channel(false);
        let handler = {
            let proxy = Arc::clone(&proxy);
            move |peer, request| {
                let proxy = Arc::clone(&proxy);
                async move { proxy.handle(peer, request).await }
            }
        };
        let admin_handler = {
            let proxy = Arc::clone(&proxy);
            move |_, request: hyper::Request<_>| {
                let pages = hooks.pages.as_deref();
                std::future::ready(admin::handle(&proxy, pages, &request))
            }
        };
        let limits = Limits {
            headers: config.max_headers.into(),
            write: config.body_limit(),
            drain: config.drain_timeout,
        };
        let serving = tokio::spawn(serve(listener, stopped, limits, handler));
        let serving_admin =
            tokio::spawn(serve(admin_listener, admin_stopped, limits, admin_handler));
        Ok(Self {
            proxy,
            address,
            admin_address,
            stop,
            stop_admin,
            serving,
            serving_admin,
        })
    }

    /// Returns the address that serves clients.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the address that lists the circuits.
    #[must_use]
    pub fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// Returns all circuits, as `GET /circuits` lists them; none if the breaker is off.
    #[must_use]
    pub fn circuits(&self) -> Vec<Circuit> {
        self.proxy.circuits().collect()
    }

    /// Returns the circuit of the route with this prefix.
    #[must_use]
    pub fn circuit(&self, key: &str) -> Option<Circuit> {
        self.proxy.circuits().find(|circuit| circuit.key == key)
    }

    /// Replaces the rules of all circuits while requests are served.
    pub fn set_policies(&self, policies: PolicySet<Key>) {
        self.proxy.set_policies(policies);
    }

    /// Accepts no more connections, lets requests in flight finish within the drain time, and
    /// returns the number of connections that had to be cut off. The admin address stays until the
    /// proxy is done.
    pub async fn shutdown(self) -> usize {
        self.stop.send_replace(true);
        let cut_off = self.serving.await.unwrap_or_default();
        self.stop_admin.send_replace(true);
        // A slow client of the admin address is no reason to wait.
        self.serving_admin.abort();
        cut_off
    }
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let bound = async {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    bound
        .await
        .map_err(|error| StartError::Listen(address, error))
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("address", &self.address)
            .field("admin_address", &self.admin_address)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}
