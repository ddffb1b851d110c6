//! `miner` alone: the embedded chain, the events, the limits, the signals.

use bitcoin::block::Header;
use bitcoin::consensus::encode::deserialize_hex;
use miner_tests::Miner;
use serde_json::json;

/// Quick blocks, without waiting for a second each.
const QUICK: [&str; 4] = ["--difficulty", "0.00001", "--log-format", "json"];

fn run(arguments: &[&str]) -> miner_tests::Run {
    Miner::new(&[&QUICK, arguments].concat()).run()
}

#[test]
fn it_mines_without_any_argument_but_a_goal() {
    let run = Miner::new(&["--exit-after-blocks", "1"]).run();
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.stdout.contains("block 102 found") && run.stdout.contains("next: "), "{run:?}");
}

#[test]
fn events_can_be_checked_by_anyone() {
    let run = run(&["--exit-after-blocks", "5"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let names: Vec<_> =
        run.events().iter().map(|event| event["event"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names[..3], ["started", "connected", "job"]);
    assert!(run.events().iter().all(|event| event["time"].as_f64().unwrap() > 1.7e9));
    let mut previous = None;
    for (block, share) in run.events_of("block").iter().zip(run.events_of("share")) {
        let header: Header = deserialize_hex(block["header"].as_str().unwrap()).unwrap();
        assert_eq!(header.block_hash().to_string(), block["hash"].as_str().unwrap());
        assert_eq!(format!("{:064x}", header.target()), block["target"].as_str().unwrap());
        assert!(header.validate_pow(header.target()).is_ok());
        assert_eq!((&share["hash"], &share["status"]), (&block["hash"], &json!("accepted")));
        assert!(previous.is_none_or(|previous| previous == header.prev_blockhash));
        previous = Some(header.block_hash());
    }
    let summary = run.summary();
    assert_eq!((&summary["found"], &summary["accepted"]), (&json!(5), &json!(5)), "{summary}");
    assert!(summary["hashes"].as_u64().unwrap() > 0);
    let difficulty = summary["difficulty"]["accepted"].as_f64().unwrap();
    assert!((difficulty / 5e-5 - 1.0).abs() < 0.01, "{difficulty}");
}

#[test]
fn a_time_limit_ends_a_run_and_says_whether_its_goal_was_met() {
    let limited = run(&["--time-limit", "0.5"]);
    assert_eq!(limited.code, Some(0), "{limited:?}");
    let hopeless =
        Miner::new(&["--difficulty", "1000000", "--time-limit", "0.5", "--exit-after-blocks", "1"]).run();
    assert_eq!(hopeless.code, Some(1), "{hopeless:?}");
}

#[test]
fn the_first_signal_ends_a_run_in_good_order() {
    for signal in ["INT", "TERM"] {
        let mut running = Miner::new(&QUICK).start();
        running.next("block");
        running.signal(signal);
        let (status, events) = running.end();
        assert_eq!(status.code(), Some(0));
        let summary = events.last().unwrap();
        assert_eq!(summary["event"], "summary");
        assert_eq!(summary["found"], summary["accepted"], "{summary}");
    }
}

#[test]
fn a_seed_makes_runs_repeatable_for_any_threads_and_kernel() {
    let tip = |arguments: &[&str]| {
        let run = run(&[&["--seed", "7", "--exit-after-blocks", "6"], arguments].concat());
        assert_eq!(run.code, Some(0), "{run:?}");
        run.events_of("block").pop().unwrap()["hash"].clone()
    };
    let expected = tip(&["-t", "1"]);
    assert_eq!(tip(&["-t", "2"]), expected);
    assert_eq!(tip(&["-t", "3", "--kernel", "portable"]), expected);
    assert_eq!(tip(&["-t", "1", "--kernel", "portable"]), expected);
}

#[test]
fn a_configuration_file_stands_in_for_arguments_which_win() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("miner.toml");
    std::fs::write(
        &config,
        "exit_after_blocks = 3\nlog-format = \"json\"\ndifficulty = 1e-5\nquiet = true\n",
    )
    .unwrap();
    let path = config.display().to_string();
    let blocks = |arguments: &[&str]| {
        let run = Miner::new(arguments).run();
        assert_eq!(run.code, Some(0), "{run:?}");
        run.events_of("block").len()
    };
    assert_eq!(blocks(&["-c", &path]), 3);
    assert_eq!(blocks(&["-c", &path, "--exit-after-blocks", "2"]), 2);
    std::fs::write(&config, "no_such_option = 1\n").unwrap();
    let run = Miner::new(&["-c", &path]).run();
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.stderr.contains("no-such-option"), "{run:?}");
}

#[test]
fn a_closed_stdout_ends_the_run() {
    let miner = Miner::new(&QUICK);
    let run = miner.under("\"$@\" | head -n 3 >/dev/null; exit 0");
    assert_eq!((run.code, run.stderr.contains("panicked")), (Some(0), false), "{run:?}");
}
