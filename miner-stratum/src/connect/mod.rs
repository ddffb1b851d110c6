//! From a pool's URL to a stream of bytes: TCP, TLS, proxies.

mod url;

use std::path::PathBuf;

use tokio::io::{AsyncRead, AsyncWrite};

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
    /// Exactly the one with this SHA-256 fingerprint of its DER, whoever signed it.
    Pin([u8; 32]),
    /// Any: the connection is hidden from those who only listen, and from nobody else.
    Insecure,
}

/// Why there is no connection. TLS never falls back to plain text.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The operating system's word.
    #[error("{to}: {source}")]
    Io {
        /// What was tried.
        to: String,
        /// Why it failed.
        source: std::io::Error,
    },
}

/// Connects, all the way to a stream that carries Stratum: name look-up, every address in turn, proxy, TLS,
/// `TCP_NODELAY` and keepalive.
///
/// # Errors
/// [`ConnectError`], which says how far it got.
pub async fn connect(route: &Route) -> Result<Box<dyn Transport>, ConnectError> {
    let _ = route;
    todo!()
}
