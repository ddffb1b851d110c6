//! The login, with every habit of pools that is on record: what is answered late, oddly or never.

use std::time::Duration;

use miner_core::VersionMask;
use serde_json::json;

use super::super::session::{End, Setup};
use super::share::EASY;
use super::talk::{Talk, setup};
use crate::ledger::Fate;

#[test]
fn the_order_that_works_everywhere() {
    let mut talk =
        Talk::with(Setup { suggest_difficulty: Some(512.0), extranonce_subscribe: true, ..setup() });
    assert_eq!(talk.methods(), ["mining.configure", "mining.subscribe"]);
    assert_eq!(talk.sent[0]["params"][1]["version-rolling.mask"], "1fffe000");
    assert_eq!(talk.sent[1]["params"], json!(["agent/1.0"]));
    talk.subscribe("08000002");
    assert_eq!(talk.sent[2]["params"], json!(["user.worker", "x"]));
    assert_eq!(talk.sent.len(), 3);
    talk.hear(&json!({"id":3,"result":true,"error":null}));
    assert_eq!(
        talk.methods()[2..],
        ["mining.authorize", "mining.suggest_difficulty", "mining.extranonce.subscribe"]
    );
    assert_eq!(talk.sent[3]["params"], json!([512]));
    assert_eq!(talk.authorized, [false]);
    // Refused wishes are none of anybody's business.
    talk.hear(&json!({"id":4,"result":null,"error":[20,"unknown method",null]}));
    talk.hear(&json!({"id":5,"result":false,"error":[20,"Not supported.",null]}));
    assert_eq!((talk.end, talk.said), (None, vec![]));
}

#[test]
fn a_configure_that_is_never_answered_holds_nothing_up() {
    let mut talk = Talk::new();
    talk.subscribe("08000002");
    talk.hear(&json!({"id":3,"result":true,"error":null}));
    talk.hear(&json!({"id":null,"method":"mining.set_difficulty","params":[EASY]}));
    talk.notify("a", 1, 1, true);
    assert_eq!(talk.job().terms.version_mask, VersionMask::NONE);
    let share = talk.shares(1).remove(0);
    talk.submit(&share);
    assert_eq!(talk.sent[0]["params"].as_array().map(Vec::len), Some(5), "no version bits");
}

#[test]
fn a_late_answer_to_configure_is_taken_at_once() {
    let mut talk = Talk::new();
    talk.subscribe("08000002");
    talk.hear(&json!({"id":3,"result":true,"error":null}));
    talk.notify("a", 1, 1, true);
    talk.wait(Duration::from_secs(30));
    talk.hear(
        &json!({"id":1,"result":{"version-rolling":true,"version-rolling.mask":"00003000"},"error":null}),
    );
    assert_eq!(talk.job().terms.version_mask, VersionMask::new(0x2000));
    assert_eq!((talk.jobs.len(), talk.job().job.is_clean()), (2, false));
    // A second answer is none.
    talk.hear(
        &json!({"id":1,"result":{"version-rolling":true,"version-rolling.mask":"1fffe000"},"error":null}),
    );
    assert_eq!(talk.jobs.len(), 2);
}

#[test]
fn refusals_of_version_rolling_in_all_their_forms() {
    for answer in [
        json!({"id":1,"result":{"version-rolling":false},"error":null}),
        json!({"id":1,"result":{"version-rolling":"not here"},"error":null}),
        json!({"id":1,"result":null,"error":[20,"Unknown method",null]}),
        json!({"id":1,"result":false,"error":null}),
        json!({"id":1,"error":"no"}),
    ] {
        let mut talk = Talk::new();
        talk.hear(&answer);
        talk.subscribe("01");
        talk.hear(&json!({"id":3,"result":true,"error":null}));
        talk.notify("a", 1, 1, true);
        assert_eq!((talk.job().terms.version_mask, &talk.end), (VersionMask::NONE, &None), "{answer}");
    }
}

#[test]
fn difficulty_and_job_may_come_before_the_answer_to_authorize() {
    let mut talk = Talk::new();
    talk.hear(&json!({"id":null,"method":"mining.set_difficulty","params":[EASY]}));
    talk.notify("a", 1, 1, true);
    talk.subscribe("08000002");
    assert!(talk.jobs.is_empty());
    talk.hear(&json!({"id":3,"result":true,"error":null}));
    let job = talk.job();
    assert_eq!((job.job.id(), job.terms.extranonce1.to_string().as_str()), ("a", "08000002"));
    assert_eq!(job.terms.share_target, super::easy());
}

#[test]
fn a_failed_login_ends_the_pool() {
    for (answer, reason) in [
        (json!({"id":3,"result":false,"error":null}), "no reason given"),
        (json!({"id":3,"result":null,"error":[24,"Unauthorized worker",null]}), "Unauthorized worker"),
        (json!({"id":3,"result":null,"error":null}), "no reason given"),
    ] {
        let mut talk = Talk::new();
        talk.subscribe("01");
        talk.hear(&answer);
        assert_eq!(talk.end, Some(End::Refused(reason.to_owned())));
    }
}

#[test]
fn a_login_taken_back_ends_the_pool() {
    let mut talk = Talk::open();
    talk.notify("a", 1, 1, true);
    talk.hear(&json!({"id":3,"result":false,"error":[24,"Banned",null]}));
    assert_eq!(talk.end, Some(End::Refused("Banned".to_owned())));
}

#[test]
fn a_share_refused_for_lack_of_a_login_asks_for_it_again_once() {
    let mut talk = Talk::open();
    talk.notify("a", 1, 1, true);
    let shares = talk.shares(3);
    let id = talk.submit(&shares[0]).unwrap();
    talk.hear(&json!({"id":id,"result":null,"error":[24,"Unauthorized worker",null]}));
    assert_eq!(talk.methods().last(), Some(&"mining.authorize"));
    assert_eq!(talk.submit(&shares[1]), None, "it waits for the login");
    talk.hear(&json!({"id":3,"result":true,"error":null}));
    assert_eq!(talk.methods(), ["mining.submit"], "and no wish is repeated");
    let id = talk.sent[0]["id"].clone();
    talk.hear(&json!({"id":id,"result":true,"error":null}));
    assert_eq!(talk.fates(), [Fate::Rejected("Unauthorized worker".into()), Fate::Accepted]);

    // Accepted in between: the next doubt is a new one.
    for end in [None, Some(End::Refused("code 24".to_owned()))] {
        let share = talk.shares(4).pop().unwrap();
        let other = talk.shares(5).pop().unwrap();
        let id = talk.submit(if end.is_none() { &share } else { &other }).unwrap();
        talk.hear(&json!({"id":id,"result":null,"error":[24,"",null]}));
        assert_eq!(talk.end, end);
        talk.hear(&json!({"id":3,"result":true,"error":null}));
    }
}

#[test]
fn not_subscribed_means_a_new_connection() {
    let mut talk = Talk::open();
    talk.notify("a", 1, 1, true);
    let share = talk.shares(1).remove(0);
    let id = talk.submit(&share).unwrap();
    talk.hear(&json!({"id":id,"result":null,"error":[25,"Not subscribed",null]}));
    assert!(matches!(talk.end, Some(End::Failed(_))));
}

#[test]
fn a_login_that_is_not_answered_is_given_up() {
    let mut talk = Talk::new();
    talk.wait(Duration::from_secs(14));
    assert_eq!(talk.end, None);
    talk.wait(Duration::from_secs(2));
    assert!(matches!(&talk.end, Some(End::Failed(why)) if why.contains("login")), "{:?}", talk.end);
}

#[test]
fn a_pool_that_gives_no_job_is_given_up_even_if_it_lives() {
    let mut talk = Talk::open();
    for _ in 0..8 {
        talk.wait(Duration::from_secs(11));
        talk.hear(&json!({"id":null,"method":"mining.set_difficulty","params":[1]}));
        assert_eq!(talk.end, None);
    }
    talk.wait(Duration::from_secs(11));
    assert!(matches!(&talk.end, Some(End::Failed(why)) if why.contains("job")), "{:?}", talk.end);
}

#[test]
fn the_session_is_resumed_by_its_id_and_known_by_its_extranonce() {
    for (next, resumed) in [("08000002", true), ("08000003", false)] {
        let mut talk = Talk::open();
        talk.notify("a", 1, 1, true);
        let shares = talk.shares(2);
        talk.submit(&shares[0]).unwrap();
        talk.reconnect();
        assert_eq!(talk.sent[1]["params"], json!(["agent/1.0", "S"]));
        talk.book.found(shares[1].clone(), "cpu".into());
        talk.welcome(next);
        assert_eq!(talk.authorized, [false, resumed]);
        let sent = talk.methods().iter().filter(|method| **method == "mining.submit").count();
        assert_eq!(sent, if resumed { 2 } else { 0 });
        assert_eq!(talk.fates().len(), if resumed { 0 } else { 2 });
        assert!(talk.book.ledger().columns().balance());
    }
}

#[test]
fn nothing_is_sent_again_before_the_login() {
    let mut talk = Talk::open();
    talk.notify("a", 1, 1, true);
    let share = talk.shares(1).remove(0);
    talk.submit(&share).unwrap();
    talk.reconnect();
    talk.subscribe("08000002");
    assert!(!talk.methods().contains(&"mining.submit"));
    talk.hear(&json!({"id":3,"result":true,"error":null}));
    assert!(talk.methods().contains(&"mining.submit"));
}

#[test]
fn a_resumed_session_goes_on_with_its_job_and_its_search() {
    let mut talk = Talk::open();
    talk.notify("a", 1, 1, true);
    talk.reconnect();
    talk.welcome("08000002");
    assert_eq!(talk.jobs.len(), 1, "the old job is not given out on its own");
    talk.notify("a", 1, 1, true);
    assert_eq!((talk.jobs.len(), talk.job().over, talk.job().job.is_clean()), (2, None, false));
}

#[test]
fn a_wish_to_resume_that_is_cut_off_again_and_again_is_left_out_once_in_a_while() {
    let mut talk = Talk::open();
    for attempt in 1..=16 {
        talk.reconnect();
        let resume = if attempt % 8 == 0 { json!(["agent/1.0"]) } else { json!(["agent/1.0", "S"]) };
        assert_eq!(talk.sent[1]["params"], resume, "{attempt}");
    }
}

#[test]
fn a_wish_to_resume_that_is_refused_is_dropped() {
    let mut talk = Talk::open();
    talk.reconnect();
    talk.hear(&json!({"id":2,"result":null,"error":[20,"too many parameters",null]}));
    assert!(matches!(talk.end, Some(End::Failed(_))));
    talk.end = None;
    talk.reconnect();
    assert_eq!(talk.sent[1]["params"], json!(["agent/1.0"]));
}

#[test]
fn an_extranonce_of_any_size_that_is_allowed_is_taken_and_others_are_refused() {
    for (size, fine) in [
        (json!(0), true),
        (json!(1), true),
        (json!(16), true),
        (json!(17), false),
        (json!(-1), false),
        (json!("x"), false),
    ] {
        let mut talk = Talk::new();
        talk.hear(&json!({"id":2,"result":[[["mining.notify","S"]],"01",size],"error":null}));
        assert_eq!(talk.end.is_none(), fine, "{size}");
    }
    let mut talk = Talk::new();
    talk.subscribe(&"00".repeat(33));
    assert!(talk.end.is_some());
}
