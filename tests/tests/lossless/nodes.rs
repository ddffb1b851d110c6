//! Nodes that die after they took a block, freeze before, or answer with words that nobody knows.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Barrier, Mutex};
use std::time::Duration;

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
    let submitted: Vec<_> = relay.submitted().iter().map(|block| block.hash).collect();
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

#[test]
fn while_one_node_is_frozen_the_other_gets_the_block_within_a_second() {
    // The login ann:s3cret, as salt and HMAC-SHA256 of the password under it.
    let login = "-rpcauth=ann:00112233445566778899aabbccddeeff$dc6e4098ec529ea7f8ad846be36d58bd37ec6fb4494a5555836aacca60416c6d";
    let test = "nodes::while_one_node_is_frozen_the_other_gets_the_block_within_a_second";
    let [Some(first), Some(second)] = [(); 2].map(|()| TestNode::start(test, &[login])) else { return };
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
    first.signal("STOP");
    drop((coming, freeze));

    let block = running.next("block");
    assert_eq!((&block["result"], &block["height"]), (&json!("accepted"), &json!(1)), "{block}");
    let ([at_first], [at_second]) = (&slow.submitted()[..], &good.submitted()[..]) else {
        panic!("one submission to each node")
    };
    assert_eq!(at_first.hash, at_second.hash);
    let apart = at_second.at.max(at_first.at) - at_second.at.min(at_first.at);
    assert!(apart < Duration::from_secs(1), "{apart:?} from one node to the other");
    assert_eq!(second.rpc("getbestblockhash", &[]).unwrap(), json!(at_first.hash));
    first.signal("CONT");
    until("the block at the node that was frozen", || {
        first.rpc("getbestblockhash", &[]).unwrap() == json!(at_first.hash)
    });
}

#[test]
fn a_word_that_nobody_knows_is_shown_as_it_is_and_the_block_kept() {
    let test = "nodes::a_word_that_nobody_knows_is_shown_as_it_is_and_the_block_kept";
    let Some(node) = TestNode::start(test, &[]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let lies = Mutex::new(1);
    let relay = Relay::start(&node, move |call| {
        let lied = call.block().is_some() && std::mem::take(&mut *lies.lock().unwrap()) > 0;
        if !lied {
            call.pass()
        } else {
            Some(http("200 OK", r#"{"result":"bad-moon-phase","error":null,"id":0}"#))
        }
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

#[test]
fn of_two_finds_at_one_height_both_are_submitted_and_followed() {
    let test = "nodes::of_two_finds_at_one_height_both_are_submitted_and_followed";
    let Some(node) = TestNode::start(test, &[]) else { return };
    // Two miners find a first block each before the node has seen any.
    let (count, both_found) = (AtomicUsize::new(0), Barrier::new(2));
    let relay = Relay::start(&node, move |call| {
        if call.block().is_some() && count.fetch_add(1, Ordering::Relaxed) < 2 {
            both_found.wait();
        }
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
