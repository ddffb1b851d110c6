//! A miner that is killed again and again, at moments chosen by chance, before a node that fails at its
//! turns: no block that the node has seen is ever missing from chain, journal and archive.

#[path = "keeper/chain.rs"]
mod chain;
mod support;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use chain::{Fault, Rig, found, pending_files, until};
use miner_node::{Auth, BlockKeeper, Chain, Journal, Node, RpcClient, RpcNode, Secret};
use tokio::runtime::Runtime;

const NODE: &str = "KILLED_KEEPER_NODE";
const FOLDER: &str = "KILLED_KEEPER_FOLDER";
const ROUNDS: usize = 40;
const DEPTH: u32 = 4;

/// A generator of numbers below a bound, for choices that can be made again (Knuth's MMIX constants).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

#[test]
fn no_block_is_lost_however_often_the_miner_is_killed() {
    if let (Ok(node), Ok(folder)) = (std::env::var(NODE), std::env::var(FOLDER)) {
        return Runtime::new().unwrap().block_on(mine_until_killed(&node, Path::new(&folder)));
    }
    let seed = std::env::var("SEED").map_or(1, |seed| seed.parse().unwrap());
    println!("SEED={seed}");
    let (run, folder, mut chance) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap(), Chance(seed));
    let rig = run.block_on(Rig::start());
    rig.chain().journal = Some(folder.path().to_owned());
    // On a busy machine some are killed before they have done anything.
    let idle = |rig: &Rig| rig.chain().submitted.len() <= ROUNDS;
    for _ in (0..10 * ROUNDS).take_while(|round| *round < ROUNDS || idle(&rig)) {
        let faults = (0..chance.below(4)).map(|_| fault(&mut chance)).collect::<Vec<_>>();
        rig.chain().faults = faults.into();
        mine_for_a_while(&rig, folder.path(), Duration::from_micros(chance.below(150_000)));
    }
    rig.chain().faults.clear();
    assert!(!idle(&rig), "they were killed before they could do anything");
    // Where a disk is too busy a block does not wait for it, and may be lost with the miner.
    let unwritten = rig.chain().unwritten.clone();
    let submitted = rig.chain().submitted.len();
    assert!(
        unwritten.len() <= submitted / 20,
        "a node saw {unwritten:?} of {submitted} before the journal did"
    );
    rig.chain().submitted.retain(|hash| !unwritten.contains(hash));
    run.block_on(all_end_in_the_archive(&rig, folder.path()));
}

fn fault(chance: &mut Chance) -> Fault {
    let faults = [Fault::AnswerLost, Fault::Broken, Fault::Word("moon-phase"), Fault::Error(-28)];
    faults[chance.below(faults.len() as u64) as usize]
}

fn mine_for_a_while(rig: &Rig, folder: &Path, time: Duration) {
    let before = rig.chain().looks;
    let mut miner = Command::new(std::env::current_exe().unwrap())
        .arg("--nocapture")
        .env(NODE, rig.node.to_string())
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while rig.chain().looks == before {
        assert!(miner.try_wait().unwrap().is_none(), "the miner does not start on what was left to it");
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(time);
    miner.kill().unwrap();
    miner.wait().unwrap();
}

async fn mine_until_killed(node: &str, folder: &Path) {
    let password = Auth::UserPass { user: "me".into(), password: Secret::new("x") };
    let node = RpcNode::connect(RpcClient::new(node, password).unwrap(), None).await.unwrap();
    let node = Arc::new(Node::from(node));
    let journal = Journal::open(folder, Chain::Regtest).unwrap();
    let keeper = BlockKeeper::new(vec![node.clone()], Some(journal), |_| {}).unwrap();
    let watching = keeper.clone();
    tokio::spawn(async move { watching.watch(DEPTH, Duration::from_millis(2)).await });
    loop {
        let share = found(&node).await;
        keeper.submit(&share).await.unwrap();
    }
}

/// Every block that the node has seen: a file in the journal until the end, then one in the archive.
async fn all_end_in_the_archive(rig: &Rig, folder: &Path) {
    let seen = rig.chain().submitted.clone();
    let journal = Journal::open(folder, Chain::Regtest).unwrap();
    let keeper = BlockKeeper::new(vec![rig.node.clone()], Some(journal), |_| {}).unwrap();
    let watching = keeper.clone();
    tokio::spawn(async move { watching.watch(DEPTH, Duration::from_millis(2)).await });
    until("the end of every block", || {
        rig.chain().grow(1);
        keeper.pending().is_empty() && pending_files(folder) == 0
    })
    .await;
    let archive = std::fs::read_dir(folder.join("archive")).unwrap();
    let archive: Vec<_> = archive.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    let proofs = std::fs::read_to_string(folder.join("archive/proofs")).unwrap();
    for hash in &seen {
        let files = archive.iter().filter(|name| name.contains(&hash.to_string())).count();
        assert_eq!(files, 1, "block {hash} has a file in the archive");
        assert!(proofs.contains(&format!("hash {hash}, outcome: ")), "{hash} has a proof");
    }
}
