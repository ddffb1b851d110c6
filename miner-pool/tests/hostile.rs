//! A crowd that wastes a server's time, on real TCP: whoever mines among it is served as ever.

mod support;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use miner_pool::{PoolEvent, ServerLimits, run};
use miner_stratum::session::Ended;
use serde_json::json;
use support::{Miner, World};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Connects again and again, begins a line and never ends it.
async fn slow_loris(server: SocketAddr) {
    loop {
        let mut stream = TcpStream::connect(server).await.unwrap();
        while stream.write_all(b"{").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Asks on and on, and reads no answer.
async fn slow_reader(server: SocketAddr) {
    loop {
        let mut stream = TcpStream::connect(server).await.unwrap();
        let ping = json!({"id": "x".repeat(60), "method": "mining.ping"}).to_string() + "\n";
        while stream.write_all(ping.repeat(50).as_bytes()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Logs in and sends nothing but bad shares, as fast as it is let.
async fn flood(server: SocketAddr) {
    let mut lines = json!({"method": "mining.subscribe"}).to_string() + "\n";
    lines += &(json!({"method": "mining.authorize", "params": ["flood"]}).to_string() + "\n");
    let share = json!({"method": "mining.submit", "params": ["flood", "none", "00000000", "0", "0"]});
    lines += &format!("{share}\n").repeat(1000);
    loop {
        let mut stream = TcpStream::connect(server).await.unwrap();
        // Closed half-way through: that is the point.
        let _ = stream.write_all(lines.as_bytes()).await;
        let _ = stream.read_to_end(&mut vec![]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shares_are_taken_amid_a_hostile_crowd_and_the_crowd_is_thrown_out() {
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    tokio::spawn(run(listener, world.pool.clone(), ServerLimits::default(), std::future::pending()));
    let mut crowd = JoinSet::new();
    (0..50).for_each(|_| drop(crowd.spawn(slow_loris(server))));
    (0..20).for_each(|_| drop(crowd.spawn(slow_reader(server))));
    (0..4).for_each(|_| drop(crowd.spawn(flood(server))));
    let mut miner = Miner::new(TcpStream::connect(server).await.unwrap());
    miner.log_in("me").await;
    let mut from = 0;
    for _ in 0..100 {
        let share = miner.solve(from);
        from = u32::from_str_radix(share[4].as_str().unwrap(), 16).unwrap() + 1;
        assert_eq!(miner.submit(&share).await, Ok(()));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(world.accepted(), vec!["me"; 100]);
    let floods = || {
        world.events(|event| match event {
            PoolEvent::Closed { why: Ended::Flood, .. } => Some(()),
            _ => None,
        })
    };
    let begin = Instant::now();
    while floods().is_empty() {
        assert!(begin.elapsed() < Duration::from_secs(60), "nobody was thrown out for a flood");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(crowd.try_join_next().is_none(), "the crowd is still at it");
}
