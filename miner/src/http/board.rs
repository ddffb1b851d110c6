//! What the page shows of a run: its last events and how it stands. Writing takes a moment whoever reads, since readers
//! take a copy and do all else with that.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::value::RawValue;

use super::Figures;
use crate::status::event::Event;
use crate::status::unix_time;

/// Events that are kept.
const EVENTS: usize = 200;
/// Blocks that are kept.
const BLOCKS: usize = 50;
/// Devices that are kept.
const DEVICES: usize = 64;
/// Samples of the hashrate that are kept: 15 minutes at one a second.
const SAMPLES: usize = 900;
/// A run that gave no figures for this long is stuck.
const STUCK: Duration = Duration::from_secs(10);

/// Where a run writes and the server reads.
#[derive(Debug, Default)]
pub(crate) struct Board(Mutex<View>);

/// A run as the board knows it.
#[derive(Debug, Clone, Default)]
pub(super) struct View {
    /// Events so far.
    count: u64,
    /// Oldest first.
    pub(super) events: VecDeque<Arc<Told>>,
    /// Newest first.
    pub(super) blocks: VecDeque<Arc<Told>>,
    pub(super) blocks_by_result: BTreeMap<&'static str, u64>,
    /// Of each device.
    pub(super) started: Vec<Arc<Told>>,
    /// The last that was heard of the pool or the node.
    pub(super) upstream: Option<Arc<Told>>,
    pub(super) connected: bool,
    pub(super) job: Option<Arc<Told>>,
    /// The newest job's height, where it is known, and the network's difficulty.
    pub(super) job_figures: Option<(Option<u32>, f64)>,
    pub(super) figures: Option<Arc<Figures>>,
    taken: Option<Instant>,
    /// Of the last minutes, oldest first.
    pub(super) samples: VecDeque<Sample>,
}

/// An event as it was told.
#[derive(Debug, Serialize)]
pub(crate) struct Told {
    /// Counts from 1.
    id: u64,
    /// For people, where there is anything to say.
    text: Option<String>,
    /// As `--log-format json` has it.
    pub(super) event: Box<RawValue>,
}

/// The hashrate at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Sample {
    /// Unix seconds.
    pub(super) time: f64,
    /// Hashes a second, over the last ten; a pool's over the last sixty.
    pub(super) hs: f64,
}

impl Told {
    /// `json`: one object.
    pub(crate) fn new(json: String, text: Option<String>) -> Self {
        Self { id: 0, text, event: RawValue::from_string(json).expect("an event is written as JSON") }
    }
}

impl Board {
    /// Takes an event.
    pub(crate) fn note(&self, event: &Event, told: Told) {
        self.lock().note(event, told);
    }

    /// Takes how the run stands now.
    pub(crate) fn stands(&self, figures: Figures) {
        let mut view = self.lock();
        view.samples.push_back(Sample { time: unix_time(), hs: figures.hashrate() });
        let too_many = view.samples.len().saturating_sub(SAMPLES);
        view.samples.drain(..too_many);
        view.figures = Some(Arc::new(figures));
        view.taken = Some(Instant::now());
    }

    /// All of it, as it is now.
    pub(super) fn view(&self) -> View {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, View> {
        // Each change is whole in itself.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl View {
    fn note(&mut self, event: &Event, mut told: Told) {
        self.count += 1;
        told.id = self.count;
        let told = Arc::new(told);
        match event {
            // They are no news: the figures say as much, and more often.
            Event::Hashrate { .. } | Event::PoolRate(_) => return,
            Event::Started(_) if self.started.len() < DEVICES => self.started.push(told.clone()),
            Event::Connected { .. } | Event::PoolConnected { .. } | Event::Listening(_) => {
                self.connected = true;
                self.upstream = Some(told.clone());
            }
            Event::Disconnected { .. } => {
                self.connected = false;
                self.upstream = Some(told.clone());
            }
            Event::Job(job) => {
                self.job_figures = Some((job.height, job.difficulty));
                self.job = Some(told.clone());
            }
            Event::Block(block) => {
                *self.blocks_by_result.entry(block.result).or_default() += 1;
                self.blocks.push_front(told.clone());
                self.blocks.truncate(BLOCKS);
            }
            _ => {}
        }
        self.events.push_back(told);
        if self.events.len() > EVENTS {
            self.events.pop_front();
        }
    }

    /// `ok` while the run does what it is for, else what keeps it from that.
    pub(super) fn health(&self) -> &'static str {
        match (&self.taken, &self.job) {
            (Some(taken), _) if taken.elapsed() > STUCK => "stalled",
            (None, _) | (_, None) => "starting",
            _ if self.figures.as_ref().is_some_and(|figures| figures.all_failed()) => "no device",
            _ if self.connected => "ok",
            _ => "disconnected",
        }
    }

    /// The events behind that of this number.
    pub(super) fn events_after(&self, id: u64) -> impl Iterator<Item = &Arc<Told>> {
        self.events.iter().filter(move |told| told.id > id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(board: &Board, event: &Event) {
        board.note(event, Told::new(serde_json::to_string(event).unwrap(), None));
    }

    #[test]
    fn what_is_kept_is_bounded_and_numbered() {
        let board = Board::default();
        for number in 0..1000 {
            told(&board, &Event::notice(number.to_string()));
        }
        let view = board.view();
        assert_eq!(view.events.len(), EVENTS);
        let ids: Vec<u64> = view.events_after(998).map(|told| told.id).collect();
        assert_eq!(ids, [999, 1000]);
        assert!(view.events.back().unwrap().event.get().contains("999"), "the newest is among them");
        assert_eq!(view.events_after(u64::MAX).count(), 0);
    }

    #[test]
    fn hashrates_do_not_wash_away_the_log() {
        let board = Board::default();
        told(&board, &Event::notice("first"));
        for _ in 0..1000 {
            told(&board, &Event::Hashrate { hs_10s: 1.0, hs_60s: 1.0, hs_15m: 1.0, hashes: 1 });
        }
        assert_eq!(board.view().events.len(), 1);
    }

    #[test]
    fn a_pool_that_is_gone_shows() {
        let board = Board::default();
        let url = || "stratum+tcp://a.example:1".to_owned();
        told(
            &board,
            &Event::PoolConnected { url: url(), version_mask: "1fffe000".to_owned(), resumed: false },
        );
        assert!(board.view().connected);
        told(&board, &Event::Disconnected { url: url(), reason: "it closed the connection".to_owned() });
        let view = board.view();
        assert!(!view.connected && view.upstream.unwrap().event.get().contains("disconnected"));
    }
}
