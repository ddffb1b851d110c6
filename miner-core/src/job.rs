//! A job: what a template fixes, shared by every session and backend that works on it.

use std::ops::RangeInclusive;

use bitcoin::block::{Header, Version};

use bitcoin::{BlockHash, CompactTarget, Target, TxMerkleNode};

use crate::judge::{Evaluated, Solution};
use crate::sha256::Prefix;
use crate::target::{self, InvalidBits};
use crate::{Extranonce, Terms, header, merkle};

/// The header times that a job allows, in Unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeWindow {
    /// The earliest valid time (a template's `mintime`).
    pub min: u32,
    /// The time to start at. It then moves with the clock, one second a second.
    pub start: u32,
    /// The latest time to use: the node's time + 7200, or less where a later time changes the rules.
    pub max: u32,
}

impl TimeWindow {
    /// A window around a job's time for which nothing else is known, as in Stratum: it may not fall,
    /// and may rise for two hours.
    pub fn starting_at(start: u32) -> Self {
        Self { min: start, start, max: start.saturating_add(7200) }
    }

    /// Exactly one time.
    pub fn fixed(time: u32) -> Self {
        Self { min: time, start: time, max: time }
    }

    /// The time to mine on, this many seconds after the job arrived.
    pub fn after(&self, seconds: u64) -> u32 {
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
        self.start.max(self.min).saturating_add(seconds).min(self.max)
    }

    /// The valid times.
    pub fn range(&self) -> RangeInclusive<u32> {
        self.min..=self.max
    }
}

/// Where a job's merkle root comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootSource {
    /// A coinbase with an extranonce, and the branch from it to the root.
    Coinbase {
        /// Coinbase bytes before the extranonce.
        prefix: Vec<u8>,
        /// Coinbase bytes behind the extranonce.
        suffix: Vec<u8>,
        /// Siblings from the leaves up, in internal byte order.
        branch: Vec<[u8; 32]>,
    },
    /// A given root: no extranonce can change it (a header to grind, a benchmark).
    Fixed(TxMerkleNode),
}

/// The parts of a [`Job`], by name.
#[derive(Debug, Clone)]
pub struct JobParams {
    /// The source's name for the job: opaque, echoed verbatim.
    pub id: String,
    /// The header version before any bit is rolled.
    pub version: u32,
    /// Version bits that mean something to the network at present (a template's `vbavailable` and
    /// `vbrequired`) and so must not be rolled, whether set or not.
    pub reserved_version_bits: u32,
    /// The block to build on.
    pub prev_blockhash: BlockHash,
    /// The header times allowed.
    pub time: TimeWindow,
    /// The network's target in compact form.
    pub bits: CompactTarget,
    /// Whether earlier jobs are worthless from now on.
    pub clean: bool,
    /// Where the merkle root comes from.
    pub root: RootSource,
}

/// Why a job cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// The bits are no target.
    #[error(transparent)]
    Bits(#[from] InvalidBits),
    /// No time satisfies the window.
    #[error("the job allows no time: {min} is the earliest and {max} the latest")]
    EmptyTimeWindow {
        /// The earliest time.
        min: u32,
        /// The latest time.
        max: u32,
    },
    /// A block with more transactions than 2³² does not exist.
    #[error("the merkle branch has {0} levels, more than the 32 of any block")]
    BranchTooLong(usize),
}

/// Work as its source (pool, node, benchmark) describes it. Shared in an `Arc`; immutable.
#[derive(Debug)]
pub struct Job {
    params: JobParams,
    network_target: Target,
    /// The coinbase prefix, hashed once for all extranonces.
    coinbase: Prefix,
}

impl Job {
    /// Checks the parts and prepares what all hashes of the job share.
    pub fn new(params: JobParams) -> Result<Self, JobError> {
        let network_target = target::from_bits(params.bits)?;
        let TimeWindow { min, max, .. } = params.time;
        if min > max {
            return Err(JobError::EmptyTimeWindow { min, max });
        }
        let coinbase = match &params.root {
            RootSource::Coinbase { branch, .. } if branch.len() > 32 => {
                return Err(JobError::BranchTooLong(branch.len()));
            }
            RootSource::Coinbase { prefix, .. } => Prefix::new(prefix),
            RootSource::Fixed(_) => Prefix::default(),
        };
        Ok(Self { params, network_target, coinbase })
    }

    /// A job that leaves nothing but nonce and version to choose: the header's other fields stand.
    pub fn from_header(id: &str, header: &Header) -> Result<Self, JobError> {
        Self::new(JobParams {
            id: id.to_owned(),
            version: header.version.to_consensus() as u32,
            reserved_version_bits: 0,
            prev_blockhash: header.prev_blockhash,
            time: TimeWindow::fixed(header.time),
            bits: header.bits,
            clean: true,
            root: RootSource::Fixed(header.merkle_root),
        })
    }

    /// The source's name for the job.
    pub fn id(&self) -> &str {
        &self.params.id
    }

    /// The header version before any bit is rolled.
    pub fn version(&self) -> u32 {
        self.params.version
    }

    /// Version bits that must not be rolled although the version leaves them 0.
    pub fn reserved_version_bits(&self) -> u32 {
        self.params.reserved_version_bits
    }

    /// The block to build on.
    pub fn prev_blockhash(&self) -> BlockHash {
        self.params.prev_blockhash
    }

    /// The header times allowed.
    pub fn time(&self) -> TimeWindow {
        self.params.time
    }

    /// The network's target in compact form, as it stands in the header.
    pub fn bits(&self) -> CompactTarget {
        self.params.bits
    }

    /// Where the merkle root comes from.
    pub fn root_source(&self) -> &RootSource {
        &self.params.root
    }

    /// What a hash must meet to be a block.
    pub fn network_target(&self) -> Target {
        self.network_target
    }

    /// Whether earlier jobs are worthless from now on.
    pub fn is_clean(&self) -> bool {
        self.params.clean
    }

    /// Whether an extranonce changes the merkle root.
    pub fn has_coinbase(&self) -> bool {
        matches!(self.params.root, RootSource::Coinbase { .. })
    }

    /// The coinbase without witness, for these terms and this extranonce2; `None` for a fixed root.
    pub fn coinbase(&self, terms: &Terms, extranonce2: &Extranonce) -> Option<Vec<u8>> {
        match &self.params.root {
            RootSource::Coinbase { prefix, suffix, .. } => {
                Some([prefix, terms.extranonce1.as_bytes(), extranonce2.as_bytes(), suffix].concat())
            }
            RootSource::Fixed(_) => None,
        }
    }

    /// The merkle root for these terms and this extranonce2. Worth keeping while only nonce, version and
    /// time change.
    pub fn merkle_root(&self, terms: &Terms, extranonce2: &Extranonce) -> TxMerkleNode {
        match &self.params.root {
            RootSource::Coinbase { suffix, branch, .. } => {
                let rest = [terms.extranonce1.as_bytes(), extranonce2.as_bytes(), suffix];
                merkle::root(self.coinbase.double_sha256(&rest), branch)
            }
            RootSource::Fixed(root) => *root,
        }
    }

    /// The header that a solution stands for, under a root from [`Job::merkle_root`], without its hash.
    pub fn header(&self, root: &TxMerkleNode, solution: &Solution) -> Header {
        Header {
            version: Version::from_consensus(solution.version as i32),
            prev_blockhash: self.params.prev_blockhash,
            merkle_root: *root,
            time: solution.time,
            bits: self.params.bits,
            nonce: solution.nonce,
        }
    }

    /// Builds the header of a solution and hashes it with the reference implementation.
    pub fn evaluate(&self, root: &TxMerkleNode, solution: &Solution) -> Evaluated {
        let header = self.header(root, solution);
        Evaluated { header, hash: header::hash(&header) }
    }

    /// Whether two jobs hash the same headers, but for their times: then a search need not start anew.
    pub fn hashes_like(&self, other: &Self) -> bool {
        let (a, b) = (&self.params, &other.params);
        (a.version, a.reserved_version_bits, a.prev_blockhash, a.bits)
            == (b.version, b.reserved_version_bits, b.prev_blockhash, b.bits)
            && a.root == b.root
    }
}
