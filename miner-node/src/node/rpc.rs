//! A node that is reached by RPC: jobs out, blocks in. How a new template is waited for is in `wait`.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bitcoin::BlockHash;
use miner_core::Job;
use tokio::sync::Notify;

use super::wait::Waiting;
use crate::template::Shelf;
use crate::{Chain, CoinbaseOptions, NodeError, RpcClient, SolvedBlock, Template, Verdict};

/// The challenge of a signet that anybody may mine: OP_TRUE.
const OPEN_SIGNET: &str = "51";

/// Which transactions the blocks of a node hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transactions {
    /// Those of its templates. While its tip stays, a node makes a template anew every 5 s at most.
    #[default]
    OfTemplate,
    /// None: the mempool is left alone.
    None,
    /// All of its mempool, which is looked at every 25 ms: for a node of one's own.
    OfMempool,
    /// As [`Transactions::OfMempool`], and only a template that holds some makes a job.
    Awaited {
        /// How long after the first of them came the job is made.
        delay: Duration,
    },
}

/// A node that is reached by RPC.
#[derive(Debug)]
pub struct RpcNode {
    pub(super) rpc: Arc<RpcClient>,
    chain: Chain,
    pub(super) options: CoinbaseOptions,
    pub(super) transactions: Transactions,
    shelf: Mutex<Shelf>,
    /// Told when the node has judged a block: then there is another template, if only for the reason of a refusal.
    pub(super) judged: Notify,
    /// What the last block that it took builds on: the tip is there no more, even if it comes back later.
    left: Mutex<Option<BlockHash>>,
    /// One waits for the next job at a time.
    waiting: tokio::sync::Mutex<Waiting>,
}

impl RpcNode {
    /// Asks the node for its chain, which must be `asked` where that is given. Its jobs pay to anyone
    /// until [`RpcNode::with_coinbase`] says otherwise.
    ///
    /// # Errors
    /// [`NodeError::WrongChain`], [`NodeError::UnsupportedChain`], [`NodeError::SignedSignet`], and
    /// whatever may befall a call.
    pub async fn connect(rpc: RpcClient, asked: Option<Chain>) -> Result<Self, NodeError> {
        let chain = confirmed_chain(&rpc, asked).await?;
        Ok(Self {
            rpc: Arc::new(rpc),
            chain,
            options: CoinbaseOptions::default(),
            transactions: Transactions::default(),
            shelf: Mutex::default(),
            judged: Notify::new(),
            left: Mutex::default(),
            waiting: tokio::sync::Mutex::default(),
        })
    }

    /// What goes into the coinbases from now on.
    #[must_use]
    pub fn with_coinbase(mut self, options: CoinbaseOptions) -> Self {
        self.options = options;
        self
    }

    /// Which transactions go into the blocks from now on.
    #[must_use]
    pub fn with_transactions(mut self, transactions: Transactions) -> Self {
        self.transactions = transactions;
        self
    }

    /// Makes the same jobs of the same templates, in the same order, in each run: otherwise those of no two runs are
    /// alike.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.waiting.get_mut().making.start_with(seed);
        self
    }

    /// Asks for new templates every few seconds only, for a node or a proxy that bears no long polls.
    #[must_use]
    pub fn without_longpoll(mut self) -> Self {
        self.waiting.get_mut().disable_longpoll();
        self
    }

    /// The chain that the node is on.
    pub fn chain(&self) -> Chain {
        self.chain
    }

    /// The client, for calls beside mining.
    pub fn rpc(&self) -> &RpcClient {
        &self.rpc
    }

    /// The next job: at once the first time, then when the node has another template. A new tip is seen
    /// within 5 s even if its long polls hang.
    ///
    /// After an error that is transient, call it again: it pauses by itself, longer from time to time,
    /// and what it returns when the node is back may be the job that there was before. Nothing is lost
    /// if the call is dropped.
    ///
    /// # Errors
    /// [`NodeError::UnknownRule`], [`NodeError::BadTemplate`], and whatever may befall a call.
    pub async fn next_job(&self) -> Result<Arc<Job>, NodeError> {
        self.waiting.lock().await.next_job(self).await
    }

    /// Hands a block to the node. Handing it over again does no harm.
    ///
    /// # Errors
    /// Whatever may befall a call. The block must then be kept, however final the error looks.
    pub async fn submit_block(&self, block: &SolvedBlock) -> Result<Verdict, NodeError> {
        let verdict = self.rpc.submit_block(block).await;
        if matches!(verdict, Ok(Verdict::Accepted)) {
            *self.left.lock().unwrap_or_else(PoisonError::into_inner) = block.parent();
        }
        self.judged.notify_one();
        verdict
    }

    /// Has the node judge the block of one of its jobs, still without work, by every other rule.
    ///
    /// # Errors
    /// [`NodeError::UnknownJob`], and whatever may befall a call.
    pub async fn propose(&self, job: &Arc<Job>) -> Result<Verdict, NodeError> {
        let block = self.template(job)?.unsolved()?;
        self.rpc.propose(&block.hex, self.rules()).await
    }

    /// The node's tip.
    ///
    /// # Errors
    /// Whatever may befall a call.
    pub async fn tip(&self) -> Result<BlockHash, NodeError> {
        self.rpc.best_block_hash().await
    }

    /// The block at a height of the node's chain, `None` above its tip.
    ///
    /// # Errors
    /// Whatever may befall a call.
    pub async fn block_at(&self, height: u32) -> Result<Option<BlockHash>, NodeError> {
        self.rpc.block_hash(height).await
    }

    /// The confirmations of a block: 1 for the tip, -1 outside the node's chain, `None` if the node does
    /// not know it.
    ///
    /// # Errors
    /// Whatever may befall a call.
    pub async fn confirmations(&self, hash: &BlockHash) -> Result<Option<i64>, NodeError> {
        Ok(self.rpc.header(hash).await?.map(|header| header.confirmations))
    }

    /// The template of a job, for as long as it is kept: until two tips later.
    ///
    /// # Errors
    /// [`NodeError::UnknownJob`].
    pub fn template(&self, job: &Arc<Job>) -> Result<Arc<Template>, NodeError> {
        self.shelf().find(job)
    }

    /// Whether the tip moved on from this block since that was asked last, by a block that was submitted.
    pub(super) fn has_left(&self, tip: BlockHash) -> bool {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).take() == Some(tip)
    }

    pub(super) fn shelf(&self) -> std::sync::MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rules that a template request names.
    pub(super) fn rules(&self) -> &'static [&'static str] {
        if self.chain == Chain::Signet { &["segwit", "signet"] } else { &["segwit"] }
    }
}

/// The address.
impl fmt::Display for RpcNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rpc.url())
    }
}

async fn confirmed_chain(rpc: &RpcClient, asked: Option<Chain>) -> Result<Chain, NodeError> {
    let info = rpc.chain_info().await?;
    let found = info.chain.parse::<Chain>().ok();
    if let Some(asked) = asked.filter(|asked| Some(*asked) != found) {
        let found = found.map_or_else(|| crate::rpc::plain(&info.chain), |chain| chain.to_string());
        return Err(NodeError::WrongChain { url: rpc.url(), asked, found });
    }
    let chain = found.ok_or_else(|| NodeError::UnsupportedChain {
        url: rpc.url(),
        found: crate::rpc::plain(&info.chain),
    })?;
    match info.signet_challenge {
        Some(challenge) if chain == Chain::Signet && challenge != OPEN_SIGNET => {
            Err(NodeError::SignedSignet { challenge: crate::rpc::plain(&challenge) })
        }
        _ => Ok(chain),
    }
}
