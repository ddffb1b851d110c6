//! A chain that takes blocks back: work follows its tip, and our blocks are followed until buried or lost.

use std::path::Path;
use std::time::{Duration, Instant};

use miner_tests::{Miner, Running, TestNode};
use serde_json::{Value, json};

const ANYONE: &str = "51";
/// How long a test waits for what must come: it only ends one that fails.
const PATIENCE: Duration = Duration::from_secs(180);

fn height(node: &TestNode) -> u64 {
    node.rpc("getblockcount", &[]).unwrap().as_u64().unwrap()
}

/// A block on one that was taken back may be unknown to the node.
fn confirmations(node: &TestNode, hash: &Value) -> i64 {
    let header = node.rpc("getblockheader", std::slice::from_ref(hash));
    header.map_or(-1, |header| header["confirmations"].as_i64().unwrap())
}

/// A run, and the blocks that it told of so far.
struct Mining {
    running: Running,
    blocks: Vec<Value>,
}

impl Mining {
    /// Goes on mining until something happened.
    fn until(&mut self, what: &str, happened: impl Fn() -> bool) {
        let begin = Instant::now();
        while !happened() {
            assert!(begin.elapsed() < PATIENCE, "it never came: {what}");
            self.blocks.push(self.running.next("block"));
        }
    }

    fn grow(&mut self, node: &TestNode, blocks: u64) {
        let begin = height(node);
        self.until("so many blocks", || height(node) >= begin + blocks);
    }
}

/// Takes the last blocks back; their hashes, the lowest one's first, and the height that their branch has: the miner may
/// have found one more meanwhile.
fn take_back(node: &TestNode, depth: u64) -> (Vec<Value>, u64) {
    let tip = height(node);
    let heights = tip + 1 - depth..=tip;
    let taken: Vec<_> = heights.map(|height| node.rpc("getblockhash", &[json!(height)]).unwrap()).collect();
    node.rpc("invalidateblock", &taken[..1]).unwrap();
    let tips = node.rpc("getchaintips", &[]).unwrap();
    let heights = tips.as_array().unwrap().iter().map(|tip| tip["height"].as_u64().unwrap());
    (taken, heights.max().unwrap())
}

fn give_back(node: &TestNode, taken: &[Value]) {
    node.rpc("reconsiderblock", &taken[..1]).unwrap();
}

/// What the journal below a folder says about a block: the proof of its fate, or nothing while that is open; `None`
/// if it does not know the block.
fn journal(folder: &Path, hash: &str) -> Option<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let told = entries.filter_map(|path| match path.to_str().unwrap() {
        _ if path.is_dir() => journal(&path, hash),
        name if name.ends_with("/proofs") => {
            let proofs = std::fs::read_to_string(&path).unwrap();
            proofs.lines().find(|line| line.contains(&format!("hash {hash},"))).map(str::to_owned)
        }
        name => name.contains(hash).then(String::new),
    });
    told.max()
}

#[test]
fn work_follows_the_tip_through_reorganisations_of_1_2_and_6() {
    let test = "work_follows_the_tip_through_reorganisations_of_1_2_and_6";
    let Some(node) = TestNode::start(test, &[]) else { return };
    let miner = Miner::solo(&node, &["--block-interval", "0.2", "--coinbase-script", ANYONE]);
    let mut mining = Mining { running: miner.start(), blocks: vec![] };
    let mut lost = Vec::new();
    mining.grow(&node, 10);
    for depth in [1, 2, 6] {
        // For good: other blocks come in their place, and the old ones come back too late.
        let (taken, branch) = take_back(&node, depth);
        mining.until("a longer branch", || height(&node) > branch);
        give_back(&node, &taken);
        mining.grow(&node, 1);
        assert!(taken.iter().all(|hash| confirmations(&node, hash) < 0), "the longer branch stays");
        lost.extend(taken);
        // For a moment: what was the tip is built on again.
        mining.grow(&node, depth);
        let (taken, _) = take_back(&node, depth);
        give_back(&node, &taken);
        mining.grow(&node, depth + 1);
    }
    mining.grow(&node, 8);
    let said = |hash: &Value| journal(miner.home(), hash.as_str().unwrap());
    let is_proven = |hash: &Value| said(hash).is_some_and(|proof| !proof.is_empty());
    mining.until("proof for every block that was lost", || lost.iter().all(is_proven));
    // Those too that were found while others were taken back.
    let found: Vec<_> = mining.blocks.iter().map(|block| block["hash"].clone()).collect();
    mining.until("the fate of every block", || {
        found.iter().all(|hash| confirmations(&node, hash) > 0 || is_proven(hash))
    });
    let Mining { running, mut blocks } = mining;
    running.signal("INT");
    let (status, mut events) = running.end();
    let summary = events.pop().unwrap();
    assert_eq!((status.code(), &summary["lost"], &summary["in_flight"]), (Some(0), &json!({}), &json!(0)));

    blocks.extend(events.into_iter().filter(|event| event["event"] == "block"));
    for block in &blocks {
        let (hash, proof) = (&block["hash"], said(&block["hash"]));
        let proof = proof.unwrap_or_else(|| panic!("the journal has never seen {block}"));
        // A block that six others had buried before they were taken back with it keeps its proof.
        let is_lost = proof.contains("lost") || proof.contains("buried");
        assert!(
            confirmations(&node, hash) > 0 || is_lost,
            "{block} is neither in the chain nor lost: {proof}"
        );
    }
    for height in 1..=height(&node) {
        let hash = node.rpc("getblockhash", &[json!(height)]).unwrap();
        assert!(blocks.iter().any(|block| block["hash"] == hash), "block {height} is not ours");
    }
}
