//! One session with a pool, as a state machine without I/O: frames and the time in; frames, news and the time of
//! the next look out.
//!
//! ```text
//! → configure, subscribe   ← answers, in any order or never   → authorize   ← true   → wishes   ⇄ jobs and shares
//! ```

mod due;
mod login;
mod setup;

use std::sync::Arc;
use std::time::Duration;

use miner_core::target;
use serde_json::Value;
use tokio::time::Instant;

pub(super) use setup::{End, Memory, News, Setup};

use super::jobs::Jobs;
use super::pace::Pace;
use super::redirect::{self, Destination};
use super::shares::Book;
use super::verdict;
use crate::message::{
    Call, ClientCall, Configured, Frame, FrameError, Id, MessageError, PoolCall, Redirect, Rejection, Reply,
};

/// How many lines without meaning a pool may send between two jobs.
const MAX_MALFORMED: u32 = 10;
/// The time between two shares under a flood of them, and how many may go at once before.
const SUBMITS: (Duration, u32) = (Duration::from_millis(2), 500);
/// The same for a pool's messages to the user.
const NOTICES: (Duration, u32) = (Duration::from_secs(10), 10);

// The ids of calls. A share's is its number above `SHARES`.
const CONFIGURE: u64 = 1;
const SUBSCRIBE: u64 = 2;
const AUTHORIZE: u64 = 3;
const SUGGEST: u64 = 4;
const EXTRANONCE: u64 = 5;
const PING: u64 = 6;
const SHARES: u64 = 100;

/// The state of a session. Without `Debug`: its frames hold the password.
pub(super) struct Session {
    setup: Arc<Setup>,
    jobs: Jobs,
    memory: Memory,
    configured: Option<Configured>,
    /// Whether it is, and if so, whether an earlier session goes on.
    subscribed: Option<bool>,
    authorized: bool,
    /// Whether the authorization was asked for again, because a share was refused for the lack of it.
    doubted: bool,
    /// Until when the login must be answered, if it is not.
    login_due: Option<Instant>,
    /// Until when a first job must come, once logged in.
    job_due: Option<Instant>,
    /// Whether the pool ever took the worker on this connection.
    up: bool,
    heard: Instant,
    pinged: bool,
    malformed: u32,
    redirect: Option<Destination>,
    submits: Pace,
    notices: Pace,
    /// To be sent.
    pub(super) frames: Vec<Frame>,
    /// To be told.
    pub(super) news: Vec<News>,
}

impl Session {
    /// A session on a new connection; its first frames are ready to be sent.
    pub(super) fn new(setup: Arc<Setup>, memory: Memory, now: Instant) -> Self {
        let mut session = Self {
            jobs: Jobs::new(setup.version_mask),
            setup,
            memory,
            configured: None,
            subscribed: None,
            authorized: false,
            doubted: false,
            login_due: Some(now + login::PATIENCE),
            job_due: None,
            up: false,
            heard: now,
            pinged: false,
            malformed: 0,
            redirect: None,
            submits: Pace::new(SUBMITS.0, SUBMITS.1),
            notices: Pace::new(NOTICES.0, NOTICES.1),
            frames: Vec::new(),
            news: Vec::new(),
        };
        session.open();
        session
    }

    /// The pool closed the connection, or something between broke it.
    pub(super) fn cut(&mut self, why: String) -> End {
        if self.subscribed.is_none() {
            self.memory.snubs += 1;
        }
        self.redirect.take().map_or(End::Failed(why), End::Redirected)
    }

    /// What the next connection needs to go on.
    pub(super) fn into_memory(self) -> Memory {
        let mut memory = self.memory;
        if self.subscribed.is_some() {
            memory.extranonce = self.jobs.extranonce();
            memory.current = self.jobs.current().cloned();
        }
        memory
    }

    /// A line arrived.
    pub(super) fn receive(
        &mut self,
        line: Result<Frame, FrameError>,
        now: Instant,
        book: &mut Book,
    ) -> Result<(), End> {
        (self.heard, self.pinged) = (now, false);
        match line {
            Ok(Frame::Call(call)) => self.called(&call, now),
            Ok(Frame::Reply(reply)) => self.answered(&reply, now, book),
            Err(error) => self.malformed(&error.to_string()),
        }
    }

    /// Counts what makes no sense; too much of it in a row ends the connection.
    fn malformed(&mut self, what: &str) -> Result<(), End> {
        self.malformed += 1;
        if self.malformed == 1 {
            self.news.push(News::Trouble(format!("ignored: {what}")));
        }
        if self.malformed < MAX_MALFORMED {
            return Ok(());
        }
        Err(End::Failed(format!("{MAX_MALFORMED} lines made no sense since the last job: {what}")))
    }

    fn called(&mut self, call: &Call, now: Instant) -> Result<(), End> {
        match PoolCall::parse(call) {
            Ok(PoolCall::Notify(notify)) => match self.jobs.notify(&notify) {
                Ok(()) => self.malformed = 0,
                Err(error) => return self.malformed(&format!("a job: {error}")),
            },
            Ok(PoolCall::SetDifficulty(difficulty)) => self.set_difficulty(difficulty),
            Ok(PoolCall::SetExtranonce { extranonce1, extranonce2_size }) => {
                self.jobs.set_extranonce((extranonce1, extranonce2_size));
            }
            Ok(PoolCall::SetVersionMask(mask)) => self.jobs.set_mask(mask),
            Ok(PoolCall::Reconnect(wish)) => self.asked_to_leave(&wish, now),
            Ok(PoolCall::ShowMessage(text)) => self.notice(text, now),
            Ok(PoolCall::GetVersion) => self.reply(call, Ok(self.setup.agent.as_str().into())),
            Ok(PoolCall::Ping) => self.reply(call, Ok("pong".into())),
            Err(MessageError::UnknownMethod(method)) => {
                let message = format!("unknown method {method}");
                self.reply(call, Err(Rejection { code: Some(20), message }));
            }
            Err(error) => return self.malformed(&error.to_string()),
        }
        Ok(())
    }

    fn set_difficulty(&mut self, difficulty: f64) {
        if let Ok(target) = target::from_difficulty(difficulty) {
            self.jobs.set_target(target);
        }
    }

    fn asked_to_leave(&mut self, wish: &Redirect, now: Instant) {
        if !self.setup.follow_reconnect {
            return self.notice("the pool's wish to reconnect is ignored, as configured".to_owned(), now);
        }
        match redirect::judge(&self.setup.url, wish, self.memory.redirected, now) {
            Ok(destination) => {
                self.memory.redirected = Some(now);
                self.redirect = Some(destination);
            }
            Err(refusal) => self.notice(format!("the pool's wish to reconnect is ignored: {refusal}"), now),
        }
    }

    fn notice(&mut self, text: String, now: Instant) {
        if self.notices.take(now) {
            self.news.push(News::Notice(text));
        }
    }

    fn answered(&mut self, reply: &Reply, now: Instant, book: &mut Book) -> Result<(), End> {
        match reply.id.number() {
            Some(CONFIGURE) if self.configured.is_none() => self.on_configured(&reply.outcome),
            Some(SUBSCRIBE) if self.subscribed.is_none() => self.on_subscribed(&reply.outcome, now, book),
            Some(AUTHORIZE) => self.on_authorized(&reply.outcome, now),
            Some(id @ SHARES..) => self.on_judged(id - SHARES, &reply.outcome, now, book),
            _ => Ok(()),
        }
    }

    fn on_judged(
        &mut self,
        serial: u64,
        outcome: &Result<Value, Rejection>,
        now: Instant,
        book: &mut Book,
    ) -> Result<(), End> {
        if !book.answered(self.setup.pool, serial, outcome, now) {
            return Ok(());
        }
        self.malformed = 0;
        match outcome {
            Err(rejection) if verdict::is_unsubscribed(rejection) => {
                Err(End::Failed("the pool does not know the session any more".to_owned()))
            }
            Err(rejection) if verdict::is_unauthorized(rejection) => self.doubt(rejection, now),
            outcome => {
                self.doubted &= outcome.is_err();
                Ok(())
            }
        }
    }

    fn call(&mut self, id: u64, call: &ClientCall) {
        self.frames.push(Frame::Call(call.to_call(id.into())));
    }

    /// A notification gets no answer.
    fn reply(&mut self, call: &Call, outcome: Result<Value, Rejection>) {
        if call.id != Id::NULL {
            self.frames.push(Frame::Reply(Reply { id: call.id.clone(), outcome }));
        }
    }
}
