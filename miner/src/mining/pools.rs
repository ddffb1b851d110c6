//! Pools as the upstream: the client's events in the words of this program.

use std::sync::Arc;

use miner_core::bitcoin::{BlockHash, Target};
use miner_core::{Job, Share, Terms, target};
use miner_engine::Found;
use miner_stratum::client::{Client, ClientEvent, ClientOptions};
use miner_stratum::ledger::{Fate, Ledger};
use tokio::sync::mpsc::UnboundedReceiver;

use super::height::block_height;
use super::upstream::{Judged, News, Upstream};
use crate::exit::{self, Code};
use crate::status::event::{Block, Event, JobEvent, Proof};

/// Jobs from the best pool that is there, and shares to the pool that they are for.
pub(crate) struct Pools {
    client: Client,
    events: UnboundedReceiver<ClientEvent>,
    /// The newest job's block and what the pool asks of a share.
    newest: Option<(BlockHash, Target)>,
}

impl Pools {
    /// Starts a client on the current tokio runtime.
    pub(crate) fn start(options: ClientOptions) -> Self {
        let (client, events) = Client::start(options);
        Self { client, events, newest: None }
    }

    fn take(&mut self, event: ClientEvent) -> News {
        match event {
            ClientEvent::Connected { pool, resumed, version_mask } => News::Tell(Event::PoolConnected {
                url: pool,
                resumed,
                version_mask: format!("{:08x}", version_mask.bits()),
            }),
            ClientEvent::Disconnected { pool, reason } => {
                News::Tell(Event::Disconnected { url: pool, reason })
            }
            ClientEvent::Job { job, terms } => self.new_job(job, terms),
            ClientEvent::Idle => News::Idle,
            ClientEvent::Judged { share, device, fate, latency } => {
                let block = block(&share, &device, &fate);
                News::Judged(Box::new(Judged { share: *share, device, fate, latency, block }))
            }
            ClientEvent::Notice(message) => News::Tell(Event::notice(message)),
            ClientEvent::Trouble(message) => News::Tell(Event::error(message)),
            ClientEvent::GaveUp(reason) => News::End(self.end(&reason)),
        }
    }

    fn new_job(&mut self, job: Arc<Job>, terms: Terms) -> News {
        let seen = self.newest.replace((job.prev_blockhash(), terms.share_target));
        let event = Event::Job(JobEvent {
            job: job.id().to_owned(),
            height: block_height(&job, &terms),
            transactions: None,
            difficulty: target::difficulty(job.network_target()),
            reward: None,
            on_own_block: None,
            share_difficulty: Some(target::difficulty(terms.share_target)),
            clean: Some(job.is_clean()),
            goes_without_saying: seen == self.newest,
        });
        News::Job { job, terms, event: Some(event) }
    }

    /// Why there is no pool: never was one, or no more.
    fn end(&self, reason: &str) -> anyhow::Error {
        let code = if self.newest.is_some() { Code::Failed } else { Code::Unreachable };
        exit::failure(code, reason)
    }
}

impl Upstream for Pools {
    /// Straight to the client: between find and wire there is no loop, and no output that may be stuck.
    fn taker(&self) -> Box<dyn FnMut(Found) + Send> {
        let client = self.client.clone();
        Box::new(move |Found { share, device }| client.submit(share, device))
    }

    async fn next(&mut self) -> News {
        match self.events.recv().await {
            Some(event) => self.take(event),
            None => News::End(self.end("the connection to the pools ended")),
        }
    }

    fn ledger(&self) -> Ledger {
        self.client.ledger()
    }

    fn is_settled(&self) -> bool {
        let ledger = self.client.ledger();
        let columns = ledger.columns();
        columns.in_flight.shares + columns.queued.shares == 0 && self.events.is_empty()
    }

    async fn give_up(&mut self) {
        self.client.drain(std::time::Duration::ZERO).await;
    }
}

/// What is told of a share that is a block. What the chain makes of it is the pool's affair.
fn block(share: &Share, device: &str, fate: &Fate) -> Option<Block> {
    share.is_block().then(|| Block {
        height: block_height(share.job(), share.terms()),
        hash: share.hash().to_string(),
        result: fate.word(),
        reason: fate.reason().map(str::to_owned),
        transactions: None,
        reward: None,
        difficulty: target::difficulty(share.job().network_target()),
        proof: Proof::new(share, device),
    })
}
