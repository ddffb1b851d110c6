//! From a pool's URL to a stream of bytes: TCP, TLS, proxies.
//!
//! ```text
//! Route ─ tcp (of the proxy, if there is one) ─▶ proxy ─▶ tls ─▶ Transport
//! ```

mod authority;
mod error;
mod fingerprint;
mod proxy;
mod tcp;
mod tls;
mod url;

use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use authority::Place;

pub use error::ConnectError;
pub use fingerprint::{Fingerprint, FingerprintError};
pub use proxy::ProxyError;
pub use tcp::TcpError;
pub use tls::{CertificateFault, TlsError};
pub use url::{PoolUrl, ProxyUrl, UrlError};

/// Whatever carries a session.
pub trait Transport: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Transport for T {}

/// How to reach a pool.
#[derive(Debug, Clone)]
pub struct Route {
    /// Where it is.
    pub url: PoolUrl,
    /// By what, if not directly.
    pub proxy: Option<ProxyUrl>,
    /// Whom to trust, where the URL asks for TLS.
    pub trust: Trust,
}

/// Which certificates to take.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Trust {
    /// Those that the system trusts.
    #[default]
    System,
    /// Those that the certificates of this PEM file signed.
    Roots(PathBuf),
    /// Exactly the one with this fingerprint, whoever signed it, whatever its name and age.
    Pin(Fingerprint),
    /// Any: the connection is hidden from those who only listen, and from nobody else.
    Insecure,
}

impl Route {
    /// The time that [`connect`] takes at most: 4 s, or 15 s through a proxy.
    ///
    /// A miner whose pool died must be on the next one within 5 s, and may try the dead one once more before: that
    /// leaves a second for the next. A proxy may build a path of its own first (Tor takes seconds).
    pub fn patience(&self) -> Duration {
        Duration::from_secs(if self.proxy.is_none() { 4 } else { 15 })
    }
}

/// Connects, all the way to a stream that carries Stratum: name look-up, every address in turn, proxy, TLS,
/// `TCP_NODELAY` and keepalive. Takes no longer than [`Route::patience`].
///
/// # Errors
/// [`ConnectError`], which says how far it got.
pub async fn connect(route: &Route) -> Result<Box<dyn Transport>, ConnectError> {
    connect_within(route, route.patience()).await
}

/// As [`connect`], with the time that it may take: whoever tries again and again should grant more each time, or
/// a slow network is never fast enough.
///
/// # Errors
/// [`ConnectError`], which says how far it got.
pub async fn connect_within(route: &Route, patience: Duration) -> Result<Box<dyn Transport>, ConnectError> {
    let deadline = Instant::now() + patience;
    let url = &route.url;
    let stream = match &route.proxy {
        None => tcp::connect(&url.host, url.port, deadline).await?,
        Some(proxy) => proxy::connect(proxy, url, deadline)
            .await
            .map_err(|error| ConnectError::Proxy { proxy: proxy.to_string(), error })?,
    };
    if !url.tls {
        return Ok(Box::new(stream));
    }
    let stream = tls::wrap(stream, &url.host, &route.trust, deadline)
        .await
        .map_err(|error| ConnectError::Tls { to: Place(&url.host, url.port).to_string(), error })?;
    Ok(Box::new(stream))
}
