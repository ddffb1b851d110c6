//! Lines of bytes to frames and back. What a frame means is none of its business.

use std::io;

use bytes::BytesMut;
use tokio_util::codec::{Decoder, Encoder};

use crate::message::{Frame, FrameError};

/// The longest line a client accepts of a pool: room for a coinbase and a branch of any real block.
pub const POOL_LINE: usize = 256 * 1024;
/// The longest line a server accepts of a client.
pub const CLIENT_LINE: usize = 16 * 1024;

/// Frames as `\n`-terminated lines of JSON; `\r\n` and empty lines are accepted.
///
/// A line that is no frame is an item (the connection goes on), a line over the cap is an error (it does not).
#[derive(Debug)]
pub struct LineCodec {
    cap: usize,
    /// How much of the buffer is known to hold no line end.
    searched: usize,
}

/// Why a connection cannot be read any further.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// A line that does not end.
    #[error("a line is longer than {0} bytes")]
    LineTooLong(usize),
    /// The connection broke.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl LineCodec {
    /// A codec that accepts lines of at most `cap` bytes.
    pub fn new(cap: usize) -> Self {
        Self { cap, searched: 0 }
    }
}

impl Decoder for LineCodec {
    type Item = Result<Frame, FrameError>;
    type Error = CodecError;

    fn decode(&mut self, bytes: &mut BytesMut) -> Result<Option<Self::Item>, CodecError> {
        let _ = (bytes, self.cap, self.searched);
        todo!()
    }
}

impl Encoder<Frame> for LineCodec {
    type Error = CodecError;

    fn encode(&mut self, frame: Frame, bytes: &mut BytesMut) -> Result<(), CodecError> {
        let _ = (frame, bytes);
        todo!()
    }
}
