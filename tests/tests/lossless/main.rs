//! A found block is never lost: the miner and its node are killed, stopped and lied to, and afterwards each block
//! that anybody saw is in the chain, or in the journal, or in the archive with proof that it lost.
//!
//! The oracle is a relay before the node, which writes down what is submitted before the node gets it, and the
//! journal's folder as a kill left it. A block that was in the memory of a killed process alone is known to nobody.

mod gate;
mod kills;
mod nodes;
mod traced;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bitcoin::BlockHash;
use miner_tests::{Call, Fate, JournalFolder, Miner, Relay, TestNode, wait_for};

/// How long a test waits for what must come: it only ends one that fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// `miner solo` to a node behind a relay, its journal in `folder`.
fn miner(node: &TestNode, relay: &Relay, folder: &Path, arguments: &[&str]) -> Miner {
    let datadir = node.datadir().display().to_string();
    miner_to(&relay.url(), folder, &[&["--datadir", &datadir], arguments].concat())
}

/// `miner solo` to a node at this address, its journal in `folder`.
fn miner_to(url: &str, folder: &Path, arguments: &[&str]) -> Miner {
    let journal = folder.display().to_string();
    let start =
        ["solo", "--chain", "regtest", "--node", url, "--journal", &journal, "--coinbase-script", "51"];
    // One thread of one kernel: its threads have the same names everywhere, and it starts soon.
    let hashing = ["--kernel", "portable", "--threads", "1", "--log-format", "json"];
    Miner::new(&[&start[..], &hashing, arguments].concat())
}

/// Sees that each block is written down before it leaves, unless the disk is so busy that a block cannot wait for it.
struct Witness {
    journal: JournalFolder,
    unwritten: Mutex<BTreeSet<BlockHash>>,
}

impl Witness {
    fn of(journal: &Path) -> Self {
        Self { journal: JournalFolder::at(journal), unwritten: Mutex::default() }
    }

    /// Looks for the block of a submission that has not reached the node yet.
    fn look(&self, call: &Call) {
        let missing = call.block().filter(|hash| !self.journal.holds(hash));
        self.unwritten.lock().unwrap().extend(missing);
    }

    /// Those of the finds that were written down before they left: nearly all of them.
    #[track_caller]
    fn written(&self, finds: &BTreeSet<BlockHash>) -> BTreeSet<BlockHash> {
        let unwritten = self.unwritten.lock().unwrap();
        assert!(unwritten.len() <= finds.len() / 20, "{unwritten:?} of {} left unwritten", finds.len());
        finds - &unwritten
    }
}

/// Waits for what must come.
#[track_caller]
fn until(what: &str, happened: impl FnMut() -> bool) {
    wait_for(what, PATIENCE, happened);
}

/// Lets a last miner run until the fate of every find is decided; how many have which.
fn audit(
    node: &TestNode,
    last: &Miner,
    journal: &JournalFolder,
    finds: &BTreeSet<BlockHash>,
) -> BTreeMap<Fate, usize> {
    let running = last.start();
    let (begin, mut open, mut fates) = (Instant::now(), finds.clone(), BTreeMap::new());
    while !open.is_empty() && begin.elapsed() < PATIENCE {
        open.retain(|hash| match journal.fate(hash, node) {
            Fate::Kept | Fate::Gone(_) => true,
            decided => {
                *fates.entry(decided).or_default() += 1;
                false
            }
        });
        std::thread::sleep(Duration::from_millis(50));
    }
    running.signal("INT");
    running.end();
    let left: Vec<_> = open.iter().map(|hash| (hash, journal.fate(hash, node))).collect();
    assert!(left.is_empty(), "neither in the chain nor lost to another block: {left:?}");
    fates
}
