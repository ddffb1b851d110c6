//! `miner bench` and what it writes: files for scripts and browsers, and the comparison with an earlier result.

use miner_tests::{Miner, Run};
use serde_json::{Value, json};

/// As short as a measurement gets.
const SHORT: [&str; 7] = ["bench", "--kernel", "portable", "-t", "1", "--time-limit", "0.1"];

fn bench(more: &[&str]) -> Run {
    Miner::new(&[&SHORT, more].concat()).run()
}

/// A result of the one row that [`SHORT`] measures with version rolling.
fn result(rounds: &[f64]) -> Value {
    let hs = json!({"median": 1.0, "low": 1.0, "high": 1.0});
    let system = json!({"cpu": "none", "microcode": "", "governor": "", "cores": 1, "os": "", "rustc": "", "commit": ""});
    let row = json!({"kernel": "portable", "device": "cpu", "threads": 1, "version_rolling": true, "versions": 65536,
        "hs": hs, "hashes": 1, "seconds": 1.0, "hits": 1, "hits_expected": 1.0, "rounds": rounds});
    json!({"schema": 1, "system": system, "results": [row]})
}

#[test]
fn results_are_written_for_browsers_and_compared_with_earlier_ones() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (json, html, old) = (path("new.json"), path("new.html"), path("old.json"));
    // One hash a second is slower than whatever this machine does, and a billion is faster.
    std::fs::write(&old, result(&[1.0; 7]).to_string()).unwrap();
    let faster = bench(&["--compare", &old, "--fail-below", "-2%", "--json", &json, "--html", &html]);
    assert_eq!(faster.code, Some(0), "{faster:?}");
    assert!(
        faster.stdout.contains("new to old") && faster.stdout.contains("only in the new result"),
        "{faster:?}"
    );
    let measured: Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    let page = std::fs::read_to_string(&html).unwrap();
    let cpu = measured["system"]["cpu"].as_str().unwrap();
    assert!(page.starts_with("<!doctype html>") && page.contains("portable × 1, rolling on"), "{page}");
    assert!(page.contains("<svg") && page.contains(&cpu.replace('&', "&amp;")), "{page}");
    assert!(page.contains("Against the old result"), "{page}");

    std::fs::write(&old, result(&[1e9; 7]).to_string()).unwrap();
    let slower = bench(&["--compare", &old, "--fail-below=-2%"]);
    assert_eq!(slower.code, Some(1), "{slower:?}");
    assert!(slower.stderr.contains("portable on cpu, 1 thread"), "{slower:?}");
}

#[test]
fn a_result_that_cannot_be_compared_with_is_refused_before_anything_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("old.json");
    let old = file.display().to_string();
    let refused = |text: &str, word: &str| {
        std::fs::write(&file, text).unwrap();
        let run = bench(&["--compare", &old]);
        assert!(run.code == Some(2) && run.stdout.is_empty(), "{text}: {run:?}");
        assert!(run.stderr.contains(&old) && run.stderr.contains(word), "{word}: {run:?}");
    };
    refused("{\"schema\": 2, \"results\": []}", "schema 2");
    refused("garbled", "no result");
    for arguments in [
        &["--compare", "/nowhere/old.json"][..],
        &["--fail-below", "-2%"],
        &["--compare", &old, "--fail-below", "x"],
    ] {
        assert_eq!(bench(arguments).code, Some(2), "{arguments:?}");
    }
}
