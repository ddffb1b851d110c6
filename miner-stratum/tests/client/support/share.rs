//! Shares, found by trying.

use std::sync::Arc;
use std::time::Duration;

use miner_core::{Candidate, Job, SearchSpace, Share, Terms};

/// Difficulty at which one in a thousand hashes is a share.
pub(crate) const EASY: f64 = 2.4e-7;

/// The first `count` shares of a job.
pub(crate) fn find(job: &Arc<Job>, terms: Terms, count: usize) -> Vec<Share> {
    let mut space = SearchSpace::new(job.clone(), terms, 1);
    let unit = space.next(1 << 32, Duration::ZERO).unwrap();
    let candidates = (0..).map(|nonce| Candidate { midstate: 0, nonce });
    candidates.filter_map(|candidate| unit.verify(candidate).ok()).take(count).collect()
}
