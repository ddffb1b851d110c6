//! The templates that may still be solved, found by their jobs.

use std::collections::VecDeque;
use std::sync::Arc;

use miner_core::Job;

use super::Template;
use crate::NodeError;

/// A template is given up when this many tips came after its own.
const TIPS_KEPT: u64 = 2;
/// And when this many templates came after it: more than an hour of long polls on one tip.
const TEMPLATES_KEPT: usize = 64;

/// Templates, newest last, each with the count of tips seen before it.
#[derive(Debug, Default)]
pub(crate) struct Shelf(VecDeque<(u64, Arc<Template>)>);

impl Shelf {
    /// The newest template.
    pub(crate) fn latest(&self) -> Option<&Arc<Template>> {
        self.0.back().map(|(_, template)| template)
    }

    /// Adds the newest template and gives up those that are too old.
    pub(crate) fn keep(&mut self, template: Arc<Template>) {
        let tip = self.0.back().map_or(0, |(tip, _)| tip + u64::from(template.job().is_clean()));
        self.0.push_back((tip, template));
        let too_many = self.0.len().saturating_sub(TEMPLATES_KEPT);
        self.0.drain(..too_many);
        self.0.retain(|(its_tip, _)| its_tip + TIPS_KEPT > tip);
    }

    /// The template of exactly this job; another source's job may have the same id.
    pub(crate) fn find(&self, job: &Arc<Job>) -> Result<Arc<Template>, NodeError> {
        let mut templates = self.0.iter().map(|(_, template)| template);
        let found = templates.find(|template| Arc::ptr_eq(template.job(), job));
        found.cloned().ok_or_else(|| NodeError::UnknownJob(job.id().to_owned()))
    }
}
