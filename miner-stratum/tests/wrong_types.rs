//! Each field of each message × each wrong value: an error that names method and field, or a tolerance that is
//! listed here, never a panic. What is neither fails.

#[path = "wrong_types/right.rs"]
mod right;
#[path = "wrong_types/values.rs"]
mod values;

use miner_stratum::{Frame, FrameError, MessageError};
use right::{Message, messages};
use serde_json::{Value, json};
use values::Wrong::{self, *};
use values::{ALL, Kind};

/// What is tolerated beyond a field's kind: the method and first field of the message, the place, what may stand
/// there, and the values (by place) that it means.
type Tolerance = (&'static str, &'static str, &'static str, &'static [Wrong], Vec<(&'static str, Value)>);

fn tolerated() -> Vec<Tolerance> {
    vec![
        // Another prevhash makes a job clean whatever it says.
        ("mining.notify", "params", "/8", &[Null], vec![("/8", json!(false))]),
        // Any part of a wish to reconnect may be missing: the same host, the same port, at once.
        ("client.reconnect", "params", "", &[Null, EmptyArray], vec![("", json!(["", 0, 0]))]),
        ("client.reconnect", "params", "/0", &[Null], vec![("/0", json!(""))]),
        ("client.reconnect", "params", "/1", &[Null], vec![("/1", json!(0))]),
        ("client.reconnect", "params", "/2", &[Null], vec![("/2", json!(0))]),
        // Extensions that nobody can know ask for nothing.
        ("mining.configure", "params", "", &[Nested], vec![("", json!([[]]))]),
        // All version bits (BIP310), any number of them, and no least difficulty.
        (
            "mining.configure",
            "params",
            "/1",
            &[Null],
            vec![("/0", json!(["version-rolling"])), ("/1", json!({"version-rolling.mask": "ffffffff"}))],
        ),
        (
            "mining.configure",
            "params",
            "/1/version-rolling.mask",
            &[Null],
            vec![("/1/version-rolling.mask", json!("ffffffff"))],
        ),
        (
            "mining.configure",
            "params",
            "/1/version-rolling.min-bit-count",
            &[Null],
            vec![("/1/version-rolling.min-bit-count", json!(0))],
        ),
        (
            "mining.configure",
            "params",
            "/1/minimum-difficulty.value",
            &[Null],
            vec![("/0", json!(["version-rolling"]))],
        ),
        // Nothing hangs on the agent's name, and sessions need not be resumed.
        ("mining.subscribe", "params", "", &[Null, EmptyArray], vec![("", json!(["", ""]))]),
        ("mining.subscribe", "params", "/0", &[Null], vec![("/0", json!(""))]),
        ("mining.subscribe", "params", "/1", &[Null], vec![("/1", json!(""))]),
        // Many servers want no password.
        ("mining.authorize", "params", "/1", &[Null], vec![("/1", json!(""))]),
        // A share without version bits has five parameters.
        (
            "mining.submit",
            "params",
            "/5",
            &[Null, EmptyString],
            vec![("", json!(["user.worker", "j", "00000001", "504e86ed", "b2957c02"]))],
        ),
        // A pool that knows no extension says so in its own way.
        ("mining.configure", "result", "", &[Null, False], vec![("", json!({}))]),
    ]
}

/// The body with another value in this place.
fn with(body: &Value, place: &str, value: Value) -> Value {
    let mut body = body.clone();
    *body.pointer_mut(place).unwrap_or_else(|| panic!("no {place}")) = value;
    body
}

/// What this value means in this place, as a body that reads the same, where that is known.
fn meaning(message: &Message, place: &str, kind: Kind, wrong: Wrong) -> Option<Value> {
    if matches!(kind, Kind::Grant) && wrong != True {
        return Some(with(&message.body, place, json!(false)));
    }
    let first_field = message.fields[0].0;
    let listed = tolerated().into_iter().find(|(method, first, at, values, _)| {
        (*method, *first, *at) == (message.method, first_field, place) && values.contains(&wrong)
    })?;
    let edits = listed.4.into_iter();
    Some(edits.fold(message.body.clone(), |body, (place, value)| with(&body, place, value)))
}

/// The error names the method, the field (in place of the whole: one of its fields), and is fit to print.
fn assert_names(error: &MessageError, message: &Message, name: &str, place: &str) {
    let MessageError::Field { method, field, fault } = error else { panic!("{error}") };
    assert_eq!(*method, message.method, "{error}");
    let names_it =
        *field == name || place.is_empty() && message.fields.iter().any(|(name, ..)| name == field);
    assert!(names_it, "{error} does not name {name}");
    assert!((5..100).contains(&fault.len()), "{error}");
}

#[test]
fn each_message_is_right_without_a_wrong_field() {
    for message in messages() {
        (message.read)(message.method, &message.body).unwrap();
    }
}

#[test]
fn each_wrong_value_of_each_field_is_an_error_that_names_it_or_a_known_tolerance() {
    let (mut faults, mut right, mut tolerances) = (0, 0, 0);
    for message in &messages() {
        for &(name, place, kind) in &message.fields {
            for wrong in ALL {
                let what = format!("{} {place} {wrong:?}", message.method);
                let read = (message.read)(message.method, &with(&message.body, place, wrong.value()));
                if let Some(meaning) = meaning(message, place, kind, wrong) {
                    assert_eq!(read, (message.read)(message.method, &meaning), "{what}");
                    assert!(read.is_ok(), "{what}");
                    tolerances += 1;
                } else if kind.allows(wrong) {
                    assert!(read.is_ok(), "{what}: {read:?}");
                    right += 1;
                } else {
                    let error = read.expect_err(&what);
                    assert_names(&error, message, name, place);
                    faults += 1;
                }
            }
        }
    }
    println!("{faults} errors, {right} right values, {tolerances} tolerances");
    let listed: usize = tolerated().iter().map(|(_, _, _, values, _)| values.len()).sum();
    let grants = 3 * (ALL.len() - 1);
    assert_eq!(tolerances, listed + grants, "a tolerance is listed that does not exist");
}

/// The body without this field, and with null in its place; `None` for a member of an inner list.
fn without(body: &Value, place: &str) -> Option<(Value, Value)> {
    let (parent, key) = place.rsplit_once('/')?;
    let (mut missing, mut null) = (body.clone(), body.clone());
    match (missing.pointer_mut(parent)?, null.pointer_mut(parent)?) {
        (Value::Object(missing), Value::Object(null)) => {
            missing.remove(key)?;
            null[key] = Value::Null;
        }
        // A list that ends before the field lacks all later ones too.
        (Value::Array(missing), Value::Array(null)) if parent.is_empty() => {
            missing.truncate(key.parse().ok()?);
            null[missing.len()..].fill(Value::Null);
        }
        _ => return None,
    }
    Some((missing, null))
}

#[test]
fn a_missing_field_is_the_same_as_null() {
    for message in &messages() {
        for &(name, place, kind) in &message.fields {
            let Some((missing, null)) = without(&message.body, place) else { continue };
            let read = (message.read)(message.method, &missing);
            assert_eq!(read, (message.read)(message.method, &null), "{} {place}", message.method);
            if let Err(error) = read {
                let expected = format!("{}: {name} is missing", message.method);
                assert!(
                    error.to_string() == expected || matches!(kind, Kind::Subscriptions | Kind::Anything),
                    "{error}"
                );
            }
        }
    }
}

#[test]
fn fields_beyond_those_known_do_not_matter() {
    for message in &messages() {
        for wrong in ALL {
            let mut body = message.body.clone();
            match &mut body {
                Value::Array(list) => list.extend([wrong.value(), wrong.value()]),
                Value::Object(keys) => drop(keys.insert("more".into(), wrong.value())),
                _ => panic!("{body}"),
            }
            let read = (message.read)(message.method, &body);
            assert_eq!(read, (message.read)(message.method, &message.body), "{} {wrong:?}", message.method);
        }
    }
}

/// The envelope: an id is a number, a short string or null, a method a string, and nothing else can be wrong with it.
#[test]
fn each_wrong_value_of_each_key_of_a_frame_is_a_frame_or_an_error() {
    for wrong in ALL {
        let parse = |frame: Value| Frame::parse(frame.to_string().as_bytes());
        let value = wrong.value();
        match parse(json!({"id": value, "method": "m", "params": []})) {
            Ok(Frame::Call(call)) => assert_eq!(call.id.0, value),
            Err(FrameError::Shape(_)) => {
                let is_id = value.is_number() || value.is_null() || value.is_string() && wrong != OverLong;
                assert!(!is_id, "id {wrong:?}");
            }
            other => panic!("id {wrong:?}: {other:?}"),
        }
        let Ok(Frame::Call(call)) = parse(json!({"id": 1, "method": "m", "params": value})) else {
            panic!("params {wrong:?}")
        };
        assert_eq!(call.params, value);
        match parse(json!({"id": 1, "method": value, "params": []})) {
            Ok(Frame::Call(call)) => assert_eq!(json!(call.method), value),
            Err(FrameError::Shape(_)) => assert!(!value.is_string()),
            other => panic!("method {wrong:?}: {other:?}"),
        }
        let Ok(Frame::Reply(reply)) = parse(json!({"id": 1, "result": value, "error": null})) else {
            panic!("result {wrong:?}")
        };
        assert_eq!(reply.outcome, Ok(value.clone()));
        for key in ["error", "reject-reason"] {
            let Ok(Frame::Reply(reply)) = parse(json!({"id": 1, "result": true, key: value})) else {
                panic!("{key} {wrong:?}")
            };
            let says_nothing = matches!(wrong, Null | False | EmptyString | EmptyArray | EmptyObject);
            match reply.outcome {
                Ok(result) => assert!(says_nothing && result == true, "{key} {wrong:?}"),
                Err(rejection) => {
                    assert!(!says_nothing && (1..=256).contains(&rejection.message.len()), "{key} {wrong:?}");
                }
            }
        }
    }
}
