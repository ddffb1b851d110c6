//! The suite itself is tested: it passes a right backend and catches each kind of wrong one.
#![cfg(feature = "conformance")]

use std::ops::ControlFlow;

use miner_core::conformance::{self, Depth};
use miner_core::{Backend, BackendError, Candidate, Reporter, WorkUnit, target};

/// Searches with the reference hash, with a bug of choice.
struct Reference {
    bug: Bug,
}

#[derive(PartialEq, Clone, Copy, Debug)]
enum Bug {
    None,
    SkipsLastNonce,
    SkipsLastMidstate,
    MissesOneInSixteen,
    ReportsTwice,
    ReportsOutside,
    ReportsMisses,
    StrictlyBelowTopWord,
    ForgetsProgress,
    IgnoresBreak,
}

impl Backend for Reference {
    fn name(&self) -> &str {
        "reference"
    }

    fn scan(&mut self, unit: &WorkUnit, reporter: &dyn Reporter) -> Result<(), BackendError> {
        let bug = self.bug;
        let top = target::top_word(unit.target());
        let last = unit.nonces().last() - u32::from(bug == Bug::SkipsLastNonce && unit.nonces().count() > 1);
        let midstates =
            unit.midstates().len() - usize::from(bug == Bug::SkipsLastMidstate && unit.midstates().len() > 1);
        let mut hashes = 0;
        for nonce in unit.nonces().first()..=last {
            for midstate in 0..midstates {
                let candidate = Candidate { midstate, nonce };
                let hash = unit.hash(candidate);
                let hash_top = u32::from_le_bytes([hash[28], hash[29], hash[30], hash[31]]);
                let hit = match bug {
                    Bug::StrictlyBelowTopWord => hash_top < top || hash_top == 0 && top == 0,
                    Bug::ReportsMisses => true,
                    Bug::MissesOneInSixteen => hash_top <= top && nonce % 16 != 3,
                    _ => hash_top <= top,
                };
                if !hit {
                    continue;
                }
                let times = if bug == Bug::ReportsTwice { 2 } else { 1 };
                for _ in 0..times {
                    let nonce = if bug == Bug::ReportsOutside { nonce.wrapping_add(1 << 20) } else { nonce };
                    if reporter.found(Candidate { midstate, nonce }).is_break() && bug != Bug::IgnoresBreak {
                        return Ok(());
                    }
                }
            }
            hashes += unit.midstates().len() as u64;
            let report = hashes >= 1 << 14 && bug != Bug::ForgetsProgress;
            if report && reporter.progress(std::mem::take(&mut hashes)).is_break() && bug != Bug::IgnoresBreak
            {
                return Ok(());
            }
            if bug == Bug::IgnoresBreak && nonce - unit.nonces().first() > 1 << 12 {
                // Stands for a scan that goes on to the end.
                let _: ControlFlow<()> = reporter.progress(unit.hashes());
                return Ok(());
            }
        }
        if bug != Bug::ForgetsProgress {
            let _ = reporter
                .progress(hashes + u64::from(unit.nonces().last() - last) * unit.midstates().len() as u64);
        }
        Ok(())
    }
}

#[test]
fn a_right_backend_passes() {
    let cases = conformance::run(&mut Reference { bug: Bug::None }, Depth::Full).unwrap();
    assert_eq!(cases.len(), 7);
    assert!(conformance::run(&mut Reference { bug: Bug::None }, Depth::Quick).unwrap().len() < cases.len());
}

#[test]
fn each_kind_of_wrong_backend_is_caught() {
    let bugs = [
        Bug::SkipsLastNonce,
        Bug::SkipsLastMidstate,
        Bug::MissesOneInSixteen,
        Bug::ReportsTwice,
        Bug::ReportsOutside,
        Bug::ReportsMisses,
        Bug::StrictlyBelowTopWord,
        Bug::ForgetsProgress,
        Bug::IgnoresBreak,
    ];
    for bug in bugs {
        let failure = conformance::run(&mut Reference { bug }, Depth::Full)
            .expect_err(&format!("{bug:?} was not caught"));
        println!("{bug:?}: {failure}");
    }
}
