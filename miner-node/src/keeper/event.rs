//! What a keeper reports while it works. Nothing here decides anything.

use std::sync::Arc;

use crate::journal::{CorruptFile, JournalError, Outcome};
use crate::{NodeError, SolvedBlock, Verdict};

/// Something that happened to a block or to the journal, for whoever prints or counts it. The verdict
/// to count is the one that [`super::BlockKeeper::submit`] returns: with several nodes there are
/// several answers to one block.
#[derive(Debug)]
pub enum KeeperEvent {
    /// A file of the journal holds no whole block and was set aside.
    Corrupt(CorruptFile),
    /// A node answered a submission.
    Answered {
        /// What was submitted.
        block: Arc<SolvedBlock>,
        /// The node.
        node: String,
        /// Its answer.
        verdict: Verdict,
        /// Whether it was submitted again: from an earlier run, or because the node's chain lacks it.
        /// An answer that the node gave before to the same block is not reported again.
        again: bool,
    },
    /// A node could not be asked. The block is held and submitted again; another error is reported anew.
    Delayed {
        /// What was to be submitted.
        block: Arc<SolvedBlock>,
        /// The node.
        node: String,
        /// Why it could not be asked.
        error: NodeError,
    },
    /// The fate of a block is sealed; it is no longer pending.
    Sealed {
        /// The block.
        block: Arc<SolvedBlock>,
        /// Its fate.
        outcome: Outcome,
        /// The node that saw it.
        node: String,
    },
    /// The journal did not take a block. It was submitted all the same, and its hex is on stderr; writing it is
    /// tried again.
    JournalFailed {
        /// The block.
        block: Arc<SolvedBlock>,
        /// What is in the way.
        error: JournalError,
    },
    /// A block whose fate is sealed could not be archived: it stays in the journal, and is met again at the next start.
    NotArchived {
        /// The block.
        block: Arc<SolvedBlock>,
        /// What is in the way.
        error: JournalError,
    },
}
