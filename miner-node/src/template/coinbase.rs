//! The coinbase of a node's template: what the node asks for, and what the miner puts into it.

use bitcoin::hex::FromHex;
use bitcoin::{Amount, ScriptBuf, TxOut};
use miner_core::coinbase::{CoinbaseParams, CoinbaseParts, is_witness_commitment, witness_commitment_output};

use super::EXTRANONCE_SIZE;
use crate::rpc::TemplateReply;
use crate::{NodeError, Payout};

/// Bytes of the visit's number.
const VISIT_SIZE: u8 = 4;

/// What the miner puts into its coinbases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoinbaseOptions {
    /// Where the reward goes.
    pub payout: Payout,
    /// A text or tag of the miner's own; may be empty.
    pub signature: Vec<u8>,
}

impl Default for CoinbaseOptions {
    /// Pays to anyone and says nothing.
    fn default() -> Self {
        Self { payout: Payout::to_anyone(), signature: vec![] }
    }
}

/// The coinbase around the extranonce. Right before that, in the same push of data, stands the number of the visit.
pub(super) fn build(reply: &TemplateReply, options: &CoinbaseOptions) -> Result<CoinbaseParts, NodeError> {
    let params = CoinbaseParams {
        height: reply.height,
        outputs: outputs(reply, options)?,
        auxiliary: auxiliary(reply)?,
        signature: options.signature.clone(),
        extranonce_size: VISIT_SIZE + EXTRANONCE_SIZE,
    };
    let mut parts = params.build().map_err(|error| NodeError::BadTemplate(error.to_string()))?;
    parts.prefix.extend(reply.visit.to_le_bytes());
    Ok(parts)
}

fn outputs(reply: &TemplateReply, options: &CoinbaseOptions) -> Result<Vec<TxOut>, NodeError> {
    let value = Amount::from_sat(reply.coinbase_value);
    if value > Amount::MAX_MONEY {
        return Err(NodeError::BadTemplate(format!(
            "a coinbase of {value} is more than all bitcoin there can be"
        )));
    }
    let payout = TxOut { value, script_pubkey: options.payout.script().clone() };
    let offered = reply.witness_commitment.as_deref().filter(|_| knows_witnesses(reply));
    let commitment = offered.map(commitment).transpose()?;
    Ok([payout].into_iter().chain(commitment).collect())
}

/// Where segwit is not active yet (the first blocks of testnet3), a node offers a commitment all the
/// same, and then refuses the witness that belongs to it.
fn knows_witnesses(reply: &TemplateReply) -> bool {
    let mut names = reply.rules.iter().map(|rule| rule.trim_start_matches('!'));
    reply.rules.is_empty() || names.any(|name| name == "segwit")
}

fn commitment(hex: &str) -> Result<TxOut, NodeError> {
    let script = ScriptBuf::from_hex(hex).ok().filter(|script| is_witness_commitment(script));
    let script = script.ok_or_else(|| NodeError::BadTemplate(format!("`{hex}` is no witness commitment")))?;
    Ok(witness_commitment_output(script))
}

fn auxiliary(reply: &TemplateReply) -> Result<Vec<u8>, NodeError> {
    let bytes = |hex: &String| {
        Vec::from_hex(hex).map_err(|_| NodeError::BadTemplate(format!("`{hex}` in coinbaseaux is not hex")))
    };
    reply.coinbase_aux.values().map(bytes).collect::<Result<Vec<_>, _>>().map(|parts| parts.concat())
}
