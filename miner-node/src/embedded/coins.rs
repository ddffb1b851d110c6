//! The unspent outputs of the best chain, and how a block's changes to them are undone. What a spend must
//! satisfy is decided in `connect`.

use std::collections::{BTreeSet, HashMap};

use bitcoin::{Block, OutPoint, Transaction, TxOut};

use super::scripts;

/// Scripts longer than this can never be run.
const MAX_SCRIPT_SIZE: usize = 10_000;

/// How many blocks a coinbase output must wait until it may be spent.
const COINBASE_MATURITY: u32 = 100;

/// An unspent output.
#[derive(Debug, Clone)]
pub(super) struct Coin {
    pub(super) output: TxOut,
    /// The height of the block that made it.
    pub(super) height: u32,
    /// Whether a coinbase made it, so that it has to mature.
    pub(super) coinbase: bool,
}

impl Coin {
    /// Whether a block at `height` may spend it.
    pub(super) fn is_mature(&self, height: u32) -> bool {
        !self.coinbase || height.saturating_sub(self.height) >= COINBASE_MATURITY
    }
}

/// The coins that a block spent: what it takes to undo it.
pub(super) type Spent = Vec<(OutPoint, Coin)>;

/// All unspent outputs, with the chain's own ones listed by age.
#[derive(Debug, Default)]
pub(super) struct Coins {
    all: HashMap<OutPoint, Coin>,
    own: BTreeSet<(u32, OutPoint)>,
}

impl Coins {
    pub(super) fn get(&self, outpoint: &OutPoint) -> Option<&Coin> {
        self.all.get(outpoint)
    }

    /// The chain's own coins, oldest first.
    pub(super) fn own(&self) -> impl Iterator<Item = (OutPoint, &Coin)> {
        self.own.iter().filter_map(|(_, outpoint)| Some((*outpoint, self.get(outpoint)?)))
    }

    pub(super) fn insert(&mut self, outpoint: OutPoint, coin: Coin) {
        if scripts::is_own(&coin.output.script_pubkey) {
            self.own.insert((coin.height, outpoint));
        }
        self.all.insert(outpoint, coin);
    }

    pub(super) fn remove(&mut self, outpoint: &OutPoint) -> Option<Coin> {
        let coin = self.all.remove(outpoint)?;
        self.own.remove(&(coin.height, *outpoint));
        Some(coin)
    }

    /// Adds the outputs of a transaction, but for those that no script can ever spend.
    pub(super) fn add_outputs(&mut self, tx: &Transaction, height: u32) {
        for (outpoint, output) in outputs(tx) {
            let script = &output.script_pubkey;
            if !script.is_op_return() && script.len() <= MAX_SCRIPT_SIZE {
                self.insert(outpoint, Coin { output: output.clone(), height, coinbase: tx.is_coinbase() });
            }
        }
    }

    /// Takes back what a block changed, wholly or up to some transaction: its outputs go, and what it spent
    /// returns (but for its own outputs, which it may have spent itself).
    pub(super) fn undo(&mut self, block: &Block, spent: Spent) {
        for (outpoint, coin) in spent {
            self.insert(outpoint, coin);
        }
        for (outpoint, _) in block.txdata.iter().flat_map(outputs) {
            self.remove(&outpoint);
        }
    }
}

/// The outputs of a transaction with the names by which they are spent.
pub(super) fn outputs(tx: &Transaction) -> impl Iterator<Item = (OutPoint, &TxOut)> {
    let txid = tx.compute_txid();
    (0..).zip(&tx.output).map(move |(vout, output)| (OutPoint { txid, vout }, output))
}
