//! Through a proxy, which also looks up the pool's name: nothing about the pool reaches this machine's DNS.

mod http;
mod socks5;

use std::io;

use tokio::net::TcpStream;
use tokio::time::Instant;

use super::error::before;
use super::{PoolUrl, ProxyUrl, TcpError, tcp};

/// Why a proxy gives no connection.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// It is not there.
    #[error(transparent)]
    Tcp(#[from] TcpError),
    /// It fell silent or hung up before there was a connection.
    #[error("it broke off: {0}: are its port and its scheme right?")]
    Io(#[from] io::Error),
    /// Whatever listens there is no such proxy.
    #[error("it does not speak {0}: are its port and its scheme right?")]
    Protocol(&'static str),
    /// It wants a login, or another one.
    #[error("it refuses the login, or the lack of one: put user:password@ into its URL")]
    Login,
    /// The login is one that SOCKS5 cannot carry (RFC 1929).
    #[error("user and password must each be 1 to 255 bytes for SOCKS5")]
    LoginLength,
    /// It works, but the pool is out of its reach or not allowed.
    #[error("it gives no connection to the pool: {0}")]
    Refused(String),
}

/// A stream to the pool.
pub(super) async fn connect(
    proxy: &ProxyUrl,
    pool: &PoolUrl,
    deadline: Instant,
) -> Result<TcpStream, ProxyError> {
    let stream = tcp::connect(&proxy.host, proxy.port, deadline).await?;
    before(deadline, async {
        if proxy.socks5 {
            socks5::tunnel(stream, pool, proxy.login.as_ref()).await
        } else {
            http::tunnel(stream, pool, proxy.login.as_ref()).await
        }
    })
    .await
}
