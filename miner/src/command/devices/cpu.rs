//! The kernels of this CPU.

use miner_cpu::{Kernel, Rates};
use serde::Serialize;

use super::Reached;
use crate::mining::devices::ranking::{Origin, Ranking};

#[derive(Serialize)]
pub(super) struct Row {
    pub(super) kernel: &'static str,
    /// Why this CPU cannot run it.
    missing: Option<&'static str>,
    /// On all cores.
    #[serde(flatten)]
    pub(super) reached: Reached,
    /// Whether a long run takes it where versions roll.
    chosen_rolling: bool,
    /// Whether a long run takes it otherwise.
    chosen: bool,
}

/// Where the choice comes from.
#[derive(Serialize)]
pub(super) struct Choice {
    /// `measured` just now, `remembered` from an earlier run, or `usual` on most CPUs.
    from: &'static str,
    pub(super) note: String,
}

impl Row {
    pub(super) fn note(&self) -> String {
        match (self.missing, self.chosen_rolling, self.chosen) {
            (Some(missing), ..) => format!("needs {missing}"),
            (None, true, true) => "chosen".to_owned(),
            (None, true, false) => "chosen with version rolling".to_owned(),
            (None, false, true) => "chosen without version rolling".to_owned(),
            (None, false, false) => String::new(),
        }
    }
}

impl Choice {
    fn new(origin: Option<Origin>) -> Self {
        let (from, note) = match origin {
            Some(Origin::Measured { unkept: None }) => ("measured", "measured now and remembered".to_owned()),
            Some(Origin::Measured { unkept: Some(why) }) => {
                ("measured", format!("measured now and not remembered: {why}"))
            }
            Some(Origin::Remembered) => ("remembered", "remembered from a measurement".to_owned()),
            None => ("usual", "what is fastest on most CPUs: nothing was measured yet".to_owned()),
        };
        Self { from, note }
    }
}

pub(super) fn rows(measure: bool) -> (Vec<Row>, Choice) {
    let ranking = if measure { Some(Ranking::measure()) } else { Ranking::recall() };
    let (rolling, plain, origin) = match ranking {
        Some(Ranking { rolling, plain, origin }) => (rolling, plain, Some(origin)),
        None => (vec![], vec![], None),
    };
    let can = miner_cpu::available().map(|kernel| Row {
        kernel: kernel.name(),
        missing: None,
        reached: Reached { hs_rolling: rate(&rolling, kernel), hs: rate(&plain, kernel) },
        chosen_rolling: is_first(&rolling, kernel),
        chosen: is_first(&plain, kernel),
    });
    let cannot = miner_cpu::unavailable().map(|(kernel, requires)| Row {
        kernel,
        missing: Some(requires),
        reached: Reached::default(),
        chosen_rolling: false,
        chosen: false,
    });
    (can.chain(cannot).collect(), Choice::new(origin))
}

fn rate(rates: &Rates, kernel: &Kernel) -> Option<f64> {
    rates.iter().find(|(other, _)| other.name() == kernel.name()).map(|(_, rate)| *rate)
}

fn is_first(rates: &Rates, kernel: &Kernel) -> bool {
    let first = rates.first().map_or(miner_cpu::preferred(), |(first, _)| first);
    first.name() == kernel.name()
}
