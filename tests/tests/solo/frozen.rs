//! A node that freezes amid a submission: how a run ends then, and what becomes of the block.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use miner_tests::{Fate, JournalFolder, Miner, Relay, TestNode, wait_for};
use serde_json::json;

use super::ANYONE;

/// A node behind a relay, through which nothing comes any more once a second block was submitted.
struct Freezing {
    node: TestNode,
    relay: Relay,
    is_frozen: Arc<AtomicBool>,
    freezes: Receiver<()>,
    journal: tempfile::TempDir,
}

impl Freezing {
    fn start(test: &str) -> Option<Self> {
        let node = TestNode::start(test, &[])?;
        let (is_frozen, (tell, freezes)) = (Arc::<AtomicBool>::default(), channel());
        let (now, blocks) = (is_frozen.clone(), AtomicUsize::new(0));
        let relay = Relay::start(&node, move |call| {
            if call.block().is_some() && blocks.fetch_add(1, Ordering::SeqCst) == 1 {
                now.store(true, Ordering::SeqCst);
                tell.send(()).expect("the test waits for it");
            }
            while now.load(Ordering::SeqCst) {
                // For ever: what was asked is never answered, not even when the node answers again.
                std::thread::park();
            }
            call.pass()
        });
        Some(Self { node, relay, is_frozen, freezes, journal: tempfile::tempdir().unwrap() })
    }

    fn miner(&self, arguments: &[&str]) -> Miner {
        let (url, datadir) = (self.relay.url(), self.node.datadir().display().to_string());
        let journal = self.journal.path().display().to_string();
        let start =
            ["solo", "--chain", "regtest", "--node", &url, "--datadir", &datadir, "--journal", &journal];
        let more = ["--coinbase-script", ANYONE, "--log-format", "json"];
        Miner::new(&[&start[..], &more, arguments].concat())
    }

    /// A miner whose second block is on its way when its node freezes.
    fn mine_until_it_freezes(&self) -> miner_tests::Running {
        let mut running = self.miner(&["--block-interval", "0.1"]).start();
        running.next("block");
        self.freezes.recv().unwrap();
        running
    }
}

#[test]
fn a_block_that_a_frozen_node_did_not_take_is_submitted_at_the_next_start() {
    let test = "a_block_that_a_frozen_node_did_not_take_is_submitted_at_the_next_start";
    let Some(rig) = Freezing::start(test) else { return };
    let running = rig.mine_until_it_freezes();
    running.signal("INT");
    let (status, events) = running.end();
    assert_eq!(status.code(), Some(0), "the first Ctrl-C waits a while, then ends in good order");
    let summary = events.last().unwrap();
    assert_eq!(
        (&summary["found"], &summary["accepted"], &summary["in_flight"]),
        (&json!(2), &json!(1), &json!(1))
    );
    let journal = JournalFolder::at(rig.journal.path());
    let hash = rig.relay.submitted()[1].hash;
    assert_eq!(journal.fate(&hash, &rig.node), Fate::Kept);
    rig.is_frozen.store(false, Ordering::SeqCst);
    // There is no transaction, so that it finds none of its own.
    let again = rig.miner(&["--on-transaction"]).start();
    wait_for("its submission", Duration::from_secs(60), || journal.fate(&hash, &rig.node) == Fate::InChain);
    drop(again);
}

#[test]
fn a_second_interrupt_ends_at_once() {
    let Some(rig) = Freezing::start("a_second_interrupt_ends_at_once") else { return };
    let running = rig.mine_until_it_freezes();
    // Two that come together are one to it: it gets another one until it ends.
    let again = "while kill -s INT \"$1\" 2>/dev/null; do sleep 0.2; done";
    let mut interrupts =
        Command::new("sh").args(["-c", again, "sh", &running.id().to_string()]).spawn().unwrap();
    assert_eq!(running.end().0.code(), Some(130));
    interrupts.wait().unwrap();
}
