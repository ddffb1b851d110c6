//! A network of pools without a network, on a clock that jumps to whatever comes next.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, sleep};

use super::super::link::Dial;
use super::miner::Miner;
use super::peer::Peer;
use super::share::EASY;
use super::{Client, ClientOptions};
use crate::connect::{ConnectError, Route, TcpError, Transport};

pub(super) const FIRST: &str = "stratum+tcp://one.example.com:1";
pub(super) const SECOND: &str = "stratum+tcp://two.example.com:2";

/// What becomes of a connection to a port.
#[derive(Clone, Copy)]
pub(super) enum Port {
    Open,
    Refused,
    Blackhole,
    Panics,
}

/// A network of pools without a network.
pub(super) struct Net {
    ports: Arc<Mutex<HashMap<u16, Port>>>,
    dials: Arc<Mutex<Vec<(u16, Instant)>>>,
    accepted: UnboundedReceiver<(u16, DuplexStream)>,
    pub(super) start: Instant,
}

impl Net {
    pub(super) fn start(options: ClientOptions) -> (Self, Miner) {
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

    pub(super) fn set(&self, port: u16, what: Port) {
        self.ports.lock().unwrap().insert(port, what);
    }

    /// When a port was dialled, in seconds since the start.
    pub(super) fn dials(&self, port: u16) -> Vec<f64> {
        let dials = self.dials.lock().unwrap();
        let here = dials.iter().filter(|(dialled, _)| *dialled == port);
        here.map(|(_, at)| (*at - self.start).as_secs_f64()).collect()
    }

    pub(super) async fn accept(&mut self, port: u16) -> Peer<DuplexStream> {
        let (accepted, stream) = self.accepted.recv().await.unwrap();
        assert_eq!(accepted, port);
        Peer::new(stream)
    }

    /// A connection that mines.
    pub(super) async fn mining(&mut self, port: u16, miner: &mut Miner) -> Peer<DuplexStream> {
        let mut peer = self.accept(port).await;
        peer.welcome("01", EASY).await;
        peer.notify("job", 1, true).await;
        miner.connected().await;
        peer
    }
}

pub(super) fn seconds_since(start: Instant) -> f64 {
    start.elapsed().as_secs_f64()
}
