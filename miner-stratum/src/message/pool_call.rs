//! What a pool says to a client.

use miner_core::{Extranonce, VersionMask};
use serde_json::{Value, json};

use super::fields::{self, Params};
use super::{Call, Id, MessageError, Notify, notify};

const SET_DIFFICULTY: &str = "mining.set_difficulty";
const SET_EXTRANONCE: &str = "mining.set_extranonce";
const SET_VERSION_MASK: &str = "mining.set_version_mask";
/// What `sv1_api` writes instead.
const SET_VERSION: &str = "mining.set_version";
const RECONNECT: &str = "client.reconnect";
const SHOW_MESSAGE: &str = "client.show_message";
const GET_VERSION: &str = "client.get_version";
pub(super) const PING: &str = "mining.ping";

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
        let params = |method| Params::of(method, &call.params);
        Ok(match call.method.as_str() {
            notify::METHOD => Self::Notify(Notify::parse(&call.params)?),
            SET_DIFFICULTY => Self::SetDifficulty(params(SET_DIFFICULTY)?.at(0, "difficulty").difficulty()?),
            SET_EXTRANONCE => {
                let params = params(SET_EXTRANONCE)?;
                Self::SetExtranonce {
                    extranonce1: params.at(0, "extranonce1").extranonce()?,
                    extranonce2_size: params.at(1, "extranonce2 size").extranonce2_size()?,
                }
            }
            SET_VERSION_MASK | SET_VERSION => {
                Self::SetVersionMask(params(SET_VERSION_MASK)?.at(0, "mask").mask()?)
            }
            RECONNECT => Self::Reconnect(Redirect::parse(params(RECONNECT)?)?),
            SHOW_MESSAGE => Self::ShowMessage(fields::readable(params(SHOW_MESSAGE)?.at(0, "text").text()?)),
            GET_VERSION => Self::GetVersion,
            PING => Self::Ping,
            unknown => return Err(MessageError::unknown(unknown)),
        })
    }

    /// The call as a frame; `id` is [`Id::NULL`] for all but `get_version` and `ping`.
    pub fn to_call(&self, id: Id) -> Call {
        let (method, params) = match self {
            Self::Notify(notify) => (notify::METHOD, notify.to_params()),
            Self::SetDifficulty(difficulty) => (SET_DIFFICULTY, json!([fields::difficulty(*difficulty)])),
            Self::SetExtranonce { extranonce1, extranonce2_size } => {
                (SET_EXTRANONCE, json!([extranonce1.to_string(), extranonce2_size]))
            }
            Self::SetVersionMask(mask) => (SET_VERSION_MASK, json!([fields::word(mask.bits())])),
            Self::Reconnect(redirect) => (RECONNECT, redirect.to_params()),
            Self::ShowMessage(text) => (SHOW_MESSAGE, json!([fields::readable(text)])),
            Self::GetVersion => (GET_VERSION, json!([])),
            Self::Ping => (PING, json!([])),
        };
        Call { id, method: method.to_owned(), params }
    }
}

impl Redirect {
    /// `[host, port, wait]`, of which any may be missing; an empty host and port 0 stand for the same as before.
    fn parse(params: Params<'_>) -> Result<Self, MessageError> {
        let whole =
            |index, name, max| params.at(index, name).optional().map_or(Ok(0), |field| field.whole(max, 10));
        let host = params.at(0, "host").optional().map(|host| host.name()).transpose()?;
        let port = whole(1, "port", u16::MAX.into())?;
        Ok(Self {
            host: host.filter(|host| !host.is_empty()),
            port: u16::try_from(port).ok().filter(|port| *port != 0),
            wait: whole(2, "wait", u64::MAX)?,
        })
    }

    fn to_params(&self) -> Value {
        if *self == Self::default() {
            return json!([]);
        }
        json!([self.host.as_deref().unwrap_or_default(), self.port.unwrap_or_default(), self.wait])
    }
}
