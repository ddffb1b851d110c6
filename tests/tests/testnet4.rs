//! testnet4 on a node without peers: a block at difficulty 1, which 4 billion hashes find on average.

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::time::Duration;

use miner_core::{Backend as _, Candidate, Reporter, SearchSpace, Share, VersionMask};
use miner_cpu::{CpuBackend, CpuOptions, preferred};
use miner_node::{Auth, Chain, CoinbaseOptions, RpcClient, RpcNode, template};
use miner_tests::{Miner, TestNode};
use serde_json::json;

/// testnet4's first block was made at this time.
const GENESIS_TIME: u64 = 1_714_777_860;
/// After this many seconds without a block the next one has the lowest difficulty (BIP94).
const TWENTY_MINUTES: u64 = 1200;
/// Where the node's clock stands.
const CLOCK: u64 = GENESIS_TIME + TWENTY_MINUTES + 100;
const SEED: u64 = 4;

/// With this text in the coinbase of the first block, a million hashes are enough, and nothing is left to chance: the
/// header follows from the node's template, the seed and the text, and the search begins where it always does. Should a
/// node make another template some day, the block takes as long as any of its difficulty, about two minutes, and
/// `a_text_with_which_the_first_hashes_are_enough` finds another text.
const LUCKY: &str = "3490";
/// The hashes of an engine's first unit, which is dealt out at once: later ones may have a later time.
const FIRST_HASHES: u64 = 1 << 20;

fn node(test: &str) -> Option<TestNode> {
    TestNode::start_on("testnet4", test, &[&format!("-mocktime={CLOCK}")])
}

#[test]
fn a_block_of_difficulty_1_is_mined_after_twenty_minutes_without_one() {
    let Some(node) = node("a_block_of_difficulty_1_is_mined_after_twenty_minutes_without_one") else {
        return;
    };
    let seed = SEED.to_string();
    let arguments = ["--seed", &seed, "--coinbase-sig", LUCKY, "--coinbase-script", "51", "--device", "cpu"];
    let run =
        Miner::solo(&node, &[&arguments[..], &["--cpu-priority", "0", "--exit-after-blocks", "1"]].concat());
    // Without luck, one run in a million takes more than fourteen times the average.
    let run = run.with_patience(1800).run();
    let (block, summary) = (&run.events_of("block")[0], run.summary());
    assert_eq!(
        (run.code, &block["result"], &block["height"]),
        (Some(0), &json!("accepted"), &json!(1)),
        "{run:?}"
    );
    if summary["hashes"].as_u64() > Some(2 * FIRST_HASHES) {
        println!("the node's template is another one: see LUCKY ({summary})");
    }
    let tip = node.rpc("getbestblockhash", &[]).unwrap();
    let header = node.rpc("getblockheader", &[tip]).unwrap();
    assert_eq!((&header["hash"], &header["bits"]), (&block["hash"], &json!("1d00ffff")), "{header}");
    let time = header["time"].as_u64().unwrap();
    assert!((CLOCK..=CLOCK + 7200).contains(&time), "{time} at {CLOCK}");
}

/// Gathers what a scan reports.
struct Candidates(Mutex<Vec<Candidate>>);

impl Reporter for Candidates {
    fn found(&self, candidate: Candidate) -> ControlFlow<()> {
        self.0.lock().unwrap().push(candidate);
        ControlFlow::Continue(())
    }

    fn progress(&self, _: u64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Whether the first unit of a miner's search with this text holds a block.
async fn is_lucky(node: &TestNode, cpu: &mut CpuBackend, text: &str) -> bool {
    let rpc = RpcClient::new(&node.url(), Auth::Cookie(node.cookie_file())).unwrap();
    let coinbase = CoinbaseOptions { signature: text.into(), ..CoinbaseOptions::default() };
    let miner = RpcNode::connect(rpc, Some(Chain::Testnet4)).await.unwrap();
    let job = miner.with_coinbase(coinbase).with_seed(SEED).next_job().await.unwrap();
    let mut space = SearchSpace::new(job, template::terms(VersionMask::BIP320), cpu.preferred_midstates());
    let unit = space.next(FIRST_HASHES, Duration::ZERO).unwrap();
    let found = Candidates(Mutex::default());
    cpu.scan(unit.unit(), &found).unwrap();
    let found = found.0.into_inner().unwrap();
    found.iter().any(|candidate| unit.verify(*candidate).is_ok_and(|share: Share| share.is_block()))
}

#[tokio::test]
#[ignore = "finds LUCKY, in as long as a block of difficulty 1 takes"]
async fn a_text_with_which_the_first_hashes_are_enough() {
    let Some(node) = node("a_text_with_which_the_first_hashes_are_enough") else { return };
    let mut cpu = CpuBackend::new(preferred(), &CpuOptions::default()).unwrap();
    for text in (0..).map(|number: u64| number.to_string()) {
        if is_lucky(&node, &mut cpu, &text).await {
            return println!("const LUCKY: &str = \"{text}\";");
        }
    }
}
