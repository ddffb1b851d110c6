//! What a pool answers to configure and subscribe.

use miner_core::{Extranonce, VersionMask};
use serde_json::Value;

use super::MessageError;

/// The answer to `mining.configure`: what was granted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Configured {
    /// The mask that was granted, as the pool said it (AND it with what was asked); `None`: no rolling.
    pub version_rolling: Option<VersionMask>,
    /// Whether `minimum-difficulty` is understood.
    pub minimum_difficulty: bool,
    /// Whether `subscribe-extranonce` is understood.
    pub subscribe_extranonce: bool,
}

/// The answer to `mining.subscribe`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribed {
    /// The session, for a resume: the id of the `mining.notify` subscription.
    pub session_id: Option<String>,
    /// The session's part of the extranonce.
    pub extranonce1: Extranonce,
    /// Bytes of the miner's part, at most 16.
    pub extranonce2_size: u8,
}

impl Configured {
    /// Reads the result.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn parse(result: &Value) -> Result<Self, MessageError> {
        let _ = result;
        todo!()
    }

    /// The result of a server that was asked for exactly these.
    pub fn to_value(&self) -> Value {
        todo!()
    }
}

impl Subscribed {
    /// Reads the result.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn parse(result: &Value) -> Result<Self, MessageError> {
        let _ = result;
        todo!()
    }

    /// The result of a server.
    pub fn to_value(&self) -> Value {
        todo!()
    }
}
