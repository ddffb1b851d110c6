//! Real jobs with their shares, from the line of `mining.notify` to the hash and back to the same lines.
//!
//! The vectors are miner-core's; the link becomes a copy in a package.

use std::sync::Arc;

use miner_core::{Extranonce, Job, ShareError, Solution, Terms, VersionMask, header, target};
use miner_stratum::{Call, ClientCall, Frame, Id, Notify, PoolCall, Submit};
use serde_json::{Value, json};

/// One vector, read through the same calls as from a connection.
struct Vector {
    name: String,
    notify: Notify,
    submit: Submit,
    terms: Terms,
    json: Value,
}

fn text<'a>(vector: &'a Value, key: &str) -> &'a str {
    vector[key].as_str().unwrap_or_else(|| panic!("{key} is no string"))
}

fn call(method: &str, params: &Value) -> Call {
    let line = json!({"id": 4, "method": method, "params": params}).to_string();
    match Frame::parse(line.as_bytes()) {
        Ok(Frame::Call(call)) => call,
        other => panic!("{line}: {other:?}"),
    }
}

/// What a session agreed on, as its pool told it.
fn terms(vector: &Value) -> Terms {
    let told = json!([vector["extranonce1"], vector["extranonce2_size"]]);
    let Ok(PoolCall::SetExtranonce { extranonce1, extranonce2_size }) =
        PoolCall::parse(&call("mining.set_extranonce", &told))
    else {
        panic!("no extranonce: {told}");
    };
    let version_mask = match &vector["version_mask"] {
        Value::Null => VersionMask::NONE,
        mask => match PoolCall::parse(&call("mining.set_version_mask", &json!([mask]))) {
            Ok(PoolCall::SetVersionMask(mask)) => mask,
            other => panic!("{other:?}"),
        },
    };
    Terms { extranonce1, extranonce2_size, version_mask, share_target: target::from_difficulty(1.0).unwrap() }
}

fn vectors() -> Vec<Vector> {
    let mut all: Value = serde_json::from_str(include_str!("vectors/vectors.json")).unwrap();
    let Value::Array(vectors) = all["stratum"].take() else { panic!("no vectors") };
    assert!(!vectors.is_empty());
    vectors
        .into_iter()
        .map(|json| {
            let notify = match PoolCall::parse(&call("mining.notify", &json["notify_params"])) {
                Ok(PoolCall::Notify(notify)) => notify,
                other => panic!("{other:?}"),
            };
            let submit = match ClientCall::parse(&call("mining.submit", &json["submit_params"])) {
                Ok(ClientCall::Submit(submit)) => submit,
                other => panic!("{other:?}"),
            };
            Vector { name: text(&json, "name").to_owned(), notify, submit, terms: terms(&json), json }
        })
        .collect()
}

#[test]
fn every_share_hashes_as_its_vector_says() {
    for Vector { name, notify, submit, terms, json } in vectors() {
        let job = Arc::new(notify.to_job().unwrap());
        let solution = submit.solution(&job, terms.version_mask);
        let evaluated = job.evaluate(&job.merkle_root(&terms, &solution.extranonce2), &solution);
        assert_eq!(header::to_hex(&evaluated.header), text(&json, "header"), "{name}");
        assert_eq!(evaluated.hash.to_string(), text(&json, "hash"), "{name}");

        let share = job.check(&terms, &solution, &evaluated).unwrap();
        let again = Submit::of(&share, &submit.worker);
        assert_eq!(again, submit, "{name}");
        assert_eq!(again.to_params(), json["submit_params"], "{name}");
        assert_eq!(Notify::of(&job), Some(notify.clone()), "{name}");
        assert_eq!(notify.to_params(), json["notify_params"], "{name}");
        let announced = PoolCall::Notify(notify).to_call(Id::NULL);
        assert_eq!(announced.params, json["notify_params"], "{name}");
    }
}

/// The same job with rolled versions: what is submitted is the header's version under the mask (BIP310).
#[test]
fn rolled_versions_are_submitted_and_read_back() {
    let Vector { notify, submit, terms, .. } = vectors().remove(0);
    for (version, mask, rolled) in [
        (0x2000_0000, 0x1fff_e000, 0x3fff_e000),
        (0x2000_0000, 0x1fff_e000, 0x2000_0000),
        (0x2000_0004, 0x0000_3000, 0x2000_1004),
        // The job sets bit 28, as regtest does, and it lies in the mask.
        (0x3000_0000, 0x1fff_e000, 0x3000_2000),
        (0x2000_0000, 0x7fff_ffff, 0x0000_0001),
    ] {
        // Regtest's bits, so that a hash is found at once.
        let bits = miner_core::bitcoin::CompactTarget::from_consensus(0x207f_ffff);
        let job = Arc::new(Notify { version, bits, ..notify.clone() }.to_job().unwrap());
        let terms = Terms { version_mask: VersionMask::new(mask), ..terms };
        let share =
            find(&job, &terms, &Solution { version: rolled, ..submit.solution(&job, VersionMask::NONE) });
        let sent = Submit::of(&share, "w");
        assert_eq!(sent.version_bits, Some(rolled & mask));
        assert_eq!(sent.solution(&job, terms.version_mask), *share.solution());
    }
}

fn find(job: &Arc<Job>, terms: &Terms, start: &Solution) -> miner_core::Share {
    let root = job.merkle_root(terms, &start.extranonce2);
    (0..1000)
        .map(|nonce| Solution { nonce, ..*start })
        .find_map(|solution| job.check(terms, &solution, &job.evaluate(&root, &solution)).ok())
        .expect("half of all hashes meet the target")
}

#[test]
fn bits_outside_the_mask_are_named_whatever_the_jobs_version_has_there() {
    let Vector { notify, submit, terms, .. } = vectors().remove(0);
    let job = Arc::new(Notify { version: 0x2000_0004, ..notify }.to_job().unwrap());
    for mask in [0x1fff_e000, 0, 0x0000_3000] {
        let terms = Terms { version_mask: VersionMask::new(mask), ..terms };
        for bit in 0..32 {
            let bits = 1 << bit;
            let submit = Submit { version_bits: Some(bits), ..submit.clone() };
            let solution = submit.solution(&job, terms.version_mask);
            let verdict = job.check(
                &terms,
                &solution,
                &job.evaluate(&job.merkle_root(&terms, &solution.extranonce2), &solution),
            );
            let outside = ShareError::VersionBits { outside: bits };
            assert_eq!(
                verdict.is_err_and(|error| error == outside),
                bits & mask == 0,
                "mask {mask:08x}, bit {bit}"
            );
        }
    }
}

#[test]
fn without_bits_the_version_is_the_jobs_even_where_rolling_is_on() {
    let Vector { notify, submit, .. } = vectors().remove(0);
    let job = Notify { version: 0x3000_0000, ..notify }.to_job().unwrap();
    assert_eq!(submit.solution(&job, VersionMask::BIP320).version, 0x3000_0000);
}

/// Of an extranonce2 of the wrong size the judge says so, not the parser: a block must not depend on it.
#[test]
fn an_extranonce2_of_the_wrong_size_reaches_the_judge() {
    let Vector { notify, submit, terms, .. } = vectors().remove(0);
    let job = Arc::new(notify.to_job().unwrap());
    for size in [0, 3, 5, 32] {
        let mut params = submit.to_params();
        params[2] = json!("00".repeat(size));
        let solution = Submit::parse(&params).unwrap().solution(&job, terms.version_mask);
        assert_eq!(solution.extranonce2, Extranonce::nth(0, size as u8));
        let evaluated = job.evaluate(&job.merkle_root(&terms, &solution.extranonce2), &solution);
        let error = job.check(&terms, &solution, &evaluated).unwrap_err();
        assert_eq!(error, ShareError::Extranonce2Size { expected: 4, got: size });
    }
}
