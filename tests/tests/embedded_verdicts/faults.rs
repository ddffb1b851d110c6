//! Every way to break a block that the embedded chain knows a word for.

use bitcoin::absolute::LockTime;
use bitcoin::block::Version;
use bitcoin::hashes::Hash;
use bitcoin::{
    Amount, Block, BlockHash, CompactTarget, OutPoint, Sequence, Transaction, TxIn, TxOut, Witness,
};

use crate::blocks::{Stage, script, spend, unsolve};
use crate::world::{World, now, spend_output};

pub(crate) struct Fault {
    pub(crate) name: &'static str,
    /// What Bitcoin Core calls it.
    pub(crate) word: &'static str,
    pub(crate) stage: Stage,
    pub(crate) make: fn(&World, &mut Block),
}

impl Fault {
    /// Whether the block is as large as a block can be.
    pub(crate) fn is_bulky(&self) -> bool {
        matches!(self.word, "bad-blk-length" | "bad-blk-weight")
    }
}

pub(crate) const fn fault(
    stage: Stage,
    word: &'static str,
    name: &'static str,
    make: fn(&World, &mut Block),
) -> Fault {
    Fault { name, word, stage, make }
}

use Stage::{Commitment, Header, Solved, Transactions};

#[rustfmt::skip]
pub(crate) const FAULTS: &[Fault] = &[
    // The block by itself.
    fault(Solved, "high-hash", "a hash above the target", |_, b| unsolve(b)),
    fault(Header, "high-hash", "a target of zero", |_, b| b.header.bits = bits(0)),
    fault(Header, "high-hash", "a negative target", |_, b| b.header.bits = bits(0x2080_ffff)),
    fault(Header, "high-hash", "a target easier than regtest's", |_, b| b.header.bits = bits(0x2100_ffff)),
    fault(Header, "high-hash", "a target beyond 256 bits", |_, b| b.header.bits = bits(0x2300_ffff)),
    fault(Header, "bad-txnmrklroot", "another merkle root", |_, b| b.header.merkle_root = Hash::all_zeros()),
    fault(Solved, "bad-txnmrklroot", "a transaction left out", |_, b| { b.txdata.pop(); }),
    fault(Solved, "bad-txns-duplicate", "the last transaction twice", |_, b| b.txdata.extend(b.txdata.last().cloned())),
    fault(Commitment, "bad-blk-length", "an output of a million bytes", |_, b| pay(b, 0, &[0x6a; 1_000_000])),
    fault(Transactions, "bad-cb-missing", "no coinbase", |_, b| { b.txdata.remove(0); }),
    fault(Transactions, "bad-cb-missing", "a coinbase in second place", |_, b| b.txdata.swap(0, 1)),
    fault(Transactions, "bad-cb-multiple", "two coinbases", |w, b| b.txdata.push(w.tip().txdata[0].clone())),
    fault(Transactions, "bad-cb-length", "a coinbase script of 1 byte", |_, b| set_script(b, &[0x01])),
    fault(Transactions, "bad-cb-length", "a coinbase script of 101 bytes", |_, b| {
        let height_and_more = [&coinbase_script(b)[..], &[0; 101]].concat();
        set_script(b, &height_and_more[..101]);
    }),
    fault(Transactions, "bad-txns-vout-empty", "a transaction without outputs", |w, b| add(w, b, |tx| tx.output.clear())),
    fault(Transactions, "bad-txns-vout-negative", "a negative value", |w, b| set_value(w, b, u64::MAX)),
    fault(Transactions, "bad-txns-vout-toolarge", "more than 21 million", |w, b| set_value(w, b, MAX_MONEY + 1)),
    fault(Transactions, "bad-txns-txouttotal-toolarge", "more than 21 million in two outputs", |w, b| add(w, b, |tx| {
        tx.output = vec![TxOut { value: Amount::from_sat(MAX_MONEY), ..tx.output[0].clone() }; 2];
    })),
    fault(Transactions, "bad-txns-inputs-duplicate", "one input twice", |w, b| add(w, b, |tx| tx.input.push(tx.input[0].clone()))),
    fault(Transactions, "bad-txns-prevout-null", "a null input beside another", |w, b| add(w, b, |tx| {
        tx.input.push(TxIn { previous_output: OutPoint::null(), ..tx.input[0].clone() });
    })),
    fault(Transactions, "bad-blk-sigops", "20,001 signature operations", |_, b| pay(b, 0, &[0xac; 20_001])),
    // The header at its place.
    fault(Header, "prev-blk-not-found", "an unknown parent", |_, b| b.header.prev_blockhash = BlockHash::all_zeros()),
    fault(Header, "bad-diffbits", "bits harder than the chain's", |_, b| b.header.bits = bits(0x1f7f_ffff)),
    fault(Header, "bad-diffbits", "the same target with other bits", |_, b| b.header.bits = bits(0x207f_fffe)),
    fault(Header, "time-too-old", "the median time past", |w, b| b.header.time = median_time_past(w)),
    fault(Header, "time-too-new", "two hours and a second ahead", |_, b| b.header.time = now() + 7201),
    fault(Header, "time-too-new", "the last time there is", |_, b| b.header.time = u32::MAX),
    fault(Header, "bad-version(0x00000001)", "version 1", |_, b| b.header.version = Version::ONE),
    fault(Header, "bad-version(0x00000003)", "version 3", |_, b| b.header.version = Version::from_consensus(3)),
    // The body at its place.
    fault(Transactions, "bad-txns-nonfinal", "a lock height not past", |w, b| lock(w, b, w.height() + 1)),
    fault(Transactions, "bad-txns-nonfinal", "a lock time not past", |w, b| lock(w, b, median_time_past(w))),
    fault(Transactions, "bad-cb-height", "the parent's height", |w, b| set_script(b, &coinbase_script(&w.tip()))),
    fault(Transactions, "bad-cb-height", "no height", |_, b| set_script(b, b"\x04none")),
    fault(Transactions, "bad-cb-height", "the height in a longer push", |w, b| {
        set_script(b, &[3, (w.height() + 1) as u8, 0, 0]);
    }),
    fault(Header, "bad-witness-nonce-size", "a reserved value of 31 bytes", |_, b| {
        b.txdata[0].input[0].witness = Witness::from_slice(&[[0; 31]]);
    }),
    fault(Header, "bad-witness-nonce-size", "two reserved values", |_, b| {
        b.txdata[0].input[0].witness = Witness::from_slice(&[[0; 32], [0; 32]]);
    }),
    fault(Header, "bad-witness-merkle-match", "another reserved value", |_, b| {
        b.txdata[0].input[0].witness = Witness::from_slice(&[[1; 32]]);
    }),
    fault(Commitment, "bad-witness-merkle-match", "a second commitment that is wrong", |_, b| {
        pay(b, 0, &[&[0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed][..], &[7; 32]].concat());
    }),
    fault(Commitment, "unexpected-witness", "witnesses without a commitment", |_, b| {
        b.txdata[0].output.pop();
        b.txdata[0].input[0].witness.clear();
    }),
    fault(Commitment, "unexpected-witness", "a reserved value without a commitment", |_, b| {
        b.txdata[0].output.pop();
        b.txdata.truncate(1);
    }),
    fault(Transactions, "bad-blk-weight", "a witness of four million bytes", |w, b| add(w, b, |tx| {
        tx.input[0].witness = Witness::from_slice(&[vec![0; 4_000_000]]);
    })),
    // The coins.
    fault(Transactions, "bad-txns-BIP30", "a transaction of the block before", |w, b| b.txdata.push(w.tip().txdata[2].clone())),
    fault(Transactions, "bad-txns-inputs-missingorspent", "an input that never was", |_, b| {
        b.txdata.push(spend(OutPoint { vout: 0, txid: Hash::all_zeros() }, Amount::ONE_SAT));
    }),
    fault(Transactions, "bad-txns-inputs-missingorspent", "an input spent by an earlier block", |w, b| {
        b.txdata.push(w.spend_coinbase(1, Amount::ONE_SAT));
    }),
    fault(Transactions, "bad-txns-inputs-missingorspent", "an input spent in the same block", |_, b| {
        b.txdata.push(spend_output(&b.txdata[1], 0, Amount::ONE_SAT));
    }),
    fault(Transactions, "bad-txns-inputs-missingorspent", "a child before its parent", |_, b| b.txdata[1..].reverse()),
    fault(Transactions, "bad-txns-inputs-missingorspent", "the input of an OP_RETURN output", |w, b| add(w, b, |tx| {
        tx.input[0].previous_output.vout = 3;
    })),
    fault(Transactions, "bad-txns-premature-spend-of-coinbase", "a coinbase 99 blocks deep", |w, b| {
        b.txdata.push(w.spend_coinbase(w.height() + 1 - 99, Amount::ZERO));
    }),
    fault(Transactions, "bad-txns-in-belowout", "outputs worth more than inputs", |w, b| add(w, b, |tx| {
        tx.output[0].value += Amount::ONE_SAT * 2;
    })),
    fault(Transactions, "bad-txns-nonfinal", "an input younger than it says, in blocks", |w, b| {
        relative_lock(w, b, Sequence::from_height(101));
    }),
    fault(Transactions, "bad-txns-nonfinal", "an input younger than it says, in time", |w, b| {
        // 100 blocks of 600 s lie between the medians before either block.
        relative_lock(w, b, Sequence::from_512_second_intervals((100 * 600_u32).div_ceil(512) as u16));
    }),
    fault(Transactions, "mandatory-script-verify-flag-failed", "no witness", |w, b| add(w, b, |tx| {
        tx.input[0].witness.clear();
    })),
    fault(Transactions, "mandatory-script-verify-flag-failed", "another witness script", |w, b| add(w, b, |tx| {
        tx.input[0].witness = Witness::from_slice(&[[0x52]]);
    })),
    fault(Transactions, "mandatory-script-verify-flag-failed", "a witness item too many", |w, b| add(w, b, |tx| {
        tx.input[0].witness = Witness::from_slice(&[[0x51], [0x51]]);
    })),
    fault(Transactions, "mandatory-script-verify-flag-failed", "a signature script beside a witness", |w, b| add(w, b, |tx| {
        tx.input[0].script_sig = script(&[0x51]);
    })),
    fault(Transactions, "bad-cb-amount", "a satoshi too much", |_, b| b.txdata[0].output[0].value += Amount::ONE_SAT),
];

const MAX_MONEY: u64 = 21_000_000 * 100_000_000;

fn bits(bits: u32) -> CompactTarget {
    CompactTarget::from_consensus(bits)
}

/// The median time of the last eleven blocks, which are 600 s apart.
pub(crate) fn median_time_past(world: &World) -> u32 {
    world.block(world.height() - 5).header.time
}

pub(crate) fn coinbase_script(block: &Block) -> Vec<u8> {
    block.txdata[0].input[0].script_sig.to_bytes()
}

pub(crate) fn set_script(block: &mut Block, bytes: &[u8]) {
    block.txdata[0].input[0].script_sig = script(bytes);
}

/// Adds an output to the coinbase.
pub(crate) fn pay(block: &mut Block, sats: u64, bytes: &[u8]) {
    block.txdata[0].output.push(TxOut { value: Amount::from_sat(sats), script_pubkey: script(bytes) });
}

/// Adds a transaction that would be good, but for what `spoil` does to it. It spends the last coin of a coinbase
/// that has just matured, and leaves a fee of 1 satoshi.
pub(crate) fn add(world: &World, block: &mut Block, spoil: impl Fn(&mut Transaction)) {
    let mut tx = spend_output(&world.block(world.height() + 1 - 100).txdata[0], 4, Amount::ONE_SAT);
    spoil(&mut tx);
    block.txdata.push(tx);
}

fn set_value(world: &World, block: &mut Block, sats: u64) {
    add(world, block, |tx| tx.output[0].value = Amount::from_sat(sats));
}

pub(crate) fn lock(world: &World, block: &mut Block, until: u32) {
    add(world, block, |tx| {
        tx.lock_time = LockTime::from_consensus(until);
        tx.input[0].sequence = Sequence::ZERO;
    });
}

pub(crate) fn relative_lock(world: &World, block: &mut Block, sequence: Sequence) {
    add(world, block, |tx| tx.input[0].sequence = sequence);
}
