//! What Stratum V1 says: frames (JSON-RPC as pools and miners really write it), and the calls of either side.
//!
//! Parsing accepts what real peers send; writing is strict.

mod client_call;
mod fields;
mod frame;
mod notify;
mod pool_call;
mod result;
mod submit;

pub use client_call::{ClientCall, Configure, Subscribe};
pub use frame::{Call, Frame, FrameError, Id, Rejection, Reply};
pub use notify::Notify;
pub use pool_call::{PoolCall, Redirect};
pub use result::{Configured, Subscribed};
pub use submit::Submit;

/// Why a call or a result means nothing. The connection can go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// A method that this side does not know.
    #[error("unknown method `{0}`")]
    UnknownMethod(String),
    /// A field that is missing, of the wrong type or out of range.
    #[error("{method}: {field} {fault}")]
    Field {
        /// The method (or what a result answers).
        method: &'static str,
        /// The field, by its name in the protocol.
        field: &'static str,
        /// What is wrong with it.
        fault: String,
    },
}

impl MessageError {
    fn unknown(method: &str) -> Self {
        Self::UnknownMethod(fields::readable(method))
    }
}
