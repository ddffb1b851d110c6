//! The jobs that were given out, and what has become of each: what ties a share to its session.

use std::sync::{Arc, Weak};

use miner_core::{Job, Share, Terms};

/// A pool's place in the list of the options.
pub(super) type PoolId = usize;

/// Jobs of one session whose shares are taken, where the pool does not end them.
const WINDOW: usize = 16;
/// Why a job beyond the window is over.
const OUTRUN: &str = "old job";

/// What has become of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Its shares are taken.
    Open,
    /// Its shares are too late for this reason; its blocks are not.
    Over(&'static str),
    /// The session that knew it is no more, for this reason.
    Gone(&'static str),
}

/// All jobs that a share may still come for.
#[derive(Debug, Default)]
pub(super) struct Issued(Vec<Entry>);

/// Held by a weak pointer: a share holds its job, so a job that nobody holds brings no more shares, and one that is
/// known here has its address for itself.
#[derive(Debug)]
struct Entry {
    job: Weak<Job>,
    pool: PoolId,
    terms: Terms,
    standing: Standing,
}

impl Issued {
    /// A job goes out, or goes out again with other terms.
    pub(super) fn add(&mut self, pool: PoolId, job: &Arc<Job>, terms: Terms) {
        self.0.retain(|entry| entry.job.strong_count() > 0 && !entry.is(job));
        self.0.push(Entry { job: Arc::downgrade(job), pool, terms, standing: Standing::Open });
        for entry in self.open(pool).rev().skip(WINDOW) {
            entry.standing = Standing::Over(OUTRUN);
        }
    }

    /// The pool wants no more shares of the jobs so far.
    pub(super) fn retire(&mut self, pool: PoolId, reason: &'static str) {
        self.open(pool).for_each(|entry| entry.standing = Standing::Over(reason));
    }

    /// The pool's session ended for good, but for jobs of these terms.
    pub(super) fn forget(&mut self, pool: PoolId, reason: &'static str, but: impl Fn(&Terms) -> bool) {
        for entry in self.0.iter_mut().filter(|entry| entry.pool == pool && !but(&entry.terms)) {
            entry.standing = Standing::Gone(reason);
        }
    }

    /// Whose share it is, and whether it is wanted. `None`: its job or its terms never went out.
    pub(super) fn standing(&self, share: &Share) -> Option<(PoolId, Standing)> {
        let entry = self.0.iter().find(|entry| entry.is(share.job()))?;
        // Work under way keeps the mask that it began with.
        let expected = Terms { version_mask: share.terms().version_mask, ..entry.terms };
        (expected == *share.terms()).then_some((entry.pool, entry.standing))
    }

    fn open(&mut self, pool: PoolId) -> impl DoubleEndedIterator<Item = &mut Entry> {
        self.0.iter_mut().filter(move |entry| entry.pool == pool && entry.standing == Standing::Open)
    }
}

impl Entry {
    fn is(&self, job: &Arc<Job>) -> bool {
        std::ptr::eq(self.job.as_ptr(), Arc::as_ptr(job))
    }
}
