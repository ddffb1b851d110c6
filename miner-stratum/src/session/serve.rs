//! The I/O of one session: bytes in and out, and every deadline. What the lines mean is decided in `state`.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::codec::Decoder as _;

use super::outbox::Outbox;
use super::state::Session;
use super::{Board, Ended, Limits, Pool, Visitor};
use crate::codec::LineCodec;
use crate::dump::Peer;

/// Room to read into: a few shares.
const READ: usize = 512;
/// How long what has arrived is still heard after the end, and answers are still sent.
const FAREWELL: Duration = Duration::from_millis(250);
/// And how many bytes of it.
const LAST_WORDS: usize = 64 * 1024;

/// Serves one session until it ends, or `shutdown` does.
pub async fn serve<S, P>(
    stream: S,
    peer: Option<SocketAddr>,
    pool: Arc<P>,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> Ended
where
    S: AsyncRead + AsyncWrite,
    P: Pool,
{
    let (reader, writer) = tokio::io::split(stream);
    let now = Instant::now();
    let name = Peer::new(&peer.map_or_else(|| "a miner".to_owned(), |peer| peer.to_string()));
    let mut connection = Connection {
        reader,
        writer,
        codec: LineCodec::dumped(limits.line, name.clone()),
        input: BytesMut::new(),
        out: Outbox::new(name),
        jobs: pool.jobs(),
        clock: Clock { began: now, heard: now, sent: now, asked: false, partial: None, unread: None },
        session: Session::new(pool, Visitor { peer, agent: String::new() }, limits),
    };
    let why = tokio::select! {
        why = connection.run() => why,
        () = shutdown => Ended::Shutdown,
    };
    connection.session.end(why.clone());
    // What the miner sent before it may hold a block.
    connection.hear_out(&why).await;
    let _ = timeout(FAREWELL, connection.say_last()).await;
    why
}

struct Connection<S, P: Pool> {
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    codec: LineCodec,
    input: BytesMut,
    out: Outbox,
    jobs: watch::Receiver<Arc<Board>>,
    clock: Clock,
    session: Session<P>,
}

/// Since when what has been going on.
struct Clock {
    began: Instant,
    /// The last whole line.
    heard: Instant,
    /// The last bytes that the miner took.
    sent: Instant,
    /// Whether the miner was asked since for a sign of life.
    asked: bool,
    /// A line that has begun.
    partial: Option<Instant>,
    /// Something to send.
    unread: Option<Instant>,
}

impl<S: AsyncRead + AsyncWrite, P: Pool> Connection<S, P> {
    async fn run(&mut self) -> Ended {
        loop {
            match self.step().await {
                Ok(()) => self.note_unread(),
                Err(ended) => return ended,
            }
        }
    }

    /// Waits for the next thing that happens. While the miner does not take what it was sent, nothing more is read
    /// or announced.
    async fn step(&mut self) -> Result<(), Ended> {
        let has_room = !self.out.is_full();
        let (due, what) = self.clock.next(self.session.is_ready(), has_room, &self.session.limits);
        self.input.reserve(READ);
        tokio::select! {
            read = self.reader.read_buf(&mut self.input), if has_room => {
                match read.map_err(|error| broken(&error))? {
                    0 => return Err(Ended::Closed),
                    _ => self.hear()?,
                }
            }
            sent = self.writer.write_buf(&mut self.out.bytes), if !self.out.is_empty() => {
                sent.map_err(|error| broken(&error))?;
                self.clock.sent = Instant::now();
                self.out.tidy();
                self.hear()?;
            }
            changed = self.jobs.changed(), if has_room => {
                changed.map_err(|_| Ended::Shutdown)?;
                let board = self.jobs.borrow_and_update().clone();
                self.session.announce(&board, &mut self.out);
            }
            () = sleep_until(due) => match what {
                Due::End(ended) => return Err(ended),
                Due::Repeat => self.session.repeat(&mut self.out),
                Due::Ask => {
                    self.clock.asked = true;
                    self.session.ask_for_a_sign_of_life(&mut self.out);
                }
            }
        }
        Ok(())
    }

    /// Takes the whole lines that have come, as long as there is room for the answers.
    fn hear(&mut self) -> Result<(), Ended> {
        let board = self.jobs.borrow().clone();
        while !self.out.is_full() {
            let line = self.codec.decode(&mut self.input).map_err(|_| Ended::LineTooLong)?;
            self.clock.heard(line.is_some(), !self.input.is_empty());
            match line {
                Some(line) => self.session.hear(line, &board, &mut self.out)?,
                None => break,
            }
        }
        Ok(())
    }

    fn note_unread(&mut self) {
        let since = self.clock.unread.unwrap_or_else(Instant::now);
        self.clock.unread = (!self.out.is_empty()).then_some(since);
    }

    /// Hears what has arrived by now, for it may hold a block; unless the miner is one that cannot be understood.
    async fn hear_out(&mut self, why: &Ended) {
        if matches!(why, Ended::LineTooLong | Ended::NoRoom) {
            return;
        }
        let _ = timeout(FAREWELL, self.read_on()).await;
        let board = self.jobs.borrow().clone();
        while let Ok(Some(line)) = self.codec.decode_eof(&mut self.input) {
            // That the session is over is known.
            let _ = self.session.hear(line, &board, &mut self.out);
        }
    }

    async fn read_on(&mut self) {
        while self.input.len() < LAST_WORDS {
            self.input.reserve(READ);
            if !matches!(self.reader.read_buf(&mut self.input).await, Ok(1..)) {
                return;
            }
        }
    }

    async fn say_last(&mut self) -> std::io::Result<()> {
        self.writer.write_all(&self.out.bytes).await?;
        self.writer.shutdown().await
    }
}

/// What a deadline brings.
enum Due {
    End(Ended),
    /// The miner is asked for a sign of life.
    Ask,
    /// The miner gets one.
    Repeat,
}

impl Clock {
    /// The next deadline. A line has none while nothing is read.
    fn next(&self, ready: bool, reading: bool, limits: &Limits) -> (Instant, Due) {
        let silence = match self.asked {
            false => (self.heard + limits.silence / 2, Due::Ask),
            true => (self.heard + limits.silence, Due::End(Ended::Silent)),
        };
        let stalled = |since| since + limits.stall;
        let deadlines = [
            (!ready).then(|| (self.began + limits.handshake, Due::End(Ended::Handshake))),
            self.partial.filter(|_| reading).map(|since| (stalled(since), Due::End(Ended::PartialLine))),
            self.unread.map(|since| (stalled(since), Due::End(Ended::SlowReader))),
            (ready && self.unread.is_none()).then(|| (self.sent + limits.keepalive, Due::Repeat)),
        ];
        let sooner =
            |next: (Instant, Due), other: (Instant, Due)| if other.0 < next.0 { other } else { next };
        deadlines.into_iter().flatten().fold(silence, sooner)
    }

    /// There was a whole line or not, and there is the beginning of one or not.
    fn heard(&mut self, whole: bool, begun: bool) {
        let now = Instant::now();
        if whole {
            (self.heard, self.asked, self.partial) = (now, false, None);
        }
        self.partial = begun.then(|| self.partial.unwrap_or(now));
    }
}

fn broken(error: &std::io::Error) -> Ended {
    Ended::Broken(error.to_string())
}
