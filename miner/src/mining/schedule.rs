//! Which job is searched when: the newest, at the pace of the blocks, and none that a block of ours made
//! worthless.

use std::sync::Arc;
use std::time::{Duration, Instant};

use miner_core::bitcoin::BlockHash;
use miner_core::{Job, Share};

use super::pace::{Interval, Pace};

/// The pauses after the first block that was refused, and after many in a row: the next one would fare no better at
/// once, and each is kept in the journal until its height is settled.
const AFTER_REFUSAL: Duration = Duration::from_secs(1);
const AFTER_REFUSALS: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Schedule {
    pace: Pace,
    /// The newest job.
    job: Option<Arc<Job>>,
    /// Whether it is still to be started.
    waits: bool,
    /// The block that our last find builds on: another one there would only compete with it.
    solved_on: Option<BlockHash>,
    /// Our last find.
    last_found: Option<BlockHash>,
    /// Blocks that were refused since one was taken.
    refusals: u32,
}

impl Schedule {
    pub(crate) fn new(interval: Interval) -> Self {
        let pace = Pace::new(interval);
        Self { pace, job: None, waits: false, solved_on: None, last_found: None, refusals: 0 }
    }

    /// Takes the newest job; whether it builds on another block than the last.
    pub(crate) fn new_job(&mut self, job: Arc<Job>) -> bool {
        let tip = job.prev_blockhash();
        let is_news = self.job.as_ref().is_none_or(|last| last.prev_blockhash() != tip);
        // Whatever the chain comes back to later is to be built on again.
        self.solved_on = self.solved_on.filter(|solved| *solved == tip && !job.is_clean());
        self.job = Some(job);
        self.waits = true;
        is_news
    }

    /// A block was found: its job is done, and the next one is due an interval later.
    pub(crate) fn block_found(&mut self, share: &Share) {
        self.pace.block_found();
        self.solved_on = Some(share.job().prev_blockhash());
        self.last_found = Some(share.hash());
    }

    /// A block was taken by the node.
    pub(crate) fn block_taken(&mut self) {
        self.refusals = 0;
    }

    /// A block on `prev_blockhash` was refused: it is still to be built on, but not in a tight loop of
    /// blocks that are refused.
    pub(crate) fn block_refused(&mut self, prev_blockhash: BlockHash) {
        if self.solved_on == Some(prev_blockhash) {
            self.solved_on = None;
            let pause = AFTER_REFUSAL.saturating_mul(1 << self.refusals.min(16)).min(AFTER_REFUSALS);
            self.refusals = self.refusals.saturating_add(1);
            self.pace.wait_at_least(pause);
            self.waits = self.job.is_some();
        }
    }

    /// When the waiting job may be started; `None` when none waits.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.waits.then(|| self.pace.not_before())
    }

    /// The job to start now, if it is of any use.
    pub(crate) fn start(&mut self) -> Option<Arc<Job>> {
        self.waits = false;
        self.job.clone().filter(|job| self.solved_on != Some(job.prev_blockhash()))
    }

    /// Whether a job has come at all.
    pub(crate) fn has_job(&self) -> bool {
        self.job.is_some()
    }

    /// Whether a block is our last find.
    pub(crate) fn is_own(&self, block: BlockHash) -> bool {
        self.last_found == Some(block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use miner_core::bitcoin::hashes::Hash as _;
    use miner_core::bitcoin::{CompactTarget, TxMerkleNode};
    use miner_core::{JobParams, RootSource, TimeWindow};
    use miner_node::embedded::solve;

    /// The first job on a block of this number, at the difficulty of regtest.
    fn job(on: u8) -> Arc<Job> {
        job_with(on, true)
    }

    fn job_with(on: u8, clean: bool) -> Arc<Job> {
        let params = JobParams {
            id: "test".to_owned(),
            version: 0x2000_0000,
            reserved_version_bits: 0,
            prev_blockhash: BlockHash::from_byte_array([on; 32]),
            time: TimeWindow::fixed(0),
            bits: CompactTarget::from_consensus(0x207f_ffff),
            clean,
            root: RootSource::Fixed(TxMerkleNode::all_zeros()),
        };
        Arc::new(Job::new(params).unwrap())
    }

    #[test]
    fn a_tip_that_we_built_on_is_left_until_the_chain_moves_or_refuses() {
        let mut schedule = Schedule::new(Interval::NONE);
        assert!(schedule.due().is_none() && !schedule.has_job());
        assert!(schedule.new_job(job(1)));
        assert!(schedule.due().unwrap() <= Instant::now());
        assert!(schedule.start().is_some() && schedule.due().is_none());

        schedule.block_found(&solve(&job(1)).unwrap());
        assert!(!schedule.new_job(job_with(1, false)), "more transactions, the same tip");
        assert!(schedule.start().is_none(), "a block on that tip is on its way");
        let refused = Instant::now();
        schedule.block_refused(BlockHash::from_byte_array([1; 32]));
        assert!(schedule.due().unwrap() > refused, "not at once");
        assert!(schedule.start().is_some());
        schedule.block_taken();

        schedule.block_found(&solve(&job(1)).unwrap());
        assert!(schedule.new_job(job(2)) && schedule.start().is_some());
        assert!(schedule.new_job(job(1)) && schedule.start().is_some(), "the chain came back to that tip");

        schedule.block_found(&solve(&job(1)).unwrap());
        assert!(
            !schedule.new_job(job(1)) && schedule.start().is_some(),
            "and so fast that only the node saw it"
        );
    }

    #[test]
    fn the_more_blocks_are_refused_the_longer_is_the_pause() {
        let mut schedule = Schedule::new(Interval::NONE);
        schedule.new_job(job(1));
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            schedule.block_found(&solve(&job(1)).unwrap());
            let before = Instant::now();
            schedule.block_refused(BlockHash::from_byte_array([1; 32]));
            let (due, pause) = (schedule.due().unwrap(), Duration::from_secs(seconds));
            assert!((before + pause..=Instant::now() + pause).contains(&due), "{seconds} s");
        }
        schedule.block_taken();
        schedule.block_found(&solve(&job(1)).unwrap());
        schedule.block_refused(BlockHash::from_byte_array([1; 32]));
        assert_eq!(schedule.refusals, 1);
    }

    #[test]
    fn a_block_makes_the_next_job_wait_for_its_interval() {
        let mut schedule = Schedule::new(Interval::Every(Duration::from_secs(3600)));
        schedule.new_job(job(1));
        assert!(schedule.due().unwrap() <= Instant::now());
        let block = solve(&job(1)).unwrap();
        schedule.block_found(&block);
        assert!(schedule.is_own(block.hash()));
        schedule.new_job(job(2));
        assert!(schedule.due().unwrap() > Instant::now() + Duration::from_secs(3000));
    }
}
