//! When enough is mined.

use miner_core::Share;

/// Accepted shares, or blocks among them, after which a run is done: whichever comes first.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Goal {
    pub(crate) shares: Option<u64>,
    pub(crate) blocks: Option<u64>,
}

/// What was accepted so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Accepted {
    pub(crate) shares: u64,
    pub(crate) blocks: u64,
}

impl Goal {
    /// Whether there is one.
    pub(crate) fn is_set(&self) -> bool {
        self.shares.is_some() || self.blocks.is_some()
    }

    /// Whether this is enough.
    pub(crate) fn is_met_by(&self, accepted: Accepted) -> bool {
        self.shares.is_some_and(|goal| accepted.shares >= goal)
            || self.blocks.is_some_and(|goal| accepted.blocks >= goal)
    }

    /// The number of shares that is enough where each is a block.
    pub(crate) fn solo(&self) -> Option<u64> {
        self.shares.into_iter().chain(self.blocks).min()
    }
}

impl Accepted {
    pub(crate) fn count(&mut self, share: &Share) {
        self.shares += 1;
        self.blocks += u64::from(share.is_block());
    }
}
