//! What is to be sent, as lines. When and how fast it leaves is `serve`'s business.

use bytes::BytesMut;

use crate::dump::Peer;
use crate::message::{Frame, Id, PoolCall};

/// With this much unsent nothing more is read or announced: what a miner does not take is not produced.
const FULL: usize = 16 * 1024;

/// Bytes to send. Empty, it holds no memory: most sessions are idle most of the time.
#[derive(Debug)]
pub(super) struct Outbox {
    pub(super) bytes: BytesMut,
    peer: Peer,
}

impl Outbox {
    pub(super) fn new(peer: Peer) -> Self {
        Self { bytes: BytesMut::new(), peer }
    }

    pub(super) fn frame(&mut self, frame: &Frame) {
        self.line(&frame.to_line());
    }

    pub(super) fn call(&mut self, call: &PoolCall) {
        self.frame(&Frame::Call(call.to_call(Id::NULL)));
    }

    /// Adds a line and its end.
    pub(super) fn line(&mut self, line: &str) {
        self.peer.sent(line);
        self.bytes.extend_from_slice(line.as_bytes());
        self.bytes.extend_from_slice(b"\n");
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= FULL
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Gives the memory back once all is sent.
    pub(super) fn tidy(&mut self) {
        if self.bytes.is_empty() {
            self.bytes = BytesMut::new();
        }
    }
}
