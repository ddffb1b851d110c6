//! What a block must be by itself, in the order of Bitcoin Core's `CheckBlock`. Nothing here knows a chain.

use std::collections::HashSet;

use bitcoin::consensus::encode::VarInt;
use bitcoin::{Amount, Block, Target, Transaction, Weight};

use super::merkle;
use super::reason::{Reason, require};

/// The most signature operations of a block, in the weighted count of BIP141.
pub(super) const MAX_SIGOPS_COST: usize = 80_000;
const WITNESS_SCALE: usize = Weight::WITNESS_SCALE_FACTOR as usize;
const HEADER_SIZE: usize = 80;

/// Checks the work, and then the rest.
pub(super) fn check(block: &Block) -> Result<(), Reason> {
    check_work(block)?;
    check_but_work(block)
}

/// Checks merkle root, length, the coinbase's place, each transaction by itself, and the signature operations
/// that show without the outputs spent.
pub(super) fn check_but_work(block: &Block) -> Result<(), Reason> {
    check_merkle_root(block)?;
    check_length(block)?;
    require(block.coinbase().is_some_and(Transaction::is_coinbase), "bad-cb-missing")?;
    require(!block.txdata.iter().skip(1).any(Transaction::is_coinbase), "bad-cb-multiple")?;
    block.txdata.iter().try_for_each(check_transaction)?;
    let sigops: usize = block.txdata.iter().map(legacy_sigops).sum();
    require(sigops * WITNESS_SCALE <= MAX_SIGOPS_COST, "bad-blk-sigops")
}

/// The hash must meet the target that the header itself claims, and that one be no easier than regtest's.
/// A target that is negative or overflows is read as 0, which no hash meets.
fn check_work(block: &Block) -> Result<(), Reason> {
    let target = block.header.target();
    let met = target <= Target::MAX_ATTAINABLE_REGTEST && target.is_met_by(block.block_hash());
    require(met, "high-hash")
}

fn check_merkle_root(block: &Block) -> Result<(), Reason> {
    let txids = block.txdata.iter().map(|tx| tx.compute_txid().to_raw_hash()).collect();
    let (root, repeated) = merkle::root(txids);
    require(root == block.header.merkle_root.to_raw_hash(), "bad-txnmrklroot")?;
    require(!repeated, "bad-txns-duplicate")
}

fn check_length(block: &Block) -> Result<(), Reason> {
    let count = block.txdata.len();
    let transactions: usize = block.txdata.iter().map(Transaction::base_size).sum();
    let size = HEADER_SIZE + VarInt::from(count).size() + transactions;
    require(count > 0 && fits_in_block(count) && fits_in_block(size), "bad-blk-length")
}

/// Whether so many bytes, none of them witness, are within a block's weight.
fn fits_in_block(bytes: usize) -> bool {
    bytes <= Weight::MAX_BLOCK.to_wu() as usize / WITNESS_SCALE
}

/// Core's `CheckTransaction`.
fn check_transaction(tx: &Transaction) -> Result<(), Reason> {
    require(!tx.input.is_empty(), "bad-txns-vin-empty")?;
    require(!tx.output.is_empty(), "bad-txns-vout-empty")?;
    require(fits_in_block(tx.base_size()), "bad-txns-oversize")?;
    check_output_values(tx)?;
    let mut seen = HashSet::new();
    let distinct = tx.input.iter().all(|input| seen.insert(input.previous_output));
    require(distinct, "bad-txns-inputs-duplicate")?;
    if tx.is_coinbase() {
        let length = tx.input.first().map_or(0, |input| input.script_sig.len());
        require((2..=100).contains(&length), "bad-cb-length")
    } else {
        require(!tx.input.iter().any(|input| input.previous_output.is_null()), "bad-txns-prevout-null")
    }
}

fn check_output_values(tx: &Transaction) -> Result<(), Reason> {
    let mut total = Amount::ZERO;
    for output in &tx.output {
        require(i64::try_from(output.value.to_sat()).is_ok(), "bad-txns-vout-negative")?;
        require(output.value <= Amount::MAX_MONEY, "bad-txns-vout-toolarge")?;
        total += output.value;
        require(total <= Amount::MAX_MONEY, "bad-txns-txouttotal-toolarge")?;
    }
    Ok(())
}

fn legacy_sigops(tx: &Transaction) -> usize {
    let inputs = tx.input.iter().map(|input| input.script_sig.count_sigops_legacy());
    let outputs = tx.output.iter().map(|output| output.script_pubkey.count_sigops_legacy());
    inputs.chain(outputs).sum()
}
