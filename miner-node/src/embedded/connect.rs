//! A block against the coins it spends, in the order of Bitcoin Core's `ConnectBlock`: either all of the
//! block's changes to the coins are made, or none and the reason returned.

use bitcoin::relative::LockTime;
use bitcoin::{Amount, Block, Transaction, TxIn};

use super::block_rules::MAX_SIGOPS_COST;
use super::coins::{Coin, Coins, Spent, outputs};
use super::params::subsidy;
use super::reason::{Reason, require};
use super::scripts;

/// Applies a block to the coins of its parent's chain and returns what it spent.
///
/// `median_times` holds the median time past after each block of that chain, by height; its length is the
/// block's height.
pub(super) fn connect(block: &Block, coins: &mut Coins, median_times: &[u32]) -> Result<Spent, Reason> {
    let height = u32::try_from(median_times.len()).map_err(|_| Reason::from("height-out-of-range"))?;
    let overwrites = |tx| outputs(tx).any(|(outpoint, _)| coins.get(&outpoint).is_some());
    require(!block.txdata.iter().any(overwrites), "bad-txns-BIP30")?;
    let mut connector = Connector { height, median_times, coins, spent: Spent::new() };
    let outcome = connector.apply(block);
    let Connector { coins, spent, .. } = connector;
    match outcome {
        Ok(()) => Ok(spent),
        Err(reason) => {
            coins.undo(block, spent);
            Err(reason)
        }
    }
}

struct Connector<'a> {
    height: u32,
    median_times: &'a [u32],
    coins: &'a mut Coins,
    spent: Spent,
}

impl Connector<'_> {
    fn apply(&mut self, block: &Block) -> Result<(), Reason> {
        let (mut fees, mut sigops_cost) = (Amount::ZERO, 0);
        for tx in &block.txdata {
            if !tx.is_coinbase() {
                fees = fees.checked_add(self.fee(tx)?).unwrap_or(Amount::MAX);
                require(fees <= Amount::MAX_MONEY, "bad-txns-accumulated-fee-outofrange")?;
                require(self.relative_locks_are_over(tx), "bad-txns-nonfinal")?;
            }
            sigops_cost += tx.total_sigop_cost(|point| Some(self.coins.get(point)?.output.clone()));
            require(sigops_cost <= MAX_SIGOPS_COST, "bad-blk-sigops")?;
            self.spend(tx)?;
            self.coins.add_outputs(tx, self.height);
        }
        let claimed = block.coinbase().map_or(Amount::ZERO, value_out);
        require(claimed <= subsidy(self.height) + fees, "bad-cb-amount")
    }

    /// Core's `CheckTxInputs`: the inputs exist, are mature and pay for the outputs.
    fn fee(&self, tx: &Transaction) -> Result<Amount, Reason> {
        require(tx.input.iter().all(|input| self.coin(input).is_some()), "bad-txns-inputs-missingorspent")?;
        let mut value_in = Amount::ZERO;
        for coin in tx.input.iter().filter_map(|input| self.coin(input)) {
            require(coin.is_mature(self.height), "bad-txns-premature-spend-of-coinbase")?;
            value_in += coin.output.value;
            require(value_in <= Amount::MAX_MONEY, "bad-txns-inputvalues-outofrange")?;
        }
        value_in.checked_sub(value_out(tx)).ok_or_else(|| "bad-txns-in-belowout".into())
    }

    /// BIP68: every coin is as old as the input that spends it asks for.
    fn relative_locks_are_over(&self, tx: &Transaction) -> bool {
        let locked = |input| self.coin(input).is_some_and(|coin| !self.is_old_enough(input, coin));
        // Consensus reads the version without a sign.
        tx.version.0.cast_unsigned() < 2 || !tx.input.iter().any(locked)
    }

    fn is_old_enough(&self, input: &TxIn, coin: &Coin) -> bool {
        match input.sequence.to_relative_lock_time() {
            None => true,
            Some(LockTime::Blocks(blocks)) => self.height - coin.height >= u32::from(blocks.value()),
            Some(LockTime::Time(time)) => {
                let since = self.median_time(coin.height.saturating_sub(1));
                let seconds = u32::from(time.value()) * 512;
                self.median_time(self.height - 1).saturating_sub(since) >= seconds
            }
        }
    }

    fn median_time(&self, height: u32) -> u32 {
        self.median_times.get(height as usize).copied().unwrap_or(0)
    }

    /// Takes the inputs' coins after checking that each input may spend its own.
    fn spend(&mut self, tx: &Transaction) -> Result<(), Reason> {
        for input in tx.input.iter().filter(|_| !tx.is_coinbase()) {
            let outpoint = input.previous_output;
            let coin = self.coins.remove(&outpoint).ok_or("bad-txns-inputs-missingorspent")?;
            let allowed = scripts::check(input, &coin.output.script_pubkey);
            self.spent.push((outpoint, coin));
            allowed?;
        }
        Ok(())
    }

    fn coin(&self, input: &TxIn) -> Option<&Coin> {
        self.coins.get(&input.previous_output)
    }
}

/// The sum of a transaction's outputs, each of which was found in range before.
fn value_out(tx: &Transaction) -> Amount {
    tx.output.iter().map(|output| output.value).sum()
}
