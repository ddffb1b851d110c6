//! The embedded regtest chain: real hashing, no node.

use std::sync::Arc;

use miner_node::embedded::{EmbeddedNode, EmbeddedParams, anyone_can_spend};
use miner_node::{Chain, CoinbaseOptions, Node, Payout};

use super::Source;
use crate::args::{MiningArgs, NodeArgs};
use crate::exit;
use crate::status::Output;
use crate::status::event::Event;

/// The difficulty of a repeatable run: the same on every machine.
const SEEDED_DIFFICULTY: f64 = 0.002;

/// Starts the chain. `rate`: hashes a second, from which the difficulty follows: a block a second.
pub(crate) fn open(
    args: &NodeArgs,
    mining: &MiningArgs,
    rate: f64,
    output: &mut Output,
) -> anyhow::Result<Source> {
    let difficulty = match (mining.difficulty, mining.seed) {
        (Some(difficulty), _) => difficulty,
        (None, Some(_)) => SEEDED_DIFFICULTY,
        (None, None) => rate / 4_294_967_296.0,
    };
    let params = EmbeddedParams::at_difficulty(difficulty, mining.seed).map_err(exit::usage)?;
    let (payout, named) = payout(args)?;
    output.tell(&Event::Connected {
        url: "a chain of its own in memory".to_owned(),
        chain: "regtest".to_owned(),
        height: params.premined,
        payout: format!("blocks pay {named}"),
    });
    let coinbase = CoinbaseOptions { payout, signature: args.coinbase_sig.clone().into_bytes() };
    let node = Arc::new(Node::from(EmbeddedNode::new(params, coinbase)?));
    Ok(Source { nodes: vec![node], journal: None, next_commands: next_commands() })
}

/// Who is paid, and in words. The chain's own coins are what its transactions spend.
fn payout(args: &NodeArgs) -> anyhow::Result<(Payout, String)> {
    let payout = match (&args.coinbase_addr, &args.coinbase_script) {
        (Some(address), _) => Payout::to_address(address, Chain::Regtest).map_err(exit::usage)?,
        (None, Some(hex)) => Payout::to_script(hex).map_err(exit::usage)?,
        (None, None) => {
            let own = Payout::to_script(&anyone_can_spend().to_hex_string()).map_err(exit::usage)?;
            return Ok((own, "the chain itself".to_owned()));
        }
    };
    let named = payout.to_string();
    Ok((payout, named))
}

fn next_commands() -> Vec<String> {
    let command = |command: &str, what: &str| format!("{command:30} {what}");
    vec![
        command("miner solo --chain regtest", "mine on your own bitcoind -regtest"),
        command("miner bench", "measure every kernel of this CPU"),
        command("miner --help", "everything else"),
    ]
}
