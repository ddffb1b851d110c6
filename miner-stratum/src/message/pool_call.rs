//! What a pool says to a client.

use miner_core::{Extranonce, VersionMask};

use super::{Call, Id, MessageError, Notify};

/// A call or notification from pool to client.
#[derive(Debug, Clone, PartialEq)]
pub enum PoolCall {
    /// `mining.notify`: a job.
    Notify(Notify),
    /// `mining.set_difficulty`: for the next job on. Positive and finite.
    SetDifficulty(f64),
    /// `mining.set_extranonce`: for the next job on.
    SetExtranonce {
        /// The session's part.
        extranonce1: Extranonce,
        /// Bytes of the miner's part, at most 16.
        extranonce2_size: u8,
    },
    /// `mining.set_version_mask`: at once, for new work.
    SetVersionMask(VersionMask),
    /// `client.reconnect`: a wish, which the client follows by its own policy.
    Reconnect(Redirect),
    /// `client.show_message`: control characters stripped, at most 256 bytes.
    ShowMessage(String),
    /// `client.get_version`: wants the agent's name.
    GetVersion,
    /// `mining.ping`: wants `pong`.
    Ping,
}

/// Where a pool wishes its client to go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Redirect {
    /// Another host; `None`: the same.
    pub host: Option<String>,
    /// Another port; `None`: the same.
    pub port: Option<u16>,
    /// Seconds to wait first.
    pub wait: u64,
}

impl PoolCall {
    /// Reads a call.
    ///
    /// # Errors
    /// [`MessageError`]: unknown, or a field that makes no sense.
    pub fn parse(call: &Call) -> Result<Self, MessageError> {
        let _ = call;
        todo!()
    }

    /// The call as a frame; `id` is [`Id::NULL`] for all but `get_version` and `ping`.
    pub fn to_call(&self, id: Id) -> Call {
        let _ = id;
        todo!()
    }
}
