//! The space of headers under a job, dealt out in units that never overlap.
//!
//! The walk goes nonce → version group → extranonce2; when all is used up it waits for a later second
//! and begins anew. Core has no clock: the time since the job arrived is passed in.

use std::sync::Arc;
use std::time::Duration;

use bitcoin::TxMerkleNode;
use bitcoin::hashes::Hash as _;

use crate::sha256::Midstate;
use crate::{Candidate, Extranonce, Job, NonceRange, Share, Solution, Terms, WorkUnit, header, target};

/// Nonces under one version group.
const NONCES: u64 = 1 << 32;

/// Hands out disjoint work units that together cover every header a job allows. One space serves all
/// backends.
#[derive(Debug)]
pub struct SearchSpace {
    job: Arc<Job>,
    terms: Terms,
    rollable: u32,
    /// Midstates asked for, and those of each unit: no more than there are versions.
    wanted: usize,
    midstates: usize,
    cursor: Cursor,
    /// The time of the last unit; 0 before the first.
    time: u32,
    root: TxMerkleNode,
}

/// Where the next unit begins.
#[derive(Debug, Clone, Copy, Default)]
struct Cursor {
    nonce: u64,
    version_group: u32,
    extranonce2: u128,
    exhausted: bool,
}

impl SearchSpace {
    /// The whole space of `job` under `terms`. `midstates`: how many versions a unit may hold, a power
    /// of two; fewer where the job can roll fewer.
    pub fn new(job: Arc<Job>, terms: Terms, midstates: usize) -> Self {
        let rollable = terms.rollable_bits(&job);
        let versions = 1usize << rollable.count_ones();
        let wanted = midstates.next_power_of_two();
        let midstates = wanted.min(versions);
        let root = job.merkle_root(&terms, &Extranonce::nth(0, terms.extranonce2_size));
        Self { job, terms, rollable, wanted, midstates, cursor: Cursor::default(), time: 0, root }
    }

    /// Takes over a new job or new terms. The search goes on where it is when all that is hashed is
    /// unchanged (a repeated job, a new difficulty), so that no work is done twice.
    pub fn adopt(&mut self, job: Arc<Job>, terms: Terms) {
        let same_terms = (self.terms.extranonce1, self.terms.extranonce2_size, self.terms.version_mask)
            == (terms.extranonce1, terms.extranonce2_size, terms.version_mask);
        if same_terms && self.job.hashes_like(&job) && self.time <= job.time().max {
            (self.job, self.terms) = (job, terms);
        } else {
            *self = Self::new(job, terms, self.wanted);
        }
    }

    /// The job searched.
    pub fn job(&self) -> &Arc<Job> {
        &self.job
    }

    /// The terms it is searched under.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// A unit of at most `hashes` hashes (but at least one nonce under every midstate). `now`: the time
    /// since the job arrived, on a clock that never goes back.
    ///
    /// `None`: all is searched, and only a later second brings new work.
    pub fn next(&mut self, hashes: u64, now: Duration) -> Option<Assignment> {
        let time = self.job.time().after(now.as_secs()).max(self.time);
        if self.cursor.exhausted {
            if time == self.time {
                return None;
            }
            self.restart();
        }
        self.time = time;
        let assignment = self.assignment(hashes);
        self.advance(assignment.unit.nonces().count());
        Some(assignment)
    }

    fn assignment(&self, hashes: u64) -> Assignment {
        let extranonce2 = Extranonce::nth(self.cursor.extranonce2, self.terms.extranonce2_size);
        let first = self.cursor.version_group * self.midstates as u32;
        let versions: Vec<u32> = (first..first + self.midstates as u32)
            .map(|index| self.job.version() | deposit(index, self.rollable))
            .collect();
        let solution = |version| Solution { extranonce2, time: self.time, version, nonce: 0 };
        let headers = versions.iter().map(|version| self.job.header(&self.root, &solution(*version)));
        let midstates: Arc<[Midstate]> = headers.map(|header| header::midstate(&header)).collect();
        let tail = header::tail(&self.job.header(&self.root, &solution(self.job.version())));
        let nonces = NonceRange::starting_at(self.cursor.nonce as u32, hashes / self.midstates as u64);
        Assignment {
            unit: WorkUnit::new(midstates, tail, nonces, self.terms.search_target(&self.job)),
            job: self.job.clone(),
            terms: self.terms,
            extranonce2,
            time: self.time,
            versions,
            root: self.root,
        }
    }

    fn advance(&mut self, nonces: u64) {
        let groups = (1u64 << self.rollable.count_ones()) / self.midstates as u64;
        let last_extranonce2 = self.last_extranonce2();
        let cursor = &mut self.cursor;
        cursor.nonce += nonces;
        if cursor.nonce < NONCES {
            return;
        }
        cursor.nonce = 0;
        cursor.version_group += 1;
        if u64::from(cursor.version_group) < groups {
            return;
        }
        cursor.version_group = 0;
        if cursor.extranonce2 == last_extranonce2 {
            cursor.exhausted = true;
        } else {
            cursor.extranonce2 += 1;
            self.update_root();
        }
    }

    fn restart(&mut self) {
        self.cursor = Cursor::default();
        self.update_root();
    }

    fn update_root(&mut self) {
        let extranonce2 = Extranonce::nth(self.cursor.extranonce2, self.terms.extranonce2_size);
        self.root = self.job.merkle_root(&self.terms, &extranonce2);
    }

    /// The last index that gives an extranonce2 of its own; 0 where no extranonce reaches the root.
    fn last_extranonce2(&self) -> u128 {
        match self.terms.extranonce2_size {
            _ if !self.job.has_coinbase() => 0,
            size @ 0..16 => (1 << (8 * u32::from(size))) - 1,
            _ => u128::MAX,
        }
    }
}

/// Spreads the low bits of `index` over the set bits of `mask`, lowest first.
fn deposit(index: u32, mask: u32) -> u32 {
    let (mut spread, mut left) = (0, mask);
    for bit in 0..mask.count_ones() {
        let lowest = left & left.wrapping_neg();
        if index >> bit & 1 == 1 {
            spread |= lowest;
        }
        left ^= lowest;
    }
    spread
}

/// A unit with all that is needed to judge what is found in it, however late: its own job and terms.
#[derive(Debug, Clone)]
pub struct Assignment {
    unit: WorkUnit,
    job: Arc<Job>,
    terms: Terms,
    extranonce2: Extranonce,
    time: u32,
    versions: Vec<u32>,
    root: TxMerkleNode,
}

/// Why a candidate is no share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Miss {
    /// Above the target in its low 224 bits, which no backend compares: nothing wrong.
    AboveTarget,
    /// Outside the unit, or above the target's top word: the backend computed wrongly.
    HardwareError,
}

impl Assignment {
    /// The unit to search.
    pub fn unit(&self) -> &WorkUnit {
        &self.unit
    }

    /// The same assignment with other nonces.
    pub fn with_nonces(&self, nonces: NonceRange) -> Self {
        Self { unit: self.unit.with_nonces(nonces), ..self.clone() }
    }

    /// The job that the unit belongs to.
    pub fn job(&self) -> &Arc<Job> {
        &self.job
    }

    /// The terms that the unit was made under.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// What a candidate of the unit stands for; `None` if it lies outside.
    pub fn solution(&self, candidate: Candidate) -> Option<Solution> {
        let version = *self.versions.get(candidate.midstate)?;
        self.unit.contains(candidate).then_some(Solution {
            extranonce2: self.extranonce2,
            time: self.time,
            version,
            nonce: candidate.nonce,
        })
    }

    /// Verifies a candidate with the reference hash, against the unit's own job.
    pub fn verify(&self, candidate: Candidate) -> Result<Share, Miss> {
        let solution = self.solution(candidate).ok_or(Miss::HardwareError)?;
        let evaluated = self.job.evaluate(&self.root, &solution);
        self.job.check(&self.terms, &solution, &evaluated).map_err(|_| {
            let computed_wrongly = top_word(evaluated.hash) > target::top_word(self.unit.target());
            if computed_wrongly { Miss::HardwareError } else { Miss::AboveTarget }
        })
    }
}

/// The most significant 32 bits of a hash as a number.
fn top_word(hash: bitcoin::BlockHash) -> u32 {
    let [.., a, b, c, d] = hash.to_byte_array();
    u32::from_le_bytes([a, b, c, d])
}
