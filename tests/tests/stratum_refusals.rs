//! Pools that refuse or are not there, certificates that are not trusted, and passwords, which are never shown.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};

use miner_tests::{Miner, Run, TestPool};
use serde_json::{Value, json};

/// What no line may hold.
const CANARY: &str = "canary-7f3a";

#[track_caller]
fn fails(run: &Run, code: i32, words: &[&str]) {
    assert_eq!(run.code, Some(code), "{run:?}");
    assert!(words.iter().all(|word| run.stderr.contains(word)), "{words:?} is not in {run:?}");
    assert!(!run.stderr.contains("panicked"), "{run:?}");
    tells_no_password(run);
}

#[track_caller]
fn tells_no_password(run: &Run) {
    assert!(!run.stdout.contains(CANARY) && !run.stderr.contains(CANARY), "{run:?}");
}

/// A pool that takes every call but the worker's.
fn pool_without_workers() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            for line in BufReader::new(stream.try_clone().unwrap()).lines() {
                let Ok(line) = line else { break };
                let call: Value = serde_json::from_str(&line).unwrap();
                let result = match call["method"].as_str().unwrap() {
                    "mining.subscribe" => json!([[["mining.notify", "s"]], "00000001", 4]),
                    _ => json!(false),
                };
                let reply = json!({"id": call["id"], "result": result, "error": null});
                if writeln!(stream, "{reply}").is_err() {
                    break;
                }
            }
        }
    });
    address
}

fn with_password(url: &str) -> Vec<String> {
    ["-o", url, "-u", "worker", "-p", CANARY].map(str::to_owned).to_vec()
}

fn run(arguments: &[String], more: &[&str]) -> Run {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
    Miner::new(&arguments).run()
}

#[test]
fn a_worker_that_no_pool_takes_ends_the_run() {
    let address = pool_without_workers();
    fails(&run(&with_password(&format!("stratum+tcp://{address}")), &[]), 3, &[&address.to_string()]);
    let in_the_url = format!("stratum+tcp://worker:{CANARY}@{address}");
    fails(&run(&["-o".to_owned(), in_the_url], &["--log-format", "json"]), 3, &[&address.to_string()]);
}

#[test]
fn a_pool_that_is_not_there_ends_the_run_when_the_retries_are_used_up() {
    // Nobody listens on tcpmux any more.
    let arguments = with_password("stratum+tcp://127.0.0.1:1");
    fails(&run(&arguments, &["-r", "2", "-R", "0.1"]), 3, &["127.0.0.1:1"]);
    // minerd goes on for ever.
    let patient = run(&arguments, &["-R", "0.1", "--time-limit", "1"]);
    assert_eq!(patient.code, Some(0), "{patient:?}");
    tells_no_password(&patient);
}

#[test]
fn passwords_are_shown_nowhere() {
    let pool = TestPool::start(TestPool::NO_BLOCKS, 2e-5);
    for more in [&["-D"][..], &["-D", "--log-format", "json"]] {
        let run = run(&with_password(&pool.url()), &[&["--exit-after-shares", "2"], more].concat());
        assert_eq!(run.code, Some(0), "{run:?}");
        tells_no_password(&run);
    }
    let config = tempfile::tempdir().unwrap();
    let file = config.path().join("miner.toml");
    let text = format!("url = [\"{}\"]\nuser = \"a\"\npass = \"{CANARY}\"\nretries = \"many\"\n", pool.url());
    std::fs::write(&file, text).unwrap();
    fails(&run(&["-c".to_owned(), file.display().to_string()], &[]), 2, &["many"]);
    fails(&run(&with_password(&format!("http://u:{CANARY}@127.0.0.1:1")), &[]), 3, &["127.0.0.1:1"]);
    fails(&run(&with_password(&format!("stratum+tcp://u:{CANARY}@host:0")), &[]), 2, &["port"]);
}

#[test]
fn what_is_typed_wins_over_the_list_in_the_configuration_file() {
    let pool = TestPool::start(TestPool::NO_BLOCKS, 2e-5);
    let config = tempfile::tempdir().unwrap();
    let file = config.path().join("miner.toml");
    std::fs::write(
        &file,
        "url = [\"stratum+tcp://127.0.0.1:1\", \"stratum+tcp://127.0.0.1:2\"]\nuser = \"a\"\n",
    )
    .unwrap();
    let run =
        Miner::new(&["-c", &file.display().to_string(), "-o", &pool.url(), "--exit-after-shares", "1"]).run();
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(!run.stdout.contains("127.0.0.1:1") || run.stdout.contains(&pool.url()), "{run:?}");
    assert!(!run.stdout.contains("warning"), "{run:?}");
}
