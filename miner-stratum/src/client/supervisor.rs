//! The pool list at work: does what the [`Roster`] says, and passes on what the current pool says.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::event::ClientEvent;
use super::issued::PoolId;
use super::jobs::Issue;
use super::link::{Dial, Link};
use super::options::{ClientOptions, Pool};
use super::redirect::Destination;
use super::roster::{Ended, Roster, Step};
use super::session::{End, Memory, News, Setup};
use super::shared::Shared;
use crate::connect::Route;

/// Runs a client until it gives up or is dropped.
pub(super) struct Supervisor {
    shared: Arc<Shared>,
    dial: Dial,
    roster: Roster,
    seats: Vec<Seat>,
    links: JoinSet<(End, Memory)>,
    /// What connections tell, and what they tell it by.
    news: mpsc::UnboundedReceiver<Told>,
    tell: mpsc::UnboundedSender<Told>,
}

/// Something that a connection to this pool has to tell.
type Told = (PoolId, News);

/// One pool of the list.
struct Seat {
    route: Route,
    setup: Arc<Setup>,
    memory: Memory,
    /// Where the next connection goes instead.
    redirect: Option<Destination>,
    live: Option<Live>,
    /// How its last connection ended.
    end: Option<End>,
}

/// Its connection.
struct Live {
    task: task::Id,
    name: String,
    resumed: bool,
    latest: Option<Issue>,
    /// Dropped to end it.
    needed: Option<oneshot::Sender<()>>,
}

impl Supervisor {
    pub(super) fn new(mut options: ClientOptions, shared: Arc<Shared>, dial: Dial) -> Self {
        let roster = Roster::new(
            options.pools.len(),
            options.stable,
            options.retries,
            options.retry_pause,
            fastrand::Rng::new(),
            Instant::now(),
        );
        let pools = std::mem::take(&mut options.pools).into_iter().enumerate();
        let seats = pools.map(|(number, pool)| Seat::new(number, pool, &options)).collect();
        let (tell, news) = mpsc::unbounded_channel();
        Self { shared, dial, roster, seats, links: JoinSet::new(), news, tell }
    }

    pub(super) async fn run(mut self) {
        loop {
            // One time for both: what comes due between two would be neither done now nor looked for later.
            let now = Instant::now();
            while let Some(step) = self.roster.step(now) {
                if let Some(reason) = self.take(step) {
                    self.shared.book(|book| book.close("gave up"));
                    return self.shared.tell(ClientEvent::GaveUp(reason));
                }
            }
            let look = self.roster.next_look(now);
            tokio::select! {
                // The news of a connection come before its end.
                biased;
                Some((pool, news)) = self.news.recv() => self.on_news(pool, news),
                Some(joined) = self.links.join_next_with_id() => self.on_end(joined),
                () = sleep_until(look.unwrap_or_else(Instant::now)), if look.is_some() => {}
            }
        }
    }

    /// Does what is to be done; the reason where that is to give up.
    fn take(&mut self, step: Step) -> Option<String> {
        match step {
            Step::Dial(pool) => self.dial(pool),
            Step::Close(pool) => {
                let live = self.seats.get_mut(pool).and_then(|seat| seat.live.as_mut());
                live.map(|live| live.needed.take());
            }
            Step::Switch(pool) => self.switch(pool),
            Step::Idle => self.shared.tell(ClientEvent::Idle),
            Step::AllRefused | Step::OutOfRetries => return Some(self.last_words()),
        }
        None
    }

    fn dial(&mut self, pool: PoolId) {
        let Some(seat) = self.seats.get_mut(pool) else { return };
        let mut route = seat.route.clone();
        if let Some(Destination { host, port, .. }) = seat.redirect.take() {
            (route.url.host, route.url.port) = (host, port);
        }
        let name = route.url.to_string();
        let (needed, is_needed) = oneshot::channel();
        let link = Link {
            dial: self.dial.clone(),
            route,
            setup: seat.setup.clone(),
            shared: self.shared.clone(),
            news: self.tell.clone(),
            needed: is_needed,
        };
        let task = self.links.spawn(link.run(std::mem::take(&mut seat.memory))).id();
        seat.live = Some(Live { task, name, resumed: false, latest: None, needed: Some(needed) });
    }

    fn switch(&self, pool: PoolId) {
        let Some(live) = self.seats.get(pool).and_then(|seat| seat.live.as_ref()) else { return };
        let Some(Issue { job, terms, .. }) = live.latest.clone() else { return };
        self.shared.tell(ClientEvent::Connected {
            pool: live.name.clone(),
            resumed: live.resumed,
            version_mask: terms.version_mask,
        });
        self.shared.tell(ClientEvent::Job { job, terms });
    }

    fn on_news(&mut self, pool: PoolId, news: News) {
        let Some(live) = self.seats.get_mut(pool).and_then(|seat| seat.live.as_mut()) else { return };
        match news {
            News::Authorized { resumed } => live.resumed = resumed,
            News::Job(Issue { job, terms, .. }) if self.roster.current() == Some(pool) => {
                live.latest = Some(Issue { job: job.clone(), terms, over: None });
                self.shared.tell(ClientEvent::Job { job, terms });
            }
            News::Job(issue) => {
                live.latest = Some(issue);
                self.roster.up(pool, Instant::now());
            }
            News::Notice(text) => self.shared.tell(ClientEvent::Notice(format!("{}: {text}", live.name))),
            News::Trouble(text) => self.shared.tell(ClientEvent::Trouble(format!("{}: {text}", live.name))),
        }
    }

    fn on_end(&mut self, joined: Result<(task::Id, (End, Memory)), JoinError>) {
        let (task, end, memory) = match joined {
            Ok((task, (end, memory))) => (task, end, memory),
            Err(error) => (error.id(), End::Failed(format!("internal error: {error}")), Memory::default()),
        };
        let is_it = |seat: &Seat| seat.live.as_ref().is_some_and(|live| live.task == task);
        let Some(pool) = self.seats.iter().position(is_it) else { return };
        let Some(seat) = self.seats.get_mut(pool) else { return };
        let name = seat.live.take().map_or_else(|| seat.route.url.to_string(), |live| live.name);
        seat.memory = memory;
        self.shared.book(|book| book.disconnected(pool));
        if self.roster.current() == Some(pool) {
            self.shared.tell(ClientEvent::Disconnected { pool: name, reason: end.to_string() });
        } else if matches!(end, End::Failed(_) | End::Refused(_)) {
            self.shared.tell(ClientEvent::Trouble(format!("{name}: {end}")));
        }
        self.settle(pool, end);
    }

    /// Tells the roster how a connection ended.
    fn settle(&mut self, pool: PoolId, end: End) {
        let how = match &end {
            End::Failed(_) => Ended::Failed,
            End::Refused(_) => Ended::Refused,
            End::Redirected(destination) => Ended::Redirected(destination.at),
            End::Unneeded => Ended::Unneeded,
        };
        self.roster.ended(pool, how, Instant::now());
        if self.roster.is_over(pool) {
            self.shared.book(|book| book.forget(pool, "worker refused"));
        }
        let Some(seat) = self.seats.get_mut(pool) else { return };
        if let End::Redirected(destination) = &end {
            seat.redirect = Some(destination.clone());
        }
        seat.end = Some(end);
    }

    /// What each pool came to.
    fn last_words(&self) -> String {
        let words =
            self.seats.iter().filter_map(|seat| Some(format!("{}: {}", seat.route.url, seat.end.as_ref()?)));
        let words: Vec<_> = words.collect();
        if words.is_empty() { "there is no pool to connect to".to_owned() } else { words.join("; ") }
    }
}

impl Seat {
    fn new(number: PoolId, pool: Pool, options: &ClientOptions) -> Self {
        let Pool { route, user, password } = pool;
        let setup = Setup {
            pool: number,
            url: route.url.clone(),
            user,
            password,
            agent: options.agent.clone(),
            version_mask: options.version_mask,
            suggest_difficulty: options.suggest_difficulty,
            extranonce_subscribe: options.extranonce_subscribe,
            follow_reconnect: options.follow_reconnect,
            silence: options.silence,
        };
        Self {
            route,
            setup: Arc::new(setup),
            memory: Memory::default(),
            redirect: None,
            live: None,
            end: None,
        }
    }
}
