//! The kernels of this CPU by what they reach, with and without version rolling: measured once, then remembered for the
//! machine.

use miner_cpu::{Kernel, Rates, measure};

use super::MIDSTATES;
use super::memory::Memory;
use crate::system::System;

/// The fastest kernel comes first.
#[derive(Debug)]
pub(crate) struct Ranking {
    /// For units of [`MIDSTATES`].
    pub(crate) rolling: Rates,
    /// For units of one midstate.
    pub(crate) plain: Rates,
    pub(crate) origin: Origin,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Remembered,
    Measured {
        /// Why the next start must measure again.
        unkept: Option<String>,
    },
}

impl Ranking {
    /// What an earlier run has measured, if the machine and this program are still the same.
    pub(crate) fn recall() -> Option<Self> {
        Self::parse(&memory().recall()?)
    }

    /// Measures, for 200 ms at most, and remembers it.
    pub(crate) fn measure() -> Self {
        let [rolling, plain] = measure(&kernels(), [MIDSTATES, 1]);
        let unkept = memory().keep(&format!("{}\n{}\n", line(&rolling), line(&plain))).err();
        Self { rolling, plain, origin: Origin::Measured { unkept } }
    }

    /// The kernels for units of so many midstates.
    pub(crate) fn of(&self, midstates: usize) -> &Rates {
        if midstates == 1 { &self.plain } else { &self.rolling }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines().map(rates);
        let (rolling, plain) = (lines.next()??, lines.next()??);
        lines.next().is_none().then_some(Self { rolling, plain, origin: Origin::Remembered })
    }
}

fn kernels() -> Vec<&'static Kernel> {
    miner_cpu::available().collect()
}

fn memory() -> Memory {
    let System { cpu, microcode, cores, commit, .. } = System::here();
    let kernels: Vec<&str> = miner_cpu::available().map(Kernel::name).collect();
    let (version, kernels) = (env!("CARGO_PKG_VERSION"), kernels.join(" "));
    let key = format!("{cpu} | microcode {microcode} | {cores} CPUs | {kernels} | miner {version} {commit}");
    Memory::of("cpu", key)
}

/// Kernels and rates on one line.
fn line(rates: &Rates) -> String {
    let words: Vec<String> =
        rates.iter().map(|(kernel, rate)| format!("{} {rate:.0}", kernel.name())).collect();
    words.join(" ")
}

/// The reverse of [`line()`]: all kernels, each once.
fn rates(line: &str) -> Option<Rates> {
    let words: Vec<&str> = line.split(' ').collect();
    let pair = |pair: &[&str]| {
        let [name, rate] = pair else { return None };
        let rate: f64 = rate.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate > 0.0)?;
        Some((miner_cpu::by_name(name).ok()?, rate))
    };
    let rates: Rates = words.chunks(2).map(pair).collect::<Option<_>>()?;
    let has = |kernel: &&Kernel| rates.iter().filter(|(other, _)| other.name() == kernel.name()).count() == 1;
    let is_complete = kernels().iter().all(has) && rates.len() == kernels().len();
    is_complete.then_some(rates)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Some rate for each kernel.
    fn some_rates() -> Rates {
        kernels().into_iter().rev().zip((1..).map(|place| 1e9 / f64::from(place))).collect()
    }

    #[test]
    fn a_ranking_reads_as_it_was_written() {
        let line = line(&some_rates());
        let ranking = Ranking::parse(&format!("{line}\n{line}\n")).unwrap();
        assert_eq!(ranking.origin, Origin::Remembered);
        for rates in [ranking.of(1), ranking.of(MIDSTATES)] {
            assert_eq!(self::line(rates), line);
        }
    }

    #[test]
    fn whatever_is_no_ranking_of_all_kernels_is_not_believed() {
        let line = line(&some_rates());
        let (name, rest) = line.split_once(' ').unwrap();
        let worse = [
            String::new(),
            name.to_owned(),
            format!("{name} nan"),
            format!("abacus {rest}"),
            format!("{line} {line}"),
            format!("{line} "),
            line.replacen("1000000000", "-1", 1),
        ];
        for bad in worse {
            assert!(Ranking::parse(&format!("{line}\n{bad}\n")).is_none(), "{bad}");
            assert!(Ranking::parse(&format!("{bad}\n{line}\n")).is_none(), "{bad}");
        }
        for text in [line.clone(), format!("{line}\n{line}\n{line}\n")] {
            assert!(Ranking::parse(&text).is_none(), "{text}");
        }
    }
}
