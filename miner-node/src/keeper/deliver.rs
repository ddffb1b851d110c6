//! The way of a block to the nodes. What the chain makes of it later is not followed here.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use super::{Keeper, KeeperEvent, Peer};
use crate::{NodeError, SolvedBlock, Verdict};

/// The pause after the first failed submission; it doubles up to [`LAST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(5);

impl Keeper {
    /// Writes a new block down, then submits it to all nodes at once.
    pub(super) async fn send_out(self: Arc<Self>, block: Arc<SolvedBlock>, tell: UnboundedSender<Verdict>) {
        self.write_down(block.clone()).await;
        for peer in &self.peers {
            tokio::spawn(self.clone().deliver(peer.clone(), block.clone(), tell.clone()));
        }
    }

    /// Submits a new block to one node until it has answered, or the block's fate is sealed.
    async fn deliver(self: Arc<Self>, peer: Peer, block: Arc<SolvedBlock>, tell: UnboundedSender<Verdict>) {
        let (mut pause, mut last_error) = (FIRST_PAUSE, String::new());
        while self.pending.contains(&block) {
            match self.offer_new(&peer, &block).await {
                // Nobody may be waiting for it any more.
                Ok(verdict) => return tell.send(verdict).unwrap_or_default(),
                Err(error) if error.to_string() == last_error => {}
                Err(error) => {
                    last_error = error.to_string();
                    let node = peer.node.to_string();
                    self.tell(KeeperEvent::Delayed { block: block.clone(), node, error });
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    /// Submits a new block; to a node that has forgotten its parent, the open blocks below it first.
    async fn offer_new(&self, peer: &Peer, block: &Arc<SolvedBlock>) -> Result<Verdict, NodeError> {
        let mut verdict = peer.submit(block).await?;
        if lacks_parent(&verdict) {
            for ancestor in self.pending.blocks().iter().filter(|open| open.height < block.height) {
                self.offer_again(peer, ancestor).await?;
            }
            verdict = peer.submit(block).await?;
        }
        self.note(peer, block, verdict.clone(), false);
        Ok(verdict)
    }

    /// Submits a block once more.
    pub(super) async fn offer_again(&self, peer: &Peer, block: &Arc<SolvedBlock>) -> Result<(), NodeError> {
        let verdict = peer.submit(block).await?;
        self.note(peer, block, verdict, true);
        Ok(())
    }

    fn note(&self, peer: &Peer, block: &Arc<SolvedBlock>, verdict: Verdict, again: bool) {
        if self.pending.answered(peer.index, block, &verdict) {
            let (block, node) = (block.clone(), peer.node.to_string());
            self.tell(KeeperEvent::Answered { block, node, verdict, again });
        }
    }
}

impl Peer {
    /// Submits a block. An answer other than "I have it" is checked against the node's chain: only that
    /// is never misunderstood.
    async fn submit(&self, block: &SolvedBlock) -> Result<Verdict, NodeError> {
        let verdict = match self.node.submit_block(block).await {
            Err(error @ NodeError::Rpc { .. }) if error.is_fatal() => {
                Verdict::Rejected { reason: error.to_string() }
            }
            answer => answer?,
        };
        let is_there =
            !is_taken(&verdict) && self.confirmations(&block.hash).await.is_ok_and(|depth| depth > 0);
        Ok(if is_there { Verdict::Duplicate } else { verdict })
    }
}

/// Waits for the first node that takes the block; if none does, the best of all answers.
pub(super) async fn first_good(mut verdicts: UnboundedReceiver<Verdict>) -> Verdict {
    let mut best = None;
    while let Some(verdict) = verdicts.recv().await {
        match (&verdict, &best) {
            (Verdict::Accepted | Verdict::Duplicate, _) => return Verdict::Accepted,
            (Verdict::Rejected { .. }, Some(Verdict::Inconclusive)) => {}
            _ => best = Some(verdict),
        }
    }
    // Without an answer its fate was sealed meanwhile: the chain has spoken, and `watch` tells how.
    best.unwrap_or(Verdict::Inconclusive)
}

fn is_taken(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Accepted | Verdict::Duplicate)
}

fn lacks_parent(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Rejected { reason } if reason.starts_with("prev-blk-not-found"))
}
