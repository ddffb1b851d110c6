//! The template on the chain's tip, in the form in which a real node answers `getblocktemplate`.

use std::collections::BTreeMap;

use bitcoin::consensus::encode::serialize_hex;
use bitcoin::{Amount, Transaction};

use super::blockchain::Blockchain;
use super::params::subsidy;
use super::place::MAX_FUTURE_SECONDS;
use super::transactions::transactions;
use crate::rpc::{TemplateReply, TemplateTransaction};
use crate::template::amend::witness_commitment;

/// BIP9's version with no deployment signalled.
const VERSION: i32 = 0x2000_0000;

impl Blockchain {
    /// The chain's clock, in Unix seconds, where the machine's shows `machine`: that one, unless it fell behind
    /// the chain. Where block times are fixed, the chain's clock stands two hours before the next of them: then
    /// that time, the template's earliest, is the latest as well.
    pub(super) fn clock(&self, machine: u32) -> u32 {
        let place = self.place_on_tip();
        match self.params.fixed_time(place.height) {
            Some(time) => time.saturating_sub(MAX_FUTURE_SECONDS),
            None => machine.max(place.median_time_past),
        }
    }

    /// What to mine on the tip, at the time `now` of the chain's clock.
    pub(super) fn template(&self, now: u32) -> TemplateReply {
        let place = self.place_on_tip();
        let transactions = transactions(&self.coins, &self.params, place.height);
        let fees: Amount = transactions.iter().map(|(_, fee)| *fee).sum();
        let wtxids = transactions.iter().map(|(tx, _)| tx.compute_wtxid());
        TemplateReply {
            version: VERSION,
            rules: vec![],
            available_bits: BTreeMap::new(),
            required_bits: 0,
            previous_block: self.tip_hash(),
            transactions: transactions.iter().map(template_transaction).collect(),
            coinbase_aux: BTreeMap::new(),
            coinbase_value: (subsidy(place.height) + fees).to_sat(),
            longpoll_id: None,
            min_time: self.params.fixed_time(place.height).unwrap_or(place.median_time_past + 1),
            current_time: now,
            bits: place.bits,
            height: place.height,
            weight_limit: None,
            parent_time: None,
            visit: 0,
            witness_commitment: Some(witness_commitment(wtxids).to_hex_string()),
        }
    }
}

fn template_transaction((tx, fee): &(Transaction, Amount)) -> TemplateTransaction {
    TemplateTransaction {
        data: serialize_hex(tx).into(),
        txid: tx.compute_txid(),
        weight: tx.weight().to_wu(),
        fee: Some(fee.to_sat()),
    }
}
