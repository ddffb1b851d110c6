//! A pool over the embedded chain, on real TCP: jobs out, shares and blocks in.

mod support;

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use miner_node::Verdict;
use miner_pool::{PoolEvent, ServerLimits, run};
use serde_json::json;
use support::{Miner, SHARE, World};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A server; dropping the sender ends it.
struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

async fn serve(world: &World, limits: ServerLimits) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let ended = async { drop(stopped.await) };
    Server { address, stop, running: tokio::spawn(run(listener, world.pool.clone(), limits, ended)) }
}

async fn connect(server: &Server) -> Miner<TcpStream> {
    Miner::new(TcpStream::connect(server.address).await.unwrap())
}

/// Waits until it holds, at most as long as no test should take.
async fn until<F: Future<Output = bool>>(mut holds: impl FnMut() -> F) {
    for _ in 0..6000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not come to hold");
}

#[tokio::test]
async fn shares_are_taken_and_a_block_becomes_the_tip_and_brings_the_next_job() {
    // Blocks are sixteen times as hard as shares.
    let world = World::with_blocks_of(SHARE * 16.0);
    let server = serve(&world, ServerLimits::default()).await;
    let mut miner = connect(&server).await;
    miner.log_in("a.b<x>").await;
    let share = miner.solve(0);
    assert_eq!(miner.submit(&share).await, Ok(()));
    assert_eq!(miner.submit(&share).await, Err(22));
    let block = miner.solve_block(0);
    assert_eq!(miner.submit(&block).await, Ok(()));
    let before = miner.job().prev_blockhash();
    miner.next_job().await;
    assert_ne!(miner.job().prev_blockhash(), before);
    assert_eq!(miner.submit(&share).await, Err(21), "another tip");
    let tip = world.node.tip().await.unwrap();
    assert_eq!(miner.job().prev_blockhash(), tip);
    // The same block once more, now stale: it is not submitted again.
    assert_eq!(miner.submit(&block).await, Err(21));
    drop(server.stop);
    server.running.await.unwrap();
    world.pool.drain(Duration::from_secs(30)).await;
    let blocks = world.events(|event| match event {
        PoolEvent::Block { worker, share, verdict: Ok(verdict), .. } => {
            Some((worker.to_string(), share.hash(), verdict.clone()))
        }
        _ => None,
    });
    let of_tip = blocks.iter().filter(|(_, hash, _)| *hash == tip).collect::<Vec<_>>();
    assert_eq!(of_tip, [&("a.b%3Cx%3E".to_owned(), tip, Verdict::Accepted)]);
    assert!(world.accepted().len() >= 2);
}

#[tokio::test]
async fn a_wished_difficulty_is_granted_within_bounds_from_the_next_job_on() {
    let world = World::with_blocks_of(SHARE * 16.0);
    let server = serve(&world, ServerLimits::default()).await;
    let mut miner = connect(&server).await;
    miner.log_in("me").await;
    assert_eq!(miner.difficulty, SHARE);
    for (wish, granted) in [(SHARE * 2.0, SHARE * 2.0), (1e9, SHARE * 16.0), (1e-30, SHARE / 4.0)] {
        miner.call("mining.suggest_difficulty", &json!([wish])).await.unwrap();
        // The answer to the ping comes behind what the wish brought.
        miner.call("mining.ping", &json!([])).await.unwrap();
        assert_eq!(miner.difficulty, granted);
    }
}

#[tokio::test]
async fn a_session_resumes_with_its_extranonce_and_the_others_have_their_own() {
    let world = World::new();
    let server = serve(&world, ServerLimits::default()).await;
    let mut first = connect(&server).await;
    first.log_in("me").await;
    let (session, extranonce1) = (first.session.clone(), first.extranonce1());
    let share = first.solve(0);
    drop(first);
    let mut other = connect(&server).await;
    other.log_in("other").await;
    assert_ne!(other.extranonce1(), extranonce1);
    let mut again = connect(&server).await;
    again.resume("me", &session).await;
    assert_eq!((&again.session, again.extranonce1()), (&session, extranonce1));
    assert_eq!(again.submit(&share).await, Ok(()), "found before the cut");
    let mut stranger = connect(&server).await;
    stranger.resume("me", "0123456789abcdef").await;
    assert_ne!(stranger.extranonce1(), extranonce1);
    let resumed = world.events(|event| match event {
        PoolEvent::Opened { resumed, .. } => Some(*resumed),
        _ => None,
    });
    assert_eq!(resumed, [false, false, true, false]);
}

#[tokio::test]
async fn a_connection_too_many_is_closed_at_once_and_a_place_that_is_left_is_given_again() {
    let world = World::new();
    let server = serve(&world, ServerLimits { connections: 2, ..ServerLimits::default() }).await;
    let (mut first, mut second) = (connect(&server).await, connect(&server).await);
    first.log_in("1").await;
    second.log_in("2").await;
    assert!(!connect(&server).await.call_if_open("mining.ping").await);
    drop(first);
    until(async || world.pool.open_sessions() == 1).await;
    // The session has ended; the server learns of it a moment later.
    until(async || {
        let mut third = connect(&server).await;
        third.call_if_open("mining.ping").await
    })
    .await;
    let share = second.solve(0);
    assert_eq!(second.submit(&share).await, Ok(()), "the others go on");
}

#[tokio::test]
async fn the_end_of_the_server_closes_every_session_in_good_order() {
    let world = World::new();
    let server = serve(&world, ServerLimits::default()).await;
    let mut miners = vec![];
    for number in 0..10 {
        let mut miner = connect(&server).await;
        miner.log_in(&number.to_string()).await;
        miners.push(miner);
    }
    drop(server.stop);
    server.running.await.unwrap();
    for mut miner in miners {
        assert_eq!(miner.line().await, None);
    }
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody listens any more");
    assert_eq!(world.pool.open_sessions(), 0);
}
