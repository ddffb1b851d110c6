//! Why a share is not taken, and why a session ended.

use miner_core::ShareError;

use crate::message::{MessageError, Rejection};

/// Why a share is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RejectReason {
    /// The worker did not log in on this session.
    #[error("unauthorized worker")]
    Unauthorized,
    /// The session has no extranonce yet.
    #[error("not subscribed")]
    NotSubscribed,
    /// No such job is known, or not any more.
    #[error("job not found")]
    UnknownJob,
    /// The job builds on an earlier tip, or too many came after it.
    #[error("stale job")]
    StaleJob,
    /// A field is missing or unreadable.
    #[error(transparent)]
    Malformed(#[from] MessageError),
    /// A field breaks a rule of the job or the session.
    #[error("{0}")]
    OutOfRange(ShareError),
    /// The hash misses the job's target.
    #[error("low difficulty share")]
    LowDifficulty,
    /// The header was taken before.
    #[error("duplicate share")]
    Duplicate,
}

impl RejectReason {
    /// The code on the wire.
    pub fn code(&self) -> i64 {
        match self {
            Self::Malformed(_) | Self::OutOfRange(_) => 20,
            Self::UnknownJob | Self::StaleJob => 21,
            Self::Duplicate => 22,
            Self::LowDifficulty => 23,
            Self::Unauthorized => 24,
            Self::NotSubscribed => 25,
        }
    }

    /// One of a few words, for counting by reason: the message may hold what the miner sent.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::NotSubscribed => "not subscribed",
            Self::UnknownJob => "unknown job",
            Self::StaleJob => "stale job",
            Self::Malformed(_) => "malformed",
            Self::OutOfRange(_) => "out of range",
            Self::LowDifficulty => "low difficulty",
            Self::Duplicate => "duplicate",
        }
    }
}

impl From<ShareError> for RejectReason {
    fn from(error: ShareError) -> Self {
        match error {
            ShareError::HighHash { .. } => Self::LowDifficulty,
            other => Self::OutOfRange(other),
        }
    }
}

impl From<&RejectReason> for Rejection {
    fn from(reason: &RejectReason) -> Self {
        Self { code: Some(reason.code()), message: reason.to_string() }
    }
}

/// Why a session ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// The miner closed the connection.
    #[error("closed by the miner")]
    Closed,
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// It neither subscribed nor logged in.
    #[error("no subscription and login in time")]
    Handshake,
    /// A line that did not end in time.
    #[error("a line did not end in time")]
    PartialLine,
    /// A line over the cap.
    #[error("a line was too long")]
    LineTooLong,
    /// It did not read what it was sent.
    #[error("it did not read what it was sent")]
    SlowReader,
    /// Nothing was heard of it.
    #[error("nothing was heard of it")]
    Silent,
    /// Too many shares or lines that were not worth anything.
    #[error("too many bad shares or lines")]
    Flood,
    /// The pool has no extranonce left.
    #[error("the pool is full")]
    NoRoom,
    /// The server ends.
    #[error("the server ends")]
    Shutdown,
}
