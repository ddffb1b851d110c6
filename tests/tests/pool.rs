//! `miner pool`: a test pool as a user runs it, with the miner of this project and with a hand-written one.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use miner_tests::{Miner, Running, miner_program};
use serde_json::{Value, json};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Shares that any machine finds in no time.
const EASY: [&str; 4] = ["--difficulty", "1e-6", "--block-difficulty", "1"];

/// Starts a pool; its events and its address.
fn pool(arguments: &[&str]) -> (Running, String) {
    let start = ["pool", "--listen", "127.0.0.1:0", "--log-format", "json"];
    let mut pool = Miner::new(&[&start, arguments].concat()).start();
    let url = pool.next("listening")["url"].as_str().unwrap().to_owned();
    (pool, url)
}

/// Ends a pool in good order; its last event.
fn stop(pool: Running) -> Value {
    pool.signal("INT");
    let (status, mut events) = pool.end();
    assert!(status.success(), "{status}");
    let summary = events.pop().unwrap();
    assert_eq!(summary["event"], "summary");
    summary
}

/// A miner by hand.
struct ByHand(BufReader<TcpStream>);

impl ByHand {
    fn connect(url: &str) -> std::io::Result<Self> {
        let stream = TcpStream::connect(url.trim_start_matches("stratum+tcp://"))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Calls and reads the answer, past everything else.
    fn call(&mut self, method: &str, params: &Value) -> std::io::Result<Value> {
        writeln!(self.0.get_mut(), "{}", json!({"id": 1, "method": method, "params": params}))?;
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let line: Value = serde_json::from_str(&line)?;
            if line["method"].is_null() {
                return Ok(line);
            }
        }
    }
}

#[test]
fn miner_and_pool_agree_on_every_share_and_block() {
    // One share in ten is a block.
    let (pool, url) = pool(&["--difficulty", "1e-5", "--block-difficulty", "1e-4"]);
    // No more shares than a debug build of a pool keeps up with on a busy machine.
    let login = ["-o", &url, "-u", "me", "-p", "x", "--log-format", "json", "--max-hashrate", "2M"];
    let run = Miner::new(&[&login[..], &["--exit-after-shares", "50"]].concat()).run();
    assert_eq!(run.code, Some(0), "{run:?}");
    let (mined, pooled) = (run.summary(), stop(pool));
    assert!(mined["accepted"].as_u64() >= Some(50), "{mined}");
    assert_eq!(mined["accepted"], pooled["accepted"]);
    assert_eq!((&mined["rejected"], &mined["lost"]), (&json!({}), &json!({})));
    // Stale shares can be had where blocks come this fast; miner and pool count the same ones.
    let stale: u64 = mined["stale"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    let refused: u64 =
        pooled["rejected"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert!(refused <= stale, "{mined} {pooled}");
    assert_eq!(pooled["sessions"], 1);
    let work = |summary: &Value| {
        summary["difficulty"].as_f64().or(summary["difficulty"]["accepted"].as_f64()).unwrap()
    };
    assert!((work(&mined) / work(&pooled) - 1.0).abs() < 1e-6, "{mined} {pooled}");
}

#[test]
fn whatever_a_name_holds_is_shown_as_harmless_text() {
    let (mut pool, url) = pool(&EASY);
    let mut miner = ByHand::connect(&url).unwrap();
    let name = "\u{1b}[2J../../<img src=x onerror=alert(1)>\r\n\u{202e}";
    miner.call("mining.subscribe", &json!([name])).unwrap();
    assert_eq!(miner.call("mining.authorize", &json!([name, name])).unwrap()["result"], true);
    let refused =
        miner.call("mining.submit", &json!([name, "no such job", "00000000", "00000000", "00000000"]));
    assert_eq!(refused.unwrap()["error"][0], 21);
    let opened = pool.next("session");
    let share = pool.next("share");
    assert_eq!((&share["status"], &share["reason"]), (&json!("rejected"), &json!("job not found")));
    for (shown, plain) in [(&opened["agent"], "/"), (&share["worker"], "")] {
        let shown = shown.as_str().unwrap();
        assert!(!shown.is_empty() && shown.bytes().all(|byte| byte.is_ascii_graphic()), "{shown}");
        assert!(!shown.replace(plain, "").contains(['<', '>', '/', '"', '\'', '&']), "{shown}");
    }
    assert_eq!(stop(pool)["rejected"], json!({"unknown job": 1}));
}

#[test]
fn a_pool_for_others_says_so_and_an_address_in_use_is_named() {
    let mut open = Miner::new(&["pool", "--listen", "0.0.0.0:0", "--log-format", "json"]).start();
    let url = open.next("listening")["url"].as_str().unwrap().to_owned();
    let notice = open.next("notice")["message"].as_str().unwrap().to_owned();
    assert!(notice.contains("open to the network"), "{notice}");
    let address = url.trim_start_matches("stratum+tcp://");
    let second = Miner::new(&["pool", "--listen", address]).run();
    assert_eq!(second.code, Some(1));
    assert!(second.stderr.contains(address), "{second:?}");
    for (option, value) in [("--listen", "nowhere"), ("--difficulty", "0"), ("--coinbase-addr", "nobody")] {
        assert_eq!(Miner::new(&["pool", option, value]).run().code, Some(2), "{option}");
    }
    stop(open);
}

/// A pool that may open few files, as a child that is killed with the test.
struct Narrow(Child);

impl Drop for Narrow {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn running_out_of_file_descriptors_passes() {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 40 && exec \"$@\"", "sh"]).arg(miner_program());
    command.args(["pool", "--listen", "127.0.0.1:0", "--log-format", "json"]).args(EASY);
    let mut pool = Narrow(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut events = BufReader::new(pool.0.stdout.take().unwrap()).lines();
    let listening: Value = serde_json::from_str(&events.next().unwrap().unwrap()).unwrap();
    let url = listening["url"].as_str().unwrap().to_owned();
    // What it tells is read on, so that it never waits for a reader.
    std::thread::spawn(move || events.for_each(drop));
    let mut first = ByHand::connect(&url).unwrap();
    first.call("mining.subscribe", &json!([])).unwrap();
    let crowd: Vec<_> = (0..100).map(|_| ByHand::connect(&url).unwrap()).collect();
    assert_eq!(first.call("mining.ping", &json!([])).unwrap()["result"], "pong", "those that are in go on");
    drop(crowd);
    let mut last = ByHand::connect(&url).unwrap();
    assert_eq!(last.call("mining.ping", &json!([])).unwrap()["result"], "pong", "and others come in again");
}
