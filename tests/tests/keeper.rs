//! The block keeper and a real node that is killed, forgets what it had not written, and comes back.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use bitcoin::BlockHash;
use miner_core::{Candidate, SearchSpace, Share, VersionMask};
use miner_node::{
    Auth, BlockKeeper, Chain, Journal, KeeperEvent, Node, Outcome, RpcClient, RpcNode, Verdict, template,
};
use miner_tests::TestNode;
use serde_json::json;

/// Confirmations after which a block counts as buried.
const DEPTH: u32 = 6;
const PATIENCE: Duration = Duration::from_secs(60);

/// A node, the keeper of the blocks mined on it, and what the keeper said.
struct Mining {
    node: Arc<Node>,
    keeper: BlockKeeper,
    events: Arc<Mutex<Vec<KeeperEvent>>>,
    _journal: tempfile::TempDir,
}

impl Mining {
    async fn start(test: &TestNode) -> Self {
        let rpc = RpcClient::new(&test.url(), Auth::Cookie(test.cookie_file())).unwrap();
        let node: Arc<Node> = Arc::new(RpcNode::connect(rpc, Some(Chain::Regtest)).await.unwrap().into());
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path(), Chain::Regtest).unwrap();
        let events = Arc::<Mutex<Vec<KeeperEvent>>>::default();
        let log = events.clone();
        let on_event = move |event| log.lock().unwrap().push(event);
        let keeper = BlockKeeper::new(vec![node.clone()], Some(journal), on_event).unwrap();
        let watching = keeper.clone();
        tokio::spawn(async move { watching.watch(DEPTH, Duration::from_millis(20)).await });
        Self { node, keeper, events, _journal: folder }
    }

    /// Different blocks on the node's tip. A node that is just coming up is asked again.
    async fn find<const N: usize>(&self) -> [Share; N] {
        let job = loop {
            match self.node.next_job().await {
                Ok(job) => break job,
                Err(error) => assert!(error.is_transient(), "{error}"),
            }
        };
        let mut space = SearchSpace::new(job, template::terms(VersionMask::NONE), 1);
        let assignment = space.next(1 << 10, Duration::ZERO).unwrap();
        let verify = |nonce| assignment.verify(Candidate { midstate: 0, nonce }).ok();
        let mut blocks = (0..1024).filter_map(verify).filter(Share::is_block);
        std::array::from_fn(|_| blocks.next().unwrap())
    }

    /// Adds blocks to the node's chain.
    async fn mine(&self, blocks: u32) -> Vec<BlockHash> {
        let mut hashes = vec![];
        for _ in 0..blocks {
            let [block] = self.find().await;
            assert_eq!(self.keeper.submit(&block).await.unwrap(), Verdict::Accepted);
            hashes.push(block.hash());
        }
        hashes
    }

    fn outcome(&self, hash: BlockHash) -> Option<Outcome> {
        self.events.lock().unwrap().iter().find_map(|event| match event {
            KeeperEvent::Sealed { block, outcome, .. } if block.hash == hash => Some(*outcome),
            _ => None,
        })
    }

    async fn sealed(&self, hash: BlockHash) -> Outcome {
        until("the block's fate", || self.outcome(hash).is_some()).await;
        self.outcome(hash).unwrap()
    }
}

async fn until(what: &str, happened: impl Fn() -> bool) {
    let wait = async {
        while !happened() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("it never came: {what}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_node_forgot_is_in_its_chain_again() {
    let Some(mut test) = TestNode::start("what_a_killed_node_forgot_is_in_its_chain_again", &[]) else {
        return;
    };
    let mining = Mining::start(&test).await;
    let mut hashes = mining.mine(4).await;
    test.kill();
    test.restart();
    for hash in &hashes {
        until("the block in the chain", || test.rpc("getblockheader", &[json!(hash)]).is_ok()).await;
    }

    // And one that is found while the node is away: its submission waits until the node is back.
    let [away] = mining.find().await;
    test.kill();
    let restart = thread::spawn(move || {
        thread::sleep(Duration::from_secs(1));
        test.restart();
        test
    });
    // Its parents may be missing at first: then it is refused, and submitted again after them.
    let verdict = mining.keeper.submit(&away).await.unwrap();
    assert!(matches!(verdict, Verdict::Accepted | Verdict::Rejected { .. }), "{verdict:?}");
    hashes.push(away.hash());
    let test = restart.join().unwrap();
    until("all five blocks", || test.rpc("getblockcount", &[]).unwrap() == json!(5)).await;

    mining.mine(DEPTH - 1).await;
    for hash in hashes {
        assert!(mining.sealed(hash).await.is_buried());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_blocks_at_one_height_the_loser_names_the_winner() {
    let Some(test) = TestNode::start("of_two_blocks_at_one_height_the_loser_names_the_winner", &[]) else {
        return;
    };
    let mining = Mining::start(&test).await;
    let [first, second] = mining.find().await;
    assert_eq!(mining.keeper.submit(&first).await.unwrap(), Verdict::Accepted);
    assert_eq!(mining.keeper.submit(&second).await.unwrap(), Verdict::Inconclusive);
    mining.mine(DEPTH - 1).await;
    assert!(mining.sealed(first.hash()).await.is_buried());
    let lost = Outcome::Lost { winner: first.hash(), confirmations: DEPTH };
    assert_eq!(mining.sealed(second.hash()).await, lost);
}
