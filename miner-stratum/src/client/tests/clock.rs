//! Long stalls, on a clock that jumps to whatever comes next.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, sleep};

use super::super::link::Dial;
use super::miner::{Miner, options};
use super::peer::Peer;
use super::share::EASY;
use super::{Client, ClientEvent, ClientOptions, Fate};
use crate::connect::{ConnectError, Route, TcpError, Transport};

const FIRST: &str = "stratum+tcp://one.example.com:1";
const SECOND: &str = "stratum+tcp://two.example.com:2";

/// What becomes of a connection to a port.
#[derive(Clone, Copy)]
enum Port {
    Open,
    Refused,
    Blackhole,
    Panics,
}

/// A network of pools without a network.
struct Net {
    ports: Arc<Mutex<HashMap<u16, Port>>>,
    dials: Arc<Mutex<Vec<(u16, Instant)>>>,
    accepted: UnboundedReceiver<(u16, DuplexStream)>,
    start: Instant,
}

impl Net {
    fn start(options: ClientOptions) -> (Self, Miner) {
        let (accept, accepted) = unbounded_channel();
        let net = Self { ports: Arc::default(), dials: Arc::default(), accepted, start: Instant::now() };
        let (ports, dials) = (net.ports.clone(), net.dials.clone());
        let dial: Dial = Arc::new(move |route: Route| {
            let port = route.url.port;
            let what = ports.lock().unwrap().get(&port).copied().unwrap_or(Port::Open);
            dials.lock().unwrap().push((port, Instant::now()));
            let accept = accept.clone();
            Box::pin(async move {
                match what {
                    Port::Open => {
                        let (client, server) = duplex(64 * 1024);
                        accept.send((port, server)).unwrap();
                        return Ok(Box::new(client) as Box<dyn Transport>);
                    }
                    Port::Refused => {}
                    Port::Blackhole => sleep(Duration::from_secs(20)).await,
                    Port::Panics => panic!("a bug, on purpose"),
                }
                Err(ConnectError::Tcp(TcpError::Unreachable { to: port.to_string(), tried: Vec::new() }))
            })
        });
        (net, Miner::new(Client::start_over(options, dial)))
    }

    fn set(&self, port: u16, what: Port) {
        self.ports.lock().unwrap().insert(port, what);
    }

    /// When a port was dialled, in seconds since the start.
    fn dials(&self, port: u16) -> Vec<f64> {
        let dials = self.dials.lock().unwrap();
        let here = dials.iter().filter(|(dialled, _)| *dialled == port);
        here.map(|(_, at)| (*at - self.start).as_secs_f64()).collect()
    }

    async fn accept(&mut self, port: u16) -> Peer<DuplexStream> {
        let (accepted, stream) = self.accepted.recv().await.unwrap();
        assert_eq!(accepted, port);
        Peer::new(stream)
    }

    /// A connection that mines.
    async fn mining(&mut self, port: u16, miner: &mut Miner) -> Peer<DuplexStream> {
        let mut peer = self.accept(port).await;
        peer.welcome("01", EASY).await;
        peer.notify("job", 1, true).await;
        miner.connected().await;
        peer
    }
}

fn seconds_since(start: Instant) -> f64 {
    start.elapsed().as_secs_f64()
}

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
    let share = super::share::find(&job, terms, 1).remove(0);
    miner.client.submit(share, "cpu".into());
    let call = second.hear_call("mining.submit").await;
    assert_eq!(call["params"][1], "second");
    second.answer(&call, true).await;
    assert_eq!(miner.judged().await.0, Fate::Accepted);
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

#[tokio::test(start_paused = true)]
async fn draining_waits_for_answers_and_for_nothing_else() {
    let (mut net, mut miner) = Net::start(options(&[FIRST]));
    let mut peer = net.accept(1).await;
    peer.welcome("01", EASY).await;
    peer.notify("job", 1, true).await;
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
    let mut peer = net.accept(1).await;
    peer.welcome("01", EASY).await;
    peer.notify("job", 1, true).await;
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
