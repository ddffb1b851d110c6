//! The envelope: calls, notifications and replies, in all the forms that are seen.

use serde_json::{Map, Value, json};

use super::fields::readable;

/// The longest id that is a string, in bytes.
const MAX_ID: usize = 64;

/// The id of a call: a number, a short string or null, echoed verbatim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Id(pub Value);

impl Id {
    /// The id of a notification, which has no reply.
    pub const NULL: Self = Self(Value::Null);

    /// The number, where it is one (or a string of digits).
    pub fn number(&self) -> Option<u64> {
        let digits = || self.0.as_str().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        self.0.as_u64().or_else(|| digits()?.parse().ok())
    }

    fn parse(id: Value) -> Result<Self, FrameError> {
        match &id {
            Value::Null | Value::Number(_) => Ok(Self(id)),
            Value::String(text) if text.len() <= MAX_ID => Ok(Self(id)),
            _ => Err(FrameError::Shape("the id is no number, short string or null")),
        }
    }
}

impl From<u64> for Id {
    fn from(id: u64) -> Self {
        Self(id.into())
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// A call, or a notification.
    Call(Call),
    /// The answer to a call.
    Reply(Reply),
}

/// A method and its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// [`Id::NULL`] for a notification.
    pub id: Id,
    /// As on the wire: `mining.notify`.
    pub method: String,
    /// Usually an array; null where there were none.
    pub params: Value,
}

/// The answer to a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The call's id.
    pub id: Id,
    /// What it gave, or why not. `false` without an error is a value here: what it means depends on the call.
    pub outcome: Result<Value, Rejection>,
}

/// Why a call was refused, from any of the forms in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// 20 other, 21 stale, 22 duplicate, 23 low difficulty, 24 unauthorized, 25 not subscribed; others exist.
    pub code: Option<i64>,
    /// In the peer's words, control characters stripped, capped.
    pub message: String,
}

/// Why a line is no frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// No JSON, or nested too deep, or with a number beyond any `f64` (1e400).
    #[error("not JSON: {0}")]
    Json(String),
    /// JSON, but neither a call nor a reply.
    #[error("neither a call nor a reply: {0}")]
    Shape(&'static str),
}

impl Frame {
    /// Reads one line, without its end.
    ///
    /// # Errors
    /// [`FrameError`]: the line means nothing, the connection may go on.
    pub fn parse(line: &[u8]) -> Result<Self, FrameError> {
        // Some write their words in Latin-1: an answer in it is an answer.
        let line = String::from_utf8_lossy(line);
        let value = serde_json::from_str(&line).map_err(|error| FrameError::Json(error.to_string()))?;
        let Value::Object(mut keys) = value else {
            return Err(FrameError::Shape("not an object"));
        };
        let id = Id::parse(take(&mut keys, "id"))?;
        match take(&mut keys, "method") {
            Value::String(method) => Ok(Self::Call(Call { id, method, params: take(&mut keys, "params") })),
            Value::Null => Ok(Self::Reply(Reply { id, outcome: outcome(keys)? })),
            _ => Err(FrameError::Shape("the method is no string")),
        }
    }

    /// The frame as one line, without its end.
    ///
    /// A reply has `result` and `error`, both always: there are clients that ignore it otherwise.
    pub fn to_line(&self) -> String {
        match self {
            Self::Call(Call { id, method, params }) => {
                let method = Value::from(method.as_str());
                format!(r#"{{"id":{},"method":{method},"params":{params}}}"#, id.0)
            }
            Self::Reply(Reply { id, outcome: Ok(result) }) => {
                format!(r#"{{"id":{},"result":{result},"error":null}}"#, id.0)
            }
            Self::Reply(Reply { id, outcome: Err(rejection) }) => {
                format!(r#"{{"id":{},"result":null,"error":{}}}"#, id.0, rejection.to_value())
            }
        }
    }
}

/// The value of a key; null where it is missing.
fn take(keys: &mut Map<String, Value>, key: &str) -> Value {
    keys.remove(key).unwrap_or_default()
}

/// What a reply says. An error that says nothing (null, false, 0, empty) is none.
fn outcome(mut keys: Map<String, Value>) -> Result<Result<Value, Rejection>, FrameError> {
    if !["result", "error", "reject-reason"].iter().any(|key| keys.contains_key(*key)) {
        return Err(FrameError::Shape("no method, result or error"));
    }
    let result = take(&mut keys, "result");
    let reasons = [take(&mut keys, "error"), take(&mut keys, "reject-reason")];
    Ok(match reasons.iter().find(|reason| says_something(reason)) {
        Some(reason) => Err(Rejection::parse(reason)),
        None => Ok(result),
    })
}

fn says_something(reason: &Value) -> bool {
    match reason {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(keys) => !keys.is_empty(),
        Value::Number(code) => code.as_f64() != Some(0.0),
        Value::Bool(true) => true,
    }
}

impl Rejection {
    /// Code and message of `[21,"…",null]`, `[21,"…"]`, `{"code":21,"message":"…"}` or a bare `"…"`; of anything
    /// else, the JSON as it is.
    fn parse(error: &Value) -> Self {
        let (code, message) = match error {
            Value::Array(list) => {
                let words = list.get(1).into_iter().chain(list).find(|item| item.is_string());
                (list.first(), words)
            }
            Value::Object(keys) => (keys.get("code"), keys.get("message")),
            _ => (None, Some(error)),
        };
        let words = message.and_then(Value::as_str).map_or_else(|| error.to_string(), str::to_owned);
        let number = |code: &Value| code.as_i64().or_else(|| code.as_str()?.parse().ok());
        Self { code: code.and_then(number), message: readable(&words) }
    }

    /// The three elements in use; without a code it is 20, "other".
    fn to_value(&self) -> Value {
        json!([self.code.unwrap_or(20), readable(&self.message), null])
    }
}
