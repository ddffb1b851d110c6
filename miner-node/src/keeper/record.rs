//! What the keeper wants of the journal, and what it does when the disk refuses: never wait for it,
//! never give the block up.

use std::fmt::Display;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use super::pending::{Record, Sealed};
use super::{Keeper, KeeperEvent};
use crate::journal::JournalError;
use crate::{Chain, Node, SolvedBlock};

/// A disk that hangs may not hold up a block: after this long it goes out unwritten.
const PATIENCE: Duration = Duration::from_millis(500);

impl Keeper {
    /// Returns when `block` is written or cannot be; the disk is synced beside what follows.
    pub(super) async fn write_down(self: &Arc<Self>, block: Arc<SolvedBlock>) {
        if self.journal.is_none() {
            return self.show_unwritten(&block);
        }
        let (keeper, (tried, written)) = (self.clone(), oneshot::channel::<()>());
        spawn_blocking(move || {
            if let Err(error) = keeper.save(&block, || drop(tried)) {
                keeper.cannot_save(block, error);
            }
        });
        // Tried, too slow, or dropped by a panic: the block goes out now.
        let _ = tokio::time::timeout(PATIENCE, written).await;
    }

    /// What is left to do in the journal: to write what could not be written, to archive what is sealed.
    pub(super) async fn tend_journal(self: &Arc<Self>) {
        let keeper = self.clone();
        // On a thread of its own it ends what it has begun, even if the watch is dropped meanwhile.
        let _ = spawn_blocking(move || {
            for block in keeper.pending.take_missing() {
                // That it fails has been said.
                let _ = keeper.save(&block, || ());
            }
            for sealed in keeper.pending.take_sealed() {
                keeper.archive(sealed);
            }
        })
        .await;
    }

    fn save(&self, block: &SolvedBlock, tried: impl FnOnce()) -> Result<(), JournalError> {
        let Some(journal) = &self.journal else {
            return Ok(());
        };
        let unsynced = journal.write(block);
        tried();
        let saved = unsynced.and_then(|unsynced| unsynced.sync());
        let record = if saved.is_ok() { Record::Written } else { Record::Missing };
        self.pending.set_record(block, record);
        saved
    }

    /// The embedded chain ends with the process, and needs no journal. A node's chain goes on.
    fn show_unwritten(&self, block: &SolvedBlock) {
        let chain = self.peers.iter().find_map(|peer| match &*peer.node {
            Node::Rpc(node) => Some(node.chain()),
            Node::Embedded(_) => None,
        });
        if let Some(chain) = chain {
            print_for_a_human(chain, block, &"none is open");
        }
    }

    fn cannot_save(&self, block: Arc<SolvedBlock>, error: JournalError) {
        if let Some(journal) = &self.journal {
            print_for_a_human(journal.chain(), &block, &error);
        }
        self.tell(KeeperEvent::JournalFailed { block, error });
    }

    fn archive(&self, sealed: Sealed) {
        let Sealed { block, outcome, node, record } = sealed;
        let node = self.peers.get(node).map(|peer| peer.node.to_string()).unwrap_or_default();
        if let (Some(journal), Record::Written) = (&self.journal, record)
            && let Err(error) = journal.archive(&block, &outcome, &node)
        {
            self.tell(KeeperEvent::NotArchived { block: block.clone(), error });
        }
        self.tell(KeeperEvent::Sealed { block, outcome, node });
    }
}

/// The last resort: with the hex on stderr a human can still save the block.
fn print_for_a_human(chain: Chain, block: &SolvedBlock, reason: &dyn Display) {
    let SolvedBlock { hash, height, hex } = block;
    // A closed stderr must not end the miner: `eprintln` would panic.
    let _ = writeln!(
        std::io::stderr().lock(),
        "block {hash} at height {height} is not in the journal: {reason}\n\
         It is submitted all the same. Should that fail, save the line below as block.hex and run\n    \
         bitcoin-cli -chain={} -stdin submitblock < block.hex\n{hex}",
        chain.core_name(),
    );
}
