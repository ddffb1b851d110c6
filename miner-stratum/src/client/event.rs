//! What a client tells.

use std::sync::Arc;
use std::time::Duration;

use miner_core::{Job, Share, Terms, VersionMask};

use crate::ledger::Fate;

/// What a client tells.
#[derive(Debug)]
pub enum ClientEvent {
    /// A pool took the worker and gave a job, which follows.
    Connected {
        /// The pool, without login.
        pool: String,
        /// Whether an earlier session went on.
        resumed: bool,
        /// The bits that may be rolled.
        version_mask: VersionMask,
    },
    /// The connection to the pool ended. Its last job is still worth searching until the next event says
    /// otherwise: the session may go on.
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
    /// A share's way ended. Shares given up because far too many were found are counted in the ledger alone.
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
