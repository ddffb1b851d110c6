//! A found block on its way: from the share to the nodes' verdict, in the words of events and ledger.

use std::sync::Arc;

use miner_core::Share;
use miner_engine::Found;
use miner_node::{BlockKeeper, Node, NodeError, Verdict};
use miner_stratum::ledger::Fate;

use crate::status::event::{Block, Event, Proof, asked_difficulty};

/// A block and what became of it.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) share: Share,
    pub(crate) fate: Fate,
    pub(crate) events: [Event; 2],
}

/// Submits a found block and waits for the verdict, as long as that takes.
pub(crate) async fn deliver(found: Found, keeper: BlockKeeper, node: Arc<Node>) -> Judged {
    let template = node.template(found.share.job()).ok();
    let verdict = keeper.submit(&found.share).await;
    let (fate, result) = fate(&verdict);
    let reason = match &verdict {
        Ok(Verdict::Accepted) => None,
        Ok(verdict) => Some(verdict.explain()),
        Err(error) => Some(error.to_string()),
    };
    let Found { share, device } = found;
    let proof = Proof::new(&share, &device);
    let hash = share.hash().to_string();
    let block = Block {
        height: template.as_ref().map_or(0, |template| template.height()),
        hash: hash.clone(),
        result,
        reason: reason.clone(),
        transactions: template.as_ref().map_or(0, |template| template.transactions()),
        reward: template.as_ref().map_or(0.0, |template| template.reward().to_btc()),
        difficulty: asked_difficulty(&share),
        proof: proof.clone(),
    };
    let share_event =
        Event::Share { status: fate.word(), reason, difficulty: share.difficulty(), hash, proof };
    Judged { share, fate, events: [share_event, Event::Block(block)] }
}

/// What a verdict means for the ledger, and the result that the event tells.
fn fate(verdict: &Result<Verdict, NodeError>) -> (Fate, &'static str) {
    match verdict {
        Ok(Verdict::Accepted) => (Fate::Accepted, "accepted"),
        Ok(Verdict::Inconclusive) => (Fate::Accepted, "inconclusive"),
        // The very same block was found before, and counted: a node that forgot its tip asks for it again.
        Ok(Verdict::Duplicate) => (Fate::Rejected("duplicate".to_owned()), "duplicate"),
        Ok(Verdict::Rejected { reason }) => (Fate::Rejected(reason.clone()), "rejected"),
        Err(error) => (Fate::Lost(error.to_string()), "undelivered"),
    }
}
