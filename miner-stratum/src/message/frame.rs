//! The envelope: calls, notifications and replies, in all the forms that are seen.

use serde_json::Value;

/// The id of a call: any JSON value, echoed verbatim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Id(pub Value);

impl Id {
    /// The id of a notification, which has no reply.
    pub const NULL: Self = Self(Value::Null);

    /// The number, where it is one (or a string of digits).
    pub fn number(&self) -> Option<u64> {
        todo!()
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
    /// Usually an array.
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
    /// No JSON.
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
        let _ = line;
        todo!()
    }

    /// The frame as one line, without its end.
    pub fn to_line(&self) -> String {
        todo!()
    }
}
