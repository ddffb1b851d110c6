//! What a client asks of a pool.

use miner_core::VersionMask;

use super::{Call, Id, MessageError, Submit};

/// A call from client to pool.
#[derive(Debug, Clone, PartialEq)]
pub enum ClientCall {
    /// `mining.configure` (BIP310).
    Configure(Configure),
    /// `mining.subscribe`.
    Subscribe(Subscribe),
    /// `mining.authorize`.
    Authorize {
        /// The worker's name.
        worker: String,
        /// Pools ignore it or read wishes in it.
        password: String,
    },
    /// `mining.submit`.
    Submit(Submit),
    /// `mining.suggest_difficulty`.
    SuggestDifficulty(f64),
    /// `mining.extranonce.subscribe`: `set_extranonce` is welcome.
    ExtranonceSubscribe,
    /// `mining.ping`: wants `pong`.
    Ping,
}

/// The extensions that a client asks for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Configure {
    /// `version-rolling`: the mask it can roll, and how many bits it wants at least.
    pub version_rolling: Option<(VersionMask, u8)>,
    /// `minimum-difficulty`.
    pub minimum_difficulty: Option<f64>,
    /// `subscribe-extranonce`.
    pub subscribe_extranonce: bool,
}

/// Who subscribes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subscribe {
    /// Its name and version.
    pub agent: String,
    /// The session to resume.
    pub session_id: Option<String>,
}

impl ClientCall {
    /// Reads a call.
    ///
    /// # Errors
    /// [`MessageError`]: unknown, or a field that makes no sense.
    pub fn parse(call: &Call) -> Result<Self, MessageError> {
        let _ = call;
        todo!()
    }

    /// The call as a frame.
    pub fn to_call(&self, id: Id) -> Call {
        let _ = id;
        todo!()
    }
}
