//! The witness commitment (BIP141): a hash over all witnesses of a block, kept in its coinbase.

use std::iter::once;
use std::ops::Range;

use bitcoin::hashes::{Hash, sha256d};
use bitcoin::{Block, Transaction, Witness, WitnessCommitment, WitnessMerkleNode};
use miner_core::coinbase::is_witness_commitment;

use super::merkle;
use super::reason::{Reason, require};

/// Where the hash lies in the script, behind the prefix.
const HASH: Range<usize> = 6..38;
/// The reserved value that everybody uses; it is the coinbase's witness.
pub(super) const RESERVED: [u8; 32] = [0; 32];

/// Checks a block's commitment, and that a block without one has no witnesses.
pub(super) fn check(block: &Block) -> Result<(), Reason> {
    let mut inputs = block.txdata.iter().flat_map(|tx| &tx.input);
    let Some(committed) = committed_hash(block) else {
        return require(inputs.all(|input| input.witness.is_empty()), "unexpected-witness");
    };
    let witness = inputs.next().map(|input| &input.witness).filter(|witness| witness.len() == 1);
    let reserved = witness.and_then(|witness| witness.nth(0)).filter(|item| item.len() == RESERVED.len());
    let (Some(reserved), Some((_, others))) = (reserved, block.txdata.split_first()) else {
        return Err("bad-witness-nonce-size".into());
    };
    require(committed == hash(others, reserved).as_byte_array(), "bad-witness-merkle-match")
}

/// As `submitblock` does: a coinbase that commits to witnesses but lacks its own gets 32 zero bytes.
pub(super) fn add_missing_reserved_value(block: &mut Block) {
    if committed_hash(block).is_none() {
        return;
    }
    let coinbase = block.txdata.first_mut().and_then(|tx| tx.input.first_mut());
    if let Some(input) = coinbase.filter(|input| input.witness.is_empty()) {
        input.witness = Witness::from_slice(&[RESERVED]);
    }
}

/// The hash that the coinbase commits to; where several outputs do, the last one counts.
fn committed_hash(block: &Block) -> Option<&[u8]> {
    let mut scripts = block.coinbase()?.output.iter().rev().map(|output| &output.script_pubkey);
    scripts.find(|script| is_witness_commitment(script))?.as_bytes().get(HASH)
}

fn hash(transactions: &[Transaction], reserved: &[u8]) -> WitnessCommitment {
    let wtxids = transactions.iter().map(|tx| tx.compute_wtxid().to_raw_hash());
    // The coinbase cannot commit to itself: zeros stand in for it.
    let (root, _) = merkle::root(once(sha256d::Hash::all_zeros()).chain(wtxids).collect());
    Block::compute_witness_commitment(&WitnessMerkleNode::from_raw_hash(root), reserved)
}
