//! The jobs of a pool, as all its sessions see them. Which share is good for which is judged elsewhere.

use std::collections::VecDeque;
use std::sync::Arc;

use miner_core::Job;

use crate::message::{Frame, Id, Notify, PoolCall};

/// Jobs that can still be evaluated: those of the tip, and of earlier tips for the sake of late blocks.
const KEPT: usize = 64;

/// The jobs that shares may come for, newest last. A snapshot: each new job makes a new board.
#[derive(Debug, Clone, Default)]
pub struct Board {
    posted: VecDeque<Arc<Posted>>,
}

/// A job on the board.
#[derive(Debug)]
pub struct Posted {
    job: Arc<Job>,
    /// Counts the jobs of a pool, whatever their ids.
    number: u64,
    /// The notification, written once for all sessions: with `clean_jobs` false and true.
    lines: [String; 2],
}

impl Board {
    /// The board with one more job, which is the newest from now on. `None`: Stratum cannot say such a job (one
    /// with a fixed merkle root).
    pub fn post(&self, job: Arc<Job>) -> Option<Self> {
        let number = self.newest().map_or(0, |newest| newest.number.saturating_add(1));
        let posted = Arc::new(Posted { lines: lines(&job)?, job, number });
        let mut board = self.clone();
        board.posted.push_back(posted);
        let too_many = board.posted.len().saturating_sub(KEPT);
        board.posted.drain(..too_many);
        Some(board)
    }

    /// The job to work on.
    pub fn newest(&self) -> Option<&Posted> {
        self.posted.back().map(AsRef::as_ref)
    }

    /// All jobs that can be evaluated, newest first.
    pub fn jobs(&self) -> impl Iterator<Item = &Posted> {
        self.posted.iter().rev().map(AsRef::as_ref)
    }

    /// The newest job of this id, be it stale or not.
    pub fn find(&self, id: &str) -> Option<&Posted> {
        self.jobs().find(|posted| posted.job.id() == id)
    }

    /// Whether shares are still taken for a job: it builds on the tip, and is one of the `window` newest.
    pub(super) fn is_open(&self, posted: &Posted, window: usize) -> bool {
        let on_the_tip = |newest: &Posted| newest.job.prev_blockhash() == posted.job.prev_blockhash();
        self.newest().is_some_and(on_the_tip)
            && self.jobs().take(window).any(|open| open.number == posted.number)
    }

    /// The number of the oldest job.
    pub(super) fn oldest(&self) -> u64 {
        self.posted.front().map_or(0, |oldest| oldest.number)
    }
}

impl Posted {
    /// The job.
    pub fn job(&self) -> &Arc<Job> {
        &self.job
    }

    /// The job's place in the order of all jobs of its pool.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The notification as a line, without its end.
    pub(super) fn line(&self, clean: bool) -> &str {
        let [with_false, with_true] = &self.lines;
        if clean { with_true } else { with_false }
    }
}

fn lines(job: &Job) -> Option<[String; 2]> {
    let notify = Notify::of(job)?;
    let line = |clean| {
        let call = PoolCall::Notify(Notify { clean, ..notify.clone() }).to_call(Id::NULL);
        Frame::Call(call).to_line()
    };
    Some([line(false), line(true)])
}
