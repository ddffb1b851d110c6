//! What is due at a time: deadlines, the next job, the next shares.

use std::time::Duration;

use tokio::time::Instant;

use super::{End, News, PING, SHARES, Session};
use crate::client::shares::Book;
use crate::message::{ClientCall, Submit};

/// The shortest time that an answer to a share is waited for, however impatient the user is about silence.
const ANSWER: Duration = Duration::from_secs(60);

impl Session {
    /// All that is due: a job, shares, a ping, an end. Returns when to look again.
    pub(in crate::client) fn advance(&mut self, now: Instant, book: &mut Book) -> Result<Instant, End> {
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
        (self.setup.silence * 2).max(ANSWER)
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
}
