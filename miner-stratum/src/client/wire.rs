//! Frames over a stream: buffers both ways, so that neither direction waits for the other.

use std::io;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio_util::codec::{Decoder as _, Encoder as _};

use crate::LineCodec;
use crate::codec::{CodecError, POOL_LINE};
use crate::connect::Transport;
use crate::dump::Peer;
use crate::message::{Frame, FrameError};

/// Bytes read at once, at most.
const CHUNK: usize = 16 * 1024;
/// Bytes that may wait for a pool that does not read.
const MAX_UNREAD: usize = 256 * 1024;

/// A connection and its buffers.
pub(super) struct Wire {
    reader: ReadHalf<Box<dyn Transport>>,
    input: BytesMut,
    codec: LineCodec,
    outbound: Outbound,
}

struct Outbound {
    writer: WriteHalf<Box<dyn Transport>>,
    bytes: BytesMut,
    flushed: bool,
}

impl Wire {
    pub(super) fn new(stream: Box<dyn Transport>, peer: Peer) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        let outbound = Outbound { writer, bytes: BytesMut::new(), flushed: true };
        Self { reader, input: BytesMut::new(), codec: LineCodec::dumped(POOL_LINE, peer), outbound }
    }

    /// Queues a frame; [`Wire::turn`] writes it.
    pub(super) fn queue(&mut self, frame: Frame) -> Result<(), CodecError> {
        if self.outbound.bytes.len() > MAX_UNREAD {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the pool does not read").into());
        }
        self.codec.encode(frame, &mut self.outbound.bytes)
    }

    /// Writes what is queued until something arrives; how many bytes, 0 at the end of the stream. May be dropped
    /// at any time and called again.
    pub(super) async fn turn(&mut self) -> io::Result<usize> {
        self.input.reserve(CHUNK);
        loop {
            tokio::select! {
                biased;
                written = self.outbound.write(), if !self.outbound.flushed || !self.outbound.bytes.is_empty() => written?,
                read = self.reader.read_buf(&mut self.input) => return read,
            }
        }
    }

    /// The next whole line of what has arrived.
    pub(super) fn line(&mut self) -> Result<Option<Result<Frame, FrameError>>, CodecError> {
        self.codec.decode(&mut self.input)
    }

    /// Whether what has arrived ends within a line.
    pub(super) fn is_within_line(&self) -> bool {
        !self.input.is_empty()
    }
}

impl Outbound {
    async fn write(&mut self) -> io::Result<()> {
        while self.bytes.has_remaining() {
            self.flushed = false;
            if self.writer.write_buf(&mut self.bytes).await? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        self.writer.flush().await?;
        self.flushed = true;
        Ok(())
    }
}
