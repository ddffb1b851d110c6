//! A limit to the hashrate is kept, and reached.

use miner_tests::Miner;

/// Hashes a second under a limit of 500,000.
fn limited() -> f64 {
    // As important as whatever else there is to do.
    let limit = ["--max-hashrate", "500k", "--time-limit", "8", "--cpu-priority", "0"];
    let run = Miner::new(&[&limit[..], &["--difficulty", "1000", "--log-format", "json"]].concat()).run();
    // All hashes that were done, over the time from the first job to the end.
    let (begin, summary) = (run.events_of("job")[0]["time"].clone(), run.summary());
    let seconds = summary["time"].as_f64().unwrap() - begin.as_f64().unwrap();
    summary["hashes"].as_f64().unwrap() / seconds
}

#[test]
fn a_hashrate_limit_is_reached_within_5_percent() {
    // Whatever else the machine does may hold up the end of a run, but not of each.
    let is_close = (0..5).any(|_| {
        let rate = limited();
        println!("{rate} H/s");
        (rate / 500_000.0 - 1.0).abs() < 0.05
    });
    assert!(is_close);
}
