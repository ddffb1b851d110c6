//! Run exactly as the scripts run it that know minerd and cpuminer, and read as they read.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use miner_tests::{Miner, TestPool, miner_program};

/// A folder in which the miner has another program's name.
fn named(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(miner_program(), folder.path().join(name)).unwrap();
    folder
}

/// The Stratum reference implementation's tests read the first rate that stands before this unit.
fn rate(line: &str, unit: &str) -> Option<f64> {
    let (before, _) = line.split_once(unit)?;
    before.rsplit_once(' ')?.1.parse().ok()
}

/// It waits three seconds, kills the process, and reads what stderr holds by then.
fn stderr_after_three_seconds() -> String {
    let folder = named("minerd");
    let mut child = Command::new(folder.path().join("minerd"))
        .args(["-a", "sha256d", "-t", "1", "--benchmark", "-q"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_secs(3));
    child.kill().unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap()
}

#[test]
fn the_stratum_reference_implementation_measures_a_rate() {
    let first = |lines: &str| lines.lines().find_map(|line| rate(line, " khash/s"));
    let has_one = |lines: &String| first(lines).is_some_and(|rate| rate > 0.0);
    // On a machine that does much else, three seconds may be too few for once.
    let lines = (0..5).map(|_| stderr_after_three_seconds()).find(has_one).expect("a rate of five tries");
    assert!(lines.lines().all(|line| line.starts_with("Total: ")), "-q leaves the threads out: {lines}");
}

/// As the reference implementation's wrapper does it: the miner connects to a proxy, and the proxy to the pool.
#[test]
fn the_stratum_reference_implementation_sees_a_share() {
    for login in [&["--userpass", "user:pass"][..], &[]] {
        let pool = TestPool::start(TestPool::NO_BLOCKS, 2e-5);
        let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("stratum+tcp://{}", proxy.local_addr().unwrap());
        let folder = named("minerd");
        let mut child = Command::new(folder.path().join("minerd"))
            .args(["-a", "sha256d", "--threads", "1", "--retry-pause", "1", "--url", &url])
            .args(login)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let calls = calls_until_submit(&proxy, pool.address());
        child.kill().unwrap();
        child.wait().unwrap();
        for call in ["mining.subscribe", "mining.authorize", "mining.submit"] {
            assert!(
                calls.iter().any(|line| line.contains(&format!("\"{call}\""))),
                "{call} is not in {calls:?}"
            );
        }
    }
}

/// What the miner says until its first share.
fn calls_until_submit(proxy: &TcpListener, pool: std::net::SocketAddr) -> Vec<String> {
    let (miner, _) = proxy.accept().unwrap();
    let mut pool = TcpStream::connect(pool).unwrap();
    let (mut to_miner, mut from_pool) = (miner.try_clone().unwrap(), pool.try_clone().unwrap());
    // Ends with the connections.
    std::thread::spawn(move || std::io::copy(&mut from_pool, &mut to_miner));
    let mut calls = Vec::new();
    for line in BufReader::new(miner).lines() {
        let line = line.unwrap();
        writeln!(pool, "{line}").unwrap();
        let done = line.contains("\"mining.submit\"");
        calls.push(line);
        if done {
            break;
        }
    }
    // The pool may have left first.
    let _ = pool.shutdown(std::net::Shutdown::Both);
    calls
}

#[test]
fn the_phoronix_test_suite_finds_its_result() {
    let folder = named("cpuminer");
    // Its script, but for the time limit.
    let script = "./cpuminer --quiet --time-limit=2 --no-color --threads=$NUM_CPU_CORES --benchmark $@ \
                  | grep Benchmark > $LOG_FILE 2>&1; echo $? > exit-status";
    let begin = Instant::now();
    let status = Command::new("sh")
        .args(["-c", script, "sh", "-a", "sha256d"])
        .env("NUM_CPU_CORES", "2")
        .env("LOG_FILE", "log")
        .current_dir(folder.path())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success() && begin.elapsed() >= Duration::from_secs(2));
    let read = |file: &str| std::fs::read_to_string(folder.path().join(file)).unwrap();
    assert_eq!(read("exit-status").trim(), "0");
    let log = read("log");
    let lines: Vec<&str> = log.lines().collect();
    // Its parser takes the number behind `Benchmark:` in the line with this unit.
    assert!(lines.len() == 1 && lines[0].starts_with("Benchmark: "), "{log}");
    assert!(rate(lines[0], " MH/s").is_some_and(|rate| rate > 0.0), "{log}");
}

#[test]
fn a_benchmark_tells_each_thread_and_ends_by_a_signal() {
    for signal in ["INT", "TERM"] {
        // As soon as it has told of all.
        let script = format!(
            "log=$(mktemp); \"$@\" 2>$log & until grep -q Total $log; do sleep 0.1; done; \
             kill -s {signal} $!; wait $!; code=$?; cat $log >&2; rm $log; exit $code"
        );
        let run = Miner::new(&["--benchmark", "-t", "2", "--kernel", "portable"]).under(&script);
        assert_eq!(run.code, Some(0), "{run:?}");
        assert!(run.stdout.starts_with("Benchmark: ") && run.stdout.lines().count() == 1, "{run:?}");
        let lines: Vec<&str> = run.stderr.lines().collect();
        assert!(lines[0].starts_with("thread 0: ") && lines[1].starts_with("thread 1: "), "{run:?}");
        let hashes = |line: &str| rate(line, " hashes, ").unwrap();
        let khashes = |line: &str| rate(line, " khash/s").unwrap();
        // Some time after the start, so the number and the rate go together, and the total is their sum.
        let sum = khashes(lines[0]) + khashes(lines[1]);
        assert!(lines[2].starts_with("Total: ") && (khashes(lines[2]) - sum).abs() < 2.0, "{run:?}");
        let seconds = (hashes(lines[0]) + hashes(lines[1])) / 1000.0 / sum;
        assert!((0.4..30.0).contains(&seconds), "{run:?}");
    }
}

#[test]
fn flags_of_the_models_are_accepted() {
    let models = [
        "-a sha256d -s 5 --no-longpoll --no-getwork --no-gbt --no-stratum --no-redirect -S -T 60 -r -1 -R 30 -q",
        "-a sha256d --scantime=5 --syslog --retries=2 --timeout=300 --cpu-affinity 0x1 --cpu-priority 0 --hash-meter",
        "--quiet --no-color --debug --cert=ca.pem --coinbase-sig=x --threads=1",
    ];
    for flags in models {
        let flags: Vec<&str> = flags.split(' ').collect();
        let run =
            Miner::new(&[&flags[..], &["--benchmark", "--time-limit=0.1", "--kernel", "portable"]].concat())
                .run();
        assert_eq!(run.code, Some(0), "{run:?}");
    }
    let version = Miner::new(&["-V"]).run();
    assert!(version.code == Some(0) && version.stdout.starts_with("miner "), "{version:?}");
}
