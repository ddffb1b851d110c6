//! Other transactions for a template than the node put into it: none, or what its mempool holds by now. While
//! its tip stays, a node makes a template anew every 5 s at most. Nothing here talks to a node.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::iter::once;

use bitcoin::hashes::{Hash as _, sha256d};
use bitcoin::{Block, ScriptBuf, Txid, WitnessMerkleNode, Wtxid, merkle_tree};
use miner_core::coinbase::WITNESS_COMMITMENT_PREFIX;

use crate::NodeError;
use crate::rpc::{MempoolEntry, TemplateReply, TemplateTransaction};

/// Weight units that are left for header and coinbase: what a node leaves unless told otherwise.
const RESERVED_WEIGHT: u64 = 8000;

/// The reserved value of the witness commitment that everybody uses (BIP141); it is the coinbase's witness.
const RESERVED_VALUE: [u8; 32] = [0; 32];

/// The template with these transactions (and their ids with witnesses) in place of its own: coinbase value and
/// witness commitment follow.
///
/// # Errors
/// [`NodeError::BadTemplate`] where a fee is missing or senseless.
pub(crate) fn with_transactions(
    reply: TemplateReply,
    transactions: Vec<(Wtxid, TemplateTransaction)>,
) -> Result<TemplateReply, NodeError> {
    let (wtxids, transactions): (Vec<_>, Vec<_>) = transactions.into_iter().unzip();
    let subsidy = reply.coinbase_value.checked_sub(fees(&reply.transactions)?);
    let subsidy = subsidy.ok_or_else(|| bad("its fees are more than its coinbase value"))?;
    let value = subsidy.checked_add(fees(&transactions)?).ok_or_else(|| bad("its fees are senseless"))?;
    let commitment = || witness_commitment(wtxids).to_hex_string();
    Ok(TemplateReply {
        coinbase_value: value,
        witness_commitment: reply.witness_commitment.map(|_| commitment()),
        transactions,
        ..reply
    })
}

/// Which transactions of the mempool the block gets, parents before children: those of the template in their
/// order, as far as they are still in the mempool, then all others for which there is room.
pub(crate) fn choose(reply: &TemplateReply, mempool: &HashMap<Txid, MempoolEntry>) -> Vec<Txid> {
    let mut room =
        reply.weight_limit.unwrap_or(super::check::MAX_BLOCK_WEIGHT).saturating_sub(RESERVED_WEIGHT);
    let mut is_chosen = HashSet::new();
    let mut chosen = own_first(reply, mempool);
    chosen.retain(|txid| {
        let Some(entry) = mempool.get(txid) else { return false };
        let fits = entry.weight <= room && entry.depends.iter().all(|parent| is_chosen.contains(parent));
        // The node's owner may hold a transaction back with `prioritisetransaction`.
        let goes = fits && !entry.fees.modified.is_negative() && is_chosen.insert(*txid);
        room -= if goes { entry.weight } else { 0 };
        goes
    });
    chosen
}

/// All candidates: the template's transactions, then the others of the mempool, those with few ancestors first
/// (so that parents come before children), and of these the ones that pay best.
fn own_first(reply: &TemplateReply, mempool: &HashMap<Txid, MempoolEntry>) -> Vec<Txid> {
    let mut candidates: Vec<Txid> = reply.transactions.iter().map(|own| own.txid).collect();
    let own: HashSet<Txid> = candidates.iter().copied().collect();
    let mut others: Vec<_> = mempool.iter().filter(|&(txid, _)| !own.contains(txid)).collect();
    let rate = |entry: &MempoolEntry| entry.fees.modified.to_sat().saturating_mul(1000) / weight(entry);
    others.sort_by_key(|(txid, entry)| (entry.ancestor_count, Reverse(rate(entry)), **txid));
    candidates.extend(others.into_iter().map(|(txid, _)| *txid));
    candidates
}

fn weight(entry: &MempoolEntry) -> i64 {
    i64::try_from(entry.weight).unwrap_or(i64::MAX).max(1)
}

/// The script of the output that commits to the witnesses of all transactions but the coinbase, by their ids
/// with witnesses (BIP141).
pub(crate) fn witness_commitment(wtxids: impl IntoIterator<Item = Wtxid>) -> ScriptBuf {
    // The coinbase cannot commit to itself: zeros stand in for it.
    let leaves = once(sha256d::Hash::all_zeros()).chain(wtxids.into_iter().map(Wtxid::to_raw_hash));
    let leaves: Vec<_> = leaves.collect();
    let root = merkle_tree::calculate_root(leaves.into_iter()).unwrap_or_else(sha256d::Hash::all_zeros);
    let hash = Block::compute_witness_commitment(&WitnessMerkleNode::from_raw_hash(root), &RESERVED_VALUE);
    ScriptBuf::from_bytes([&WITNESS_COMMITMENT_PREFIX[..], hash.as_byte_array()].concat())
}

fn fees(transactions: &[TemplateTransaction]) -> Result<u64, NodeError> {
    let mut fees = transactions.iter().map(|transaction| transaction.fee);
    fees.try_fold(0u64, |sum, fee| sum.checked_add(fee?)).ok_or_else(|| bad("it does not tell every fee"))
}

fn bad(reason: &str) -> NodeError {
    NodeError::BadTemplate(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::MempoolFees;
    use bitcoin::{Amount, SignedAmount};
    use serde_json::json;

    fn id(n: u8) -> Txid {
        Txid::from_byte_array([n; 32])
    }

    /// An entry that spends others of the mempool, with its fee in satoshis.
    fn entry(n: u8, ancestor_count: u64, depends: &[u8], weight: u64, fee: i64) -> (Txid, MempoolEntry) {
        let fees =
            MempoolFees { base: Amount::from_sat(fee.unsigned_abs()), modified: SignedAmount::from_sat(fee) };
        let depends = depends.iter().map(|&parent| id(parent)).collect();
        let wtxid = Wtxid::from_byte_array([n; 32]);
        (id(n), MempoolEntry { wtxid, weight, ancestor_count, depends, fees })
    }

    /// A template of transactions that pay 10 satoshis each, and one of subsidy 100 at that.
    fn template(own: &[u8]) -> TemplateReply {
        let own: Vec<_> =
            own.iter().map(|&n| json!({ "data": "00", "txid": id(n), "weight": 100, "fee": 10 })).collect();
        serde_json::from_value(json!({
            "version": 0x2000_0000, "previousblockhash": "11".repeat(32), "coinbasevalue": 100 + 10 * own.len(),
            "transactions": own, "mintime": 1, "curtime": 2, "bits": "207fffff", "height": 7,
            "weightlimit": RESERVED_WEIGHT + 1000, "default_witness_commitment": "6a24aa21a9ed",
        }))
        .unwrap()
    }

    fn chosen(own: &[u8], mempool: impl IntoIterator<Item = (Txid, MempoolEntry)>) -> Vec<u8> {
        let chosen = choose(&template(own), &mempool.into_iter().collect());
        chosen.iter().map(|txid| txid.to_byte_array()[0]).collect()
    }

    #[test]
    fn parents_come_first_and_then_who_pays_best() {
        let mempool = [
            entry(1, 1, &[], 100, 5),
            entry(2, 2, &[1], 100, 500),
            entry(3, 3, &[2, 1], 100, 5000),
            entry(4, 1, &[], 100, 50),
        ];
        assert_eq!(chosen(&[], mempool.clone()), [4, 1, 2, 3]);
        assert_eq!(chosen(&[1, 2], mempool), [1, 2, 4, 3], "the node's choice goes before");
    }

    #[test]
    fn what_left_the_mempool_or_is_held_back_is_left_out_with_its_children() {
        assert_eq!(chosen(&[1, 2], [entry(2, 1, &[], 100, 1)]), [2]);
        let held = [entry(1, 1, &[], 100, -1), entry(2, 2, &[1], 100, 500), entry(3, 1, &[], 100, 0)];
        assert_eq!(chosen(&[], held), [3]);
    }

    #[test]
    fn a_block_is_filled_to_its_limit_and_not_beyond() {
        let mempool = [
            entry(1, 1, &[], 901, 9000),
            entry(2, 1, &[], 100, 90),
            entry(3, 2, &[1], 1, 9),
            entry(4, 1, &[], 900, 9),
        ];
        assert_eq!(chosen(&[], mempool.clone()), [1, 3], "2 is a unit too heavy beside 1");
        assert_eq!(chosen(&[2], mempool), [2, 4]);
    }

    #[test]
    fn coinbase_value_and_commitment_follow_the_transactions() {
        let own = |n, fee| TemplateTransaction { data: "00".into(), txid: id(n), weight: 1, fee };
        let with = |transactions| with_transactions(template(&[1, 2]), transactions);
        let empty = with(vec![]).unwrap();
        assert_eq!((empty.coinbase_value, empty.transactions.len()), (100, 0));
        // The commitment of every block without witnesses but the coinbase's: SHA-256d of 64 zeros.
        let known = "6a24aa21a9ede2f61c3f71d1defd3fa999dfa36953755c690689799962b48bebd836974e8cf9";
        assert_eq!(empty.witness_commitment.as_deref(), Some(known));
        let wtxid = Wtxid::from_byte_array([9; 32]);
        let one = with(vec![(wtxid, own(9, Some(7)))]).unwrap();
        assert_eq!(one.coinbase_value, 107);
        assert_ne!(one.witness_commitment, empty.witness_commitment);
        assert!(with(vec![(wtxid, own(9, None))]).is_err(), "an unknown fee is not 0");
        let senseless = TemplateReply { coinbase_value: 19, ..template(&[1, 2]) };
        assert!(with_transactions(senseless, vec![]).is_err());
    }
}
