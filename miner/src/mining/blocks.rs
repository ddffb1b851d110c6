//! A found block on its way to the nodes: from the share to their verdict, in the words of ledger and events.

use std::sync::Arc;

use miner_core::{Share, target};
use miner_engine::Found;
use miner_node::{BlockKeeper, Node, NodeError, Template, Verdict};
use miner_stratum::ledger::Fate;

use super::upstream::Judged;
use crate::status::event::{Block, Proof};

/// Submits a found block and waits for the verdict, as long as that takes.
pub(crate) async fn deliver(found: Found, keeper: BlockKeeper, node: Arc<Node>) -> Judged {
    let template = node.template(found.share.job()).ok();
    let verdict = keeper.submit(&found.share).await;
    let Found { share, device } = found;
    let block = event(&share, &device, template.as_deref(), &verdict);
    Judged { share, device, fate: fate(&verdict).0, latency: None, block: Some(block) }
}

/// A block and its verdict, as it is told. `finder`: the device, or the worker of a pool.
pub(crate) fn event(
    share: &Share,
    finder: &str,
    template: Option<&Template>,
    verdict: &Result<Verdict, NodeError>,
) -> Block {
    let reason = match verdict {
        Ok(Verdict::Accepted) => None,
        Ok(Verdict::Duplicate) => Some("it was found before".to_owned()),
        Ok(verdict) => Some(verdict.explain()),
        Err(error) => Some(error.to_string()),
    };
    Block {
        height: template.map(Template::height),
        hash: share.hash().to_string(),
        result: fate(verdict).1,
        reason,
        transactions: template.map(Template::transactions),
        reward: template.map(|template| template.reward().to_btc()),
        difficulty: target::difficulty(share.job().network_target()),
        proof: Proof::new(share, finder),
    }
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
