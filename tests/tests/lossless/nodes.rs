//! Nodes that die after they took a block, freeze before, or answer with words that nobody knows.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use bitcoin::BlockHash;
use miner_tests::{Call, Fate, JournalFolder, Relay, TestNode, http};
use serde_json::{Value, json};

use super::{miner, miner_to, until};

#[test]
fn a_node_killed_right_after_its_null_gets_the_block_again() {
    const BLOCKS: usize = 4;
    let test = "nodes::a_node_killed_right_after_its_null_gets_the_block_again";
    let Some(mut node) = TestNode::start(test, &[]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let ((took, taken), (kill, killed)) = (channel(), channel());
    let ends = Mutex::new((took, killed));
    let relay = Relay::start(&node, move |call| {
        let answer = call.pass();
        if call.block().is_some() {
            let (took, killed) = &*ends.lock().unwrap();
            // Nobody listens any more once the node has been killed.
            let _ = took.send(()).and_then(|()| killed.recv().map_err(|_| std::sync::mpsc::SendError(())));
        }
        answer
    });
    let running = miner(&node, &relay, folder.path(), &["--block-interval", "1"]).start();
    for _ in 1..BLOCKS {
        taken.recv().unwrap();
        kill.send(()).unwrap();
    }
    taken.recv().unwrap();
    node.kill();
    drop((taken, kill));
    // On a busy machine one more may have been found for the node that is no more.
    let submitted: Vec<_> = relay.submitted().iter().take(BLOCKS).map(|block| block.hash).collect();
    assert_eq!(submitted.len(), BLOCKS);
    node.restart();
    let journal = JournalFolder::at(folder.path());
    for hash in &submitted {
        until("the block in the chain again", || journal.fate(hash, &node) == Fate::InChain);
    }
    // A node may have written the first ones to its disk. The last it cannot: it was killed on the spot.
    let last = relay.submitted().iter().filter(|block| Some(&block.hash) == submitted.last()).count();
    assert!(last >= 2, "the node forgot nothing: {last} submissions of the last block");
    drop(running);
}

/// How long a block takes to be accepted by a second node while the first is frozen; `None` without a node.
fn while_the_first_is_frozen() -> Option<Duration> {
    // The login ann:s3cret, as salt and HMAC-SHA256 of the password under it.
    let login = "-rpcauth=ann:00112233445566778899aabbccddeeff$dc6e4098ec529ea7f8ad846be36d58bd37ec6fb4494a5555836aacca60416c6d";
    let test = "nodes::while_one_node_is_frozen_the_other_gets_the_block_within_a_second";
    let [Some(first), Some(second)] = [(); 2].map(|()| TestNode::start(test, &[login])) else { return None };
    let folder = tempfile::tempdir().unwrap();
    let ((came, coming), (freeze, frozen)) = (channel(), channel::<()>());
    let ends = Mutex::new((came, frozen));
    let slow = Relay::start(&first, move |call| {
        if call.block().is_some() {
            let (came, frozen) = &*ends.lock().unwrap();
            // The node is frozen once: after that nobody is there to do it.
            let _ = came.send(()).map(|()| frozen.recv());
        }
        call.pass()
    });
    let good = Relay::start(&second, Call::pass);
    let login = ["--node", &good.url(), "-u", "ann", "-p", "s3cret", "--block-interval", "3600"];
    let mut running = miner_to(&slow.url(), folder.path(), &login).start();
    coming.recv().unwrap();
    let begin = Instant::now();
    first.signal("STOP");
    drop((coming, freeze));

    let block = running.next("block");
    let took = begin.elapsed();
    assert_eq!((&block["result"], &block["height"]), (&json!("accepted"), &json!(1)), "{block}");
    // The first is frozen still: nobody waited for it. It may be tried again.
    let (at_first, at_second) = (slow.submitted(), good.submitted());
    assert!(at_first.iter().all(|block| !block.answered), "{at_first:?}");
    let hash = at_first[0].hash;
    assert_eq!((json!(hash), at_second[0].hash), (block["hash"].clone(), hash));
    assert_eq!(second.rpc("getbestblockhash", &[]).unwrap(), json!(hash));
    first.signal("CONT");
    until("the block at the node that was frozen", || {
        first.rpc("getbestblockhash", &[]).unwrap() == json!(hash)
    });
    Some(took)
}

#[test]
fn while_one_node_is_frozen_the_other_gets_the_block_within_a_second() {
    // The watch would bring it in two. Whatever else the machine does holds up one try, but not each.
    let is_late = |took: Duration| took >= Duration::from_secs(1);
    assert!((0..5).any(|_| !while_the_first_is_frozen().is_some_and(is_late)));
}

#[test]
fn a_word_that_nobody_knows_is_shown_as_it_is_and_the_block_kept() {
    let test = "nodes::a_word_that_nobody_knows_is_shown_as_it_is_and_the_block_kept";
    let Some(node) = TestNode::start(test, &[]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let lies = Arc::new(AtomicBool::new(true));
    let lied_to = lies.clone();
    let relay = Relay::start(&node, move |call| match call.block() {
        Some(_) if lied_to.load(Ordering::SeqCst) => {
            Some(http("200 OK", r#"{"result":"bad-moon-phase","error":null,"id":0}"#))
        }
        _ => call.pass(),
    });
    let miner = miner(&node, &relay, folder.path(), &["--block-interval", "3600"]);
    let mut running = miner.start();
    let block = running.next("block");
    assert_eq!(
        (&block["result"], &block["reason"]),
        (&json!("rejected"), &json!("rejected as bad-moon-phase"))
    );
    let hash = block["hash"].as_str().unwrap().parse().unwrap();
    let journal = JournalFolder::at(folder.path());
    assert_eq!(journal.fate(&hash, &node), Fate::Kept);
    drop(running);
    lies.store(false, Ordering::SeqCst);

    // Beside it, what a crash of the machine left of another one.
    let [file] = &std::fs::read_dir(folder.path())
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some())
        .collect::<Vec<_>>()[..]
    else {
        panic!("one block")
    };
    let torn = folder.path().join(format!("00000009-{hash}.block"));
    let bytes = std::fs::read(file).unwrap();
    std::fs::write(&torn, &bytes[..bytes.len() / 2]).unwrap();
    let mut running = miner.start();
    let error = running.next("error");
    let words = error["message"].as_str().unwrap();
    assert!(words.contains("torn") && words.contains(&format!("corrupt/00000009-{hash}")), "{error}");
    until("the block in the chain", || journal.fate(&hash, &node) == Fate::InChain);
    assert_eq!(journal.set_aside().len(), 1);
}

/// The first two blocks, and whether others may come.
#[derive(Default)]
struct Finds {
    first: BTreeSet<BlockHash>,
    were_looked_at: bool,
}

/// Holds a submission up until both first blocks are there, and a later one until they were looked at.
fn wait_for_turn((finds, changed): &(Mutex<Finds>, Condvar), hash: BlockHash) {
    let mut now = finds.lock().unwrap();
    if now.first.len() < 2 {
        now.first.insert(hash);
        changed.notify_all();
    }
    let waits = |now: &mut Finds| now.first.len() < 2 || !now.first.contains(&hash) && !now.were_looked_at;
    drop(changed.wait_while(now, waits).unwrap());
}

#[test]
fn of_two_finds_at_one_height_both_are_submitted_and_followed() {
    let test = "nodes::of_two_finds_at_one_height_both_are_submitted_and_followed";
    let Some(node) = TestNode::start(test, &[]) else { return };
    // Two miners find a first block each before the node has seen any, and a second when both were looked at.
    let finds = Arc::<(Mutex<Finds>, Condvar)>::default();
    let behind = finds.clone();
    let relay = Relay::start(&node, move |call| {
        call.block().inspect(|hash| wait_for_turn(&behind, *hash));
        call.pass()
    });
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let miners =
        folders.each_ref().map(|folder| miner(&node, &relay, folder.path(), &["--block-interval", "0.5"]));
    let mut running = miners.each_ref().map(miner_tests::Miner::start);
    let mut blocks = running.each_mut().map(|running| running.next("block"));
    let mut journals = folders.each_ref().map(|folder| JournalFolder::at(folder.path()));
    if blocks[0]["result"] != "accepted" {
        blocks.reverse();
        journals.reverse();
        running.reverse();
    }
    let [first, second] = &blocks;
    assert_eq!([&first["height"], &second["height"]], [&json!(1); 2]);
    assert_eq!([&first["result"], &second["result"]], ["accepted", "inconclusive"], "{blocks:?}");
    assert!(second["reason"].as_str().unwrap().contains("another block is the tip"), "{second}");
    let tips = node.rpc("getchaintips", &[]).unwrap();
    let is_kept = |tip: &Value| tip["hash"] == second["hash"] && tip["branchlen"] == 1;
    assert!(tips.as_array().unwrap().iter().any(is_kept), "the node has no branch of the second: {tips}");

    let [winner, loser] =
        blocks.each_ref().map(|block| block["hash"].as_str().unwrap().parse::<BlockHash>().unwrap());
    assert_eq!(journals[1].fate(&loser, &node), Fate::Kept, "it may still win");
    finds.0.lock().unwrap().were_looked_at = true;
    finds.1.notify_all();
    until("the end of both stories", || {
        journals[0].proof(&winner).is_some() && journals[1].proof(&loser).is_some()
    });
    let buried = journals[0].proof(&winner).unwrap();
    assert!(buried.contains("outcome: buried with"), "{buried}");
    assert_eq!(journals[0].fate(&winner, &node), Fate::InChain);
    let lost = journals[1].proof(&loser).unwrap();
    assert!(lost.contains(&format!("outcome: lost to {winner}, which has")), "{lost}");
    assert_eq!(journals[1].fate(&loser, &node), Fate::Lost);
    let words = format!("block 1: lost to {winner}");
    while !running[1].next("notice")["message"].as_str().unwrap().starts_with(&words) {}
}
