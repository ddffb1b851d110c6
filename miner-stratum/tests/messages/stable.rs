//! What must hold of any bytes, for property tests and fuzzing: reading gives a value or an error, never a panic,
//! and what was read is written so that it reads the same.

use miner_stratum::codec::LineCodec;
use miner_stratum::message::{Configure, Configured, Subscribed};
use miner_stratum::{Call, ClientCall, Frame, FrameError, PoolCall};
use serde_json::Value;
use tokio_util::bytes::BytesMut;
use tokio_util::codec::Decoder as _;

/// A line, and all that its frame can mean.
pub(crate) fn line(line: &[u8]) {
    let Ok(frame) = Frame::parse(line) else { return };
    let written = frame.to_line();
    assert!(!written.contains(['\n', '\r']), "a line in a line: {written:?}");
    let read = Frame::parse(written.as_bytes()).expect("what was written is a frame");
    match &frame {
        Frame::Call(call) => {
            assert_eq!(read, frame);
            pool_call(call);
            client_call(call);
        }
        Frame::Reply(reply) => {
            assert_eq!(read.to_line(), written);
            if let Ok(value) = &reply.outcome {
                configured(value);
                subscribed(value);
            }
        }
    }
}

/// A call to a client.
pub(crate) fn pool_call(call: &Call) {
    if let Ok(read) = PoolCall::parse(call) {
        assert_eq!(PoolCall::parse(&read.to_call(call.id.clone())), Ok(read.clone()), "{call:?}");
        if let PoolCall::Notify(notify) = read
            && let Ok(job) = notify.to_job()
        {
            assert_eq!(miner_stratum::Notify::of(&job), Some(notify));
        }
    }
}

/// A call to a server.
pub(crate) fn client_call(call: &Call) {
    if let Ok(read) = ClientCall::parse(call) {
        assert_eq!(ClientCall::parse(&read.to_call(call.id.clone())), Ok(read), "{call:?}");
    }
}

/// The result of `mining.configure`.
pub(crate) fn configured(result: &Value) {
    if let Ok(read) = Configured::parse(result) {
        let asked = Configure {
            version_rolling: Some(Default::default()),
            minimum_difficulty: Some(1.0),
            subscribe_extranonce: true,
        };
        assert_eq!(Configured::parse(&read.to_value(&asked)), Ok(read), "{result}");
    }
}

/// The result of `mining.subscribe`.
pub(crate) fn subscribed(result: &Value) {
    if let Ok(read) = Subscribed::parse(result) {
        assert_eq!(Subscribed::parse(&read.to_value()), Ok(read.clone()), "{result}");
    }
}

/// What comes out of a connection that delivers these chunks and ends; `None` stands for a line over the cap.
pub(crate) fn frames<'a>(
    cap: usize,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<Option<Result<Frame, FrameError>>> {
    let (mut codec, mut buffer, mut frames) = (LineCodec::new(cap), BytesMut::new(), Vec::new());
    for chunk in chunks {
        buffer.extend_from_slice(chunk);
        loop {
            match codec.decode(&mut buffer) {
                Ok(Some(frame)) => frames.push(Some(frame)),
                Ok(None) => break,
                Err(_) => {
                    frames.push(None);
                    return frames;
                }
            }
        }
    }
    while let Some(frame) = codec.decode_eof(&mut buffer).expect("the cap was checked above") {
        frames.push(Some(frame));
    }
    frames
}
