//! The embedded chain in the role of a node: jobs out, blocks in, for any number of callers at once.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bitcoin::consensus::encode::deserialize_hex;
use bitcoin::{Block, BlockHash};
use miner_core::{Extranonce, Job, Share, Solution, VersionMask};
use tokio::sync::watch;

use super::blockchain::Blockchain;
use super::params::EmbeddedParams;
use super::reason::Reason;
use super::scripts::anyone_can_spend;
use crate::template::{EXTRANONCE_SIZE, Shelf, terms};
use crate::{Chain, CoinbaseOptions, NodeError, Payout, SolvedBlock, Template, Verdict};

/// Bitcoin Core's RPC code for what is no block at all.
const UNDECODABLE: i64 = -22;

/// A node made of an embedded chain.
#[derive(Debug)]
pub struct EmbeddedNode {
    state: Mutex<State>,
    options: CoinbaseOptions,
    tip: watch::Sender<BlockHash>,
    /// One waits for the next job at a time.
    waiting: tokio::sync::Mutex<watch::Receiver<BlockHash>>,
}

#[derive(Debug)]
struct State {
    chain: Blockchain,
    shelf: Shelf,
    jobs: u64,
}

impl EmbeddedNode {
    /// Starts a chain and mines its first blocks, which pay to the chain itself. What is mined from then on
    /// has the coinbase that `options` describe.
    ///
    /// # Errors
    /// [`NodeError::BadTemplate`] where the bits are no target.
    pub fn new(params: EmbeddedParams, options: CoinbaseOptions) -> Result<Self, NodeError> {
        let mut state = State { chain: Blockchain::new(params), shelf: Shelf::default(), jobs: 0 };
        let own = CoinbaseOptions { payout: own_payout()?, signature: vec![] };
        for _ in 0..params.premined {
            let template = state.template(&own)?;
            let share = solve(template.job()).ok_or_else(unsolvable)?;
            state.submit(&template.block(&share)?)?;
        }
        state.shelf = Shelf::default();
        let (tip, mut seen) = watch::channel(state.chain.tip_hash());
        // The first job is ready at once.
        seen.mark_changed();
        Ok(Self { state: Mutex::new(state), options, tip, waiting: tokio::sync::Mutex::new(seen) })
    }

    /// [`Chain::Regtest`].
    pub fn chain(&self) -> Chain {
        Chain::Regtest
    }

    /// The next job: at once the first time, then when there is a new tip. Nothing is lost if the call is
    /// dropped.
    ///
    /// # Errors
    /// [`NodeError::BadTemplate`] where the coinbase options make none.
    pub async fn next_job(&self) -> Result<Arc<Job>, NodeError> {
        let mut tip = self.waiting.lock().await;
        // It fails only without a sender, and this node has it.
        let _ = tip.changed().await;
        let template = self.state().template(&self.options);
        if template.is_err() {
            // Whoever asks again shall hear it again.
            tip.mark_changed();
        }
        Ok(template?.job().clone())
    }

    /// The template of one of this node's jobs, for as long as it is kept: until two tips later.
    ///
    /// # Errors
    /// [`NodeError::UnknownJob`].
    pub fn template(&self, job: &Arc<Job>) -> Result<Arc<Template>, NodeError> {
        self.state().shelf.find(job)
    }

    /// Hands a block to the chain.
    ///
    /// # Errors
    /// [`NodeError::Rpc`], with the code of a real node, for what is no block at all.
    pub fn submit_block(&self, block: &SolvedBlock) -> Result<Verdict, NodeError> {
        let mut state = self.state();
        let verdict = state.submit(block)?;
        let tip = state.chain.tip_hash();
        self.tip.send_if_modified(|known| std::mem::replace(known, tip) != tip);
        Ok(verdict)
    }

    /// Has the chain judge the block of one of its jobs, still without work, by every other rule.
    ///
    /// # Errors
    /// [`NodeError::UnknownJob`].
    pub fn propose(&self, job: &Arc<Job>) -> Result<Verdict, NodeError> {
        let mut state = self.state();
        let block = decode(&state.shelf.find(job)?.unsolved()?)?;
        let now = state.now();
        Ok(verdict(state.chain.propose(&block, now)))
    }

    /// The tip.
    pub fn tip(&self) -> BlockHash {
        self.state().chain.tip_hash()
    }

    /// The block at a height of the best chain, `None` above the tip.
    pub fn block_at(&self, height: u32) -> Option<BlockHash> {
        self.state().chain.hash_at(height)
    }

    /// The confirmations of a block: 1 for the tip, -1 outside the best chain, `None` for an unknown block.
    pub fn confirmations(&self, hash: &BlockHash) -> Option<i64> {
        self.state().chain.confirmations(hash)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What it is.
impl fmt::Display for EmbeddedNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the embedded regtest chain")
    }
}

impl State {
    /// Makes a template on the tip, and keeps it for the blocks that come back.
    fn template(&mut self, options: &CoinbaseOptions) -> Result<Arc<Template>, NodeError> {
        let reply = self.chain.template(self.now());
        let id = format!("{:x}", self.jobs);
        let template = Template::new(&id, reply, options, self.shelf.latest().map(AsRef::as_ref))?;
        let template = Arc::new(template);
        self.jobs += 1;
        self.shelf.keep(template.clone());
        Ok(template)
    }

    fn submit(&mut self, block: &SolvedBlock) -> Result<Verdict, NodeError> {
        let now = self.now();
        Ok(verdict(self.chain.submit(decode(block)?, now)))
    }

    fn now(&self) -> u32 {
        let machine = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.chain.clock(u32::try_from(machine).unwrap_or(u32::MAX))
    }
}

fn verdict(answer: Result<(), Reason>) -> Verdict {
    Verdict::from_result(answer.err().map(|reason| reason.to_string()))
}

fn decode(block: &SolvedBlock) -> Result<Block, NodeError> {
    let (method, code) = ("submitblock", UNDECODABLE);
    let undecodable = |_| NodeError::Rpc { method, code, message: "Block decode failed".to_owned() };
    deserialize_hex(&block.hex).map_err(undecodable)
}

fn unsolvable() -> NodeError {
    NodeError::BadTemplate("no nonce solves it".to_owned())
}

fn own_payout() -> Result<Payout, NodeError> {
    Payout::to_script(&anyone_can_spend().to_hex_string())
        .map_err(|error| NodeError::BadTemplate(error.to_string()))
}

/// Mines a job of a node with the reference hash and no other choice than the nonce: the lowest one wins. For
/// regtest's difficulty, where two hashes do on average.
pub fn solve(job: &Arc<Job>) -> Option<Share> {
    let (terms, extranonce2) = (terms(VersionMask::NONE), Extranonce::nth(0, EXTRANONCE_SIZE));
    let root = job.merkle_root(&terms, &extranonce2);
    let share = |nonce| {
        let solution = Solution { extranonce2, time: job.time().after(0), version: job.version(), nonce };
        job.check(&terms, &solution, &job.evaluate(&root, &solution)).ok()
    };
    (0..=u32::MAX).find_map(share)
}
