//! What a block must be at its place in the chain, in the order of Bitcoin Core's
//! `ContextualCheckBlockHeader` and `ContextualCheckBlock`. Coins are not looked at here.

use std::ops::Range;

use bitcoin::blockdata::block::Header;
use bitcoin::hashes::Hash;
use bitcoin::script::Builder;
use bitcoin::{Block, CompactTarget, ScriptBuf, Transaction, Weight, WitnessCommitment};

use miner_core::coinbase::is_witness_commitment;

use super::block_rules::merkle_root;
use super::reason::{Reason, require};

/// How far a block's time may be ahead of the node's, in seconds.
const MAX_FUTURE_SECONDS: u32 = 2 * 60 * 60;
/// BIP34, BIP66 and BIP65 ask for versions 2, 3 and 4; on regtest all of them from height 1 on.
const MIN_VERSION: i32 = 4;
/// Where the hash lies in an output that commits to the witnesses: behind OP_RETURN, push and mark (BIP141).
const COMMITMENT: Range<usize> = 6..38;

/// The place right after some block: what the chain demands of whatever stands there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The height of the place.
    pub(super) height: u32,
    /// The bits that the chain requires there.
    pub(super) bits: CompactTarget,
    /// The median time of the eleven blocks before, in Unix seconds (BIP113).
    pub(super) median_time_past: u32,
}

impl Place {
    /// Checks bits, time and version of a header against the place and the node's time, in Unix seconds.
    pub(super) fn check_header(&self, header: &Header, now: u32) -> Result<(), Reason> {
        require(header.bits == self.bits, "bad-diffbits")?;
        require(header.time > self.median_time_past, "time-too-old")?;
        require(header.time <= now.saturating_add(MAX_FUTURE_SECONDS), "time-too-new")?;
        let version = header.version.to_consensus();
        if version < MIN_VERSION { Err(format!("bad-version(0x{version:08x})").into()) } else { Ok(()) }
    }

    /// Checks lock times, the height in the coinbase, the witness commitment and the weight.
    pub(super) fn check_body(&self, block: &Block) -> Result<(), Reason> {
        require(block.txdata.iter().all(|tx| self.is_final(tx)), "bad-txns-nonfinal")?;
        require(coinbase_script(block).starts_with(height_push(self.height).as_bytes()), "bad-cb-height")?;
        check_witness(block)?;
        require(block.weight() <= Weight::MAX_BLOCK, "bad-blk-weight")
    }

    /// BIP113: the lock time lies before the place, or no input insists on it.
    fn is_final(&self, tx: &Transaction) -> bool {
        let cutoff = if tx.lock_time.is_block_height() { self.height } else { self.median_time_past };
        tx.lock_time.to_consensus_u32() < cutoff || !tx.is_lock_time_enabled()
    }
}

/// The height as BIP34 wants it at the start of the coinbase's script: OP_1 to OP_16, then minimal pushes.
fn height_push(height: u32) -> ScriptBuf {
    Builder::new().push_int(i64::from(height)).into_script()
}

fn coinbase_script(block: &Block) -> &[u8] {
    block.coinbase().and_then(|tx| tx.input.first()).map_or(&[], |input| input.script_sig.as_bytes())
}

/// Checks the witness commitment of BIP141, and that a block without one has no witnesses.
fn check_witness(block: &Block) -> Result<(), Reason> {
    let Some(commitment) = witness_commitment(block) else {
        let witness_free = block.txdata.iter().flat_map(|tx| &tx.input).all(|input| input.witness.is_empty());
        return require(witness_free, "unexpected-witness");
    };
    let witness = block.coinbase().and_then(|tx| tx.input.first()).map(|input| &input.witness);
    let reserved = witness.filter(|witness| witness.len() == 1).and_then(|witness| witness.nth(0));
    let Some(reserved) = reserved.filter(|reserved| reserved.len() == 32) else {
        return Err("bad-witness-nonce-size".into());
    };
    require(commitment == expected_commitment(block, reserved).as_byte_array(), "bad-witness-merkle-match")
}

fn expected_commitment(block: &Block, reserved: &[u8]) -> WitnessCommitment {
    // The coinbase cannot commit to itself: zeros stand in for it.
    let coinbase = std::iter::once(bitcoin::hashes::sha256d::Hash::all_zeros());
    let others = block.txdata.iter().skip(1).map(|tx| tx.compute_wtxid().to_raw_hash());
    let (root, _) = merkle_root(coinbase.chain(others).collect());
    Block::compute_witness_commitment(&bitcoin::WitnessMerkleNode::from_raw_hash(root), reserved)
}

/// The 32 bytes that the coinbase commits to; where several outputs do, the last one counts.
pub(super) fn witness_commitment(block: &Block) -> Option<&[u8]> {
    let scripts = block.coinbase()?.output.iter().rev().map(|output| &output.script_pubkey);
    scripts
        .filter(|script| is_witness_commitment(script))
        .find_map(|script| script.as_bytes().get(COMMITMENT))
}
