//! Which headers were taken: one share counts once, whichever session it comes from and however it is written.

use std::collections::{HashMap, HashSet};

use miner_core::Share;
use miner_core::bitcoin::BlockHash;
use miner_core::bitcoin::hashes::Hash as _;

/// Half a header's hash, the half without its leading zeros: two that agree in it do not occur.
type Half = [u8; 16];

/// The headers taken for the jobs that shares may come for, by the block that they build on: the same header never
/// builds on two.
#[derive(Debug, Default)]
pub struct Registry {
    taken: HashMap<BlockHash, HashSet<Half>>,
}

impl Registry {
    /// Takes a share; false if its header was taken before.
    pub fn take(&mut self, share: &Share) -> bool {
        let hash = share.hash().to_byte_array();
        let half = *hash.first_chunk().expect("16 of 32 bytes");
        self.taken.entry(share.job().prev_blockhash()).or_default().insert(half)
    }

    /// Forgets all headers but those on `tips`: no share for others is taken any more.
    pub fn retain(&mut self, tips: &[BlockHash]) {
        self.taken.retain(|tip, _| tips.contains(tip));
    }

    /// Headers that are remembered.
    pub fn len(&self) -> usize {
        self.taken.values().map(HashSet::len).sum()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
