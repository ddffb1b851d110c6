//! The server's half of one session: a state machine over the same messages. What spans sessions (extranonce1,
//! duplicates, difficulty, found blocks) is the [`Pool`]'s.
//!
//! ```text
//! bytes ─ serve ─▶ Session::hear ─▶ judge ─▶ Pool::block (first), accept, rejected
//! bytes ◀─ serve ─ replies, set_difficulty, notify ◀─ Board ◀─ Pool::jobs
//! ```
//! `serve` has the I/O and all deadlines, `state` answers calls, `judge` holds shares to the rules, `board` is the
//! list of jobs. None but `serve` waits for anything.

mod board;
mod judge;
mod outbox;
mod reason;
mod serve;
mod state;
mod terms;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use miner_core::{Extranonce, Share, VersionMask};
use tokio::sync::watch;

use crate::codec::CLIENT_LINE;

pub use board::{Board, Posted};
pub use reason::{Ended, RejectReason};
pub use serve::serve;

/// What sessions share. Called from many sessions at once; nothing here may block.
pub trait Pool: Send + Sync + 'static {
    /// The jobs. Sessions announce the newest each time it changes, and end when there is no sender any more.
    fn jobs(&self) -> watch::Receiver<Arc<Board>>;

    /// A session begins. `resume`: the id of an earlier one, whose extranonce1 it may get back. `None`: no room.
    fn open(&self, resume: Option<&str>, visitor: &Visitor) -> Option<Opened>;

    /// The session ended: its extranonce1 may be given to another after a while.
    fn close(&self, session: &Opened, why: &Ended);

    /// Whether a worker may mine.
    fn authorize(&self, worker: &str, password: &str) -> bool;

    /// The difficulty for a session's next job, positive and finite; `suggested`: what the miner asked for.
    fn difficulty(&self, session: &Opened, suggested: Option<f64>) -> f64;

    /// Takes a good share: false where that header was taken before, by any session.
    fn accept(&self, session: &Opened, worker: &str, share: &Share) -> bool;

    /// A share was refused, for the records. The name is as it came: any text at all.
    fn rejected(&self, session: &Opened, worker: &str, reason: &RejectReason);

    /// A block, whatever else is wrong with it; before anything else is asked of it. The same block may come again.
    fn block(self: &Arc<Self>, session: &Opened, worker: &str, block: Share);
}

/// Who wants a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Visitor {
    /// Its address, where there is one.
    pub peer: Option<SocketAddr>,
    /// The name and version that it gives itself: any text at all.
    pub agent: String,
}

/// A session's identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Its id, for a resume. Not to be guessed by others.
    pub id: String,
    /// Its part of the extranonce, unique among the open ones.
    pub extranonce1: Extranonce,
    /// Bytes of the miner's part.
    pub extranonce2_size: u8,
}

/// What a session grants, and how long it waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The version bits that miners may roll.
    pub version_mask: VersionMask,
    /// Time to subscribe and authorize.
    pub handshake: Duration,
    /// Time for a line to end, and for what is sent to be read.
    pub stall: Duration,
    /// Silence after which a session is closed. At half of it the miner is asked for its version.
    pub silence: Duration,
    /// Time after which a miner that is told nothing is told its difficulty again: many take silence for a dead pool.
    pub keepalive: Duration,
    /// Jobs of one tip that shares are taken for.
    pub job_window: usize,
    /// The longest line, in bytes.
    pub line: usize,
    /// Workers of one session.
    pub workers: usize,
    /// Bad shares and lines, less the good shares, after which a session is closed.
    pub strikes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            version_mask: VersionMask::BIP320,
            handshake: Duration::from_secs(20),
            stall: Duration::from_secs(45),
            silence: Duration::from_secs(600),
            keepalive: Duration::from_secs(30),
            job_window: 16,
            line: CLIENT_LINE,
            workers: 64,
            strikes: 256,
        }
    }
}
