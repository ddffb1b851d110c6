//! How to use a device: chosen by whoever runs the program, or found by trying.

use std::fmt;
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

/// What finding the pace takes, before a tuning is measured: a short dispatch says less than a full one.
const WARM_UP: Duration = Duration::from_millis(60);

/// A tuning takes another's place if it is faster in all of so many rounds but one. What else the machine does
/// may decide a round, but hardly five.
const ROUNDS: u32 = 6;

/// When a round dispatches no more: it lasts for two dispatches or three.
const ROUND: Duration = Duration::from_millis(10);

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

impl From<Tuning> for GpuOptions {
    /// The device is to be used so, whatever is fastest.
    fn from(Tuning { addition, workgroup_size, midstates }: Tuning) -> Self {
        let (workgroup_size, midstates) = (Some(workgroup_size), Some(midstates));
        Self { addition: Some(addition), workgroup_size, midstates }
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

    /// The only one, where nothing is left open.
    pub(crate) fn only(&self) -> Option<Tuning> {
        let is_forced =
            self.additions.is_empty() && self.workgroup_sizes.is_empty() && self.midstates.is_empty();
        is_forced.then_some(self.first)
    }

    /// The fastest on a device, within two seconds.
    pub(crate) fn fastest(&self, context: &Context) -> Result<Tuning, DeviceError> {
        self.fastest_by(PATIENCE, |tuning| prepare(context, tuning))
    }

    /// Tries what there is to choose, one thing after the other, each with the best of what was tried
    /// before. Stops when another trial might last beyond `patience`.
    fn fastest_by<E, R: FnMut() -> Result<f64, E>>(
        &self,
        patience: Duration,
        mut prepare: impl FnMut(Tuning) -> Result<R, E>,
    ) -> Result<Tuning, E> {
        let started = Instant::now();
        let round = prepare(self.first)?;
        let (end, longest) = (started + patience, started.elapsed());
        let mut trials = Trials { prepare, end, longest, best: self.first, round };
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
struct Trials<P, R> {
    prepare: P,
    end: Instant,
    longest: Duration,
    best: Tuning,
    /// Measures a round of the best.
    round: R,
}

impl<E, P, R> Trials<P, R>
where
    P: FnMut(Tuning) -> Result<R, E>,
    R: FnMut() -> Result<f64, E>,
{
    /// Holds a tuning against the best so far.
    fn consider(&mut self, tuning: Tuning) -> Result<(), E> {
        let began = Instant::now();
        if began + self.longest > self.end {
            return Ok(());
        }
        let mut round = (self.prepare)(tuning)?;
        let is_faster = self.loses_to(&mut round)?;
        self.longest = self.longest.max(began.elapsed());
        if is_faster {
            (self.best, self.round) = (tuning, round);
        }
        Ok(())
    }

    /// Whether the best so far is slower than this, by rounds in turn; it is not, if time does not suffice to tell.
    fn loses_to(&mut self, round: &mut R) -> Result<bool, E> {
        let mut won = 0;
        for _ in 0..ROUNDS {
            if Instant::now() > self.end {
                return Ok(false);
            }
            let (old, new) = ((self.round)()?, round()?);
            won += u32::from(old >= new);
            if won > 1 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Gets a device ready for a tuning. Each call of what this returns measures a round, in hashes a second.
fn prepare(
    context: &Context,
    tuning: Tuning,
) -> Result<impl FnMut() -> Result<f64, DeviceError>, DeviceError> {
    let mut device = WgpuDevice::new(context, tuning)?;
    let mut scan = move |pace: &mut Pace, time| {
        rate_of(time, tuning.midstates, |unit, reporter| {
            Search::new(unit, tuning.midstates, &mut device, pace, reporter).run()
        })
    };
    // Some drivers compile the shader when it is first used, which says nothing about the pace.
    scan(&mut Pace::new(), Duration::ZERO)?;
    let mut pace = Pace::new();
    scan(&mut pace, WARM_UP)?;
    Ok(move || scan(&mut pace, ROUND))
}

#[cfg(test)]
mod tests;
