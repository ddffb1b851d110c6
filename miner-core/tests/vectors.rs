//! The judging path against every vector: real jobs with their shares, and headers with their hashes.

use std::sync::Arc;

use miner_core::bitcoin::hashes::Hash as _;
use miner_core::bitcoin::hex::{DisplayHex as _, FromHex as _};
use miner_core::bitcoin::{BlockHash, CompactTarget, TxMerkleNode};
use miner_core::{
    Extranonce, Job, JobParams, RootSource, ShareError, Solution, Terms, TimeWindow, VersionMask, header,
    sha256, target,
};
use serde_json::Value;

fn vectors(section: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("vectors/vectors.json")).unwrap();
    let section = all[section].as_array().unwrap().clone();
    assert!(!section.is_empty());
    section
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is no string"))
}

fn bytes(hex: &Value) -> Vec<u8> {
    Vec::from_hex(hex.as_str().unwrap()).unwrap()
}

fn number(hex: &Value) -> u32 {
    u32::from_str_radix(hex.as_str().unwrap(), 16).unwrap()
}

/// The job of a `mining.notify` in the vectors' form. Each word of the previous hash is byte-swapped.
fn job(notify: &Value) -> Arc<Job> {
    let mut prev_blockhash = bytes(&notify[1]);
    prev_blockhash.chunks_exact_mut(4).for_each(<[u8]>::reverse);
    let branch = notify[4].as_array().unwrap().iter().map(|h| bytes(h).try_into().unwrap()).collect();
    Arc::new(
        Job::new(JobParams {
            id: notify[0].as_str().unwrap().to_owned(),
            version: number(&notify[5]),
            reserved_version_bits: 0,
            prev_blockhash: BlockHash::from_slice(&prev_blockhash).unwrap(),
            time: TimeWindow::starting_at(number(&notify[7])),
            bits: CompactTarget::from_consensus(number(&notify[6])),
            clean: notify[8].as_bool().unwrap(),
            root: RootSource::Coinbase { prefix: bytes(&notify[2]), suffix: bytes(&notify[3]), branch },
        })
        .unwrap(),
    )
}

#[test]
fn every_share_is_judged_as_the_vectors_say() {
    for vector in vectors("stratum") {
        let name = text(&vector, "name");
        let job = job(&vector["notify_params"]);
        let submit = &vector["submit_params"];
        let mut terms = Terms {
            extranonce1: Extranonce::try_from(&bytes(&vector["extranonce1"])[..]).unwrap(),
            extranonce2_size: vector["extranonce2_size"].as_u64().unwrap() as u8,
            version_mask: VersionMask::new(
                vector["version_mask"].as_str().map_or(0, |m| u32::from_str_radix(m, 16).unwrap()),
            ),
            share_target: target::from_difficulty(1.0).unwrap(),
        };
        let rolled = submit.get(5).map_or(0, number);
        let solution = Solution {
            extranonce2: Extranonce::try_from(&bytes(&submit[2])[..]).unwrap(),
            time: number(&submit[3]),
            version: job.version() & !terms.version_mask.bits() | rolled,
            nonce: number(&submit[4]),
        };
        let coinbase = job.coinbase(&terms, &solution.extranonce2).unwrap();
        assert_eq!(coinbase.to_lower_hex_string(), text(&vector, "coinbase"), "{name}");
        let root = job.merkle_root(&terms, &solution.extranonce2);
        let internal = text(&vector, "merkle_root_internal");
        assert_eq!(root, TxMerkleNode::from_slice(&Vec::from_hex(internal).unwrap()).unwrap(), "{name}");
        let evaluated = job.evaluate(&root, &solution);
        assert_eq!(header::to_hex(&evaluated.header), text(&vector, "header"), "{name}");
        assert_eq!(evaluated.hash.to_string(), text(&vector, "hash"), "{name}");

        let share = job.check(&terms, &solution, &evaluated).unwrap();
        let difficulty = vector["share_difficulty"].as_f64().unwrap();
        assert!((share.difficulty() / difficulty - 1.0).abs() < 1e-12, "{name}: {}", share.difficulty());
        let is_block = difficulty >= target::difficulty(job.network_target());
        assert_eq!(share.is_block(), is_block, "{name}");

        // Just below its own difficulty it still passes; just above, only as a block.
        terms.share_target = target::from_difficulty(difficulty * (1.0 - 1e-9)).unwrap();
        assert!(job.check(&terms, &solution, &evaluated).is_ok(), "{name}");
        terms.share_target = target::from_difficulty(difficulty * (1.0 + 1e-9)).unwrap();
        let verdict = job.check(&terms, &solution, &evaluated).map(|_| ());
        match verdict {
            Ok(()) => assert!(is_block, "{name}"),
            Err(error) => {
                assert!(!is_block && matches!(error, ShareError::HighHash { .. }), "{name}: {error}");
            }
        }

        first_rule_broken(&job, &terms, &solution);
    }
}

/// Each rule has its error, and the rule broken first is the one named.
fn first_rule_broken(job: &Arc<Job>, terms: &Terms, solution: &Solution) {
    let judge = |solution: Solution| {
        let root = job.merkle_root(terms, &solution.extranonce2);
        job.check(terms, &solution, &job.evaluate(&root, &solution)).map(|_| ()).unwrap_err()
    };
    let late = Solution { time: job.time().max + 1, ..*solution };
    assert!(matches!(judge(late), ShareError::TimeOutOfRange { .. }));
    let early = Solution { time: job.time().min - 1, version: !0, ..*solution };
    assert!(matches!(judge(early), ShareError::TimeOutOfRange { .. }));
    let version = Solution { version: solution.version ^ 0x8000_0001, ..*solution };
    assert_eq!(judge(version), ShareError::VersionBits { outside: 0x8000_0001 });
    let size = Solution { extranonce2: Extranonce::nth(1, 5), ..late };
    assert_eq!(judge(size), ShareError::Extranonce2Size { expected: 4, got: 5 });
    for bit in 0..32 {
        let nonce = Solution { nonce: solution.nonce ^ 1 << bit, ..*solution };
        assert!(matches!(judge(nonce), ShareError::HighHash { .. }), "nonce bit {bit}");
    }
}

#[test]
fn every_header_hashes_as_the_vectors_say() {
    for vector in vectors("headers") {
        let name = text(&vector, "name");
        let parsed = header::from_hex(text(&vector, "header")).unwrap();
        assert_eq!(header::to_hex(&parsed), text(&vector, "header"), "{name}");
        assert_eq!(header::hash(&parsed).to_string(), text(&vector, "hash"), "{name}");
        assert_eq!(header::hash(&parsed), parsed.block_hash(), "{name}: the bitcoin crate agrees");
        let words = |key: &str| -> Vec<u32> { vector[key].as_array().unwrap().iter().map(number).collect() };
        assert_eq!(header::midstate(&parsed).to_vec(), words("midstate_words"), "{name}");
        assert_eq!(header::tail(&parsed).to_vec(), words("w0_w2"), "{name}");
        assert_eq!(parsed.nonce.swap_bytes(), number(&vector["nonce_word_be"]), "{name}");
        let finished = sha256::finish(header::midstate(&parsed), header::tail(&parsed), parsed.nonce);
        assert_eq!(finished, header::hash(&parsed).to_byte_array(), "{name}");
        let job = Arc::new(Job::from_header(name, &parsed).unwrap());
        let nonce = Solution {
            extranonce2: Extranonce::EMPTY,
            time: parsed.time,
            version: job.version(),
            nonce: parsed.nonce,
        };
        let terms = Terms::solo(0, VersionMask::NONE);
        let evaluated = job.evaluate(&job.merkle_root(&terms, &Extranonce::EMPTY), &nonce);
        assert!(evaluated.is_block(&job), "{name}");
        assert!(job.check(&terms, &nonce, &evaluated).unwrap().is_block(), "{name}");
    }
}

#[test]
fn headers_that_are_none_are_refused() {
    assert_eq!(header::from_hex(""), Err(header::HeaderError::TooShort(0)));
    assert_eq!(header::from_hex(&"00".repeat(79)), Err(header::HeaderError::TooShort(79)));
    assert!(header::from_hex(&"0g".repeat(80)).unwrap_err().to_string().contains("not hex"));
    assert!(header::from_hex(&"0".repeat(161)).is_err());
    assert!(header::from_hex(&"00".repeat(90)).is_ok(), "trailing bytes are tolerated");
}
