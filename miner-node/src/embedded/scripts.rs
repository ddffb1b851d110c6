//! The outputs that the embedded chain can see spent. There is no script interpreter: it knows two forms that
//! anyone can spend, by rule, and refuses every other one.

use bitcoin::{Script, ScriptBuf, TxIn, Witness};

use super::reason::{Reason, require};

/// OP_TRUE: the whole script of an output, or the witness script behind [`ANYONE`].
const OP_TRUE: [u8; 1] = [0x51];
/// Pay-to-witness-script-hash of OP_TRUE: 0, then a push of SHA-256(51).
const ANYONE: [u8; 34] = [
    0x00, 0x20, 0x4a, 0xe8, 0x15, 0x72, 0xf0, 0x6e, 0x1b, 0x88, 0xfd, 0x5c, 0xed, 0x7a, 0x1a, 0x00, 0x09,
    0x45, 0x43, 0x2e, 0x83, 0xe1, 0x55, 0x1e, 0x6f, 0x72, 0x1e, 0xe9, 0xc0, 0x0b, 0x8c, 0xc3, 0x32, 0x60,
];

/// The output script of the chain's own coins: P2WSH of OP_TRUE, which anyone can spend.
pub fn anyone_can_spend() -> ScriptBuf {
    ScriptBuf::from_bytes(ANYONE.to_vec())
}

/// Whether an output is one of the chain's own.
pub(super) fn is_own(script: &Script) -> bool {
    script.as_bytes() == ANYONE
}

/// The witness that spends [`anyone_can_spend`].
pub(super) fn own_witness() -> Witness {
    Witness::from_slice(&[OP_TRUE])
}

/// Checks that an input satisfies the output script that it spends.
///
/// The last word is not Core's: a real node, which can run scripts, may well take such a block.
pub(super) fn check(input: &TxIn, spent: &Script) -> Result<(), Reason> {
    let plain = input.script_sig.is_empty();
    if is_own(spent) {
        let satisfied = plain && input.witness == own_witness();
        require(satisfied, "mandatory-script-verify-flag-failed")
    } else {
        let satisfied = spent.as_bytes() == OP_TRUE && plain && input.witness.is_empty();
        require(satisfied, "unsupported-script")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_script_is_p2wsh_of_op_true() {
        let op_true = ScriptBuf::from_bytes(OP_TRUE.to_vec());
        assert_eq!(anyone_can_spend(), ScriptBuf::new_p2wsh(&op_true.wscript_hash()));
    }
}
