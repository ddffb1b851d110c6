//! One pool that stalls, trickles, floods or is left.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use super::miner::options;
use super::net::{FIRST, Net, Port, SECOND, seconds_since};
use super::share::EASY;
use super::{ClientEvent, Fate};

#[tokio::test(start_paused = true)]
async fn a_silent_pool_is_dead_after_90_seconds() {
    let (mut net, mut miner) = Net::start(options(&[FIRST]));
    let _peer = net.mining(1, &mut miner).await;
    let silent_since = Instant::now();
    assert_eq!(miner.disconnected().await, "silent for 90 s");
    let seen = seconds_since(silent_since);
    assert!((89.0..=90.5).contains(&seen), "{seen}");
    let _peer = net.mining(1, &mut miner).await;
    assert!(seconds_since(silent_since) - seen <= 1.0);
}

#[tokio::test(start_paused = true)]
async fn a_quiet_pool_that_answers_is_left_alone() {
    let (mut net, mut miner) = Net::start(options(&[FIRST]));
    let mut peer = net.mining(1, &mut miner).await;
    for _ in 0..100 {
        let ping = peer.hear_call("mining.ping").await;
        peer.answer(&ping, "pong").await;
    }
    assert!(seconds_since(net.start) > 4000.0);
    assert_eq!(net.dials(1).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_stops_for_a_minute_loses_nothing() {
    let (mut net, mut miner) = Net::start(options(&[FIRST]));
    let mut peer = net.accept(1).await;
    peer.welcome("01", EASY).await;
    peer.notify("job", 1, true).await;
    miner.mine(3).await;
    sleep(Duration::from_secs(60)).await;
    for _ in 0..3 {
        let call = peer.hear_call("mining.submit").await;
        peer.answer(&call, true).await;
        assert_eq!(miner.judged().await.0, Fate::Accepted);
    }
    assert_eq!((miner.columns(), net.dials(1).len()), ([3, 3, 0, 0, 0, 0, 0], 1));
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_stops_for_five_minutes_is_left_and_resumed() {
    let (mut net, mut miner) = Net::start(options(&[FIRST]));
    let mut peer = net.accept(1).await;
    peer.welcome("01", EASY).await;
    peer.notify("job", 1, true).await;
    miner.mine(2).await;
    // The pool takes the first share; its answer never arrives.
    peer.hear_call("mining.submit").await;
    let mut hung = Vec::new();
    while seconds_since(net.start) < 300.0 {
        hung.push(net.accept(1).await);
    }
    assert_eq!(miner.columns(), [2, 0, 0, 0, 0, 0, 2]);
    let mut peer = hung.pop().unwrap();
    drop(hung);
    assert_eq!(peer.welcome("01", EASY).await, json!("session-1"));
    peer.notify("job", 1, true).await;
    let call = peer.hear_call("mining.submit").await;
    peer.refuse(&call, 22, "Duplicate share").await;
    let call = peer.hear_call("mining.submit").await;
    peer.answer(&call, true).await;
    assert_eq!((miner.judged().await.0, miner.judged().await.0), (Fate::Accepted, Fate::Accepted));
    assert_eq!(miner.columns(), [2, 2, 0, 0, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_line_that_does_not_end_is_not_waited_for() {
    let (mut net, mut miner) = Net::start(options(&[FIRST]));
    let mut peer = net.mining(1, &mut miner).await;
    let start = Instant::now();
    let trickle = async {
        while peer.say_bytes(b"{").await {
            sleep(Duration::from_secs(5)).await;
        }
    };
    let (reason, ()) = tokio::join!(miner.disconnected(), trickle);
    assert_eq!(reason, "a line did not end within 60 s");
    assert!((60.0..66.0).contains(&seconds_since(start)), "{}", seconds_since(start));
}

#[tokio::test(start_paused = true)]
async fn lines_that_trickle_in_are_fine() {
    let (mut net, mut miner) = Net::start(options(&[FIRST]));
    let mut peer = net.mining(1, &mut miner).await;
    let line = format!("{}\n", json!({"id":null,"method":"client.show_message","params":["slow"]}));
    for _ in 0..5 {
        for byte in line.as_bytes() {
            assert!(peer.say_bytes(&[*byte]).await);
            sleep(Duration::from_millis(700)).await;
        }
    }
    for _ in 0..5 {
        let said = miner.event("message", |event| match event {
            ClientEvent::Notice(text) => Some(text),
            _ => None,
        });
        assert_eq!(said.await, format!("{FIRST}: slow"));
    }
    assert_eq!(net.dials(1).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_line_without_bounds_ends_the_connection() {
    let (mut net, mut miner) = Net::start(options(&[FIRST]));
    let mut peer = net.mining(1, &mut miner).await;
    while peer.say_bytes(&[b'x'; 4096]).await {}
    assert_eq!(miner.disconnected().await, "a line is longer than 262144 bytes");
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_asks_and_never_reads_is_left() {
    let (mut net, mut miner) = Net::start(options(&[FIRST]));
    let mut peer = net.mining(1, &mut miner).await;
    while peer.say(json!({"id":"x".repeat(64),"method":"mining.ping"})).await {}
    assert_eq!(miner.disconnected().await, "the pool does not read");
}

#[tokio::test(start_paused = true)]
async fn draining_waits_for_answers_and_for_nothing_else() {
    let (mut net, mut miner) = Net::start(options(&[FIRST]));
    let mut peer = net.mining(1, &mut miner).await;
    miner.mine(2).await;
    let start = Instant::now();
    let answers = async {
        for _ in 0..2 {
            let call = peer.hear_call("mining.submit").await;
            sleep(Duration::from_secs(1)).await;
            peer.answer(&call, true).await;
        }
    };
    tokio::join!(miner.client.drain(Duration::from_secs(5)), answers);
    assert!((2.0..3.0).contains(&seconds_since(start)), "{}", seconds_since(start));
    assert_eq!(miner.columns(), [2, 2, 0, 0, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn draining_ends_when_its_time_is_up() {
    let (mut net, mut miner) = Net::start(options(&[FIRST]));
    let _peer = net.mining(1, &mut miner).await;
    miner.mine(2).await;
    let start = Instant::now();
    miner.client.drain(Duration::from_secs(5)).await;
    assert!((5.0..5.5).contains(&seconds_since(start)), "{}", seconds_since(start));
    assert_eq!(miner.judged().await.0, Fate::Lost("shutdown".into()));
    assert_eq!(miner.columns(), [2, 0, 0, 0, 2, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_handle_ends_all_connections() {
    let (mut net, mut miner) = Net::start(options(&[FIRST, SECOND]));
    net.set(1, Port::Refused);
    let mut second = net.mining(2, &mut miner).await;
    net.set(1, Port::Open);
    let mut first = net.accept(1).await;
    first.welcome("02", EASY).await;
    let another = miner.client.clone();
    drop(miner);
    first.notify("still there", 1, true).await;
    assert!(second.hear_call("mining.ping").await["id"].is_u64());
    drop(another);
    assert_eq!((first.hear().await, second.hear().await), (None, None));
}
