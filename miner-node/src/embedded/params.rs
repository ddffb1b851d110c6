//! The parameters of an embedded chain, and the rules that follow from a height alone.

use bitcoin::{Amount, CompactTarget, Target};
use miner_core::target::{self, InvalidDifficulty};

/// Regtest halves its subsidy every so many blocks.
const HALVING_INTERVAL: u32 = 150;
/// The time of regtest's genesis block, in Unix seconds.
const GENESIS_TIME: u32 = 1_296_688_602;
const FIRST_SUBSIDY: u64 = 5_000_000_000;

/// What an embedded chain is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmbeddedParams {
    /// The bits of every block above the pre-mined ones. 207fffff, regtest's own, makes half of all hashes
    /// a block.
    pub bits: CompactTarget,
    /// How many blocks are there at the start. They are mined for real but always at 207fffff (as a real
    /// chain's first blocks were: from there on `bits` holds), so that this takes no time. From 101 on, there
    /// is something mature to spend.
    pub premined: u32,
    /// Fixes the transactions and the time of every block (the genesis block's, then 1 s a block): two runs
    /// which find the same solutions end with the same tip. Without one, time is the machine's.
    pub seed: Option<u64>,
    /// How many transactions a template has, as far as there are mature coins for them.
    pub transactions: usize,
}

impl Default for EmbeddedParams {
    /// Plain regtest: 207fffff, nothing pre-mined, no seed.
    fn default() -> Self {
        Self { bits: easiest_bits(), premined: 0, seed: None, transactions: 4 }
    }
}

impl EmbeddedParams {
    /// A chain to mine on for its own sake: 101 blocks high, at this difficulty (or regtest's, where that is
    /// higher).
    ///
    /// # Errors
    /// For a difficulty that no target belongs to.
    pub fn at_difficulty(difficulty: f64, seed: Option<u64>) -> Result<Self, InvalidDifficulty> {
        let target = target::from_difficulty(difficulty)?.min(Target::MAX_ATTAINABLE_REGTEST);
        Ok(Self { bits: target.to_compact_lossy(), premined: 101, seed, ..Self::default() })
    }

    /// The bits that a block at `height` must have.
    pub(super) fn bits_at(&self, height: u32) -> CompactTarget {
        if height <= self.premined { easiest_bits() } else { self.bits }
    }

    /// The time of the block at `height`, where it is fixed.
    pub(super) fn fixed_time(&self, height: u32) -> Option<u32> {
        (self.seed.is_some() || height <= self.premined).then(|| GENESIS_TIME.saturating_add(height))
    }
}

/// 207fffff.
fn easiest_bits() -> CompactTarget {
    Target::MAX_ATTAINABLE_REGTEST.to_compact_lossy()
}

/// The subsidy of a regtest block: 50 BTC, halved every 150 blocks, nothing from height 4,950 on.
pub fn subsidy(height: u32) -> Amount {
    Amount::from_sat(FIRST_SUBSIDY.checked_shr(height / HALVING_INTERVAL).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subsidy_halves_and_ends() {
        let heights = [0, 149, 150, 299, 300, 4949, 4950, 9600, u32::MAX];
        let sats = heights.map(|height| subsidy(height).to_sat());
        assert_eq!(
            sats,
            [5_000_000_000, 5_000_000_000, 2_500_000_000, 2_500_000_000, 1_250_000_000, 1, 0, 0, 0]
        );
    }

    #[test]
    fn the_work_of_a_height_is_regtests_up_to_the_premined_ones() {
        let bits = CompactTarget::from_consensus(0x1e00_ffff);
        let params = EmbeddedParams { bits, premined: 101, ..EmbeddedParams::default() };
        assert_eq!(params.bits_at(101).to_consensus(), 0x207f_ffff);
        assert_eq!(params.bits_at(102), bits);
    }
}
