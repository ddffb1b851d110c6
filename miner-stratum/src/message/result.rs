//! What a pool answers to configure and subscribe.

use miner_core::{Extranonce, VersionMask};
use serde_json::{Map, Value, json};

use super::client_call::{
    CONFIGURE, MINIMUM_DIFFICULTY, SUBSCRIBE, SUBSCRIBE_EXTRANONCE, VERSION_ROLLING, VERSION_ROLLING_MASK,
};
use super::fields::{self, Field};
use super::{Configure, MessageError, notify};

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
    /// Reads the result. An extension is granted by `true` alone: `false` is unknown, a string is an error.
    ///
    /// # Errors
    /// [`MessageError::Field`] for a result that is no object, or version rolling without a mask.
    pub fn parse(result: &Value) -> Result<Self, MessageError> {
        let granted = match result {
            Value::Null | Value::Bool(false) => None,
            _ => Some(Field::new(CONFIGURE, "result", result).object()?),
        };
        let field = |name| Field::of(CONFIGURE, granted, name);
        let grants = |extension| field(extension).flag().unwrap_or(false);
        Ok(Self {
            version_rolling: grants(VERSION_ROLLING)
                .then(|| field(VERSION_ROLLING_MASK).mask())
                .transpose()?,
            minimum_difficulty: grants(MINIMUM_DIFFICULTY),
            subscribe_extranonce: grants(SUBSCRIBE_EXTRANONCE),
        })
    }

    /// The result of a server that was asked for these: what was asked for and not granted is `false`.
    pub fn to_value(&self, asked: &Configure) -> Value {
        let answers = [
            (VERSION_ROLLING, asked.version_rolling.is_some(), self.version_rolling.is_some()),
            (MINIMUM_DIFFICULTY, asked.minimum_difficulty.is_some(), self.minimum_difficulty),
            (SUBSCRIBE_EXTRANONCE, asked.subscribe_extranonce, self.subscribe_extranonce),
        ];
        let mut result: Map<String, Value> = answers
            .into_iter()
            .filter(|(_, asked, _)| *asked)
            .map(|(extension, _, granted)| (extension.to_owned(), granted.into()))
            .collect();
        if let (Some(_), Some(mask)) = (asked.version_rolling, self.version_rolling) {
            result.insert(VERSION_ROLLING_MASK.to_owned(), fields::word(mask.bits()));
        }
        result.into()
    }
}

impl Subscribed {
    /// Reads the result.
    ///
    /// # Errors
    /// [`MessageError::Field`]; a session id that makes no sense is none.
    pub fn parse(result: &Value) -> Result<Self, MessageError> {
        let result = Field::new(SUBSCRIBE, "result", result).params()?;
        let session_id = session_id(result.at(0, "subscriptions").value());
        Ok(Self {
            session_id: session_id.filter(|id| !id.is_empty() && fields::is_id(id)).map(str::to_owned),
            extranonce1: result.at(1, "extranonce1").extranonce()?,
            extranonce2_size: result.at(2, "extranonce2 size").extranonce2_size()?,
        })
    }

    /// The result of a server.
    pub fn to_value(&self) -> Value {
        let subscriptions: Vec<Value> = self
            .session_id
            .iter()
            .flat_map(|id| [json!(["mining.set_difficulty", id]), json!([notify::METHOD, id])])
            .collect();
        json!([subscriptions, self.extranonce1.to_string(), self.extranonce2_size])
    }
}

/// The id of the `mining.notify` subscription, in a list of pairs or a pair alone.
fn session_id(subscriptions: &Value) -> Option<&str> {
    let list = subscriptions.as_array()?;
    if list.first().is_some_and(|name| name == notify::METHOD) {
        return list.get(1)?.as_str();
    }
    list.iter().find_map(session_id)
}
