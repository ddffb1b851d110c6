//! What tests of the client share, here and beside its sources.

use std::time::Duration;

use miner_stratum::client::{Client, ClientEvent, ClientOptions, Pool};
use miner_stratum::connect::{Route, Trust};
use miner_stratum::ledger::{Amount, Fate};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

pub(crate) mod miner;
pub(crate) mod peer;
pub(crate) mod share;

/// No test waits longer for anything that must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A pool that listens on a port of its own.
pub(crate) struct TestPool {
    listener: TcpListener,
}

impl TestPool {
    pub(crate) async fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub(crate) fn url(&self) -> String {
        format!("stratum+tcp://{}", self.listener.local_addr().unwrap())
    }

    pub(crate) async fn accept(&self) -> peer::Peer<TcpStream> {
        let (stream, _) = timeout(PATIENCE, self.listener.accept()).await.expect("a connection").unwrap();
        peer::Peer::new(stream)
    }
}
