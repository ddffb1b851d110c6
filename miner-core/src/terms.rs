//! What one session negotiates on top of a job: extranonces, version mask and share target.

use bitcoin::Target;

use crate::{Extranonce, Job};

/// The header version bits that may be rolled (BIP310), as the session agreed on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct VersionMask(u32);

impl VersionMask {
    /// Nothing may be rolled.
    pub const NONE: Self = Self(0);
    /// The sixteen bits that BIP320 reserves for miners.
    pub const BIP320: Self = Self(0x1fff_e000);

    /// A mask of any bits but the topmost: with bit 31 set a version is negative and its block invalid.
    pub const fn new(bits: u32) -> Self {
        Self(bits & 0x7fff_ffff)
    }

    /// The mask as a number.
    pub const fn bits(self) -> u32 {
        self.0
    }
}

/// What a session fixes and a job does not: one job serves any number of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// The part of the extranonce that the pool assigned to this session.
    pub extranonce1: Extranonce,
    /// Bytes of extranonce that the miner chooses, 0 to 16.
    pub extranonce2_size: u8,
    /// The version bits that may be rolled.
    pub version_mask: VersionMask,
    /// What a share must meet. [`Target::ZERO`]: no shares are wanted, blocks alone (see [`Terms::solo`]).
    pub share_target: Target,
}

impl Terms {
    /// Terms for mining to a node: the whole extranonce is the miner's, and only blocks count.
    pub fn solo(extranonce2_size: u8, version_mask: VersionMask) -> Self {
        Self { extranonce1: Extranonce::EMPTY, extranonce2_size, version_mask, share_target: Target::ZERO }
    }

    /// The version bits that may be rolled on `job`: negotiated, not set by the job and not reserved by it.
    pub fn rollable_bits(&self, job: &Job) -> u32 {
        self.version_mask.bits() & !job.version() & !job.reserved_version_bits()
    }

    /// The target to search for: the easier of share and network target, so that no block is missed
    /// where the network is easier than the share target (regtest).
    pub fn search_target(&self, job: &Job) -> Target {
        self.share_target.max(job.network_target())
    }

    /// Whether every hash worth finding is a block: the search may stop at the first.
    pub fn every_hit_is_a_block(&self, job: &Job) -> bool {
        job.network_target() >= self.share_target
    }
}
