//! Two judges with one history: an embedded chain and, where there is one, a real node.

use std::sync::Arc;

use bitcoin::consensus::encode::serialize_hex;
use bitcoin::{Amount, Block, Network, OutPoint, Transaction, constants::genesis_block};
use miner_node::embedded::{Blockchain, EmbeddedParams, Reason, subsidy};
use miner_tests::{RpcError, TestNode};
use serde_json::{Value, json};

use crate::blocks::{draft, finished, spend};

/// What stands here for `submitblock`'s null.
pub(crate) const GOOD: &str = "null";
/// How high the chain is before any block is judged: enough for mature coins, and past height 144.
const HEIGHT: u32 = 146;
/// The fee of each transaction in a draft.
const FEE: Amount = Amount::from_sat(1000);

pub(crate) struct World {
    chain: Blockchain,
    node: Option<TestNode>,
}

impl World {
    pub(crate) fn without_node() -> Self {
        Self::new(None)
    }

    /// `None`, said aloud, where there is no bitcoind.
    pub(crate) fn with_node(test: &str) -> Option<Self> {
        // Scripts are checked in step with everything else, so that the first fault is the one named.
        let node = TestNode::start(test, &["-par=1", &format!("-mocktime={}", now())])?;
        Some(Self::new(Some(node)))
    }

    fn new(node: Option<TestNode>) -> Self {
        let chain = Blockchain::new(EmbeddedParams::default());
        let mut world = Self { chain, node };
        while world.height() < HEIGHT {
            let block = finished(world.draft());
            assert_eq!(world.submit_to_both(&block, "history"), GOOD);
        }
        world
    }

    pub(crate) fn height(&self) -> u32 {
        self.chain.height()
    }

    pub(crate) fn tip(&self) -> Arc<Block> {
        self.block(self.height())
    }

    pub(crate) fn block(&self, height: u32) -> Arc<Block> {
        self.chain.block_at(height).expect("the chain is higher, and not yet so high that it forgets")
    }

    /// A block on the tip with, as soon as coins are mature, one transaction that spends an old coinbase and
    /// one that spends the first one's change.
    pub(crate) fn draft(&self) -> Block {
        self.draft_on(&self.tip(), self.height() + 1)
    }

    /// The same at `height`, on a parent that need not be the tip.
    pub(crate) fn draft_on(&self, parent: &Block, height: u32) -> Block {
        let first = height.checked_sub(101).filter(|&h| h > 0).map(|h| self.spend_coinbase(h, FEE));
        let second = first.as_ref().map(|first| spend_output(first, 0, FEE));
        let transactions: Vec<Transaction> = first.into_iter().chain(second).collect();
        let value = subsidy(height) + FEE * transactions.len() as u64;
        draft(parent, height, value, transactions)
    }

    /// Spends the first coin in the coinbase of `height`.
    pub(crate) fn spend_coinbase(&self, height: u32, fee: Amount) -> Transaction {
        spend_output(&self.block(height).txdata[0], 0, fee)
    }

    /// What the embedded chain says.
    pub(crate) fn submit(&mut self, block: &Block) -> String {
        own_words(self.chain.submit(block.clone(), now()))
    }

    /// What both judges say to a proposal, which must be the same.
    pub(crate) fn propose_to_both(&mut self, block: &Block, what: &str) {
        let ours = own_words(self.chain.propose(block, now()));
        if let Some(node) = &self.node {
            let request = json!({ "mode": "proposal", "rules": ["segwit"], "data": serialize_hex(block) });
            assert_eq!(words(node.rpc("getblocktemplate", &[request])), ours, "{what}");
        }
    }

    /// What both judges say, which must be the same, as must their tips be.
    pub(crate) fn submit_to_both(&mut self, block: &Block, what: &str) -> String {
        let ours = self.submit(block);
        if let Some(node) = &self.node {
            assert_eq!(words(node.rpc("submitblock", &[json!(serialize_hex(block))])), ours, "{what}");
            let tip = node.rpc("getbestblockhash", &[]).expect("the node is up");
            let own_tip = self.chain.hash_at(self.chain.height()).map(|hash| hash.to_string());
            assert_eq!(tip.as_str(), own_tip.as_deref(), "{what}");
        }
        ours
    }
}

/// What a real node says, without the details that it puts in parentheses behind a script's failure.
fn words(answer: Result<Value, RpcError>) -> String {
    match answer {
        Ok(Value::Null) => GOOD.to_owned(),
        Ok(Value::String(words)) => words.split(" (").next().unwrap_or(&words).to_owned(),
        other => format!("{other:?}"),
    }
}

fn own_words(answer: Result<(), Reason>) -> String {
    answer.map_or_else(|reason| reason.to_string(), |()| GOOD.to_owned())
}

/// Spends one of the chain's own coins in the outputs of a transaction.
pub(crate) fn spend_output(tx: &Transaction, vout: u32, fee: Amount) -> Transaction {
    spend(OutPoint::new(tx.compute_txid(), vout), tx.output[vout as usize].value - fee)
}

/// Both judges' clock: a day after the last block of the history could be.
pub(crate) fn now() -> u32 {
    genesis_block(Network::Regtest).header.time + 2 * 86_400
}
