//! Lines that mean nothing, or harm: which ones a connection outlives.

use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};

use crate::support::job;
use crate::support::pool::{Pool, Settings, Step};
use crate::support::rig::{Rig, options};
use crate::support::seed;

/// What a client may buffer, and what the sockets between may hold.
const CAP: usize = 256 * 1024;
const SOCKETS: usize = 8 * 1024 * 1024;

/// Sends bytes into a session, and mines on in the same one.
async fn outlives(name: &str, bytes: Vec<u8>, rng: &mut Rng) {
    let pool = Pool::honest(rng).await;
    let mut rig = Rig::start(pool.address, rng);
    rig.any_job().await;
    rig.mine().await;
    pool.raw(bytes);
    let job = pool.job(false);
    rig.job(&job).await;
    rig.mine().await;
    assert_eq!(pool.connections(), 1, "{name}: {rig:?}");
    let ids: Vec<_> = rig.jobs.iter().map(|job| job.id()).collect();
    assert!(ids.iter().all(|id| id.starts_with("job ")), "{name}: {ids:?}");
    rig.audit(&[&pool]).await;
}

fn line(text: impl AsRef<[u8]>) -> Vec<u8> {
    [text.as_ref(), b"\n"].concat()
}

#[tokio::test]
async fn lines_that_mean_nothing_change_nothing() {
    let mut rng = seed::rng("lines");
    let deep = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let rows: [(&str, Vec<u8>); 26] = [
        ("empty", line("")),
        ("blank", line("  \r")),
        ("no JSON", line("HTTP/1.1 400 Bad Request")),
        ("half a JSON", line(r#"{"id":null,"method":"mining.notify","params":["#)),
        ("two values", line("{}{}")),
        ("no object", line("42")),
        ("a list", line("[]")),
        ("an empty object", line("{}")),
        ("no UTF-8", line(b"{\"id\":null,\"method\":\"\xff\xfe\",\"params\":[]}")),
        ("zeros", line([0; 100])),
        ("deep", line(deep(200))),
        ("very deep", line(deep(100_000))),
        (
            "deep parameters",
            line(format!(r#"{{"id":null,"method":"mining.notify","params":{}}}"#, deep(1000))),
        ),
        ("a name that is no string", line(r#"{"id":null,"method":7,"params":[]}"#)),
        ("unknown method", line(r#"{"id":null,"method":"mining.dance","params":[1]}"#)),
        ("unknown question", line(r#"{"id":5000,"method":"mining.dance","params":[1]}"#)),
        ("no parameters", line(r#"{"id":null,"method":"mining.notify"}"#)),
        ("empty parameters", line(r#"{"id":null,"method":"mining.set_difficulty","params":[]}"#)),
        ("answer to nothing", line(r#"{"id":999999,"result":true,"error":null}"#)),
        ("refusal of nothing", line(r#"{"id":999999,"result":null,"error":[21,"Stale",null]}"#)),
        ("id of another type", line(r#"{"id":{"a":[1]},"result":true,"error":null}"#)),
        ("negative id", line(r#"{"id":-1,"result":true,"error":null}"#)),
        ("vast id", line(r#"{"id":1e300,"result":false,"error":null}"#)),
        ("no id", line(r#"{"result":false,"error":[24,"Unauthorized",null]}"#)),
        (
            "unknown keys",
            line(r#"{"jsonrpc":"2.0","id":null,"method":"client.show_message","params":["hi"],"x":1}"#),
        ),
        ("a few", line("x").repeat(5)),
    ];
    for (name, bytes) in rows {
        outlives(name, bytes, &mut rng).await;
    }
}

#[tokio::test]
async fn a_job_with_a_bad_field_is_passed_over() {
    let mut rng = seed::rng("bad jobs");
    let values =
        [json!(null), json!(true), json!(7), json!(-1.5), json!("abc"), json!("zz"), json!([[]]), json!({})];
    let bad_job = |field: usize, value: &Value, rng: &mut Rng| {
        let job = miner_core::Job::new(job::params("bad", false, rng)).unwrap();
        let mut notify = job::notify(&job);
        notify["params"][field] = value.clone();
        line(notify.to_string())
    };
    let pool = Pool::honest(&mut rng).await;
    let mut rig = Rig::start(pool.address, &mut rng);
    rig.any_job().await;
    // The fields without which there is no header. An empty branch is one, and so is an odd version that is short.
    for field in 1..=7 {
        for value in values.iter().filter(|value| field < 5 || **value != "abc") {
            pool.raw(bad_job(field, value, &mut rng));
            let job = pool.job(false);
            rig.job(&job).await;
        }
    }
    let ids: Vec<_> = rig.jobs.iter().map(|job| job.id()).collect();
    assert!(ids.iter().all(|id| id.starts_with("job ")), "{ids:?}");
    rig.mine().await;
    assert_eq!(pool.connections(), 1);
    rig.audit(&[&pool]).await;
}

#[tokio::test]
async fn branches_to_32_levels_and_coinbases_to_64_kib_are_mined_and_longer_ones_passed_over() {
    let mut rng = seed::rng("sizes");
    let pool = Pool::honest(&mut rng).await;
    let mut rig = Rig::start(pool.address, &mut rng);
    rig.any_job().await;
    let coinbase = |size: usize, levels: usize| miner_core::RootSource::Coinbase {
        prefix: vec![1; size / 2],
        suffix: vec![2; size - size / 2],
        branch: vec![[3; 32]; levels],
    };
    for (size, levels) in [(0, 0), (170, 1), (170, 12), (170, 32), (1024, 0), (65_000, 3)] {
        let job = pool.job_like(false, |params| params.root = coinbase(size, levels));
        rig.job(&job).await;
        rig.mine().await;
    }
    for (size, levels) in [(170, 33), (170, 64), (65_537, 0), (100_000, 0)] {
        let job = miner_core::Job::new(job::params("bad", false, &mut rng)).unwrap();
        let mut notify = job::notify(&job);
        notify["params"][2] = json!("01".repeat(size / 2));
        notify["params"][3] = json!("02".repeat(size - size / 2));
        notify["params"][4] = json!(vec!["03".repeat(32); levels]);
        pool.raw(line(notify.to_string()));
        let job = pool.job(false);
        rig.job(&job).await;
        assert!(rig.jobs.iter().all(|job| job.id() != "bad"), "{size} bytes, {levels} levels");
    }
    rig.mine().await;
    assert_eq!(pool.connections(), 1);
    rig.audit(&[&pool]).await;
}

#[tokio::test]
async fn lines_within_the_cap_are_read_and_longer_ones_end_the_connection_long_before_their_end() {
    let mut rng = seed::rng("long lines");
    for kib in [1, 16, 64, 255] {
        let text = "x".repeat(kib * 1024 - 100);
        outlives(
            &format!("{kib} KiB"),
            line(json!({"id": null, "method": "client.show_message", "params": [text]}).to_string()),
            &mut rng,
        )
        .await;
    }
    for mib in [1, 64] {
        let pool = Pool::honest(&mut rng).await;
        let mut rig = Rig::start(pool.address, &mut rng);
        rig.any_job().await;
        pool.raw(vec![b'x'; mib * 1024 * 1024]);
        rig.until("another connection", |rig| rig.connected.len() == 2).await;
        assert!(pool.raw_written() < CAP + SOCKETS, "{mib} MiB: {} bytes were taken", pool.raw_written());
        rig.mine().await;
        rig.audit(&[&pool]).await;
    }
}

#[tokio::test]
async fn a_pool_that_only_sends_bad_jobs_is_left() {
    let mut rng = seed::rng("only bad jobs");
    let (first, second) = (Pool::honest(&mut rng).await, Pool::honest(&mut rng).await);
    let mut rig = Rig::with(options(&[first.address, second.address]), &mut rng);
    rig.any_job().await;
    first.raw(line(r#"{"id":null,"method":"mining.notify","params":["bad","00"]}"#).repeat(1000));
    rig.until("the end", |rig| !rig.disconnected.is_empty()).await;
    rig.until("work", |rig| rig.work.is_some() && rig.connected.len() == 2).await;
    rig.mine().await;
    rig.audit(&[&first, &second]).await;
}

#[tokio::test]
async fn a_message_for_people_is_clean_and_short() {
    let mut rng = seed::rng("messages");
    let pool = Pool::honest(&mut rng).await;
    let mut rig = Rig::start(pool.address, &mut rng);
    rig.any_job().await;
    let text = format!("\u{1b}[31mpay\u{7} \u{202e}me\r\n{}", "x".repeat(2000));
    pool.say("client.show_message", &json!([text]));
    rig.until("the message", |rig| rig.said.iter().any(|said| said.contains("pay"))).await;
    let said = rig.said.iter().find(|said| said.contains("pay")).unwrap();
    assert!(said.len() < 400 && !said.chars().any(char::is_control), "{said:?}");
}

#[tokio::test]
async fn questions_are_answered() {
    let mut rng = seed::rng("questions");
    let (answers, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let settings = Settings::scripted(move |heard, honest| {
        if heard.method.is_empty() {
            // Whoever waits for it may be gone.
            let _ = answers.send(heard.id.clone());
        }
        honest
    });
    let pool = Pool::start(settings, &mut rng).await;
    let mut rig = Rig::start(pool.address, &mut rng);
    rig.any_job().await;
    for (id, method) in
        [(json!(7), "client.get_version"), (json!("ping!"), "mining.ping"), (json!(0), "mining.ping")]
    {
        pool.step(Step::Line(json!({"id": id, "method": method, "params": []})));
        let answer = tokio::time::timeout(Duration::from_secs(10), heard.recv()).await;
        assert_eq!(answer.ok().flatten(), Some(id), "{method}");
    }
    rig.mine().await;
    rig.audit(&[&pool]).await;
}
