//! A block's height from its coinbase, which begins with it (BIP34): pools do not say it in any other way.

use miner_core::bitcoin::script::{Instruction, read_scriptint};
use miner_core::bitcoin::{Transaction, consensus};
use miner_core::{Extranonce, Job, Terms};

/// The height that a pool's job is for, as far as its coinbase can be read: for people only.
pub(super) fn block_height(job: &Job, terms: &Terms) -> Option<u32> {
    // OP_1 to OP_16 stand for the numbers.
    const OP_0: u8 = 0x50;
    let coinbase = job.coinbase(terms, &Extranonce::nth(0, terms.extranonce2_size))?;
    let coinbase: Transaction = consensus::deserialize(&coinbase).ok()?;
    let number = match coinbase.input.first()?.script_sig.instructions().next()?.ok()? {
        Instruction::PushBytes(bytes) => read_scriptint(bytes.as_bytes()).ok()?,
        Instruction::Op(code) => {
            code.to_u8().checked_sub(OP_0).filter(|number| (1..=16).contains(number))?.into()
        }
    };
    u32::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use miner_core::bitcoin::hashes::Hash as _;
    use miner_core::bitcoin::{BlockHash, CompactTarget};
    use miner_core::{JobParams, RootSource, TimeWindow, VersionMask};

    fn height(script: &str) -> Option<u32> {
        let script: Vec<u8> = miner_core::bitcoin::ScriptBuf::from_hex(script).unwrap().into_bytes();
        let start = [&[1, 0, 0, 0, 1][..], &[0; 32], &[0xff; 4], &[script.len() as u8 + 4], &script].concat();
        let end = [&[0xff; 4][..], &[1], &[0; 8], &[0], &[0; 4]].concat();
        let root = RootSource::Coinbase { prefix: start, suffix: end, branch: vec![] };
        let job = Job::new(JobParams {
            id: String::new(),
            version: 0x2000_0000,
            reserved_version_bits: 0,
            prev_blockhash: BlockHash::all_zeros(),
            time: TimeWindow::starting_at(0),
            bits: CompactTarget::from_consensus(0x207f_ffff),
            clean: false,
            root,
        });
        block_height(&job.unwrap(), &Terms::solo(4, VersionMask::NONE))
    }

    #[test]
    fn heights_are_read_in_each_form() {
        for (script, number) in [
            ("51", 1),
            ("60", 16),
            ("0111", 17),
            ("028000", 128),
            ("03a0bb0d", 900_000),
            ("04000000010a", 0x0100_0000),
        ] {
            assert_eq!(height(script), Some(number), "{script}");
        }
        for none in ["", "00", "61", "0181", "05ffffffffff", "4c"] {
            assert_eq!(height(none).filter(|height| *height != 0), None, "{none}");
        }
    }
}
