//! Work units: what a backend searches, a rectangle of midstates × nonces.

use std::sync::Arc;

use bitcoin::Target;

use crate::sha256::{self, Midstate};

/// Nonces from `first` to `last`, both included: never empty, and all 2³² fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NonceRange {
    first: u32,
    last: u32,
}

impl NonceRange {
    /// All 2³² nonces.
    pub const ALL: Self = Self { first: 0, last: u32::MAX };

    /// From `first` to `last`; `None` if that is empty.
    pub fn new(first: u32, last: u32) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }

    /// Up to `count` nonces from `first` on, at least one, cut at the last nonce.
    pub fn starting_at(first: u32, count: u64) -> Self {
        let more = u32::try_from(count.saturating_sub(1)).unwrap_or(u32::MAX);
        Self { first, last: first.saturating_add(more) }
    }

    /// The first nonce.
    pub fn first(&self) -> u32 {
        self.first
    }

    /// The last nonce.
    pub fn last(&self) -> u32 {
        self.last
    }

    /// How many nonces, 1 to 2³².
    pub fn count(&self) -> u64 {
        u64::from(self.last - self.first) + 1
    }

    /// Up to `count` nonces of it, at least one, and the rest if there is any.
    pub fn split(self, count: u64) -> (Self, Option<Self>) {
        let last = Self::starting_at(self.first, count).last.min(self.last);
        let rest = last.checked_add(1).and_then(|first| Self::new(first, self.last));
        (Self { last, ..self }, rest)
    }

    /// Whether a nonce is inside.
    pub fn contains(&self, nonce: u32) -> bool {
        (self.first..=self.last).contains(&nonce)
    }
}

/// A hit that nobody has verified yet: always inside its unit's rectangle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Candidate {
    /// The index of the midstate in its unit.
    pub midstate: usize,
    /// The nonce, as a number.
    pub nonce: u32,
}

/// What a backend searches: every nonce of a range under every midstate.
///
/// The midstates share the rest of block 2, so that a kernel computes the message schedule once for
/// all of them. A backend knows nothing of masks, jobs or extranonces.
#[derive(Debug, Clone)]
pub struct WorkUnit {
    midstates: Arc<[Midstate]>,
    tail: [u32; 3],
    nonces: NonceRange,
    target: Target,
}

impl WorkUnit {
    /// A unit of these midstates and nonces. `tail`: the words of block 2 before the nonce, as SHA-256
    /// reads them: end of the merkle root, time, bits.
    ///
    /// # Panics
    /// If the number of midstates is no power of two.
    pub fn new(midstates: Arc<[Midstate]>, tail: [u32; 3], nonces: NonceRange, target: Target) -> Self {
        assert!(midstates.len().is_power_of_two(), "{} midstates: not a power of two", midstates.len());
        Self { midstates, tail, nonces, target }
    }

    /// The midstates: a power of two of them.
    pub fn midstates(&self) -> &[Midstate] {
        &self.midstates
    }

    /// The words of block 2 before the nonce.
    pub fn tail(&self) -> [u32; 3] {
        self.tail
    }

    /// The nonces to search.
    pub fn nonces(&self) -> NonceRange {
        self.nonces
    }

    /// What a hash must meet.
    pub fn target(&self) -> Target {
        self.target
    }

    /// The number of hashes in the unit: midstates × nonces.
    pub fn hashes(&self) -> u64 {
        self.midstates.len() as u64 * self.nonces.count()
    }

    /// The same unit with other nonces.
    pub fn with_nonces(&self, nonces: NonceRange) -> Self {
        Self { nonces, ..self.clone() }
    }

    /// Whether a candidate is inside the rectangle.
    pub fn contains(&self, candidate: Candidate) -> bool {
        candidate.midstate < self.midstates.len() && self.nonces.contains(candidate.nonce)
    }

    /// The hash of a candidate inside the unit, by the reference implementation, in internal byte order.
    pub fn hash(&self, candidate: Candidate) -> [u8; 32] {
        sha256::finish(self.midstates[candidate.midstate], self.tail, candidate.nonce)
    }
}
