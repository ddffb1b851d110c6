//! The codec and each parser of a message, under libFuzzer. The first byte selects which; what must hold is what the
//! property tests ask for.
#![no_main]

#[path = "../miner-stratum/tests/messages/stable.rs"]
mod stable;

use libfuzzer_sys::fuzz_target;
use miner_stratum::{Call, Id};
use serde_json::Value;

/// Those with parameters, from `d` on in the order of the alphabet.
const METHODS: [&str; 11] = [
    "mining.notify",
    "mining.set_difficulty",
    "mining.set_extranonce",
    "mining.set_version_mask",
    "client.reconnect",
    "client.show_message",
    "mining.configure",
    "mining.subscribe",
    "mining.authorize",
    "mining.submit",
    "mining.suggest_difficulty",
];

fuzz_target!(|input: &[u8]| {
    let Some((selector, bytes)) = input.split_first() else { return };
    match selector.wrapping_sub(b'a') % 15 {
        0 => codec(bytes),
        1 => stable::line(bytes),
        2 => on_value(bytes, stable::configured),
        14 => on_value(bytes, stable::subscribed),
        method => on_value(bytes, |params| {
            let method = METHODS[usize::from(method) - 3].to_owned();
            let call = Call { id: Id::NULL, method, params: params.clone() };
            stable::pool_call(&call);
            stable::client_call(&call);
        }),
    }
});

fn on_value(json: &[u8], check: impl FnOnce(&Value)) {
    if let Ok(value) = serde_json::from_slice(json) {
        check(&value);
    }
}

/// The frames are the same however the bytes are cut, also where a line is over the cap.
fn codec(bytes: &[u8]) {
    let Some((size, bytes)) = bytes.split_first() else { return };
    let (size, cap) = (usize::from(*size).max(1), 300);
    assert_eq!(stable::frames(cap, bytes.chunks(size)), stable::frames(cap, [bytes]));
}
