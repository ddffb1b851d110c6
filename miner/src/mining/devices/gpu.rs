//! GPUs as devices: looked for and opened on threads of their own, since drivers take their time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use miner_core::Backend as _;
use miner_gpu::{Adapter, AdapterKind, GpuBackend, GpuError, GpuOptions, Tuning};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::memory::Memory;
use super::pick::{Known, Pick, pick};
use crate::args::Device;
use crate::status::event::Event;

/// How long a GPU is measured.
const MEASURED: Duration = Duration::from_millis(200);
/// How long an end waits for drivers: to leave one amid its work may crash the program.
const PATIENCE: Duration = Duration::from_secs(3);

/// A GPU that is ready to mine.
pub(crate) struct Gpu {
    pub(crate) backend: GpuBackend,
    /// How it is used, in words.
    pub(crate) details: String,
}

/// What comes of the search.
pub(crate) enum Arrival {
    Ready(Box<Gpu>),
    /// The others go on without it.
    Missing(String),
    /// What was asked for is not there.
    Failed(String),
}

/// GPUs that are being looked for.
#[derive(Default)]
pub(crate) struct Arrivals {
    news: Option<UnboundedReceiver<Arrival>>,
    search: Option<Search>,
}

struct Search {
    is_cancelled: Arc<AtomicBool>,
    ended: mpsc::Receiver<()>,
}

impl Arrivals {
    /// Looks for the devices wanted. Where nothing was asked for, what is not there is not missed.
    pub(crate) fn look_for(wanted: Vec<Device>, is_asked_for: bool) -> Self {
        let (sender, news) = unbounded_channel();
        let (end, ended) = mpsc::channel();
        let is_cancelled = Arc::<AtomicBool>::default();
        let cancelled = is_cancelled.clone();
        thread::spawn(move || {
            let _end_on_exit = end;
            look(&wanted, is_asked_for, &sender, &cancelled);
        });
        Self { news: Some(news), search: Some(Search { is_cancelled, ended }) }
    }

    /// The next one; never, once all have come. Nothing is lost when this is given up half-way.
    pub(crate) async fn next(&mut self) -> Arrival {
        if let Some(news) = &mut self.news
            && let Some(arrival) = news.recv().await
        {
            return arrival;
        }
        self.news = None;
        std::future::pending().await
    }

    /// Waits for the next one; `None` once all have come. Not for use amid async code.
    pub(crate) fn wait(&mut self) -> Option<Arrival> {
        self.news.as_mut()?.blocking_recv()
    }
}

impl Drop for Arrivals {
    fn drop(&mut self) {
        let Some(search) = &self.search else { return };
        search.is_cancelled.store(true, Ordering::Relaxed);
        // Nothing is ever sent: the sender is dropped when the thread ends.
        if search.ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            eprintln!("a GPU driver was left behind amid its work");
        }
    }
}

fn look(wanted: &[Device], is_asked_for: bool, news: &UnboundedSender<Arrival>, is_cancelled: &AtomicBool) {
    // Nobody may be left to tell.
    let tell = |arrival| drop(news.send(arrival));
    let (adapters, warnings) = match choose(wanted) {
        Ok(chosen) => chosen,
        Err(message) => return tell(Arrival::Failed(message)),
    };
    warnings.into_iter().filter(|_| is_asked_for).for_each(|warning| tell(Arrival::Missing(warning)));
    // All at once, since each may take seconds.
    thread::scope(|scope| {
        for adapter in adapters.iter().filter(|_| !is_cancelled.load(Ordering::Relaxed)) {
            scope.spawn(move || {
                tell(match Gpu::open(adapter) {
                    Ok(gpu) => Arrival::Ready(Box::new(gpu)),
                    Err(error) => Arrival::Missing(error.to_string()),
                });
            });
        }
    });
}

/// The adapters that are meant, and warnings.
pub(crate) fn choose(wanted: &[Device]) -> Result<(Vec<Adapter>, Vec<String>), String> {
    let (adapters, none) = match miner_gpu::adapters() {
        Ok(adapters) => (adapters, String::new()),
        Err(error) => (vec![], error.to_string()),
    };
    let known = |adapter: &Adapter| Known {
        name: adapter.name().to_owned(),
        is_software: adapter.kind() == AdapterKind::Software,
    };
    let known: Vec<Known> = adapters.iter().map(known).collect();
    let Pick { places, warnings } = pick(wanted, &known, &none)?;
    let chosen = places.into_iter().filter_map(|place| adapters.get(place).cloned());
    Ok((chosen.collect(), warnings))
}

impl Gpu {
    /// Opens an adapter, which finds out how to use it best unless that is remembered.
    pub(crate) fn open(adapter: &Adapter) -> Result<Self, GpuError> {
        let known = memory(adapter).recall().and_then(|text| text.trim().parse::<Tuning>().ok());
        match known.map(|tuning| adapter.open(&tuning.into())) {
            // What is remembered is possible no more, or never was.
            None | Some(Err(GpuError::Option(_))) => Self::tune(adapter),
            Some(opened) => opened.map(|backend| Self::new(adapter, backend)),
        }
    }

    /// Opens an adapter, finds out how to use it best, and remembers that.
    pub(crate) fn tune(adapter: &Adapter) -> Result<Self, GpuError> {
        let backend = adapter.open(&GpuOptions::default())?;
        // Where it cannot be kept, the next run tries again.
        let _ = memory(adapter).keep(&format!("{}\n", backend.tuning()));
        Ok(Self::new(adapter, backend))
    }

    fn new(adapter: &Adapter, backend: GpuBackend) -> Self {
        let details = format!("{}, {}, {}", adapter.api(), adapter.driver(), in_words(backend.tuning()));
        Self { backend, details }
    }

    pub(crate) fn name(&self) -> &str {
        self.backend.name()
    }

    /// The line that says so.
    pub(crate) fn joins(&self) -> Event {
        Event::notice(format!("{} mines too: {}", self.name(), self.details))
    }

    /// Hashes a second, by a short measurement.
    pub(crate) fn rate(&mut self, midstates: usize) -> f64 {
        miner_gpu::measure(&mut self.backend, midstates, MEASURED).unwrap_or(0.0)
    }
}

fn memory(adapter: &Adapter) -> Memory {
    Memory::of(&format!("gpu {}", adapter.name()), adapter.key())
}

/// How a GPU is used.
pub(crate) fn in_words(tuning: Tuning) -> String {
    let Tuning { addition, workgroup_size, midstates } = tuning;
    format!("{} additions, {workgroup_size} a workgroup, {midstates} midstates a loop", addition.name())
}
