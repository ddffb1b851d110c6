//! One session with a pool, as a state machine without I/O: frames and the time in; frames, news and the time of
//! the next look out.
//!
//! ```text
//! → configure, subscribe   ← answers, in any order or never   → authorize   ← true   → wishes   ⇄ jobs and shares
//! ```

use std::sync::Arc;
use std::time::Duration;

use miner_core::{Extranonce, VersionMask, target};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::time::Instant;

use super::issued::PoolId;
use super::jobs::{Issue, Jobs};
use super::pace::Pace;
use super::redirect::{self, Destination};
use super::shares::{Book, NOT_RESUMED};
use super::verdict;
use crate::connect::PoolUrl;
use crate::message::{
    Call, ClientCall, Configure, Configured, Frame, FrameError, Id, MessageError, PoolCall, Redirect,
    Rejection, Reply, Submit, Subscribe, Subscribed,
};

/// How long subscribing and authorizing may take.
const HANDSHAKE: Duration = Duration::from_secs(15);
/// How many lines without meaning a pool may send between two that have one.
const MAX_MALFORMED: u32 = 10;
/// The time between two shares under a flood of them, and how many may go at once before.
const SUBMITS: (Duration, u32) = (Duration::from_millis(2), 500);
/// The same for a pool's messages to the user.
const NOTICES: (Duration, u32) = (Duration::from_secs(10), 10);
/// Attempts to resume that may be cut short before the session is given up: some pools cannot stand the wish.
const MAX_SNUBS: u32 = 3;
/// How many bits that can be rolled are worth asking for.
const MIN_BIT_COUNT: u8 = 2;

// The ids of calls. A share's is its number above `SHARES`.
const CONFIGURE: u64 = 1;
const SUBSCRIBE: u64 = 2;
const AUTHORIZE: u64 = 3;
const SUGGEST: u64 = 4;
const EXTRANONCE: u64 = 5;
const PING: u64 = 6;
const SHARES: u64 = 100;

/// Who talks to which pool, and what it wants there.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    pub(super) pool: PoolId,
    /// The pool as the user named it.
    pub(super) url: PoolUrl,
    pub(super) user: String,
    pub(super) password: SecretString,
    pub(super) agent: String,
    pub(super) version_mask: VersionMask,
    pub(super) suggest_difficulty: Option<f64>,
    pub(super) extranonce_subscribe: bool,
    pub(super) follow_reconnect: bool,
    pub(super) silence: Duration,
}

/// What outlives a connection, so that the next one can go on with its session.
#[derive(Debug, Default)]
pub(super) struct Memory {
    session_id: Option<String>,
    extranonce: Option<(Extranonce, u8)>,
    current: Option<Issue>,
    redirected: Option<Instant>,
    /// Connections in a row that the pool cut before it answered to the wish to resume.
    snubs: u32,
}

/// What a session has to tell.
#[derive(Debug)]
pub(super) enum News {
    /// The worker was taken.
    Authorized { resumed: bool },
    /// A job to search.
    Job(Issue),
    /// For the user.
    Notice(String),
    /// For the user.
    Trouble(String),
}

/// Why a connection ends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum End {
    /// It cannot go on, or was cut.
    #[error("{0}")]
    Failed(String),
    /// The pool does not take the worker.
    #[error("the pool refused the worker: {0}")]
    Refused(String),
    /// The pool asked for it, within the policy.
    #[error("the pool asked to connect to {}:{}", .0.host, .0.port)]
    Redirected(Destination),
    /// Nobody needs it any more.
    #[error("no longer needed")]
    Unneeded,
}

/// The state of a session.
#[derive(Debug)]
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
            login_due: Some(now + HANDSHAKE),
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

    /// Nothing waits for the answer to configure: there are pools that never give one.
    fn open(&mut self) {
        let setup = self.setup.clone();
        if setup.version_mask != VersionMask::NONE || setup.suggest_difficulty.is_some() {
            let rolls = setup.version_mask != VersionMask::NONE;
            self.call(
                CONFIGURE,
                &ClientCall::Configure(Configure {
                    version_rolling: rolls.then_some((setup.version_mask, MIN_BIT_COUNT)),
                    minimum_difficulty: setup.suggest_difficulty,
                    subscribe_extranonce: setup.extranonce_subscribe,
                }),
            );
        }
        if self.memory.snubs >= MAX_SNUBS {
            self.memory.session_id = None;
        }
        let session_id = self.memory.session_id.clone();
        self.call(SUBSCRIBE, &ClientCall::Subscribe(Subscribe { agent: setup.agent.clone(), session_id }));
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
        Err(End::Failed(format!("{MAX_MALFORMED} lines in a row made no sense, the last: {what}")))
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

    fn on_configured(&mut self, outcome: &Result<Value, Rejection>) -> Result<(), End> {
        let configured = match outcome {
            Ok(result) => Configured::parse(result),
            Err(_) => Ok(Configured::default()),
        };
        match configured {
            Ok(configured) => {
                if let Some(mask) = configured.version_rolling {
                    self.jobs.set_mask(mask);
                }
                self.configured = Some(configured);
                Ok(())
            }
            Err(error) => self.malformed(&error.to_string()),
        }
    }

    fn on_subscribed(
        &mut self,
        outcome: &Result<Value, Rejection>,
        now: Instant,
        book: &mut Book,
    ) -> Result<(), End> {
        let session_id = self.memory.session_id.take();
        let refused = |why: &str| End::Failed(format!("the pool refused to subscribe: {why}"));
        let subscribed = match outcome {
            Ok(result) => Subscribed::parse(result).map_err(|error| refused(&error.to_string()))?,
            Err(rejection) => return Err(refused(&verdict::reason(rejection))),
        };
        let extranonce = (subscribed.extranonce1, subscribed.extranonce2_size);
        let resumed = self.memory.extranonce == Some(extranonce);
        if resumed {
            book.resumed(self.setup.pool, extranonce);
        } else {
            book.forget(self.setup.pool, NOT_RESUMED);
        }
        self.memory.session_id = subscribed.session_id.or(session_id.filter(|_| resumed));
        self.memory.snubs = 0;
        self.jobs.subscribed(extranonce, self.memory.current.take().filter(|_| resumed));
        self.subscribed = Some(resumed);
        self.authorize(now);
        Ok(())
    }

    fn authorize(&mut self, now: Instant) {
        self.login_due = Some(now + HANDSHAKE);
        let password = self.setup.password.expose_secret().to_owned();
        let call = ClientCall::Authorize { worker: self.setup.user.clone(), password };
        self.call(AUTHORIZE, &call);
    }

    /// Also long after the first answer: a pool that takes its word back says so like this.
    fn on_authorized(&mut self, outcome: &Result<Value, Rejection>, now: Instant) -> Result<(), End> {
        match outcome {
            Ok(Value::Bool(true)) => self.welcome(now),
            Ok(_) => return Err(End::Refused("no reason given".to_owned())),
            Err(rejection) => return Err(End::Refused(verdict::reason(rejection))),
        }
        Ok(())
    }

    fn welcome(&mut self, now: Instant) {
        let Some(resumed) = self.subscribed else { return };
        (self.authorized, self.login_due) = (true, None);
        if std::mem::replace(&mut self.up, true) {
            return;
        }
        self.job_due = Some(now + self.setup.silence);
        self.news.push(News::Authorized { resumed });
        if let Some(difficulty) = self.setup.suggest_difficulty {
            self.call(SUGGEST, &ClientCall::SuggestDifficulty(difficulty));
        }
        let granted = self.configured.as_ref().is_some_and(|configured| configured.subscribe_extranonce);
        if self.setup.extranonce_subscribe && !granted {
            self.call(EXTRANONCE, &ClientCall::ExtranonceSubscribe);
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

    /// A share was refused for lack of an authorization: it is asked for again, once.
    fn doubt(&mut self, rejection: &Rejection, now: Instant) -> Result<(), End> {
        if self.authorized {
            if std::mem::replace(&mut self.doubted, true) {
                return Err(End::Refused(verdict::reason(rejection)));
            }
            self.authorized = false;
            self.authorize(now);
        }
        Ok(())
    }

    /// All that is due: a job, shares, a ping, an end. Returns when to look again.
    pub(super) fn advance(&mut self, now: Instant, book: &mut Book) -> Result<Instant, End> {
        self.check_deadlines(now, book)?;
        if self.up {
            self.pass_on_job(now, book);
        }
        if self.authorized {
            self.send_shares(now, book);
        }
        Ok(self.next_look(now, book))
    }

    fn check_deadlines(&mut self, now: Instant, book: &mut Book) -> Result<(), End> {
        let silence = self.setup.silence;
        if let Some(destination) = self.redirect.take_if(|destination| destination.at <= now) {
            return Err(End::Redirected(destination));
        }
        if now >= self.heard + silence {
            return Err(End::Failed(format!("silent for {} s", silence.as_secs())));
        }
        for (due, what) in [(self.login_due, "answer to the login"), (self.job_due, "job")] {
            if due.is_some_and(|due| now >= due) {
                return Err(End::Failed(format!("the pool gave no {what} in time")));
            }
        }
        if now >= self.heard + silence / 2 && !std::mem::replace(&mut self.pinged, true) {
            self.call(PING, &ClientCall::Ping);
        }
        if let Some(since) = now.checked_sub(self.patience()) {
            book.give_up_unanswered(self.setup.pool, since);
        }
        Ok(())
    }

    /// How long an answer to a share is waited for while the pool is otherwise alive.
    fn patience(&self) -> Duration {
        self.setup.silence * 2
    }

    fn pass_on_job(&mut self, now: Instant, book: &mut Book) {
        if let Some(issue) = self.jobs.take(now) {
            self.job_due = None;
            book.issue(self.setup.pool, &issue.job, issue.terms, issue.over);
            self.news.push(News::Job(issue));
        }
    }

    fn send_shares(&mut self, now: Instant, book: &mut Book) {
        while book.has_next(self.setup.pool) && self.submits.take(now) {
            let Some((serial, share)) = book.send_next(self.setup.pool, now) else { return };
            let submit = ClientCall::Submit(Submit::of(share, &self.setup.user));
            self.call(SHARES + serial, &submit);
        }
    }

    fn next_look(&self, now: Instant, book: &Book) -> Instant {
        let silence = self.setup.silence;
        let ping = self.heard + if self.pinged { silence } else { silence / 2 };
        let deadlines = [
            Some(ping),
            self.login_due,
            self.job_due,
            self.redirect.as_ref().map(|destination| destination.at),
            self.jobs.ready_at(now).filter(|_| self.up),
            (self.authorized && book.has_next(self.setup.pool)).then(|| self.submits.ready_at(now)),
            book.unanswered_since(self.setup.pool).map(|since| since + self.patience()),
        ];
        deadlines.into_iter().flatten().fold(ping, Instant::min)
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
