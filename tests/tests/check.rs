//! `miner check` on the vectors, and on every one of them with any one bit changed.

use std::io::Write as _;

use miner_tests::{Miner, Run};
use serde_json::{Value, json};

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../miner-core/tests/vectors/vectors.json");

/// Jobs with their shares. The last one is the same share once more, with version rolling agreed on.
fn vectors() -> Vec<Value> {
    let file: Value = serde_json::from_str(&std::fs::read_to_string(VECTORS).unwrap()).unwrap();
    let mut vectors = file["stratum"].as_array().unwrap().clone();
    assert!(vectors.len() >= 2);
    let mut rolling = vectors.last().unwrap().clone();
    rolling["version_mask"] = json!("1fffe000");
    let version = u32::from_str_radix(rolling["notify_params"][5].as_str().unwrap(), 16).unwrap();
    rolling["submit_params"].as_array_mut().unwrap().push(json!(format!("{:08x}", version & 0x1fff_e000)));
    vectors.push(rolling);
    // What is not needed makes thousands of copies slow.
    vectors.iter_mut().for_each(|vector| vector["coinbase"] = Value::Null);
    vectors
}

fn check(value: &Value, arguments: &[&str]) -> Run {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(value.to_string().as_bytes()).unwrap();
    let path = file.path().display().to_string();
    Miner::new(&[&["check", &path], arguments].concat()).run()
}

/// The judgements on a list of shares.
fn judge(shares: &[Value]) -> Vec<Value> {
    let run = check(&json!(shares), &["--json"]);
    let all_good = run.events().iter().all(|judgement| judgement["verdict"] == "good");
    assert_eq!((run.code, run.stderr.as_str()), (Some(if all_good { 0 } else { 1 }), ""));
    assert_eq!(run.events().len(), shares.len());
    run.events()
}

#[test]
fn each_vector_is_judged_right() {
    let vectors = vectors();
    for (judgement, vector) in judge(&vectors).iter().zip(&vectors) {
        assert_eq!(
            (&judgement["verdict"], &judgement["rule"], &judgement["header"], &judgement["hash"]),
            (&json!("good"), &json!(null), &vector["header"], &vector["hash"])
        );
        let (told, expected) = (&judgement["share_difficulty"], &vector["share_difficulty"]);
        assert!((told.as_f64().unwrap() / expected.as_f64().unwrap() - 1.0).abs() < 1e-12, "{judgement}");
    }
    // The whole file, one share, a list: all are read, and as text too.
    let text = Miner::new(&["check", VECTORS]).run();
    assert_eq!(
        (text.code, text.stdout.matches("verdict    good").count()),
        (Some(0), vectors.len() - 1),
        "{text:?}"
    );
    assert_eq!(check(&vectors[0], &[]).code, Some(0));
    let stdin = Miner::new(&["check", "-"]).under(&format!("exec \"$@\" < '{VECTORS}'"));
    assert_eq!(stdin.stdout, text.stdout);
}

#[test]
fn a_share_is_held_against_its_difficulty() {
    let mut share = vectors()[1].clone();
    let reached = share["share_difficulty"].as_f64().unwrap();
    for (difficulty, verdict) in [(reached / 1.001, "good"), (reached * 1.001, "refused")] {
        share["difficulty"] = json!(difficulty);
        assert_eq!(judge(&[share.clone()])[0]["verdict"], verdict, "{difficulty}");
    }
}

/// All copies of a share that have one bit of a hex field flipped. The field by its path.
fn flipped(share: &Value, path: &str) -> Vec<Value> {
    let hex = share.pointer(path).unwrap().as_str().unwrap();
    let copy = |bit: usize| {
        let mut digits: Vec<u32> = hex.chars().map(|digit| digit.to_digit(16).unwrap()).collect();
        digits[bit / 4] ^= 1 << (bit % 4);
        let hex: String = digits.iter().map(|digit| char::from_digit(*digit, 16).unwrap()).collect();
        let mut copy = share.clone();
        *copy.pointer_mut(path).unwrap() = json!(hex);
        copy
    };
    (0..hex.len() * 4).map(copy).collect()
}

/// Judges every copy with one bit flipped; each must break the rule that `expected` gives for it.
#[track_caller]
fn each_flip_breaks(path: &str, expected: impl Fn(&Value) -> Option<&'static str>) {
    for share in vectors().iter().filter(|share| share.pointer(path).is_some_and(Value::is_string)) {
        let copies = flipped(share, path);
        for (copy, judgement) in copies.iter().zip(judge(&copies)) {
            assert_eq!(judgement["rule"], json!(expected(copy)), "{path}: {copy} {judgement}");
            assert_eq!(judgement["reason"].is_string(), judgement["rule"].is_string());
        }
    }
}

fn word(share: &Value, path: &str) -> u32 {
    u32::from_str_radix(share.pointer(path).unwrap().as_str().unwrap(), 16).unwrap()
}

/// Where the time of the share is outside the two hours that a job gives it, that is the first rule broken.
fn time_rule(share: &Value) -> Option<&'static str> {
    let (start, time) = (word(share, "/notify_params/7"), word(share, "/submit_params/3"));
    (!(start..=start.saturating_add(7200)).contains(&time)).then_some("time")
}

#[test]
fn any_bit_of_what_a_miner_chose_matters() {
    each_flip_breaks("/submit_params/2", |_| Some("hash"));
    each_flip_breaks("/submit_params/4", |_| Some("hash"));
    each_flip_breaks("/submit_params/3", |share| time_rule(share).or(Some("hash")));
    each_flip_breaks("/submit_params/5", |share| {
        let outside = word(share, "/submit_params/5") & !word(share, "/version_mask") != 0;
        Some(if outside { "version-bits" } else { "hash" })
    });
}

#[test]
fn any_bit_of_the_job_matters() {
    // Version bits that the miner chooses are not the job's.
    each_flip_breaks("/notify_params/5", |share| {
        let mask = share["version_mask"].as_str().map_or(0, |_| word(share, "/version_mask"));
        let hashed = u32::from_str_radix(&share["header"].as_str().unwrap()[..8], 16).unwrap().swap_bytes();
        ((word(share, "/notify_params/5") ^ hashed) & !mask != 0).then_some("hash")
    });
    for path in ["/extranonce1", "/notify_params/1", "/notify_params/2", "/notify_params/3"] {
        each_flip_breaks(path, |_| Some("hash"));
    }
    (0..13).for_each(|level| each_flip_breaks(&format!("/notify_params/4/{level}"), |_| Some("hash")));
    // The time of the job is not hashed, it only begins the window.
    each_flip_breaks("/notify_params/7", time_rule);
    // Bits that are no target (negative, zero, beyond 256 bits) make no job at all.
    each_flip_breaks("/notify_params/6", |share| {
        let bits = word(share, "/notify_params/6");
        let (size, mantissa) = (bits >> 24, bits & 0x007f_ffff);
        let bytes = (32 - mantissa.leading_zeros()).div_ceil(8);
        let vanishes = size < 3 && mantissa >> (8 * (3 - size)) == 0;
        let is_none = bits & 0x0080_0000 != 0 || mantissa == 0 || vanishes || size + bytes > 35;
        Some(if is_none { "malformed" } else { "hash" })
    });
}

#[test]
fn the_mask_the_size_and_the_job_id_are_rules_of_their_own() {
    for share in vectors() {
        let with = |path: &str, value: Value| {
            let mut copy = share.clone();
            match copy.pointer_mut(path) {
                Some(field) => *field = value,
                None => copy[&path[1..]] = value,
            }
            copy
        };
        let mut copies = vec![
            (with("/submit_params/1", json!("another")), "job-id"),
            (with("/extranonce2_size", json!(5)), "extranonce2-size"),
            (with("/submit_params/2", json!("00")), "extranonce2-size"),
            (with("/submit_params/4", json!("0123456789")), "malformed"),
            (with("/extranonce2_size", json!(17)), "malformed"),
            (with("/notify_params/4", json!("00")), "malformed"),
            (with("/difficulty", json!(-1)), "malformed"),
        ];
        // Version bits without an agreement on them.
        let mut bits = with("/version_mask", Value::Null);
        let params = bits["submit_params"].as_array_mut().unwrap();
        params.truncate(5);
        params.push(json!("00002000"));
        copies.push((bits, "version-bits"));
        let shares: Vec<Value> = copies.iter().map(|(share, _)| share.clone()).collect();
        for ((copy, rule), judgement) in copies.iter().zip(judge(&shares)) {
            assert_eq!(judgement["rule"], *rule, "{copy} {judgement}");
        }
    }
}

#[test]
fn a_block_is_told_whatever_else_is_wrong() {
    let block = vectors()[0].clone();
    let mut other_job = block.clone();
    other_job["submit_params"][1] = json!("unknown");
    let mut too_late = block.clone();
    too_late["notify_params"][7] = json!("504e86ee");
    let judgements = judge(&[block, other_job, too_late]);
    assert!(judgements.iter().all(|judgement| judgement["block"] == true), "{judgements:?}");
    assert_eq!(
        judgements.iter().map(|judgement| judgement["rule"].clone()).collect::<Vec<_>>(),
        [Value::Null, json!("job-id"), json!("time")]
    );
}

#[test]
fn what_is_no_share_is_a_usage_error() {
    for text in ["", "{}", "[]", "[1]", "{\"stratum\": []}", "no JSON"] {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let run = Miner::new(&["check", &file.path().display().to_string()]).run();
        assert!(run.code == Some(2) && run.stderr.starts_with("error: "), "{text}: {run:?}");
    }
    assert_eq!(Miner::new(&["check", "/nonexistent.json"]).run().code, Some(2));
}
