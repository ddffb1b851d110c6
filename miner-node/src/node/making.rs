//! Making jobs of a node's answers: what is added to an answer, whether it is another job than the last one, and
//! how long it is good for. Nothing here waits for anything but the node's answer to a question about the parent.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bitcoin::BlockHash;
use miner_core::Job;

use super::rpc::{RpcNode, Transactions};
use crate::rpc::TemplateReply;
use crate::template::amend;
use crate::{Chain, NodeError, Template};

/// A template this old is fetched again, in case long polls are not answered: a live one is after 60 s
/// where transactions come in.
const REFRESH_AFTER: Duration = Duration::from_secs(75);
/// An unchanged template whose time advanced this much is a new job all the same: the old one's times
/// end two hours after its start.
const RENEW_AFTER_SECONDS: u32 = 1800;

/// What making the next job takes.
#[derive(Debug)]
pub(super) struct Making {
    jobs: u64,
    /// When the latest template came, and when its bits may be wrong.
    fetched: Option<Instant>,
    outdated: Option<Instant>,
    /// What it builds on, with its time.
    parent: Option<(BlockHash, u32)>,
    /// Whether the node's tip was elsewhere since.
    tip_moved: bool,
    /// Differs whenever the tip moved, and from run to run unless a seed is given.
    visit: u32,
}

impl Default for Making {
    fn default() -> Self {
        let visit = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().subsec_nanos();
        Self { jobs: 0, fetched: None, outdated: None, parent: None, tip_moved: false, visit }
    }
}

impl Making {
    /// Makes the number of the first visit one that follows from `seed`.
    pub(super) fn start_with(&mut self, seed: u64) {
        let (low, high) = (seed & u64::from(u32::MAX), seed >> 32);
        self.visit = u32::try_from(low ^ high).expect("both have 32 bits");
    }

    /// The node's tip was elsewhere: a block that is mined on the latest template's tip now is another one than
    /// before.
    pub(super) fn tip_moved(&mut self) {
        self.tip_moved = true;
    }

    /// The template that an answer stands for.
    pub(super) async fn template(
        &mut self,
        node: &RpcNode,
        mut reply: TemplateReply,
    ) -> Result<Template, NodeError> {
        if node.transactions == Transactions::None {
            reply = amend::with_transactions(reply, vec![])?;
        }
        reply.parent_time = self.parent_time(node, reply.previous_block).await?;
        let latest = node.shelf().latest().filter(|_| !self.tip_moved).cloned();
        if latest.as_ref().is_none_or(|latest| latest.job().prev_blockhash() != reply.previous_block) {
            self.visit = self.visit.wrapping_add(1);
        }
        reply.visit = self.visit;
        Template::new(&format!("{:x}", self.jobs), reply, &node.options, latest.as_deref())
    }

    /// Makes a template the latest. The job is the one there was if nothing to be hashed changed.
    pub(super) fn job(&mut self, node: &RpcNode, template: Template) -> Arc<Job> {
        let now = Instant::now();
        self.fetched = Some(now);
        self.outdated = template.valid_for().and_then(|left| now.checked_add(left));
        self.tip_moved = false;
        let mut shelf = node.shelf();
        if let Some(latest) = shelf.latest().filter(|latest| is_same(latest, &template)) {
            return latest.job().clone();
        }
        self.jobs += 1;
        let job = template.job().clone();
        shelf.keep(Arc::new(template));
        job
    }

    /// Whether the latest template came less than this ago.
    pub(super) fn is_younger_than(&self, age: Duration) -> bool {
        self.fetched.is_some_and(|fetched| fetched.elapsed() < age)
    }

    /// Whether time alone asks for a new template.
    pub(super) fn is_due(&self) -> bool {
        !self.is_younger_than(REFRESH_AFTER) || self.due_in() == Some(Duration::ZERO)
    }

    /// How long the latest template's bits are good for, if time alone may change that.
    pub(super) fn due_in(&self) -> Option<Duration> {
        self.outdated.map(|outdated| outdated.saturating_duration_since(Instant::now()))
    }

    /// The time of a template's parent, where the chain's bits depend on it.
    async fn parent_time(&mut self, node: &RpcNode, parent: BlockHash) -> Result<Option<u32>, NodeError> {
        if !matches!(node.chain(), Chain::Testnet3 | Chain::Testnet4) {
            return Ok(None);
        }
        if self.parent.is_none_or(|(known, _)| known != parent) {
            let header = node.rpc.header(&parent).await?;
            let header = header.ok_or_else(|| {
                NodeError::BadTemplate(format!("it builds on {parent}, which the node does not know"))
            })?;
            self.parent = Some((parent, header.time));
        }
        Ok(self.parent.map(|(_, time)| time))
    }
}

/// Whether a new template is no other work than the latest one.
fn is_same(latest: &Template, new: &Template) -> bool {
    let (latest, new) = (latest.job(), new.job());
    latest.hashes_like(new) && latest.time().start.abs_diff(new.time().start) < RENEW_AFTER_SECONDS
}
