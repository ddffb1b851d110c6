//! A client and what it tells.

use std::sync::Arc;
use std::time::Duration;

use miner_core::{Job, Share, Terms, VersionMask};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

use super::share::find;
use super::{Client, ClientEvent, ClientOptions, Fate, PATIENCE, Pool, Route, Trust};

pub(crate) struct Miner {
    pub(crate) client: Client,
    events: UnboundedReceiver<ClientEvent>,
}

impl Miner {
    pub(crate) fn new((client, events): (Client, UnboundedReceiver<ClientEvent>)) -> Self {
        Self { client, events }
    }

    /// The next event that `pick` takes.
    pub(crate) async fn event<T>(&mut self, what: &str, mut pick: impl FnMut(ClientEvent) -> Option<T>) -> T {
        let mut missed = Vec::new();
        let next = async {
            loop {
                let event = self.events.recv().await.unwrap_or_else(|| panic!("ended before {what}"));
                missed.push(format!("{event:?}"));
                if let Some(picked) = pick(event) {
                    return picked;
                }
            }
        };
        let picked = timeout(PATIENCE, next).await;
        picked.unwrap_or_else(|_| panic!("no {what}, but {missed:?}"))
    }

    /// The name of the next pool that is connected, and whether its session was resumed.
    pub(crate) async fn connected(&mut self) -> (String, bool) {
        self.event("connection", |event| match event {
            ClientEvent::Connected { pool, resumed, .. } => Some((pool, resumed)),
            _ => None,
        })
        .await
    }

    pub(crate) async fn disconnected(&mut self) -> String {
        self.event("disconnection", |event| match event {
            ClientEvent::Disconnected { reason, .. } => Some(reason),
            _ => None,
        })
        .await
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

    pub(crate) async fn gave_up(&mut self) -> String {
        self.event("end", |event| match event {
            ClientEvent::GaveUp(reason) => Some(reason),
            _ => None,
        })
        .await
    }

    /// Finds some shares of the next job and submits them.
    pub(crate) async fn mine(&mut self, count: usize) -> Vec<Share> {
        let (job, terms) = self.job().await;
        let shares = find(&job, terms, count);
        shares.iter().for_each(|share| self.client.submit(share.clone(), "cpu".into()));
        shares
    }

    /// The ledger's columns, which always add up: found, accepted, rejected, stale, lost, in flight and queued.
    pub(crate) fn columns(&self) -> [u64; 7] {
        let ledger = self.client.ledger();
        let columns = ledger.columns();
        assert!(columns.balance(), "{columns:?}");
        let sum =
            |column: &std::collections::BTreeMap<_, super::Amount>| column.values().map(|a| a.shares).sum();
        [
            columns.found.shares,
            columns.accepted.shares,
            sum(&columns.rejected),
            sum(&columns.stale),
            sum(&columns.lost),
            columns.in_flight.shares,
            columns.queued.shares,
        ]
    }
}

pub(crate) fn options(urls: &[&str]) -> ClientOptions {
    let pool = |url: &&str| Pool {
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
