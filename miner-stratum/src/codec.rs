//! Lines of bytes to frames and back. What a frame means is none of its business.

use std::io;

use bytes::BytesMut;
use tokio_util::codec::{Decoder, Encoder};

use crate::dump::Peer;
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
    /// Whose lines are dumped.
    peer: Option<Peer>,
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
    /// A codec that accepts lines of at most `cap` bytes, their end not counted (but a `\r`).
    pub fn new(cap: usize) -> Self {
        Self { cap, searched: 0, peer: None }
    }

    /// A codec whose lines are told to whoever listens to the protocol dump.
    pub(crate) fn dumped(cap: usize, peer: Peer) -> Self {
        Self { peer: Some(peer), ..Self::new(cap) }
    }

    fn parse(&self, line: &[u8]) -> Result<Frame, FrameError> {
        self.peer.iter().for_each(|peer| peer.received(line));
        Frame::parse(line)
    }

    /// Where the first line ends. Each byte is looked at once, and none beyond the cap.
    fn find_end(&mut self, bytes: &[u8]) -> Result<Option<usize>, CodecError> {
        let window = bytes.get(..=self.cap).unwrap_or(bytes);
        let unsearched = window.get(self.searched..).unwrap_or_default();
        if let Some(at) = unsearched.iter().position(|byte| *byte == b'\n') {
            return Ok(Some(std::mem::take(&mut self.searched) + at));
        }
        self.searched = window.len();
        if window.len() > self.cap {
            return Err(CodecError::LineTooLong(self.cap));
        }
        Ok(None)
    }
}

impl Decoder for LineCodec {
    type Item = Result<Frame, FrameError>;
    type Error = CodecError;

    fn decode(&mut self, bytes: &mut BytesMut) -> Result<Option<Self::Item>, CodecError> {
        while let Some(end) = self.find_end(bytes)? {
            let line = bytes.split_to(end + 1);
            let line = line.trim_ascii();
            if !line.is_empty() {
                return Ok(Some(self.parse(line)));
            }
        }
        Ok(None)
    }

    /// The last line may lack its end: one that was cut short is no JSON object, so it cannot be mistaken.
    fn decode_eof(&mut self, bytes: &mut BytesMut) -> Result<Option<Self::Item>, CodecError> {
        if let Some(item) = self.decode(bytes)? {
            return Ok(Some(item));
        }
        self.searched = 0;
        let rest = bytes.split();
        let rest = rest.trim_ascii();
        Ok((!rest.is_empty()).then(|| self.parse(rest)))
    }
}

impl Encoder<Frame> for LineCodec {
    type Error = CodecError;

    fn encode(&mut self, frame: Frame, bytes: &mut BytesMut) -> Result<(), CodecError> {
        let line = frame.to_line();
        self.peer.iter().for_each(|peer| peer.sent(&line));
        bytes.extend_from_slice(line.as_bytes());
        bytes.extend_from_slice(b"\n");
        Ok(())
    }
}
