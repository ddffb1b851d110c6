//! The calls that mining needs, and the fields of their answers that are used. Fields that only
//! some versions send are optional.

use std::collections::HashMap;

use bitcoin::address::NetworkUnchecked;
use bitcoin::{Address, Amount, BlockHash, CompactTarget, SignedAmount, Txid, Wtxid};
use serde::{Deserialize, Deserializer};
use serde_json::json;

use super::{LONGPOLL_TIMEOUT, RpcClient};
use crate::{NodeError, SolvedBlock, Verdict};

const NO_PARAMS: [(); 0] = [];

/// `getblockchaininfo`.
#[derive(Debug, Clone, Deserialize)]
pub struct ChainInfo {
    /// The chain in Core's words; other nodes have other chains.
    pub chain: String,
    /// Height of the tip.
    pub blocks: u32,
    /// Height of the best header: above `blocks` while the node catches up.
    pub headers: u32,
    /// The tip.
    #[serde(rename = "bestblockhash")]
    pub best_block_hash: BlockHash,
    /// Whether the node still downloads the chain.
    #[serde(rename = "initialblockdownload")]
    pub initial_block_download: bool,
    /// The script that a signet's blocks must satisfy, in hex.
    pub signet_challenge: Option<String>,
}

/// `getblockheader`.
#[derive(Debug, Clone, Deserialize)]
pub struct HeaderInfo {
    /// 1 for the tip, -1 for a block outside the active chain.
    pub confirmations: i64,
    /// Height in its chain.
    pub height: u32,
    /// Its time.
    pub time: u32,
}

/// `getblocktemplate` (BIP22, BIP23, BIP9, BIP145).
#[derive(Debug, Clone, Deserialize)]
pub struct TemplateReply {
    /// The version with every bit that the node wants set.
    pub version: i32,
    /// Active rules; a leading `!` makes one mandatory.
    #[serde(default)]
    pub rules: Vec<String>,
    /// Deployments that are signalled, and their bits.
    #[serde(default, rename = "vbavailable")]
    pub available_bits: std::collections::BTreeMap<String, u8>,
    /// Version bits that must be set.
    #[serde(default, rename = "vbrequired")]
    pub required_bits: u32,
    /// The tip.
    #[serde(rename = "previousblockhash")]
    pub previous_block: BlockHash,
    /// What a block holds besides its coinbase, in order.
    pub transactions: Vec<TemplateTransaction>,
    /// Data that the coinbase script must hold, in hex, by a name that does not matter.
    #[serde(default, rename = "coinbaseaux")]
    pub coinbase_aux: std::collections::BTreeMap<String, String>,
    /// Satoshis that the coinbase may pay out: subsidy and fees.
    #[serde(rename = "coinbasevalue")]
    pub coinbase_value: u64,
    /// To be sent back to wait for the next template. Opaque.
    #[serde(rename = "longpollid")]
    pub longpoll_id: Option<String>,
    /// The earliest time that a block may have.
    #[serde(rename = "mintime")]
    pub min_time: u32,
    /// The node's time.
    #[serde(rename = "curtime")]
    pub current_time: u32,
    /// The network target in its compact form.
    #[serde(deserialize_with = "compact_target")]
    pub bits: CompactTarget,
    /// Height of the block to be mined.
    pub height: u32,
    /// Weight units that a block may have.
    #[serde(rename = "weightlimit")]
    pub weight_limit: Option<u64>,
    /// The output script of the witness commitment, in hex.
    #[serde(rename = "default_witness_commitment")]
    pub witness_commitment: Option<String>,
    /// The time of the block that it builds on, on chains where the bits depend on it (testnet3, testnet4). No part
    /// of a node's answer: it is asked for by itself.
    #[serde(skip)]
    pub parent_time: Option<u32>,
    /// A number that goes into the coinbase: templates that are alike otherwise make different blocks with different
    /// numbers. No part of a node's answer either.
    #[serde(skip)]
    pub visit: u32,
}

/// One transaction of a template.
#[derive(Debug, Clone, Deserialize)]
pub struct TemplateTransaction {
    /// The transaction in hex: it goes into the block as it came.
    pub data: Box<str>,
    /// Its id, without witnesses: a leaf of the merkle tree.
    pub txid: Txid,
    /// Its weight units.
    #[serde(default)]
    pub weight: u64,
    /// Its fee in satoshis; where it is missing it is unknown, and not 0 (BIP22).
    pub fee: Option<u64>,
}

/// `getmempoolinfo`. Two of them differ when a transaction came or went, replaced ones included.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MempoolInfo {
    /// How many transactions there are.
    pub size: u64,
    /// Their virtual bytes.
    pub bytes: u64,
    /// The memory that they take.
    pub usage: u64,
    /// Their fees in bitcoin, as the node wrote the number.
    pub total_fee: Option<serde_json::Number>,
}

/// A transaction of the mempool, by `getrawmempool` with details.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MempoolEntry {
    /// Its id with witnesses.
    pub wtxid: Wtxid,
    /// Its weight units.
    pub weight: u64,
    /// How many transactions of the mempool must come before it, and itself: more than for any of them.
    #[serde(rename = "ancestorcount")]
    pub ancestor_count: u64,
    /// Those of the mempool that it spends.
    pub depends: Vec<Txid>,
    /// What it pays.
    pub fees: MempoolFees,
}

/// What a transaction of the mempool pays.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MempoolFees {
    /// The fee.
    #[serde(with = "bitcoin::amount::serde::as_btc")]
    pub base: Amount,
    /// The fee with what `prioritisetransaction` added: below 0 it is to stay out of blocks.
    #[serde(with = "bitcoin::amount::serde::as_btc")]
    pub modified: SignedAmount,
}

fn compact_target<'de, D: Deserializer<'de>>(deserializer: D) -> Result<CompactTarget, D::Error> {
    let hex = String::deserialize(deserializer)?;
    CompactTarget::from_unprefixed_hex(&hex).map_err(serde::de::Error::custom)
}

impl RpcClient {
    /// `getblockchaininfo`: which chain, and how far the node is.
    ///
    /// # Errors
    /// Those of [`RpcClient::call`], as for every call here.
    pub async fn chain_info(&self) -> Result<ChainInfo, NodeError> {
        self.call("getblockchaininfo", NO_PARAMS).await
    }

    /// `getbestblockhash`: the tip.
    ///
    /// # Errors
    /// Those of [`RpcClient::call`].
    pub async fn best_block_hash(&self) -> Result<BlockHash, NodeError> {
        self.call("getbestblockhash", NO_PARAMS).await
    }

    /// `getblockhash`: the block at `height` of the active chain, `None` above its tip.
    ///
    /// # Errors
    /// Those of [`RpcClient::call`].
    pub async fn block_hash(&self, height: u32) -> Result<Option<BlockHash>, NodeError> {
        none_if(-8, self.call("getblockhash", [height]).await)
    }

    /// `getblockheader`: where a block stands, `None` if the node does not know it.
    ///
    /// # Errors
    /// Those of [`RpcClient::call`].
    pub async fn header(&self, hash: &BlockHash) -> Result<Option<HeaderInfo>, NodeError> {
        none_if(-5, self.call("getblockheader", [hash]).await)
    }

    /// `getblocktemplate`: what to mine now, under the `rules` that the miner knows.
    ///
    /// # Errors
    /// Those of [`RpcClient::call`].
    pub async fn template(&self, rules: &[&str]) -> Result<TemplateReply, NodeError> {
        self.call("getblocktemplate", [json!({ "rules": rules })]).await
    }

    /// `getblocktemplate` as a long poll: answers when the template `longpoll_id` came with is outdated.
    ///
    /// # Errors
    /// Those of [`RpcClient::call`]; [`NodeError::Timeout`] where nothing changed.
    pub async fn next_template(&self, rules: &[&str], longpoll_id: &str) -> Result<TemplateReply, NodeError> {
        let request = json!({ "rules": rules, "longpollid": longpoll_id });
        self.call_within(LONGPOLL_TIMEOUT, "getblocktemplate", [request]).await
    }

    /// `getblocktemplate` in proposal mode (BIP23): judges a block on the tip by everything but its work.
    ///
    /// # Errors
    /// Those of [`RpcClient::call`].
    pub async fn propose(&self, block_hex: &str, rules: &[&str]) -> Result<Verdict, NodeError> {
        let request = json!({ "mode": "proposal", "rules": rules, "data": block_hex });
        self.call("getblocktemplate", [request]).await.map(Verdict::from_result)
    }

    /// `submitblock`. Submitting a block again does no harm.
    ///
    /// # Errors
    /// Those of [`RpcClient::call`].
    pub async fn submit_block(&self, block: &SolvedBlock) -> Result<Verdict, NodeError> {
        self.call("submitblock", [&block.hex]).await.map(Verdict::from_result)
    }

    /// `getmempoolinfo`: whether anything happened to the mempool, cheaply.
    ///
    /// # Errors
    /// Those of [`RpcClient::call`].
    pub async fn mempool_info(&self) -> Result<MempoolInfo, NodeError> {
        self.call("getmempoolinfo", NO_PARAMS).await
    }

    /// `getrawmempool` with details: all transactions at one moment.
    ///
    /// # Errors
    /// Those of [`RpcClient::call`].
    pub async fn mempool(&self) -> Result<HashMap<Txid, MempoolEntry>, NodeError> {
        self.call("getrawmempool", [true]).await
    }

    /// `getrawtransaction` of each of `txids`, in one exchange: in hex, in their order; `None` for one that
    /// is in the mempool no more.
    ///
    /// # Errors
    /// Those of [`RpcClient::call`].
    pub async fn raw_transactions(&self, txids: &[Txid]) -> Result<Vec<Option<Box<str>>>, NodeError> {
        let params = txids.iter().map(|txid| [txid]);
        let answers = self.call_each("getrawtransaction", params).await?;
        answers.into_iter().map(|answer| none_if(-5, answer)).collect()
    }

    /// `getnewaddress`: an address of the node's wallet, if it has one loaded.
    ///
    /// # Errors
    /// Those of [`RpcClient::call`].
    pub async fn new_address(&self) -> Result<Address<NetworkUnchecked>, NodeError> {
        self.call("getnewaddress", NO_PARAMS).await
    }
}

/// Turns the error by which a node says "no such thing" into `None`.
fn none_if<T>(not_found: i64, answer: Result<T, NodeError>) -> Result<Option<T>, NodeError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(NodeError::Rpc { code, .. }) if code == not_found => Ok(None),
        Err(error) => Err(error),
    }
}
