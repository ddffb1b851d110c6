//! Many pools: which one is used, and when it is given up.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use super::miner::options;
use super::net::{FIRST, Net, Port, SECOND, seconds_since};
use super::share::{EASY, find};
use super::{ClientEvent, ClientOptions, Fate};

#[tokio::test(start_paused = true)]
async fn failover_takes_less_than_5_seconds_however_the_pool_dies() {
    for how in [Port::Refused, Port::Blackhole, Port::Panics, Port::Open] {
        let (mut net, mut miner) = Net::start(options(&[FIRST, SECOND]));
        let peer = net.mining(1, &mut miner).await;
        net.set(1, how);
        drop(peer);
        assert_eq!(miner.disconnected().await, "closed by the pool");
        let lost = Instant::now();
        // An open port that nobody answers at.
        let mute = if matches!(how, Port::Open) { Some(net.accept(1).await) } else { None };
        let _peer = net.mining(2, &mut miner).await;
        assert!(seconds_since(lost) <= 5.0, "{}", seconds_since(lost));
        drop(mute);
    }
}

#[tokio::test(start_paused = true)]
async fn pauses_grow_to_a_minute_and_start_anew_with_a_job() {
    let (mut net, mut miner) = Net::start(options(&[FIRST]));
    let peer = net.mining(1, &mut miner).await;
    net.set(1, Port::Refused);
    drop(peer);
    miner.disconnected().await;
    sleep(Duration::from_secs(3600)).await;
    let dials = net.dials(1);
    let pauses: Vec<f64> = dials.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses[0] <= 1.0 && pauses[1] <= 1.0, "{pauses:?}");
    assert!(pauses.iter().all(|pause| *pause <= 60.0), "{pauses:?}");
    assert!(pauses.iter().skip(8).all(|pause| *pause >= 30.0), "{pauses:?}");

    net.set(1, Port::Open);
    let peer = net.mining(1, &mut miner).await;
    let lost = Instant::now();
    drop(peer);
    net.mining(1, &mut miner).await;
    assert!(seconds_since(lost) <= 1.0);
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_job_is_a_failure() {
    let (mut net, _miner) = Net::start(options(&[FIRST]));
    for _ in 0..8 {
        let mut peer = net.accept(1).await;
        peer.welcome("01", EASY).await;
    }
    let dials = net.dials(1);
    assert!(dials[7] - dials[6] >= 30.0, "{dials:?}");
}

#[tokio::test(start_paused = true)]
async fn the_better_pool_is_gone_back_to_over_the_connection_that_proved_it() {
    let (mut net, mut miner) = Net::start(options(&[FIRST, SECOND]));
    net.set(1, Port::Refused);
    let mut second = net.mining(2, &mut miner).await;
    net.set(1, Port::Open);
    let mut first = net.accept(1).await;
    first.welcome("01", EASY).await;
    first.notify("first", 3, true).await;
    let up = Instant::now();
    let chatter = async {
        for number in 0.. {
            second.notify("second", number, true).await;
            first.notify("first", 3, true).await;
            sleep(Duration::from_secs(20)).await;
        }
    };
    let (name, _) = tokio::select! {
        connected = miner.connected() => connected,
        () = chatter => unreachable!(),
    };
    assert_eq!((name.as_str(), net.dials(1).len()), (FIRST, 2));
    assert!((299.0..302.0).contains(&seconds_since(up)), "{}", seconds_since(up));
    assert_eq!(miner.job().await.0.id(), "first");
    // The connection to the other one ends a while later.
    assert!(second.hear().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn shares_of_a_pool_that_was_left_still_reach_it() {
    let (mut net, mut miner) =
        Net::start(ClientOptions { stable: Duration::from_secs(5), ..options(&[FIRST, SECOND]) });
    net.set(1, Port::Refused);
    let mut second = net.accept(2).await;
    second.welcome("01", EASY).await;
    second.notify("second", 1, true).await;
    let (job, terms) = miner.job().await;
    net.set(1, Port::Open);
    let _first = net.mining(1, &mut miner).await;
    let share = find(&job, terms, 1).remove(0);
    miner.client.submit(share, "cpu".into());
    let call = second.hear_call("mining.submit").await;
    assert_eq!(call["params"][1], "second");
    second.answer(&call, true).await;
    assert_eq!(miner.judged().await.0, Fate::Accepted);
}

#[tokio::test(start_paused = true)]
async fn the_last_job_is_searched_for_10_seconds_more() {
    let (mut net, mut miner) = Net::start(options(&[FIRST]));
    let peer = net.mining(1, &mut miner).await;
    net.set(1, Port::Blackhole);
    drop(peer);
    let lost = Instant::now();
    miner.event("idle", |event| matches!(event, ClientEvent::Idle).then_some(())).await;
    assert!((9.9..10.5).contains(&seconds_since(lost)), "{}", seconds_since(lost));
}

#[tokio::test(start_paused = true)]
async fn it_gives_up_when_all_retries_are_used_up() {
    let retries = ClientOptions { retries: Some(3), ..options(&[FIRST, SECOND]) };
    let (mut net, mut miner) = Net::start(retries);
    net.set(2, Port::Refused);
    let mut peer = net.accept(1).await;
    net.set(1, Port::Refused);
    peer.welcome("01", EASY).await;
    peer.notify("job", 1, true).await;
    let shares = miner.mine(2).await;
    drop(peer);
    let reason = miner.gave_up().await;
    assert!(reason.contains(FIRST) && reason.contains(SECOND), "{reason}");
    assert!(net.dials(1).len() >= 3 && net.dials(2).len() >= 3);
    assert_eq!(miner.columns(), [2, 0, 0, 0, 2, 0, 0]);
    miner.client.submit(shares[0].clone(), "cpu".into());
    assert_eq!(miner.columns(), [3, 0, 0, 0, 3, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_login_leads_to_the_next_pool_and_is_said_plainly() {
    let (mut net, mut miner) = Net::start(options(&[FIRST, SECOND]));
    let mut peer = net.accept(1).await;
    let call = peer.hear_call("mining.subscribe").await;
    peer.answer(&call, json!([[["mining.notify", "s"]], "01", 4])).await;
    let call = peer.hear_call("mining.authorize").await;
    peer.refuse(&call, 24, "who are you").await;
    let trouble = miner.event("trouble", |event| match event {
        ClientEvent::Trouble(text) => Some(text),
        _ => None,
    });
    assert_eq!(trouble.await, format!("{FIRST}: the pool refused the worker: who are you"));
    let _second = net.mining(2, &mut miner).await;
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(net.dials(1).len(), 1);

    let (mut net, mut miner) = Net::start(options(&[FIRST]));
    let mut peer = net.accept(1).await;
    let call = peer.hear_call("mining.subscribe").await;
    peer.answer(&call, json!([[["mining.notify", "s"]], "01", 4])).await;
    let call = peer.hear_call("mining.authorize").await;
    peer.answer(&call, false).await;
    assert_eq!(miner.gave_up().await, format!("{FIRST}: the pool refused the worker: no reason given"));
}

#[tokio::test(start_paused = true)]
async fn a_redirect_leads_once_to_another_port_and_then_back() {
    let (mut net, mut miner) = Net::start(options(&[FIRST]));
    let mut peer = net.mining(1, &mut miner).await;
    net.set(3, Port::Refused);
    peer.say(json!({"id":null,"method":"client.reconnect","params":["eu.example.com",3,0]})).await;
    assert_eq!(miner.disconnected().await, "the pool asked to connect to eu.example.com:3");
    let mut peer = net.mining(1, &mut miner).await;
    assert_eq!((net.dials(3).len(), net.dials(1).len()), (1, 2));

    sleep(Duration::from_secs(60)).await;
    net.set(3, Port::Open);
    peer.say(json!({"id":null,"method":"client.reconnect","params":["eu.example.com",3,0]})).await;
    let peer = net.mining(3, &mut miner).await;
    drop(peer);
    net.mining(1, &mut miner).await;
}
