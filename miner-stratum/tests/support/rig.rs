//! A client under test: finds shares for it, keeps its own books beside the client's, and holds both against a pool's log.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bitcoin::{BlockHash, Target};
use fastrand::Rng;
use miner_core::{Job, Share, Terms, VersionMask};
use miner_stratum::client::{Client, ClientEvent, ClientOptions, Pool as PoolEntry};
use miner_stratum::connect::{Route, Trust};
use miner_stratum::ledger::{Amount, Columns, Fate};
use tokio::sync::mpsc::UnboundedReceiver;

use super::job;
use super::pool::{Entry, Pool};

/// How long a test waits for what must come: it only ends one that fails.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often a wait looks again without an event.
const POLL: Duration = Duration::from_millis(2);
/// Whom the client mines as.
pub(crate) const USER: &str = "tester.rig";

/// A client and all that became known of it.
pub(crate) struct Rig {
    pub(crate) client: Client,
    /// What to work on at present.
    pub(crate) work: Option<(Arc<Job>, Terms)>,
    /// Every share that the client was given.
    pub(crate) found: HashMap<BlockHash, Share>,
    /// How they ended, as events told.
    pub(crate) fates: HashMap<BlockHash, Fate>,
    /// Jobs that were announced so far.
    pub(crate) jobs: Vec<Arc<Job>>,
    /// Each connection: the pool, and whether the session was resumed.
    pub(crate) connected: Vec<(String, bool)>,
    /// Why connections ended.
    pub(crate) disconnected: Vec<String>,
    /// Troubles and notices.
    pub(crate) said: Vec<String>,
    /// Why the client ended.
    pub(crate) gave_up: Option<String>,
    pub(crate) rng: Rng,
    events: UnboundedReceiver<ClientEvent>,
}

/// Options for these pools, in this order, with short periods.
pub(crate) fn options(pools: &[SocketAddr]) -> ClientOptions {
    let entry = |address: &SocketAddr| entry(&format!("stratum+tcp://{address}"), Trust::System);
    ClientOptions {
        pools: pools.iter().map(entry).collect(),
        agent: "rig/1".to_owned(),
        version_mask: VersionMask::BIP320,
        suggest_difficulty: None,
        extranonce_subscribe: true,
        follow_reconnect: true,
        retries: None,
        retry_pause: Duration::from_millis(10),
        silence: Duration::from_secs(30),
        stable: Duration::from_secs(30),
    }
}

/// A pool of the list by its URL.
pub(crate) fn entry(url: &str, trust: Trust) -> PoolEntry {
    let url = url.parse().expect("tests write good URLs");
    PoolEntry { route: Route { url, proxy: None, trust }, user: USER.to_owned(), password: "x".into() }
}

impl Rig {
    /// Starts a client for one pool.
    pub(crate) fn start(pool: SocketAddr, rng: &mut Rng) -> Self {
        Self::with(options(&[pool]), rng)
    }

    /// Starts a client.
    pub(crate) fn with(options: ClientOptions, rng: &mut Rng) -> Self {
        let (client, events) = Client::start(options);
        Self {
            client,
            work: None,
            found: HashMap::new(),
            fates: HashMap::new(),
            jobs: Vec::new(),
            connected: Vec::new(),
            disconnected: Vec::new(),
            said: Vec::new(),
            gave_up: None,
            rng: rng.fork(),
            events,
        }
    }

    /// What a share of the present job must meet.
    pub(crate) fn share_target(&self) -> Target {
        self.work.as_ref().expect("there is work").1.share_target
    }

    /// Finds a share of the present job.
    pub(crate) fn find(&mut self) -> BlockHash {
        let (job, terms) = self.work.clone().expect("there is work");
        self.find_for(&job, &terms)
    }

    /// Finds a share of any job.
    pub(crate) fn find_for(&mut self, job: &Arc<Job>, terms: &Terms) -> BlockHash {
        let share = job::solve(job, terms, &mut self.rng);
        self.give(share)
    }

    /// Gives the client a share.
    pub(crate) fn give(&mut self, share: Share) -> BlockHash {
        let hash = share.hash();
        assert!(self.found.insert(hash, share.clone()).is_none(), "the test repeats its own work");
        self.client.submit(share, "rig".into());
        self.check();
        hash
    }

    /// Waits until this is so. The ledger must balance all the while.
    pub(crate) async fn until(&mut self, what: &str, mut so: impl FnMut(&Self) -> bool) {
        let start = Instant::now();
        loop {
            self.listen();
            if so(self) {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "{what}: never came. {self:?}");
            match tokio::time::timeout(POLL, self.events.recv()).await {
                Ok(Some(event)) => self.take(event),
                Ok(None) => tokio::time::sleep(POLL).await,
                Err(_) => {}
            }
        }
    }

    /// Takes in what has been told so far, and audits the ledger.
    pub(crate) fn listen(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            self.take(event);
        }
        self.check();
    }

    /// Goes on for a while.
    pub(crate) async fn during(&mut self, time: Duration) {
        let end = Instant::now() + time;
        self.until("time", |_| Instant::now() >= end).await;
    }

    /// Waits for this job.
    pub(crate) async fn job(&mut self, job: &Job) {
        let is = |rig: &Self| rig.work.as_ref().is_some_and(|(now, _)| now.id() == job.id());
        self.until(&format!("`{}`", job.id()), is).await;
    }

    /// Waits for any job.
    pub(crate) async fn any_job(&mut self) {
        self.until("a job", |rig| rig.work.is_some()).await;
    }

    /// Waits for a share's end.
    pub(crate) async fn fate(&mut self, share: BlockHash) -> Fate {
        self.until("an answer", |rig| rig.fates.contains_key(&share)).await;
        self.fates[&share].clone()
    }

    /// Finds a share that must be taken.
    pub(crate) async fn mine(&mut self) {
        let share = self.find();
        let fate = self.fate(share).await;
        assert_eq!(fate, Fate::Accepted, "{self:?}");
    }

    /// The ledger's columns, audited.
    pub(crate) fn check(&self) -> Columns<Amount> {
        let columns = self.client.ledger().columns().clone();
        assert!(columns.balance(), "the ledger does not balance: {columns:?}");
        assert_eq!(columns.found.shares, self.found.len() as u64, "found shares are registered at once");
        columns
    }

    /// Ends the shares' ways, and holds ledger, events and the pools' logs against each other.
    pub(crate) async fn audit(&mut self, pools: &[&Pool]) -> Columns<Amount> {
        self.client.drain(PATIENCE).await;
        self.until("every share's end", |rig| rig.fates.len() == rig.found.len()).await;
        let columns = self.check();
        assert_eq!(columns, self.books(), "ledger against events");
        let mut taken = HashSet::new();
        for pool in pools {
            assert_eq!(pool.complaints(), [] as [String; 0], "the pool complains");
            self.audit_log(&pool.log());
            taken.extend(pool.accepted());
        }
        for (hash, fate) in &self.fates {
            match fate {
                Fate::Accepted => assert!(taken.contains(hash), "{hash} counts as accepted, and was not"),
                Fate::Lost(_) => {}
                fate => assert!(!taken.contains(hash), "{hash} was accepted, and counts as {fate:?}"),
            }
        }
        columns
    }

    /// The columns as events tell them.
    fn books(&self) -> Columns<Amount> {
        let mut books = miner_stratum::ledger::Ledger::default();
        for (hash, share) in &self.found {
            books.found(share);
            books.end(share, miner_stratum::ledger::Stage::Queued, &self.fates[hash]);
        }
        books.columns().clone()
    }

    /// Each line of a pool's log is a share that was found, said as it was found, and once a connection.
    fn audit_log(&self, log: &[Entry]) {
        let mut seen = HashSet::new();
        for entry in log {
            let hash = entry.hash.unwrap_or_else(|| panic!("a share for no job: {entry:?}"));
            let share = self.found.get(&hash).unwrap_or_else(|| panic!("nobody found this: {entry:?}"));
            assert!(seen.insert((entry.connection, hash)), "sent twice: {entry:?}");
            assert_eq!(entry.params[0], USER);
            assert_eq!(entry.params[1], share.job().id());
            let mask = share.terms().version_mask.bits();
            let bits = (mask != 0).then(|| format!("{:08x}", share.version_bits()));
            assert_eq!(entry.params.get(5).and_then(|bits| bits.as_str()), bits.as_deref(), "{entry:?}");
        }
    }

    fn take(&mut self, event: ClientEvent) {
        match event {
            ClientEvent::Connected { pool, resumed, .. } => self.connected.push((pool, resumed)),
            ClientEvent::Disconnected { reason, .. } => self.disconnected.push(reason),
            ClientEvent::Job { job, terms } => {
                self.jobs.push(Arc::clone(&job));
                self.work = Some((job, terms));
            }
            ClientEvent::Idle => self.work = None,
            ClientEvent::Judged { share, device, fate, .. } => {
                assert_eq!(&*device, "rig");
                assert!(self.found.contains_key(&share.hash()), "a share that nobody found: {share:?}");
                let earlier = self.fates.insert(share.hash(), fate);
                assert!(earlier.is_none(), "judged twice: {share:?}, before as {earlier:?}");
            }
            ClientEvent::Notice(text) | ClientEvent::Trouble(text) => self.said.push(text),
            ClientEvent::GaveUp(reason) => self.gave_up = Some(reason),
        }
    }
}

/// What a failed test shows.
impl std::fmt::Debug for Rig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rig")
            .field("columns", self.client.ledger().columns())
            .field("work", &self.work.as_ref().map(|(job, terms)| (job.id(), terms)))
            .field("connected", &self.connected)
            .field("disconnected", &self.disconnected)
            .field("said", &self.said)
            .field("gave_up", &self.gave_up)
            .finish()
    }
}
