//! Building blocks by hand, stage by stage, so that each stage can go wrong. Independent of the miner's own
//! assembly: that one is judged elsewhere.

use bitcoin::absolute::LockTime;
use bitcoin::block::{Header, Version};
use bitcoin::hashes::Hash;
use bitcoin::script::Builder;
use bitcoin::{
    Amount, Block, CompactTarget, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxMerkleNode, TxOut,
    Witness, transaction,
};
use miner_node::embedded::anyone_can_spend;

/// The stages of making a block. A fault belongs to the first stage whose work would not undo it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The transactions are there.
    Transactions,
    /// The witness commitment is in the coinbase.
    Commitment,
    /// The merkle root is in the header.
    Header,
    /// The hash meets the target.
    Solved,
}

impl Stage {
    pub(crate) const ALL: [Self; 4] = [Self::Transactions, Self::Commitment, Self::Header, Self::Solved];

    /// Does the stage's work.
    pub(crate) fn prepare(self, block: &mut Block) {
        match self {
            Self::Transactions => {}
            Self::Commitment => commit(block, &[0; 32]),
            Self::Header => {
                block.header.merkle_root = block.compute_merkle_root().unwrap_or(TxMerkleNode::all_zeros());
            }
            Self::Solved => solve(block),
        }
    }
}

/// Takes a draft through all stages.
pub(crate) fn finished(mut block: Block) -> Block {
    Stage::ALL.iter().for_each(|stage| stage.prepare(&mut block));
    block
}

/// A block on `parent` with a coinbase that pays `value` to anyone. Nothing of the later stages is done.
pub(crate) fn draft(parent: &Block, height: u32, value: Amount, transactions: Vec<Transaction>) -> Block {
    let header = Header {
        version: Version::from_consensus(0x2000_0000),
        prev_blockhash: parent.block_hash(),
        merkle_root: TxMerkleNode::all_zeros(),
        time: parent.header.time + 600,
        bits: CompactTarget::from_consensus(0x207f_ffff),
        nonce: 0,
    };
    let txdata = std::iter::once(coinbase(height, value)).chain(transactions).collect();
    Block { header, txdata }
}

/// A coinbase with two coins of the chain's own, the second one small, and between them coins of 1 satoshi: a
/// bare OP_TRUE, one of a form that the chain cannot judge, and one that nobody can spend.
fn coinbase(height: u32, value: Amount) -> Transaction {
    let (sat, small) = (Amount::ONE_SAT, Amount::from_sat(1000));
    let input = TxIn {
        previous_output: OutPoint::null(),
        script_sig: Builder::new().push_int(height.into()).push_slice(b"test").into_script(),
        sequence: Sequence::MAX,
        witness: Witness::new(),
    };
    let outputs = [
        (value - sat * 3 - small, anyone_can_spend()),
        (sat, script(&[0x51])),
        (sat, script(&[0x51, 0x51])),
        (sat, script(&[0x6a])),
        (small, anyone_can_spend()),
    ];
    transaction(vec![input], outputs.map(|(value, script_pubkey)| TxOut { value, script_pubkey }).to_vec())
}

pub(crate) fn script(bytes: &[u8]) -> ScriptBuf {
    ScriptBuf::from_bytes(bytes.to_vec())
}

pub(crate) fn transaction(input: Vec<TxIn>, output: Vec<TxOut>) -> Transaction {
    Transaction { version: transaction::Version::TWO, lock_time: LockTime::ZERO, input, output }
}

/// Spends one of the chain's own coins to one of its own; what is left of `value` goes to fees.
pub(crate) fn spend(coin: OutPoint, value: Amount) -> Transaction {
    let input = TxIn {
        previous_output: coin,
        script_sig: ScriptBuf::new(),
        sequence: Sequence::MAX,
        witness: Witness::from_slice(&[[0x51]]),
    };
    transaction(vec![input], vec![TxOut { value, script_pubkey: anyone_can_spend() }])
}

/// Adds the witness commitment of BIP141 with this reserved value.
pub(crate) fn commit(block: &mut Block, reserved: &[u8]) {
    let Some(root) = block.witness_root() else { return };
    let hash = Block::compute_witness_commitment(&root, reserved);
    let bytes = [&[0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed][..], hash.as_byte_array()].concat();
    if let Some(coinbase) = block.txdata.first_mut().filter(|tx| !tx.input.is_empty()) {
        coinbase.output.push(TxOut { value: Amount::ZERO, script_pubkey: script(&bytes) });
        coinbase.input[0].witness = Witness::from_slice(&[reserved]);
    }
}

/// Looks for a nonce that meets the header's own target, and gives up where there can be none.
pub(crate) fn solve(block: &mut Block) {
    let start = block.header.nonce;
    while !block.header.target().is_met_by(block.block_hash()) && block.header.nonce < start + 10_000 {
        block.header.nonce += 1;
    }
}

/// Looks for a nonce that does not.
pub(crate) fn unsolve(block: &mut Block) {
    while block.header.target().is_met_by(block.block_hash()) {
        block.header.nonce += 1;
    }
}
