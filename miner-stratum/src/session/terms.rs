//! Which terms hold for which job: a new difficulty or mask counts from the next job on.

use miner_core::{Terms, VersionMask};

/// The terms of a session, each from some job on. At most as many as jobs on the board.
#[derive(Debug, Default)]
pub(super) struct TermsHistory(Vec<(u64, Terms)>);

impl TermsHistory {
    /// Notes the terms from the job of this number on; those that hold for none from `oldest` on are forgotten.
    pub(super) fn begin(&mut self, number: u64, terms: Terms, oldest: u64) {
        if self.0.last().is_none_or(|(_, latest)| *latest != terms) {
            self.0.push((number, terms));
        }
        let is_past = |next: &(u64, Terms)| next.0 <= oldest;
        let past = self.0.iter().skip(1).take_while(|next| is_past(next)).count();
        self.0.drain(..past);
    }

    /// The terms for a job. A job from before the first announced one (by an earlier connection of a session that
    /// was resumed) is held to the first terms.
    pub(super) fn of_job(&self, number: u64) -> Option<&Terms> {
        let first = self.0.first();
        self.0.iter().rev().find(|(since, _)| *since <= number).or(first).map(|(_, terms)| terms)
    }

    /// Takes a mask that was negotiated after jobs were announced: nothing could be rolled on those before.
    pub(super) fn begin_rolling(&mut self, mask: VersionMask) {
        let unrolled = self.0.iter_mut().filter(|(_, terms)| terms.version_mask == VersionMask::NONE);
        unrolled.for_each(|(_, terms)| terms.version_mask = mask);
    }
}
