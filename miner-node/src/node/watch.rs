//! Watching a node's mempool: a template that holds all of it, as soon as something came or went.
//!
//! No call of a node waits for a transaction, and its templates lag behind by up to 5 s. So the mempool is looked
//! at again and again, which costs a node next to nothing, and what its template lacks is added here. The node
//! then judges the result before anybody mines it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bitcoin::{BlockHash, Txid, Wtxid};
use miner_core::Job;

use super::rpc::RpcNode;
use super::wait::Waiting;
use crate::rpc::{MempoolEntry, MempoolInfo, TemplateReply, TemplateTransaction};
use crate::template::amend;
use crate::{NodeError, Template, Verdict};

/// The pause between two looks at the mempool.
const LOOK_INTERVAL: Duration = Duration::from_millis(25);
/// A template that took long to make is not made anew in most of the time.
const REST_FACTOR: u32 = 10;
/// The pause after the node refused what its template was completed to.
const AFTER_REFUSAL: Duration = Duration::from_secs(1);

/// What was there when the mempool was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sight {
    tip: BlockHash,
    mempool: MempoolInfo,
}

/// Where the watch stands.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// What the latest template was made of.
    handled: Option<Sight>,
    /// Since when there is something else.
    changed: Option<Instant>,
    /// The pause before the next look.
    rest: Duration,
}

/// The template on a node's tip.
enum Current {
    /// It holds all of the mempool.
    Complete(Template),
    /// The node's own: it takes no more than that.
    Own(Template),
    /// Something changed while it was made.
    Outdated,
}

impl Waiting {
    /// The next job once something changed; with a `delay`, so long after that, and only with transactions.
    pub(super) async fn watched_job(
        &mut self,
        node: &RpcNode,
        delay: Option<Duration>,
    ) -> Result<Arc<Job>, NodeError> {
        loop {
            let sight = self.next_sight(node, delay).await?;
            let began = Instant::now();
            let current = self.current(node).await?;
            self.watch.rest = LOOK_INTERVAL.max(began.elapsed() * REST_FACTOR);
            let template = match current {
                Current::Complete(template) => {
                    self.watch.handled(sight);
                    template
                }
                Current::Own(template) => {
                    self.watch.rest = self.watch.rest.max(AFTER_REFUSAL);
                    template
                }
                Current::Outdated => continue,
            };
            if delay.is_some() && template.transactions() == 1 {
                continue;
            }
            let latest = node.shelf().latest().cloned();
            let job = self.making.job(node, template);
            if latest.is_none_or(|latest| !Arc::ptr_eq(&job, latest.job())) {
                return Ok(job);
            }
        }
    }

    /// Looks until a new template is worth while.
    async fn next_sight(&mut self, node: &RpcNode, delay: Option<Duration>) -> Result<Sight, NodeError> {
        loop {
            let rest = std::mem::replace(&mut self.watch.rest, LOOK_INTERVAL);
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                () = node.judged.notified() => {
                    self.watch.handled = None;
                    self.heed_judgement(node);
                }
            }
            let (tip, mempool) = tokio::try_join!(node.tip(), node.rpc.mempool_info())?;
            if node.shelf().latest().is_some_and(|latest| latest.job().prev_blockhash() != tip) {
                self.making.tip_moved();
            }
            let is_due = delay.is_none() && self.making.is_due();
            let sight = Sight { tip, mempool };
            if delay.is_some() && sight.mempool.size == 0 {
                self.watch.handled(sight);
            } else if is_due || self.watch.is_ripe(&sight, delay.unwrap_or_default()) {
                return Ok(sight);
            }
        }
    }

    async fn current(&mut self, node: &RpcNode) -> Result<Current, NodeError> {
        let reply = node.rpc.template(node.rules()).await?;
        let mempool = node.rpc.mempool().await?;
        let chosen = amend::choose(&reply, &mempool);
        if chosen.iter().eq(reply.transactions.iter().map(|own| &own.txid)) {
            return self.making.template(node, reply).await.map(Current::Complete);
        }
        let Some(transactions) = gather(node, &reply, &chosen, &mempool).await? else {
            return Ok(Current::Outdated);
        };
        let completed =
            self.making.template(node, amend::with_transactions(reply.clone(), transactions)?).await?;
        if node.rpc.propose(&completed.unsolved()?.hex, node.rules()).await? == Verdict::Accepted {
            return Ok(Current::Complete(completed));
        }
        if node.tip().await? != reply.previous_block {
            return Ok(Current::Outdated);
        }
        self.making.template(node, reply).await.map(Current::Own)
    }
}

impl Watch {
    fn handled(&mut self, sight: Sight) {
        self.handled = Some(sight);
        self.changed = None;
    }

    /// Whether something changed at least `delay` ago.
    fn is_ripe(&mut self, sight: &Sight, delay: Duration) -> bool {
        if self.handled.as_ref() == Some(sight) {
            self.changed = None;
            return false;
        }
        let passed = self.changed.get_or_insert_with(Instant::now).elapsed();
        self.rest = LOOK_INTERVAL.min(delay.saturating_sub(passed));
        passed >= delay
    }
}

/// The chosen transactions with their bytes; `None` if one has left the mempool.
async fn gather(
    node: &RpcNode,
    reply: &TemplateReply,
    chosen: &[Txid],
    mempool: &HashMap<Txid, MempoolEntry>,
) -> Result<Option<Vec<(Wtxid, TemplateTransaction)>>, NodeError> {
    let own = reply.transactions.iter().map(|own| (own.txid, own.data.clone()));
    let mut data: HashMap<Txid, Box<str>> = own.collect();
    let missing: Vec<Txid> = chosen.iter().filter(|&txid| !data.contains_key(txid)).copied().collect();
    let fetched = missing.iter().zip(node.rpc.raw_transactions(&missing).await?);
    data.extend(fetched.filter_map(|(txid, raw)| Some((*txid, raw?))));
    let transaction = |txid: &Txid| {
        let MempoolEntry { wtxid, weight, fees, .. } = mempool.get(txid)?;
        let (data, fee) = (data.remove(txid)?, Some(fees.base.to_sat()));
        Some((*wtxid, TemplateTransaction { data, txid: *txid, weight: *weight, fee }))
    };
    Ok(chosen.iter().map(transaction).collect())
}
