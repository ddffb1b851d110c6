//! What a client asks of a pool.

use miner_core::VersionMask;
use serde_json::{Map, Value, json};

use super::fields::{self, Field, Params};
use super::pool_call::PING;
use super::{Call, Id, MessageError, Submit, submit};

pub(super) const CONFIGURE: &str = "mining.configure";
pub(super) const SUBSCRIBE: &str = "mining.subscribe";
const AUTHORIZE: &str = "mining.authorize";
const SUGGEST_DIFFICULTY: &str = "mining.suggest_difficulty";
const EXTRANONCE_SUBSCRIBE: &str = "mining.extranonce.subscribe";

pub(super) const VERSION_ROLLING: &str = "version-rolling";
pub(super) const VERSION_ROLLING_MASK: &str = "version-rolling.mask";
const MIN_BIT_COUNT: &str = "version-rolling.min-bit-count";
pub(super) const MINIMUM_DIFFICULTY: &str = "minimum-difficulty";
const MINIMUM_DIFFICULTY_VALUE: &str = "minimum-difficulty.value";
pub(super) const SUBSCRIBE_EXTRANONCE: &str = "subscribe-extranonce";

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
        let params = |method| Params::of(method, &call.params);
        Ok(match call.method.as_str() {
            CONFIGURE => Self::Configure(Configure::parse(params(CONFIGURE)?)?),
            SUBSCRIBE => Self::Subscribe(Subscribe::parse(params(SUBSCRIBE)?)?),
            AUTHORIZE => {
                let params = params(AUTHORIZE)?;
                let password = params.at(1, "password").optional();
                Self::Authorize {
                    worker: params.at(0, "worker").name()?,
                    password: password.map(|password| password.name()).transpose()?.unwrap_or_default(),
                }
            }
            submit::METHOD => Self::Submit(Submit::parse(&call.params)?),
            SUGGEST_DIFFICULTY => {
                Self::SuggestDifficulty(params(SUGGEST_DIFFICULTY)?.at(0, "difficulty").difficulty()?)
            }
            EXTRANONCE_SUBSCRIBE => Self::ExtranonceSubscribe,
            PING => Self::Ping,
            unknown => return Err(MessageError::unknown(unknown)),
        })
    }

    /// The call as a frame.
    pub fn to_call(&self, id: Id) -> Call {
        let (method, params) = match self {
            Self::Configure(configure) => (CONFIGURE, configure.to_params()),
            Self::Subscribe(Subscribe { agent, session_id: None }) => (SUBSCRIBE, json!([agent])),
            Self::Subscribe(Subscribe { agent, session_id }) => (SUBSCRIBE, json!([agent, session_id])),
            Self::Authorize { worker, password } => (AUTHORIZE, json!([worker, password])),
            Self::Submit(submit) => (submit::METHOD, submit.to_params()),
            Self::SuggestDifficulty(difficulty) => {
                (SUGGEST_DIFFICULTY, json!([fields::difficulty(*difficulty)]))
            }
            Self::ExtranonceSubscribe => (EXTRANONCE_SUBSCRIBE, json!([])),
            Self::Ping => (PING, json!([])),
        };
        Call { id, method: method.to_owned(), params }
    }
}

impl Configure {
    /// `[[extension…], {option…}]`. Extensions that are unknown are passed over, and a minimum without a value.
    fn parse(params: Params<'_>) -> Result<Self, MessageError> {
        let asked = params.at(0, "extensions").list()?;
        let asked = |extension: &str| asked.iter().any(|name| name == extension);
        let options = params.at(1, "options").optional().map(|options| options.object()).transpose()?;
        let option = |name| Field::of(CONFIGURE, options, name);
        Ok(Self {
            version_rolling: asked(VERSION_ROLLING).then(|| rolling(option)).transpose()?,
            minimum_difficulty: option(MINIMUM_DIFFICULTY_VALUE)
                .optional()
                .filter(|_| asked(MINIMUM_DIFFICULTY))
                .map(|value| value.difficulty())
                .transpose()?,
            subscribe_extranonce: asked(SUBSCRIBE_EXTRANONCE),
        })
    }

    /// Version rolling comes first: there are pools that look at the first extension alone.
    fn to_params(&self) -> Value {
        let mut extensions = Vec::new();
        let mut options = Map::new();
        if let Some((mask, min_bit_count)) = self.version_rolling {
            extensions.push(VERSION_ROLLING);
            options.insert(VERSION_ROLLING_MASK.to_owned(), fields::word(mask.bits()));
            options.insert(MIN_BIT_COUNT.to_owned(), min_bit_count.into());
        }
        if let Some(difficulty) = self.minimum_difficulty {
            extensions.push(MINIMUM_DIFFICULTY);
            options.insert(MINIMUM_DIFFICULTY_VALUE.to_owned(), fields::difficulty(difficulty));
        }
        if self.subscribe_extranonce {
            extensions.push(SUBSCRIBE_EXTRANONCE);
        }
        json!([extensions, options])
    }
}

/// The options of version rolling: all bits where no mask is given (BIP310), and a bit count that some write in hex.
fn rolling<'a>(option: impl Fn(&'static str) -> Field<'a>) -> Result<(VersionMask, u8), MessageError> {
    let mask =
        option(VERSION_ROLLING_MASK).optional().map_or(Ok(VersionMask::new(!0)), |mask| mask.mask())?;
    let bits = option(MIN_BIT_COUNT).optional().map_or(Ok(0), |bits| bits.whole(32, 16))?;
    Ok((mask, u8::try_from(bits).unwrap_or(u8::MAX)))
}

impl Subscribe {
    /// `[agent, session id, …]`, both optional: what a server tells of a miner hangs on neither.
    fn parse(params: Params<'_>) -> Result<Self, MessageError> {
        let agent = params.at(0, "agent").optional().map_or(Ok(""), |agent| agent.text())?;
        let session_id = params.at(1, "session id").optional().map(|id| id.name()).transpose()?;
        Ok(Self { agent: fields::readable(agent), session_id: session_id.filter(|id| !id.is_empty()) })
    }
}
