//! The envelope: which lines are calls, which are replies, which are nothing, and how they are written.

use miner_stratum::{Call, Frame, FrameError, Id, Rejection, Reply};
use serde_json::{Value, json};

fn frame(line: &str) -> Frame {
    Frame::parse(line.as_bytes()).unwrap_or_else(|error| panic!("{line}: {error}"))
}

fn outcome(line: &str) -> Result<Value, Rejection> {
    match frame(line) {
        Frame::Call(_) => panic!("{line} is a call"),
        Frame::Reply(reply) => reply.outcome,
    }
}

fn rejection(code: impl Into<Option<i64>>, message: &str) -> Result<Value, Rejection> {
    Err(Rejection { code: code.into(), message: message.to_owned() })
}

#[test]
fn every_form_of_rejection_is_understood() {
    let all = [
        (r#"{"id":4,"result":null,"error":[21,"Job not found",null]}"#, rejection(21, "Job not found")),
        (r#"{"id":4,"result":null,"error":[21,"Job not found"]}"#, rejection(21, "Job not found")),
        (r#"{"id":4,"error":[21,"Job not found",null]}"#, rejection(21, "Job not found")),
        (r#"{"id":4,"result":false,"error":"Stale"}"#, rejection(None, "Stale")),
        (r#"{"id":4,"result":null,"error":{"code":22,"message":"Duplicate"}}"#, rejection(22, "Duplicate")),
        (r#"{"id":4,"result":null,"error":{"message":"Duplicate"}}"#, rejection(None, "Duplicate")),
        (r#"{"id":4,"result":null,"error":{"code":22}}"#, rejection(22, r#"{"code":22}"#)),
        (r#"{"result":false,"error":null,"reject-reason":"Above target"}"#, rejection(None, "Above target")),
        (r#"{"reject-reason":"Above target"}"#, rejection(None, "Above target")),
        (r#"{"result":false,"error":[-1,"a",null],"reject-reason":"b"}"#, rejection(-1, "a")),
        (r#"{"id":4,"result":null,"error":[23]}"#, rejection(23, "[23]")),
        (r#"{"id":4,"result":null,"error":["Stale"]}"#, rejection(None, "Stale")),
        (r#"{"id":4,"result":null,"error":[21,"a","traceback"]}"#, rejection(21, "a")),
        (r#"{"id":4,"result":null,"error":23}"#, rejection(None, "23")),
        (r#"{"id":4,"result":null,"error":true}"#, rejection(None, "true")),
        (r#"{"id":4,"result":false,"error":null}"#, Ok(json!(false))),
        (r#"{"id":4,"result":true}"#, Ok(json!(true))),
        (r#"{"id":4,"error":null}"#, Ok(json!(null))),
        (r#"{"id":4,"result":true,"error":[]}"#, Ok(json!(true))),
        (r#"{"id":4,"result":true,"error":{}}"#, Ok(json!(true))),
        (r#"{"id":4,"result":true,"error":""}"#, Ok(json!(true))),
        (r#"{"id":4,"result":true,"error":false}"#, Ok(json!(true))),
        (r#"{"id":4,"result":true,"error":0}"#, Ok(json!(true))),
        (r#"{"id":4,"result":null,"error":["21","Job not found",null]}"#, rejection(21, "Job not found")),
        (r#"{"id":4,"result":null,"error":{"code":"22","message":"Duplicate"}}"#, rejection(22, "Duplicate")),
    ];
    for (line, expected) in all {
        assert_eq!(outcome(line), expected, "{line}");
    }
}

#[test]
fn a_rejections_words_are_stripped_and_capped() {
    let error = json!([20, format!("\u{1b}[31mred\r\n\t\u{9b}{}é", "x".repeat(250)), null]);
    let line = json!({"id": 1, "result": null, "error": error}).to_string();
    // "[31mred" and the x are 257 bytes: the last x has no room, and neither has the é.
    assert_eq!(outcome(&line), rejection(20, &format!("[31mred{}", "x".repeat(249))));
}

#[test]
fn an_answer_in_another_encoding_is_an_answer() {
    let parsed = Frame::parse(b"{\"id\":4,\"result\":null,\"error\":[21,\"p\xe9rim\xe9\",null]}");
    let outcome = rejection(21, "p\u{fffd}rim\u{fffd}");
    assert_eq!(parsed, Ok(Frame::Reply(Reply { id: 4.into(), outcome })));
}

#[test]
fn what_would_hide_or_reorder_words_is_stripped() {
    assert_eq!(outcome(r#"{"error":"\u202egpj.\u2066a\u2028b\ufeff"}"#), rejection(None, "gpj.ab"));
}

#[test]
fn text_is_cut_on_the_boundary_of_a_character() {
    let line = json!({"error": format!("x{}", "é".repeat(200))}).to_string();
    assert_eq!(outcome(&line), rejection(None, &format!("x{}", "é".repeat(127))));
}

#[test]
fn any_id_is_echoed_and_none_is_null() {
    let ids = ["4", "\"4\"", "null", "-1", "1.5", "18446744073709551615", "\"\"", "\"a b\""];
    for id in ids {
        let Frame::Call(call) = frame(&format!(r#"{{"method":"mining.ping","id":{id},"params":[]}}"#)) else {
            panic!("a method makes a call");
        };
        let reply = Frame::Reply(Reply { id: call.id, outcome: Ok(json!("pong")) });
        assert_eq!(reply.to_line(), format!(r#"{{"id":{id},"result":"pong","error":null}}"#));
    }
    let Frame::Call(call) = frame(r#"{"method":"mining.ping"}"#) else { panic!("a call") };
    assert_eq!(call, Call { id: Id::NULL, method: "mining.ping".into(), params: Value::Null });
}

#[test]
fn an_id_is_a_number_also_as_a_string() {
    assert_eq!(Id(json!(7)).number(), Some(7));
    assert_eq!(Id(json!("7")).number(), Some(7));
    assert_eq!(Id::from(u64::MAX).number(), Some(u64::MAX));
    for id in
        [json!(null), json!(-7), json!(7.5), json!("x7"), json!("+7"), json!(""), json!([7]), json!(true)]
    {
        assert_eq!(Id(id.clone()).number(), None, "{id}");
    }
}

#[test]
fn unknown_keys_and_a_json_rpc_version_do_not_matter() {
    let plain = frame(r#"{"id":1,"method":"m","params":[1]}"#);
    assert_eq!(frame(r#"{"jsonrpc":"2.0","x":{"y":[]},"params":[1],"method":"m","id":1}"#), plain);
    assert_eq!(frame(" {\t\"id\" : 1 , \"method\":\"m\", \"params\": [ 1 ] } \r"), plain);
    // A reply that names a method after all, as null.
    assert_eq!(outcome(r#"{"id":1,"method":null,"result":true}"#), Ok(json!(true)));
}

#[test]
fn what_is_no_frame_says_why() {
    let json = |line: &[u8]| match Frame::parse(line) {
        Err(FrameError::Json(reason)) => reason,
        other => panic!("{}: {other:?}", String::from_utf8_lossy(line)),
    };
    for line in ["", "{", "{\"id\":1", "hello", "GET / HTTP/1.1", "{} {}", "{\"id\":\"\\ud800\"}"] {
        json(line.as_bytes());
    }
    json(b"\x16\x03\x01\x02\x00\x01\x00");
    assert!(json(br#"{"method":"mining.set_difficulty","params":[1e400]}"#).contains("out of range"));
    let deep = [r#"{"method":"m","params":"#, &"[".repeat(100_000)].concat();
    assert!(json(deep.as_bytes()).contains("recursion limit"));

    for (line, reason) in [
        (r#"{"id":[1],"method":"m"}"#, "the id is no number, short string or null"),
        (r#"{"id":true,"result":1}"#, "the id is no number, short string or null"),
        ("[]", "not an object"),
        ("1", "not an object"),
        ("\"mining.notify\"", "not an object"),
        ("[{\"id\":1,\"method\":\"m\"}]", "not an object"),
        ("{}", "no method, result or error"),
        (r#"{"id":1}"#, "no method, result or error"),
        (r#"{"id":1,"method":null}"#, "no method, result or error"),
        (r#"{"id":1,"method":1}"#, "the method is no string"),
        (r#"{"id":1,"method":["mining.notify"],"result":true}"#, "the method is no string"),
    ] {
        assert_eq!(Frame::parse(line.as_bytes()), Err(FrameError::Shape(reason)), "{line}");
    }
}

#[test]
fn replies_always_carry_result_and_error() {
    let line = |id: Value, outcome| Frame::Reply(Reply { id: Id(id), outcome }).to_line();
    assert_eq!(line(json!(4), Ok(json!(true))), r#"{"id":4,"result":true,"error":null}"#);
    assert_eq!(line(json!("a"), Ok(Value::Null)), r#"{"id":"a","result":null,"error":null}"#);
    assert_eq!(
        line(Value::Null, rejection(23, "Low \"difficulty\"\u{7f}")),
        r#"{"id":null,"result":null,"error":[23,"Low \"difficulty\"",null]}"#
    );
    assert_eq!(line(json!(1), rejection(None, "no")), r#"{"id":1,"result":null,"error":[20,"no",null]}"#);
}

#[test]
fn nothing_in_a_frame_can_end_its_line() {
    let call = Call {
        id: Id(json!("1\n\u{2028}")),
        method: "m\r\n\"}{".into(),
        params: json!(["\n", {"\n\u{0}": "\\\n"}]),
    };
    let line = Frame::Call(call.clone()).to_line();
    assert!(!line.contains(['\n', '\r']));
    assert_eq!(frame(&line), Frame::Call(call));
}
