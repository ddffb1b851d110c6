//! Accepting connections: each gets a session of its own, and none harms the others.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use miner_stratum::session::{Limits, Pool, serve};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The pause after a connection that could not be accepted: out of file descriptors or memory, which passes.
const PAUSE: Duration = Duration::from_millis(100);
/// How long the sessions may take to end with the server.
const FAREWELL: Duration = Duration::from_secs(2);

/// How much a server takes on.
#[derive(Debug, Clone)]
pub struct ServerLimits {
    /// Of each session.
    pub session: Limits,
    /// Connections at once; one more is closed at once, so that its miner tries another pool.
    pub connections: usize,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self { session: Limits::default(), connections: 20_000 }
    }
}

/// Serves `pool` to all who connect, until `shutdown` is done and the sessions have ended.
pub async fn run<P: Pool>(
    listener: TcpListener,
    pool: Arc<P>,
    limits: ServerLimits,
    shutdown: impl Future<Output = ()>,
) {
    let (ending, _) = watch::channel(());
    let mut server = Server { pool, limits, ending, sessions: JoinSet::new() };
    tokio::select! {
        () = server.accept(&listener) => {}
        () = shutdown => {}
    }
    drop(listener);
    server.end().await;
}

struct Server<P> {
    pool: Arc<P>,
    limits: ServerLimits,
    /// Dropped at the end: all sessions see it.
    ending: watch::Sender<()>,
    sessions: JoinSet<()>,
}

impl<P: Pool> Server<P> {
    async fn accept(&mut self, listener: &TcpListener) {
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) if self.sessions.len() < self.limits.connections => self.greet(stream),
                    Ok(_) => {}
                    Err(_) => tokio::time::sleep(PAUSE).await,
                },
                // What ended needs no more memory. A panic ended its own session alone.
                Some(_) = self.sessions.join_next() => {}
            }
        }
    }

    fn greet(&mut self, stream: TcpStream) {
        // Shares and jobs are small and wait for nothing; where that cannot be set, they are a little slower.
        let _ = stream.set_nodelay(true);
        let peer = stream.peer_addr().ok();
        let (pool, limits, mut ending) =
            (self.pool.clone(), self.limits.session.clone(), self.ending.subscribe());
        self.sessions.spawn(async move {
            let ended = async { while ending.changed().await.is_ok() {} };
            serve(stream, peer, pool, limits, ended).await;
        });
    }

    async fn end(self) {
        let Self { ending, mut sessions, .. } = self;
        drop(ending);
        let all = async { while sessions.join_next().await.is_some() {} };
        // Those that are still there then are dropped, and closed by that.
        let _ = tokio::time::timeout(FAREWELL, all).await;
    }
}
