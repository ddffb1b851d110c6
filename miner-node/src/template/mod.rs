//! From a node's template to a [`Job`], and from a solved header back to a whole block: the coinbase is
//! built in `coinbase`, the template's promises are held to the rules in `check`, `amend` puts other
//! transactions into a template, `window` says when it is valid, and `shelf` keeps the templates that may still be solved. Nothing here
//! talks to a node.

pub(crate) mod amend;
mod check;
mod coinbase;
mod shelf;
#[cfg(test)]
mod tests;
mod window;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bitcoin::block::Header;
use bitcoin::consensus::encode::{VarInt, serialize_hex};
use bitcoin::{Amount, Txid};
use miner_core::{Extranonce, Job, JobParams, RootSource, Share, Solution, Terms, VersionMask, merkle};

use crate::rpc::{TemplateReply, TemplateTransaction};
use crate::{NodeError, SolvedBlock};

pub use coinbase::CoinbaseOptions;
pub(crate) use shelf::Shelf;

/// Bytes of extranonce in the coinbase of a node's job.
pub const EXTRANONCE_SIZE: u8 = 8;

/// The terms for mining a node's jobs: the whole extranonce is the miner's, and only blocks count.
pub fn terms(version_mask: VersionMask) -> Terms {
    Terms::solo(EXTRANONCE_SIZE, version_mask)
}

/// A template with the coinbase that was built for it.
#[derive(Debug)]
pub struct Template {
    job: Arc<Job>,
    height: u32,
    reward: Amount,
    valid_for: Option<Duration>,
    /// What follows the coinbase, in hex as it came.
    transactions: Vec<(Txid, Arc<str>)>,
}

impl Template {
    /// Builds the job `id` from a node's template. What `previous` holds too is shared with it.
    ///
    /// # Errors
    /// [`NodeError::UnknownRule`]; [`NodeError::BadTemplate`] for one that no valid block comes from.
    pub fn new(
        id: &str,
        reply: TemplateReply,
        options: &CoinbaseOptions,
        previous: Option<&Self>,
    ) -> Result<Self, NodeError> {
        check::rules(&reply.rules)?;
        check::transactions(&reply.transactions)?;
        let parts = coinbase::build(&reply, options)?;
        check::weight(&reply, parts.prefix.len() + parts.suffix.len())?;
        let txids: Vec<Txid> = reply.transactions.iter().map(|transaction| transaction.txid).collect();
        let root = RootSource::Coinbase {
            prefix: parts.prefix,
            suffix: parts.suffix,
            branch: merkle::branch(&txids),
        };
        let clean = previous.is_none_or(|previous| previous.job.prev_blockhash() != reply.previous_block);
        let job = Job::new(JobParams {
            id: id.to_owned(),
            version: check::version(reply.version)?,
            reserved_version_bits: check::reserved_bits(&reply)?,
            prev_blockhash: reply.previous_block,
            time: window::of(&reply),
            bits: reply.bits,
            clean,
            root,
        })
        .map_err(|error| NodeError::BadTemplate(error.to_string()))?;
        Ok(Self {
            job: Arc::new(job),
            height: reply.height,
            reward: Amount::from_sat(reply.coinbase_value),
            valid_for: window::valid_for(&reply),
            transactions: shared(reply.transactions, previous),
        })
    }

    /// The work.
    pub fn job(&self) -> &Arc<Job> {
        &self.job
    }

    /// The height of the block to be.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// What its coinbase pays: subsidy and fees.
    pub fn reward(&self) -> Amount {
        self.reward
    }

    /// How long after it came its bits are the right ones, where time alone changes that (testnet3, testnet4).
    /// Its job's times stay right for ever.
    pub fn valid_for(&self) -> Option<Duration> {
        self.valid_for
    }

    /// How many transactions the block has, the coinbase among them.
    pub fn transactions(&self) -> usize {
        1 + self.transactions.len()
    }

    /// The block that a share of this template's job stands for.
    ///
    /// # Errors
    /// [`NodeError::BadTemplate`] if the coinbase that was built here is no transaction.
    pub fn block(&self, share: &Share) -> Result<SolvedBlock, NodeError> {
        self.with_header(share.header(), &share.coinbase().unwrap_or_default())
    }

    /// The block without any work, for proposal mode.
    ///
    /// # Errors
    /// As [`Template::block`].
    pub fn unsolved(&self) -> Result<SolvedBlock, NodeError> {
        let (job, terms) = (&self.job, terms(VersionMask::NONE));
        let extranonce2 = Extranonce::nth(0, EXTRANONCE_SIZE);
        let solution = Solution { extranonce2, time: job.time().after(0), version: job.version(), nonce: 0 };
        let header = job.header(&job.merkle_root(&terms, &extranonce2), &solution);
        self.with_header(&header, &job.coinbase(&terms, &extranonce2).unwrap_or_default())
    }

    fn with_header(&self, header: &Header, coinbase: &[u8]) -> Result<SolvedBlock, NodeError> {
        let coinbase = miner_core::coinbase::into_transaction(coinbase)
            .map_err(|error| NodeError::BadTemplate(error.to_string()))?;
        let count = VarInt::from(1 + self.transactions.len());
        let mut hex = [serialize_hex(header), serialize_hex(&count), serialize_hex(&coinbase)].concat();
        hex.reserve_exact(self.transactions.iter().map(|(_, data)| data.len()).sum());
        self.transactions.iter().for_each(|(_, data)| hex.push_str(data));
        Ok(SolvedBlock { hash: header.block_hash(), height: self.height, hex })
    }
}

/// The transactions, each one that `previous` holds as well taken from there: templates differ little,
/// and dozens of them may be kept.
fn shared(transactions: Vec<TemplateTransaction>, previous: Option<&Template>) -> Vec<(Txid, Arc<str>)> {
    let held: HashMap<Txid, &Arc<str>> = previous
        .into_iter()
        .flat_map(|previous| &previous.transactions)
        .map(|(txid, data)| (*txid, data))
        .collect();
    let share = |TemplateTransaction { txid, data, .. }| match held.get(&txid) {
        // The same id may come with other witnesses.
        Some(known) if ***known == *data => (txid, Arc::clone(known)),
        _ => (txid, data.into()),
    };
    transactions.into_iter().map(share).collect()
}
