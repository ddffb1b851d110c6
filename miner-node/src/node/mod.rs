//! A node as a source of work, whatever it is: jobs out, blocks in.

mod making;
mod rpc;
mod wait;
mod watch;

use std::fmt;
use std::sync::Arc;

use bitcoin::BlockHash;
use miner_core::{Job, Share};

use crate::embedded::EmbeddedNode;
use crate::{Chain, NodeError, SolvedBlock, Template, Verdict};

pub use rpc::{RpcNode, Transactions};

/// Where templates come from and blocks go to.
#[derive(Debug)]
pub enum Node {
    /// A node that is reached by RPC.
    Rpc(RpcNode),
    /// A chain in this process's memory.
    Embedded(EmbeddedNode),
}

impl Node {
    /// The chain that it is on.
    pub fn chain(&self) -> Chain {
        match self {
            Self::Rpc(node) => node.chain(),
            Self::Embedded(node) => node.chain(),
        }
    }

    /// Waits for the next job; see [`RpcNode::next_job`].
    ///
    /// # Errors
    /// As there. After a transient one, call it again.
    pub async fn next_job(&self) -> Result<Arc<Job>, NodeError> {
        match self {
            Self::Rpc(node) => node.next_job().await,
            Self::Embedded(node) => node.next_job().await,
        }
    }

    /// The template of one of its jobs, for as long as it is kept: until two tips later.
    ///
    /// # Errors
    /// [`NodeError::UnknownJob`].
    pub fn template(&self, job: &Arc<Job>) -> Result<Arc<Template>, NodeError> {
        match self {
            Self::Rpc(node) => node.template(job),
            Self::Embedded(node) => node.template(job),
        }
    }

    /// The whole block that a share of one of its jobs stands for.
    ///
    /// # Errors
    /// [`NodeError::UnknownJob`] if the job is not its own, or two tips have come since.
    pub fn assemble(&self, share: &Share) -> Result<SolvedBlock, NodeError> {
        self.template(share.job())?.block(share)
    }

    /// Hands a block over, as often as it takes: the same block twice does no harm.
    ///
    /// # Errors
    /// Whatever may befall a call. The block must then be kept, however final the error looks.
    pub async fn submit_block(&self, block: &SolvedBlock) -> Result<Verdict, NodeError> {
        match self {
            Self::Rpc(node) => node.submit_block(block).await,
            Self::Embedded(node) => node.submit_block(block),
        }
    }

    /// Has the block of one of its jobs judged by every rule but work.
    ///
    /// # Errors
    /// [`NodeError::UnknownJob`], and whatever may befall a call.
    pub async fn propose(&self, job: &Arc<Job>) -> Result<Verdict, NodeError> {
        match self {
            Self::Rpc(node) => node.propose(job).await,
            Self::Embedded(node) => node.propose(job),
        }
    }

    /// The tip.
    ///
    /// # Errors
    /// Whatever may befall a call.
    pub async fn tip(&self) -> Result<BlockHash, NodeError> {
        match self {
            Self::Rpc(node) => node.tip().await,
            Self::Embedded(node) => Ok(node.tip()),
        }
    }

    /// The block at a height of its chain, `None` above the tip.
    ///
    /// # Errors
    /// Whatever may befall a call.
    pub async fn block_at(&self, height: u32) -> Result<Option<BlockHash>, NodeError> {
        match self {
            Self::Rpc(node) => node.block_at(height).await,
            Self::Embedded(node) => Ok(node.block_at(height)),
        }
    }

    /// The confirmations of a block: 1 for the tip, -1 outside the chain, `None` for an unknown block.
    ///
    /// # Errors
    /// Whatever may befall a call.
    pub async fn confirmations(&self, hash: &BlockHash) -> Result<Option<i64>, NodeError> {
        match self {
            Self::Rpc(node) => node.confirmations(hash).await,
            Self::Embedded(node) => Ok(node.confirmations(hash)),
        }
    }
}

/// Its address, or what it is.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rpc(node) => node.fmt(f),
            Self::Embedded(node) => node.fmt(f),
        }
    }
}

impl From<EmbeddedNode> for Node {
    fn from(node: EmbeddedNode) -> Self {
        Self::Embedded(node)
    }
}

impl From<RpcNode> for Node {
    fn from(node: RpcNode) -> Self {
        Self::Rpc(node)
    }
}
