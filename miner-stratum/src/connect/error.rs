//! Why there is no connection: which hop failed, and what to do. No login is ever shown.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// Why there is no connection. TLS never falls back to plain text.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The name gave no address.
    #[error("cannot look up `{host}`: {source}: is the name right, and does this machine have DNS?")]
    Lookup {
        /// The name.
        host: String,
        /// Why not.
        source: io::Error,
    },
    /// None of the addresses took the connection.
    #[error("cannot connect to {to}: {}", listed(tried))]
    Unreachable {
        /// Host and port.
        to: String,
        /// Each address, and why it failed.
        tried: Vec<(SocketAddr, io::Error)>,
    },
}

fn listed(tried: &[(SocketAddr, io::Error)]) -> String {
    let each: Vec<_> = tried.iter().map(|(address, error)| format!("{} {error}", address.ip())).collect();
    each.join("; ")
}

/// Waits until `deadline` at most.
pub(super) async fn before<T>(deadline: Instant, step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let started = Instant::now();
    timeout_at(deadline, step).await.unwrap_or_else(|_| Err(no_answer(started.elapsed())))
}

fn no_answer(after: Duration) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {:.1} s", after.as_secs_f32()))
}
