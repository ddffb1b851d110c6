//! Each message with all its fields right.

use std::fmt::Debug;

use miner_stratum::message::{Configured, Subscribed};
use miner_stratum::{Call, ClientCall, Id, MessageError, PoolCall};
use serde_json::{Value, json};

use super::values::Kind::{self, *};

/// A message that is right.
pub(crate) struct Message {
    pub(crate) method: &'static str,
    /// Reads a body; what was read, as text to compare.
    pub(crate) read: fn(&'static str, &Value) -> Result<String, MessageError>,
    /// The parameters of the call, or the result.
    pub(crate) body: Value,
    /// Name, place (a JSON pointer into the body) and kind of each field.
    pub(crate) fields: Vec<(&'static str, &'static str, Kind)>,
}

fn text(read: Result<impl Debug, MessageError>) -> Result<String, MessageError> {
    read.map(|read| format!("{read:?}"))
}

fn call(method: &str, params: &Value) -> Call {
    Call { id: Id::NULL, method: method.to_owned(), params: params.clone() }
}

fn from_pool(method: &'static str, params: &Value) -> Result<String, MessageError> {
    text(PoolCall::parse(&call(method, params)))
}

fn from_client(method: &'static str, params: &Value) -> Result<String, MessageError> {
    text(ClientCall::parse(&call(method, params)))
}

fn configured(_: &'static str, result: &Value) -> Result<String, MessageError> {
    text(Configured::parse(result))
}

fn subscribed(_: &'static str, result: &Value) -> Result<String, MessageError> {
    text(Subscribed::parse(result))
}

const HASH: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

pub(crate) fn messages() -> Vec<Message> {
    vec![
        Message {
            method: "mining.notify",
            read: from_pool,
            body: json!(["j", HASH, "01", "02", [HASH, HASH], "20000000", "1d00ffff", "504e86b9", true]),
            fields: vec![
                ("params", "", List),
                ("job id", "/0", Name),
                ("prevhash", "/1", Hash),
                ("coinb1", "/2", Bytes),
                ("coinb2", "/3", Bytes),
                ("merkle branch", "/4", Branch),
                ("merkle branch", "/4/0", Hash),
                ("merkle branch", "/4/1", Hash),
                ("version", "/5", Word),
                ("nbits", "/6", Word),
                ("ntime", "/7", Word),
                ("clean", "/8", Flag),
            ],
        },
        Message {
            method: "mining.set_difficulty",
            read: from_pool,
            body: json!([512]),
            fields: vec![("params", "", List), ("difficulty", "/0", Difficulty)],
        },
        Message {
            method: "mining.set_extranonce",
            read: from_pool,
            body: json!(["08000002", 4]),
            fields: vec![
                ("params", "", List),
                ("extranonce1", "/0", Bytes),
                ("extranonce2 size", "/1", Count),
            ],
        },
        Message {
            method: "mining.set_version_mask",
            read: from_pool,
            body: json!(["1fffe000"]),
            fields: vec![("params", "", List), ("mask", "/0", Word)],
        },
        Message {
            method: "client.reconnect",
            read: from_pool,
            body: json!(["pool.example", 3333, 5]),
            fields: vec![
                ("params", "", List),
                ("host", "/0", Name),
                ("port", "/1", Count),
                ("wait", "/2", Seconds),
            ],
        },
        Message {
            method: "client.show_message",
            read: from_pool,
            body: json!(["hello"]),
            fields: vec![("params", "", List), ("text", "/0", Text)],
        },
        Message {
            method: "mining.configure",
            read: from_client,
            body: json!([
                ["version-rolling", "minimum-difficulty"],
                {
                    "version-rolling.mask": "1fffe000",
                    "version-rolling.min-bit-count": 2,
                    "minimum-difficulty.value": 1
                }
            ]),
            fields: vec![
                ("params", "", List),
                ("extensions", "/0", Extensions),
                ("options", "/1", Options),
                ("version-rolling.mask", "/1/version-rolling.mask", Word),
                ("version-rolling.min-bit-count", "/1/version-rolling.min-bit-count", Count),
                ("minimum-difficulty.value", "/1/minimum-difficulty.value", Difficulty),
            ],
        },
        Message {
            method: "mining.subscribe",
            read: from_client,
            body: json!(["agent/1.0", "S"]),
            fields: vec![("params", "", List), ("agent", "/0", Text), ("session id", "/1", Name)],
        },
        Message {
            method: "mining.authorize",
            read: from_client,
            body: json!(["user.worker", "x"]),
            fields: vec![("params", "", List), ("worker", "/0", Name), ("password", "/1", Name)],
        },
        Message {
            method: "mining.submit",
            read: from_client,
            body: json!(["user.worker", "j", "00000001", "504e86ed", "b2957c02", "1fffe000"]),
            fields: vec![
                ("params", "", List),
                ("worker", "/0", Anything),
                ("job id", "/1", Name),
                ("extranonce2", "/2", Bytes),
                ("ntime", "/3", Word),
                ("nonce", "/4", Word),
                ("version bits", "/5", Word),
            ],
        },
        Message {
            method: "mining.suggest_difficulty",
            read: from_client,
            body: json!([512]),
            fields: vec![("params", "", List), ("difficulty", "/0", Difficulty)],
        },
        Message {
            method: "mining.configure",
            read: configured,
            body: json!({
                "version-rolling": true,
                "version-rolling.mask": "1fffe000",
                "minimum-difficulty": true,
                "subscribe-extranonce": true
            }),
            fields: vec![
                ("result", "", Options),
                ("version-rolling", "/version-rolling", Grant),
                ("version-rolling.mask", "/version-rolling.mask", Word),
                ("minimum-difficulty", "/minimum-difficulty", Grant),
                ("subscribe-extranonce", "/subscribe-extranonce", Grant),
            ],
        },
        Message {
            method: "mining.subscribe",
            read: subscribed,
            body: json!([[["mining.set_difficulty", "D"], ["mining.notify", "S"]], "08000002", 4]),
            fields: vec![
                ("result", "", List),
                ("subscriptions", "/0", Subscriptions),
                ("subscriptions", "/0/1", Subscriptions),
                ("subscriptions", "/0/1/0", Subscriptions),
                ("subscriptions", "/0/1/1", Subscriptions),
                ("extranonce1", "/1", Bytes),
                ("extranonce2 size", "/2", Count),
            ],
        },
    ]
}
