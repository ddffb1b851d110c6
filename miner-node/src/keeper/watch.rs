//! Following the chain of each node: what it lacks is submitted again, and a block whose fate is
//! sealed is let go. New blocks do not wait for any of this.

use std::sync::Arc;
use std::time::Duration;

use bitcoin::BlockHash;

use super::pending::Standing;
use super::{Keeper, Peer};
use crate::journal::Outcome;
use crate::{NodeError, SolvedBlock};

/// The longest pause after a look that failed: what a node forgot while it was away is to be back in its chain
/// before new blocks are built in its place.
const RETURN_INTERVAL: Duration = Duration::from_millis(250);

impl Keeper {
    pub(super) async fn watch(self: Arc<Self>, peer: Peer, depth: u32, interval: Duration) {
        let mut seen = None;
        loop {
            // A node that failed may come back having forgotten blocks: then look at every one again.
            seen = self.look(&peer, depth, seen).await.ok();
            self.tend_journal().await;
            let pause = if seen.is_some() { interval } else { interval.min(RETURN_INTERVAL) };
            tokio::time::sleep(pause).await;
        }
    }

    /// Looks at every open block if the tip is no longer the one `seen` before: as long as the tip
    /// stays, nothing has changed for any of them. Returns the tip.
    async fn look(&self, peer: &Peer, depth: u32, seen: Option<BlockHash>) -> Result<BlockHash, NodeError> {
        let tip = peer.node.tip().await?;
        if seen != Some(tip) {
            self.look_at_all(peer, depth).await?;
        }
        Ok(tip)
    }

    async fn look_at_all(&self, peer: &Peer, depth: u32) -> Result<(), NodeError> {
        let blocks = self.pending.blocks();
        let depths = peer.depths(&blocks).await?;
        // What is submitted again goes out parents first.
        for (block, confirmations) in blocks.iter().zip(depths) {
            let standing = peer.standing(block, confirmations, depth).await?;
            self.heed(peer, block, standing).await?;
        }
        Ok(())
    }

    async fn heed(&self, peer: &Peer, block: &Arc<SolvedBlock>, standing: Standing) -> Result<(), NodeError> {
        self.pending.set_standing(peer.index, block, standing);
        if standing == Standing::Outside && !self.pending.is_underway(peer.index, block) {
            self.offer_again(peer, block).await?;
        }
        Ok(())
    }
}

impl Peer {
    /// The confirmations of each of these blocks, which are sorted by height. Where a block is in the chain, so is its
    /// parent, one deeper: without that a look after some hundred blocks would ask the node as many questions.
    async fn depths(&self, blocks: &[Arc<SolvedBlock>]) -> Result<Vec<u32>, NodeError> {
        let mut depths = vec![0; blocks.len()];
        let mut parent = None;
        for (block, depth) in blocks.iter().zip(&mut depths).rev() {
            *depth = match parent {
                Some((hash, depth)) if hash == block.hash => depth,
                _ => self.confirmations(&block.hash).await?,
            };
            if *depth > 0 {
                parent = block.parent().map(|hash| (hash, *depth + 1));
            }
        }
        Ok(depths)
    }

    /// Where a block with this many confirmations stands.
    async fn standing(
        &self,
        block: &SolvedBlock,
        confirmations: u32,
        depth: u32,
    ) -> Result<Standing, NodeError> {
        if confirmations >= depth {
            return Ok(Standing::Sealed(Outcome::Buried { confirmations }));
        } else if confirmations > 0 {
            return Ok(Standing::InChain);
        }
        let Some(winner) = self.node.block_at(block.height).await? else {
            return Ok(Standing::Outside);
        };
        let confirmations = self.confirmations(&winner).await?;
        // A reorganisation between the two questions may have put our own block there.
        if winner == block.hash || confirmations < depth {
            return Ok(Standing::Outside);
        }
        Ok(Standing::Sealed(Outcome::Lost { winner, confirmations }))
    }

    /// Blocks from this one to the tip, both counted; 0 outside the active chain.
    pub(super) async fn confirmations(&self, hash: &BlockHash) -> Result<u32, NodeError> {
        let confirmations = self.node.confirmations(hash).await?;
        Ok(confirmations.and_then(|depth| u32::try_from(depth).ok()).unwrap_or(0))
    }
}
