//! The text is read back by a parser of Prometheus' grammar, line by line.

use super::*;
use miner_engine::{DeviceSnapshot, Overflow, Rates, Snapshot};
use miner_stratum::ledger::{Amount, Ledger};

use crate::http::Board;

/// A line that is no comment: name, labels, value.
#[derive(Debug, PartialEq)]
struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

fn parse(line: &str) -> Sample {
    let end = line.find(['{', ' ']).unwrap();
    let (name, mut rest) = line.split_at(end);
    assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{line}");
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, value) = rest.trim_start_matches(',').split_once("=\"").unwrap();
            let (value, length) = unescaped(value);
            labels.push((label.to_owned(), value));
            rest = &rest[rest.find("=\"").unwrap() + 2 + length + 1..];
        }
        rest = &rest[1..];
    }
    Sample { name: name.to_owned(), labels, value: rest.trim_start().parse().unwrap() }
}

/// Up to the closing quote, and how many bytes that took.
fn unescaped(text: &str) -> (String, usize) {
    let (mut value, mut chars) = (String::new(), text.char_indices());
    loop {
        match chars.next().unwrap() {
            (at, '"') => return (value, at),
            (_, '\\') => value.push(match chars.next().unwrap().1 {
                'n' => '\n',
                escaped @ ('\\' | '"') => escaped,
                other => panic!("\\{other} is no escape"),
            }),
            (_, other) => value.push(other),
        }
    }
}

fn samples(text: &str) -> Vec<Sample> {
    assert!(text.ends_with('\n'));
    text.lines().filter(|line| !line.starts_with('#')).map(parse).collect()
}

fn value(samples: &[Sample], name: &str, labels: &[(&str, &str)]) -> f64 {
    let labels: Vec<_> =
        labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let found: Vec<_> =
        samples.iter().filter(|sample| sample.name == name && sample.labels == labels).collect();
    assert_eq!(found.len(), 1, "{name} {labels:?} in {samples:#?}");
    found[0].value
}

fn device(name: &str, hashes: u64) -> DeviceSnapshot {
    let rates = Rates { hs_10s: 1.5, hs_60s: 2.0, hs_15m: 3.0 };
    DeviceSnapshot { name: name.into(), hashes, rates, hardware_errors: 0, trouble: None, failure: None }
}

fn board(reason: &str) -> Board {
    let mut ledger = Ledger::default();
    ledger.given_up(Amount { shares: 3, work: 1 << 33 }, reason);
    let engine = Snapshot {
        devices: vec![device("sha-ni", 10), device("sha-ni", 1 << 40)],
        overflow: Overflow::default(),
        is_idle: false,
        exhausted: 0,
    };
    let board = Board::default();
    let summary = Summary::new(ledger, &engine, 12.5, vec![]);
    board.stands(Figures::mining(&engine, summary));
    board
}

#[test]
fn figures_are_read_back_as_they_were() {
    let samples = samples(&text(&board("overflow").view()));
    assert_eq!(value(&samples, "miner_hashes_total", &[]), 10.0 + (1u64 << 40) as f64);
    assert_eq!(value(&samples, "miner_hashrate", &[("window", "10s")]), 3.0);
    assert_eq!(value(&samples, "miner_uptime_seconds", &[]), 12.5);
    assert_eq!(value(&samples, "miner_shares_found_total", &[]), 3.0);
    assert_eq!(value(&samples, "miner_shares_total", &[("status", "lost"), ("reason", "overflow")]), 3.0);
    assert_eq!(value(&samples, "miner_shares_pending", &[("stage", "in_flight")]), 0.0);
    let lost = value(&samples, "miner_share_difficulty_total", &[("status", "lost"), ("reason", "overflow")]);
    assert!((lost - 2.0).abs() < 1e-4, "{lost}");
    assert_eq!(value(&samples, "miner_device_hashes_total", &[("device", "sha-ni"), ("index", "0")]), 10.0);
    assert_eq!(value(&samples, "miner_healthy", &[]), 0.0, "no job has come yet");
}

#[test]
fn whatever_a_pool_says_stays_one_value_of_one_label() {
    let hostile = "a\"} 1\nminer_up 7\n# \\\" \\n {},=\u{1b}[2J<b>é";
    let samples = samples(&text(&board(hostile).view()));
    assert_eq!(value(&samples, "miner_shares_total", &[("status", "lost"), ("reason", hostile)]), 3.0);
    assert!(!samples.iter().any(|sample| sample.name == "miner_up"), "{samples:?}");
}

#[test]
fn each_family_is_announced_once_and_stays_together() {
    let text = text(&board("overflow").view());
    let mut families = Vec::new();
    for line in text.lines() {
        let name = match line.strip_prefix("# TYPE ") {
            Some(announced) => {
                let (name, kind) = announced.split_once(' ').unwrap();
                assert!(
                    !families.contains(&name.to_owned()) && ["gauge", "counter"].contains(&kind),
                    "{line}"
                );
                families.push(name.to_owned());
                continue;
            }
            None if line.starts_with("# HELP ") => continue,
            None => parse(line).name,
        };
        assert_eq!(families.last(), Some(&name), "{line}");
    }
}
