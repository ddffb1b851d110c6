//! Assembling a coinbase transaction around the bytes that a miner may choose.
//!
//! ```text
//! prefix | extranonce | suffix        (without witness: this is what the txid commits to)
//! ```

use bitcoin::absolute::LockTime;
use bitcoin::consensus::encode;
use bitcoin::script::{Builder, PushBytesBuf};
use bitcoin::transaction::Version;
use bitcoin::{Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness};

/// The longest scriptSig that consensus allows in a coinbase, in bytes.
pub const MAX_SCRIPT_SIG: usize = 100;

/// How a witness commitment's script begins: `OP_RETURN`, a push of 36 bytes, aa21a9ed (BIP141). The hash follows.
pub const WITNESS_COMMITMENT_PREFIX: [u8; 6] = [0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed];

/// The largest block height: 500,000,000 is where a lock time starts to mean seconds.
const MAX_HEIGHT: u32 = 500_000_000;

/// What a coinbase commits to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoinbaseParams {
    /// The block's height (BIP34), which opens the scriptSig.
    pub height: u32,
    /// The outputs in order: payouts, then a witness commitment if the block needs one (BIP141).
    pub outputs: Vec<TxOut>,
    /// Bytes that the template wants in the scriptSig (`coinbaseaux`), as script.
    pub auxiliary: Vec<u8>,
    /// A text or tag of the miner's own, pushed as data; may be empty.
    pub signature: Vec<u8>,
    /// Bytes of extranonce, 1 to 32 (extranonce1 and extranonce2 together).
    pub extranonce_size: u8,
}

/// A coinbase without witness, split around its extranonce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoinbaseParts {
    /// The bytes before the extranonce.
    pub prefix: Vec<u8>,
    /// The bytes behind it.
    pub suffix: Vec<u8>,
}

/// Why a coinbase cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CoinbaseError {
    /// The scriptSig would break the consensus limit.
    #[error(
        "the coinbase script would have {0} bytes, more than the {MAX_SCRIPT_SIG} allowed; use a shorter coinbase signature"
    )]
    ScriptSigTooLong(usize),
    /// BIP34 needs room for an extranonce behind the height.
    #[error("a coinbase needs an extranonce of 1 to 32 bytes, not {0}")]
    ExtranonceSize(u8),
    /// No chain is this high.
    #[error("height {0} is beyond every chain")]
    Height(u32),
    /// The finished bytes are no transaction (parts that were not made here).
    #[error("the coinbase is not a transaction: {0}")]
    NotATransaction(String),
}

impl CoinbaseParams {
    /// Builds the coinbase. It satisfies BIP34 for every height (1 to 16 are `OP_1` to `OP_16`) and,
    /// with lock time height − 1 and a sequence that enables it, BIP54.
    pub fn build(&self) -> Result<CoinbaseParts, CoinbaseError> {
        if !(1..=32).contains(&self.extranonce_size) {
            return Err(CoinbaseError::ExtranonceSize(self.extranonce_size));
        }
        if self.height >= MAX_HEIGHT {
            return Err(CoinbaseError::Height(self.height));
        }
        let (script_sig, extranonce_at) = self.script_sig()?;
        let coinbase = Transaction {
            version: Version::TWO,
            lock_time: LockTime::from_height(self.height.saturating_sub(1))
                .expect("below the limit checked above"),
            input: vec![TxIn {
                previous_output: OutPoint::null(),
                script_sig,
                sequence: Sequence::ENABLE_LOCKTIME_NO_RBF,
                witness: Witness::new(),
            }],
            output: self.outputs.clone(),
        };
        let bytes = encode::serialize(&coinbase);
        // Version, input count, outpoint and the scriptSig's one-byte length come first.
        let at = 4 + 1 + 36 + 1 + extranonce_at;
        let (prefix, rest) = bytes.split_at(at);
        Ok(CoinbaseParts {
            prefix: prefix.to_vec(),
            suffix: rest[usize::from(self.extranonce_size)..].to_vec(),
        })
    }

    /// The scriptSig with an extranonce of zeros, and where the extranonce begins.
    fn script_sig(&self) -> Result<(ScriptBuf, usize), CoinbaseError> {
        let push = |bytes: &[u8]| PushBytesBuf::try_from(bytes.to_vec()).expect("far below 4 GiB");
        let mut script = Builder::new().push_int(self.height.into()).into_bytes();
        script.extend(&self.auxiliary);
        let mut tail = Builder::new().push_slice(push(&vec![0; self.extranonce_size.into()]));
        // One opcode pushes up to 75 bytes: the extranonce begins right behind it.
        let extranonce_at = script.len() + 1;
        if !self.signature.is_empty() {
            tail = tail.push_slice(push(&self.signature));
        }
        script.extend(tail.into_bytes());
        if script.len() > MAX_SCRIPT_SIG {
            return Err(CoinbaseError::ScriptSigTooLong(script.len()));
        }
        Ok((ScriptBuf::from_bytes(script), extranonce_at))
    }
}

/// The coinbase as it stands in a block: with the zero witness that a witness commitment asks for
/// (BIP141), where one of the outputs is such a commitment.
pub fn into_transaction(coinbase: &[u8]) -> Result<Transaction, CoinbaseError> {
    let mut transaction: Transaction =
        encode::deserialize(coinbase).map_err(|e| CoinbaseError::NotATransaction(e.to_string()))?;
    let commits = transaction.output.iter().any(|output| is_witness_commitment(&output.script_pubkey));
    if let (true, Some(input)) = (commits, transaction.input.first_mut()) {
        input.witness = Witness::from_slice(&[[0u8; 32]]);
    }
    Ok(transaction)
}

/// Whether a script is a witness commitment: [`WITNESS_COMMITMENT_PREFIX`], then at least 32 bytes.
pub fn is_witness_commitment(script: &bitcoin::Script) -> bool {
    script.len() >= 38 && script.as_bytes().starts_with(&WITNESS_COMMITMENT_PREFIX)
}

/// The output that carries a witness commitment.
pub fn witness_commitment_output(script: ScriptBuf) -> TxOut {
    TxOut { value: Amount::ZERO, script_pubkey: script }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(height: u32) -> CoinbaseParams {
        CoinbaseParams {
            height,
            outputs: vec![TxOut {
                value: Amount::from_sat(50),
                script_pubkey: ScriptBuf::from_bytes(vec![0x51]),
            }],
            auxiliary: vec![],
            signature: b"tag".to_vec(),
            extranonce_size: 8,
        }
    }

    fn whole(parts: &CoinbaseParts, extranonce: &[u8]) -> Transaction {
        into_transaction(&[&parts.prefix, extranonce, &parts.suffix].concat()).unwrap()
    }

    #[test]
    fn heights_are_minimal_pushes() {
        for (height, start) in
            [(1, "51"), (16, "60"), (17, "0111"), (127, "017f"), (128, "028000"), (65_536, "03000001")]
        {
            let coinbase = whole(&params(height).build().unwrap(), &[0xab; 8]);
            let script = coinbase.input[0].script_sig.to_hex_string();
            assert_eq!(script, format!("{start}08{}03746167", "ab".repeat(8)), "height {height}");
            assert_eq!(coinbase.lock_time.to_consensus_u32(), height - 1);
        }
    }

    #[test]
    fn too_long_a_script_is_refused_at_the_first_byte_too_many() {
        let mut params = params(100_000);
        params.signature = vec![b'x'; 100 - 4 - 9 - 2];
        assert!(params.build().is_ok(), "exactly 100 bytes");
        params.signature.push(b'x');
        assert_eq!(params.build(), Err(CoinbaseError::ScriptSigTooLong(101)));
        params.extranonce_size = 0;
        assert_eq!(params.build(), Err(CoinbaseError::ExtranonceSize(0)));
    }

    #[test]
    fn a_commitment_brings_the_zero_witness() {
        let mut params = params(200);
        assert!(whole(&params.build().unwrap(), &[0; 8]).input[0].witness.is_empty());
        let commitment = [&WITNESS_COMMITMENT_PREFIX[..], &[7; 32]].concat();
        params.outputs.push(witness_commitment_output(ScriptBuf::from_bytes(commitment)));
        let coinbase = whole(&params.build().unwrap(), &[0; 8]);
        assert_eq!(coinbase.input[0].witness.to_vec(), [vec![0; 32]]);
    }
}
