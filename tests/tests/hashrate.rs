//! A limit to the hashrate is kept, and reached.

use miner_tests::Miner;

#[test]
fn a_hashrate_limit_is_reached_within_5_percent() {
    let limit = ["--max-hashrate", "500k", "--time-limit", "8"];
    let run = Miner::new(&[&limit[..], &["--difficulty", "1000", "--log-format", "json"]].concat()).run();
    // All hashes that were done, over the time from the first job to the end.
    let (begin, summary) = (run.events_of("job")[0]["time"].clone(), run.summary());
    let seconds = summary["time"].as_f64().unwrap() - begin.as_f64().unwrap();
    let rate = summary["hashes"].as_f64().unwrap() / seconds;
    assert!((rate / 500_000.0 - 1.0).abs() < 0.05, "{rate} H/s");
}
