//! Any message comes back from its line; any bytes give a value or an error, however they are cut.

#[path = "messages/stable.rs"]
mod stable;

use miner_core::bitcoin::hashes::Hash as _;
use miner_core::bitcoin::{BlockHash, CompactTarget};
use miner_core::{Extranonce, VersionMask};
use miner_stratum::message::{Configure, Configured, Redirect, Subscribe, Subscribed};
use miner_stratum::{ClientCall, Frame, Id, Notify, PoolCall, Rejection, Reply, Submit};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

fn extranonce(max: usize) -> impl Strategy<Value = Extranonce> {
    vec(any::<u8>(), 0..=max).prop_map(|bytes| Extranonce::try_from(&bytes[..]).unwrap())
}

fn mask() -> impl Strategy<Value = VersionMask> {
    any::<u32>().prop_map(VersionMask::new)
}

/// Characters of every kind, control characters among them, at most 256 bytes.
fn name() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..=64).prop_map(String::from_iter)
}

/// Without the blocks that hold Unicode's own controls.
fn readable() -> impl Strategy<Value = String> {
    let is_plain = |char: &char| !char.is_control() && !matches!(char, '\u{2000}'..='\u{206f}' | '\u{feff}');
    name().prop_map(move |name| name.chars().filter(is_plain).collect())
}

fn some_name() -> impl Strategy<Value = Option<String>> {
    readable().prop_map(|name| Some(name).filter(|name| !name.is_empty()))
}

/// Over all exponents, and the whole numbers that pools like.
fn difficulty() -> impl Strategy<Value = f64> {
    prop_oneof![
        (1..f64::INFINITY.to_bits()).prop_map(f64::from_bits),
        any::<u32>().prop_map(|whole| f64::from(whole) + 1.0),
    ]
}

fn notify() -> impl Strategy<Value = Notify> {
    let coinbase = || vec(any::<u8>(), 0..200);
    let branch = vec(any::<[u8; 32]>(), 0..=32);
    let numbers = any::<(u32, u32, u32, bool)>();
    (readable(), any::<[u8; 32]>(), coinbase(), coinbase(), branch, numbers).prop_map(
        |(job_id, previous, coinbase1, coinbase2, branch, (version, bits, time, clean))| Notify {
            job_id,
            prev_blockhash: BlockHash::from_byte_array(previous),
            coinbase1,
            coinbase2,
            branch,
            version,
            bits: CompactTarget::from_consensus(bits),
            time,
            clean,
        },
    )
}

fn pool_call() -> impl Strategy<Value = PoolCall> {
    prop_oneof![
        notify().prop_map(PoolCall::Notify),
        difficulty().prop_map(PoolCall::SetDifficulty),
        (extranonce(32), 0..=16u8).prop_map(|(extranonce1, extranonce2_size)| PoolCall::SetExtranonce {
            extranonce1,
            extranonce2_size
        }),
        mask().prop_map(PoolCall::SetVersionMask),
        (some_name(), any::<u16>(), any::<u64>()).prop_map(|(host, port, wait)| {
            PoolCall::Reconnect(Redirect { host, port: Some(port).filter(|port| *port != 0), wait })
        }),
        readable().prop_map(PoolCall::ShowMessage),
        Just(PoolCall::GetVersion),
        Just(PoolCall::Ping),
    ]
}

fn submit() -> impl Strategy<Value = Submit> {
    let numbers = any::<(u32, u32, Option<u32>)>();
    (name(), name(), extranonce(32), numbers).prop_map(
        |(worker, job_id, extranonce2, (time, nonce, version_bits))| Submit {
            worker,
            job_id,
            extranonce2,
            time,
            nonce,
            version_bits,
        },
    )
}

fn configure() -> impl Strategy<Value = Configure> {
    let rolling = proptest::option::of((mask(), 0..=32u8));
    (rolling, proptest::option::of(difficulty()), any::<bool>()).prop_map(
        |(version_rolling, minimum_difficulty, subscribe_extranonce)| Configure {
            version_rolling,
            minimum_difficulty,
            subscribe_extranonce,
        },
    )
}

fn client_call() -> impl Strategy<Value = ClientCall> {
    prop_oneof![
        configure().prop_map(ClientCall::Configure),
        (readable(), some_name())
            .prop_map(|(agent, session_id)| ClientCall::Subscribe(Subscribe { agent, session_id })),
        (name(), name()).prop_map(|(worker, password)| ClientCall::Authorize { worker, password }),
        submit().prop_map(ClientCall::Submit),
        difficulty().prop_map(ClientCall::SuggestDifficulty),
        Just(ClientCall::ExtranonceSubscribe),
        Just(ClientCall::Ping),
    ]
}

fn id() -> impl Strategy<Value = Id> {
    prop_oneof![
        Just(Value::Null),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[ -~]{0,64}".prop_map(Value::from),
    ]
    .prop_map(Id)
}

fn reply() -> impl Strategy<Value = Reply> {
    let granted = (proptest::option::of(mask()), any::<(bool, bool)>(), configure());
    let configured =
        granted.prop_map(|(version_rolling, (minimum_difficulty, subscribe_extranonce), asked)| {
            Configured { version_rolling, minimum_difficulty, subscribe_extranonce }.to_value(&asked)
        });
    let subscribed =
        (some_name(), extranonce(32), 0..=16u8).prop_map(|(session_id, extranonce1, extranonce2_size)| {
            Subscribed { session_id, extranonce1, extranonce2_size }.to_value()
        });
    let rejection =
        (any::<i64>(), readable()).prop_map(|(code, message)| Err(Rejection { code: Some(code), message }));
    let outcome = prop_oneof![
        configured.prop_map(Ok),
        subscribed.prop_map(Ok),
        Just(Ok(json!(true))),
        Just(Ok(json!("pong"))),
        rejection,
    ];
    (id(), outcome).prop_map(|(id, outcome)| Reply { id, outcome })
}

fn frame() -> impl Strategy<Value = Frame> {
    prop_oneof![
        (id(), pool_call()).prop_map(|(id, call)| Frame::Call(call.to_call(id))),
        (id(), client_call()).prop_map(|(id, call)| Frame::Call(call.to_call(id))),
        reply().prop_map(Frame::Reply),
    ]
}

/// One change to a line: cut, doubled, or bytes put in place of others, most of them of JSON's own.
#[derive(Debug, Clone)]
enum Change {
    Cut(usize),
    Double(usize, usize),
    Replace(usize, usize, Vec<u8>),
}

/// What JSON is sensitive to.
const PIECES: &[&str] = &[
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "\"",
    "\\",
    "\\u00",
    "-",
    "1e999",
    "1e-999",
    "0",
    ".",
    "null",
    "true",
    "[[[[",
    "\"id\":",
    "\u{0}",
    "é",
    "18446744073709551616",
    "{\"\":",
];

fn change() -> impl Strategy<Value = Change> {
    let at = || 0..4000usize;
    let piece = proptest::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec());
    prop_oneof![
        1 => at().prop_map(Change::Cut),
        2 => (at(), 0..40usize).prop_map(|(at, size)| Change::Double(at, size)),
        6 => (at(), 0..4usize, piece).prop_map(|(at, size, piece)| Change::Replace(at, size, piece)),
        3 => (at(), 0..4usize, vec(any::<u8>(), 0..3))
            .prop_map(|(at, size, bytes)| Change::Replace(at, size, bytes)),
    ]
}

fn apply(line: &mut Vec<u8>, change: Change) {
    let place = |at: usize, size: usize| {
        let at = at % (line.len() + 1);
        at..(at + size).min(line.len())
    };
    match change {
        Change::Cut(at) => line.truncate(place(at, 0).start),
        Change::Double(at, size) => {
            let place = place(at, size);
            let twice = line[place.clone()].repeat(2);
            line.splice(place, twice);
        }
        Change::Replace(at, size, bytes) => {
            line.splice(place(at, size), bytes);
        }
    }
}

/// The bytes in pieces of these sizes, over and over.
fn chunks(bytes: &[u8], sizes: &[usize]) -> Vec<Vec<u8>> {
    let mut rest = bytes;
    let mut chunks = Vec::new();
    for size in sizes.iter().cycle() {
        let (chunk, left) = rest.split_at((*size).min(rest.len()));
        chunks.push(chunk.to_vec());
        rest = left;
        if rest.is_empty() {
            break;
        }
    }
    chunks
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn pool_calls_come_back(call in pool_call(), id in id()) {
        let frame = Frame::Call(call.to_call(id));
        let Ok(Frame::Call(read)) = Frame::parse(frame.to_line().as_bytes()) else { panic!("{frame:?}") };
        prop_assert_eq!(PoolCall::parse(&read), Ok(call));
        prop_assert_eq!(Frame::Call(read), frame);
    }

    #[test]
    fn client_calls_come_back(call in client_call(), id in id()) {
        let frame = Frame::Call(call.to_call(id));
        let Ok(Frame::Call(read)) = Frame::parse(frame.to_line().as_bytes()) else { panic!("{frame:?}") };
        prop_assert_eq!(ClientCall::parse(&read), Ok(call));
        prop_assert_eq!(Frame::Call(read), frame);
    }

    #[test]
    fn replies_come_back(reply in reply()) {
        let frame = Frame::Reply(reply);
        prop_assert_eq!(Frame::parse(frame.to_line().as_bytes()), Ok(frame));
    }

    #[test]
    fn what_is_granted_is_what_is_read(configure in configure(), mask in mask()) {
        let granted = Configured {
            version_rolling: configure.version_rolling.map(|_| mask),
            minimum_difficulty: configure.minimum_difficulty.is_some(),
            subscribe_extranonce: configure.subscribe_extranonce,
        };
        prop_assert_eq!(Configured::parse(&granted.to_value(&configure)), Ok(granted));
    }

    #[test]
    fn difficulties_are_rounded_as_rust_does(digits in any::<u64>(), exponent in -350..=288i32) {
        let number = format!("{digits}e{exponent}");
        let line = format!(r#"{{"method":"mining.set_difficulty","params":[{number}]}}"#);
        let Ok(Frame::Call(call)) = Frame::parse(line.as_bytes()) else { panic!("{line}") };
        let exact: f64 = number.parse().unwrap();
        let expected = (exact > 0.0).then_some(PoolCall::SetDifficulty(exact));
        prop_assert_eq!(PoolCall::parse(&call).ok(), expected);
    }

    #[test]
    fn any_bytes_are_a_value_or_an_error(bytes in vec(any::<u8>(), 0..300)) {
        stable::line(&bytes);
    }

    #[test]
    fn any_damage_to_a_line_is_a_value_or_an_error(frame in frame(), changes in vec(change(), 1..6)) {
        let mut line = frame.to_line().into_bytes();
        for change in changes {
            apply(&mut line, change);
        }
        stable::line(&line);
    }

    #[test]
    fn it_does_not_matter_how_lines_are_cut(
        lines in vec((frame(), proptest::option::of((0..4000usize, any::<u8>()))), 0..5),
        ends in vec(proptest::sample::select(&["\n", "\r\n", "\n\n", " \n"][..]), 5),
        sizes in vec(1..400usize, 1..8),
        cap in 100..4000usize,
    ) {
        let mut bytes = Vec::new();
        for ((frame, damage), end) in lines.iter().zip(ends) {
            let mut line = frame.to_line().into_bytes();
            if let Some((at, byte)) = damage {
                let at = at % line.len();
                line[at] = *byte;
            }
            bytes.extend(line);
            bytes.extend(end.as_bytes());
        }
        let cut = chunks(&bytes, &sizes);
        let frames = stable::frames(cap, cut.iter().map(Vec::as_slice));
        prop_assert_eq!(&frames, &stable::frames(cap, [&bytes[..]]));
        if cap > bytes.len() {
            let whole: Vec<_> = lines.iter().filter(|(_, damage)| damage.is_none()).map(|(frame, _)| frame).collect();
            let read = frames.iter().flatten().flatten();
            prop_assert!(whole.iter().all(|frame| read.clone().any(|read| read == *frame)));
        }
    }
}
