//! Many connections at once, and slow ones: none of them holds up the run, or for long the page.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use super::miner;

/// More in all than a machine may let a process have open.
const WAVES: usize = 2;
const WAVE: usize = 500;
/// What a miner has open, connections to its page included.
const FILES: usize = 200;

fn hashes(page: &super::Client) -> u64 {
    page.json("/api/status")["hashrate"]["hashes"].as_u64().unwrap()
}

#[test]
fn a_thousand_connections_that_say_little_hold_up_nothing() {
    let (run, page) = miner(&["--difficulty", "1", "--max-hashrate", "1M"]);
    page.json_when(|status| status["hashrate"]["hashes"].as_u64() > Some(0));
    let before = hashes(&page);
    for wave in 0..WAVES {
        let crowd: Vec<_> = (0..WAVE)
            .map(|number| {
                let mut stream = page.connect();
                // Nothing at all, half a head, or a request whose answer nobody reads.
                let says =
                    ["", "GET / HTTP/1.1\r\nHost: ", "GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n"];
                stream.write_all(says[number % 3].as_bytes()).unwrap();
                stream
            })
            .collect();
        // Behind all those in the queue, and answered all the same.
        assert_eq!(page.get("/health", &[]).status, 200, "wave {wave}");
        let open = std::fs::read_dir(format!("/proc/{}/fd", run.id())).unwrap().count();
        assert!(open < FILES, "{open} files are open in wave {wave}");
        drop(crowd);
    }
    let threads = std::fs::read_dir(format!("/proc/{}/task", run.id())).unwrap().count();
    assert!(threads < FILES, "{threads} threads");
    page.json_when(|status| status["hashrate"]["hashes"].as_u64() > Some(before));
}

#[test]
fn a_head_that_never_ends_is_not_waited_for() {
    let (_run, page) = miner(&["--difficulty", "1", "--max-hashrate", "1M"]);
    let mut loris = page.connect();
    let begin = Instant::now();
    loris.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n").unwrap();
    loris.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    loop {
        // A header every half second, for ever.
        let over = loris.write_all(b"X: y\r\n").is_err()
            || !matches!(loris.read(&mut [0; 64]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock);
        if over {
            break;
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "it is still listened to");
    }
    assert_eq!(page.get("/", &[]).status, 200);
}
