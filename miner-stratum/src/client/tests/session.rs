//! One session against every habit of pools that is on record.

use std::sync::Arc;
use std::time::Duration;

use miner_core::{Share, VersionMask};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::event::ClientEvent;
use super::super::jobs::Issue;
use super::super::session::{End, Memory, News, Session, Setup};
use super::super::shares::Book;
use super::share::{EASY, find};
use crate::ledger::Fate;
use crate::message::Frame;

/// A session, what it said, and the clock.
struct Talk {
    session: Session,
    book: Book,
    setup: Arc<Setup>,
    now: Instant,
    sent: Vec<Value>,
    jobs: Vec<Issue>,
    said: Vec<String>,
    authorized: Vec<bool>,
    end: Option<End>,
}

fn setup() -> Setup {
    Setup {
        pool: 0,
        url: "stratum+tcp://pool.example.com:3333".parse().unwrap(),
        user: "user.worker".into(),
        password: "x".into(),
        agent: "agent/1.0".into(),
        version_mask: VersionMask::BIP320,
        suggest_difficulty: None,
        extranonce_subscribe: false,
        follow_reconnect: true,
        silence: Duration::from_secs(90),
    }
}

impl Talk {
    fn new() -> Self {
        Self::with(setup())
    }

    fn with(setup: Setup) -> Self {
        let (setup, now) = (Arc::new(setup), Instant::now());
        let session = Session::new(setup.clone(), Memory::default(), now);
        let mut talk = Self {
            session,
            book: Book::default(),
            setup,
            now,
            sent: Vec::new(),
            jobs: Vec::new(),
            said: Vec::new(),
            authorized: Vec::new(),
            end: None,
        };
        talk.advance();
        talk
    }

    /// A session in which everything is said but a job.
    fn open() -> Self {
        let mut talk = Self::new();
        talk.welcome("08000002");
        talk.sent.clear();
        talk
    }

    fn welcome(&mut self, extranonce1: &str) {
        self.hear(
            &json!({"id":1,"result":{"version-rolling":true,"version-rolling.mask":"1fffe000"},"error":null}),
        );
        self.subscribe(extranonce1);
        self.hear(&json!({"id":3,"result":true,"error":null}));
        self.hear(&json!({"id":null,"method":"mining.set_difficulty","params":[EASY]}));
    }

    fn subscribe(&mut self, extranonce1: &str) {
        let list = json!([["mining.set_difficulty", "S"], ["mining.notify", "S"]]);
        self.hear(&json!({"id":2,"result":[list, extranonce1, 4],"error":null}));
    }

    fn hear(&mut self, line: &Value) {
        self.hear_line(&line.to_string());
    }

    fn hear_line(&mut self, line: &str) {
        let frame = Frame::parse(line.as_bytes());
        if let Err(end) = self.session.receive(frame, self.now, &mut self.book) {
            self.end.get_or_insert(end);
        }
        self.advance();
    }

    /// Does what is due; when it wants to look again.
    fn advance(&mut self) -> Instant {
        let look = self.session.advance(self.now, &mut self.book).unwrap_or_else(|end| {
            self.end.get_or_insert(end);
            self.now
        });
        let lines = self.session.frames.drain(..).map(|frame| frame.to_line());
        self.sent.extend(lines.map(|line| serde_json::from_str::<Value>(&line).unwrap()));
        for news in self.session.news.drain(..) {
            match news {
                News::Authorized { resumed } => self.authorized.push(resumed),
                News::Job(issue) => self.jobs.push(issue),
                News::Notice(text) | News::Trouble(text) => self.said.push(text),
            }
        }
        look
    }

    /// Lets time pass, looking whenever the session wants to.
    fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while self.end.is_none() && self.now < until {
            let look = self.advance();
            assert!(look > self.now || self.end.is_some(), "a look that nothing comes of");
            self.now = look.min(until);
        }
        self.advance();
    }

    fn notify(&mut self, id: &str, prevhash: u8, contents: u8, clean: bool) {
        let prevhash = format!("{prevhash:02x}").repeat(32);
        let params = json!([
            id,
            prevhash,
            format!("{contents:02x}"),
            "02",
            [],
            "20000000",
            "1d00ffff",
            "665f2d4c",
            clean
        ]);
        self.hear(&json!({"id":null,"method":"mining.notify","params":params}));
    }

    fn methods(&self) -> Vec<&str> {
        self.sent.iter().filter_map(|call| call["method"].as_str()).collect()
    }

    fn job(&self) -> &Issue {
        self.jobs.last().expect("a job")
    }

    fn shares(&self, count: usize) -> Vec<Share> {
        find(&self.job().job, self.job().terms, count)
    }

    /// Finds and sends a share; the id of its submit.
    fn submit(&mut self, share: &Share) -> Option<Value> {
        self.sent.clear();
        self.book.found(share.clone(), "cpu".into());
        self.advance();
        self.sent.first().map(|call| call["id"].clone())
    }

    fn fates(&mut self) -> Vec<Fate> {
        let fates = self.book.take_events().into_iter().filter_map(|event| match event {
            ClientEvent::Judged { fate, .. } => Some(fate),
            _ => None,
        });
        fates.collect()
    }

    /// Cuts the connection and begins the next one.
    fn reconnect(&mut self) {
        let next = Session::new(self.setup.clone(), Memory::default(), self.now);
        let mut old = std::mem::replace(&mut self.session, next);
        old.cut("cut".into());
        self.book.disconnected(0);
        self.session = Session::new(self.setup.clone(), old.into_memory(), self.now);
        self.sent.clear();
        self.advance();
    }
}

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
    talk.hear(&json!({"id":null,"method":"client.reconnect","params":[]}));
    talk.end = None;
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
    let mut talk = Talk::open();
    talk.notify("a", 1, 1, true);
    let share = talk.shares(1).remove(0);
    talk.submit(&share).unwrap();
    for second in 0..18u8 {
        talk.wait(Duration::from_secs(10) - Duration::from_millis(1));
        assert_eq!(talk.fates(), [], "{second}");
        talk.notify("n", 1, second, false);
    }
    talk.wait(Duration::from_secs(1));
    assert_eq!(talk.fates(), [Fate::Lost("no answer".into())]);
    assert_eq!(talk.end, None);
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
