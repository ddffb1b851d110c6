//! Block times follow the node's clock, wherever that stands, and the median of the chain.

use std::time::{SystemTime, UNIX_EPOCH};

use miner_tests::{Miner, Running, TestNode};
use serde_json::{Value, json};

const ANYONE: &str = "51";
/// A block's time may be this far ahead of the node's.
const TWO_HOURS: u64 = 7200;

fn set_clock(node: &TestNode, time: u64) {
    node.rpc("setmocktime", &[json!(time)]).unwrap();
}

/// The last block's time, and the median of the eleven that end with it.
fn tip_times(node: &TestNode) -> (u64, u64) {
    let tip = node.rpc("getbestblockhash", &[]).unwrap();
    let header = node.rpc("getblockheader", &[tip]).unwrap();
    (header["time"].as_u64().unwrap(), header["mediantime"].as_u64().unwrap())
}

/// Runs to so many blocks; each must be accepted, with a time from the node's earliest to two hours after its
/// clock, which stands still.
fn mine_at(node: &TestNode, clock: u64, blocks: u64) {
    let start = node.rpc("getblockcount", &[]).unwrap().as_u64().unwrap();
    let run =
        Miner::solo(node, &["--exit-after-blocks", &blocks.to_string(), "--coinbase-script", ANYONE]).run();
    let summary = run.summary();
    assert_eq!((run.code, &summary["accepted"]), (Some(0), &json!(blocks)), "{run:?}");
    assert_eq!((&summary["rejected"], &summary["lost"]), (&json!({}), &json!({})), "{summary}");
    let mut median = None;
    for height in start + 1..=start + blocks {
        let hash = node.rpc("getblockhash", &[json!(height)]).unwrap();
        let header = node.rpc("getblockheader", &[hash]).unwrap();
        let time = header["time"].as_u64().unwrap();
        assert!(median.is_none_or(|median| time > median) && time <= clock + TWO_HOURS, "{header}");
        median = header["mediantime"].as_u64();
    }
}

#[test]
fn blocks_have_the_nodes_time_in_the_past_and_in_the_future() {
    let test = "blocks_have_the_nodes_time_in_the_past_and_in_the_future";
    let Some(node) = TestNode::start(test, &[]) else { return };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    // Two days after regtest's genesis, years ago, and in a hundred days: later, some nodes ask to be updated.
    for clock in [1_296_861_402, 1_600_000_000, now + 100 * 86_400] {
        set_clock(&node, clock);
        mine_at(&node, clock, 120);
        let (time, _) = tip_times(&node);
        assert!((clock..=clock + 200).contains(&time), "{time} is not the node's {clock}");
    }
}

#[test]
fn after_fast_mining_times_follow_the_median_ahead_of_the_clock() {
    let test = "after_fast_mining_times_follow_the_median_ahead_of_the_clock";
    let Some(node) = TestNode::start(test, &[]) else { return };
    let clock = 1_700_000_000;
    set_clock(&node, clock);
    mine_at(&node, clock, 1000);
    let (_, median) = tip_times(&node);
    assert!(median > clock + 100, "the median is only {median} at {clock}");
    mine_at(&node, clock, 100);
}

/// Reads so many blocks of a run; all must be accepted.
fn take(running: &mut Running, blocks: u32) -> Vec<Value> {
    let blocks: Vec<_> = (0..blocks).map(|_| running.next("block")).collect();
    assert!(blocks.iter().all(|block| block["result"] == "accepted"), "{blocks:?}");
    blocks
}

/// Sets the clock of a node behind its chain until a run has a block refused for it. Where the node has just taken a
/// block it gives no template at all then.
fn refused_block(node: &TestNode, running: &mut Running, clock: u64, behind: u64) -> Value {
    loop {
        set_clock(node, behind);
        loop {
            let event = running.until_any(&["block", "error"]).pop().unwrap();
            match event["result"].as_str() {
                Some("rejected") => return event,
                Some(_) => {}
                None => break,
            }
        }
        set_clock(node, clock);
        running.next("block");
    }
}

#[test]
fn a_clock_that_is_set_while_mining_is_followed() {
    let Some(node) = TestNode::start("a_clock_that_is_set_while_mining_is_followed", &[]) else { return };
    let mut clock = 1_700_000_000;
    set_clock(&node, clock);
    // With one thread a job has one first solution.
    let miner = Miner::solo(&node, &["--block-interval", "0.05", "--coinbase-script", ANYONE, "-t", "1"]);
    let mut running = miner.start();
    take(&mut running, 12);
    for step in [3600, 7000, -5000, 86_400 * 365, -3600i64] {
        clock = clock.checked_add_signed(step).unwrap();
        set_clock(&node, clock);
        // A block or two may be on their way.
        take(&mut running, 15);
        let (time, _) = tip_times(&node);
        assert!(step < 0 || time >= clock, "{time} after the clock was set to {clock}");
    }
    // Far behind its own chain the node takes no block at all: each try says why, a second after the last.
    let refused = refused_block(&node, &mut running, clock, clock - 4 * TWO_HOURS);
    assert!(refused["reason"].as_str().unwrap().contains("time-too-new"));
    // Where the clock stands still there is no other block: it is submitted again, and kept once.
    let again = running.next("block");
    assert_eq!((&again["hash"], &again["result"]), (&refused["hash"], &json!("rejected")), "{again}");
    set_clock(&node, clock);
    while running.next("block")["result"] != "accepted" {}
    running.signal("INT");
    let (status, events) = running.end();
    assert_eq!((status.code(), &events.last().unwrap()["lost"]), (Some(0), &json!({})));
}

#[test]
fn with_a_seed_and_the_same_clock_every_new_chain_is_the_same() {
    let test = "with_a_seed_and_the_same_clock_every_new_chain_is_the_same";
    let tip = |arguments: &[&str]| -> Option<Value> {
        let node = TestNode::start(test, &["-mocktime=1700000000"])?;
        let start = ["--coinbase-script", ANYONE, "--exit-after-blocks", "20"];
        let run = Miner::solo(&node, &[&start[..], arguments].concat()).run();
        assert_eq!((run.code, &run.summary()["accepted"]), (Some(0), &json!(20)), "{run:?}");
        assert_eq!(node.rpc("getblockcount", &[]).unwrap(), 20);
        Some(node.rpc("getbestblockhash", &[]).unwrap())
    };
    let Some(mut first) = tip(&["--seed", "7", "-t", "1"]) else { return };
    // Where a second passes between a template and its block, which is long for twenty hashes, the block has a later time.
    let is_the_same = (0..3).any(|_| {
        let earlier =
            std::mem::replace(&mut first, tip(&["--seed", "7", "-t", "2", "--kernel", "portable"]).unwrap());
        earlier == first
    });
    assert!(is_the_same);
    assert_ne!(tip(&["--seed", "8"]), Some(first));
}
