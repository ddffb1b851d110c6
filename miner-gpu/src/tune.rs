//! How to use a device: chosen by whoever runs the program, remembered, or found by trying.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, Instant};

use miner_shaders::Addition;

use crate::adapter::Limits;
use crate::backend::rate_of;
use crate::device::DeviceError;
use crate::error::GpuError;
use crate::layout::MAX_MIDSTATES;
use crate::pace::Pace;
use crate::search::Search;
use crate::wgpu_device::{Context, WgpuDevice};

/// What all trials together may take, so that no machine waits for longer than two seconds.
const PATIENCE: Duration = Duration::from_millis(1400);

/// What one trial measures, after the shader was compiled and the pace found.
const TRIAL: Duration = Duration::from_millis(100);

/// The most likely choices, and what else is worth trying.
const ADDITIONS: (Addition, [Addition; 1]) = (Addition::Plain, [Addition::Imad]);
const WORKGROUP_SIZES: (u32, [u32; 2]) = (128, [256, 64]);
const MIDSTATES: (usize, [usize; 1]) = (16, [8]);

/// How a GPU is to be used. Nothing set: as is fastest by a short trial.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GpuOptions {
    /// How the shader adds.
    pub addition: Option<Addition>,
    /// Invocations a workgroup: 1 to 256.
    pub workgroup_size: Option<u32>,
    /// Midstates a dispatch loops over, at most: a power of two up to 16.
    pub midstates: Option<usize>,
    /// The folder that remembers what was fastest, for each adapter and driver: see
    /// [`cache_folder`](crate::cache_folder). `None`: nothing is remembered.
    pub cache: Option<PathBuf>,
}

/// How a GPU is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tuning {
    /// How the shader adds.
    pub addition: Addition,
    /// Invocations a workgroup.
    pub workgroup_size: u32,
    /// Midstates a dispatch loops over, at most.
    pub midstates: usize,
}

impl fmt::Display for Tuning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.addition.name(), self.workgroup_size, self.midstates)
    }
}

impl FromStr for Tuning {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [addition, workgroup_size, midstates] = words[..] else { return Err(()) };
        Ok(Self {
            addition: Addition::by_name(addition).ok_or(())?,
            workgroup_size: workgroup_size.parse().map_err(drop)?,
            midstates: midstates.parse().map_err(drop)?,
        })
    }
}

/// What may be chosen from: the most likely choice, and what to try instead.
#[derive(Debug)]
pub(crate) struct Choices {
    first: Tuning,
    additions: Vec<Addition>,
    workgroup_sizes: Vec<u32>,
    midstates: Vec<usize>,
}

impl Choices {
    /// What the options leave open.
    pub(crate) fn new(options: &GpuOptions, limits: Limits) -> Result<Self, GpuError> {
        let most = limits.workgroup_size;
        if let Some(size) = options.workgroup_size.filter(|size| !(1..=most).contains(size)) {
            return Err(GpuError::Option(format!("a workgroup size of {size}: this GPU takes 1 to {most}")));
        }
        let is_possible = |count: &usize| count.is_power_of_two() && *count <= MAX_MIDSTATES;
        if let Some(count) = options.midstates.filter(|count| !is_possible(count)) {
            let message = format!("{count} midstates a dispatch: take a power of two up to {MAX_MIDSTATES}");
            return Err(GpuError::Option(message));
        }
        let (addition, additions) = choice(options.addition, ADDITIONS);
        let (workgroup_size, workgroup_sizes) = choice(options.workgroup_size, WORKGROUP_SIZES);
        let (midstates, other_midstates) = choice(options.midstates, MIDSTATES);
        let first = Tuning { addition, workgroup_size, midstates };
        Ok(Self { first, additions, workgroup_sizes, midstates: other_midstates })
    }

    /// Whether a tuning is among them.
    pub(crate) fn include(&self, tuning: Tuning) -> bool {
        let Self { first, additions, workgroup_sizes, midstates } = self;
        (tuning.addition == first.addition || additions.contains(&tuning.addition))
            && (tuning.workgroup_size == first.workgroup_size
                || workgroup_sizes.contains(&tuning.workgroup_size))
            && (tuning.midstates == first.midstates || midstates.contains(&tuning.midstates))
    }

    /// The only one, where nothing is left open.
    pub(crate) fn only(&self) -> Option<Tuning> {
        let is_forced =
            self.additions.is_empty() && self.workgroup_sizes.is_empty() && self.midstates.is_empty();
        is_forced.then_some(self.first)
    }

    /// The fastest on a device, within two seconds.
    pub(crate) fn fastest(&self, context: &Context) -> Result<Tuning, DeviceError> {
        self.fastest_by(PATIENCE, |tuning| trial(context, tuning))
    }

    /// Tries what there is to choose, one thing after the other, each with the best of what was tried
    /// before. Stops when another trial might last beyond `patience`.
    fn fastest_by<E>(
        &self,
        patience: Duration,
        trial: impl FnMut(Tuning) -> Result<f64, E>,
    ) -> Result<Tuning, E> {
        let started = Instant::now();
        let longest = Duration::ZERO;
        let mut trials = Trials { trial, end: started + patience, longest, best: self.first, rate: 0.0 };
        trials.consider(self.first)?;
        for addition in self.additions.iter().copied() {
            trials.consider(Tuning { addition, ..trials.best })?;
        }
        for workgroup_size in self.workgroup_sizes.iter().copied() {
            trials.consider(Tuning { workgroup_size, ..trials.best })?;
        }
        for midstates in self.midstates.iter().copied() {
            trials.consider(Tuning { midstates, ..trials.best })?;
        }
        Ok(trials.best)
    }
}

/// What is chosen, and what to try instead: nothing, where the choice is forced.
fn choice<T: Copy, const N: usize>(forced: Option<T>, (likely, others): (T, [T; N])) -> (T, Vec<T>) {
    forced.map_or_else(|| (likely, others.to_vec()), |forced| (forced, Vec::new()))
}

/// Trials so far.
struct Trials<F> {
    trial: F,
    end: Instant,
    longest: Duration,
    best: Tuning,
    rate: f64,
}

impl<E, F: FnMut(Tuning) -> Result<f64, E>> Trials<F> {
    fn consider(&mut self, tuning: Tuning) -> Result<(), E> {
        let began = Instant::now();
        if began + self.longest > self.end {
            return Ok(());
        }
        let rate = (self.trial)(tuning)?;
        self.longest = self.longest.max(began.elapsed());
        if rate > self.rate {
            (self.best, self.rate) = (tuning, rate);
        }
        Ok(())
    }
}

/// The hashes a second of one tuning.
fn trial(context: &Context, tuning: Tuning) -> Result<f64, DeviceError> {
    let mut device = WgpuDevice::new(context, tuning)?;
    let mut pace = Pace::new();
    let mut scan = |time| {
        rate_of(time, tuning.midstates, |unit, reporter| {
            Search::new(unit, tuning.midstates, &mut device, &mut pace, reporter).run()
        })
    };
    scan(TRIAL / 2)?;
    scan(TRIAL)
}

#[cfg(test)]
mod tests;
