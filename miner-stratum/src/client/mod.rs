//! The client: shares in, jobs out, over whichever pool of a list is there.
//!
//! ```text
//! Client::submit(share) ─▶ book ─▶ link ─ session ─▶ pool
//! ClientEvent::Job ◀─ supervisor ◀─ link ─ session ◀─ pool
//! ```
//! `shares` knows each share's way, `issued` and `jobs` what it was found for; `session` is one conversation as a
//! state machine and `link` its I/O; `roster` decides which pool to use and `supervisor` does it.

mod backoff;
mod event;
mod issued;
mod jobs;
mod link;
mod options;
mod pace;
mod redirect;
mod roster;
mod session;
mod shared;
mod shares;
mod supervisor;
#[cfg(test)]
mod tests;
mod verdict;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use miner_core::Share;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;

pub use event::ClientEvent;
pub use options::{ClientOptions, Pool};

use crate::connect::connect_within;
use crate::ledger::Ledger;
use link::Dial;
use shared::Shared;
use supervisor::Supervisor;

/// How long a connection may take to come about, proxies and TLS included. A pool that hangs holds up nobody: the
/// next one is tried beside it.
const DIAL: Duration = Duration::from_secs(20);

/// A running client. Cheap to clone; when the last one is dropped the client ends.
#[derive(Debug, Clone)]
pub struct Client {
    shared: Arc<Shared>,
    _task: Arc<Task>,
}

/// Ended when dropped, and all connections with it.
#[derive(Debug)]
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Client {
    /// Starts a client on the current tokio runtime.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(options: ClientOptions) -> (Self, UnboundedReceiver<ClientEvent>) {
        Self::start_over(
            options,
            Arc::new(|route| Box::pin(async move { connect_within(&route, DIAL).await })),
        )
    }

    fn start_over(options: ClientOptions, dial: Dial) -> (Self, UnboundedReceiver<ClientEvent>) {
        let (tell, events) = unbounded_channel();
        let shared = Arc::new(Shared::new(tell));
        let supervisor = Supervisor::new(options, shared.clone(), dial);
        let task = Arc::new(Task(tokio::spawn(supervisor.run())));
        (Self { shared, _task: task }, events)
    }

    /// Registers a share in the ledger and sends it on its way. Never blocks; callable from any thread.
    pub fn submit(&self, share: Share, device: Arc<str>) {
        self.shared.submit(share, device);
    }

    /// The ledger at this moment.
    pub fn ledger(&self) -> Ledger {
        self.shared.book(|book| book.ledger().clone())
    }

    /// Waits until no share is queued or in flight, at most so long; what is left then is lost, and so is what is
    /// submitted later.
    pub async fn drain(&self, patience: Duration) {
        self.shared.drain(patience, "shutdown").await;
    }
}
