//! Miners that are held up until they are under strace, so that it sees all of one delivery.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};

use miner_tests::{Call, Miner, Relay, Running, TestNode, Traced, strace};
use serde_json::Value;

use super::{Witness, miner};

/// Where a miner waits for its first template until it is under strace, and for ever for the one after its block:
/// so each delivers one block, of which strace sees everything.
pub(super) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
    pub(super) witness: Witness,
}

#[derive(Default, Clone, Copy)]
struct State {
    /// Counts the miners.
    run: u32,
    arrived: bool,
    open: bool,
    /// Whether it holds nobody any more.
    removed: bool,
}

impl Gate {
    fn before(journal: &Path) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), witness: Witness::of(journal) }
    }

    /// Closes behind the miner before.
    fn close(&self) {
        self.change(|state| *state = State { run: state.run + 1, ..State::default() });
    }

    /// From now on nobody waits.
    pub(super) fn remove(&self) {
        self.change(|state| state.removed = true);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
        self.changed.notify_all();
    }

    fn wait(&self, done: impl Fn(&State) -> bool) -> State {
        *self.changed.wait_while(self.state.lock().unwrap(), |state| !done(state)).unwrap()
    }

    fn treat(&self, call: &Call) -> Option<Vec<u8>> {
        self.witness.look(call);
        if call.method != "getblocktemplate" {
            return call.pass();
        }
        let (run, is_first) = (self.state.lock().unwrap().run, !call.is_longpoll());
        self.change(|state| state.arrived |= is_first);
        let now = self.wait(|now| now.run != run || now.removed || now.open && is_first);
        if now.run == run { call.pass() } else { None }
    }
}

/// A thread by the name that it has for the system, and its number among those of that name.
pub(super) type Thread = (&'static str, usize);

pub(super) const MAIN: Thread = ("miner", 0);
pub(super) const DELIVERY: Thread = ("delivery", 0);
pub(super) const NETWORK: Thread = ("tokio-rt-worker", 0);
pub(super) const JOURNAL: Thread = ("tokio-rt-worker", 1);

/// A node behind a gate, and miners that share a journal.
pub(super) struct Rig {
    strace: PathBuf,
    pub(super) node: TestNode,
    pub(super) gate: Arc<Gate>,
    pub(super) relay: Relay,
    pub(super) miner: Miner,
    pub(super) folder: tempfile::TempDir,
}

/// How to end a miner when the block is told, which is when its delivery is over. Not so the journal's thread: it
/// syncs beside, and is done when all is.
pub(super) fn end_for(thread: Thread) -> &'static str {
    if thread == JOURNAL { "INT" } else { "KILL" }
}

/// What a delivery came to.
pub(super) struct Delivery {
    /// The event of the block, unless strace killed the miner before.
    pub(super) block: Option<Value>,
    /// strace's log.
    pub(super) log: String,
    /// What the miner said on stderr.
    pub(super) stderr: String,
}

impl Rig {
    pub(super) fn start(test: &str) -> Option<Self> {
        let (strace, node) = (strace(test)?, TestNode::start(test, &[])?);
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("journal");
        let gate = Arc::new(Gate::before(&journal));
        let behind = gate.clone();
        let relay = Relay::start(&node, move |call| behind.treat(call));
        let miner = miner(&node, &relay, &journal, &["--block-interval", "0"]);
        Some(Self { strace, node, gate, relay, miner, folder })
    }

    /// Starts a miner, puts a thread of it under strace as it waits for its template, lets it find a block, and
    /// ends it by a signal.
    pub(super) fn deliver(&self, thread: Thread, options: &str, end: &str) -> Delivery {
        let log = self.folder.path().join("strace");
        self.gate.close();
        let mut miner = Traced::start(&self.strace, &self.miner, &log, options);
        self.gate.wait(|state| state.arrived);
        // The first look at the node starts it.
        miner.thread(JOURNAL.0, JOURNAL.1);
        miner.attach(miner.thread(thread.0, thread.1));
        self.gate.change(|state| state.open = true);
        let events =
            std::iter::from_fn(|| miner.next_line()).filter_map(|line| serde_json::from_str(&line).ok());
        let block = { events }.find(|event: &Value| event["event"] == "block");
        miner.end(end);
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        Delivery { block, log: read(&log), stderr: read(&self.folder.path().join("strace.stderr")) }
    }

    /// Delivers until strace has seen this: what is done for the journal begins on another thread for once, where the
    /// usual one is at something else just then.
    pub(super) fn deliver_until(&self, thread: Thread, options: &str, seen: &str) -> Delivery {
        let mut tries = (0..5).map(|_| self.deliver(thread, options, end_for(thread)));
        tries.find(|delivery| delivery.log.contains(seen)).expect(seen)
    }

    /// A run that finds nothing, under strace with `options` from its beginning on.
    pub(super) fn glance(&self, options: &[&str]) -> Running {
        self.gate.close();
        let strace = self.strace.display().to_string();
        // Detached: the child is the miner, and strace ends with it.
        self.miner.start_under(&[&[&strace, "-D", "-f", "-o", "/dev/null"], options].concat())
    }
}
