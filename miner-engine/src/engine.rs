//! The engine: starts the threads, takes jobs, answers with snapshots, and stops in bounded time.

use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use miner_core::{Backend, Job, Terms};

use crate::device::{Device, lock};
use crate::outbox::{Found, Outbox, Overflow};
use crate::queue::Queue;
use crate::worker;

/// How long a stop waits for backends that hang.
const STOP_PATIENCE: Duration = Duration::from_secs(2);

/// Backends at work. Dropping it stops them.
#[derive(Debug)]
pub struct Engine {
    queue: Arc<Queue>,
    outbox: Arc<Outbox>,
    devices: Mutex<Vec<Arc<Device>>>,
    workers: Mutex<Vec<Thread>>,
    delivery: Option<Thread>,
}

/// A thread that says when it ends, so that a stop can give up waiting.
#[derive(Debug)]
struct Thread {
    name: Arc<str>,
    ended: Receiver<()>,
}

impl Thread {
    fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Self {
        let (end, ended) = mpsc::channel();
        let spawned = thread::Builder::new().name(name.to_owned()).spawn(move || {
            let _end_on_exit = end;
            body();
        });
        spawned.expect("the system has a thread left for each device");
        Self { name: name.into(), ended }
    }

    fn ends_by(&self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        // Nothing is ever sent: the sender is dropped when the thread ends.
        self.ended.recv_timeout(left) == Err(mpsc::RecvTimeoutError::Disconnected)
    }
}

impl Engine {
    /// Starts a thread for each backend, idle until the first job, and one that calls `on_event` with
    /// each verified share. `on_event` may be slow: nothing waits for it.
    pub fn start(backends: Vec<Box<dyn Backend>>, mut on_event: impl FnMut(Found) + Send + 'static) -> Self {
        let (queue, outbox) = (Arc::<Queue>::default(), Arc::<Outbox>::default());
        let found = outbox.clone();
        let delivery = Thread::spawn("delivery", move || {
            while let Some(event) = found.pop() {
                on_event(event);
            }
        });
        let (devices, workers) = (Mutex::default(), Mutex::default());
        let engine = Self { queue, outbox, devices, workers, delivery: Some(delivery) };
        backends.into_iter().for_each(|backend| engine.add(backend));
        engine
    }

    /// One more backend, which takes its share of the search from now on.
    pub fn add(&self, backend: Box<dyn Backend>) {
        self.queue.prefer_midstates(backend.preferred_midstates());
        let device = Arc::new(Device::new(backend.name()));
        lock(&self.devices).push(device.clone());
        let (queue, outbox, name) = (self.queue.clone(), self.outbox.clone(), device.name.clone());
        let worker = Thread::spawn(&name, move || worker::run(backend, &device, &queue, &outbox));
        lock(&self.workers).push(worker);
    }

    /// Searches `job` from now on. A clean job, or one on another block, ends what is under way at once;
    /// any other replaces it unit by unit.
    pub fn set_job(&self, job: Arc<Job>, terms: Terms) {
        self.queue.set_job(job, terms);
    }

    /// Idles until the next job, which goes on with the search where it hashes the same and is not clean.
    pub fn clear(&self) {
        self.queue.clear();
    }

    /// Limits the hashrate of all devices together, in hashes a second; `None` lifts the limit.
    pub fn limit_hashrate(&self, max_hashrate: Option<f64>) {
        self.queue.limit(max_hashrate);
    }

    /// From the next unit on, where the first block ends a job, the lowest solution in search order wins
    /// (nonce, then midstate) and not the first to be found: the same jobs then give the same blocks, for
    /// any kernel and number of threads. For an engine with one backend: several take units in turn.
    pub fn search_in_order(&self) {
        self.queue.search_in_order();
    }

    /// Rates and states at this moment.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            devices: lock(&self.devices).iter().map(|device| DeviceSnapshot::of(device)).collect(),
            overflow: self.outbox.overflow(),
            is_idle: self.queue.is_idle(),
            exhausted: self.queue.exhausted(),
        }
    }

    /// Stops all threads for good, once `on_event` has had everything that was found. The names of those that did
    /// not end within two seconds and were left behind.
    pub fn stop(&mut self) -> Vec<Arc<str>> {
        self.queue.stop();
        let deadline = Instant::now() + STOP_PATIENCE;
        let mut hung: Vec<_> =
            lock(&self.workers).drain(..).filter(|worker| !worker.ends_by(deadline)).collect();
        // Last, so that it delivers what the others found.
        self.outbox.close();
        let patience = deadline.max(Instant::now() + STOP_PATIENCE / 2);
        hung.extend(self.delivery.take().filter(|delivery| !delivery.ends_by(patience)));
        hung.into_iter().map(|thread| thread.name).collect()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        for name in self.stop() {
            eprintln!("{name} did not stop within {} s and was left behind", STOP_PATIENCE.as_secs());
        }
    }
}

/// Hashes a second over the usual windows.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rates {
    /// Over the last 10 seconds.
    pub hs_10s: f64,
    /// Over the last 60 seconds.
    pub hs_60s: f64,
    /// Over the last 15 minutes.
    pub hs_15m: f64,
}

/// The state of one device.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceSnapshot {
    /// The backend's name.
    pub name: Arc<str>,
    /// Hashes done since the start.
    pub hashes: u64,
    /// Its hashrates.
    pub rates: Rates,
    /// Candidates that were wrong in a way only broken hardware (or a broken kernel) explains.
    pub hardware_errors: u64,
    /// The error that it has yet to recover from: it is tried again, and others search what it left.
    pub trouble: Option<String>,
    /// Why it is out of work for good.
    pub failure: Option<String>,
}

impl DeviceSnapshot {
    fn of(device: &Device) -> Self {
        let (hashes, rates) = device.metered(|meter, now| {
            let mut rate = |window| meter.rate(now, window);
            let rates = Rates { hs_10s: rate(10), hs_60s: rate(60), hs_15m: rate(900) };
            (meter.total(), rates)
        });
        Self {
            name: device.name.clone(),
            hashes,
            rates,
            hardware_errors: device.hardware_errors(),
            trouble: device.trouble(),
            failure: device.failure(),
        }
    }
}

/// The state of an engine.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Snapshot {
    /// One entry a backend, in the order in which they came.
    pub devices: Vec<DeviceSnapshot>,
    /// Shares given up because `on_event` was too slow.
    pub overflow: Overflow,
    /// Whether there is no job.
    pub is_idle: bool,
    /// How often a device found every header of its job searched and had to wait for the job's time to move on: it
    /// grows where a job that rolls neither version nor extranonce is too small for a fast device.
    pub exhausted: u64,
}

impl Snapshot {
    /// Hashes done by all devices.
    pub fn hashes(&self) -> u64 {
        self.devices.iter().map(|device| device.hashes).sum()
    }

    /// The rates of all devices together.
    pub fn rates(&self) -> Rates {
        self.devices.iter().fold(Rates::default(), |sum, device| Rates {
            hs_10s: sum.hs_10s + device.rates.hs_10s,
            hs_60s: sum.hs_60s + device.rates.hs_60s,
            hs_15m: sum.hs_15m + device.rates.hs_15m,
        })
    }

    /// Whether no device is left to search.
    pub fn all_failed(&self) -> bool {
        self.devices.iter().all(|device| device.failure.is_some())
    }
}
