//! Jobs as a pool makes them, their notification, and shares that solve them.

use std::sync::Arc;

use bitcoin::hashes::Hash as _;
use bitcoin::hex::DisplayHex;
use bitcoin::{BlockHash, CompactTarget, Target};
use fastrand::Rng;
use miner_core::{Extranonce, Job, JobParams, RootSource, Share, Solution, Terms, TimeWindow, target};
use serde_json::{Value, json};

/// Shares every four hashes or so.
pub(crate) const EASY: f64 = 1e-9;
/// The bits of a network where no share of these tests is a block by chance.
pub(crate) const HARD_BITS: u32 = 0x1b00_ffff;
/// The bits of a network where every second hash is a block.
pub(crate) const BLOCK_BITS: u32 = 0x207f_ffff;

/// The target of a difficulty.
pub(crate) fn target_of(difficulty: f64) -> Target {
    target::from_difficulty(difficulty).expect("tests set possible difficulties")
}

/// The parts of a job with a coinbase and a branch of its own.
pub(crate) fn params(id: &str, clean: bool, rng: &mut Rng) -> JobParams {
    let mut bytes = |length| std::iter::repeat_with(|| rng.u8(..)).take(length).collect::<Vec<_>>();
    let (prefix, suffix, prev) = (bytes(60), bytes(110), bytes(32));
    let branch = (0..3).map(|_| bytes(32).try_into().expect("32 bytes")).collect();
    JobParams {
        id: id.to_owned(),
        // A bit that miners may roll where the job leaves it 0: here it does not.
        version: 0x2000_0000 | 1 << rng.u32(13..29),
        reserved_version_bits: 0,
        prev_blockhash: BlockHash::from_slice(&prev).expect("32 bytes"),
        time: TimeWindow::starting_at(1_750_000_000),
        bits: CompactTarget::from_consensus(HARD_BITS),
        clean,
        root: RootSource::Coinbase { prefix, suffix, branch },
    }
}

/// `mining.notify` for a job.
pub(crate) fn notify(job: &Job) -> Value {
    let RootSource::Coinbase { prefix, suffix, branch } = job.root_source() else {
        panic!("a pool's job has a coinbase")
    };
    let mut prev = job.prev_blockhash().to_byte_array();
    prev.chunks_mut(4).for_each(<[u8]>::reverse);
    let params = json!([
        job.id(),
        prev.to_lower_hex_string(),
        prefix.to_lower_hex_string(),
        suffix.to_lower_hex_string(),
        branch.iter().map(DisplayHex::to_lower_hex_string).collect::<Vec<_>>(),
        format!("{:08x}", job.version()),
        format!("{:08x}", job.bits().to_consensus()),
        format!("{:08x}", job.time().start),
        job.is_clean(),
    ]);
    call("mining.notify", &params)
}

/// A notification.
pub(crate) fn call(method: &str, params: &Value) -> Value {
    json!({"id": null, "method": method, "params": params})
}

/// Searches for a share, anywhere.
pub(crate) fn solve(job: &Arc<Job>, terms: &Terms, rng: &mut Rng) -> Share {
    for _ in 0..100_000 {
        let extranonce2: Vec<_> = (0..terms.extranonce2_size).map(|_| rng.u8(..)).collect();
        let solution = Solution {
            extranonce2: Extranonce::try_from(&extranonce2[..]).expect("at most 16 bytes"),
            time: job.time().start,
            version: job.version() | (rng.u32(..) & terms.rollable_bits(job)),
            nonce: rng.u32(..),
        };
        let root = job.merkle_root(terms, &solution.extranonce2);
        if let Ok(share) = job.check(terms, &solution, &job.evaluate(&root, &solution)) {
            return share;
        }
    }
    panic!("tests mine easy shares: {terms:?}")
}
