//! The client: shares in, jobs out, over whichever pool of a list is there.
//!
//! ```text
//! Client::submit(share) ─▶ ledger ─▶ session ─▶ pool
//! ClientEvent::Job      ◀─────────── session ◀─ pool
//! ```

use std::sync::{Arc, Mutex};
use std::time::Duration;

use miner_core::{Job, Share, Terms, VersionMask};
use secrecy::SecretString;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::connect::Route;
use crate::ledger::{Fate, Ledger};

/// One pool of the list.
#[derive(Debug, Clone)]
pub struct Pool {
    /// How to reach it.
    pub route: Route,
    /// The worker's name.
    pub user: String,
    /// The worker's password, which pools ignore or read wishes in.
    pub password: SecretString,
}

/// What a client does, and how patiently.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// In order of preference.
    pub pools: Vec<Pool>,
    /// Name and version, as pools are told.
    pub agent: String,
    /// The version bits that it can roll; empty: it asks for no rolling.
    pub version_mask: VersionMask,
    /// The difficulty that it would like.
    pub suggest_difficulty: Option<f64>,
    /// Whether the pool may change the extranonce at any job.
    pub extranonce_subscribe: bool,
    /// Whether `client.reconnect` is followed, as far as the policy allows.
    pub follow_reconnect: bool,
    /// Rounds over all pools without a job after which it gives up; `None`: never.
    pub retries: Option<u32>,
    /// The pause after the first failed round; it grows to a minute at most.
    pub retry_pause: Duration,
    /// Silence after which a pool counts as dead.
    pub silence: Duration,
    /// How long a better pool must have been up before it is gone back to.
    pub stable: Duration,
}

/// What a client tells.
#[derive(Debug)]
pub enum ClientEvent {
    /// A pool took the worker; jobs follow.
    Connected {
        /// The pool, without login.
        pool: String,
        /// Whether an earlier session went on.
        resumed: bool,
        /// The bits that may be rolled.
        version_mask: VersionMask,
    },
    /// There is none at present.
    Disconnected {
        /// The pool, without login.
        pool: String,
        /// Why.
        reason: String,
    },
    /// Work, newest first: what came before is not to be started any more.
    Job {
        /// The job.
        job: Arc<Job>,
        /// The session's terms for it.
        terms: Terms,
    },
    /// There is nothing to work on until the next job.
    Idle,
    /// A share's way ended.
    Judged {
        /// The share.
        share: Box<Share>,
        /// The device that found it.
        device: Arc<str>,
        /// How it ended.
        fate: Fate,
        /// From the last sending to the answer; `None` without an answer.
        latency: Option<Duration>,
    },
    /// Something worth knowing, a pool's own message among it.
    Notice(String),
    /// Something went wrong; the client goes on.
    Trouble(String),
    /// The client ended: all retries are used up, or nothing can ever work.
    GaveUp(String),
}

/// A running client. Cheap to clone; when the last one is dropped the client ends.
#[derive(Debug, Clone)]
pub struct Client {
    ledger: Arc<Mutex<Ledger>>,
}

impl Client {
    /// Starts a client on the current tokio runtime.
    pub fn start(options: ClientOptions) -> (Self, UnboundedReceiver<ClientEvent>) {
        let _ = options;
        todo!()
    }

    /// Registers a share in the ledger and sends it on its way. Never blocks; callable from any thread.
    pub fn submit(&self, share: Share, device: Arc<str>) {
        let _ = (share, device);
        todo!()
    }

    /// The ledger at this moment.
    pub fn ledger(&self) -> Ledger {
        self.ledger.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Waits until no share is queued or in flight, at most so long; what is left then is lost.
    pub async fn drain(&self, patience: Duration) {
        let _ = patience;
        todo!()
    }
}
