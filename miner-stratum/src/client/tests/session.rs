//! A session under way: what pools say, and what becomes of shares.

use std::time::Duration;

use serde_json::json;

use super::super::session::{End, Setup};
use super::talk::{Talk, setup};
use crate::ledger::Fate;
use crate::message::Frame;

#[test]
fn silence_is_asked_about_once_and_then_is_death() {
    let mut talk = Talk::open();
    talk.notify("a", 1, 1, true);
    talk.wait(Duration::from_secs(44));
    assert_eq!(talk.methods(), Vec::<&str>::new());
    talk.wait(Duration::from_secs(40));
    assert_eq!(talk.methods(), ["mining.ping"]);
    // Any answer is a sign of life, a refusal too.
    talk.hear(&json!({"id":6,"result":null,"error":[20,"unknown method",null]}));
    talk.wait(Duration::from_secs(89));
    assert_eq!((talk.methods().len(), &talk.end), (2, &None));
    talk.wait(Duration::from_secs(1));
    assert!(matches!(&talk.end, Some(End::Failed(why)) if why == "silent for 90 s"), "{:?}", talk.end);
}

#[test]
fn calls_of_the_pool_are_answered_and_notifications_are_not() {
    let mut talk = Talk::open();
    talk.hear(&json!({"id":7,"method":"client.get_version","params":[]}));
    talk.hear(&json!({"id":"x","method":"mining.ping"}));
    talk.hear(&json!({"id":8,"method":"mining.set_goal","params":["faster"]}));
    talk.hear(&json!({"id":null,"method":"mining.set_goal","params":["faster"]}));
    talk.hear(&json!({"method":"client.get_version"}));
    assert_eq!(talk.sent[0], json!({"id":7,"result":"agent/1.0","error":null}));
    assert_eq!(talk.sent[1], json!({"id":"x","result":"pong","error":null}));
    assert_eq!(
        talk.sent[2],
        json!({"id":8,"result":null,"error":[20,"unknown method mining.set_goal",null]})
    );
    assert_eq!((talk.sent.len(), talk.end), (3, None));
}

#[test]
fn messages_to_the_user_are_passed_on_unless_they_flood() {
    let mut talk = Talk::open();
    for _ in 0..1000 {
        talk.hear(&json!({"id":null,"method":"client.show_message","params":["mind the\u{1b}[31m gap"]}));
    }
    assert_eq!(talk.said.len(), 10);
    assert!(talk.said[0].starts_with("mind the") && !talk.said[0].contains('\u{1b}'));
}

#[test]
fn difficulties_that_are_none_leave_the_old_one() {
    for difficulty in ["0", "-1", "\"512\"", "null", "[]", "1e400", "NaN"] {
        let mut talk = Talk::open();
        talk.hear_line(&format!(r#"{{"id":null,"method":"mining.set_difficulty","params":[{difficulty}]}}"#));
        talk.notify("a", 1, 1, true);
        assert_eq!((talk.job().terms.share_target, &talk.end), (super::easy(), &None), "{difficulty}");
    }
}

#[test]
fn bad_jobs_are_refused_one_by_one_and_many_in_a_row_end_the_connection() {
    let mut talk = Talk::open();
    for round in 0..3 {
        for _ in 0..9 {
            talk.hear(&json!({"id":null,"method":"mining.notify","params":["a","zz"]}));
        }
        talk.notify(&round.to_string(), 1, round, false);
        assert_eq!((talk.job().job.id(), &talk.end), (round.to_string().as_str(), &None));
        talk.now += Duration::from_secs(1);
    }
    for _ in 0..9 {
        talk.hear_line("{\"id\":1,");
        talk.hear(&json!({"id":null,"method":"mining.set_difficulty","params":[1]}));
    }
    assert_eq!(talk.end, None);
    talk.hear_line("soup");
    assert!(matches!(talk.end, Some(End::Failed(_))));
    assert_eq!(talk.said.len(), 4, "said once a row: {:?}", talk.said);
}

#[test]
fn replies_to_nothing_are_ignored() {
    let mut talk = Talk::open();
    talk.notify("a", 1, 1, true);
    for id in [
        json!(null),
        json!(99),
        json!(100),
        json!(u64::MAX),
        json!(-1),
        json!("x"),
        json!(1.5),
        json!([1]),
        json!(2),
    ] {
        talk.hear(&json!({"id":id,"result":true,"error":null}));
        talk.hear(&json!({"id":id,"result":[[], "ffff", 2],"error":null}));
    }
    assert_eq!((talk.jobs.len(), &talk.end), (1, &None));
    let share = talk.shares(1).remove(0);
    let id = talk.submit(&share).unwrap();
    talk.hear(&json!({"id":id.to_string(),"result":true}));
    talk.hear(&json!({"id":id,"result":false}));
    assert_eq!(talk.fates(), [Fate::Accepted], "an id may come back as a string, and only once");
}

#[test]
fn a_share_has_all_that_the_pool_wants_to_see() {
    let mut talk = Talk::open();
    talk.notify("job with spaces", 1, 1, true);
    let share = talk.shares(1).remove(0);
    talk.submit(&share).unwrap();
    let solution = share.solution();
    let word = |word: u32| format!("{word:08x}");
    let params = json!([
        "user.worker",
        "job with spaces",
        solution.extranonce2.to_string(),
        word(solution.time),
        word(solution.nonce),
        word(share.version_bits())
    ]);
    assert_eq!((&talk.sent[0]["method"], &talk.sent[0]["params"]), (&json!("mining.submit"), &params));
}

#[test]
fn a_redirect_within_the_policy_waits_while_mining_goes_on() {
    let mut talk = Talk::open();
    talk.notify("a", 1, 1, true);
    talk.hear(&json!({"id":null,"method":"client.reconnect","params":["eu.example.com","3334",5]}));
    talk.wait(Duration::from_secs(4));
    assert_eq!(talk.end, None);
    talk.wait(Duration::from_secs(1));
    let Some(End::Redirected(destination)) = &talk.end else { panic!("{:?}", talk.end) };
    assert_eq!((destination.host.as_str(), destination.port), ("eu.example.com", 3334));
}

#[test]
fn a_pool_that_redirects_and_hangs_up_is_followed_too() {
    let mut talk = Talk::open();
    talk.hear(&json!({"id":null,"method":"client.reconnect","params":["pool.example.com",3335,9]}));
    let end = talk.session.cut("closed".into());
    assert!(
        matches!(end, End::Redirected(destination) if destination.at == talk.now + Duration::from_secs(9))
    );
}

#[test]
fn redirects_elsewhere_too_often_or_against_the_options_are_ignored_and_said() {
    let mut talk = Talk::open();
    for params in [json!(["evil.org", 3333, 0]), json!(["198.51.100.7", 3333, 0])] {
        talk.hear(&json!({"id":null,"method":"client.reconnect","params":params}));
    }
    assert_eq!((talk.said.len(), &talk.end), (2, &None));
    talk.hear(&json!({"id":null,"method":"client.reconnect","params":[]}));
    assert!(matches!(talk.end.take(), Some(End::Redirected(_))));
    talk.reconnect();
    talk.hear(&json!({"id":null,"method":"client.reconnect","params":[]}));
    assert_eq!((talk.said.len(), &talk.end), (3, &None), "the last one was less than a minute ago");

    let mut talk = Talk::with(Setup { follow_reconnect: false, ..setup() });
    talk.hear(&json!({"id":null,"method":"client.reconnect","params":[]}));
    assert_eq!((talk.said.len(), &talk.end), (1, &None));
}

#[test]
fn a_flood_of_shares_is_paced() {
    let mut talk = Talk::open();
    talk.notify("a", 1, 1, true);
    for share in talk.shares(900) {
        talk.book.found(share, "cpu".into());
    }
    talk.sent.clear();
    talk.advance();
    assert_eq!(talk.sent.len(), 500);
    let answers: Vec<_> = talk.sent.drain(..).map(|call| call["id"].clone()).collect();
    for id in answers {
        let frame = Frame::parse(json!({"id":id,"result":true}).to_string().as_bytes());
        talk.session.receive(frame, talk.now, &mut talk.book).unwrap();
    }
    talk.wait(Duration::from_millis(100));
    assert_eq!(talk.sent.len(), 50);
    talk.wait(Duration::from_secs(1));
    assert_eq!(talk.sent.len(), 400);
}

#[test]
fn an_answer_that_never_comes_is_given_up_while_the_pool_lives() {
    for (silence, patience) in [(90, 180), (20, 60)] {
        let mut talk = Talk::with(Setup { silence: Duration::from_secs(silence), ..setup() });
        talk.welcome("01");
        talk.notify("a", 1, 1, true);
        let share = talk.shares(1).remove(0);
        talk.submit(&share).unwrap();
        for second in 1..=patience / 10 {
            talk.wait(Duration::from_secs(10) - Duration::from_millis(1));
            assert_eq!(talk.fates(), [], "{second}");
            talk.notify("n", 1, second as u8, false);
        }
        talk.wait(Duration::from_secs(1));
        assert_eq!(talk.fates(), [Fate::Lost("no answer".into())]);
        assert_eq!(talk.end, None);
    }
}
