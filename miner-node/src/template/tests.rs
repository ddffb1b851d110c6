//! Templates that are made up, and the blocks that come of them, judged by the `bitcoin` crate.

use bitcoin::consensus::encode;
use bitcoin::hashes::Hash;
use bitcoin::hex::{DisplayHex, FromHex};
use bitcoin::{
    Amount, Block, BlockHash, OutPoint, ScriptBuf, Sequence, Target, Transaction, TxIn, TxOut, Witness,
};
use miner_core::{ShareError, TimeWindow};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::Payout;

/// A transaction that spends nothing real, with a witness.
fn transaction(n: u8) -> Transaction {
    Transaction {
        version: bitcoin::transaction::Version::TWO,
        lock_time: bitcoin::absolute::LockTime::ZERO,
        input: vec![TxIn {
            previous_output: OutPoint { txid: Txid::from_byte_array([n; 32]), vout: 0 },
            script_sig: ScriptBuf::new(),
            sequence: Sequence::MAX,
            witness: Witness::from_slice(&[vec![n; 10]]),
        }],
        output: vec![TxOut { value: Amount::from_sat(1), script_pubkey: ScriptBuf::from_bytes(vec![0x51]) }],
    }
}

/// The commitment that a node puts into a template with these transactions.
fn commitment(transactions: &[Transaction]) -> String {
    let zero = bitcoin::Wtxid::all_zeros().to_raw_hash();
    let leaves = [zero].into_iter().chain(transactions.iter().map(|tx| tx.compute_wtxid().to_raw_hash()));
    let root = bitcoin::merkle_tree::calculate_root(leaves).unwrap();
    let hash = Block::compute_witness_commitment(&bitcoin::WitnessMerkleNode::from_raw_hash(root), &[0; 32]);
    format!("6a24aa21a9ed{}", hash.to_byte_array().to_lower_hex_string())
}

/// A template as a regtest node sends it, with this many transactions.
fn template(height: u32, transactions: u8) -> Value {
    let transactions: Vec<_> = (1..=transactions).map(transaction).collect();
    let entry = |tx: &Transaction| {
        let data = encode::serialize_hex(tx);
        json!({ "data": data, "txid": tx.compute_txid(), "hash": tx.compute_wtxid(), "fee": 10,
                "weight": tx.weight().to_wu(), "sigops": 0, "depends": [] })
    };
    json!({
        "capabilities": ["proposal"], "version": 0x2000_0000, "rules": ["csv", "!segwit", "taproot"],
        "vbavailable": {}, "vbrequired": 0, "previousblockhash": BlockHash::from_byte_array([7; 32]),
        "transactions": transactions.iter().map(entry).collect::<Vec<_>>(), "coinbaseaux": {},
        "coinbasevalue": 5_000_000_010_u64, "longpollid": "opaque", "target": "7fffff", "mintime": 1_700_000_000,
        "mutable": ["time"], "noncerange": "00000000ffffffff", "sigoplimit": 80000, "sizelimit": 4_000_000,
        "weightlimit": 4_000_000, "curtime": 1_700_000_100, "bits": "207fffff", "height": height,
        "default_witness_commitment": commitment(&transactions),
    })
}

fn reply(template: &Value) -> TemplateReply {
    serde_json::from_value(template.clone()).unwrap()
}

fn build(template: &Value) -> Result<Template, NodeError> {
    Template::new("1", reply(template), &CoinbaseOptions::default(), None)
}

/// The template with one field changed.
fn with(field: &str, value: Value) -> Value {
    let mut template = template(100, 1);
    template[field] = value;
    template
}

/// The first share: on regtest every other nonce is a block.
fn solve(template: &Template) -> Share {
    let (job, terms) = (template.job(), terms(VersionMask::NONE));
    let extranonce2 = Extranonce::nth(5, EXTRANONCE_SIZE);
    let root = job.merkle_root(&terms, &extranonce2);
    let share = |nonce| -> Result<Share, ShareError> {
        let solution = Solution { extranonce2, time: job.time().after(3), version: job.version(), nonce };
        job.check(&terms, &solution, &job.evaluate(&root, &solution))
    };
    (0..).find_map(|nonce| share(nonce).ok()).unwrap()
}

fn decoded(block: &SolvedBlock) -> Block {
    encode::deserialize(&Vec::from_hex(&block.hex).unwrap()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn every_template_becomes_a_sound_block(height in prop_oneof![1u32..20, 1u32..300_000], transactions in 0u8..40) {
        let signature = b"of my own".to_vec();
        let payout = Payout::to_script("5120aabb").unwrap();
        let options = CoinbaseOptions { payout: payout.clone(), signature: signature.clone() };
        let template = Template::new("1", reply(&template(height, transactions)), &options, None).unwrap();
        let share = solve(&template);
        let solved = template.block(&share).unwrap();
        let block = decoded(&solved);
        prop_assert!(block.check_merkle_root() && block.check_witness_commitment());
        prop_assert_eq!(block.block_hash(), solved.hash);
        prop_assert_eq!(solved.hash, share.hash());
        prop_assert!(Target::MAX_ATTAINABLE_REGTEST.is_met_by(solved.hash));
        prop_assert_eq!(block.txdata.len(), 1 + usize::from(transactions));
        prop_assert_eq!(block.header.time, 1_700_000_103);
        let coinbase = &block.txdata[0];
        prop_assert_eq!(coinbase.lock_time.to_consensus_u32(), height - 1);
        prop_assert_eq!(&coinbase.output[0].script_pubkey, payout.script());
        prop_assert_eq!(coinbase.output[0].value, Amount::from_sat(5_000_000_010));
        let script = coinbase.input[0].script_sig.as_bytes();
        let bip34 = bitcoin::script::Builder::new().push_int(height.into()).into_bytes();
        prop_assert!(script.starts_with(&bip34));
        prop_assert!(script.windows(9).any(|window| window == signature));
    }
}

#[test]
fn an_unsolved_block_is_sound_but_for_its_work() {
    let unsolved = build(&template(1, 3)).unwrap().unsolved().unwrap();
    let block = decoded(&unsolved);
    assert!(block.check_merkle_root() && block.check_witness_commitment());
    assert_eq!((block.header.nonce, unsolved.height), (0, 1));
}

#[test]
fn without_a_commitment_or_segwit_there_is_no_witness() {
    let mut bare = template(100, 0);
    bare.as_object_mut().unwrap().remove("default_witness_commitment");
    let mut old = template(100, 0);
    old["rules"] = json!(["csv"]);
    for template in [bare, old] {
        let block = decoded(&build(&template).unwrap().unsolved().unwrap());
        assert_eq!(block.txdata[0].output.len(), 1);
        assert!(block.txdata[0].input[0].witness.is_empty());
    }
}

#[test]
fn times_run_from_the_nodes_to_two_hours_ahead() {
    let window = build(&template(1, 0)).unwrap().job().time();
    assert_eq!(window, TimeWindow { min: 1_700_000_000, start: 1_700_000_100, max: 1_700_007_300 });
    let early = build(&with("curtime", json!(1_699_999_999))).unwrap().job().time();
    assert_eq!(early.start, 1_700_000_000);
}

#[test]
fn bits_that_signal_a_deployment_are_not_rolled() {
    let mut signalling = with("vbavailable", json!({ "testdummy": 28, "!other": 5 }));
    signalling["vbrequired"] = json!(0x4000);
    let job = build(&signalling).unwrap().job().clone();
    assert_eq!(job.reserved_version_bits(), 1 << 28 | 1 << 5 | 0x4000);
    let rollable = terms(VersionMask::BIP320).rollable_bits(&job);
    assert_eq!(rollable, VersionMask::BIP320.bits() & !0x2000_0000 & !(1 << 28) & !0x4000);
}

#[test]
fn data_that_the_node_wants_is_in_the_coinbase() {
    let block =
        decoded(&build(&with("coinbaseaux", json!({ "flags": "02abcd" }))).unwrap().unsolved().unwrap());
    assert!(block.txdata[0].input[0].script_sig.to_hex_string().starts_with("016402abcd0c"));
}

#[test]
fn an_unknown_rule_is_refused_only_where_it_is_mandatory() {
    assert!(build(&with("rules", json!(["csv", "!segwit", "!signet", "another"]))).is_ok());
    let error = build(&with("rules", json!(["!segwit", "!reduced_data"]))).unwrap_err();
    assert!(matches!(&error, NodeError::UnknownRule(rule) if rule == "reduced_data") && error.is_fatal());
    assert!(error.to_string().contains("`reduced_data`"));
}

#[test]
fn what_no_valid_block_can_come_from_is_refused_with_the_reason() {
    let mut odd = template(100, 1);
    odd["transactions"][0]["data"] = json!("020");
    let mut heavy = template(100, 1);
    heavy["transactions"][0]["weight"] = json!(3_999_500);
    for (template, words) in [
        (odd, "not hex"),
        (heavy, "would weigh"),
        (with("coinbasevalue", json!(2_100_000_000_000_001_u64)), "all bitcoin"),
        (with("default_witness_commitment", json!("6a24aa21a9ee")), "witness commitment"),
        (with("coinbaseaux", json!({ "flags": "x" })), "coinbaseaux"),
        (with("coinbaseaux", json!({ "flags": "00".repeat(100) })), "100 allowed"),
        (with("vbavailable", json!({ "a": 32 })), "version bit 32"),
        (with("version", json!(-1)), "negative"),
        (with("bits", json!("00000000")), "00000000"),
        (with("mintime", json!(1_700_007_301)), "no time"),
    ] {
        let error = build(&template).unwrap_err().to_string();
        assert!(error.contains("template is unusable") && error.contains(words), "{words}: {error}");
    }
}

#[test]
fn transactions_seen_before_are_held_once() {
    let first = build(&template(100, 3)).unwrap();
    let second =
        Template::new("2", reply(&template(100, 5)), &CoinbaseOptions::default(), Some(&first)).unwrap();
    let same: Vec<bool> =
        first.transactions.iter().zip(&second.transactions).map(|(a, b)| Arc::ptr_eq(&a.1, &b.1)).collect();
    assert_eq!(same, [true; 3]);
    assert!(first.job().is_clean() && !second.job().is_clean());
    let mut resigned = template(100, 3);
    resigned["transactions"][1]["data"] = json!("00");
    let third = Template::new("3", reply(&resigned), &CoinbaseOptions::default(), Some(&first)).unwrap();
    assert_eq!(&*third.transactions[1].1, "00");
}

#[test]
fn a_template_is_kept_until_two_tips_later() {
    let mut shelf = Shelf::default();
    let mut keep = |tip: u8| {
        let mut template = template(100, 0);
        template["previousblockhash"] = json!(BlockHash::from_byte_array([tip; 32]));
        let latest = shelf.latest().cloned();
        let options = CoinbaseOptions::default();
        let template =
            Arc::new(Template::new("same", reply(&template), &options, latest.as_deref()).unwrap());
        shelf.keep(template.clone());
        template.job().clone()
    };
    let jobs = [1, 1, 2, 2, 3].map(&mut keep);
    let found = jobs.map(|job| shelf.find(&job).is_ok());
    assert_eq!(found, [false, false, true, true, true]);
    let stranger = build(&template(100, 0)).unwrap();
    assert!(matches!(shelf.find(stranger.job()), Err(NodeError::UnknownJob(_))));
}

#[test]
fn templates_on_one_tip_are_bounded() {
    let mut shelf = Shelf::default();
    let first = Arc::new(build(&template(100, 0)).unwrap());
    shelf.keep(first.clone());
    for _ in 0..64 {
        let latest = shelf.latest().cloned();
        let options = CoinbaseOptions::default();
        shelf.keep(Arc::new(
            Template::new("x", reply(&template(100, 0)), &options, latest.as_deref()).unwrap(),
        ));
    }
    assert!(shelf.find(first.job()).is_err());
}
