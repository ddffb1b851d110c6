//! The server's half of one session: a state machine over the same messages. What spans sessions (extranonce1,
//! duplicates, difficulty, found blocks) is the [`Pool`]'s.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use miner_core::{Extranonce, Job, Share, VersionMask};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use crate::message::Rejection;

/// What sessions share. Called from many sessions at once; nothing here may block.
pub trait Pool: Send + Sync + 'static {
    /// The newest job; sessions announce each change.
    fn jobs(&self) -> watch::Receiver<Option<Arc<Job>>>;

    /// A session begins: its extranonce1, unique among the open ones. `resume`: the id of an earlier session, which it may
    /// get back. `None`: no room.
    fn open(&self, resume: Option<&str>, peer: Option<SocketAddr>) -> Option<Opened>;

    /// The session ended: its extranonce1 may be given to another.
    fn close(&self, session: &Opened);

    /// Whether a worker may mine.
    fn authorize(&self, session: &Opened, worker: &str, password: &str) -> bool;

    /// The difficulty for a session's next job; `suggested`: what the miner asked for.
    fn difficulty(&self, session: &Opened, suggested: Option<f64>) -> f64;

    /// Takes a good share: false where that header was taken before, by any session.
    fn accept(&self, session: &Opened, worker: &str, share: &Share) -> bool;

    /// A share was refused, for the records.
    fn rejected(&self, session: &Opened, worker: &str, reason: &Rejection);

    /// A block, whatever else is wrong with it; before anything else is asked of it. Never lost, never
    /// waited for.
    fn block(&self, session: &Opened, worker: &str, block: Share);
}

/// A session's identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Its id, for a resume.
    pub id: String,
    /// Its part of the extranonce.
    pub extranonce1: Extranonce,
    /// Bytes of the miner's part.
    pub extranonce2_size: u8,
}

/// What a session grants, and how long it waits.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The version bits that miners may roll.
    pub version_mask: VersionMask,
    /// Time to subscribe and authorize.
    pub handshake: Duration,
    /// Time for a line to end, and for what is sent to be read.
    pub stall: Duration,
    /// Silence after which a session is closed.
    pub silence: Duration,
    /// Jobs of one tip that shares are taken for.
    pub job_window: usize,
    /// The longest line.
    pub line: usize,
}

/// Serves one session to its end; the error says why it ended.
pub async fn serve<S, P>(stream: S, peer: Option<SocketAddr>, pool: Arc<P>, limits: Limits)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    P: Pool,
{
    let _ = (stream, peer, pool, limits);
    todo!()
}
