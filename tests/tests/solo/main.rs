//! `miner solo` and `miner -o` on a real node: every address type, fees, full blocks, restarts; in `frozen` a node that
//! answers no more.

mod frozen;

use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bitcoin::{Address, Amount, Network, ScriptBuf};
use miner_tests::purse::{Purse, mine, spend};
use miner_tests::{Miner, TestNode, wait_for};
use serde_json::{Value, json};

const ANYONE: &str = "51";

/// A wallet of the node, with an address of each type that wallets give.
fn wallet(node: &TestNode) {
    node.rpc("createwallet", &[json!("w")]).unwrap();
}

fn new_address(node: &TestNode, kind: &str) -> String {
    node.rpc("getnewaddress", &[json!(""), json!(kind)]).unwrap().as_str().unwrap().to_owned()
}

fn height(node: &TestNode) -> u64 {
    node.rpc("getblockcount", &[]).unwrap().as_u64().unwrap()
}

/// The block at a height, with its transactions.
fn block(node: &TestNode, height: u64) -> Value {
    let hash = node.rpc("getblockhash", &[json!(height)]).unwrap();
    node.rpc("getblock", &[hash, json!(2)]).unwrap()
}

fn coinbase_output(block: &Value) -> &Value {
    &block["tx"][0]["vout"][0]
}

/// Mines 120 blocks from height 0 and checks that each pays where it should.
fn mines_120_blocks(node: &TestNode, payout: &[&str], script: &str) {
    let run = Miner::solo(node, &[&["--exit-after-blocks", "120"], payout].concat()).run();
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(height(node), 120);
    let summary = run.summary();
    assert_eq!((&summary["found"], &summary["accepted"]), (&json!(120), &json!(120)), "{summary}");
    assert_eq!(
        (&summary["rejected"], &summary["lost"], &summary["in_flight"]),
        (&json!({}), &json!({}), &json!(0))
    );
    for height in 1..=120 {
        assert_eq!(coinbase_output(&block(node, height))["scriptPubKey"]["hex"], script, "height {height}");
    }
    let mut told: Vec<_> =
        run.events_of("block").iter().map(|block| block["height"].as_u64().unwrap()).collect();
    // On a busy machine a verdict may be overtaken by the next one.
    told.sort_unstable();
    assert_eq!(told, (1..=120).collect::<Vec<_>>());
}

#[test]
fn every_address_type_is_paid_from_height_0_on() {
    for kind in ["legacy", "p2sh-segwit", "bech32", "bech32m"] {
        let Some(node) = TestNode::start("every_address_type_is_paid_from_height_0_on", &[]) else { return };
        wallet(&node);
        let address = new_address(&node, kind);
        let info = node.rpc("getaddressinfo", &[json!(address)]).unwrap();
        mines_120_blocks(&node, &["--coinbase-addr", &address], info["scriptPubKey"].as_str().unwrap());
        let balance = node.rpc("getbalance", &[]).unwrap().as_f64().unwrap();
        assert_eq!(balance, 20.0 * 50.0, "{kind}: 20 coinbases are mature");
    }
}

#[test]
fn a_witness_script_address_and_a_raw_script_are_paid_from_height_0_on() {
    let Some(node) =
        TestNode::start("a_witness_script_address_and_a_raw_script_are_paid_from_height_0_on", &[])
    else {
        return;
    };
    let p2wsh = Address::p2wsh(&ScriptBuf::from_hex(ANYONE).unwrap(), Network::Regtest);
    mines_120_blocks(&node, &["--coinbase-addr", &p2wsh.to_string()], &p2wsh.script_pubkey().to_hex_string());
    let Some(node) = TestNode::start("a raw script", &[]) else { return };
    mines_120_blocks(
        &node,
        &["--coinbase-script", "00145e00000000000000000000000000000000000001"],
        "00145e00000000000000000000000000000000000001",
    );
}

#[test]
fn without_an_address_the_wallet_is_paid_else_anyone_and_it_says_so() {
    let Some(node) = TestNode::start("without_an_address_the_wallet_is_paid_else_anyone_and_it_says_so", &[])
    else {
        return;
    };
    let run = Miner::solo(&node, &["--exit-after-blocks", "1"]).run();
    assert!(run.events_of("connected")[0]["payout"].as_str().unwrap().contains("OP_TRUE"), "{run:?}");
    assert_eq!(coinbase_output(&block(&node, 1))["scriptPubKey"]["hex"], ANYONE);
    wallet(&node);
    let run = Miner::solo(&node, &["--exit-after-blocks", "1"]).run();
    let address = coinbase_output(&block(&node, 2))["scriptPubKey"]["address"].as_str().unwrap().to_owned();
    assert!(run.events_of("connected")[0]["payout"].as_str().unwrap().contains(&address), "{run:?}");
    assert_eq!(node.rpc("getaddressinfo", &[json!(address)]).unwrap()["ismine"], true);
}

#[test]
fn fees_are_collected_and_blocks_hold_hundreds_of_transactions() {
    let Some(node) = TestNode::start("fees_are_collected_and_blocks_hold_hundreds_of_transactions", &[])
    else {
        return;
    };
    const FEE: u64 = 30_000;
    let mut purse = Purse::filled(&node, 1);
    let mut clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    // The miner's block of all transactions: the node makes a new template of them 5 s after the last.
    let mut mine_all = |transactions: u64| {
        clock += 10;
        node.rpc("setmocktime", &[json!(clock)]).unwrap();
        let run = Miner::solo(&node, &["--exit-after-blocks", "1", "--coinbase-script", ANYONE]).run();
        assert_eq!(run.code, Some(0), "{run:?}");
        let found = block(&node, height(&node));
        assert_eq!(found["nTx"], 1 + transactions);
        let fees = Amount::from_sat(FEE * transactions).to_btc();
        assert_eq!(coinbase_output(&found)["value"].as_f64().unwrap(), 50.0 + fees);
        found
    };
    // Equal parts, of which nothing is left over.
    let coins = spend(&node, &[purse.take()], 400, FEE);
    assert_eq!(mine_all(1)["tx"][1]["txid"], json!(coins[0].outpoint.txid));
    let spent: BTreeSet<_> =
        coins.iter().map(|coin| spend(&node, &[*coin], 1, FEE)[0].outpoint.txid.to_string()).collect();
    let found = mine_all(400);
    let mined = found["tx"].as_array().unwrap()[1..].iter();
    assert_eq!(mined.map(|tx| tx["txid"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>(), spent);
}

#[test]
fn a_url_with_a_login_mines_too() {
    // The login ann:s3cret, as salt and HMAC-SHA256 of the password under it.
    let login = "-rpcauth=ann:00112233445566778899aabbccddeeff$dc6e4098ec529ea7f8ad846be36d58bd37ec6fb4494a5555836aacca60416c6d";
    let Some(node) = TestNode::start("a_url_with_a_login_mines_too", &[login]) else { return };
    let url = node.url().replace("http://", "http://ann:s3cret@");
    let arguments =
        ["-o", &url, "--exit-after-blocks", "2", "--coinbase-script", ANYONE, "--log-format", "json"];
    let run = Miner::new(&arguments).run();
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(height(&node), 2);
    assert!(!run.stdout.contains("s3cret") && !run.stderr.contains("s3cret"), "{run:?}");
    let arguments = [
        "-o",
        &node.url(),
        "-u",
        "ann",
        "-p",
        "s3cret",
        "--exit-after-blocks",
        "1",
        "--coinbase-script",
        ANYONE,
    ];
    assert_eq!(Miner::new(&arguments).run().code, Some(0));
}

#[test]
fn the_node_is_found_by_its_data_folder_alone() {
    let Some(node) = TestNode::start("the_node_is_found_by_its_data_folder_alone", &[]) else { return };
    let port = node.url().rsplit(':').next().unwrap().to_owned();
    std::fs::write(node.datadir().join("bitcoin.conf"), format!("[regtest]\nrpcport={port}\n")).unwrap();
    let datadir = node.datadir().display().to_string();
    let run =
        Miner::new(&["solo", "--chain", "regtest", "--datadir", &datadir, "--exit-after-blocks", "1"]).run();
    assert_eq!((run.code, height(&node)), (Some(0), 1), "{run:?}");
}

#[test]
fn a_node_killed_and_restarted_while_mining_loses_no_block() {
    let Some(mut node) = TestNode::start("a_node_killed_and_restarted_while_mining_loses_no_block", &[])
    else {
        return;
    };
    let miner = Miner::solo(&node, &["--block-interval", "0.02", "--coinbase-script", ANYONE]);
    let mut running = miner.start();
    let mut blocks = Vec::new();
    let mut take = |running: &mut miner_tests::Running, count| {
        for _ in 0..count {
            let block = running.next("block");
            // A node that forgot its chain gets the same template again, and then the same block; and it may lack what
            // was buried below a block already.
            let lacks_parent =
                block["reason"].as_str().is_some_and(|text| text.contains("prev-blk-not-found"));
            let result = block["result"].as_str().unwrap();
            assert!(matches!(result, "accepted" | "inconclusive" | "duplicate") || lacks_parent, "{block}");
            blocks.push(block);
        }
    };
    take(&mut running, 30);
    // The node forgets what it has not flushed, and makes a new cookie.
    node.kill();
    std::thread::sleep(Duration::from_millis(500));
    node.restart();
    take(&mut running, 30);
    node.stop();
    node.restart();
    take(&mut running, 30);
    running.signal("INT");
    let (status, events) = running.end();
    assert_eq!(status.code(), Some(0));
    let summary = events.last().unwrap();
    assert_eq!(summary["event"], "summary");
    blocks.extend(events.iter().filter(|event| event["event"] == "block").cloned());
    let is_taken = |block: &&Value| matches!(block["result"].as_str(), Some("accepted" | "inconclusive"));
    let taken = blocks.iter().filter(is_taken).count() as u64;
    let refused = summary["rejected"].as_object().unwrap().values().map(|count| count.as_u64().unwrap());
    assert_eq!(summary["accepted"], taken);
    assert_eq!(taken + refused.sum::<u64>(), blocks.len() as u64, "{summary}");
    assert_eq!((&summary["found"], &summary["lost"]), (&json!(blocks.len()), &json!({})), "{summary}");

    // What the node forgot was submitted again: each block is in its chain, or kept, or lost to another.
    let journal = files_below(miner.home());
    for hash in blocks.iter().map(|block| &block["hash"]) {
        let known = node.rpc("getblockheader", std::slice::from_ref(hash));
        let in_chain = known.is_ok_and(|header| header["confirmations"].as_i64() > Some(0));
        assert!(
            in_chain || journal.iter().any(|file| file.contains(hash.as_str().unwrap())),
            "block {hash} is gone"
        );
    }
}

fn files_below(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path.display().to_string()] })
        .collect()
}

#[test]
fn blocks_come_no_sooner_than_a_poisson_process_has_them() {
    let Some(node) = TestNode::start("blocks_come_no_sooner_than_a_poisson_process_has_them", &[]) else {
        return;
    };
    let flags =
        ["--block-interval", "poisson:0.05", "--coinbase-script", ANYONE, "--exit-after-blocks", "40"];
    let begin = Instant::now();
    let run = Miner::solo(&node, &flags).run();
    assert_eq!(run.code, Some(0), "{run:?}");
    // On average 39 waits are 1.95 s; less than 0.7 s they are once in 3e7 runs.
    assert!(begin.elapsed() >= Duration::from_millis(700), "40 blocks in {:?}", begin.elapsed());
}

#[test]
fn by_default_regtest_gets_a_block_a_second() {
    let Some(node) = TestNode::start("by_default_regtest_gets_a_block_a_second", &[]) else { return };
    let begin = Instant::now();
    let mut running = Miner::solo(&node, &["--coinbase-script", ANYONE]).start();
    // One at the start, then one a second: on a busy machine fewer, never more.
    let events: Vec<_> = (0..4).flat_map(|_| running.until("block")).collect();
    assert!(begin.elapsed() >= Duration::from_secs(3), "4 blocks in {:?}", begin.elapsed());
    let notices = events.iter().filter(|event| event["event"] == "notice");
    assert!({ notices }.any(|notice| notice["message"].as_str().unwrap().contains("--block-interval")));
}

#[test]
fn before_regtests_subsidy_ends_one_warning_is_told() {
    let Some(node) = TestNode::start("before_regtests_subsidy_ends_one_warning_is_told", &[]) else { return };
    mine(&node, 4799);
    let run = Miner::solo(&node, &["--exit-after-blocks", "3", "--coinbase-script", ANYONE]).run();
    let notices = run.events_of("notice");
    let warnings = notices.iter().filter(|notice| notice["message"].as_str().unwrap().contains("subsidy"));
    assert_eq!((run.code, warnings.count()), (Some(0), 1), "{run:?}");
    assert!(notices[0]["message"].as_str().unwrap().contains("falls to 0 at height 4950"), "{run:?}");
}

#[test]
fn two_miners_do_not_share_a_journal() {
    let Some(node) = TestNode::start("two_miners_do_not_share_a_journal", &[]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().display().to_string();
    let first = Miner::solo(&node, &["--journal", &journal, "--coinbase-script", ANYONE]);
    let mut running = first.start();
    running.next("block");
    let second = Miner::solo(&node, &["--journal", &journal, "--coinbase-script", ANYONE]).run();
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(second.stderr.contains(&journal), "{second:?}");
}

#[test]
fn a_full_disk_does_not_hold_a_block_up() {
    let Some(node) = TestNode::start("a_full_disk_does_not_hold_a_block_up", &[]) else { return };
    let miner = Miner::solo(&node, &["--exit-after-blocks", "1", "--coinbase-script", ANYONE]);
    // No file may grow: a write to the journal fails as on a full disk.
    let run = miner.under("trap '' XFSZ; ulimit -f 0; exec \"$@\"");
    assert_eq!((run.code, height(&node)), (Some(0), 1), "{run:?}");
    let tip = node.rpc("getblockhash", &[json!(1)]).unwrap();
    let hex = node.rpc("getblock", &[tip, json!(0)]).unwrap();
    assert!(run.stderr.contains(hex.as_str().unwrap()), "the block's hex is on stderr: {run:?}");
}

#[test]
fn a_stdout_that_nobody_reads_holds_up_neither_mining_nor_the_end() {
    let test = "a_stdout_that_nobody_reads_holds_up_neither_mining_nor_the_end";
    let Some(node) = TestNode::start(test, &[]) else { return };
    let options = ["--coinbase-script", ANYONE, "--block-interval", "0"];
    let mut miner = Miner::solo(&node, &options).start();
    miner.next("block");
    // Their events are more than a pipe holds.
    wait_for("block 300", Duration::from_secs(120), || height(&node) >= 300);
    miner.signal("TERM");
    assert_eq!(miner.end_unread().code(), Some(0));
}
