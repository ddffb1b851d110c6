//! The embedded regtest chain: real hashing, no node.

use std::sync::Arc;

use miner_node::embedded::{EmbeddedNode, EmbeddedParams, anyone_can_spend};
use miner_node::{Chain, CoinbaseOptions, Node, Payout};

use super::{NodeSource, asked_payout};
use crate::args::{MiningArgs, NodeArgs};
use crate::exit;
use crate::status::Output;
use crate::status::event::Event;

/// The difficulty of a repeatable run: the same on every machine.
const SEEDED_DIFFICULTY: f64 = 0.002;

/// The difficulty of the chain. Unless it was typed, it follows from the hashrate, as far as that is allowed: a block a
/// second.
pub(crate) fn difficulty(mining: &MiningArgs, hashrate: impl FnOnce() -> f64) -> f64 {
    match (mining.difficulty, mining.seed) {
        (Some(difficulty), _) => difficulty,
        (None, Some(_)) => SEEDED_DIFFICULTY,
        (None, None) => hashrate().min(mining.max_hashrate.unwrap_or(f64::MAX)) / 4_294_967_296.0,
    }
}

/// Starts the chain.
pub(crate) fn open(
    args: &NodeArgs,
    mining: &MiningArgs,
    difficulty: f64,
    output: &mut Output,
) -> anyhow::Result<NodeSource> {
    let params = EmbeddedParams::at_difficulty(difficulty, mining.seed).map_err(exit::usage)?;
    let (payout, named) = payout(asked_payout(args, Chain::Regtest)?)?;
    output.tell(&Event::Connected {
        url: "a chain of its own in memory".to_owned(),
        chain: "regtest".to_owned(),
        height: params.premined,
        payout: format!("blocks pay {named}"),
    });
    let coinbase = CoinbaseOptions { payout, signature: args.coinbase_sig.clone().into_bytes() };
    let node = Arc::new(Node::from(EmbeddedNode::new(params, coinbase)?));
    Ok(NodeSource { nodes: vec![node], journal: None })
}

/// Who is paid, and in words. The chain's own coins are what its transactions spend.
pub(crate) fn payout(asked: Option<Payout>) -> anyhow::Result<(Payout, String)> {
    if let Some(payout) = asked {
        let named = payout.to_string();
        return Ok((payout, named));
    }
    let own = Payout::to_script(&anyone_can_spend().to_hex_string()).map_err(exit::usage)?;
    Ok((own, "the chain itself".to_owned()))
}

/// Commands to try next.
pub(crate) fn next_commands() -> Vec<String> {
    let command = |command: &str, what: &str| format!("{command:30} {what}");
    vec![
        command("miner solo --chain regtest", "mine on your own bitcoind -regtest"),
        command("miner bench", "measure every kernel of this CPU"),
        command("miner --help", "everything else"),
    ]
}
