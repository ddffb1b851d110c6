//! Judging a solution: one path for the engine and for pools, without allocation.
//!
//! ```text
//! job.merkle_root(&terms, &extranonce2) -> root            (worth caching)
//! job.evaluate(&root, &solution)        -> Evaluated       (cannot fail)
//! evaluated.is_block(&job)                                 (first: a block is never refused)
//! job.check(&terms, &solution, &evaluated) -> Share | ShareError
//! ```

use std::sync::Arc;

use bitcoin::block::Header;
use bitcoin::hashes::Hash as _;
use bitcoin::{BlockHash, Target};

use crate::{Extranonce, Job, Share, ShareError, Terms};

/// What a miner chose. The version is the whole header version, as hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Solution {
    /// The miner's part of the extranonce.
    pub extranonce2: Extranonce,
    /// Unix seconds.
    pub time: u32,
    /// The header version with its rolled bits.
    pub version: u32,
    /// The header's nonce, as a number (little-endian in the header).
    pub nonce: u32,
}

/// A solution's header and its hash by the reference implementation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evaluated {
    /// The solved header.
    pub header: Header,
    /// Its double SHA-256.
    pub hash: BlockHash,
}

impl Evaluated {
    /// Whether the hash meets the network target. Asked before anything else.
    pub fn is_block(&self, job: &Job) -> bool {
        job.network_target().is_met_by(self.hash)
    }

    /// The hash as the number that targets are compared with: the lower, the better.
    pub fn hash_value(&self) -> Target {
        Target::from_le_bytes(self.hash.to_byte_array())
    }
}

impl Job {
    /// Holds an evaluated solution against the terms; the error is the first rule broken.
    pub fn check(
        self: &Arc<Self>,
        terms: &Terms,
        solution: &Solution,
        evaluated: &Evaluated,
    ) -> Result<Share, ShareError> {
        let size = solution.extranonce2.size();
        if size != usize::from(terms.extranonce2_size) {
            return Err(ShareError::Extranonce2Size { expected: terms.extranonce2_size.into(), got: size });
        }
        if !self.time().range().contains(&solution.time) {
            let (min, max) = self.time().range().into_inner();
            return Err(ShareError::TimeOutOfRange { min, max, got: solution.time });
        }
        let outside = (solution.version ^ self.version()) & !terms.version_mask.bits();
        if outside != 0 {
            return Err(ShareError::VersionBits { outside });
        }
        let target = terms.search_target(self);
        if !target.is_met_by(evaluated.hash) {
            return Err(ShareError::HighHash { hash: evaluated.hash, target });
        }
        Ok(Share::new(self.clone(), *terms, *solution, *evaluated))
    }

    /// What [`Job::check`] may refuse although it is a block: a block is submitted whatever rule of the
    /// session it breaks. `None` if it is none.
    pub fn block(
        self: &Arc<Self>,
        terms: &Terms,
        solution: &Solution,
        evaluated: &Evaluated,
    ) -> Option<Share> {
        evaluated.is_block(self).then(|| Share::new(self.clone(), *terms, *solution, *evaluated))
    }
}
