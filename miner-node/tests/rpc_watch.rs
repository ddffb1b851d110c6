//! Watching the mempool of a node that changes its mind, refuses what it is asked about, or answers in disorder.

mod support;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use miner_node::{Chain, RpcNode, Transactions};
use serde_json::{Value, json};
use support::{Answer, Call, FakeNode, http, result};

const AWAITED: Transactions = Transactions::Awaited { delay: Duration::ZERO };

/// What the node says at present.
#[derive(Debug, Clone)]
struct Story {
    tip: u8,
    /// Transactions of the mempool; 5 satoshis each.
    mempool: Vec<u8>,
    /// Those of them that leave before they are fetched.
    gone: Vec<u8>,
    in_template: Vec<u8>,
    /// What it says about a proposal.
    verdict: Value,
}

impl Default for Story {
    fn default() -> Self {
        Self { tip: 1, mempool: vec![], gone: vec![], in_template: vec![], verdict: Value::Null }
    }
}

fn id(n: u8) -> String {
    format!("{n:064x}")
}

fn template(story: &Story) -> Value {
    let own = |n: &u8| json!({ "data": "00", "txid": id(*n), "weight": 100, "fee": 5 });
    json!({
        "version": 0x2000_0000, "previousblockhash": id(story.tip), "mintime": 1_700_000_000,
        "transactions": story.in_template.iter().map(own).collect::<Vec<_>>(),
        "coinbasevalue": 50 + 5 * story.in_template.len(), "curtime": 1_700_000_100, "bits": "207fffff",
        "height": 100 + u32::from(story.tip),
    })
}

fn mempool(story: &Story) -> Value {
    let entry = |n: &u8| {
        let fees = json!({ "base": 5e-8, "modified": 5e-8 });
        (id(*n), json!({ "wtxid": id(*n), "weight": 100, "ancestorcount": 1, "depends": [], "fees": fees }))
    };
    story.mempool.iter().map(entry).collect::<serde_json::Map<_, _>>().into()
}

/// Answers to a batch, the last one first.
fn raw_transactions(story: &Story, calls: &Value) -> Answer {
    let answer = |call: &Value| {
        let is_there = story.mempool.iter().any(|n| !story.gone.contains(n) && call["params"][0] == id(*n));
        let gone = json!({ "code": -5, "message": "No such mempool transaction" });
        let error = if is_there { Value::Null } else { gone };
        json!({ "id": call["id"], "result": is_there.then_some("00"), "error": error })
    };
    let answers: Vec<_> = calls.as_array().unwrap().iter().rev().map(answer).collect();
    http("200 OK", &json!(answers).to_string())
}

/// A node that tells the story, which a test may change, and the miner on it.
async fn watched(transactions: Transactions) -> (FakeNode, RpcNode, Arc<Mutex<Story>>) {
    let story = Arc::<Mutex<Story>>::default();
    let told = story.clone();
    let node = FakeNode::start(move |call: &Call| {
        let story = told.lock().unwrap().clone();
        match call.method.as_str() {
            "getblockchaininfo" => result(json!({ "chain": "regtest", "blocks": 1, "headers": 1,
                "bestblockhash": id(1), "initialblockdownload": false })),
            "getbestblockhash" => result(json!(id(story.tip))),
            "getmempoolinfo" => {
                let usage: u64 = story.mempool.iter().copied().map(u64::from).sum();
                result(json!({ "size": story.mempool.len(), "bytes": 1, "usage": usage }))
            }
            "getrawmempool" => result(mempool(&story)),
            "batch" => raw_transactions(&story, &call.params),
            _ if call.params[0]["mode"] == "proposal" => result(story.verdict),
            _ => result(template(&story)),
        }
    });
    let miner = RpcNode::connect(node.client(), Some(Chain::Regtest)).await.unwrap();
    (node, miner.with_transactions(transactions), story)
}

/// The next job's ids and reward, in satoshis.
async fn next(miner: &RpcNode) -> (usize, u64) {
    let job = tokio::time::timeout(Duration::from_secs(30), miner.next_job()).await.unwrap().unwrap();
    let template = miner.template(&job).unwrap();
    (template.transactions() - 1, template.reward().to_sat())
}

async fn nothing_comes(miner: &RpcNode) {
    assert!(tokio::time::timeout(Duration::from_millis(400), miner.next_job()).await.is_err());
}

/// Has the miner look at what the node tells now: a second look begins when the first is over.
async fn looks(node: &FakeNode, miner: &RpcNode) {
    let looks = || node.calls().iter().filter(|call| call.method == "getbestblockhash").count();
    let before = looks();
    while looks() < before + 2 {
        // Where empty templates count there is a job, too.
        let _ = tokio::time::timeout(Duration::from_millis(400), miner.next_job()).await;
    }
}

fn tell(story: &Mutex<Story>, change: impl FnOnce(&mut Story)) {
    change(&mut story.lock().unwrap());
}

#[tokio::test]
async fn a_job_comes_with_each_change_and_with_nothing_else() {
    let (_node, miner, story) = watched(Transactions::OfMempool).await;
    assert_eq!(next(&miner).await, (0, 50));
    nothing_comes(&miner).await;
    tell(&story, |story| story.mempool = vec![1, 2, 3]);
    assert_eq!(next(&miner).await, (3, 65));
    // Another one in the place of the third.
    tell(&story, |story| story.mempool = vec![1, 2, 4]);
    assert_eq!(next(&miner).await, (3, 65));
    nothing_comes(&miner).await;
    tell(&story, |story| story.tip = 2);
    assert_eq!(next(&miner).await, (3, 65));
    tell(&story, |story| story.mempool = vec![]);
    assert_eq!(next(&miner).await, (0, 50));
}

#[tokio::test]
async fn without_transactions_there_is_nothing_to_wait_for() {
    let (_node, miner, story) = watched(AWAITED).await;
    nothing_comes(&miner).await;
    tell(&story, |story| story.tip = 2);
    nothing_comes(&miner).await;
    tell(&story, |story| story.mempool = vec![1]);
    assert_eq!(next(&miner).await, (1, 55));
    nothing_comes(&miner).await;
    tell(&story, |story| (story.tip, story.mempool) = (3, vec![2]));
    assert_eq!(next(&miner).await, (1, 55));
}

#[tokio::test]
async fn what_the_node_refuses_is_not_mined_but_its_own_template_is() {
    let (node, miner, story) = watched(AWAITED).await;
    tell(&story, |story| {
        (story.mempool, story.in_template) = (vec![1, 2], vec![1]);
        story.verdict = json!("bad-blk-sigops");
    });
    assert_eq!(next(&miner).await, (1, 55));
    // Though nothing changed for the miner to see, the node may have made its template anew.
    let begin = Instant::now();
    tell(&story, |story| story.in_template = vec![1, 2]);
    assert_eq!(next(&miner).await, (2, 60));
    let rounds = node.calls().iter().filter(|call| call.method == "getrawmempool").count();
    assert!(begin.elapsed() > Duration::from_millis(500) && rounds < 5, "it is not asked in a tight loop");
}

#[tokio::test]
async fn a_transaction_that_is_gone_when_it_is_fetched_is_no_failure() {
    let (_node, miner, story) = watched(AWAITED).await;
    tell(&story, |story| (story.mempool, story.gone) = (vec![1, 2], vec![2]));
    nothing_comes(&miner).await;
    tell(&story, |story| (story.mempool, story.gone) = (vec![1], vec![]));
    assert_eq!(next(&miner).await, (1, 55));
}

#[tokio::test]
async fn a_tip_that_the_chain_comes_back_to_is_mined_on_again_with_another_block() {
    for transactions in [AWAITED, Transactions::OfMempool] {
        let (node, miner, story) = watched(transactions).await;
        tell(&story, |story| story.mempool = vec![1]);
        let first = miner.next_job().await.unwrap();
        tell(&story, |story| (story.tip, story.mempool) = (2, vec![]));
        looks(&node, &miner).await;
        tell(&story, |story| (story.tip, story.mempool) = (1, vec![1]));
        let again = tokio::time::timeout(Duration::from_secs(30), miner.next_job()).await.unwrap().unwrap();
        assert_eq!(again.prev_blockhash(), first.prev_blockhash());
        assert!(again.is_clean() && !again.hashes_like(&first), "{transactions:?}");
    }
}
