//! The jobs of one session, and the terms that each of them stands under. Of many that come at once the newest
//! counts; one that hashes like the one before it does not end the search.

use std::sync::Arc;
use std::time::Duration;

use bitcoin::Target;
use miner_core::{Extranonce, Job, JobError, JobParams, Terms, VersionMask};
use tokio::time::Instant;

use super::pace::Pace;
use crate::message::Notify;

/// How many jobs are passed on at once, and the time between them after that: a flood must not keep the engine from
/// searching.
const PACE: (Duration, u32) = (Duration::from_millis(50), 5);
/// Why shares of earlier jobs are too late.
const NEW_BLOCK: &str = "new block";
const WITHDRAWN: &str = "job withdrawn";

/// From what the pool says to the next job to search.
#[derive(Debug)]
pub(super) struct Jobs {
    /// The version bits that were asked for.
    asked: VersionMask,
    mask: VersionMask,
    extranonce: Option<(Extranonce, u8)>,
    target: Target,
    /// What holds from the next job on.
    next_extranonce: Option<(Extranonce, u8)>,
    next_target: Target,
    /// The newest job, if it was not passed on yet.
    pending: Option<Arc<Job>>,
    /// Why the jobs before it are over, if they are.
    over: Option<&'static str>,
    current: Option<Issue>,
    /// Whether nothing was announced since a resume: then "clean" is mere habit.
    just_resumed: bool,
    pace: Pace,
}

/// A job to search.
#[derive(Debug, Clone)]
pub(super) struct Issue {
    pub(super) job: Arc<Job>,
    pub(super) terms: Terms,
    /// Why earlier jobs are over, if they are.
    pub(super) over: Option<&'static str>,
}

impl Jobs {
    /// Before the first words of a pool: difficulty 1, and no bit may be rolled.
    pub(super) fn new(asked: VersionMask) -> Self {
        Self {
            asked,
            mask: VersionMask::NONE,
            extranonce: None,
            target: Target::MAX,
            next_extranonce: None,
            next_target: Target::MAX,
            pending: None,
            over: None,
            current: None,
            just_resumed: false,
            pace: Pace::new(PACE.0, PACE.1),
        }
    }

    /// The session begins; with `resumed`, the job that an earlier connection ended with.
    pub(super) fn subscribed(&mut self, extranonce: (Extranonce, u8), resumed: Option<Issue>) {
        self.extranonce = Some(extranonce);
        self.just_resumed = resumed.is_some();
        self.current = resumed;
    }

    /// The extranonce in force, or soon to be.
    pub(super) fn extranonce(&self) -> Option<(Extranonce, u8)> {
        self.next_extranonce.or(self.extranonce)
    }

    /// The last job that was passed on.
    pub(super) fn current(&self) -> Option<&Issue> {
        self.current.as_ref()
    }

    /// From the next job on.
    pub(super) fn set_target(&mut self, target: Target) {
        self.next_target = target;
    }

    /// From the next job on.
    pub(super) fn set_extranonce(&mut self, extranonce: (Extranonce, u8)) {
        self.next_extranonce = Some(extranonce);
    }

    /// At once, for new work; bits that were not asked for stay out.
    pub(super) fn set_mask(&mut self, granted: VersionMask) {
        let mask = VersionMask::new(granted.bits() & self.asked.bits());
        let changed = std::mem::replace(&mut self.mask, mask) != mask;
        if changed && self.pending.is_none() && !self.just_resumed {
            self.pending = self.current.as_ref().map(|current| with_clean(&current.job, false));
        }
    }

    /// A job is announced; it replaces one that was not passed on yet.
    pub(super) fn notify(&mut self, notify: &Notify) -> Result<(), JobError> {
        let job = Arc::new(notify.to_job()?);
        self.extranonce = self.next_extranonce.take().or(self.extranonce);
        self.target = self.next_target;
        self.over = match &self.current {
            Some(current) if current.job.prev_blockhash() != job.prev_blockhash() => Some(NEW_BLOCK),
            Some(current) if self.repeats(current, &job) => None,
            Some(_) if job.is_clean() && !self.just_resumed => Some(WITHDRAWN),
            _ => self.over,
        };
        self.just_resumed = false;
        // A session's first job ends what was searched before it.
        let clean = self.over.is_some() || self.current.is_none();
        self.pending = Some(with_clean(&job, clean));
        Ok(())
    }

    /// Whether the search can go on where it is.
    fn repeats(&self, current: &Issue, job: &Job) -> bool {
        let extranonce = (current.terms.extranonce1, current.terms.extranonce2_size);
        self.extranonce == Some(extranonce) && current.job.hashes_like(job)
    }

    /// The newest job, if there is one to pass on now.
    pub(super) fn take(&mut self, now: Instant) -> Option<Issue> {
        let (extranonce1, extranonce2_size) = self.extranonce?;
        if self.pending.is_none() || !self.pace.take(now) {
            return None;
        }
        let terms =
            Terms { extranonce1, extranonce2_size, version_mask: self.mask, share_target: self.target };
        let issue = Issue { job: self.pending.take()?, terms, over: self.over.take() };
        self.current = Some(issue.clone());
        Some(issue)
    }

    /// When [`Jobs::take`] has something.
    pub(super) fn ready_at(&self, now: Instant) -> Option<Instant> {
        let waiting = self.pending.is_some() && self.extranonce.is_some();
        waiting.then(|| self.pace.ready_at(now))
    }
}

/// The same job, which ends what was before it, or does not.
fn with_clean(job: &Arc<Job>, clean: bool) -> Arc<Job> {
    if job.is_clean() == clean {
        return job.clone();
    }
    let again = Job::new(JobParams {
        id: job.id().to_owned(),
        version: job.version(),
        reserved_version_bits: job.reserved_version_bits(),
        prev_blockhash: job.prev_blockhash(),
        time: job.time(),
        bits: job.bits(),
        clean,
        root: job.root_source().clone(),
    });
    Arc::new(again.expect("the parts of a job make a job"))
}
