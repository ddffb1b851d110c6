//! A limit to the hashrate is kept, and reached.

use miner_tests::Miner;

#[test]
fn a_hashrate_limit_is_reached_within_5_percent() {
    let arguments = ["--difficulty", "1", "--max-hashrate", "500k", "--log-format", "json"];
    let mut running = Miner::new(&arguments).start();
    // Hashes that were done, over time that passed, from one telling to the next.
    let [begin, end] = std::array::from_fn(|_| running.next("hashrate"));
    let passed = |field: &str| end[field].as_f64().unwrap() - begin[field].as_f64().unwrap();
    let rate = passed("hashes") / passed("time");
    assert!((rate / 500_000.0 - 1.0).abs() < 0.05, "{rate} H/s");
}
