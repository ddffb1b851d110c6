use std::sync::Arc;
use std::time::Duration;

use miner_core::{Extranonce, Job, Share, Terms, VersionMask};
use serde_json::Value;
use tokio::time::Instant;

use super::super::event::ClientEvent;
use super::super::shares::{Book, NOT_RESUMED};
use super::share::find;
use super::{block_job, extranonce, job, notify, terms};
use crate::ledger::{Amount, Columns, Fate};
use crate::message::Rejection;

const POOL: usize = 0;

/// A book with one pool that has given one job.
struct Desk {
    book: Book,
    job: Arc<Job>,
    now: Instant,
}

impl Desk {
    fn new() -> Self {
        Self::with(job(&notify("a", 1, 1, true)))
    }

    fn with(job: Arc<Job>) -> Self {
        let mut book = Book::default();
        book.issue(POOL, &job, terms(&[1]), None);
        Self { book, job, now: Instant::now() }
    }

    fn shares(&self, count: usize) -> Vec<Share> {
        find(&self.job, terms(&[1]), count)
    }

    fn found(&mut self, share: &Share) {
        self.book.found(share.clone(), "cpu".into());
    }

    /// Sends all that can be sent; the hashes and numbers.
    fn send(&mut self) -> Vec<(Share, u64)> {
        let mut sent = Vec::new();
        while let Some((serial, share)) = self.book.send_next(POOL, self.now) {
            sent.push((share.clone(), serial));
        }
        sent
    }

    fn answer(&mut self, serial: u64, outcome: &Result<Value, Rejection>) {
        assert!(self.book.answered(POOL, serial, outcome, self.now));
    }

    fn fates(&mut self) -> Vec<Fate> {
        let fates = self.book.take_events().into_iter().filter_map(|event| match event {
            ClientEvent::Judged { fate, .. } => Some(fate),
            _ => None,
        });
        fates.collect()
    }

    fn columns(&self) -> &Columns<Amount> {
        let columns = self.book.ledger().columns();
        assert!(columns.balance(), "{columns:?}");
        columns
    }
}

fn lost(reason: &str) -> Fate {
    Fate::Lost(reason.to_owned())
}

fn stale(reason: &str) -> Fate {
    Fate::Stale(reason.to_owned())
}

fn rejection(code: i64, message: &str) -> Result<Value, Rejection> {
    Err(Rejection { code: Some(code), message: message.to_owned() })
}

#[test]
fn a_share_is_registered_before_anything_else() {
    let mut desk = Desk::new();
    let share = desk.shares(1).remove(0);
    desk.found(&share);
    assert_eq!((desk.columns().found.shares, desk.columns().queued.shares), (1, 1));
    let (_, serial) = desk.send().remove(0);
    assert_eq!((desk.columns().in_flight.shares, desk.columns().queued.shares), (1, 0));
    desk.now += Duration::from_millis(7);
    desk.answer(serial, &Ok(true.into()));
    assert_eq!(desk.columns().accepted.shares, 1);
    let Some(ClientEvent::Judged { latency, .. }) = desk.book.take_events().pop() else { panic!() };
    assert_eq!(latency, Some(Duration::from_millis(7)));
}

#[test]
fn an_answer_to_nothing_is_none() {
    let mut desk = Desk::new();
    let share = desk.shares(1).remove(0);
    desk.found(&share);
    let yes = Ok(true.into());
    assert!(!desk.book.answered(POOL, 1, &yes, desk.now), "not sent yet");
    let (_, serial) = desk.send().remove(0);
    assert!(!desk.book.answered(POOL + 1, serial, &yes, desk.now), "by another pool");
    assert!(!desk.book.answered(POOL, serial + 1, &yes, desk.now), "to another share");
    desk.answer(serial, &Ok(true.into()));
    assert!(!desk.book.answered(POOL, serial, &yes, desk.now), "a second time");
    assert_eq!((desk.columns().accepted.shares, desk.columns().found.shares), (1, 1));
}

#[test]
fn after_a_new_block_late_shares_are_stale_and_blocks_are_sent() {
    let mut desk = Desk::new();
    let [queued, later] = desk.shares(2).try_into().unwrap();
    desk.found(&queued);
    let next = job(&notify("b", 2, 2, true));
    desk.book.issue(POOL, &next, terms(&[1]), Some("new block"));
    desk.found(&later);
    assert_eq!(desk.fates(), [stale("new block"), stale("new block")]);
    assert!(desk.send().is_empty());

    let mut desk = Desk::with(block_job("a"));
    let [queued, later] = desk.shares(2).try_into().unwrap();
    desk.found(&queued);
    desk.book.issue(POOL, &next, terms(&[1]), Some("new block"));
    desk.found(&later);
    let sent: Vec<_> = desk.send().into_iter().map(|(share, _)| share.hash()).collect();
    assert_eq!(sent, [queued.hash(), later.hash()]);
}

#[test]
fn sixteen_jobs_stay_open() {
    let mut desk = Desk::new();
    let [in_time, late] = desk.shares(2).try_into().unwrap();
    let jobs: Vec<_> = (2..18).map(|contents| job(&notify("n", 1, contents, false))).collect();
    for job in jobs.iter().take(15) {
        desk.book.issue(POOL, job, terms(&[1]), None);
    }
    desk.found(&in_time);
    assert_eq!(desk.send().len(), 1);
    desk.book.issue(POOL, &jobs[15], terms(&[1]), None);
    desk.found(&late);
    assert_eq!(desk.fates(), [stale("old job")]);
}

#[test]
fn a_job_given_out_again_is_the_same_job() {
    let mut desk = Desk::new();
    let with_mask = Terms { version_mask: VersionMask::BIP320, ..terms(&[1]) };
    for _ in 0..20 {
        desk.book.issue(POOL, &desk.job.clone(), with_mask, None);
    }
    // What was under way keeps the mask that it began with.
    let share = desk.shares(1).remove(0);
    desk.found(&share);
    assert_eq!(desk.send().len(), 1);
}

#[test]
fn shares_of_jobs_or_terms_that_never_went_out_are_not_sent() {
    let mut desk = Desk::new();
    let foreign = find(&job(&notify("a", 1, 1, true)), terms(&[1]), 1).remove(0);
    let other_session = find(&desk.job, terms(&[2]), 1).remove(0);
    let (_, size) = extranonce(&[], 2);
    let other_size = find(&desk.job, Terms { extranonce2_size: size, ..terms(&[1]) }, 1).remove(0);
    let easier =
        find(&desk.job, Terms { share_target: bitcoin::Target::from_be_bytes([0xff; 32]), ..terms(&[1]) }, 1);
    for share in [foreign, other_session, other_size, easier[0].clone()] {
        desk.found(&share);
    }
    assert_eq!(
        desk.fates(),
        [lost("unknown job"), lost("unknown job"), lost("unknown job"), lost("unknown job")]
    );
    assert!(desk.send().is_empty());
    assert_eq!(desk.columns().found.shares, 4);
}

#[test]
fn the_same_hash_is_never_sent_twice() {
    let mut desk = Desk::new();
    let share = desk.shares(1).remove(0);
    desk.found(&share);
    desk.found(&share);
    let (_, serial) = desk.send().remove(0);
    desk.answer(serial, &Ok(true.into()));
    desk.found(&share);
    assert!(desk.send().is_empty());
    assert_eq!(desk.fates(), [lost("found twice"), Fate::Accepted, lost("found twice")]);
    assert_eq!(desk.columns().found.shares, 3);
}

#[test]
fn unanswered_shares_are_sent_again_to_the_same_session_and_a_duplicate_was_accepted() {
    let mut desk = Desk::new();
    let [a, b] = desk.shares(2).try_into().unwrap();
    desk.found(&a);
    let before = desk.send();
    desk.book.disconnected(POOL);
    desk.found(&b);
    assert_eq!((desk.columns().queued.shares, desk.columns().in_flight.shares), (2, 0));
    // The pool's first job after the resume: what was asked already is asked again all the same.
    desk.book.resumed(POOL, extranonce(&[1], 4));
    let again = desk.send();
    assert_eq!(again.iter().map(|(share, _)| share.hash()).collect::<Vec<_>>(), [a.hash(), b.hash()]);
    assert_eq!(again[0].1, before[0].1);
    desk.answer(again[0].1, &rejection(22, "duplicate"));
    desk.answer(again[1].1, &rejection(22, "duplicate"));
    assert_eq!(desk.fates(), [Fate::Accepted, Fate::Rejected("duplicate".into())]);
}

#[test]
fn a_new_block_during_the_outage_does_not_hide_what_became_of_a_share() {
    let mut desk = Desk::new();
    let [sent, queued] = desk.shares(2).try_into().unwrap();
    desk.found(&sent);
    desk.send();
    desk.book.disconnected(POOL);
    desk.found(&queued);
    desk.book.resumed(POOL, extranonce(&[1], 4));
    desk.book.issue(POOL, &job(&notify("b", 2, 2, true)), terms(&[1]), Some("new block"));
    assert_eq!(desk.fates(), [stale("new block")]);
    assert_eq!(desk.send().first().map(|(share, _)| share.hash()), Some(sent.hash()));
}

#[test]
fn another_extranonce_means_another_session() {
    for (next, kept) in [
        (extranonce(&[1], 4), true),
        (extranonce(&[2], 4), false),
        (extranonce(&[1], 3), false),
        ((Extranonce::EMPTY, 4), false),
    ] {
        let mut desk = Desk::new();
        let [sent, queued, late] = desk.shares(3).try_into().unwrap();
        desk.found(&sent);
        desk.send();
        desk.book.disconnected(POOL);
        desk.found(&queued);
        desk.book.resumed(POOL, next);
        desk.found(&late);
        assert_eq!(desk.send().len(), if kept { 3 } else { 0 });
        let fates = if kept { vec![] } else { vec![lost(NOT_RESUMED); 3] };
        assert_eq!(desk.fates(), fates);
        desk.columns();
    }
}

#[test]
fn one_pool_ending_leaves_the_others_alone() {
    let mut desk = Desk::new();
    let other = job(&notify("other", 1, 5, true));
    desk.book.issue(POOL + 1, &other, terms(&[1]), None);
    let here = desk.shares(1).remove(0);
    let there = find(&other, terms(&[1]), 1).remove(0);
    desk.found(&here);
    desk.found(&there);
    assert_eq!(desk.send().len(), 1);
    let (_, share) = desk.book.send_next(POOL + 1, desk.now).unwrap();
    assert_eq!(share.hash(), there.hash());
    desk.book.disconnected(POOL + 1);
    assert!(desk.send().is_empty(), "it waits for its own pool");
    desk.book.forget(POOL + 1, "worker refused");
    assert_eq!(desk.fates(), [lost("worker refused")]);
    assert_eq!(desk.columns().in_flight.shares, 1);
}

#[test]
fn a_block_that_cannot_be_delivered_leaves_its_bytes() {
    let mut desk = Desk::with(block_job("a"));
    let block = desk.shares(1).remove(0);
    desk.found(&block);
    desk.book.forget(POOL, NOT_RESUMED);
    let events = desk.book.take_events();
    let words = events.iter().find_map(|event| match event {
        ClientEvent::Trouble(words) => Some(words),
        _ => None,
    });
    let header = bitcoin::consensus::encode::serialize_hex(block.header());
    assert!(words.is_some_and(|words| words.contains(&header)), "{events:?}");
}

#[test]
fn too_many_shares_leave_the_best_and_all_blocks() {
    let mut desk = Desk::new();
    let blocks = block_job("blocks");
    desk.book.issue(POOL, &blocks, terms(&[1]), None);
    let blocks = find(&blocks, terms(&[1]), 3);
    let shares = find(&desk.job, terms(&[1]), 1100);
    blocks.iter().for_each(|block| desk.found(block));
    shares.iter().for_each(|share| desk.found(share));
    let columns = desk.columns();
    assert_eq!(
        (columns.found.shares, columns.queued.shares, columns.lost["overflow"].shares),
        (1103, 1024, 79)
    );
    let troubles = desk.book.take_events();
    assert!(
        matches!(troubles[..], [ClientEvent::Trouble(_)]),
        "said once, and not once a share: {troubles:?}"
    );

    let mut best: Vec<_> = shares.iter().map(Share::hash_value).collect();
    best.sort();
    let sent = desk.send();
    assert_eq!(sent.len(), 512, "the rest waits for answers");
    assert!(sent.iter().take(3).all(|(share, _)| share.is_block()), "blocks first");
    assert!(sent.iter().skip(3).all(|(share, _)| share.hash_value() <= best[1020]));
    for (_, serial) in sent {
        desk.answer(serial, &Ok(true.into()));
    }
    assert_eq!(desk.send().len(), 512);
}

#[test]
fn blocks_alone_are_bounded_too_and_find_room_beside_shares_in_flight() {
    let mut desk = Desk::new();
    for share in desk.shares(600) {
        desk.found(&share);
    }
    assert_eq!(desk.send().len(), 512);
    let blocks = block_job("blocks");
    desk.book.issue(POOL, &blocks, terms(&[1]), None);
    for block in find(&blocks, terms(&[1]), 2000) {
        desk.found(&block);
    }
    assert_eq!(desk.columns().queued.shares, 1024);
    assert_eq!(desk.send().len(), 512);
}

#[test]
fn what_is_never_answered_is_lost_by_that_name() {
    let mut desk = Desk::new();
    let [old, young] = desk.shares(2).try_into().unwrap();
    desk.found(&old);
    desk.send();
    let first = desk.now;
    desk.now += Duration::from_secs(10);
    desk.found(&young);
    desk.send();
    assert_eq!(desk.book.unanswered_since(POOL), Some(first));
    desk.book.give_up_unanswered(POOL, first);
    assert_eq!(desk.fates(), [lost("no answer")]);
    assert_eq!(desk.columns().in_flight.shares, 1);
}

#[test]
fn after_the_close_nothing_is_sent_and_all_is_counted() {
    let mut desk = Desk::new();
    let [sent, queued, late] = desk.shares(3).try_into().unwrap();
    desk.found(&sent);
    desk.send();
    desk.found(&queued);
    assert!(!desk.book.is_empty());
    desk.book.close("shutdown");
    desk.found(&late);
    assert!(desk.book.is_empty() && desk.send().is_empty());
    assert_eq!(desk.fates(), [lost("shutdown"), lost("shutdown"), lost("shutdown")]);
    desk.columns();
}
