//! testnet4 on a node without peers: a block at difficulty 1, which takes about a minute of real hashing.

use miner_tests::{Miner, TestNode};
use serde_json::json;

/// testnet4's first block was made at this time.
const GENESIS_TIME: u64 = 1_714_777_860;
/// After this many seconds without a block the next one has the lowest difficulty (BIP94).
const TWENTY_MINUTES: u64 = 1200;

#[test]
#[ignore = "a minute of hashing on average, by chance many: cargo test -p miner-tests --test testnet4 -- --ignored"]
fn a_block_of_difficulty_1_is_mined_after_twenty_minutes_without_one() {
    let test = "a_block_of_difficulty_1_is_mined_after_twenty_minutes_without_one";
    let clock = GENESIS_TIME + TWENTY_MINUTES + 100;
    let mocktime = format!("-mocktime={clock}");
    let Some(node) = TestNode::start_on("testnet4", test, &[&mocktime]) else { return };
    // Chance decides how long it takes: once in a million runs longer than fourteen times the average.
    let arguments = [
        "--exit-after-blocks",
        "1",
        "--coinbase-script",
        "51",
        "--time-limit",
        "1500",
        "--cpu-priority",
        "0",
    ];
    let (status, events) = Miner::solo(&node, &arguments).start().end();
    assert_eq!(status.code(), Some(0), "{events:?}");
    let block = events.iter().find(|event| event["event"] == "block").unwrap();
    assert_eq!((&block["result"], &block["height"]), (&json!("accepted"), &json!(1)), "{block}");
    let tip = node.rpc("getbestblockhash", &[]).unwrap();
    let header = node.rpc("getblockheader", &[tip]).unwrap();
    assert_eq!((&header["hash"], &header["bits"]), (&block["hash"], &json!("1d00ffff")), "{header}");
    let time = header["time"].as_u64().unwrap();
    assert!((clock..=clock + 7200).contains(&time), "{time} at {clock}");
}
