//! A share: a solution that was verified with the reference hash.

use std::sync::Arc;

use bitcoin::block::Header;
use bitcoin::{BlockHash, Target};

use crate::{Evaluated, Job, Solution, Terms, target};

/// A verified solution with all that is needed to submit it. [`Job::check`] makes one, and
/// [`Job::block`] makes one of any block.
#[derive(Debug, Clone)]
pub struct Share {
    job: Arc<Job>,
    terms: Terms,
    solution: Solution,
    evaluated: Evaluated,
}

impl Share {
    pub(crate) fn new(job: Arc<Job>, terms: Terms, solution: Solution, evaluated: Evaluated) -> Self {
        Self { job, terms, solution, evaluated }
    }

    /// The job it solves.
    pub fn job(&self) -> &Arc<Job> {
        &self.job
    }

    /// The terms under which it was found.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// What the miner chose.
    pub fn solution(&self) -> &Solution {
        &self.solution
    }

    /// The solved header.
    pub fn header(&self) -> &Header {
        &self.evaluated.header
    }

    /// The header's hash.
    pub fn hash(&self) -> BlockHash {
        self.evaluated.hash
    }

    /// Whether it is a block, whatever else it is.
    pub fn is_block(&self) -> bool {
        self.evaluated.is_block(&self.job)
    }

    /// The target that was asked for and met: the easier of share and network target.
    pub fn target(&self) -> Target {
        self.terms.search_target(&self.job)
    }

    /// The hash as the number that targets are compared with: the lower, the better.
    pub fn hash_value(&self) -> Target {
        self.evaluated.hash_value()
    }

    /// The difficulty that the hash reaches, for display.
    pub fn difficulty(&self) -> f64 {
        target::difficulty(self.hash_value())
    }

    /// The coinbase without witness; `None` where the root was given.
    pub fn coinbase(&self) -> Option<Vec<u8>> {
        self.job.coinbase(&self.terms, &self.solution.extranonce2)
    }

    /// The version bits that Stratum submits: `header.version & negotiated mask` (BIP310).
    pub fn version_bits(&self) -> u32 {
        self.solution.version & self.terms.version_mask.bits()
    }
}

/// The first rule that a solution breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    /// An extranonce2 of another size than agreed.
    #[error("extranonce2 has {got} bytes, {expected} were agreed")]
    Extranonce2Size {
        /// Bytes agreed on.
        expected: usize,
        /// Bytes that came.
        got: usize,
    },
    /// A time outside the job's window.
    #[error("time {got} is outside {min} to {max}")]
    TimeOutOfRange {
        /// The earliest time allowed.
        min: u32,
        /// The latest time allowed.
        max: u32,
        /// The time that came.
        got: u32,
    },
    /// Version bits rolled outside the mask.
    #[error("version bits {outside:08x} were changed outside the negotiated mask")]
    VersionBits {
        /// The offending bits.
        outside: u32,
    },
    /// The hash is above the target.
    #[error("hash {hash} is above the target {target:064x}")]
    HighHash {
        /// The header's hash.
        hash: BlockHash,
        /// The target it misses.
        target: Target,
    },
}
