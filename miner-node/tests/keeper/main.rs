//! The keeper against fake nodes over TCP: a found block is never lost, whatever node, disk or process do.

mod chain;
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chain::{Fault, Rig, found, pending_files, solved, until};
use miner_node::embedded::{EmbeddedNode, EmbeddedParams};
use miner_node::{BlockKeeper, Chain, CoinbaseOptions, Journal, KeeperEvent, Node, Outcome, Verdict};
use tokio::runtime::Runtime;
use tokio::task::AbortHandle;

const DEPTH: u32 = 3;

#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<KeeperEvent>>>);

impl Events {
    fn count(&self, wanted: impl Fn(&KeeperEvent) -> bool) -> usize {
        self.0.lock().unwrap().iter().filter(|event| wanted(event)).count()
    }

    fn sealed(&self, hash: bitcoin::BlockHash) -> Option<Outcome> {
        self.0.lock().unwrap().iter().find_map(|event| match event {
            KeeperEvent::Sealed { block, outcome, .. } if block.hash == hash => Some(*outcome),
            _ => None,
        })
    }
}

fn keeper(rigs: &[&Rig], journal: Option<&Path>) -> (BlockKeeper, Events) {
    keep(rigs.iter().map(|rig| rig.node.clone()).collect(), journal)
}

/// A keeper whose journal is in this folder, else in one of its own.
fn keep(nodes: Vec<Arc<Node>>, journal: Option<&Path>) -> (BlockKeeper, Events) {
    let (events, own) = (Events::default(), tempfile::tempdir().unwrap());
    let log = events.clone();
    let journal = Journal::open(journal.unwrap_or(own.path()), Chain::Regtest).unwrap();
    let on_event = move |event| {
        let _until_the_keeper_ends = &own;
        log.0.lock().unwrap().push(event);
    };
    (BlockKeeper::new(nodes, Some(journal), on_event).unwrap(), events)
}

fn watch(keeper: &BlockKeeper) -> AbortHandle {
    let keeper = keeper.clone();
    tokio::spawn(async move { keeper.watch(DEPTH, Duration::from_millis(5)).await }).abort_handle()
}

/// Waits until the watch has begun and ended a look at the present state of the chain.
async fn looked(rig: &Rig) {
    let before = rig.chain().looks;
    until("two more looks", || rig.chain().looks > before + 2).await;
}

#[tokio::test]
async fn a_block_is_in_the_journal_before_a_node_sees_it() {
    let (folder, rig) = (tempfile::tempdir().unwrap(), Rig::start().await);
    rig.chain().journal = Some(folder.path().to_owned());
    let (keeper, events) = keeper(&[&rig], Some(folder.path()));
    for count in 1..=20 {
        let share = found(&rig.node).await;
        assert_eq!(keeper.submit(&share).await.unwrap(), Verdict::Accepted);
        assert!(rig.chain().contains(&share.hash()));
        assert_eq!(rig.chain().submitted.len(), count);
    }
    assert!(rig.chain().unwritten.len() <= 1, "but for a disk that is too busy for once");
    assert_eq!(keeper.pending().len(), 20);
    until("the files", || pending_files(folder.path()) == 20).await;
    assert_eq!(events.count(|event| matches!(event, KeeperEvent::Answered { again: false, .. })), 20);
}

#[tokio::test]
async fn an_answer_that_is_lost_is_asked_for_again_and_the_block_counts_once() {
    let rig = Rig::start().await;
    let (keeper, events) = keeper(&[&rig], None);
    rig.faults([Fault::AnswerLost, Fault::AnswerLost, Fault::AnswerLost]);
    let share = found(&rig.node).await;
    assert_eq!(keeper.submit(&share).await.unwrap(), Verdict::Accepted, "its first answer was lost");
    assert_eq!(rig.chain().submitted.len(), 4);
    assert_eq!(events.count(|event| matches!(event, KeeperEvent::Answered { .. })), 1);
    assert_eq!(
        events.count(|event| matches!(event, KeeperEvent::Delayed { .. })),
        1,
        "the same error is told once"
    );
    assert_eq!(keeper.submit(&share).await.unwrap(), Verdict::Duplicate, "the same share again");
    assert_eq!((rig.chain().submitted.len(), keeper.pending().len()), (4, 1));
}

#[tokio::test]
async fn what_a_node_cannot_judge_yet_is_submitted_until_it_can() {
    let rig = Rig::start().await;
    let (keeper, _) = keeper(&[&rig], None);
    rig.faults([-28, -10, -9, -1].map(Fault::Error));
    rig.faults([Fault::Broken, Fault::Broken]);
    let share = found(&rig.node).await;
    assert_eq!(keeper.submit(&share).await.unwrap(), Verdict::Accepted);
    assert_eq!(rig.chain().submitted.len(), 7);
}

#[tokio::test]
async fn a_refused_block_is_told_at_once_and_kept_all_the_same() {
    for fault in [Fault::Error(-22), Fault::Word("high-hash"), Fault::Word("moon-phase"), Fault::Word("")] {
        let (folder, rig) = (tempfile::tempdir().unwrap(), Rig::start().await);
        let (keeper, _) = keeper(&[&rig], Some(folder.path()));
        rig.faults([fault]);
        let share = found(&rig.node).await;
        assert!(matches!(keeper.submit(&share).await.unwrap(), Verdict::Rejected { .. }), "{fault:?}");
        assert_eq!(keeper.pending().len(), 1);
        until("its file", || pending_files(folder.path()) == 1).await;
        // Whatever it meant, the first look at the chain submits it again.
        watch(&keeper);
        until("the block in the chain", || rig.chain().contains(&share.hash())).await;
    }
}

#[tokio::test]
async fn the_chain_decides_what_an_unclear_answer_meant() {
    for word in ["inconclusive", "duplicate-invalid", "moon-phase"] {
        let rig = Rig::start().await;
        let (keeper, _) = keeper(&[&rig], None);
        rig.faults([Fault::TakenWithWord(word)]);
        let share = found(&rig.node).await;
        assert_eq!(keeper.submit(&share).await.unwrap(), Verdict::Accepted, "{word}, but it is the tip");
    }
}

#[tokio::test]
async fn of_two_finds_at_one_height_each_is_followed_to_its_end() {
    let (folder, rig) = (tempfile::tempdir().unwrap(), Rig::start().await);
    let (keeper, events) = keeper(&[&rig], Some(folder.path()));
    let [first, second] = solved(&rig.node).await;
    assert_eq!(keeper.submit(&first).await.unwrap(), Verdict::Accepted);
    assert_eq!(keeper.submit(&second).await.unwrap(), Verdict::Inconclusive);
    watch(&keeper);
    rig.chain().grow(DEPTH - 2);
    looked(&rig).await;
    assert_eq!(keeper.pending().len(), 2, "one confirmation short of the depth");
    assert_eq!(pending_files(folder.path()), 2);
    let submitted = rig.chain().submitted.len();
    looked(&rig).await;
    assert_eq!(
        rig.chain().submitted.len(),
        submitted,
        "while the tip stays there is nothing to submit again"
    );
    rig.chain().grow(1);
    until("both fates", || keeper.pending().is_empty() && events.sealed(second.hash()).is_some()).await;
    assert_eq!(events.sealed(first.hash()), Some(Outcome::Buried { confirmations: DEPTH }));
    let lost = Outcome::Lost { winner: first.hash(), confirmations: DEPTH };
    assert_eq!(events.sealed(second.hash()), Some(lost));
    assert_eq!(pending_files(folder.path()), 0);
    assert_eq!(pending_files(&folder.path().join("archive")), 2);
}

#[tokio::test]
async fn a_block_that_a_reorganisation_takes_out_and_brings_back_is_buried() {
    let rig = Rig::start().await;
    let (keeper, events) = keeper(&[&rig], None);
    let share = found(&rig.node).await;
    keeper.submit(&share).await.unwrap();
    let height = rig.chain().height();
    watch(&keeper);
    rig.chain().rewind(height);
    rig.chain().grow(DEPTH - 1);
    looked(&rig).await;
    assert_eq!(keeper.pending().len(), 1, "the other branch is not deep enough to give up");
    rig.chain().switch_to(share.hash());
    rig.chain().grow(DEPTH - 1);
    until("the burial", || events.sealed(share.hash()).is_some()).await;
    assert!(events.sealed(share.hash()).unwrap().is_buried());
}

#[tokio::test]
async fn a_block_that_a_node_forgot_is_submitted_to_it_again() {
    let rig = Rig::start().await;
    let (keeper, events) = keeper(&[&rig], None);
    let first = found(&rig.node).await;
    keeper.submit(&first).await.unwrap();
    let second = found(&rig.node).await;
    keeper.submit(&second).await.unwrap();
    watch(&keeper);
    looked(&rig).await;
    assert_eq!(rig.chain().submitted.len(), 2, "what is in the chain is left alone");
    rig.chain().down = true;
    rig.chain().forget(101);
    rig.chain().down = false;
    until("the second block", || rig.chain().contains(&second.hash())).await;
    assert_eq!(rig.chain().submitted[2..], [first.hash(), second.hash()], "the parent first");
    let again = |event: &KeeperEvent| matches!(event, KeeperEvent::Answered { again: true, .. });
    until("the reports", || events.count(again) == 2).await;
}

#[tokio::test]
async fn a_node_that_forgot_the_parents_gets_them_before_the_new_block() {
    let rig = Rig::start().await;
    let (keeper, events) = keeper(&[&rig], None);
    let mut hashes = vec![];
    for _ in 0..2 {
        let share = found(&rig.node).await;
        assert_eq!(keeper.submit(&share).await.unwrap(), Verdict::Accepted);
        hashes.push(share.hash());
    }
    let share = found(&rig.node).await;
    hashes.push(share.hash());
    rig.chain().forget(101);
    assert_eq!(keeper.submit(&share).await.unwrap(), Verdict::Accepted);
    assert!(hashes.iter().all(|hash| rig.chain().contains(hash)));
    let is_refusal = |event: &KeeperEvent| {
        matches!(event, KeeperEvent::Answered { verdict: Verdict::Rejected { .. }, .. })
    };
    assert_eq!(events.count(is_refusal), 0);
}

#[test]
fn what_an_earlier_run_left_is_submitted_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    // The first run ends with its tasks while the node is away, as a killed process does.
    let run = Runtime::new().unwrap();
    let rig = run.block_on(Rig::start());
    let share = run.block_on(async {
        let share = found(&rig.node).await;
        rig.chain().down = true;
        let (keeper, events) = keeper(&[&rig], Some(folder.path()));
        tokio::select! {
            verdict = keeper.submit(&share) => panic!("{verdict:?} from nobody"),
            () = until("the delay", || events.count(|event| matches!(event, KeeperEvent::Delayed { .. })) > 0) => share,
        }
    });
    run.shutdown_timeout(Duration::from_secs(10));
    rig.chain().down = false;
    assert!(rig.chain().submitted.is_empty());

    Runtime::new().unwrap().block_on(async {
        let (keeper, events) = keeper(&[&rig], Some(folder.path()));
        assert_eq!(keeper.pending()[0].hash, share.hash());
        assert_eq!(keeper.submit(&share).await.unwrap(), Verdict::Duplicate, "a client that sends it again");
        // The tip stays the same until the node takes the block: a look that failed is no look.
        rig.faults([Fault::Error(-28), Fault::Broken, Fault::Broken]);
        watch(&keeper);
        until("the block in the chain", || rig.chain().contains(&share.hash())).await;
        rig.chain().grow(DEPTH);
        until("the burial", || events.sealed(share.hash()).is_some()).await;
        assert_eq!(events.count(|event| matches!(event, KeeperEvent::Answered { again: true, .. })), 1);
        assert_eq!(pending_files(&folder.path().join("archive")), 1);
    });
}

#[tokio::test]
async fn every_node_gets_the_block_and_the_first_good_answer_is_enough() {
    let rigs = [Rig::start().await, Rig::start().await, Rig::start().await];
    let (keeper, events) = keeper(&[&rigs[0], &rigs[1], &rigs[2]], None);
    let share = found(&rigs[1].node).await;
    rigs[0].faults([Fault::Word("bad-moon")]);
    rigs[2].chain().down = true;
    assert_eq!(keeper.submit(&share).await.unwrap(), Verdict::Accepted);
    until("the first node's answer", || !rigs[0].chain().submitted.is_empty()).await;
    until("the delay", || events.count(|event| matches!(event, KeeperEvent::Delayed { .. })) > 0).await;
    rigs[2].chain().down = false;
    until("the block at the node that was away", || rigs[2].chain().contains(&share.hash())).await;
}

#[tokio::test]
async fn where_no_node_takes_the_block_the_best_answer_counts() {
    let rigs = [Rig::start().await, Rig::start().await];
    let (keeper, events) = keeper(&[&rigs[0], &rigs[1]], None);
    let share = found(&rigs[0].node).await;
    rigs[0].faults([Fault::Word("inconclusive")]);
    rigs[1].faults([Fault::Word("bad-moon")]);
    rigs[1].chain().down = true;
    let answered = || events.count(|event| matches!(event, KeeperEvent::Answered { .. })) > 0;
    let (verdict, ()) = tokio::join!(keeper.submit(&share), async {
        until("the first answer", answered).await;
        rigs[1].chain().down = false;
    });
    assert_eq!(verdict.unwrap(), Verdict::Inconclusive);
}

#[tokio::test]
async fn a_node_that_hangs_holds_up_nobody() {
    let rigs = [Rig::start().await, Rig::start().await];
    let (keeper, _) = keeper(&[&rigs[0], &rigs[1]], None);
    rigs[0].faults([Fault::Silence]);
    let share = found(&rigs[0].node).await;
    assert_eq!(keeper.submit(&share).await.unwrap(), Verdict::Accepted);
    assert!(rigs[1].chain().contains(&share.hash()));
}

#[tokio::test]
async fn while_nodes_contradict_each_other_a_block_stays_pending() {
    let rigs = [Rig::start().await, Rig::start().await];
    let (keeper, events) = keeper(&[&rigs[0], &rigs[1]], None);
    let share = found(&rigs[0].node).await;
    rigs[1].chain().grow(DEPTH - 1);
    keeper.submit(&share).await.unwrap();
    watch(&keeper);
    looked(&rigs[0]).await;
    rigs[1].chain().grow(1);
    looked(&rigs[1]).await;
    assert_eq!(keeper.pending().len(), 1, "lost for the one, in the chain of the other");
    rigs[0].chain().grow(DEPTH);
    looked(&rigs[0]).await;
    assert_eq!(keeper.pending().len(), 1, "lost for the one, buried for the other");
    rigs[1].chain().switch_to(share.hash());
    rigs[1].chain().grow(DEPTH);
    until("the burial", || events.sealed(share.hash()).is_some()).await;
    assert!(events.sealed(share.hash()).unwrap().is_buried());
}

#[tokio::test]
async fn a_block_is_submitted_even_if_the_caller_does_not_wait() {
    let (folder, rig) = (tempfile::tempdir().unwrap(), Rig::start().await);
    let (keeper, _) = keeper(&[&rig], Some(folder.path()));
    let share = found(&rig.node).await;
    tokio::select! {
        biased;
        _ = keeper.submit(&share) => panic!("an answer before anything was sent"),
        () = std::future::ready(()) => {}
    }
    until("the block in the chain", || rig.chain().contains(&share.hash())).await;
}

#[tokio::test]
async fn a_journal_that_cannot_be_written_stops_no_block_and_is_tried_again() {
    let (folder, rig) = (tempfile::tempdir().unwrap(), Rig::start().await);
    let (keeper, events) = keeper(&[&rig], Some(folder.path()));
    let moved = folder.path().with_extension("moved");
    std::fs::rename(folder.path(), &moved).unwrap();
    let share = found(&rig.node).await;
    assert_eq!(keeper.submit(&share).await.unwrap(), Verdict::Accepted);
    let failed = |event: &KeeperEvent| matches!(event, KeeperEvent::JournalFailed { .. });
    until("the report", || events.count(failed) == 1).await;
    watch(&keeper);
    looked(&rig).await;
    assert_eq!(events.count(failed), 1, "said once");
    std::fs::rename(&moved, folder.path()).unwrap();
    until("the block in the journal", || pending_files(folder.path()) == 1).await;
}

#[tokio::test]
async fn the_embedded_chain_is_served_without_a_journal() {
    let node = EmbeddedNode::new(EmbeddedParams::default(), CoinbaseOptions::default()).unwrap();
    let node = Arc::new(Node::from(node));
    let events = Events::default();
    let log = events.clone();
    let on_event = move |event| log.0.lock().unwrap().push(event);
    let keeper = BlockKeeper::new(vec![node.clone()], None, on_event).unwrap();
    watch(&keeper);
    let mut hashes = vec![];
    for _ in 0..50 {
        let share = found(&node).await;
        assert_eq!(keeper.submit(&share).await.unwrap(), Verdict::Accepted);
        hashes.push(share.hash());
    }
    until("the burial of all but the last", || keeper.pending().len() == DEPTH as usize - 1).await;
    hashes.truncate(51 - DEPTH as usize);
    assert!(hashes.into_iter().all(|hash| events.sealed(hash).unwrap().is_buried()));
}
