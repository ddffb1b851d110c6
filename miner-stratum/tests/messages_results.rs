//! What pools answer to configure and subscribe, in every form seen.

use miner_core::{Extranonce, VersionMask};
use miner_stratum::MessageError;
use miner_stratum::message::{Configure, Configured, Subscribed};
use serde_json::{Value, json};

fn extranonce(bytes: &[u8]) -> Extranonce {
    Extranonce::try_from(bytes).unwrap()
}

fn fault<T: std::fmt::Debug>(result: Result<T, MessageError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn configure_results_grant_by_true_alone() {
    let parse = |result| Configured::parse(&result).unwrap();
    let mask = VersionMask::BIP320;
    let rolling = Configured { version_rolling: Some(mask), ..Configured::default() };
    assert_eq!(
        parse(json!({"version-rolling": true, "version-rolling.mask": "1fffe000", "info": true})),
        rolling
    );
    assert_eq!(
        parse(json!({
            "version-rolling": true, "version-rolling.mask": "1FFFE000",
            "minimum-difficulty": true, "subscribe-extranonce": true
        })),
        Configured { minimum_difficulty: true, subscribe_extranonce: true, ..rolling }
    );
    for nothing in [
        json!({}),
        json!(null),
        json!(false),
        json!({"version-rolling": false, "minimum-difficulty": false}),
        json!({"version-rolling": "no bits left", "version-rolling.mask": "1fffe000"}),
        json!({"version-rolling": 1, "minimum-difficulty": null, "subscribe-extranonce": "true"}),
        json!({"version-rolling.mask": "1fffe000"}),
    ] {
        assert_eq!(parse(nothing), Configured::default());
    }
    assert_eq!(
        fault(Configured::parse(&json!({"version-rolling": true}))),
        "mining.configure: version-rolling.mask is missing"
    );
    assert_eq!(fault(Configured::parse(&json!([]))), "mining.configure: result is a list, not an object");
}

#[test]
fn configure_is_answered_for_what_was_asked() {
    let granted = Configured {
        version_rolling: Some(VersionMask::BIP320),
        minimum_difficulty: false,
        subscribe_extranonce: true,
    };
    let asked = Configure {
        version_rolling: Some((VersionMask::new(!0), 2)),
        minimum_difficulty: Some(1.0),
        subscribe_extranonce: true,
    };
    assert_eq!(
        granted.to_value(&asked).to_string(),
        r#"{"minimum-difficulty":false,"subscribe-extranonce":true,"version-rolling":true,"version-rolling.mask":"1fffe000"}"#
    );
    assert_eq!(granted.to_value(&Configure::default()), json!({}));
    assert_eq!(Configured::default().to_value(&asked)["version-rolling"], json!(false));
}

#[test]
fn subscribe_results_are_read_in_every_form_seen() {
    let session = |result: Value| Subscribed::parse(&result).unwrap().session_id;
    let some = Some("S".to_owned());
    let both = json!([[["mining.set_difficulty", "D"], ["mining.notify", "S"]], "08000002", 4]);
    assert_eq!(
        Subscribed::parse(&both),
        Ok(Subscribed {
            session_id: some.clone(),
            extranonce1: extranonce(&[8, 0, 0, 2]),
            extranonce2_size: 4
        })
    );
    assert_eq!(session(json!([[["mining.notify", "S"]], "", 4])), some);
    assert_eq!(session(json!([[["mining.notify", "S", "Stratum/1.0.0"]], "", 4])), some);
    assert_eq!(session(json!([["mining.notify", "S"], "", "4"])), some);
    for none in [
        json!(null),
        json!([]),
        json!("S"),
        json!([[]]),
        json!([["mining.set_difficulty", "D"]]),
        json!(["mining.notify"]),
        json!([["mining.notify", null]]),
        json!([["mining.notify", 7]]),
        json!([["mining.notify", ""]]),
        json!([["mining.notify", "x".repeat(257)]]),
    ] {
        assert_eq!(session(json!([none, "", 4])), None, "{none}");
    }
}

#[test]
fn extranonces_have_their_bounds() {
    let parse = |extranonce1: String, size: Value| Subscribed::parse(&json!([[], extranonce1, size]));
    assert_eq!(parse("00".repeat(32), json!(0)).unwrap().extranonce1, extranonce(&[0; 32]));
    assert_eq!(parse("".into(), json!(16)).unwrap().extranonce2_size, 16);
    assert_eq!(
        fault(parse("00".repeat(33), json!(4))),
        "mining.subscribe: extranonce1 has more than 32 bytes"
    );
    for size in [json!(17), json!(-1), json!(4.5), json!(1e300), json!("17")] {
        assert_eq!(
            fault(parse("00".into(), size)),
            "mining.subscribe: extranonce2 size is no whole number from 0 to 16"
        );
    }
}
