//! The keeper: the one way by which a found block reaches the chain. It goes to the journal, then to
//! every node, and is kept until the chain has buried it or another in its place. How a block is
//! built is the node's business, how a file looks the journal's.
//!
//! ```text
//! submit ─▶ journal ─▶ each node, again and again until it answers ─▶ Verdict
//! watch:  a node's tip moved, or it came back ─▶ not in its chain? submit again
//!                                             ─▶ buried or lost?   to the archive
//! ```
//! `deliver` submits, `record` talks to the journal, `watch` follows the chain, `pending` remembers.

mod deliver;
mod event;
mod pending;
mod record;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use miner_core::Share;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub use event::KeeperEvent;

use crate::journal::{Journal, JournalError};
use crate::{Node, NodeError, SolvedBlock, Verdict};
use pending::Pending;

/// Confirmations at which the fate of a block counts as sealed: the usual depth of a final payment.
pub const BURIED_DEPTH: u32 = 6;
/// A good pause between two looks at a node's tip.
pub const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// Takes each found block to all nodes and holds it until its fate is sealed. A clone is another
/// handle to the same keeper.
#[derive(Clone)]
pub struct BlockKeeper(Arc<Keeper>);

struct Keeper {
    peers: Vec<Peer>,
    journal: Option<Journal>,
    pending: Pending,
    on_event: Box<dyn Fn(KeeperEvent) + Send + Sync>,
}

/// A node, and its place in the list by which [`Pending`] knows it.
#[derive(Clone)]
struct Peer {
    index: usize,
    node: Arc<Node>,
}

impl BlockKeeper {
    /// A keeper that submits to every one of `nodes`; a share is turned into a block by the one whose
    /// job it solves. What `journal` holds from earlier runs is pending at once, and
    /// [`BlockKeeper::watch`] submits it again. Without a journal blocks are held
    /// in memory alone, and the hex of those for a real node goes to stderr. `on_event` is called from the keeper's tasks and must not block.
    ///
    /// # Errors
    /// The journal's folder cannot be read. Damaged files in it are an event, not an error.
    pub fn new(
        nodes: Vec<Arc<Node>>,
        journal: Option<Journal>,
        on_event: impl Fn(KeeperEvent) + Send + Sync + 'static,
    ) -> Result<Self, JournalError> {
        let recovered = journal.as_ref().map(Journal::recover).transpose()?.unwrap_or_default();
        let pending = Pending::restored(nodes.len(), recovered.blocks);
        recovered.corrupt.into_iter().for_each(|file| on_event(KeeperEvent::Corrupt(file)));
        let peers = nodes.into_iter().enumerate().map(|(index, node)| Peer { index, node }).collect();
        Ok(Self(Arc::new(Keeper { peers, journal, pending, on_event: Box::new(on_event) })))
    }

    /// The blocks whose fate is open, parents before children.
    pub fn pending(&self) -> Vec<Arc<SolvedBlock>> {
        self.0.pending.blocks()
    }

    /// Submits the block that `share` solves and returns the first good verdict or, when every node
    /// has answered, the best of the others; it waits as long as no node answers. The block is on its
    /// way even if the caller stops waiting. It is good once: [`Verdict::Accepted`] also where a node
    /// has it already, [`Verdict::Duplicate`] only if the share itself was submitted before, and not refused.
    ///
    /// # Errors
    /// No node can build the block: none has a template for the share's job.
    pub async fn submit(&self, share: &Share) -> Result<Verdict, NodeError> {
        let block = self.0.assemble(share)?;
        Ok(self.keep(block).await)
    }

    async fn keep(&self, block: SolvedBlock) -> Verdict {
        let block = Arc::new(block);
        if !self.0.pending.add(&block) {
            return Verdict::Duplicate;
        }
        let (tell, verdicts) = mpsc::unbounded_channel();
        tokio::spawn(self.0.clone().send_out(block, tell));
        deliver::first_good(verdicts).await
    }

    /// Follows the chain of every node, looking each `interval` whether its tip has moved: submits
    /// again what is not in it, and seals the fate of a block when it, or another in its place, has
    /// `depth` confirmations. Never returns; to be dropped when the miner stops.
    pub async fn watch(&self, depth: u32, interval: Duration) {
        let mut watches = JoinSet::new();
        for peer in &self.0.peers {
            watches.spawn(self.0.clone().watch(peer.clone(), depth.max(1), interval));
        }
        watches.join_all().await;
    }
}

impl Keeper {
    /// Builds the block at the first node that knows the share's job.
    fn assemble(&self, share: &Share) -> Result<SolvedBlock, NodeError> {
        let mut result = Err(NodeError::BadTemplate("there is no node that it came from".to_owned()));
        for peer in &self.peers {
            result = peer.node.assemble(share);
            if result.is_ok() {
                break;
            }
        }
        result
    }

    fn tell(&self, event: KeeperEvent) {
        (self.on_event)(event);
    }
}
