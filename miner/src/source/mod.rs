//! Where the work of a run comes from.

pub(crate) mod embedded;
mod login;
pub(crate) mod node;
pub(crate) mod stratum;

use std::sync::Arc;

use miner_node::{Chain, Journal, KeeperEvent, Node, Payout};

use crate::args::NodeArgs;
use crate::exit;
use crate::status::event::Event;

/// Nodes to mine to, and what a run must know of them.
pub(crate) struct NodeSource {
    /// Jobs come from the first; blocks go to all.
    pub(crate) nodes: Vec<Arc<Node>>,
    pub(crate) journal: Option<Journal>,
}

/// Who is to be paid, where that was typed.
fn asked_payout(args: &NodeArgs, chain: Chain) -> anyhow::Result<Option<Payout>> {
    let payout = match (&args.coinbase_addr, &args.coinbase_script) {
        (Some(address), _) => Payout::to_address(address, chain),
        (None, Some(hex)) => Payout::to_script(hex),
        (None, None) => return Ok(None),
    };
    payout.map(Some).map_err(exit::usage)
}

/// A keeper's event in the words of this program; `None` for what goes as it should.
pub(crate) fn told(event: &KeeperEvent) -> Option<Event> {
    Some(match event {
        // The verdict on a new block is told with the block.
        KeeperEvent::Answered { again: false, .. } => return None,
        KeeperEvent::Answered { block, node, verdict, .. } => {
            Event::notice(format!("block {} submitted again to {node}: {}", block.height, verdict.explain()))
        }
        KeeperEvent::Sealed { outcome, .. } if outcome.is_buried() => return None,
        KeeperEvent::Sealed { block, outcome, .. } => {
            Event::notice(format!("block {}: {outcome}", block.height))
        }
        KeeperEvent::Delayed { block, node, error } => {
            Event::error(format!("block {} is kept until {node} takes it: {error}", block.height))
        }
        KeeperEvent::JournalFailed { block, error } => {
            Event::error(format!("block {} is not in the journal: {error}", block.height))
        }
        KeeperEvent::NotArchived { block, error } => {
            let (height, hash) = (block.height, block.hash);
            Event::error(format!(
                "block {height}, {hash}, stays in the journal until the next start: {error}"
            ))
        }
        KeeperEvent::Corrupt(file) => {
            Event::error(format!("block journal: {} is left out: {}", file.path.display(), file.damage))
        }
    })
}
