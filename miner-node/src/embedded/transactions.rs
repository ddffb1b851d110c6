//! The transactions of the chain's templates: its own coins moved about, so that merkle branches, fees and
//! witnesses are real. Coins and seed alone decide what they look like.

use bitcoin::absolute::LockTime;
use bitcoin::hashes::{Hash, sha256};
use bitcoin::transaction::Version;
use bitcoin::{Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut};

use super::coins::{Coin, Coins};
use super::params::EmbeddedParams;
use super::scripts::{anyone_can_spend, own_witness};

/// The lowest and the highest fee, in satoshis.
const FEES: (u64, u64) = (500, 5_000);

/// The transactions for the block at `height`, with the fee of each.
///
/// Where coins abound, each joins the two oldest; where they are scarce, each splits the oldest. So their
/// number stays near twice that of the transactions.
pub(super) fn transactions(
    coins: &Coins,
    params: &EmbeddedParams,
    height: u32,
) -> Vec<(Transaction, Amount)> {
    let plenty = 2 * params.transactions;
    let mature: Vec<_> = coins.own().filter(|(_, coin)| coin.is_mature(height)).take(plenty).collect();
    let joins = mature.len() == plenty;
    let inputs = if joins { 2 } else { 1 };
    let spends = mature.chunks(inputs).take(params.transactions);
    (0..).zip(spends).map(|(index, spent)| transaction(spent, draw(params.seed, height, index))).collect()
}

/// Spends one or two coins: two into one, one into two.
fn transaction(spent: &[(OutPoint, &Coin)], [first, second]: [u64; 2]) -> (Transaction, Amount) {
    let value: Amount = spent.iter().map(|(_, coin)| coin.output.value).sum();
    let fee = Amount::from_sat(FEES.0 + first % (FEES.1 - FEES.0)).min(value);
    let left = value - fee;
    let payment = Amount::from_sat(second % left.to_sat().max(1));
    let values = if spent.len() == 1 { vec![payment, left - payment] } else { vec![left] };
    let output = |value| TxOut { value, script_pubkey: anyone_can_spend() };
    let tx = Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: spent.iter().map(|(outpoint, _)| input(*outpoint)).collect(),
        output: values.into_iter().map(output).collect(),
    };
    (tx, fee)
}

fn input(previous_output: OutPoint) -> TxIn {
    let (script_sig, sequence) = (ScriptBuf::new(), Sequence::ENABLE_RBF_NO_LOCKTIME);
    TxIn { previous_output, script_sig, sequence, witness: own_witness() }
}

/// Two numbers that seed, height and index decide; without a seed, those of seed 0.
fn draw(seed: Option<u64>, height: u32, index: u32) -> [u64; 2] {
    let seed = seed.unwrap_or_default().to_le_bytes();
    let hash = sha256::Hash::hash(&[&seed[..], &height.to_le_bytes(), &index.to_le_bytes()].concat());
    let number = |bytes: &[u8]| bytes.iter().fold(0, |number, &byte| (number << 8) | u64::from(byte));
    let (first, second) = hash.as_byte_array().split_at(16);
    [number(&first[8..]), number(&second[8..])]
}
