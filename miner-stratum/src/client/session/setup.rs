//! What a session is told before it begins, and what it tells.

use std::time::Duration;

use miner_core::{Extranonce, VersionMask};
use secrecy::SecretString;
use tokio::time::Instant;

use crate::client::issued::PoolId;
use crate::client::jobs::Issue;
use crate::client::redirect::Destination;
use crate::connect::PoolUrl;

/// Who talks to which pool, and what it wants there.
#[derive(Debug, Clone)]
pub(in crate::client) struct Setup {
    pub(in crate::client) pool: PoolId,
    /// The pool as the user named it.
    pub(in crate::client) url: PoolUrl,
    pub(in crate::client) user: String,
    pub(in crate::client) password: SecretString,
    pub(in crate::client) agent: String,
    pub(in crate::client) version_mask: VersionMask,
    pub(in crate::client) suggest_difficulty: Option<f64>,
    pub(in crate::client) extranonce_subscribe: bool,
    pub(in crate::client) follow_reconnect: bool,
    pub(in crate::client) silence: Duration,
}

/// What outlives a connection, so that the next one can go on with its session.
#[derive(Debug, Default)]
pub(in crate::client) struct Memory {
    pub(super) session_id: Option<String>,
    pub(super) extranonce: Option<(Extranonce, u8)>,
    pub(super) current: Option<Issue>,
    pub(super) redirected: Option<Instant>,
    /// Connections in a row that the pool cut before it answered to the wish to resume.
    pub(super) snubs: u32,
}

/// What a session has to tell.
#[derive(Debug)]
pub(in crate::client) enum News {
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
pub(in crate::client) enum End {
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
