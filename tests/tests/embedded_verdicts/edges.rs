//! What lies just within the rules, so that both judges must take it.

use bitcoin::block::Version;
use bitcoin::{Amount, Block, Sequence, TxOut};

use crate::blocks::{Stage, commit, finished, script};
use crate::faults::{
    Fault, add, coinbase_script, fault, lock, median_time_past, pay, relative_lock, set_script,
};
use crate::world::{GOOD, World, now};

use Stage::{Commitment, Header, Solved, Transactions};

#[rustfmt::skip]
pub(crate) const EDGES: &[Fault] = &[
    // The first one, while all blocks are 600 s apart: 100 of them lie between the medians before either block.
    fault(Transactions, GOOD, "an input as old as it says, in time", |w, b| {
        relative_lock(w, b, Sequence::from_512_second_intervals(100 * 600 / 512));
    }),
    fault(Header, GOOD, "a second after the median time past", |w, b| b.header.time = median_time_past(w) + 1),
    fault(Header, GOOD, "every version bit that may be rolled", |_, b| b.header.version = Version::from_consensus(0x3fff_e000)),
    fault(Header, GOOD, "version 4", |_, b| b.header.version = Version::from_consensus(4)),
    fault(Transactions, GOOD, "a coinbase script of 100 bytes", |_, b| {
        let height_and_more = [&coinbase_script(b)[..], &[0; 100]].concat();
        set_script(b, &height_and_more[..100]);
    }),
    fault(Transactions, GOOD, "a claim of nothing", |_, b| b.txdata[0].output.iter_mut().for_each(|o| o.value = Amount::ZERO)),
    fault(Transactions, GOOD, "no transaction but the coinbase", |_, b| {
        b.txdata.truncate(1);
        b.txdata[0].output[0].value -= Amount::from_sat(2000);
    }),
    fault(Commitment, GOOD, "no witness, no commitment", |_, b| {
        b.txdata.truncate(1);
        b.txdata[0].output[0].value -= Amount::from_sat(2000);
        b.txdata[0].output.pop();
        b.txdata[0].input[0].witness.clear();
    }),
    fault(Transactions, GOOD, "a wrong commitment before the right one", |_, b| {
        pay(b, 0, &[&[0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed][..], &[7; 32]].concat());
    }),
    fault(Commitment, GOOD, "a reserved value of its own", |_, b| commit(b, &[9; 32])),
    fault(Solved, GOOD, "a reserved value of zeros left out", |_, b| b.txdata[0].input[0].witness.clear()),
    fault(Transactions, GOOD, "a lock height just past", |w, b| lock(w, b, w.height())),
    fault(Transactions, GOOD, "a lock time just past", |w, b| lock(w, b, median_time_past(w) - 1)),
    fault(Transactions, GOOD, "a lock not past that no input insists on", |w, b| {
        lock(w, b, w.height() + 9);
        let last = b.txdata.len() - 1;
        b.txdata[last].input[0].sequence = Sequence::MAX;
    }),
    fault(Transactions, GOOD, "an input as old as it says, in blocks", |w, b| relative_lock(w, b, Sequence::from_height(100))),
    fault(Transactions, GOOD, "a bare OP_TRUE spent for its whole value", |w, b| add(w, b, |tx| {
        tx.input[0].previous_output.vout = 1;
        tx.input[0].witness.clear();
        tx.output[0].value = Amount::ONE_SAT;
    })),
    fault(Transactions, GOOD, "an output nobody can spend", |w, b| add(w, b, |tx| {
        tx.output.push(TxOut { value: Amount::ZERO, script_pubkey: script(&[0x6a]) });
    })),
    fault(Header, GOOD, "two hours ahead", |_, b| b.header.time = now() + 7200),
];

/// Spends an output whose script is OP_TRUE twice.
pub(crate) fn spending_an_unknown_script(world: &World) -> Block {
    let mut block = world.draft();
    add(world, &mut block, |tx| {
        tx.input[0].previous_output.vout = 2;
        tx.input[0].witness.clear();
        tx.output[0].value = Amount::ZERO;
    });
    finished(block)
}
