//! Waiting for a node's next template: by a long poll, with a poll beside it that does not depend on it. How a
//! mempool is watched is in `watch`.
//!
//! A long poll is never given up while the node is there: on a quiet chain it would occupy one of the
//! node's RPC threads until the next tip, and a few of them leave none for `submitblock`. So it runs in
//! a task of its own, one at a time, and survives the call that started it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bitcoin::BlockHash;
use miner_core::Job;
use tokio::task::JoinSet;

use super::rpc::{RpcNode, Transactions};
use super::watch::Watch;
use crate::rpc::TemplateReply;
use crate::template::amend;
use crate::{Chain, NodeError, Template};

/// How often the tip is asked for while a long poll hangs.
const POLL_INTERVAL: Duration = Duration::from_secs(3);
/// A template this old is fetched again, in case long polls are not answered: a live one is after 60 s
/// where transactions come in.
const REFRESH_AFTER: Duration = Duration::from_secs(75);
/// An unchanged template whose time advanced this much is a new job all the same: the old one's times
/// end two hours after its start.
const RENEW_AFTER_SECONDS: u32 = 1800;
/// The pause after the first failure, and the longest after many.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// The answer to a long poll, and the id that it was asked with.
type Polled = (String, Result<TemplateReply, NodeError>);

/// Where the wait for the next template stands.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    without_longpoll: bool,
    longpoll: JoinSet<Polled>,
    /// Of the latest template.
    longpoll_id: Option<String>,
    fetched: Option<Instant>,
    /// When its bits may be wrong, and what it builds on, with its time.
    outdated: Option<Instant>,
    parent: Option<(BlockHash, u32)>,
    failures: u32,
    jobs: u64,
    pub(super) watch: Watch,
}

impl Waiting {
    pub(super) fn disable_longpoll(&mut self) {
        self.without_longpoll = true;
    }

    pub(super) async fn next_job(&mut self, node: &RpcNode) -> Result<Arc<Job>, NodeError> {
        tokio::time::sleep(pause(self.failures)).await;
        let job = match node.transactions {
            Transactions::OfTemplate | Transactions::None => self.polled_job(node).await,
            Transactions::OfMempool => self.watched_job(node, None).await,
            Transactions::Awaited { delay } => self.watched_job(node, Some(delay)).await,
        };
        self.failures = if job.is_ok() { 0 } else { self.failures.saturating_add(1) };
        job
    }

    async fn polled_job(&mut self, node: &RpcNode) -> Result<Arc<Job>, NodeError> {
        let latest = node.shelf().latest().cloned();
        let Some(latest) = latest.filter(|_| self.failures == 0) else {
            let reply = node.rpc.template(node.rules()).await?;
            return self.adopt(node, reply).await;
        };
        loop {
            let reply = self.changed(node, latest.job()).await?;
            let in_haste = self.fetched.is_some_and(|fetched| fetched.elapsed() < POLL_INTERVAL);
            let job = self.adopt(node, reply).await?;
            if !Arc::ptr_eq(&job, latest.job()) {
                return Ok(job);
            }
            if in_haste {
                // Some servers answer a long poll at once, whatever its id.
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        }
    }

    /// Makes a reply the latest template. The job is the one there was if nothing to be hashed changed.
    async fn adopt(&mut self, node: &RpcNode, reply: TemplateReply) -> Result<Arc<Job>, NodeError> {
        let longpoll_id = reply.longpoll_id.clone();
        let template = self.build(node, reply).await?;
        self.longpoll_id = longpoll_id;
        Ok(self.keep(node, template))
    }

    pub(super) async fn build(
        &mut self,
        node: &RpcNode,
        mut reply: TemplateReply,
    ) -> Result<Template, NodeError> {
        if node.transactions == Transactions::None {
            reply = amend::with_transactions(reply, vec![])?;
        }
        reply.parent_time = self.parent_time(node, reply.previous_block).await?;
        let latest = node.shelf().latest().cloned();
        Template::new(&format!("{:x}", self.jobs), reply, &node.options, latest.as_deref())
    }

    pub(super) fn keep(&mut self, node: &RpcNode, template: Template) -> Arc<Job> {
        let now = Instant::now();
        self.fetched = Some(now);
        self.outdated = template.valid_for().and_then(|left| now.checked_add(left));
        let mut shelf = node.shelf();
        if let Some(latest) = shelf.latest().filter(|latest| is_same(latest, &template)) {
            return latest.job().clone();
        }
        self.jobs += 1;
        let job = template.job().clone();
        shelf.keep(Arc::new(template));
        job
    }

    /// Waits for a reply that may be another template than that of the `latest` job.
    async fn changed(&mut self, node: &RpcNode, latest: &Job) -> Result<TemplateReply, NodeError> {
        loop {
            self.start_longpoll(node);
            let next_poll = self.next_poll();
            let polled = tokio::select! {
                Some(polled) = self.longpoll.join_next() => Some(polled),
                () = tokio::time::sleep(next_poll) => None,
                // What was wrong with the block may be wrong with the template: a clock that was set back.
                () = node.refused.notified() => return node.rpc.template(node.rules()).await,
            };
            let has_failed = match polled {
                Some(Ok((id, Ok(reply)))) if Some(&id) == self.longpoll_id.as_ref() => return Ok(reply),
                // What was asked before the latest template came is no news.
                Some(Ok((_, Ok(_)))) => continue,
                Some(_) => true,
                None => false,
            };
            if self.is_outdated(node, latest).await? {
                return node.rpc.template(node.rules()).await;
            }
            if has_failed {
                // And yet the node answers: then long polls alone are not to its taste.
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        }
    }

    async fn is_outdated(&self, node: &RpcNode, latest: &Job) -> Result<bool, NodeError> {
        Ok(self.is_due() || node.tip().await? != latest.prev_blockhash())
    }

    /// Whether time alone asks for a new template.
    pub(super) fn is_due(&self) -> bool {
        let is_old = self.fetched.is_none_or(|fetched| fetched.elapsed() > REFRESH_AFTER);
        is_old || self.outdated.is_some_and(|outdated| outdated <= Instant::now())
    }

    fn next_poll(&self) -> Duration {
        let left = self.outdated.map(|outdated| outdated.saturating_duration_since(Instant::now()));
        left.map_or(POLL_INTERVAL, |left| left.min(POLL_INTERVAL))
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

    fn start_longpoll(&mut self, node: &RpcNode) {
        let Some(id) =
            self.longpoll_id.clone().filter(|_| !self.without_longpoll && self.longpoll.is_empty())
        else {
            return;
        };
        let (rpc, rules) = (node.rpc.clone(), node.rules());
        self.longpoll.spawn(async move {
            let reply = rpc.next_template(rules, &id).await;
            (id, reply)
        });
    }
}

/// Whether a new template is no other work than the latest one.
fn is_same(latest: &Template, new: &Template) -> bool {
    let (latest, new) = (latest.job(), new.job());
    latest.hashes_like(new) && latest.time().start.abs_diff(new.time().start) < RENEW_AFTER_SECONDS
}

fn pause(failures: u32) -> Duration {
    let (first, longest) = PAUSES;
    match failures {
        0 => Duration::ZERO,
        n => first.saturating_mul(1 << (n - 1).min(16)).min(longest),
    }
}
