//! A pool whose every word is an attack on whoever shows it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use serde_json::{Value, json};

use super::miner;

/// Markup that changes the title where it is taken for markup, a terminal's escape, and what ends a label's value.
pub(crate) const ATTACK: &str =
    "<img src=x onerror=\"document.title='pwned'\"><b>\u{1b}[31m\"} 1\nminer_pwned 1";

/// Starts it; it refuses every second share.
pub(crate) fn pool() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Whatever goes wrong, the miner has left.
            let _ = serve(&stream);
        }
    });
    address
}

/// Arguments of a miner to a hostile pool: a few shares a second, and a block among fifteen.
pub(crate) fn arguments(pool: SocketAddr) -> [String; 6] {
    ["-o", &format!("stratum+tcp://{pool}"), "-u", "me", "--max-hashrate", "30k"].map(str::to_owned)
}

fn serve(mut stream: &TcpStream) -> std::io::Result<()> {
    let mut refuse = false;
    for line in BufReader::new(stream).lines() {
        let call: Value = serde_json::from_str(&line?)?;
        let (mut result, mut error) = (json!(true), Value::Null);
        match call["method"].as_str() {
            Some("mining.subscribe") => result = json!([[["mining.notify", ATTACK]], "00000001", 4]),
            Some("mining.configure") => result = json!({"version-rolling": false}),
            Some("mining.submit") => {
                refuse = !refuse;
                if refuse {
                    (result, error) = (Value::Null, json!([20, ATTACK, null]));
                }
            }
            _ => {}
        }
        writeln!(stream, "{}", json!({"id": call["id"], "result": result, "error": error}))?;
        if call["method"] == "mining.authorize" {
            for (method, params) in [
                ("client.show_message", json!([ATTACK])),
                ("mining.set_difficulty", json!([1e-6])),
                ("mining.notify", job()),
            ] {
                writeln!(stream, "{}", json!({"id": null, "method": method, "params": params}))?;
            }
        }
    }
    Ok(())
}

/// One hash in 65,536 is a block.
fn job() -> Value {
    json!(["<i>job</i>", "00".repeat(32), "01000000", "00", [], "20000000", "1f00ffff", "6543aa00", true])
}

#[test]
fn a_pool_cannot_forge_a_metric() {
    let arguments = arguments(pool());
    let (_run, page) = miner(&arguments.each_ref().map(String::as_str));
    page.json_when(|status| super::sum(&status["summary"]["rejected"]) > 0);
    let metrics = page.get("/metrics", &[]).body;
    assert!(metrics.contains("<img src=x"), "the reason is told: {metrics}");
    assert!(!metrics.lines().any(|line| line.starts_with("miner_pwned")), "{metrics}");
    let events = page.get("/api/events", &[]);
    assert!(
        !events.body.contains('\u{1b}') && events.head.contains("x-content-type-options: nosniff"),
        "{events:?}"
    );
}
