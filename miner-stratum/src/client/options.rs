//! What a client is told to do.

use std::time::Duration;

use miner_core::VersionMask;
use secrecy::SecretString;

use crate::connect::Route;

/// One pool of the list.
#[derive(Debug, Clone)]
pub struct Pool {
    /// How to reach it.
    pub route: Route,
    /// The worker's name.
    pub user: String,
    /// The worker's password, which pools ignore or read wishes in.
    pub password: SecretString,
}

/// What a client does, and how patiently.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// In order of preference.
    pub pools: Vec<Pool>,
    /// Name and version, as pools are told.
    pub agent: String,
    /// The version bits that it can roll; empty: it asks for no rolling.
    pub version_mask: VersionMask,
    /// The difficulty that it would like.
    pub suggest_difficulty: Option<f64>,
    /// Whether the pool may change the extranonce at any job.
    pub extranonce_subscribe: bool,
    /// Whether `client.reconnect` is followed, as far as the policy allows.
    pub follow_reconnect: bool,
    /// Rounds over all pools without a job after which it gives up; `None`: never.
    pub retries: Option<u32>,
    /// The pause after the first failed round; it grows to a minute at most.
    pub retry_pause: Duration,
    /// Silence after which a pool counts as dead.
    pub silence: Duration,
    /// How long a better pool must have been up before it is gone back to.
    pub stable: Duration,
}
