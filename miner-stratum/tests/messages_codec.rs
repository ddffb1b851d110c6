//! Lines from bytes, however they arrive.

use bytes::BytesMut;
use miner_stratum::codec::{CodecError, LineCodec};
use miner_stratum::{ClientCall, Frame, FrameError, Id};
use tokio_util::codec::{Decoder as _, Encoder as _};

const PING: &str = r#"{"id":1,"method":"mining.ping","params":[]}"#;

fn ping() -> Frame {
    Frame::Call(ClientCall::Ping.to_call(Id::from(1)))
}

/// All that comes out of these bytes, of a connection that then ends.
fn read(cap: usize, bytes: &[u8]) -> Vec<Result<Frame, FrameError>> {
    let (mut codec, mut bytes) = (LineCodec::new(cap), BytesMut::from(bytes));
    std::iter::from_fn(|| codec.decode_eof(&mut bytes).unwrap()).collect()
}

#[test]
fn line_ends_and_empty_lines_of_all_kinds_are_accepted() {
    let bytes = format!("\n\r\n  \r\n{PING}\n{PING}\r\n\n \t{PING} \r\n");
    assert_eq!(read(1000, bytes.as_bytes()), vec![Ok(ping()); 3]);
}

#[test]
fn a_bad_line_is_an_item_and_the_next_one_is_read() {
    let items = read(1000, format!("nonsense\n{{\"id\":1e400}}\n[]\n\0\n{PING}\n").as_bytes());
    assert!(items[..4].iter().all(Result::is_err), "{items:?}");
    assert_eq!(items[4..], [Ok(ping())]);
}

#[test]
fn the_last_line_may_lack_its_end_but_not_its_half() {
    assert_eq!(read(1000, PING.as_bytes()), [Ok(ping())]);
    assert_eq!(read(1000, format!("{PING}\r").as_bytes()), [Ok(ping())]);
    assert_eq!(read(1000, b"\r"), []);
    for cut in 1..PING.len() {
        let items = read(1000, &PING.as_bytes()[..cut]);
        assert!(matches!(items[..], [Err(FrameError::Json(_))]), "{items:?}");
    }
}

#[test]
fn a_line_over_the_cap_is_fatal_with_or_without_its_end() {
    let mut padded = PING.to_owned();
    padded.extend(std::iter::repeat_n(' ', 1000 - PING.len()));
    assert_eq!(read(1000, format!("{padded}\n{padded}\n").as_bytes()), vec![Ok(ping()); 2]);
    assert_eq!(read(1000, padded.as_bytes()), [Ok(ping())]);
    for bytes in [format!("{padded} "), format!("{padded} \n"), format!("{padded}\r\n")] {
        let (mut codec, mut bytes) = (LineCodec::new(1000), BytesMut::from(bytes.as_bytes()));
        for _ in 0..2 {
            let error = codec.decode(&mut bytes).unwrap_err();
            assert!(matches!(error, CodecError::LineTooLong(1000)));
            assert_eq!(error.to_string(), "a line is longer than 1000 bytes");
        }
    }
}

#[test]
fn a_line_before_one_over_the_cap_is_still_read() {
    let (mut codec, mut bytes) =
        (LineCodec::new(100), BytesMut::from(format!("{PING}\n{:200}", ' ').as_str()));
    assert_eq!(codec.decode(&mut bytes).unwrap(), Some(Ok(ping())));
    assert!(codec.decode(&mut bytes).is_err());
}

#[test]
fn a_line_that_trickles_in_is_searched_once_and_allocates_nothing() {
    let (mut codec, mut bytes) = (LineCodec::new(1 << 20), BytesMut::with_capacity(1 << 20));
    // Searched anew at each byte this would be half a trillion steps.
    for _ in 0..(1 << 20) - PING.len() {
        bytes.extend_from_slice(b" ");
        assert_eq!(codec.decode(&mut bytes).unwrap(), None);
    }
    bytes.extend_from_slice(PING.as_bytes());
    assert_eq!(codec.decode(&mut bytes).unwrap(), None);
    assert_eq!(bytes.capacity(), 1 << 20);
    bytes.extend_from_slice(b"\n");
    assert_eq!(codec.decode(&mut bytes).unwrap(), Some(Ok(ping())));
    assert!(bytes.is_empty());
    // The next line starts anew.
    bytes.extend_from_slice(format!("{PING}\n").as_bytes());
    assert_eq!(codec.decode(&mut bytes).unwrap(), Some(Ok(ping())));
}

#[test]
fn frames_are_written_as_lines() {
    let mut bytes = BytesMut::new();
    for _ in 0..2 {
        LineCodec::new(10).encode(ping(), &mut bytes).unwrap();
    }
    assert_eq!(bytes, format!("{PING}\n{PING}\n").as_bytes());
}
