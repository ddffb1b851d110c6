//! A conversation with one session: a test plays the pool and the clock.

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
pub(super) struct Talk {
    pub(super) session: Session,
    pub(super) book: Book,
    pub(super) setup: Arc<Setup>,
    pub(super) now: Instant,
    pub(super) sent: Vec<Value>,
    pub(super) jobs: Vec<Issue>,
    pub(super) said: Vec<String>,
    pub(super) authorized: Vec<bool>,
    pub(super) end: Option<End>,
}

pub(super) fn setup() -> Setup {
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
    pub(super) fn new() -> Self {
        Self::with(setup())
    }

    pub(super) fn with(setup: Setup) -> Self {
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
    pub(super) fn open() -> Self {
        let mut talk = Self::new();
        talk.welcome("08000002");
        talk.sent.clear();
        talk
    }

    pub(super) fn welcome(&mut self, extranonce1: &str) {
        self.hear(
            &json!({"id":1,"result":{"version-rolling":true,"version-rolling.mask":"1fffe000"},"error":null}),
        );
        self.subscribe(extranonce1);
        self.hear(&json!({"id":3,"result":true,"error":null}));
        self.hear(&json!({"id":null,"method":"mining.set_difficulty","params":[EASY]}));
    }

    pub(super) fn subscribe(&mut self, extranonce1: &str) {
        let list = json!([["mining.set_difficulty", "S"], ["mining.notify", "S"]]);
        self.hear(&json!({"id":2,"result":[list, extranonce1, 4],"error":null}));
    }

    pub(super) fn hear(&mut self, line: &Value) {
        self.hear_line(&line.to_string());
    }

    pub(super) fn hear_line(&mut self, line: &str) {
        let frame = Frame::parse(line.as_bytes());
        if let Err(end) = self.session.receive(frame, self.now, &mut self.book) {
            self.end.get_or_insert(end);
        }
        self.advance();
    }

    /// Does what is due; when it wants to look again.
    pub(super) fn advance(&mut self) -> Instant {
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
    pub(super) fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while self.end.is_none() && self.now < until {
            let look = self.advance();
            assert!(look > self.now || self.end.is_some(), "a look that nothing comes of");
            self.now = look.min(until);
        }
        self.advance();
    }

    pub(super) fn notify(&mut self, id: &str, prevhash: u8, contents: u8, clean: bool) {
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

    pub(super) fn methods(&self) -> Vec<&str> {
        self.sent.iter().filter_map(|call| call["method"].as_str()).collect()
    }

    pub(super) fn job(&self) -> &Issue {
        self.jobs.last().expect("a job")
    }

    pub(super) fn shares(&self, count: usize) -> Vec<Share> {
        find(&self.job().job, self.job().terms, count)
    }

    /// Finds and sends a share; the id of its submit.
    pub(super) fn submit(&mut self, share: &Share) -> Option<Value> {
        self.sent.clear();
        self.book.found(share.clone(), "cpu".into());
        self.advance();
        self.sent.first().map(|call| call["id"].clone())
    }

    pub(super) fn fates(&mut self) -> Vec<Fate> {
        let fates = self.book.take_events().into_iter().filter_map(|event| match event {
            ClientEvent::Judged { fate, .. } => Some(fate),
            _ => None,
        });
        fates.collect()
    }

    /// Cuts the connection and begins the next one.
    pub(super) fn reconnect(&mut self) {
        let next = Session::new(self.setup.clone(), Memory::default(), self.now);
        let mut old = std::mem::replace(&mut self.session, next);
        old.cut("cut".into());
        self.book.disconnected(0);
        self.session = Session::new(self.setup.clone(), old.into_memory(), self.now);
        self.sent.clear();
        self.advance();
    }
}
