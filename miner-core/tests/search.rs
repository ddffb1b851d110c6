//! The search space: units are disjoint and cover everything, for any mask and any size.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use miner_core::bitcoin::hashes::Hash as _;
use miner_core::bitcoin::{BlockHash, CompactTarget};
use miner_core::{
    Assignment, Candidate, Extranonce, Job, JobParams, RootSource, SearchSpace, Terms, TimeWindow,
    VersionMask, header, target,
};
use proptest::prelude::*;

fn params(version: u32, reserved: u32) -> JobParams {
    JobParams {
        id: "job".into(),
        version,
        reserved_version_bits: reserved,
        prev_blockhash: BlockHash::all_zeros(),
        time: TimeWindow { min: 1_000, start: 900, max: 1_005 },
        bits: CompactTarget::from_consensus(0x1d00_ffff),
        clean: true,
        root: RootSource::Coinbase { prefix: vec![1; 70], suffix: vec![2; 50], branch: vec![[3; 32]; 2] },
    }
}

fn job(version: u32, reserved: u32) -> Arc<Job> {
    Arc::new(Job::new(params(version, reserved)).unwrap())
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_millis(seconds * 1000 + 999)
}

/// A mask of up to four bits anywhere: versions few enough to walk, groups many enough to matter.
fn sparse_mask() -> impl Strategy<Value = u32> {
    proptest::collection::vec(0u32..31, 0..=4)
        .prop_map(|bits| bits.iter().fold(0, |mask, bit| mask | 1 << bit))
}

/// The header fields of a unit that are not its nonces, one entry a midstate.
fn columns(assignment: &Assignment) -> Vec<(u32, Vec<u8>, u32)> {
    let nonce = assignment.unit().nonces().first();
    (0..assignment.unit().midstates().len())
        .map(|midstate| {
            let solution = assignment.solution(Candidate { midstate, nonce }).unwrap();
            (solution.time, solution.extranonce2.as_bytes().to_vec(), solution.version)
        })
        .collect()
}

proptest! {
    #[test]
    fn units_are_disjoint_and_cover_the_space(
        mask in sparse_mask(), version: u32, reserved in sparse_mask(),
        log_midstates in 0u32..6, size in 0u8..=1, sizes in proptest::collection::vec(30u32..40, 1..9),
    ) {
        let terms = Terms::solo(size, VersionMask::new(mask));
        let job = job(version, reserved);
        let mut space = SearchSpace::new(job.clone(), terms, 1 << log_midstates);
        let mut seen: BTreeMap<_, u64> = BTreeMap::new();
        for size in sizes.iter().cycle() {
            let asked = (1u64 << size) + 12_345;
            let Some(assignment) = space.next(asked, seconds(0)) else { break };
            let unit = assignment.unit();
            prop_assert!(unit.hashes() <= asked.max(unit.midstates().len() as u64));
            for column in columns(&assignment) {
                // Each column is walked from its first nonce to its last, without gap or overlap.
                let next = seen.entry(column).or_insert(0);
                prop_assert_eq!(*next, u64::from(unit.nonces().first()));
                *next = u64::from(unit.nonces().last()) + 1;
            }
        }
        prop_assert!(seen.values().all(|end| *end == 1 << 32), "every column is complete");
        let rollable = mask & !version & !reserved & 0x7fff_ffff;
        let versions: BTreeSet<u32> = seen.keys().map(|(_, _, version)| *version).collect();
        prop_assert_eq!(versions.len(), 1 << rollable.count_ones());
        prop_assert!(versions.iter().all(|v| (v ^ version) & !rollable == 0));
        prop_assert_eq!(seen.len(), versions.len() << (8 * u32::from(size)));
        prop_assert!(seen.keys().all(|(time, ..)| *time == 1_000), "the start is raised to mintime");
        prop_assert_eq!(space.next(u64::MAX, seconds(0)).map(|_| ()), None);
    }

    #[test]
    fn a_unit_hashes_the_headers_of_its_solutions(
        mask: u32, version: u32, log_midstates in 0u32..7, midstate: prop::sample::Index, nonce: u32,
    ) {
        let job = job(version, 0);
        let terms = Terms { extranonce1: Extranonce::nth(9, 4), ..Terms::solo(4, VersionMask::new(mask)) };
        let assignment = SearchSpace::new(job.clone(), terms, 1 << log_midstates).next(u64::MAX, seconds(3)).unwrap();
        let midstate = midstate.index(assignment.unit().midstates().len());
        let candidate = Candidate { midstate, nonce };
        let solution = assignment.solution(candidate).unwrap();
        let root = job.merkle_root(&terms, &solution.extranonce2);
        let header = job.header(&root, &solution);
        prop_assert_eq!(header::hash(&header).to_byte_array(), assignment.unit().hash(candidate));
        prop_assert_eq!(solution.time, 1_003);
    }
}

#[test]
fn an_exhausted_space_waits_for_a_later_second_and_ends_with_the_window() {
    let mut space = SearchSpace::new(job(4, 0), Terms::solo(0, VersionMask::NONE), 16);
    let time_of = |assignment: Assignment| columns(&assignment)[0].0;
    assert_eq!(time_of(space.next(u64::MAX, seconds(0)).unwrap()), 1_000);
    assert!(space.next(u64::MAX, seconds(0)).is_none());
    assert_eq!(time_of(space.next(u64::MAX, seconds(2)).unwrap()), 1_002);
    // A clock that seems to fall gives nothing: that second is searched already.
    assert!(space.next(u64::MAX, seconds(1)).is_none());
    assert_eq!(time_of(space.next(u64::MAX, seconds(100)).unwrap()), 1_005);
    assert!(space.next(u64::MAX, seconds(1_000_000)).is_none(), "the window is over");
}

#[test]
fn adopting_an_equal_job_goes_on_where_the_search_is() {
    let terms = Terms::solo(4, VersionMask::BIP320);
    let mut space = SearchSpace::new(job(4, 0), terms, 16);
    let first = space.next(1 << 20, seconds(0)).unwrap();
    let easier = Terms { share_target: target::from_difficulty(0.5).unwrap(), ..terms };
    let same = Job::new(JobParams { id: "again".into(), ..params(4, 0) }).unwrap();
    space.adopt(Arc::new(same), easier);
    let second = space.next(1 << 20, seconds(0)).unwrap();
    assert_eq!(second.unit().nonces().first(), first.unit().nonces().last() + 1);
    assert_eq!(second.unit().target(), easier.share_target);
    assert_eq!(second.job().id(), "again");

    let time = TimeWindow { min: 990, start: 990, max: 1_100 };
    space.adopt(Arc::new(Job::new(JobParams { time, ..params(4, 0) }).unwrap()), easier);
    let third = space.next(1 << 20, seconds(0)).unwrap();
    assert_eq!(columns(&third)[0].0, 1_000, "time never falls while the search goes on");
    assert_eq!(third.unit().nonces().first(), second.unit().nonces().last() + 1);

    space.adopt(job(5, 0), easier);
    assert_eq!(
        space.next(1 << 20, seconds(0)).unwrap().unit().nonces().first(),
        0,
        "another version: a new space"
    );
    space.adopt(job(5, 0), Terms { extranonce1: Extranonce::nth(1, 2), ..easier });
    assert_eq!(
        space.next(1 << 20, seconds(0)).unwrap().unit().nonces().first(),
        0,
        "another extranonce1 too"
    );
}

#[test]
fn a_fixed_root_has_no_extranonce_to_walk() {
    let header = header::from_hex(
        &"00".repeat(72).split_at(144).0.chars().chain("ffff001d00000000".chars()).collect::<String>(),
    );
    let job = Arc::new(Job::from_header("fixed", &header.unwrap()).unwrap());
    let mut space = SearchSpace::new(job, Terms::solo(4, VersionMask::NONE), 1);
    assert_eq!(space.next(u64::MAX, seconds(0)).unwrap().unit().hashes(), 1 << 32);
    assert!(space.next(u64::MAX, seconds(9)).is_none());
}

#[test]
fn sixteen_bytes_of_extranonce_do_not_overflow() {
    let mut space = SearchSpace::new(job(4, 0), Terms::solo(16, VersionMask::NONE), 1);
    for expected in [0u128, 1, 2] {
        let assignment = space.next(u64::MAX, seconds(0)).unwrap();
        assert_eq!(columns(&assignment)[0].1, expected.to_be_bytes());
    }
}
