//! Comparisons of made-up reports.

use super::*;
use serde_json::{Value, json};

fn row(kernel: &str, threads: usize, versions: u32, rounds: &[f64]) -> Value {
    let hs = stats::median(rounds);
    json!({"kernel": kernel, "device": "cpu", "threads": threads, "version_rolling": versions > 1, "versions": versions,
        "hs": hs, "hashes": 1, "seconds": 1.0, "hits": 1, "hits_expected": 1.0, "rounds": rounds})
}

fn json_of(cpu: &str, rows: &[Value]) -> Value {
    json!({"schema": 1, "results": rows, "system": {"cpu": cpu, "microcode": "", "governor": "", "cores": 2, "os": "",
        "rustc": "", "commit": ""}})
}

fn report(rows: &[Value]) -> Report {
    serde_json::from_value(json_of("one", rows)).unwrap()
}

/// Rounds about a rate, with a spread of 1 %.
fn about(rate: f64) -> Vec<f64> {
    [1.0, 1.005, 0.995, 1.002, 0.998, 1.003, 0.997].map(|by| by * rate).to_vec()
}

fn compared(old: f64, new: f64) -> Comparison {
    let [old, new] = [old, new].map(|rate| report(&[row("avx2", 1, 16, &about(rate))]));
    Comparison::new(&old, &new)
}

#[test]
fn rows_are_paired_by_kernel_device_threads_and_versions() {
    let old =
        report(&[row("avx2", 1, 16, &[10.0]), row("avx2", 2, 16, &[20.0]), row("avx512", 1, 16, &[40.0])]);
    let new = report(&[row("avx2", 1, 1, &[9.0]), row("avx2", 2, 16, &[30.0]), row("avx2", 1, 16, &[5.0])]);
    let comparison = Comparison::new(&old, &new);
    let pairs: Vec<_> = comparison.pairs.iter().map(|pair| (pair.name.as_str(), pair.ratio.median)).collect();
    assert_eq!(
        pairs,
        [("avx2 on cpu, 2 threads, 16 versions", 1.5), ("avx2 on cpu, 1 thread, 16 versions", 0.5)]
    );
    assert_eq!(comparison.only_old, ["avx512 on cpu, 1 thread, 16 versions"]);
    assert_eq!(comparison.only_new, ["avx2 on cpu, 1 thread, 1 version"]);
    let table = comparison.table();
    assert!(table.contains("1.5000") && table.contains("only in the old result"), "{table}");
}

#[test]
fn a_fall_fails_and_noise_does_not() {
    let fails = |comparison: &Comparison, below| comparison.judge(below).is_err();
    assert!(fails(&compared(100.0, 90.0), 0.98));
    assert!(!fails(&compared(100.0, 90.0), 0.85), "as much was allowed");
    assert!(!fails(&compared(100.0, 99.0), 0.98));
    assert!(!fails(&compared(100.0, 110.0), 0.98));
    assert!(fails(&compared(100.0, 101.0), 1.05), "more can be asked for");
    let noisy = [0.7, 1.3, 0.8, 1.2, 0.9, 0.95, 1.1].map(|by| by * 100.0);
    let old = report(&[row("avx2", 1, 16, &about(100.0))]);
    assert!(!fails(&Comparison::new(&old, &report(&[row("avx2", 1, 16, &noisy)])), 0.98));
    assert!(
        fails(&Comparison::new(&old, &report(&[row("sse2", 1, 16, &noisy)])), 0.98),
        "nothing was compared"
    );
    let error = compared(100.0, 90.0).judge(0.98).unwrap_err().to_string();
    assert!(error.contains("avx2 on cpu") && error.contains("0.98"), "{error}");
}

#[test]
fn another_cpu_is_named() {
    let other = serde_json::from_value(json_of("two", &[])).unwrap();
    assert!(Comparison::new(&other, &report(&[])).table().contains("another CPU: two"));
}

#[test]
fn what_is_no_result_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("old.json");
    let reading = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let error = read(&file).unwrap_err();
        assert_eq!(exit::code(&error), exit::Code::Usage);
        error.to_string()
    };
    let good = json_of("one", &[row("avx2", 1, 16, &[1.0])]);
    let with = |path: &str, value: Value| {
        let mut other = good.clone();
        *other.pointer_mut(path).unwrap() = value;
        other.to_string()
    };
    assert!(reading(&with("/schema", json!(2))).contains("schema 2"));
    for (text, words) in [
        ("", "no result"),
        ("not JSON", "no result"),
        ("[1, 2]", "no result"),
        ("{}", "schema"),
        (r#"{"schema": 1}"#, "missing field"),
        (with("/results/0/rounds", json!([])).as_str(), "no rounds"),
        (with("/results/0/rounds", json!([0.0])).as_str(), "no rounds"),
        (with("/results/0/threads", json!("two")).as_str(), "expected"),
        (&good.to_string()[..100], "no result"),
    ] {
        assert!(reading(text).contains(words), "{text}");
    }
    std::fs::write(&file, good.to_string()).unwrap();
    assert_eq!(read(&file).unwrap().results.len(), 1);
    let missing = read(&folder.path().join("none.json")).unwrap_err().to_string();
    assert!(missing.contains("none.json"), "{missing}");
}
