//! What a session begins with: orders, answers and silences that are odd, and those that cannot be worked with.

use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::pool::{Heard, Pool, Settings, Step};
use crate::support::rig::{Rig, options};
use crate::support::seed;

/// A handshake that cannot be worked with: the pool is passed over, and the next one mined for.
#[tokio::test]
async fn sessions_that_cannot_be_are_refused() {
    let mut rng = seed::rng("bad sessions");
    let subscribed = |extranonce1: &str, size: Value| json!([[["mining.notify", "s"]], extranonce1, size]);
    let rows = [
        ("extranonce1 of 33 bytes", subscribed(&"00".repeat(33), json!(4))),
        ("odd extranonce1", subscribed("abc", json!(4))),
        ("extranonce1 that is no hex", subscribed("zzzz", json!(4))),
        ("extranonce1 of another type", json!([[], 8, 4])),
        ("extranonce2 of 17 bytes", subscribed("00000001", json!(17))),
        ("extranonce2 of -1 bytes", subscribed("00000001", json!(-1))),
        ("extranonce2 of 2^40 bytes", subscribed("00000001", json!(1u64 << 40))),
        ("extranonce2 of another type", subscribed("00000001", json!([4]))),
        ("no extranonces", json!([[["mining.notify", "s"]]])),
        ("no list", json!(true)),
        ("nothing", json!(null)),
    ];
    for (name, result) in rows {
        let settings = Settings::scripted(move |heard, honest| match heard.method {
            "mining.subscribe" => vec![Step::Line(json!({"id": heard.id, "result": result, "error": null}))],
            _ => honest,
        });
        let (first, second) = (Pool::start(settings, &mut rng).await, Pool::honest(&mut rng).await);
        let mut rig = Rig::with(options(&[first.address, second.address]), &mut rng);
        rig.until(name, |rig| second.open() == 1 && rig.work.is_some()).await;
        rig.mine().await;
        assert_eq!(first.heard("mining.submit"), 0, "{name}");
        rig.audit(&[&second]).await;
    }
}

/// Orders and silences in a handshake that are odd, and seen in the wild.
#[tokio::test]
async fn odd_handshakes_work() {
    let mut rng = seed::rng("odd handshakes");
    type Script = fn(&Heard<'_>, Vec<Step>) -> Vec<Step>;
    let rows: [(&str, Script); 5] = [
        ("configure is never answered", |heard, honest| match heard.method {
            "mining.configure" => Vec::new(),
            _ => honest,
        }),
        ("configure is an unknown method", |heard, honest| match heard.method {
            "mining.configure" => vec![Step::Line(
                json!({"id": heard.id, "result": null, "error": [20, "Unknown method", null]}),
            )],
            _ => honest,
        }),
        ("the job comes before the worker is taken", |heard, mut honest| {
            if heard.method == "mining.authorize" {
                honest.rotate_left(1);
            }
            honest
        }),
        ("ids come back as strings", |_, honest| honest.into_iter().map(with_string_id).collect()),
        ("every answer comes twice", |_, honest| {
            honest.into_iter().flat_map(|step| [step.clone(), step]).collect()
        }),
    ];
    for (name, script) in rows {
        let mask = if name.starts_with("configure") { 0 } else { 0x1fff_e000 };
        let pool = Pool::start(Settings { mask, ..Settings::scripted(script) }, &mut rng).await;
        let mut rig = Rig::start(pool.address, &mut rng);
        rig.any_job().await;
        let (_, terms) = rig.work.clone().unwrap();
        assert_eq!(terms.version_mask.bits(), mask, "{name}");
        (0..20).for_each(|_| _ = rig.find());
        rig.mine().await;
        let columns = rig.audit(&[&pool]).await;
        assert_eq!((columns.accepted.shares, pool.connections()), (21, 1), "{name}");
    }
}

/// What was answered once is answered: a second answer, whatever it says, is none.
#[tokio::test]
async fn answers_that_come_again_and_say_otherwise_are_ignored() {
    let mut rng = seed::rng("contradictions");
    let ids = Mutex::new(Vec::new());
    let settings = Settings::scripted(move |heard, mut honest| {
        let mut ids = ids.lock().unwrap();
        if heard.method == "mining.submit" {
            honest.extend(ids.iter().map(refusal));
        }
        // A worker that is refused is another matter.
        if heard.method != "mining.authorize" {
            ids.push(heard.id.clone());
        }
        honest
    });
    let pool = Pool::start(settings, &mut rng).await;
    let mut rig = Rig::start(pool.address, &mut rng);
    rig.any_job().await;
    for _ in 0..20 {
        rig.mine().await;
    }
    let columns = rig.audit(&[&pool]).await;
    assert_eq!((columns.accepted.shares, pool.connections()), (20, 1));
}

#[tokio::test]
async fn a_pool_that_takes_back_its_word_on_the_worker_does_not_end_the_mining() {
    let mut rng = seed::rng("word taken back");
    let login = Mutex::new(Value::Null);
    let settings = Settings::scripted(move |heard, mut honest| {
        match heard.method {
            "mining.authorize" => *login.lock().unwrap() = heard.id.clone(),
            "mining.submit" => honest.push(refusal(&login.lock().unwrap())),
            _ => {}
        }
        honest
    });
    let (first, second) = (Pool::start(settings, &mut rng).await, Pool::honest(&mut rng).await);
    let mut rig = Rig::with(options(&[first.address, second.address]), &mut rng);
    rig.any_job().await;
    rig.mine().await;
    rig.during(Duration::from_millis(100)).await;
    let job = [first.job(true), second.job(true)];
    let either = |rig: &Rig| {
        rig.work
            .as_ref()
            .is_some_and(|(now, _)| job.iter().any(|job| job.prev_blockhash() == now.prev_blockhash()))
    };
    rig.until("a job of either", either).await;
    rig.mine().await;
    rig.audit(&[&first, &second]).await;
}

fn refusal(id: &Value) -> Step {
    Step::Line(json!({"id": id, "result": false, "error": [24, "Unauthorized worker", null]}))
}

fn with_string_id(step: Step) -> Step {
    match step {
        Step::Line(mut line) if line["id"].is_u64() => {
            line["id"] = json!(line["id"].to_string());
            Step::Line(line)
        }
        step => step,
    }
}
