//! The chain itself: takes blocks, keeps side branches, follows the most work. What makes a block good is
//! decided in `block_rules`, `place` and `connect`.

use std::sync::Arc;

use bitcoin::constants::genesis_block;
use bitcoin::{Block, BlockHash, Network};

use super::block_rules;
use super::coins::{Coins, Spent};
use super::commitment;
use super::connect::connect;
use super::index::{Entry, Index};
use super::params::EmbeddedParams;
use super::place::Place;
use super::reason::Reason;

/// How deep a block can lie and still be undone; those further down keep their headers alone. Bitcoin Core
/// prunes no nearer to the tip either.
const BLOCKS_KEPT: usize = 288;

/// A regtest chain in memory, from regtest's own genesis block on.
#[derive(Debug)]
pub struct Blockchain {
    pub(super) params: EmbeddedParams,
    pub(super) index: Index,
    pub(super) coins: Coins,
    /// The best chain by height, each block with what it spent.
    active: Vec<Link>,
    /// The median time past after each block of the best chain, by height.
    pub(super) median_times: Vec<u32>,
}

#[derive(Debug)]
struct Link {
    hash: BlockHash,
    spent: Spent,
}

/// Blocks which follow one another, oldest first.
type Branch = Vec<(BlockHash, Arc<Block>)>;

impl Blockchain {
    /// A chain of the genesis block alone: its `premined` blocks are yet to be mined.
    pub fn new(params: EmbeddedParams) -> Self {
        let (mut index, genesis) = (Index::default(), genesis_block(Network::Regtest));
        let median_times = vec![genesis.header.time];
        // No one can ever spend the genesis block's coin, in Bitcoin Core either.
        let active = vec![Link { hash: index.add(genesis), spent: Spent::new() }];
        Self { params, index, coins: Coins::default(), active, median_times }
    }

    /// Takes a block, at the time `now` in Unix seconds; `Ok` means that it is the new tip.
    ///
    /// # Errors
    /// What Bitcoin Core's `submitblock` answers to the same block, when not `null`.
    pub fn submit(&mut self, mut block: Block, now: u32) -> Result<(), Reason> {
        commitment::add_missing_reserved_value(&mut block);
        block_rules::check(&block)?;
        let hash = block.block_hash();
        if let Some(known) = self.index.get(&hash) {
            return Err(if known.failed { "duplicate-invalid" } else { "duplicate" }.into());
        }
        let place = self.place_after(&block.header.prev_blockhash)?;
        place.check_header(&block.header, now)?;
        let body = place.check_body(&block);
        if body.as_ref().is_err_and(Reason::spares_the_header) || self.is_buried(place.height) {
            return body.and(Err("inconclusive".into()));
        }
        self.index.add(block);
        if let Err(reason) = body {
            self.index.fail(&hash);
            return Err(reason);
        }
        self.activate(hash)
    }

    /// The height of the tip; the genesis block's is 0.
    pub fn height(&self) -> u32 {
        self.tip().height
    }

    /// The hash of the best chain's block at `height`.
    pub fn hash_at(&self, height: u32) -> Option<BlockHash> {
        self.active.get(height as usize).map(|link| link.hash)
    }

    /// The best chain's block at `height`, unless it is buried under 288 others or does not exist.
    pub fn block_at(&self, height: u32) -> Option<Arc<Block>> {
        self.index.get(&self.hash_at(height)?)?.block.clone()
    }

    /// The hash of the tip.
    pub fn tip_hash(&self) -> BlockHash {
        self.tip().header.block_hash()
    }

    /// The confirmations of a block: 1 for the tip, -1 outside the best chain, `None` for an unknown block.
    pub fn confirmations(&self, hash: &BlockHash) -> Option<i64> {
        let height = self.index.get(hash)?.height;
        let is_active = self.hash_at(height) == Some(*hash);
        Some(if is_active { i64::from(self.height() - height) + 1 } else { -1 })
    }

    /// The place of the block to be mined.
    pub(super) fn place_on_tip(&self) -> Place {
        self.place_on(self.tip())
    }

    fn place_after(&self, parent: &BlockHash) -> Result<Place, Reason> {
        let parent = self.index.get(parent).ok_or("prev-blk-not-found")?;
        if parent.failed { Err("bad-prevblk".into()) } else { Ok(self.place_on(parent)) }
    }

    fn place_on(&self, parent: &Entry) -> Place {
        let height = parent.height + 1;
        Place { height, bits: self.params.bits_at(height), median_time_past: parent.median_time }
    }

    fn tip(&self) -> &Entry {
        let tip = self.active.last().and_then(|link| self.index.get(&link.hash));
        tip.expect("the genesis block is never undone, and the index has every block of the best chain")
    }

    /// Makes the branch that ends in `hash` the best chain if it has the most work (of equals, the first
    /// seen stays) and all of it is good.
    fn activate(&mut self, hash: BlockHash) -> Result<(), Reason> {
        let Some((fork, branch)) = self.better_branch(hash) else {
            return Err("inconclusive".into());
        };
        let undone = self.cut_above(fork);
        for (position, candidate) in branch.iter().enumerate() {
            let Err(reason) = self.append(candidate) else {
                continue;
            };
            branch.iter().skip(position).for_each(|(hash, _)| self.index.fail(hash));
            self.cut_above(fork);
            for block in &undone {
                self.append(block).expect("these blocks were good a moment ago, on the same coins");
            }
            return Err(if candidate.0 == hash { reason } else { "inconclusive".into() });
        }
        self.bury();
        Ok(())
    }

    /// The branch to a block which has more work than the best chain: the height of the last common block,
    /// and the blocks after it, oldest first. `None` also if part of it is no longer there.
    fn better_branch(&self, hash: BlockHash) -> Option<(usize, Branch)> {
        let mut entry = self.index.get(&hash).filter(|entry| entry.work > self.tip().work)?;
        let mut branch = vec![];
        let mut hash = hash;
        while self.active.get(entry.height as usize).is_none_or(|link| link.hash != hash) {
            branch.push((hash, entry.block.clone()?));
            hash = entry.header.prev_blockhash;
            entry = self.index.get(&hash)?;
        }
        branch.reverse();
        Some((entry.height as usize, branch))
    }

    /// Connects a block to the tip.
    fn append(&mut self, (hash, block): &(BlockHash, Arc<Block>)) -> Result<(), Reason> {
        let spent = connect(block, &mut self.coins, &self.median_times)?;
        self.active.push(Link { hash: *hash, spent });
        self.median_times.extend(self.index.get(hash).map(|entry| entry.median_time));
        Ok(())
    }

    /// Disconnects every block above `height` and returns them, oldest first.
    fn cut_above(&mut self, height: usize) -> Branch {
        self.median_times.truncate(height + 1);
        let mut undone = vec![];
        for link in self.active.split_off(height + 1).into_iter().rev() {
            let block = self.index.get(&link.hash).and_then(|entry| entry.block.clone());
            let block = block.expect("blocks are buried only where no branch can fork any more");
            self.coins.undo(&block, link.spent);
            undone.push((link.hash, block));
        }
        undone.reverse();
        undone
    }

    fn is_buried(&self, height: u32) -> bool {
        height as usize + BLOCKS_KEPT < self.active.len()
    }

    fn bury(&mut self) {
        let Some(height) = self.active.len().checked_sub(BLOCKS_KEPT + 1) else {
            return;
        };
        if let Some(link) = self.active.get_mut(height) {
            link.spent = Spent::new();
            self.index.bury(&link.hash);
        }
    }
}
