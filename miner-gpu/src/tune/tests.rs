//! What is chosen: by options, by trial, by what was remembered.

use super::*;
use crate::cache;

const LIMITS: Limits = Limits { workgroup_size: 256, workgroups: 65_535 };

fn choices(options: &GpuOptions) -> Choices {
    Choices::new(options, LIMITS).expect("possible options")
}

/// A device on which this tuning is fastest, and the more a tuning has in common with it the faster it is.
fn fastest_is(best: Tuning) -> impl FnMut(Tuning) -> Result<f64, ()> {
    move |tuning| {
        let alike = [
            tuning.addition == best.addition,
            tuning.workgroup_size == best.workgroup_size,
            tuning.midstates == best.midstates,
        ];
        Ok(1.0 + alike.into_iter().filter(|alike| *alike).count() as f64)
    }
}

#[test]
fn the_fastest_of_every_combination_is_found() {
    for addition in Addition::ALL {
        for workgroup_size in [64, 128, 256] {
            for midstates in [8, 16] {
                let best = Tuning { addition, workgroup_size, midstates };
                let found = choices(&GpuOptions::default()).fastest_by(PATIENCE, fastest_is(best));
                assert_eq!(found, Ok(best));
            }
        }
    }
}

#[test]
fn without_time_the_most_likely_one_is_taken() {
    let best: Tuning = "imad 64 8".parse().expect("a tuning");
    let found = choices(&GpuOptions::default()).fastest_by(Duration::ZERO, fastest_is(best));
    assert_eq!(found, "plain 128 16".parse());
}

#[test]
fn what_options_force_is_not_tried() {
    let options = GpuOptions {
        addition: Some(Addition::Imad),
        workgroup_size: Some(32),
        midstates: Some(4),
        cache: None,
    };
    assert_eq!(choices(&options).only(), "imad 32 4".parse().ok());
    let open = GpuOptions { workgroup_size: None, ..options };
    assert_eq!(choices(&open).only(), None);
    let include = |text: &str| choices(&open).include(text.parse().expect("a tuning"));
    assert!(include("imad 64 4") && !include("plain 64 4") && !include("imad 65 4"));
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

#[test]
fn a_tuning_is_remembered_for_its_adapter_and_driver_and_garbage_is_not_believed() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().join("not/there/yet");
    let tuning: Tuning = "imad 256 8".parse().expect("a tuning");
    cache::write(&folder, "a card / 1", "a card, driver 1", tuning);
    assert_eq!(cache::read(&folder, "a card / 1", "a card, driver 1"), Some(tuning));
    assert_eq!(cache::read(&folder, "a card / 1", "a card, driver 2"), None);
    assert_eq!(cache::read(&folder, "another card", "a card, driver 1"), None);
    let file =
        std::fs::read_dir(&folder).expect("a folder").next().expect("a file").expect("readable").path();
    for garbage in
        ["", "a card, driver 1", "a card, driver 1\nimad 256", "a card, driver 1\nimad x 8\n", "\u{0}\n\n"]
    {
        std::fs::write(&file, garbage).expect("writable");
        assert_eq!(cache::read(&folder, "a card / 1", "a card, driver 1"), None, "{garbage:?}");
    }
    std::fs::write(&file, [0xff, 0xfe]).expect("writable");
    assert_eq!(cache::read(&folder, "a card / 1", "a card, driver 1"), None);
}
