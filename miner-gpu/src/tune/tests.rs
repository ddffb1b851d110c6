//! What is chosen: by options, by trial.

use std::cell::Cell;

use super::*;

/// More time than any trial takes here.
const AMPLE: Duration = Duration::from_secs(3600);
const LIMITS: Limits = Limits { workgroup_size: 256, workgroups: 65_535 };

fn choices(options: &GpuOptions) -> Choices {
    Choices::new(options, LIMITS).expect("possible options")
}

/// A device on which this tuning is fastest, and the more a tuning has in common with it the faster it is.
fn fastest_is(best: Tuning) -> impl Fn(Tuning) -> f64 {
    move |tuning| {
        let alike = [
            tuning.addition == best.addition,
            tuning.workgroup_size == best.workgroup_size,
            tuning.midstates == best.midstates,
        ];
        1.0 + alike.into_iter().filter(|alike| *alike).count() as f64
    }
}

/// What is chosen where this is the rate of a tuning, and in disturbed rounds of a comparison the slower one seems faster.
fn found(patience: Duration, is_disturbed: impl Fn(u32) -> bool, rate: impl Fn(Tuning) -> f64) -> Tuning {
    let calls = Cell::new(0);
    let prepare = |tuning| {
        calls.set(0);
        let (rate, calls, is_disturbed) = (rate(tuning), &calls, &is_disturbed);
        Ok::<_, ()>(move || {
            let round = calls.replace(calls.get() + 1) / 2;
            Ok(if is_disturbed(round) { 5.0 - rate } else { rate })
        })
    };
    choices(&GpuOptions::default()).fastest_by(patience, prepare).expect("no round fails")
}

#[test]
fn the_fastest_of_every_combination_is_found() {
    for addition in Addition::ALL {
        for workgroup_size in [64, 128, 256] {
            for midstates in [8, 16] {
                let best = Tuning { addition, workgroup_size, midstates };
                for disturbed in 0..ROUNDS {
                    assert_eq!(found(AMPLE, |round| round == disturbed, fastest_is(best)), best);
                }
            }
        }
    }
}

#[test]
fn without_time_the_most_likely_one_is_taken() {
    let best: Tuning = "imad 64 8".parse().expect("a tuning");
    assert_eq!(Ok(found(Duration::ZERO, |_| false, fastest_is(best))), "plain 128 16".parse());
}

#[test]
fn a_trial_that_takes_too_long_is_given_up() {
    let (patience, round) = (Duration::from_millis(20), Duration::from_millis(30));
    let rate = fastest_is("imad 64 8".parse().expect("a tuning"));
    let prepare = |tuning| {
        let rate = rate(tuning);
        Ok::<_, ()>(move || {
            std::thread::sleep(round);
            Ok(rate)
        })
    };
    let chosen = choices(&GpuOptions::default()).fastest_by(patience, prepare).expect("no round fails");
    assert_eq!(Ok(chosen), "plain 128 16".parse());
}

#[test]
fn a_tuning_that_is_faster_in_some_rounds_alone_is_not_taken() {
    let best: Tuning = "imad 64 8".parse().expect("a tuning");
    for (first, second) in [(0, 1), (0, ROUNDS - 1), (ROUNDS - 2, ROUNDS - 1)] {
        let chosen = found(AMPLE, |round| round == first || round == second, fastest_is(best));
        assert_eq!(Ok(chosen), "plain 128 16".parse());
    }
}

#[test]
fn what_options_force_is_not_tried() {
    let options = GpuOptions { addition: Some(Addition::Imad), workgroup_size: Some(32), midstates: Some(4) };
    let tuning = choices(&options).only().expect("nothing is left open");
    assert_eq!((Ok(tuning), GpuOptions::from(tuning)), ("imad 32 4".parse(), options.clone()));
    let open = GpuOptions { workgroup_size: None, ..options };
    assert_eq!(choices(&open).only(), None);
}

#[test]
fn a_tuning_reads_as_it_is_written_and_nothing_else_does() {
    let tuning: Tuning = "imad 256 8".parse().expect("a tuning");
    assert_eq!(tuning.to_string(), "imad 256 8");
    for garbage in ["", "imad 256", "imad x 8", "imad 256 8 8", "sideways 256 8", "imad -1 8"] {
        assert_eq!(garbage.parse::<Tuning>(), Err(()), "{garbage:?}");
    }
}

#[test]
fn impossible_options_are_refused_with_what_is_possible() {
    for (workgroup_size, midstates, expected) in [
        (Some(0), None, "a workgroup size of 0: this GPU takes 1 to 256"),
        (Some(512), None, "a workgroup size of 512: this GPU takes 1 to 256"),
        (None, Some(3), "3 midstates a dispatch: take a power of two up to 16"),
        (None, Some(32), "32 midstates a dispatch: take a power of two up to 16"),
    ] {
        let options = GpuOptions { workgroup_size, midstates, ..GpuOptions::default() };
        let error = Choices::new(&options, LIMITS).expect_err("impossible");
        assert_eq!(error.to_string(), expected);
    }
}
