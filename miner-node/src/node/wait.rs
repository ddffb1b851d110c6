//! Waiting for a node's next template: by a long poll, with a poll beside it that does not depend on it. How a
//! mempool is watched is in `watch`, and what becomes of an answer in `making`.
//!
//! A long poll is never given up while the node is there: on a quiet chain it would occupy one of the
//! node's RPC threads until the next tip, and a few of them leave none for `submitblock`. So it runs in
//! a task of its own, one at a time, and survives the call that started it.

use std::sync::Arc;
use std::time::Duration;

use miner_core::Job;
use tokio::task::JoinSet;

use super::making::Making;
use super::rpc::{RpcNode, Transactions};
use super::watch::Watch;
use crate::NodeError;
use crate::rpc::TemplateReply;

/// How often the tip is asked for while a long poll hangs.
const POLL_INTERVAL: Duration = Duration::from_secs(3);
/// How long a long poll may take to answer when the tip has moved, before the template is asked for beside it.
const GRACE: Duration = Duration::from_millis(5);
/// The pause after the first failure, and the longest after many.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// The answer to a long poll, and the count of templates when it was asked.
type Polled = (u64, Result<TemplateReply, NodeError>);

/// Where the wait for the next template stands.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    without_longpoll: bool,
    longpoll: JoinSet<Polled>,
    /// Of the latest template.
    longpoll_id: Option<String>,
    /// Templates so far.
    templates: u64,
    failures: u32,
    pub(super) making: Making,
    pub(super) watch: Watch,
}

/// A template that may be another one than the latest.
enum Answer {
    ToLongpoll(TemplateReply),
    ToCall(TemplateReply),
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
            let answer = self.changed(node, latest.job()).await?;
            let in_haste =
                matches!(answer, Answer::ToLongpoll(_)) && self.making.is_younger_than(POLL_INTERVAL);
            let (Answer::ToLongpoll(reply) | Answer::ToCall(reply)) = answer;
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

    async fn adopt(&mut self, node: &RpcNode, reply: TemplateReply) -> Result<Arc<Job>, NodeError> {
        let longpoll_id = reply.longpoll_id.clone();
        let template = self.making.template(node, reply).await?;
        self.longpoll_id = longpoll_id;
        self.templates += 1;
        Ok(self.making.job(node, template))
    }

    /// Waits for an answer that may be another template than that of the `latest` job.
    async fn changed(&mut self, node: &RpcNode, latest: &Job) -> Result<Answer, NodeError> {
        loop {
            self.start_longpoll(node);
            let next_poll = self.making.due_in().map_or(POLL_INTERVAL, |due| due.min(POLL_INTERVAL));
            let polled = tokio::select! {
                Some(polled) = self.longpoll.join_next() => Some(polled),
                () = tokio::time::sleep(next_poll) => None,
                () = node.judged.notified() => return self.after_judgement(node, latest).await,
            };
            let has_failed = match polled {
                Some(Ok((templates, Ok(reply)))) if templates == self.templates => {
                    return Ok(Answer::ToLongpoll(reply));
                }
                // What was asked before the latest template came is no news.
                Some(Ok((_, Ok(_)))) => continue,
                Some(_) => true,
                None => false,
            };
            if self.is_outdated(node, latest).await? {
                return node.rpc.template(node.rules()).await.map(Answer::ToCall);
            }
            if has_failed {
                // And yet the node answers: then long polls alone are not to its taste.
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        }
    }

    /// The template after the node has judged a block. Where it took the block the long poll answers by itself:
    /// a call beside it would only have the node write the same template twice.
    async fn after_judgement(&mut self, node: &RpcNode, latest: &Job) -> Result<Answer, NodeError> {
        if self.heed_judgement(node)
            && let Ok(Some(Ok((templates, Ok(reply))))) =
                tokio::time::timeout(GRACE, self.longpoll.join_next()).await
            && templates == self.templates
            && reply.previous_block != latest.prev_blockhash()
        {
            return Ok(Answer::ToLongpoll(reply));
        }
        node.rpc.template(node.rules()).await.map(Answer::ToCall)
    }

    /// The node has judged a block. If it took one on the tip that the latest template has, that is its tip no more,
    /// or once again: then true.
    pub(super) fn heed_judgement(&mut self, node: &RpcNode) -> bool {
        let latest = node.shelf().latest().map(|latest| latest.job().prev_blockhash());
        let has_moved = latest.is_some_and(|tip| node.has_left(tip));
        if has_moved {
            self.making.tip_moved();
        }
        has_moved
    }

    async fn is_outdated(&self, node: &RpcNode, latest: &Job) -> Result<bool, NodeError> {
        Ok(self.making.is_due() || node.tip().await? != latest.prev_blockhash())
    }

    fn start_longpoll(&mut self, node: &RpcNode) {
        let Some(id) =
            self.longpoll_id.clone().filter(|_| !self.without_longpoll && self.longpoll.is_empty())
        else {
            return;
        };
        let (rpc, rules, templates) = (node.rpc.clone(), node.rules(), self.templates);
        self.longpoll.spawn(async move { (templates, rpc.next_template(rules, &id).await) });
    }
}

fn pause(failures: u32) -> Duration {
    let (first, longest) = PAUSES;
    match failures {
        0 => Duration::ZERO,
        n => first.saturating_mul(1 << (n - 1).min(16)).min(longest),
    }
}
