//! One connection to one pool, from dialling to its end: the I/O around a [`Session`].

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::issued::PoolId;
use super::session::{End, Memory, News, Session, Setup};
use super::shared::Shared;
use super::wire::Wire;
use crate::connect::{ConnectError, Route, Transport};
use crate::dump::Peer;

/// How long a line may take to arrive.
const LINE: Duration = Duration::from_secs(60);

/// How streams come about, and when they do not: by [`connect`](crate::connect), or what a test puts in its place.
pub(super) type Dial = Arc<
    dyn Fn(Route) -> Pin<Box<dyn Future<Output = Result<Box<dyn Transport>, ConnectError>> + Send>>
        + Send
        + Sync,
>;

/// What a connection needs.
pub(super) struct Link {
    pub(super) dial: Dial,
    pub(super) route: Route,
    pub(super) setup: Arc<Setup>,
    pub(super) shared: Arc<Shared>,
    /// Where its news go.
    pub(super) news: mpsc::UnboundedSender<(PoolId, News)>,
    /// Ends it when dropped.
    pub(super) needed: oneshot::Receiver<()>,
}

impl Link {
    /// Runs to the end. The memory goes to the next link to the same pool.
    pub(super) async fn run(mut self, memory: Memory) -> (End, Memory) {
        let stream = tokio::select! {
            stream = (self.dial)(self.route.clone()) => stream,
            _ = &mut self.needed => return (End::Unneeded, memory),
        };
        let stream = match stream {
            Ok(stream) => stream,
            Err(error) => return (End::Failed(error.to_string()), memory),
        };
        let mut session = Session::new(self.setup.clone(), memory, Instant::now());
        let end = self.talk(&mut session, Wire::new(stream, Peer::new(&self.route.url.to_string()))).await;
        self.report(&mut session);
        (end, session.into_memory())
    }

    async fn talk(&mut self, session: &mut Session, mut wire: Wire) -> End {
        let mut wake = self.shared.wake();
        let mut line_due = None;
        loop {
            let look = match self.shared.book(|book| session.advance(Instant::now(), book)) {
                Ok(look) => look,
                Err(end) => return end,
            };
            self.report(session);
            for frame in session.frames.drain(..) {
                if let Err(error) = wire.queue(frame) {
                    return End::Failed(error.to_string());
                }
            }
            tokio::select! {
                // What has arrived counts before the time that has passed: this process may have been stopped.
                biased;
                _ = &mut self.needed => return End::Unneeded,
                read = wire.turn() => match self.take_lines(read, session, &mut wire) {
                    Ok(whole) => line_due = next_line_due(whole, &wire, line_due),
                    Err(end) => return end,
                },
                _ = wake.changed() => {}
                () = sleep_until(line_due.unwrap_or(look)), if line_due.is_some() => {
                    return End::Failed(format!("a line did not end within {} s", LINE.as_secs()));
                }
                () = sleep_until(look) => {}
            }
        }
    }

    /// Hands all whole lines to the session; whether there was one.
    fn take_lines(
        &self,
        read: std::io::Result<usize>,
        session: &mut Session,
        wire: &mut Wire,
    ) -> Result<bool, End> {
        let why = match read {
            Ok(0) => Some("closed by the pool".to_owned()),
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        };
        if let Some(why) = why {
            return Err(session.cut(why));
        }
        let mut whole = false;
        while let Some(line) = wire.line().map_err(|error| End::Failed(error.to_string()))? {
            self.shared.book(|book| session.receive(line, Instant::now(), book))?;
            whole = true;
        }
        Ok(whole)
    }

    fn report(&self, session: &mut Session) {
        for news in session.news.drain(..) {
            // Nobody listens only when all is about to end.
            let _ = self.news.send((self.setup.pool, news));
        }
    }
}

/// Until when the line that has begun must end, if one has.
fn next_line_due(whole: bool, wire: &Wire, due: Option<Instant>) -> Option<Instant> {
    let due = due.filter(|_| !whole).or_else(|| Some(Instant::now() + LINE));
    due.filter(|_| wire.is_within_line())
}
