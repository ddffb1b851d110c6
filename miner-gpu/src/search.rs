//! The search of one unit on a device: cuts it in slices, keeps two dispatches under way, passes on what
//! they find, stops when told to. Knows no API.
//!
//! A unit is a rectangle of midstates × nonces. A slice is a part of it with no more midstates than one
//! dispatch takes; what is left to do is a stack of slices, from whose top dispatches are cut.

use std::collections::VecDeque;
use std::time::Instant;

use miner_core::{Candidate, NonceRange, Prepared, Reporter, WorkUnit};

use crate::device::{Device, DeviceError, SLOTS};
use crate::layout::{Hits, Work};
use crate::pace::Pace;
use crate::probe::{Planted, Probe};

/// A part of a unit.
#[derive(Debug, Clone, Copy)]
struct Slice {
    first_midstate: usize,
    midstates: usize,
    nonces: NonceRange,
}

impl Slice {
    fn hashes(&self) -> u64 {
        self.midstates as u64 * self.nonces.count()
    }

    /// Up to `count` nonces of it, and the rest.
    fn split(self, count: u64) -> (Self, Option<Self>) {
        let (head, rest) = self.nonces.split(count);
        (Self { nonces: head, ..self }, rest.map(|nonces| Self { nonces, ..self }))
    }
}

/// What a dispatch is for.
enum Errand {
    Search(Slice),
    Probe(Planted),
}

/// A dispatch under way.
struct UnderWay {
    errand: Errand,
    slot: usize,
    submitted: Instant,
}

/// The search of one unit.
pub(crate) struct Search<'a> {
    device: &'a mut dyn Device,
    pace: &'a mut Pace,
    probe: Option<&'a mut Probe>,
    prepared: Prepared,
    reporter: &'a dyn Reporter,
    left: Vec<Slice>,
    under_way: VecDeque<UnderWay>,
    next_slot: usize,
    stopped: bool,
}

impl<'a> Search<'a> {
    /// The search of `unit` with at most `midstates` of its midstates a dispatch.
    pub(crate) fn new(
        unit: &WorkUnit,
        midstates: usize,
        device: &'a mut dyn Device,
        pace: &'a mut Pace,
        reporter: &'a dyn Reporter,
    ) -> Self {
        let all = unit.midstates().len();
        let slice = |first_midstate| Slice {
            first_midstate,
            midstates: midstates.min(all - first_midstate),
            nonces: unit.nonces(),
        };
        let left = (0..all).step_by(midstates).rev().map(slice).collect();
        Self {
            device,
            pace,
            probe: None,
            prepared: Prepared::new(unit),
            reporter,
            left,
            under_way: VecDeque::new(),
            next_slot: 0,
            stopped: false,
        }
    }

    /// Plants known blocks among the slices.
    pub(crate) fn with_probe(self, probe: &'a mut Probe) -> Self {
        Self { probe: Some(probe), ..self }
    }

    /// Searches until all is done, somebody says stop, or the device fails. Once told to stop, nothing more
    /// is dispatched; what is under way ends and is reported.
    pub(crate) fn run(mut self) -> Result<(), DeviceError> {
        loop {
            while self.under_way.len() < SLOTS
                && let Some(errand) = self.next_errand()
            {
                self.submit(errand)?;
            }
            let Some(oldest) = self.under_way.pop_front() else { return Ok(()) };
            self.finish(oldest)?;
        }
    }

    fn next_errand(&mut self) -> Option<Errand> {
        let slice = if self.stopped { None } else { self.left.pop() }?;
        let count = self.pace.nonces(slice.midstates, self.prepared.target_top);
        if let Some(planted) = self.probe.as_mut().and_then(|probe| probe.next(slice.midstates, count)) {
            self.left.push(slice);
            return Some(Errand::Probe(planted));
        }
        let (head, rest) = slice.split(count);
        self.left.extend(rest);
        Some(Errand::Search(head))
    }

    fn submit(&mut self, errand: Errand) -> Result<(), DeviceError> {
        let slot = self.next_slot;
        let submitted = Instant::now();
        match &errand {
            Errand::Probe(planted) => self.device.submit(slot, &planted.work)?,
            Errand::Search(Slice { first_midstate, midstates, nonces }) => {
                let midstates = &self.prepared.midstates[*first_midstate..first_midstate + midstates];
                self.device.submit(slot, &Work::new(&self.prepared, midstates, *nonces))?;
            }
        }
        self.next_slot = (slot + 1) % SLOTS;
        self.under_way.push_back(UnderWay { errand, slot, submitted });
        Ok(())
    }

    fn finish(&mut self, UnderWay { errand, slot, submitted }: UnderWay) -> Result<(), DeviceError> {
        let hits = self.device.wait(slot)?;
        let hashes = match &errand {
            Errand::Search(slice) => slice.hashes(),
            Errand::Probe(planted) => planted.hashes(),
        };
        self.pace.ended(hashes, submitted, Instant::now());
        if u64::from(hits.count) > hashes {
            return Err(DeviceError::Overcounted { count: hits.count, hashes });
        }
        match errand {
            Errand::Probe(planted) if !planted.is_found(&hits) => return Err(DeviceError::Missed),
            Errand::Probe(_) => {}
            Errand::Search(slice) if hits.overflowed() => self.search_halves_of(slice),
            Errand::Search(slice) => self.report(slice, hits),
        }
        Ok(())
    }

    /// More hits than fit: nothing is reported yet, so that nothing is reported twice.
    fn search_halves_of(&mut self, slice: Slice) {
        let (head, rest) = slice.split(slice.nonces.count().div_ceil(2));
        self.left.extend(rest);
        self.left.push(head);
    }

    fn report(&mut self, slice: Slice, mut hits: Hits) {
        hits.kept.sort_unstable();
        hits.kept.dedup();
        for hit in hits.kept {
            let midstate = slice.first_midstate + hit.midstate as usize;
            self.stopped |= self.reporter.found(Candidate { midstate, nonce: hit.nonce }).is_break();
        }
        self.stopped |= self.reporter.progress(slice.hashes()).is_break();
    }
}

#[cfg(test)]
mod tests;
