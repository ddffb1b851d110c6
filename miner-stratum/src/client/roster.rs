//! Which pool to try, to use and to leave, and when: the policy, without I/O.
//!
//! One pool is current. When it is lost it gets a moment to come back; then the others are tried in order, each with a
//! head start before the next. A better pool than the current one is tried again and again, and its connection kept:
//! once it has been up for long enough, it becomes the current one.

use std::time::Duration;

use tokio::time::Instant;

use super::backoff::Backoff;
use super::issued::PoolId;

/// The head start of a pool before the next one is tried too.
const HEAD_START: Duration = Duration::from_secs(2);
/// How long the last job of a lost pool is searched: its session may go on.
const GRACE: Duration = Duration::from_secs(10);
/// How long a connection stays after a switch to a better pool, for the shares that are still to come.
const LINGER: Duration = Duration::from_secs(10);
/// The pause before a pool that suddenly refuses its worker is tried again.
const REFUSED: Duration = Duration::from_secs(60);

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Open a connection.
    Dial(PoolId),
    /// End a connection.
    Close(PoolId),
    /// Use the jobs of this pool.
    Switch(PoolId),
    /// Stop searching.
    Idle,
    /// End the client: no pool takes the worker.
    AllRefused,
    /// End the client: all retries are used up.
    OutOfRetries,
}

/// How a connection ended, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Failed,
    Refused,
    /// To be opened again elsewhere, at this time.
    Redirected(Instant),
    Unneeded,
}

/// All pools, in order of preference.
#[derive(Debug)]
pub(super) struct Roster {
    seats: Vec<Seat>,
    current: Option<PoolId>,
    /// The pool that was current before there was none.
    lost: Option<PoolId>,
    /// When the next pool may be tried beside those that are.
    next_dial: Instant,
    /// When to stop searching for lack of a pool.
    idle_at: Option<Instant>,
    stable: Duration,
    retries: Option<u32>,
    random: fastrand::Rng,
}

#[derive(Debug)]
struct Seat {
    state: State,
    backoff: Backoff,
    /// Not to be tried before.
    due: Instant,
    /// Failures since any pool gave a job.
    tries: u32,
    /// Whether it ever gave a job.
    worked: bool,
    /// Whether it is given up.
    over: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Down,
    Trying,
    /// It gave a job; since when, and until when it stays although another is used.
    Up {
        since: Instant,
        leave_at: Option<Instant>,
    },
    Closing,
}

impl Roster {
    pub(super) fn new(
        pools: usize,
        stable: Duration,
        retries: Option<u32>,
        retry_pause: Duration,
        random: fastrand::Rng,
        now: Instant,
    ) -> Self {
        let seat = || Seat {
            state: State::Down,
            backoff: Backoff::new(retry_pause),
            due: now,
            tries: 0,
            worked: false,
            over: false,
        };
        Self {
            seats: (0..pools).map(|_| seat()).collect(),
            current: None,
            lost: None,
            next_dial: now,
            idle_at: None,
            stable,
            retries,
            random,
        }
    }

    /// The pool in use.
    pub(super) fn current(&self) -> Option<PoolId> {
        self.current
    }

    /// Whether a pool is given up.
    pub(super) fn is_over(&self, pool: PoolId) -> bool {
        self.seats.get(pool).is_some_and(|seat| seat.over)
    }

    /// A connection gave its first job.
    pub(super) fn up(&mut self, pool: PoolId, now: Instant) {
        let Some(seat) = self.seats.get_mut(pool) else { return };
        if seat.state == State::Trying {
            seat.state = State::Up { since: now, leave_at: None };
            seat.worked = true;
            seat.backoff.reset();
            self.seats.iter_mut().for_each(|seat| seat.tries = 0);
        }
    }

    /// A connection ended.
    pub(super) fn ended(&mut self, pool: PoolId, how: Ended, now: Instant) {
        let Some(seat) = self.seats.get_mut(pool) else { return };
        let was_up = matches!(seat.state, State::Up { .. });
        seat.state = State::Down;
        if !was_up && matches!(how, Ended::Failed | Ended::Refused) {
            seat.backoff.failed();
            seat.tries = seat.tries.saturating_add(1);
            // Whoever waited for it need not any more.
            self.next_dial = now;
        }
        seat.over = how == Ended::Refused && !seat.worked;
        seat.due = match how {
            Ended::Failed => now + seat.backoff.pause(&mut self.random),
            Ended::Refused => now + REFUSED,
            Ended::Redirected(at) => at,
            Ended::Unneeded => now,
        };
        if self.current == Some(pool) {
            self.lose(pool, how, now);
        }
    }

    fn lose(&mut self, pool: PoolId, how: Ended, now: Instant) {
        let hopeless = how == Ended::Refused;
        (self.current, self.lost) = (None, Some(pool));
        self.next_dial = if hopeless { now } else { now + HEAD_START };
        self.idle_at = Some(if hopeless { now } else { now + GRACE });
        self.seats.iter_mut().for_each(|seat| seat.tries = 0);
    }

    /// The next thing to do at this time, if any. To be called until there is none.
    pub(super) fn step(&mut self, now: Instant) -> Option<Step> {
        self.switch(now)
            .or_else(|| self.close(now))
            .or_else(|| self.give_up())
            .or_else(|| self.dial(now))
            .or_else(|| self.idle(now))
    }

    /// When [`Roster::step`] may have something, if nothing happens before.
    pub(super) fn next_look(&self, now: Instant) -> Option<Instant> {
        let of_seats = self.seats.iter().filter_map(|seat| match seat.state {
            State::Down => Some(seat.due),
            State::Up { leave_at: Some(at), .. } => Some(at),
            State::Up { since, .. } => Some(since + self.stable),
            State::Trying | State::Closing => None,
        });
        let of_all = [Some(self.next_dial), self.idle_at].into_iter().flatten();
        of_seats.chain(of_all).filter(|at| *at > now).min()
    }

    fn switch(&mut self, now: Instant) -> Option<Step> {
        let limit = self.current.unwrap_or(self.seats.len());
        let settled = |since: Instant| self.current.is_none() || now >= since + self.stable;
        let better = self
            .seats
            .iter()
            .take(limit)
            .position(|seat| matches!(seat.state, State::Up { since, .. } if settled(since)))?;
        if let Some(State::Up { leave_at, .. }) = self.seats.get_mut(better).map(|seat| &mut seat.state) {
            *leave_at = None;
        }
        (self.current, self.lost, self.idle_at) = (Some(better), None, None);
        Some(Step::Switch(better))
    }

    /// Ends what is worse than the current pool: at once if it never gave a job, else after a while.
    fn close(&mut self, now: Instant) -> Option<Step> {
        let current = self.current?;
        for (pool, seat) in self.seats.iter_mut().enumerate().skip(current + 1) {
            match &mut seat.state {
                State::Up { leave_at: leave_at @ None, .. } => *leave_at = Some(now + LINGER),
                State::Up { leave_at: Some(at), .. } if *at > now => {}
                State::Up { .. } | State::Trying => {
                    seat.state = State::Closing;
                    return Some(Step::Close(pool));
                }
                State::Down | State::Closing => {}
            }
        }
        None
    }

    fn dial(&mut self, now: Instant) -> Option<Step> {
        let due = |seat: &Seat| seat.state == State::Down && !seat.over && seat.due <= now;
        let pool = match self.current {
            Some(current) => self.seats.iter().take(current).position(due)?,
            None if self.next_dial <= now => {
                let next = self.seats.iter().position(due)?;
                self.next_dial = now + HEAD_START;
                next
            }
            None => self.lost.filter(|lost| self.seats.get(*lost).is_some_and(due))?,
        };
        if let Some(seat) = self.seats.get_mut(pool) {
            seat.state = State::Trying;
        }
        Some(Step::Dial(pool))
    }

    fn idle(&mut self, now: Instant) -> Option<Step> {
        self.idle_at.take_if(|at| *at <= now).map(|_| Step::Idle)
    }

    fn give_up(&self) -> Option<Step> {
        let left = || self.seats.iter().filter(|seat| !seat.over);
        if left().next().is_none() {
            return Some(Step::AllRefused);
        }
        let is_up = |seat: &Seat| matches!(seat.state, State::Up { .. });
        let failed_out = |retries: u32| left().all(|seat| !is_up(seat) && seat.tries >= retries.max(1));
        self.retries.is_some_and(failed_out).then_some(Step::OutOfRetries)
    }
}
