//! Bytes of any kind, at any point of a session: it may end, it never panics.

use miner_stratum::session::{Ended, Limits, serve};
use proptest::prelude::*;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::pool::{EASY, TestPool, Wish, job};
use crate::visitor::share;

/// Lines that lead deeper, one by one.
fn steps() -> Vec<String> {
    let job = job("a", 1, EASY);
    [
        json!({"id": 1, "method": "mining.configure", "params": [["version-rolling"], {}]}),
        json!({"id": 2, "method": "mining.subscribe", "params": ["agent"]}),
        json!({"id": 3, "method": "mining.authorize", "params": ["me", "x"]}),
        json!({"id": 4, "method": "mining.submit", "params": share(&job, &Wish::default())}),
    ]
    .map(|line| format!("{line}\n"))
    .to_vec()
}

/// Bytes, or pieces of lines put together anew.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let word = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        "\"",
        ",",
        ":",
        "\n",
        "\r\n",
        "null",
        "true",
        "1e400",
        "-1",
        "0.0000001",
        "\"id\":",
        "\"method\":",
        "\"params\":",
        "\"mining.submit\"",
        "\"mining.subscribe\"",
        "\"mining.configure\"",
        "\"mining.authorize\"",
        "\"mining.suggest_difficulty\"",
        "\"a\"",
        "\"ffffffff\"",
        "\"\"",
        "\\u0000",
        "\u{202e}",
    ]);
    let words = prop::collection::vec(word, 0..60).prop_map(|words| words.concat().into_bytes());
    prop_oneof![prop::collection::vec(any::<u8>(), 0..600), words]
}

/// A real line with something changed in it.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    (0..4usize, any::<prop::sample::Index>(), any::<u8>(), any::<bool>()).prop_map(|(step, at, byte, cut)| {
        let mut line = steps().swap_remove(step).into_bytes();
        let at = at.index(line.len());
        if cut {
            line.truncate(at);
        } else {
            line[at] = byte;
        }
        line
    })
}

fn runs(step: usize, pieces: Vec<Vec<u8>>) -> Ended {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let (mut here, there) = tokio::io::duplex(256);
        let session = tokio::spawn(serve(
            there,
            None,
            TestPool::with(&job("a", 1, EASY)),
            Limits { strikes: 20, ..Limits::default() },
            std::future::pending(),
        ));
        let lines = steps()[..step].concat().into_bytes();
        let (mut reader, mut writer) = tokio::io::split(&mut here);
        let write = async {
            for piece in [lines].into_iter().chain(pieces) {
                if writer.write_all(&piece).await.is_err() {
                    return;
                }
            }
            let _ = writer.shutdown().await;
        };
        let mut answers = vec![];
        let read = async { drop(reader.read_to_end(&mut answers).await) };
        tokio::join!(write, read);
        for line in answers.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            serde_json::from_slice::<serde_json::Value>(line).expect("whatever comes, the answers are JSON");
        }
        session.await.expect("no panic")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_at_any_step(step in 0..=4usize, pieces in prop::collection::vec(prop_oneof![soup(), damaged()], 0..6)) {
        let ended = runs(step, pieces);
        prop_assert!(matches!(ended, Ended::Closed | Ended::Flood | Ended::LineTooLong), "{ended}");
    }
}

#[test]
fn a_session_without_soup_ends_well() {
    assert_eq!(runs(4, vec![]), Ended::Closed);
}
