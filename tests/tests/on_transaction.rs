//! Transactions that the node's template does not hold yet, and blocks without any: judged by a real node.

use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bitcoin::Amount;
use miner_node::embedded::{solve, subsidy};
use miner_node::{Auth, Chain, RpcClient, RpcNode, Transactions, Verdict};
use miner_tests::purse::{Coin, Purse, mine, spend};
use miner_tests::{Miner, TestNode};
use serde_json::{Value, json};

/// A fee in satoshis with which a transaction of any size here is relayed.
const FEE: u64 = 50_000;
/// How long a test waits for what must come: it only ends one that fails.
const PATIENCE: Duration = Duration::from_secs(120);

async fn miner(node: &TestNode, transactions: Transactions) -> RpcNode {
    let rpc = RpcClient::new(&node.url(), Auth::Cookie(node.cookie_file())).unwrap();
    RpcNode::connect(rpc, Some(Chain::Regtest)).await.unwrap().with_transactions(transactions)
}

/// The template's transactions.
fn template(node: &TestNode) -> usize {
    let template = node.rpc("getblocktemplate", &[json!({ "rules": ["segwit"] })]).unwrap();
    template["transactions"].as_array().unwrap().len()
}

/// Stops the node's clock: it makes a new template for a new tip then, and for no transaction, which it does where 5 s
/// have passed.
fn stop_clock(node: &TestNode) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    node.rpc("setmocktime", &[json!(now)]).unwrap();
}

/// A new tip without transactions, and a template on it of what is in the mempool now: the node makes no other. How
/// many transactions it holds.
fn freeze_template(node: &TestNode) -> usize {
    stop_clock(node);
    node.rpc("generateblock", &[json!("raw(51)"), json!([])]).unwrap();
    template(node)
}

fn mempool(node: &TestNode) -> BTreeSet<String> {
    serde_json::from_value(node.rpc("getrawmempool", &[]).unwrap()).unwrap()
}

fn btc(value: &Value) -> Amount {
    Amount::from_btc(value.as_f64().unwrap()).unwrap()
}

fn next_subsidy(node: &TestNode) -> Amount {
    let height = node.rpc("getblockcount", &[]).unwrap().as_u64().unwrap();
    subsidy(u32::try_from(height).unwrap() + 1)
}

/// Mines the next job, which the node must find nothing wrong with; the ids of the block's transactions behind
/// the coinbase, and what it pays.
async fn mine_next(node: &TestNode, miner: &RpcNode) -> (BTreeSet<String>, Amount) {
    let job = tokio::time::timeout(PATIENCE, miner.next_job()).await.expect("there is one").unwrap();
    assert_eq!(miner.propose(&job).await.unwrap(), Verdict::Accepted);
    let block = miner.template(&job).unwrap().block(&solve(&job).unwrap()).unwrap();
    assert_eq!(miner.submit_block(&block).await.unwrap(), Verdict::Accepted);
    let block = node.rpc("getblock", &[json!(block.hash), json!(2)]).unwrap();
    let transactions = block["tx"].as_array().unwrap();
    let ids = transactions[1..].iter().map(|tx| tx["txid"].as_str().unwrap().to_owned());
    (ids.collect(), btc(&transactions[0]["vout"][0]["value"]))
}

/// Mines one block, which must hold the whole mempool and all its fees, though the node's template still holds
/// only so many transactions. How many there are.
async fn all_are_mined(node: &TestNode, miner: &RpcNode, in_template: usize) -> usize {
    let (there, subsidy) = (mempool(node), next_subsidy(node));
    let fees = btc(&node.rpc("getmempoolinfo", &[]).unwrap()["total_fee"]);
    assert_eq!(template(node), in_template);
    assert_eq!(mine_next(node, miner).await, (there.clone(), subsidy + fees));
    there.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn chains_of_transactions_that_the_template_lacks_are_mined_in_order() {
    let test = "chains_of_transactions_that_the_template_lacks_are_mined_in_order";
    let Some(node) = TestNode::start(test, &[]) else { return };
    let mut purse = Purse::filled(&node, 20);
    let miner = miner(&node, Transactions::OfMempool).await;
    for known in 0..3 {
        let mut coins = vec![purse.take()];
        (0..known).for_each(|_| coins = spend(&node, &coins, 2, FEE));
        assert_eq!(freeze_template(&node), known);
        // The later, the better it pays: by fees alone children would come first.
        (1..=20).for_each(|n| coins = spend(&node, &coins, 1 + n % 2, FEE * u64::from(n)));
        assert_eq!(all_are_mined(&node, &miner, known).await, known + 20);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_transactions_that_the_template_lacks_are_mined_at_once() {
    let test = "hundreds_of_transactions_that_the_template_lacks_are_mined_at_once";
    let Some(node) = TestNode::start(test, &[]) else { return };
    let mut purse = Purse::filled(&node, 1);
    let coins = spend(&node, &[purse.take()], 300, FEE);
    mine(&node, 1);
    let miner = miner(&node, Transactions::OfMempool).await;
    assert_eq!(freeze_template(&node), 0);
    coins.iter().for_each(|coin| drop(spend(&node, &[*coin], 1, FEE)));
    assert_eq!(all_are_mined(&node, &miner, 0).await, 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_replaced_or_is_held_back_is_left_out() {
    let Some(node) = TestNode::start("what_was_replaced_or_is_held_back_is_left_out", &[]) else { return };
    let mut purse = Purse::filled(&node, 2);
    let miner = miner(&node, Transactions::OfMempool).await;
    let coin = purse.take();
    let replaced = spend(&node, &[coin], 1, FEE);
    spend(&node, &replaced, 1, FEE);
    assert_eq!(freeze_template(&node), 2);
    let better = spend(&node, &[coin], 1, 10 * FEE)[0].outpoint.txid.to_string();
    let held = spend(&node, &[purse.take()], 1, FEE)[0].outpoint.txid.to_string();
    node.rpc("prioritisetransaction", &[json!(held), json!(0), json!(-10_000_000)]).unwrap();
    assert_eq!(template(&node), 2, "what was replaced is in it");
    let (mined, _) = mine_next(&node, &miner).await;
    assert_eq!(mined, BTreeSet::from([better]));
    assert_eq!(mempool(&node), BTreeSet::from([held]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_block_pays_the_subsidy_alone() {
    let Some(node) = TestNode::start("an_empty_block_pays_the_subsidy_alone", &[]) else { return };
    let mut purse = Purse::filled(&node, 5);
    (0..5).for_each(|_| drop(spend(&node, &[purse.take()], 1, FEE)));
    assert_eq!(freeze_template(&node), 5);
    let (there, subsidy) = (mempool(&node), next_subsidy(&node));
    let mined = mine_next(&node, &miner(&node, Transactions::None).await).await;
    assert_eq!(mined, (BTreeSet::new(), subsidy));
    assert_eq!(mempool(&node), there);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_transaction_is_confirmed_soon_and_nothing_is_mined_without_one() {
    let test = "each_transaction_is_confirmed_soon_and_nothing_is_mined_without_one";
    let Some(node) = TestNode::start(test, &[]) else { return };
    let mut purse = Purse::filled(&node, 50);
    stop_clock(&node);
    let miner = miner(&node, Transactions::Awaited { delay: Duration::ZERO }).await;
    assert!(tokio::time::timeout(Duration::from_secs(1), miner.next_job()).await.is_err());
    for _ in 0..50 {
        let sent = spend(&node, &[purse.take()], 1, FEE);
        let (mined, _) = mine_next(&node, &miner).await;
        assert_eq!(mined, BTreeSet::from([sent[0].outpoint.txid.to_string()]));
    }
    assert!(tokio::time::timeout(Duration::from_secs(1), miner.next_job()).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delay_collects_what_comes_meanwhile() {
    let Some(node) = TestNode::start("a_delay_collects_what_comes_meanwhile", &[]) else { return };
    let mut purse = Purse::filled(&node, 4);
    let delay = Duration::from_secs(2);
    let miner = miner(&node, Transactions::Awaited { delay }).await;
    for count in [1, 3] {
        let begin = Instant::now();
        (0..count).for_each(|_| drop(spend(&node, &[purse.take()], 1, FEE)));
        assert_eq!(mine_next(&node, &miner).await.0.len(), count);
        assert!(begin.elapsed() >= delay, "{:?}", begin.elapsed());
    }
}

/// Waits until a transaction is in a block; how long that took.
fn confirmed(node: &TestNode, coin: &Coin) -> Duration {
    let begin = Instant::now();
    let (txid, vout) = (coin.outpoint.txid, coin.outpoint.vout);
    // With confirmations only: not of the mempool.
    while node.rpc("gettxout", &[json!(txid), json!(vout), json!(false)]).unwrap().is_null() {
        assert!(begin.elapsed() < PATIENCE, "{txid} is not confirmed");
        std::thread::sleep(Duration::from_millis(1));
    }
    begin.elapsed()
}

fn height(node: &TestNode) -> u64 {
    node.rpc("getblockcount", &[]).unwrap().as_u64().unwrap()
}

#[test]
fn with_on_transaction_each_is_confirmed_at_once_and_nothing_else_is_mined() {
    let test = "with_on_transaction_each_is_confirmed_at_once_and_nothing_else_is_mined";
    let Some(node) = TestNode::start(test, &[]) else { return };
    let mut purse = Purse::filled(&node, 50);
    stop_clock(&node);
    let miner =
        Miner::solo(&node, &["--on-transaction", "--coinbase-script", "51", "--exit-after-blocks", "50"]);
    let mut running = miner.start();
    running.next("connected");
    // A run that ends waits for a moment only for who does not read.
    let events = std::thread::spawn(move || running.end());
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(height(&node), 150);
    let mut latencies = Vec::new();
    for count in 1..=50 {
        let coin = spend(&node, &[purse.take()], 1, FEE)[0];
        latencies.push(confirmed(&node, &coin));
        assert_eq!(height(&node), 150 + count);
    }
    latencies.sort();
    println!("to the block after {:?}, at worst {:?}", latencies[25], latencies[49]);
    let (status, events) = events.join().unwrap();
    let summary = events.last().unwrap();
    assert_eq!(
        (status.code(), &summary["accepted"], &summary["rejected"]),
        (Some(0), &json!(50), &json!({}))
    );
    let full = events.iter().filter(|event| event["event"] == "block" && event["transactions"] == 2);
    assert_eq!(full.count(), 50);
}

#[test]
#[ignore = "figures: cargo build --release -p miner && cargo test --release -p miner-tests --test on_transaction -- \
            --ignored --nocapture"]
fn how_soon_transactions_are_confirmed() {
    const COUNT: u32 = 500;
    let Some(node) = TestNode::start("how_soon_transactions_are_confirmed", &[]) else { return };
    let mut purse = Purse::filled(&node, COUNT);
    let (count, start) = (COUNT.to_string(), ["--on-transaction", "--coinbase-script", "51"]);
    let miner = Miner::solo(&node, &[&start[..], &["--exit-after-blocks", &count]].concat());
    let mut running = miner.start();
    running.next("connected");
    // A run that ends waits for a moment only for who does not read.
    let events = std::thread::spawn(move || running.end().1);
    let mut latencies = Vec::new();
    for number in 0..COUNT {
        // At another moment each time, for whatever comes at intervals.
        std::thread::sleep(Duration::from_millis(u64::from(number * 37 % 101)));
        let coin = spend(&node, &[purse.take()], 1, FEE)[0];
        latencies.push(confirmed(&node, &coin));
    }
    latencies.sort();
    let at = |share: f64| latencies[(share * f64::from(COUNT - 1)) as usize].as_secs_f64() * 1000.0;
    let late = latencies.iter().filter(|latency| latency.as_millis() > 150).count();
    assert_eq!(events.join().unwrap().last().unwrap()["accepted"], COUNT);
    println!("{COUNT} transactions, load {}", std::fs::read_to_string("/proc/loadavg").unwrap().trim());
    println!(
        "ms to the block: p10 {:.0}, p50 {:.0}, p90 {:.0}, p99 {:.0}, worst {:.0}; {late} after more than 150",
        at(0.1),
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
}

#[test]
fn a_block_delay_gathers_transactions() {
    let Some(node) = TestNode::start("a_block_delay_gathers_transactions", &[]) else { return };
    const DELAY: Duration = Duration::from_secs(2);
    let mut purse = Purse::filled(&node, 15);
    let arguments = ["--on-transaction", "--block-delay", "2", "--coinbase-script", "51"];
    let mut running = Miner::solo(&node, &arguments).start();
    running.next("connected");
    // For once a busy machine may not send all of them in time.
    let sent_in_time = (0..5).any(|_| {
        let (before, begin) = (height(&node), Instant::now());
        let coins: Vec<_> = (0..3).flat_map(|_| spend(&node, &[purse.take()], 1, FEE)).collect();
        let sent = begin.elapsed();
        for coin in &coins {
            confirmed(&node, coin);
        }
        assert!(begin.elapsed() >= DELAY, "{:?}", begin.elapsed());
        assert!(sent >= DELAY || height(&node) == before + 1, "more than one block");
        sent < DELAY
    });
    assert!(sent_in_time);
}

#[test]
fn a_transaction_whose_block_is_taken_back_is_mined_again() {
    let Some(node) = TestNode::start("a_transaction_whose_block_is_taken_back_is_mined_again", &[]) else {
        return;
    };
    let mut purse = Purse::filled(&node, 1);
    // While the clock stands still, nothing but the coinbase can make the next block another one.
    let tip = node.rpc("getbestblockhash", &[]).unwrap();
    let time = node.rpc("getblockheader", &[tip]).unwrap()["time"].clone();
    node.rpc("setmocktime", &[time]).unwrap();
    let running = Miner::solo(&node, &["--on-transaction", "--coinbase-script", "51"]).start();
    let coin = spend(&node, &[purse.take()], 1, FEE)[0];
    let mut blocks = BTreeSet::new();
    for count in 1..=5 {
        confirmed(&node, &coin);
        let block = node.rpc("getbestblockhash", &[]).unwrap();
        node.rpc("invalidateblock", std::slice::from_ref(&block)).unwrap();
        blocks.insert(block.to_string());
        assert_eq!(blocks.len(), count);
    }
    drop(running);
}

#[test]
fn empty_leaves_the_mempool_alone() {
    let Some(node) = TestNode::start("empty_leaves_the_mempool_alone", &[]) else { return };
    let mut purse = Purse::filled(&node, 2);
    (0..2).for_each(|_| drop(spend(&node, &[purse.take()], 1, FEE)));
    let run = Miner::solo(&node, &["--empty", "--coinbase-script", "51", "--exit-after-blocks", "5"]).run();
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.events_of("block").iter().all(|block| block["transactions"] == 1), "{run:?}");
    assert_eq!((height(&node), mempool(&node).len()), (107, 2));
}

#[test]
fn at_intervals_a_block_holds_what_came_since_the_last() {
    let Some(node) = TestNode::start("at_intervals_a_block_holds_what_came_since_the_last", &[]) else {
        return;
    };
    let mut purse = Purse::filled(&node, 5);
    let mut running = Miner::solo(&node, &["--block-interval", "3", "--coinbase-script", "51"]).start();
    // For once a busy machine may be too late for the next block. The node's own template never has it then.
    let is_in_the_next = (0..5).any(|_| {
        running.next("block");
        // By now the template for the next block is there, without the transaction.
        std::thread::sleep(Duration::from_millis(700));
        spend(&node, &[purse.take()], 1, FEE);
        running.next("block")["transactions"] == 2
    });
    assert!(is_in_the_next);
}

#[test]
fn wrong_places_for_the_flags_are_named() {
    let Some(node) =
        TestNode::start_on("signet", "wrong_places_for_the_flags_are_named", &["-signetchallenge=51"])
    else {
        return;
    };
    let run = Miner::solo(&node, &["--on-transaction", "--coinbase-script", "51"]).run();
    assert_eq!((run.code, run.stderr.contains("regtest")), (Some(2), true), "{run:?}");
    for arguments in [&["--on-transaction"][..], &["--empty"], &["--block-delay", "1"]] {
        assert_eq!(Miner::new(arguments).run().code, Some(2), "{arguments:?}");
    }
}
