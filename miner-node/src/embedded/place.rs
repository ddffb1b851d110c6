//! What a block must be at its place in the chain, in the order of Bitcoin Core's
//! `ContextualCheckBlockHeader` and `ContextualCheckBlock`. Coins are not looked at here.

use bitcoin::blockdata::block::Header;
use bitcoin::script::Builder;
use bitcoin::{Block, CompactTarget, ScriptBuf, Transaction, Weight};

use super::commitment;
use super::reason::{Reason, require};

/// How far a block's time may be ahead of the node's, in seconds.
pub(super) const MAX_FUTURE_SECONDS: u32 = 2 * 60 * 60;
/// BIP34, BIP66 and BIP65 ask for versions 2, 3 and 4; on regtest all of them from height 1 on.
const MIN_VERSION: i32 = 4;

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
        commitment::check(block)?;
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
