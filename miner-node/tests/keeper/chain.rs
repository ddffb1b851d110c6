//! A chain made of nothing but hashes, behind a fake node: it takes any block whose parent it knows,
//! and does to its callers what a test scripts.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bitcoin::block::Header;
use bitcoin::consensus::encode::deserialize_hex;
use bitcoin::hashes::Hash;
use bitcoin::{BlockHash, hex::DisplayHex};
use miner_core::{Candidate, SearchSpace, Share, VersionMask};
use miner_node::{Node, RpcNode, template};
use serde_json::{Value, json};

use crate::support::{Answer, Call, FakeNode, error, result};

/// What happens to a submission instead of the usual.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// The block is taken, but the answer never arrives.
    AnswerLost,
    /// The connection breaks, and the block is not taken.
    Broken,
    /// The block is not taken, and this is the result.
    Word(&'static str),
    /// The block is taken all the same, and this is the result.
    TakenWithWord(&'static str),
    /// The block is not taken, and this is the RPC error.
    Error(i64),
    /// Nothing comes back.
    Silence,
}

/// The state of a node's chain.
pub struct Chain {
    /// The active chain from height 0 on.
    active: Vec<BlockHash>,
    /// Each known block and its height.
    known: HashMap<BlockHash, u32>,
    /// Faults of the next submissions.
    pub faults: VecDeque<Fault>,
    /// Whether every call fails.
    pub down: bool,
    /// The hash of each submission that reached the node, in order.
    pub submitted: Vec<BlockHash>,
    /// How often it was asked for its tip.
    pub looks: usize,
    /// A journal, and the blocks that came and were not in it, whole.
    pub journal: Option<PathBuf>,
    pub unwritten: Vec<BlockHash>,
}

impl Chain {
    fn new() -> Self {
        let active: Vec<_> = (0..=100).map(filler).collect();
        let known = active.iter().zip(0..).map(|(hash, height)| (*hash, height)).collect();
        let faults = VecDeque::new();
        Self {
            active,
            known,
            faults,
            down: false,
            submitted: vec![],
            looks: 0,
            journal: None,
            unwritten: vec![],
        }
    }

    pub fn height(&self) -> u32 {
        self.active.len() as u32 - 1
    }

    pub fn contains(&self, hash: &BlockHash) -> bool {
        self.active.contains(hash)
    }

    /// Somebody else finds `count` blocks.
    pub fn grow(&mut self, count: u32) {
        for _ in 0..count {
            self.push(filler(self.known.len() as u64));
        }
    }

    /// Drops all from `height` on from the active chain.
    pub fn rewind(&mut self, height: u32) {
        self.active.truncate(height as usize);
    }

    /// Makes a known block the tip.
    pub fn switch_to(&mut self, hash: BlockHash) {
        self.rewind(self.known[&hash]);
        self.push(hash);
    }

    /// As a node that was killed before it wrote its index to the disk.
    pub fn forget(&mut self, height: u32) {
        self.rewind(height);
        self.known.retain(|_, at| *at < height);
    }

    fn push(&mut self, hash: BlockHash) {
        self.known.insert(hash, self.active.len() as u32);
        self.active.push(hash);
    }

    fn confirmations(&self, hash: &BlockHash) -> Option<i64> {
        let height = *self.known.get(hash)?;
        let is_active = self.active.get(height as usize) == Some(hash);
        Some(if is_active { i64::from(self.height() - height) + 1 } else { -1 })
    }

    fn answer(&mut self, call: &Call) -> Answer {
        if self.down {
            return Answer::SendAndClose(vec![]);
        }
        match call.method.as_str() {
            "getblockchaininfo" => result(json!({
                "chain": "regtest", "blocks": self.height(), "headers": self.height(),
                "bestblockhash": self.active.last(), "initialblockdownload": false,
            })),
            "getblocktemplate" => result(self.template()),
            "submitblock" => self.submit(call.params[0].as_str().unwrap()),
            "getbestblockhash" => {
                self.looks += 1;
                result(json!(self.active.last()))
            }
            "getblockhash" => match self.active.get(call.params[0].as_u64().unwrap() as usize) {
                Some(hash) => result(json!(hash)),
                None => error(-8, "Block height out of range"),
            },
            "getblockheader" => {
                match self.confirmations(&call.params[0].as_str().unwrap().parse().unwrap()) {
                    Some(confirmations) => {
                        result(json!({"confirmations": confirmations, "height": 0, "time": 0}))
                    }
                    None => error(-5, "Block not found"),
                }
            }
            other => error(-32601, &format!("no {other} here")),
        }
    }

    fn submit(&mut self, hex: &str) -> Answer {
        let header: Header = deserialize_hex(&hex[..2 * Header::SIZE]).unwrap();
        self.submitted.push(header.block_hash());
        self.check_journal(header.block_hash(), hex);
        match self.faults.pop_front() {
            None => result(self.take(&header)),
            Some(Fault::AnswerLost) => {
                self.take(&header);
                Answer::SendAndClose(vec![])
            }
            Some(Fault::Broken) => Answer::SendAndClose(vec![]),
            Some(Fault::Word(word)) => result(json!(word)),
            Some(Fault::TakenWithWord(word)) => {
                self.take(&header);
                result(json!(word))
            }
            Some(Fault::Error(code)) => error(code, "scripted"),
            Some(Fault::Silence) => Answer::Hang,
        }
    }

    fn take(&mut self, header: &Header) -> Value {
        let hash = header.block_hash();
        match self.known.get(&header.prev_blockhash) {
            _ if self.known.contains_key(&hash) => json!("duplicate"),
            Some(parent) if *parent == self.height() && self.contains(&header.prev_blockhash) => {
                self.push(hash);
                Value::Null
            }
            Some(parent) => {
                self.known.insert(hash, parent + 1);
                json!("inconclusive")
            }
            None => json!("prev-blk-not-found"),
        }
    }

    fn check_journal(&mut self, hash: BlockHash, hex: &str) {
        let Some(folder) = &self.journal else { return };
        let is_written = std::fs::read_dir(folder).unwrap().any(|file| {
            let path = file.unwrap().path();
            let holds =
                |text: &String| text.contains(&format!("\nblock {hex}\nsha256 ")) && text.ends_with('\n');
            path.to_string_lossy().contains(&hash.to_string())
                && std::fs::read_to_string(path).is_ok_and(|text| holds(&text))
        });
        self.unwritten.extend((!is_written).then_some(hash));
    }

    fn template(&self) -> Value {
        json!({
            "version": 0x2000_0000, "rules": ["csv", "!segwit", "taproot"],
            "previousblockhash": self.active.last(), "transactions": [], "coinbasevalue": 50_0000_0000_u64,
            "longpollid": "x", "mintime": 1_700_000_000, "curtime": 1_700_000_000, "bits": "207fffff",
            "height": self.height() + 1, "weightlimit": 4_000_000, "sizelimit": 4_000_000,
        })
    }
}

/// Any hash, different for each number.
fn filler(number: u64) -> BlockHash {
    BlockHash::hash(number.to_le_bytes().to_lower_hex_string().as_bytes())
}

/// A fake node and the chain behind it.
pub struct Rig {
    chain: Arc<Mutex<Chain>>,
    pub node: Arc<Node>,
}

impl Rig {
    pub async fn start() -> Self {
        let chain = Arc::new(Mutex::new(Chain::new()));
        let behind = chain.clone();
        let fake = FakeNode::start(move |call| behind.lock().unwrap().answer(call));
        let node = RpcNode::connect(fake.client(), None).await.unwrap();
        Self { chain, node: Arc::new(node.into()) }
    }

    pub fn chain(&self) -> MutexGuard<'_, Chain> {
        self.chain.lock().unwrap()
    }

    pub fn faults(&self, faults: impl IntoIterator<Item = Fault>) {
        self.chain().faults.extend(faults);
    }
}

/// Waits for the node's next template and solves it.
pub async fn found(node: &Node) -> Share {
    let [share] = solved(node).await;
    share
}

/// Solves the node's next template as many times as asked.
pub async fn solved<const N: usize>(node: &Node) -> [Share; N] {
    let job = node.next_job().await.unwrap();
    let mut space = SearchSpace::new(job, template::terms(VersionMask::NONE), 1);
    let assignment = space.next(1 << 10, Duration::ZERO).unwrap();
    let verify = |nonce| assignment.verify(Candidate { midstate: 0, nonce }).ok();
    let mut shares = (0..=assignment.unit().nonces().last()).filter_map(verify).filter(Share::is_block);
    std::array::from_fn(|_| shares.next().unwrap())
}

/// Waits for what must come; the limit only ends a test that fails.
pub async fn until(what: &str, mut happened: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if happened() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never came: {what}");
}

pub fn pending_files(folder: &Path) -> usize {
    let files = std::fs::read_dir(folder).unwrap();
    files.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|name| name == "block")).count()
}
