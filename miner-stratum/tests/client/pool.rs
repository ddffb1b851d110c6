//! A pool by hand: a real listener, and a peer that says exactly what a test tells it to.

use std::sync::Arc;
use std::time::Duration;

use miner_core::{Job, Terms, VersionMask};
use miner_stratum::client::{Client, ClientEvent, ClientOptions, Pool};
use miner_stratum::connect::{Route, Trust};
use miner_stratum::ledger::Fate;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

/// No test waits longer for anything that must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A pool that listens on a port of its own.
pub(crate) struct TestPool {
    listener: TcpListener,
}

/// One connection of a client.
pub(crate) struct Peer {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

impl TestPool {
    pub(crate) async fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub(crate) fn url(&self) -> String {
        format!("stratum+tcp://{}", self.listener.local_addr().unwrap())
    }

    pub(crate) async fn accept(&self) -> Peer {
        let (stream, _) = timeout(PATIENCE, self.listener.accept()).await.expect("a connection").unwrap();
        Peer::new(stream)
    }
}

impl Peer {
    fn new(stream: TcpStream) -> Self {
        let (reader, writer) = stream.into_split();
        Self { reader: BufReader::new(reader), writer }
    }

    pub(crate) async fn say(&mut self, value: Value) {
        self.writer.write_all(format!("{value}\n").as_bytes()).await.unwrap();
    }

    /// The next line; `None` at the end.
    pub(crate) async fn hear(&mut self) -> Option<Value> {
        let mut line = String::new();
        let read = timeout(PATIENCE, self.reader.read_line(&mut line)).await.expect("a line");
        (read.ok()? > 0).then(|| serde_json::from_str(&line).unwrap())
    }

    /// The next call of this method.
    pub(crate) async fn hear_call(&mut self, method: &str) -> Value {
        loop {
            let call = self.hear().await.unwrap_or_else(|| panic!("closed before {method}"));
            if call["method"] == method {
                return call;
            }
        }
    }

    pub(crate) async fn answer(&mut self, call: &Value, result: Value) {
        self.say(json!({ "id": call["id"], "result": result, "error": null })).await;
    }

    pub(crate) async fn notify(&mut self, id: &str, prevhash: u8, clean: bool) {
        self.say(notify(id, prevhash, clean)).await;
    }

    /// Configure, subscribe, authorize, as most pools do it. Returns what was asked to be resumed.
    pub(crate) async fn welcome(&mut self, extranonce1: &str, difficulty: f64) -> Value {
        let call = self.hear_call("mining.configure").await;
        self.answer(&call, json!({ "version-rolling": true, "version-rolling.mask": "1fffe000" })).await;
        let call = self.hear_call("mining.subscribe").await;
        let resume = call["params"][1].clone();
        self.answer(&call, json!([[["mining.notify", "session-1"]], extranonce1, 4])).await;
        let call = self.hear_call("mining.authorize").await;
        self.answer(&call, json!(true)).await;
        self.say(json!({ "id": null, "method": "mining.set_difficulty", "params": [difficulty] })).await;
        resume
    }
}

/// A job on a mainnet-like network: no share of a test is a block.
pub(crate) fn notify(id: &str, prevhash: u8, clean: bool) -> Value {
    let params = json!([
        id,
        format!("{prevhash:02x}").repeat(32),
        "01",
        "02",
        [],
        "20000000",
        "1d00ffff",
        "665f2d4c",
        clean
    ]);
    json!({ "id": null, "method": "mining.notify", "params": params })
}

pub(crate) fn options(urls: &[String]) -> ClientOptions {
    let pool = |url: &String| Pool {
        route: Route { url: url.parse().unwrap(), proxy: None, trust: Trust::System },
        user: "user.worker".into(),
        password: "x".into(),
    };
    ClientOptions {
        pools: urls.iter().map(pool).collect(),
        agent: "test/1.0".into(),
        version_mask: VersionMask::BIP320,
        suggest_difficulty: None,
        extranonce_subscribe: false,
        follow_reconnect: true,
        retries: None,
        retry_pause: Duration::from_secs(1),
        silence: Duration::from_secs(90),
        stable: Duration::from_secs(300),
    }
}

/// A client and what it tells.
pub(crate) struct Miner {
    pub(crate) client: Client,
    events: UnboundedReceiver<ClientEvent>,
}

impl Miner {
    pub(crate) fn start(options: ClientOptions) -> Self {
        let (client, events) = Client::start(options);
        Self { client, events }
    }

    /// The next event that `pick` takes.
    pub(crate) async fn event<T>(&mut self, what: &str, mut pick: impl FnMut(ClientEvent) -> Option<T>) -> T {
        let next = async {
            loop {
                let event = self.events.recv().await.unwrap_or_else(|| panic!("ended before {what}"));
                if let Some(picked) = pick(event) {
                    return picked;
                }
            }
        };
        timeout(PATIENCE, next).await.unwrap_or_else(|_| panic!("no {what}"))
    }

    pub(crate) async fn job(&mut self) -> (Arc<Job>, Terms) {
        self.event("job", |event| match event {
            ClientEvent::Job { job, terms } => Some((job, terms)),
            _ => None,
        })
        .await
    }

    pub(crate) async fn judged(&mut self) -> (Fate, Option<Duration>) {
        self.event("verdict", |event| match event {
            ClientEvent::Judged { fate, latency, .. } => Some((fate, latency)),
            _ => None,
        })
        .await
    }
}
