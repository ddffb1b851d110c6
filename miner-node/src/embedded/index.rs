//! Every block that the chain knows, on the best branch or beside it.

use std::collections::HashMap;
use std::sync::Arc;

use bitcoin::blockdata::block::Header;
use bitcoin::{Block, BlockHash, Work};

/// How many blocks the median time past is taken over (BIP113).
const MEDIAN_SPAN: usize = 11;

/// A block and what the chain knows of it.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) header: Header,
    pub(super) height: u32,
    /// The work of the chain up to and with this block.
    pub(super) work: Work,
    /// The median time of this block and the ten before it, in Unix seconds.
    pub(super) median_time: u32,
    /// `None` for what cannot join the best chain: a block that broke a rule, or one buried too deep.
    pub(super) block: Option<Arc<Block>>,
    /// Whether this block or one before it broke a rule.
    pub(super) failed: bool,
}

/// The blocks by their hash.
#[derive(Debug, Default)]
pub(super) struct Index(HashMap<BlockHash, Entry>);

impl Index {
    pub(super) fn get(&self, hash: &BlockHash) -> Option<&Entry> {
        self.0.get(hash)
    }

    /// Adds a block whose parent is known (or the genesis block, which has none).
    pub(super) fn add(&mut self, block: Block) -> BlockHash {
        let header = block.header;
        let parent = self.get(&header.prev_blockhash);
        let entry = Entry {
            header,
            height: parent.map_or(0, |parent| parent.height + 1),
            work: parent.map_or(header.work(), |parent| parent.work + header.work()),
            median_time: self.median_time(&header),
            block: Some(Arc::new(block)),
            failed: false,
        };
        let hash = header.block_hash();
        self.0.insert(hash, entry);
        hash
    }

    /// The median time of a block and the ten before it.
    fn median_time(&self, header: &Header) -> u32 {
        let parent = |header: &&Header| self.get(&header.prev_blockhash).map(|entry| &entry.header);
        let mut times: Vec<u32> =
            std::iter::successors(Some(header), parent).take(MEDIAN_SPAN).map(|header| header.time).collect();
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or(header.time)
    }

    /// Marks a block as one that broke a rule, or that stands on such a one.
    pub(super) fn fail(&mut self, hash: &BlockHash) {
        if let Some(entry) = self.0.get_mut(hash) {
            entry.failed = true;
            entry.block = None;
        }
    }

    /// Drops what is no longer needed at the height of a block of the best chain: its body, and every other
    /// block there.
    pub(super) fn bury(&mut self, best: &BlockHash) {
        let Some(buried) = self.0.get_mut(best) else { return };
        let height = buried.height;
        buried.block = None;
        self.0.retain(|hash, entry| entry.height != height || hash == best);
    }
}
