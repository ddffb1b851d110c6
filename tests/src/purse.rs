//! Coins that anybody can spend, so that tests need no wallet, whose every address costs a sync of the disk.

use std::collections::VecDeque;

use bitcoin::absolute::LockTime;
use bitcoin::consensus::encode::serialize_hex;
use bitcoin::transaction::Version;
use bitcoin::{Amount, BlockHash, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, Witness};
use serde_json::{Value, json};

use crate::TestNode;

/// What a spend must show: the script `OP_TRUE`, whose hash the coins pay to (P2WSH).
const OP_TRUE: [u8; 1] = [0x51];
/// Blocks after which a coinbase may be spent.
const MATURITY: u32 = 100;

/// A coin that anybody can spend.
#[derive(Debug, Clone, Copy)]
pub struct Coin {
    /// Where it is.
    pub outpoint: OutPoint,
    /// What it is worth.
    pub value: Amount,
}

/// Mature coins of a regtest node, oldest first.
#[derive(Debug)]
pub struct Purse(VecDeque<Coin>);

impl Purse {
    /// Mines as many coins, and the blocks that make them mature.
    ///
    /// # Panics
    /// When the node does not.
    pub fn filled(node: &TestNode, coins: u32) -> Self {
        let hashes = mine(node, coins + MATURITY);
        Self(hashes.iter().take(coins as usize).map(|hash| coinbase(node, hash)).collect())
    }

    /// Takes the oldest coin.
    ///
    /// # Panics
    /// When there is none.
    pub fn take(&mut self) -> Coin {
        self.0.pop_front().expect("the test filled its purse")
    }
}

/// Mines blocks of whatever is in the mempool that pay to anybody, the oldest one's hash first.
///
/// # Panics
/// When the node does not.
pub fn mine(node: &TestNode, blocks: u32) -> Vec<BlockHash> {
    let descriptor = format!("raw({})", script().to_hex_string());
    let hashes = node.rpc("generatetodescriptor", &[json!(blocks), json!(descriptor)]);
    serde_json::from_value(hashes.expect("regtest mines on request")).expect("hashes of blocks")
}

/// Spends coins in equal parts, replaceably, and leaves a fee in satoshis; the new coins.
///
/// # Panics
/// When the node refuses the transaction.
pub fn spend(node: &TestNode, coins: &[Coin], parts: u32, fee: u64) -> Vec<Coin> {
    let value: Amount = coins.iter().map(|coin| coin.value).sum();
    let value = (value - Amount::from_sat(fee)) / u64::from(parts);
    let transaction = Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: coins.iter().map(input).collect(),
        output: vec![TxOut { value, script_pubkey: script() }; parts as usize],
    };
    let sent = node.rpc("sendrawtransaction", &[json!(serialize_hex(&transaction))]);
    let sent: Txid = serde_json::from_value(sent.expect("the node takes it")).expect("an id");
    (0..parts).map(|vout| Coin { outpoint: OutPoint::new(sent, vout), value }).collect()
}

fn script() -> ScriptBuf {
    ScriptBuf::from_bytes(OP_TRUE.to_vec()).to_p2wsh()
}

fn input(coin: &Coin) -> TxIn {
    TxIn {
        previous_output: coin.outpoint,
        script_sig: ScriptBuf::new(),
        sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
        witness: Witness::from_slice(&[OP_TRUE]),
    }
}

fn coinbase(node: &TestNode, block: &BlockHash) -> Coin {
    let block = node.rpc("getblock", &[json!(block), json!(2)]).expect("the node knows its blocks");
    let coinbase: &Value = &block["tx"][0];
    let txid = serde_json::from_value(coinbase["txid"].clone()).expect("an id");
    let value = coinbase["vout"][0]["value"].as_f64().expect("a number");
    Coin { outpoint: OutPoint::new(txid, 0), value: Amount::from_btc(value).expect("an amount") }
}
