//! The calls of both sides: what real peers write is read, and what is written is exactly what
//! they expect. The envelope and the results have their own tests.

use miner_core::bitcoin::CompactTarget;
use miner_core::{Extranonce, Job, VersionMask};
use miner_stratum::message::{Configure, Redirect, Subscribe};
use miner_stratum::{Call, ClientCall, Frame, Id, MessageError, Notify, PoolCall, Submit};
use serde_json::{Value, json};

fn call(method: &str, params: Value) -> Call {
    Call { id: Id::NULL, method: method.to_owned(), params }
}

fn pool(method: &str, params: Value) -> Result<PoolCall, MessageError> {
    PoolCall::parse(&call(method, params))
}

fn client(method: &str, params: Value) -> Result<ClientCall, MessageError> {
    ClientCall::parse(&call(method, params))
}

fn extranonce(bytes: &[u8]) -> Extranonce {
    Extranonce::try_from(bytes).unwrap()
}

fn fault<T: std::fmt::Debug>(result: Result<T, MessageError>) -> String {
    result.unwrap_err().to_string()
}

/// Each call as a line, which reads back as the same.
#[test]
fn clients_write_exactly_what_works_everywhere() {
    let configure = Configure { version_rolling: Some((VersionMask::BIP320, 2)), ..Configure::default() };
    let everything =
        Configure { minimum_difficulty: Some(0.5), subscribe_extranonce: true, ..configure.clone() };
    let subscribe = Subscribe { agent: "agent/1.0".into(), session_id: None };
    let submit = Submit {
        worker: "user.worker".into(),
        job_id: "JOB 1".into(),
        extranonce2: extranonce(&[0, 0, 0, 1]),
        time: 0x504e_86ed,
        nonce: 0x0000_02a1,
        version_bits: None,
    };
    let rolled = Submit { version_bits: Some(0), ..submit.clone() };
    let calls = [
        (
            ClientCall::Configure(configure),
            r#"{"id":1,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"1fffe000","version-rolling.min-bit-count":2}]}"#,
        ),
        (
            ClientCall::Configure(everything),
            r#"{"id":1,"method":"mining.configure","params":[["version-rolling","minimum-difficulty","subscribe-extranonce"],{"minimum-difficulty.value":0.5,"version-rolling.mask":"1fffe000","version-rolling.min-bit-count":2}]}"#,
        ),
        (
            ClientCall::Subscribe(subscribe.clone()),
            r#"{"id":1,"method":"mining.subscribe","params":["agent/1.0"]}"#,
        ),
        (
            ClientCall::Subscribe(Subscribe { session_id: Some("S".into()), ..subscribe }),
            r#"{"id":1,"method":"mining.subscribe","params":["agent/1.0","S"]}"#,
        ),
        (
            ClientCall::Authorize { worker: "user.worker".into(), password: "x".into() },
            r#"{"id":1,"method":"mining.authorize","params":["user.worker","x"]}"#,
        ),
        (
            ClientCall::Submit(submit),
            r#"{"id":1,"method":"mining.submit","params":["user.worker","JOB 1","00000001","504e86ed","000002a1"]}"#,
        ),
        (
            ClientCall::Submit(rolled),
            r#"{"id":1,"method":"mining.submit","params":["user.worker","JOB 1","00000001","504e86ed","000002a1","00000000"]}"#,
        ),
        (
            ClientCall::SuggestDifficulty(512.0),
            r#"{"id":1,"method":"mining.suggest_difficulty","params":[512]}"#,
        ),
        (ClientCall::ExtranonceSubscribe, r#"{"id":1,"method":"mining.extranonce.subscribe","params":[]}"#),
        (ClientCall::Ping, r#"{"id":1,"method":"mining.ping","params":[]}"#),
    ];
    for (call, line) in calls {
        let frame = Frame::Call(call.to_call(Id::from(1)));
        assert_eq!(frame.to_line(), line);
        let Ok(Frame::Call(read)) = Frame::parse(line.as_bytes()) else { panic!("{line}") };
        assert_eq!(ClientCall::parse(&read), Ok(call));
    }
}

#[test]
fn pools_write_exactly_what_works_everywhere() {
    let here = Redirect::default();
    let there = Redirect { host: Some("eu.pool.example".into()), port: Some(3333), wait: 5 };
    let set_extranonce =
        PoolCall::SetExtranonce { extranonce1: extranonce(&[8, 0, 0, 2]), extranonce2_size: 4 };
    let calls = [
        (PoolCall::SetDifficulty(16383.75), r#""mining.set_difficulty","params":[16383.75]}"#),
        (PoolCall::SetDifficulty(512.0), r#""mining.set_difficulty","params":[512]}"#),
        (PoolCall::SetDifficulty(1e15), r#""mining.set_difficulty","params":[1000000000000000]}"#),
        (set_extranonce, r#""mining.set_extranonce","params":["08000002",4]}"#),
        (
            PoolCall::SetVersionMask(VersionMask::new(0x3000)),
            r#""mining.set_version_mask","params":["00003000"]}"#,
        ),
        (PoolCall::Reconnect(here), r#""client.reconnect","params":[]}"#),
        (PoolCall::Reconnect(there), r#""client.reconnect","params":["eu.pool.example",3333,5]}"#),
        (
            PoolCall::Reconnect(Redirect { wait: 5, ..Redirect::default() }),
            r#""client.reconnect","params":["",0,5]}"#,
        ),
        (PoolCall::ShowMessage("text".into()), r#""client.show_message","params":["text"]}"#),
        (PoolCall::GetVersion, r#""client.get_version","params":[]}"#),
        (PoolCall::Ping, r#""mining.ping","params":[]}"#),
    ];
    for (call, rest) in calls {
        let line = Frame::Call(call.to_call(Id::NULL)).to_line();
        assert_eq!(line, format!(r#"{{"id":null,"method":{rest}"#));
        let Ok(Frame::Call(read)) = Frame::parse(line.as_bytes()) else { panic!("{line}") };
        assert_eq!(PoolCall::parse(&read), Ok(call));
    }
}

#[test]
fn numbers_that_nobody_padded_are_read() {
    let hash = "00".repeat(32);
    let notify = Notify::parse(&json!(["j", hash, "", "", [], "2", "1D00FFFF", "0", true])).unwrap();
    assert_eq!(
        (notify.version, notify.bits, notify.time),
        (2, CompactTarget::from_consensus(0x1d00_ffff), 0)
    );
    let mask = |mask: &str| pool("mining.set_version_mask", json!([mask]));
    assert_eq!(mask("3000"), Ok(PoolCall::SetVersionMask(VersionMask::new(0x3000))));
    // Bit 31 is never rolled.
    assert_eq!(mask("ffffffff"), Ok(PoolCall::SetVersionMask(VersionMask::new(0x7fff_ffff))));
    for word in ["", "0x2", "+2", "-2", " 2", "000000002", "2g", "２"] {
        assert_eq!(fault(mask(word)), "mining.set_version_mask: mask is not 1 to 8 hex digits", "{word}");
    }
}

#[test]
fn difficulties_are_exactly_the_number_of_the_json() {
    // Decimals that a parser off by one bit would not hit, beside the usual ones.
    let numbers = [
        "1",
        "512",
        "16383.75",
        "0.001",
        "4.6565423739069247e-10",
        "2.3283064365386963e-10",
        "1e300",
        "5e-324",
        "9007199254740993",
        "8.533e+68",
        "4.1006e-184",
        "9.998e+307",
        "9.9538452227e-280",
        "6.47660115e-260",
        "7.4e+47",
        "5.92e+48",
        "7.35e+66",
        "8.32116e+55",
        "0.1",
        "1000000000000000000000000",
    ];
    for number in numbers {
        let line = format!(r#"{{"method":"mining.set_difficulty","params":[{number}]}}"#);
        let Ok(Frame::Call(call)) = Frame::parse(line.as_bytes()) else { panic!("{line}") };
        let exact: f64 = number.parse().unwrap();
        assert_eq!(PoolCall::parse(&call), Ok(PoolCall::SetDifficulty(exact)), "{number}");
    }
    for number in [json!(0), json!(-1), json!(-0.0), json!(0.0), json!("512"), json!(null), json!([1])] {
        let fault = fault(pool("mining.set_difficulty", json!([number])));
        assert!(fault.starts_with("mining.set_difficulty: difficulty is "), "{fault}");
    }
}

#[test]
fn a_wish_to_reconnect_may_leave_out_anything() {
    let parse = |params| match pool("client.reconnect", params) {
        Ok(PoolCall::Reconnect(Redirect { host, port, wait })) => (host, port, wait),
        other => panic!("{other:?}"),
    };
    let host = || Some("a.example".to_owned());
    assert_eq!(parse(json!(null)), (None, None, 0));
    assert_eq!(parse(json!([])), (None, None, 0));
    assert_eq!(parse(json!(["a.example"])), (host(), None, 0));
    assert_eq!(parse(json!(["a.example", 3333])), (host(), Some(3333), 0));
    assert_eq!(parse(json!(["a.example", "3333", "10"])), (host(), Some(3333), 10));
    assert_eq!(parse(json!(["", 0, 10])), (None, None, 10));
    assert_eq!(parse(json!([null, null, null])), (None, None, 0));
    for port in [json!(65536), json!(-1), json!("x"), json!("99999999999999999999")] {
        assert_eq!(
            fault(pool("client.reconnect", json!(["a", port, 0]))),
            "client.reconnect: port is no whole number from 0 to 65535"
        );
    }
    assert!(fault(pool("client.reconnect", json!(["a".repeat(257)]))).contains("host has 257 bytes"));
}

#[test]
fn what_a_pool_shows_is_safe_to_print() {
    let shown = |text: &str| pool("client.show_message", json!([text]));
    assert_eq!(shown("\u{1b}]0;owned\u{7} \u{85}hé"), Ok(PoolCall::ShowMessage("]0;owned hé".into())));
    assert_eq!(shown(&"é".repeat(1000)), Ok(PoolCall::ShowMessage("é".repeat(128))));
}

#[test]
fn unknown_methods_are_named() {
    assert_eq!(fault(pool("mining.subscribe", json!([]))), "unknown method `mining.subscribe`");
    assert_eq!(fault(client("mining.notify", json!([]))), "unknown method `mining.notify`");
    assert_eq!(fault(client("a\u{1b}b", json!([]))), "unknown method `ab`");
}

#[test]
fn what_miners_are_known_to_configure_is_understood() {
    let parse = |params| match client("mining.configure", params) {
        Ok(ClientCall::Configure(configure)) => configure,
        other => panic!("{other:?}"),
    };
    let rolling = |mask, bits| Configure {
        version_rolling: Some((VersionMask::new(mask), bits)),
        ..Configure::default()
    };
    let mask = json!({"version-rolling.mask": "1fffe000"});
    assert_eq!(parse(json!([["version-rolling"], mask])), rolling(0x1fff_e000, 0));
    for bits in [json!(2), json!("2"), json!("00000002")] {
        let options = json!({"version-rolling.mask": "1fffe000", "version-rolling.min-bit-count": bits});
        assert_eq!(parse(json!([["version-rolling"], options])), rolling(0x1fff_e000, 2));
    }
    assert_eq!(parse(json!([["version-rolling"], {}])), rolling(0x7fff_ffff, 0));
    assert_eq!(parse(json!([["version-rolling"]])), rolling(0x7fff_ffff, 0));
    assert_eq!(parse(json!([["info", 7], mask])), Configure::default(), "options alone ask for nothing");
    assert_eq!(
        parse(json!([["subscribe-extranonce", "minimum-difficulty"], {"minimum-difficulty.value": 2048}])),
        Configure { minimum_difficulty: Some(2048.0), subscribe_extranonce: true, ..Configure::default() }
    );
    assert_eq!(parse(json!([["minimum-difficulty"], {"minimum-difficulty": 2048}])), Configure::default());
}

#[test]
fn what_miners_are_known_to_subscribe_with_is_understood() {
    let parse = |params| match client("mining.subscribe", params) {
        Ok(ClientCall::Subscribe(Subscribe { agent, session_id })) => (agent, session_id),
        other => panic!("{other:?}"),
    };
    let agent = || "bosminer/1".to_owned();
    assert_eq!(parse(json!([])), (String::new(), None));
    assert_eq!(parse(json!(null)), (String::new(), None));
    assert_eq!(parse(json!([null, null])), (String::new(), None));
    assert_eq!(parse(json!(["bosminer/1"])), (agent(), None));
    assert_eq!(parse(json!(["bosminer/1", null])), (agent(), None));
    assert_eq!(parse(json!(["bosminer/1", ""])), (agent(), None));
    assert_eq!(parse(json!(["bosminer/1", "S"])), (agent(), Some("S".into())));
    assert_eq!(parse(json!(["bosminer/1", null, "stratum.example", null])), (agent(), None));
    assert_eq!(parse(json!(["bos\u{1b}miner/1"])), (agent(), None));
}

#[test]
fn a_password_may_be_missing() {
    let authorize = ClientCall::Authorize { worker: "w".into(), password: String::new() };
    assert_eq!(client("mining.authorize", json!(["w"])), Ok(authorize.clone()));
    assert_eq!(client("mining.authorize", json!(["w", null, 1])), Ok(authorize));
}

#[test]
fn a_job_has_its_bounds() {
    let parse = |id: usize, first: usize, second: usize, levels: usize| {
        Notify::parse(&json!([
            "j".repeat(id),
            "00".repeat(32),
            "00".repeat(first),
            "00".repeat(second),
            vec!["00".repeat(32); levels],
            "20000000",
            "207fffff",
            "504e86b9",
            false
        ]))
    };
    let largest = parse(256, 65_000, 536, 32).unwrap();
    assert_eq!((largest.job_id.len(), largest.branch.len()), (256, 32));
    assert!(largest.to_job().is_ok());
    assert_eq!(fault(parse(257, 0, 0, 0)), "mining.notify: job id has 257 bytes, more than 256");
    assert_eq!(fault(parse(0, 65_537, 0, 0)), "mining.notify: coinb1 has more than 65536 bytes");
    assert_eq!(fault(parse(0, 65_000, 537, 0)), "mining.notify: coinb2 has more than 536 bytes");
    assert_eq!(fault(parse(0, 0, 0, 33)), "mining.notify: merkle branch has 33 levels, more than 32");
}

#[test]
fn a_job_with_a_fixed_root_cannot_be_announced() {
    let header = miner_core::header::from_hex(&"00".repeat(80)).unwrap();
    let header =
        miner_core::bitcoin::block::Header { bits: CompactTarget::from_consensus(0x207f_ffff), ..header };
    assert_eq!(Notify::of(&Job::from_header("j", &header).unwrap()), None);
}

#[test]
fn an_id_that_cannot_be_sent_back_makes_no_job() {
    let notify = |id: &str| {
        let hash = "0".repeat(64);
        pool("mining.notify", json!([id, hash, "01", "02", [], "20000000", "1d00ffff", "504e86b9", true]))
    };
    assert!(notify("id with \"spaces\"").is_ok());
    assert!(notify("\u{1}").unwrap_err().to_string().contains("job id holds control characters"));
}
