//! What the loop of a run stands on, whatever is mined to: news in, found shares out. Nodes and pools are the
//! two kinds, in `nodes` and `pools`.

use std::sync::Arc;
use std::time::Duration;

use miner_core::{Job, Share, Terms};
use miner_engine::Found;
use miner_stratum::ledger::{Fate, Ledger};

use crate::status::event::{Block, Event};

/// Where jobs come from and shares go.
pub(crate) trait Upstream {
    /// Takes found shares, on a thread of the engine's that must not be held up.
    fn taker(&self) -> Box<dyn FnMut(Found) + Send>;

    /// What happens next. Nothing is lost when this is given up half-way.
    async fn next(&mut self) -> News;

    /// What became of each share so far.
    fn ledger(&self) -> Ledger;

    /// Whether there is nothing more to wait for, and nothing more to tell.
    fn is_settled(&self) -> bool;

    /// Waits no longer for verdicts: what has none by now is settled as well.
    async fn give_up(&mut self);
}

/// What happened upstream.
pub(crate) enum News {
    /// To be searched from now on, at once; the event is told after that.
    Job { job: Arc<Job>, terms: Terms, event: Option<Event> },
    /// There is nothing to search until the next job.
    Idle,
    /// A share's way ended.
    Judged(Box<Judged>),
    /// Only to be told.
    Tell(Event),
    /// There is nothing to mine to, and never will be.
    End(anyhow::Error),
}

/// A share and what became of it.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) share: Share,
    pub(crate) device: Arc<str>,
    pub(crate) fate: Fate,
    /// From sending to the answer, where a pool gave one.
    pub(crate) latency: Option<Duration>,
    /// What is told of it as a block, if it is one.
    pub(crate) block: Option<Block>,
}
