//! Holding a template to the rules before any work goes into it.

use crate::NodeError;
use crate::rpc::{TemplateReply, TemplateTransaction};

/// Rules that this miner knows how to obey. A template with any other mandatory one is not for it (BIP9).
const KNOWN_RULES: [&str; 5] = ["csv", "segwit", "taproot", "signet", "testdummy"];
/// What consensus allows a block to weigh, in weight units.
pub(super) const MAX_BLOCK_WEIGHT: u64 = 4_000_000;
/// The header and the longest count of transactions; each byte of them weighs four units.
const HEADER_SIZE: u64 = 80 + 9;
/// The coinbase's witness: its marker and flag, two counts and 32 bytes, one unit each.
const COINBASE_WITNESS: u64 = 36;

fn bad(reason: impl Into<String>) -> NodeError {
    NodeError::BadTemplate(reason.into())
}

/// A rule with a leading `!` must be understood; one without may be ignored.
pub(super) fn rules(rules: &[String]) -> Result<(), NodeError> {
    let mut mandatory = rules.iter().filter_map(|rule| rule.strip_prefix('!'));
    match mandatory.find(|rule| !KNOWN_RULES.contains(rule)) {
        Some(rule) => Err(NodeError::UnknownRule(crate::rpc::plain(rule))),
        None => Ok(()),
    }
}

/// A version with bit 31 set is negative: no rule expects one.
pub(super) fn version(version: i32) -> Result<u32, NodeError> {
    u32::try_from(version).map_err(|_| bad(format!("its version {version} is negative")))
}

/// The bits by which deployments are signalled: what they say is the node's business.
pub(super) fn reserved_bits(reply: &TemplateReply) -> Result<u32, NodeError> {
    reply.available_bits.values().try_fold(reply.required_bits, |bits, &bit| {
        let bit =
            1u32.checked_shl(bit.into()).ok_or_else(|| bad(format!("there is no version bit {bit}")))?;
        Ok(bits | bit)
    })
}

/// The node vouches for its transactions; here they only must survive being pasted together.
pub(super) fn transactions(transactions: &[TemplateTransaction]) -> Result<(), NodeError> {
    let is_hex = |data: &str| {
        data.len().is_multiple_of(2) && !data.is_empty() && data.bytes().all(|c| c.is_ascii_hexdigit())
    };
    match transactions.iter().find(|transaction| !is_hex(&transaction.data)) {
        Some(transaction) => Err(bad(format!("transaction {} is not hex", transaction.txid))),
        None => Ok(()),
    }
}

/// Whether the block stays within its weight, with a coinbase of this many bytes besides its extranonce.
pub(super) fn weight(reply: &TemplateReply, coinbase_size: usize) -> Result<(), NodeError> {
    let limit = reply.weight_limit.unwrap_or(MAX_BLOCK_WEIGHT);
    let coinbase = 4 * (coinbase_size as u64 + u64::from(super::EXTRANONCE_SIZE)) + COINBASE_WITNESS;
    let others = reply.transactions.iter().map(|transaction| transaction.weight);
    let weight = others.fold(4 * HEADER_SIZE + coinbase, u64::saturating_add);
    if weight > limit {
        return Err(bad(format!(
            "the block would weigh {weight} units, of at most {limit}: use a shorter payout script"
        )));
    }
    Ok(())
}
