//! What a pool tells: for whoever counts, prints or pays. Nothing here decides anything.

use std::net::SocketAddr;
use std::sync::Arc;

use miner_core::{Job, Share};
use miner_node::{NodeError, Template, Verdict};
use miner_stratum::session::{Ended, RejectReason};

use crate::{Agent, WorkerName};

/// Something that happened.
#[derive(Debug)]
pub enum PoolEvent {
    /// There is a new job.
    Job(Arc<Job>),
    /// The node gave no job; it is asked again. Told once for each reason.
    NoJob(NodeError),
    /// A miner subscribed.
    Opened {
        /// The session's id: whoever knows it can have its extranonce.
        session: String,
        /// The miner's address.
        peer: Option<SocketAddr>,
        /// What the miner calls its program.
        agent: Agent,
        /// Whether an earlier session goes on.
        resumed: bool,
    },
    /// A session ended.
    Closed {
        /// Its id.
        session: String,
        /// Why.
        why: Ended,
    },
    /// A share was taken. Its difficulty is that of [`Share::target`].
    Accepted {
        /// The session's id.
        session: String,
        /// Whose it is.
        worker: WorkerName,
        /// The share.
        share: Box<Share>,
    },
    /// A share was refused.
    Rejected {
        /// The session's id.
        session: String,
        /// Whose it is, by its own account.
        worker: WorkerName,
        /// Why.
        reason: RejectReason,
    },
    /// A block was found, and its way to the chain ended.
    Block {
        /// Who found it, by its own account.
        worker: WorkerName,
        /// The share that is the block, whatever else is wrong with it.
        share: Box<Share>,
        /// What it was built from; `None` where that is given up already, two tips later.
        template: Option<Arc<Template>>,
        /// The chain's verdict; an error where no node could even build it.
        verdict: Result<Verdict, NodeError>,
    },
}
