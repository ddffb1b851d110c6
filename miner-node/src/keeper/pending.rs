//! The blocks whose fate is open, and what each node said about them. Nothing here waits or does I/O.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bitcoin::BlockHash;

use crate::journal::Outcome;
use crate::{SolvedBlock, Verdict};

/// All open blocks by height and hash, so that parents come before children.
pub(super) struct Pending {
    nodes: usize,
    blocks: Mutex<BTreeMap<(u32, BlockHash), Open>>,
}

struct Open {
    block: Arc<SolvedBlock>,
    record: Record,
    at: Vec<AtNode>,
}

/// Whether the journal holds a block.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Record {
    /// The disk is at it.
    Writing,
    /// It does.
    Written,
    /// It could not be written so far.
    Missing,
}

/// A block from the point of view of one node.
#[derive(Clone, Default)]
struct AtNode {
    /// Its first submission goes on: nobody else needs to submit it there.
    underway: bool,
    /// The node's last answer in this run.
    verdict: Option<Verdict>,
    /// Where it stood in the node's chain when that was last looked at.
    standing: Standing,
}

/// Where a block stands in the chain of a node.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Standing {
    /// Not in the active chain: unknown, forgotten, rejected, or on a branch that may still win.
    #[default]
    Outside,
    /// In the active chain, not deep enough yet.
    InChain,
    /// Deep enough, or another one in its place is.
    Sealed(Outcome),
}

impl Pending {
    /// The blocks that a journal holds from earlier runs.
    pub(super) fn restored(nodes: usize, blocks: Vec<SolvedBlock>) -> Self {
        let pending = Self { nodes, blocks: Mutex::default() };
        for block in blocks {
            pending.insert(&Arc::new(block), Record::Written, false);
        }
        pending
    }

    /// Adds a block that was just found; false if it is here already. One that was refused is found anew where nothing
    /// else can be found: the node may think better of it.
    pub(super) fn add(&self, block: &Arc<SolvedBlock>) -> bool {
        self.insert(block, Record::Writing, true)
    }

    fn insert(&self, block: &Arc<SolvedBlock>, record: Record, underway: bool) -> bool {
        let mut blocks = self.lock();
        let place = match blocks.entry(key(block)) {
            Entry::Vacant(place) => place,
            Entry::Occupied(known) => return known.get().is_refused(),
        };
        let at = vec![AtNode { underway, ..AtNode::default() }; self.nodes];
        place.insert(Open { block: block.clone(), record, at });
        true
    }

    pub(super) fn contains(&self, block: &SolvedBlock) -> bool {
        self.lock().contains_key(&key(block))
    }

    pub(super) fn blocks(&self) -> Vec<Arc<SolvedBlock>> {
        self.lock().values().map(|open| open.block.clone()).collect()
    }

    /// Notes whether the journal holds `block`.
    pub(super) fn set_record(&self, block: &SolvedBlock, record: Record) {
        if let Some(open) = self.lock().get_mut(&key(block)) {
            open.record = record;
        }
    }

    /// Marks the blocks that the journal lacks as being written, and returns them.
    pub(super) fn take_missing(&self) -> Vec<Arc<SolvedBlock>> {
        let mut blocks = self.lock();
        let missing = blocks.values_mut().filter(|open| open.record == Record::Missing);
        missing
            .map(|open| {
                open.record = Record::Writing;
                open.block.clone()
            })
            .collect()
    }

    /// Notes a node's answer; false if it is no news: the same as its last one, and not that it lacked the
    /// block until now.
    pub(super) fn answered(&self, node: usize, block: &SolvedBlock, verdict: &Verdict) -> bool {
        self.at(node, block, |at| {
            at.underway = false;
            at.verdict.replace(verdict.clone()).as_ref() != Some(verdict) || *verdict == Verdict::Accepted
        })
        .unwrap_or(true)
    }

    /// Whether the first submission of `block` to the node goes on.
    pub(super) fn is_underway(&self, node: usize, block: &SolvedBlock) -> bool {
        self.at(node, block, |at| at.underway).unwrap_or(false)
    }

    /// Notes where `block` stands in the chain of a node.
    pub(super) fn set_standing(&self, node: usize, block: &SolvedBlock, standing: Standing) {
        self.at(node, block, |at| at.standing = standing);
    }

    /// Takes out each block whose fate is sealed, with the node that saw it. While nodes contradict
    /// each other a block stays: the chain is split, and either side may win.
    pub(super) fn take_sealed(&self) -> Vec<Sealed> {
        let is_sealed = |open: &Open| open.fate().is_some();
        let mut blocks = self.lock();
        let keys: Vec<_> = blocks.iter().filter(|(_, open)| is_sealed(open)).map(|(key, _)| *key).collect();
        keys.iter().filter_map(|key| blocks.remove(key)).filter_map(Open::seal).collect()
    }

    fn at<T>(&self, node: usize, block: &SolvedBlock, change: impl FnOnce(&mut AtNode) -> T) -> Option<T> {
        self.lock().get_mut(&key(block))?.at.get_mut(node).map(change)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(u32, BlockHash), Open>> {
        // No code panics half-way through a change, so what a poisoned lock guards is whole.
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A block that has left [`Pending`].
pub(super) struct Sealed {
    pub(super) block: Arc<SolvedBlock>,
    pub(super) outcome: Outcome,
    /// The index of the node that saw it.
    pub(super) node: usize,
    /// Whether the journal has a file of it.
    pub(super) record: Record,
}

impl Open {
    /// The outcome that a node saw, and which node it was, unless the chain of another one contradicts.
    fn fate(&self) -> Option<(usize, Outcome)> {
        let (node, outcome) = self.at.iter().enumerate().find_map(|(node, at)| match at.standing {
            Standing::Sealed(outcome) => Some((node, outcome)),
            _ => None,
        })?;
        let agrees = |at: &AtNode| match at.standing {
            Standing::Outside => true,
            Standing::InChain => outcome.is_buried(),
            Standing::Sealed(other) => outcome.is_buried() == other.is_buried(),
        };
        self.at.iter().all(agrees).then_some((node, outcome))
    }

    /// Whether all nodes that have a say in it refused it.
    fn is_refused(&self) -> bool {
        let verdicts = || self.at.iter().filter_map(|at| at.verdict.as_ref());
        verdicts().count() > 0 && !verdicts().any(Verdict::is_good) && !self.at.iter().any(|at| at.underway)
    }

    fn seal(self) -> Option<Sealed> {
        let (node, outcome) = self.fate()?;
        Some(Sealed { block: self.block, outcome, node, record: self.record })
    }
}

fn key(block: &SolvedBlock) -> (u32, BlockHash) {
    (block.height, block.hash)
}
