//! A pool on real TCP: honest at heart, with a log of what it judged, and a script that makes it misbehave.
//!
//! ```text
//! line ─ session ─▶ Core (judges, logs) ─ honest steps ─▶ script ─ steps ─▶ line
//! ```

mod core;
mod session;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bitcoin::BlockHash;
use fastrand::Rng;
use miner_core::{Job, JobParams};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

use super::job;
pub(crate) use core::{Entry, Refusal};

/// Why locks are never poisoned.
const QUIET: &str = "nothing panics under this lock";

/// One thing that a pool does on a connection.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Says something.
    Line(Value),
    /// Sends bytes.
    Raw(Arc<[u8]>),
    /// Announces a job, under the session's terms of now.
    Announce(Arc<Job>),
    /// Changes the session's mask.
    Mask(u32),
    /// Changes the session's extranonces, from the next job on, to ones with this extranonce2 size.
    Extranonce(u8),
    /// Waits.
    Pause(Duration),
    /// Ends the connection in good order.
    Close,
    /// Ends it by RST.
    Reset,
}

/// What a client said.
#[derive(Debug)]
pub(crate) struct Heard<'a> {
    /// The number of the connection.
    pub(crate) connection: usize,
    /// As it came.
    pub(crate) id: &'a Value,
    /// As it came.
    pub(crate) method: &'a str,
    /// How often this connection said the like before.
    pub(crate) before: usize,
}

/// What is done instead of the honest steps.
pub(crate) type Script = dyn Fn(&Heard<'_>, Vec<Step>) -> Vec<Step> + Send + Sync;

/// What a pool grants, and how it misbehaves.
#[derive(Clone)]
pub(crate) struct Settings {
    /// The version bits, whatever is asked for; none: no rolling.
    pub(crate) mask: u32,
    /// For the next job.
    pub(crate) difficulty: f64,
    /// Bytes of the miner's part.
    pub(crate) extranonce2_size: u8,
    /// Whether the connection of that number gets back the session that it asks for.
    pub(crate) resumes: Arc<dyn Fn(usize) -> bool + Send + Sync>,
    /// The misbehaviour.
    pub(crate) script: Arc<Script>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mask: 0x1fff_e000,
            difficulty: job::EASY,
            extranonce2_size: 4,
            resumes: Arc::new(|_| true),
            script: Arc::new(|_, honest| honest),
        }
    }
}

impl Settings {
    /// The default with a script.
    pub(crate) fn scripted(
        script: impl Fn(&Heard<'_>, Vec<Step>) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        Self { script: Arc::new(script), ..Self::default() }
    }
}

/// A running pool.
pub(crate) struct Pool {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    listening: Mutex<Option<JoinHandle<()>>>,
    killed: Mutex<Option<Nobody>>,
}

/// What connections share.
struct Shared {
    core: Mutex<core::Core>,
    script: Arc<Script>,
    steps: broadcast::Sender<Step>,
    connections: AtomicUsize,
    /// Bytes written in [`Step::Raw`].
    raw_written: AtomicUsize,
}

impl Shared {
    fn core(&self) -> MutexGuard<'_, core::Core> {
        self.core.lock().expect(QUIET)
    }
}

impl Pool {
    /// Starts a pool with a first job.
    pub(crate) async fn start(settings: Settings, rng: &mut Rng) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let shared = Arc::new(Shared {
            script: Arc::clone(&settings.script),
            core: Mutex::new(core::Core::new(settings, rng.fork())),
            steps: broadcast::channel(4096).0,
            connections: AtomicUsize::new(0),
            raw_written: AtomicUsize::new(0),
        });
        let address = listener.local_addr().expect("it is bound");
        let listening = Mutex::new(Some(tokio::spawn(accept(listener, Arc::clone(&shared)))));
        let pool = Self { address, shared, listening, killed: Mutex::default() };
        pool.job(true);
        pool
    }

    /// An honest pool.
    pub(crate) async fn honest(rng: &mut Rng) -> Self {
        Self::start(Settings::default(), rng).await
    }

    /// Announces a new job.
    pub(crate) fn job(&self, clean: bool) -> Arc<Job> {
        self.job_like(clean, |_| {})
    }

    /// Announces a new job of this kind.
    pub(crate) fn job_like(&self, clean: bool, change: impl FnOnce(&mut JobParams)) -> Arc<Job> {
        let job = self.shared.core().new_job(clean, change);
        self.step(Step::Announce(Arc::clone(&job)));
        job
    }

    /// Announces a job once more.
    pub(crate) fn again(&self, job: &Arc<Job>) {
        self.step(Step::Announce(Arc::clone(job)));
    }

    /// Changes the difficulty, in effect from the next job on.
    pub(crate) fn set_difficulty(&self, difficulty: f64) {
        self.shared.core().settings.difficulty = difficulty;
        self.say("mining.set_difficulty", &json!([difficulty]));
    }

    /// Does the like on all connections.
    pub(crate) fn step(&self, step: Step) {
        // Nobody may be connected.
        let _ = self.shared.steps.send(step);
    }

    /// Notifies all connections.
    pub(crate) fn say(&self, method: &str, params: &Value) {
        self.step(Step::Line(job::call(method, params)));
    }

    /// Sends bytes to all connections.
    pub(crate) fn raw(&self, bytes: impl Into<Arc<[u8]>>) {
        self.step(Step::Raw(bytes.into()));
    }

    /// Kills the pool: nobody listens, all connections are reset.
    pub(crate) async fn kill(&self) {
        let task = self.listening.lock().expect(QUIET).take();
        if let Some(task) = task {
            task.abort();
            // It was aborted: that is no news.
            let _ = task.await;
        }
        *self.killed.lock().expect(QUIET) = Some(Nobody::at(self.address));
        self.step(Step::Reset);
    }

    /// Starts the pool again, at its old port. It remembers sessions as far as its settings say.
    pub(crate) fn revive(&self) {
        let killed = self.killed.lock().expect(QUIET).take().expect("it was killed before");
        let listener = killed.socket.listen(1024).expect("the port was kept");
        *self.listening.lock().expect(QUIET) = Some(tokio::spawn(accept(listener, Arc::clone(&self.shared))));
    }

    /// Connections that came so far.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Connections that are open.
    pub(crate) fn open(&self) -> usize {
        self.shared.steps.receiver_count()
    }

    /// Bytes of [`Step::Raw`] that were written so far.
    pub(crate) fn raw_written(&self) -> usize {
        self.shared.raw_written.load(Ordering::Relaxed)
    }

    /// All that was judged so far.
    pub(crate) fn log(&self) -> Vec<Entry> {
        self.shared.core().log.clone()
    }

    /// Headers that were accepted.
    pub(crate) fn accepted(&self) -> HashSet<BlockHash> {
        self.shared.core().accepted.clone()
    }

    /// How often a client said something of this method.
    pub(crate) fn heard(&self, method: &str) -> usize {
        self.shared.core().heard.get(method).copied().unwrap_or(0)
    }

    /// What clients did that no client may do.
    pub(crate) fn complaints(&self) -> Vec<String> {
        self.shared.core().complaints.clone()
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let number = shared.connections.fetch_add(1, Ordering::Relaxed);
        let steps = shared.steps.subscribe();
        tokio::spawn(session::serve(stream, number, Arc::clone(&shared), steps));
    }
}

/// An address where nobody listens, and nobody else can.
pub(crate) struct Nobody {
    pub(crate) address: SocketAddr,
    socket: TcpSocket,
}

impl Nobody {
    /// At a free port.
    pub(crate) fn here() -> Self {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    fn at(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("sockets are to be had");
        socket.set_reuseaddr(true).expect("a TCP socket has the option");
        socket.bind(address).expect("the port is free");
        Self { address: socket.local_addr().expect("it is bound"), socket }
    }
}

/// Has the stream end by RST when it is dropped.
fn reset(stream: &TcpStream) {
    // A socket that the peer has reset already has nothing to linger for.
    let _ = stream.set_zero_linger();
}
