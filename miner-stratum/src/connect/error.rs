//! Why there is no connection: which hop failed, and what to do. No login is ever shown.

use std::io;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{ProxyError, TcpError, TlsError};

/// Why there is no connection. TLS never falls back to plain text.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Not even TCP.
    #[error(transparent)]
    Tcp(#[from] TcpError),
    /// The proxy cannot be reached, or refuses.
    #[error("proxy {proxy}: {error}")]
    Proxy {
        /// Its URL, without login.
        proxy: String,
        /// What is wrong.
        error: ProxyError,
    },
    /// There is a connection, but it cannot be trusted.
    #[error("TLS with {to}: {error}")]
    Tls {
        /// Host and port of the pool.
        to: String,
        /// What is wrong.
        error: TlsError,
    },
}

/// Waits until `deadline` at most.
pub(super) async fn before<T, E: From<io::Error>>(
    deadline: Instant,
    step: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let started = Instant::now();
    timeout_at(deadline, step).await.unwrap_or_else(|_| Err(no_answer(started.elapsed()).into()))
}

fn no_answer(after: Duration) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {:.1} s", after.as_secs_f32()))
}
