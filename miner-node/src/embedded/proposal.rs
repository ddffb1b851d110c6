//! Judging a block on the tip by everything but its work, without taking it (BIP23's proposals).

use bitcoin::Block;

use super::block_rules;
use super::blockchain::Blockchain;
use super::connect::connect;
use super::reason::{Reason, require};

impl Blockchain {
    /// Judges a block that is to stand on the tip, at the time `now` in Unix seconds. The chain stays as it is.
    ///
    /// # Errors
    /// What Bitcoin Core answers to the same proposal, when not `null`.
    pub fn propose(&mut self, block: &Block, now: u32) -> Result<(), Reason> {
        if let Some(known) = self.index.get(&block.block_hash()) {
            return Err(if known.failed { "duplicate-invalid" } else { "duplicate" }.into());
        }
        let is_on_tip = block.header.prev_blockhash == self.tip_hash();
        require(is_on_tip, "inconclusive-not-best-prevblk")?;
        let place = self.place_on_tip();
        place.check_header(&block.header, now)?;
        block_rules::check_but_work(block)?;
        place.check_body(block)?;
        let spent = connect(block, &mut self.coins, &self.median_times)?;
        self.coins.undo(block, spent);
        Ok(())
    }
}
