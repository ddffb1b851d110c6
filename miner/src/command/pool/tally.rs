//! Counting what happens in a pool, and putting it in the words of this program.

use std::collections::BTreeMap;

use miner_core::bitcoin::Target;
use miner_core::{Share, target};
use miner_node::Node;
use miner_pool::PoolEvent;
use miner_stratum::ledger::Amount;

use crate::mining::blocks;
use crate::status::event::{Event, JobEvent};
use crate::status::pool::{PoolShare, PoolSummary, SessionEvent, Taken};

/// All that is counted of a pool.
#[derive(Default)]
pub(super) struct Tally {
    /// Connected now.
    pub(super) miners: u64,
    sessions: u64,
    pub(super) accepted: Amount,
    pub(super) rejected: BTreeMap<&'static str, u64>,
    blocks: BTreeMap<&'static str, u64>,
    best: Option<Target>,
}

impl Tally {
    /// Counts an event; what there is to tell of it.
    pub(super) fn take(&mut self, event: PoolEvent, node: &Node) -> Option<Event> {
        Some(match event {
            PoolEvent::Job(job) => {
                let template = node.template(&job).ok()?;
                Event::Job(JobEvent { clean: Some(job.is_clean()), ..JobEvent::of(&template) })
            }
            PoolEvent::NoJob(error) => Event::error(error.to_string()),
            PoolEvent::Opened { session, peer, agent, resumed } => {
                self.miners += 1;
                self.sessions += 1;
                Event::Session(SessionEvent {
                    status: if resumed { "resumed" } else { "opened" },
                    session,
                    peer: peer.map(|peer| peer.to_string()),
                    agent: Some(agent.to_string()),
                    reason: None,
                    miners: self.miners,
                })
            }
            PoolEvent::Closed { session, why } => {
                self.miners = self.miners.saturating_sub(1);
                let (status, reason) = ("closed", Some(why.to_string()));
                let miners = self.miners;
                Event::Session(SessionEvent { status, session, peer: None, agent: None, reason, miners })
            }
            PoolEvent::Accepted { session, worker, share } => {
                self.accept(&share);
                let (status, taken) = ("accepted", Some(Taken::new(&share, &worker)));
                let worker = worker.to_string();
                Event::PoolShare(PoolShare { status, reason: None, worker, session, taken })
            }
            PoolEvent::Rejected { session, worker, reason } => {
                *self.rejected.entry(reason.word()).or_default() += 1;
                let (status, reason) = ("rejected", Some(reason.to_string()));
                Event::PoolShare(PoolShare {
                    status,
                    reason,
                    worker: worker.to_string(),
                    session,
                    taken: None,
                })
            }
            PoolEvent::Block { worker, share, template, verdict } => {
                let block = blocks::event(&share, &worker.to_string(), template.as_deref(), &verdict);
                *self.blocks.entry(block.result).or_default() += 1;
                Event::Block(block)
            }
        })
    }

    fn accept(&mut self, share: &Share) {
        self.accepted.add(Amount::of(share));
        self.best = self.best.into_iter().chain([share.hash_value()]).min();
    }

    pub(super) fn summary(&self, seconds: f64) -> PoolSummary {
        PoolSummary {
            sessions: self.sessions,
            found: self.accepted.shares + self.rejected.values().sum::<u64>(),
            accepted: self.accepted.shares,
            rejected: self.rejected.clone(),
            difficulty: self.accepted.difficulty(),
            best_difficulty: self.best.map(target::difficulty),
            blocks: self.blocks.clone(),
            seconds,
        }
    }
}
