use std::sync::Arc;
use std::time::Duration;

use bitcoin::Target;
use bitcoin::hashes::Hash as _;
use miner_core::{Job, VersionMask};
use tokio::time::Instant;

use super::super::jobs::{Issue, Jobs};
use super::{easy, extranonce, notify};
use crate::message::Notify;

/// Jobs of a session that has begun, and a clock on which no flood is ever seen.
struct Session {
    jobs: Jobs,
    now: Instant,
}

impl Session {
    fn new() -> Self {
        let mut jobs = Jobs::new(VersionMask::BIP320);
        jobs.subscribed(extranonce(&[1], 4), None);
        Self { jobs, now: Instant::now() }
    }

    fn take(&mut self) -> Option<Issue> {
        self.now += Duration::from_secs(1);
        self.jobs.take(self.now)
    }

    fn job(&mut self, announced: &Notify) -> Issue {
        self.jobs.notify(announced).unwrap();
        self.take().expect("a job")
    }
}

#[test]
fn the_difficulty_is_1_until_a_pool_says_otherwise_and_then_applies_to_the_next_job() {
    let mut session = Session::new();
    assert_eq!(session.job(&notify("a", 1, 1, true)).terms.share_target, Target::MAX);
    session.jobs.set_target(easy());
    assert!(session.take().is_none(), "a difficulty alone is no new work");
    assert_eq!(session.job(&notify("b", 1, 2, false)).terms.share_target, easy());
}

#[test]
fn an_extranonce_applies_to_the_next_job() {
    let mut session = Session::new();
    session.job(&notify("a", 1, 1, true));
    session.jobs.set_extranonce(extranonce(&[9, 9], 2));
    assert!(session.take().is_none());
    let terms = session.job(&notify("b", 1, 2, false)).terms;
    assert_eq!((terms.extranonce1.as_bytes(), terms.extranonce2_size), (&[9, 9][..], 2));
}

#[test]
fn a_mask_applies_at_once_and_never_exceeds_what_was_asked_for() {
    let mut session = Session::new();
    session.jobs.set_mask(VersionMask::new(0x1fff_ffff));
    let first = session.job(&notify("a", 1, 1, true));
    assert_eq!(first.terms.version_mask, VersionMask::BIP320);

    session.jobs.set_target(easy());
    session.jobs.set_mask(VersionMask::new(0x0000_3000));
    let again = session.take().expect("the job again under its new mask");
    assert_eq!(again.terms.version_mask, VersionMask::new(0x0000_2000));
    assert_eq!((again.job.id(), again.job.is_clean(), again.over), ("a", false, None));
    assert_eq!(again.terms.share_target, Target::MAX, "the difficulty waits for the next job all the same");
    session.jobs.set_mask(VersionMask::new(0x0000_2000));
    assert!(session.take().is_none(), "the same mask changes nothing");
    session.jobs.set_mask(VersionMask::NONE);
    assert_eq!(session.take().unwrap().terms.version_mask, VersionMask::NONE);
}

#[test]
fn of_many_jobs_the_newest_is_passed_on_and_what_the_others_ended_is_over() {
    let mut session = Session::new();
    session.job(&notify("a", 1, 1, true));
    for number in 0..100u8 {
        session.jobs.notify(&notify(&format!("b{number}"), 1, number.wrapping_add(2), number == 50)).unwrap();
    }
    let newest = session.take().unwrap();
    assert_eq!((newest.job.id(), newest.job.is_clean(), newest.over), ("b99", true, Some("job withdrawn")));
    assert!(session.take().is_none());
}

#[test]
fn a_flood_of_jobs_is_paced_and_the_first_of_them_is_not() {
    let mut session = Session::new();
    let start = session.now;
    let mut passed_on = 0;
    for millisecond in 0..1000 {
        for number in 0..10 {
            session.jobs.notify(&notify(&format!("{millisecond} {number}"), 1, number, true)).unwrap();
            let issue = session.jobs.take(start + Duration::from_millis(millisecond));
            passed_on += u32::from(issue.is_some());
            assert!(issue.is_some() || millisecond + u64::from(number) > 0);
        }
    }
    assert!((20..=26).contains(&passed_on), "{passed_on}");
    let ready = session.jobs.ready_at(start + Duration::from_secs(1)).expect("the last one waits");
    assert_eq!(session.jobs.take(ready).unwrap().job.id(), "999 9");
}

#[test]
fn another_block_ends_earlier_jobs_whatever_the_flag_says() {
    let mut session = Session::new();
    session.job(&notify("a", 1, 1, true));
    let next = session.job(&notify("b", 2, 1, false));
    assert_eq!((next.over, next.job.is_clean()), (Some("new block"), true));
}

#[test]
fn the_first_job_of_a_session_ends_what_was_searched_before() {
    assert!(Session::new().job(&notify("a", 1, 1, false)).job.is_clean());
}

#[test]
fn a_repeated_job_goes_on_where_it_is() {
    let mut session = Session::new();
    session.job(&notify("a", 1, 1, true));
    // The same id or another one, the flag set or not, a later time: the same headers.
    let later = Notify { time: 1_700_000_030, ..notify("c", 1, 1, true) };
    for repeated in [notify("a", 1, 1, true), notify("a", 1, 1, false), notify("b", 1, 1, true), later] {
        let issue = session.job(&repeated);
        assert_eq!((issue.over, issue.job.is_clean()), (None, false), "{}", repeated.job_id);
    }
    // Another extranonce: other headers.
    session.jobs.set_extranonce(extranonce(&[2], 4));
    assert_eq!(session.job(&notify("c", 1, 1, true)).over, Some("job withdrawn"));
    // The same job again after another one.
    session.job(&notify("d", 1, 2, false));
    assert_eq!(session.job(&notify("e", 1, 1, true)).over, Some("job withdrawn"));
}

#[test]
fn a_job_that_came_and_went_unseen_leaves_the_search_alone() {
    let mut session = Session::new();
    session.job(&notify("a", 1, 1, true));
    session.jobs.notify(&notify("b", 2, 2, true)).unwrap();
    let back = session.job(&notify("a", 1, 1, true));
    assert_eq!((back.over, back.job.is_clean()), (None, false));
}

#[test]
fn a_clean_first_job_after_a_resume_is_habit() {
    let current = || {
        let mut session = Session::new();
        session.job(&notify("a", 1, 1, true))
    };
    for (announced, over, clean) in [
        (notify("a", 1, 1, true), None, false),
        (notify("b", 1, 2, true), None, false),
        (notify("c", 2, 3, true), Some("new block"), true),
    ] {
        let mut jobs = Jobs::new(VersionMask::BIP320);
        jobs.set_mask(VersionMask::BIP320);
        jobs.subscribed(extranonce(&[1], 4), Some(current()));
        jobs.set_mask(VersionMask::NONE);
        let now = Instant::now();
        assert!(jobs.take(now).is_none(), "nothing is announced yet");
        jobs.notify(&announced).unwrap();
        let issue = jobs.take(now).unwrap();
        assert_eq!((issue.over, issue.job.is_clean()), (over, clean), "{}", announced.job_id);
        jobs.notify(&notify("d", announced.prev_blockhash.to_byte_array()[0], 9, true)).unwrap();
        assert_eq!(jobs.take(now).unwrap().over, Some("job withdrawn"), "the second one means it");
    }
}

#[test]
fn a_job_before_the_session_waits_for_its_extranonce() {
    let mut jobs = Jobs::new(VersionMask::NONE);
    let now = Instant::now();
    jobs.set_target(easy());
    jobs.notify(&notify("a", 1, 1, true)).unwrap();
    assert!(jobs.take(now).is_none());
    assert_eq!(jobs.ready_at(now), None);
    jobs.subscribed(extranonce(&[7], 3), None);
    let issue = jobs.take(now).unwrap();
    assert_eq!((issue.terms.extranonce1.as_bytes(), issue.terms.share_target), (&[7][..], easy()));
    assert!(issue.job.is_clean());
}

#[test]
fn a_job_that_none_can_be_changes_nothing() {
    let mut session = Session::new();
    session.jobs.set_extranonce(extranonce(&[3], 4));
    let bad = Notify { branch: vec![[0; 32]; 33], ..notify("bad", 2, 2, true) };
    assert!(session.jobs.notify(&bad).is_err());
    assert!(session.take().is_none());
    assert_eq!(session.job(&notify("a", 1, 1, true)).over, None);
}

#[test]
fn the_same_job_is_passed_on_as_the_same_object() {
    let mut session = Session::new();
    session.job(&notify("a", 1, 1, true));
    let job: Arc<Job> = session.job(&notify("b", 1, 2, false)).job;
    session.jobs.set_mask(VersionMask::BIP320);
    assert!(Arc::ptr_eq(&job, &session.take().unwrap().job));
}
