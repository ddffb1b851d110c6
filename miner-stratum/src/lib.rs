//! Stratum V1: messages, codec, a client that never loses a share, and the sessions of a server
//!
//! ```text
//! bytes ─ codec ─▶ Frame ─ message ─▶ PoolCall / ClientCall ─▶ client | session
//! ```
//!
//! The client and a server's session are two halves of the same messages; neither knows the other.
#![forbid(unsafe_code)]

#[cfg(feature = "client")]
pub mod client;
pub mod codec;
#[cfg(feature = "client")]
pub mod connect;
mod dump;
pub mod ledger;
pub mod message;
pub mod session;

pub use codec::LineCodec;
pub use message::{
    Call, ClientCall, Frame, FrameError, Id, MessageError, Notify, PoolCall, Rejection, Reply, Submit,
};
