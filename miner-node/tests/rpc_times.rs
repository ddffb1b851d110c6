//! The clock of a node, which decides what a block's time and its bits may be: it crosses the twenty minutes of
//! testnet4, stands still, or is set back.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use miner_core::TimeWindow;
use miner_node::embedded::solve;
use miner_node::{Chain, RpcNode, Verdict};
use serde_json::json;
use support::{Answer, Call, FakeNode, result};

const PARENT: u32 = 1_700_000_000;
/// The last time at which a block has the difficulty of its period.
const MARK: u32 = PARENT + 1200;

/// A node of this chain with a clock of its own.
fn node(chain: &'static str, clock: impl Fn() -> u32 + Send + 'static) -> FakeNode {
    let hash = format!("{:064x}", 1);
    FakeNode::start(move |call: &Call| match call.method.as_str() {
        "getblockchaininfo" => {
            result(json!({ "chain": chain, "blocks": 1, "headers": 1, "bestblockhash": hash,
            "initialblockdownload": false }))
        }
        "getbestblockhash" => result(json!(hash)),
        "getblockheader" => result(json!({ "confirmations": 1, "height": 7, "time": PARENT })),
        "submitblock" if chain == "testnet4" => result(json!(null)),
        "submitblock" => result(json!("time-too-new")),
        _ if call.params[0].get("longpollid").is_some() => Answer::Hang,
        _ => {
            let (now, regtest) = (clock(), chain == "regtest");
            let bits = if regtest { "207fffff" } else { ["1c00ffff", "1d00ffff"][usize::from(now > MARK)] };
            result(
                json!({ "version": 0x2000_0000, "previousblockhash": hash, "coinbasevalue": 50, "height": 8,
                "transactions": [], "longpollid": "1", "mintime": PARENT - 60, "curtime": now, "bits": bits }),
            )
        }
    })
}

#[tokio::test]
async fn the_lowest_difficulty_is_used_once_the_clock_allows_it_and_not_before() {
    let clock = Arc::new(AtomicU32::new(MARK - 1));
    let told = clock.clone();
    let node = node("testnet4", move || told.load(Ordering::Relaxed));
    let miner = RpcNode::connect(node.client(), Some(Chain::Testnet4)).await.unwrap();
    let job = miner.next_job().await.unwrap();
    assert_eq!(job.time(), TimeWindow { min: PARENT - 60, start: MARK - 1, max: MARK });
    assert_eq!((job.bits().to_consensus(), job.time().after(60)), (0x1c00_ffff, MARK));
    clock.store(MARK + 1, Ordering::Relaxed);
    let job = tokio::time::timeout(Duration::from_secs(30), miner.next_job()).await.unwrap().unwrap();
    assert_eq!((job.bits().to_consensus(), job.time().min), (0x1d00_ffff, MARK + 1));
    assert_eq!(job.time().max, job.time().start + 7200);
}

#[tokio::test]
async fn a_clock_that_stands_still_is_not_asked_in_a_tight_loop() {
    let node = node("testnet4", || MARK);
    let miner = RpcNode::connect(node.client(), Some(Chain::Testnet4)).await.unwrap();
    miner.next_job().await.unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(4), miner.next_job()).await.is_err());
    let asked = node.calls().iter().filter(|call| call.method == "getblocktemplate").count();
    assert!((2..=7).contains(&asked), "{asked} templates in 4 s");
}

#[tokio::test]
async fn after_a_refusal_the_template_is_asked_for_again() {
    let clock = Arc::new(AtomicU32::new(PARENT + 20_000));
    let told = clock.clone();
    let node = node("regtest", move || told.load(Ordering::Relaxed));
    let miner = RpcNode::connect(node.client(), Some(Chain::Regtest)).await.unwrap();
    let job = miner.next_job().await.unwrap();
    let block = miner.template(&job).unwrap().block(&solve(&job).unwrap()).unwrap();
    clock.store(PARENT, Ordering::Relaxed);
    assert!(matches!(miner.submit_block(&block).await.unwrap(), Verdict::Rejected { .. }));
    let next = tokio::time::timeout(Duration::from_secs(30), miner.next_job()).await.unwrap().unwrap();
    assert_eq!(next.time().start, PARENT);
}

#[tokio::test]
async fn a_block_that_was_the_tip_for_a_moment_only_makes_room_for_another_one() {
    let node = node("testnet4", || MARK + 1);
    let miner = RpcNode::connect(node.client(), Some(Chain::Testnet4)).await.unwrap();
    let first = miner.next_job().await.unwrap();
    let block = miner.template(&first).unwrap().unsolved().unwrap();
    // The node takes it, and yet its next template builds on the same block as before.
    assert_eq!(miner.submit_block(&block).await.unwrap(), Verdict::Accepted);
    let again = tokio::time::timeout(Duration::from_secs(30), miner.next_job()).await.unwrap().unwrap();
    assert_eq!(again.prev_blockhash(), first.prev_blockhash());
    assert!(again.is_clean() && !again.hashes_like(&first));
}
