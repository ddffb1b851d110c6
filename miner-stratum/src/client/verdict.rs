//! What a pool's answer to a share means, in all the words that pools have for it.

use serde_json::Value;

use crate::ledger::Fate;
use crate::message::Rejection;

/// The reason where the pool gives none.
const NO_REASON: &str = "no reason given";

/// How a share ended. `sent_again`: it was sent before, and the answer to that may have been lost.
pub(super) fn fate(outcome: &Result<Value, Rejection>, sent_again: bool) -> Fate {
    match outcome {
        Ok(Value::Bool(true)) => Fate::Accepted,
        Ok(_) => Fate::Rejected(NO_REASON.to_owned()),
        // Known already, since it arrived the first time.
        Err(rejection) if sent_again && is_duplicate(rejection) => Fate::Accepted,
        Err(rejection) if is_stale(rejection) => Fate::Stale(reason(rejection)),
        Err(rejection) => Fate::Rejected(reason(rejection)),
    }
}

/// Whether the worker is not (or no longer) authorized.
pub(super) fn is_unauthorized(rejection: &Rejection) -> bool {
    rejection.code == Some(24) || says(rejection, &["unauthorized", "unauthorised", "not authorized"])
}

/// Whether the session is not (or no longer) subscribed.
pub(super) fn is_unsubscribed(rejection: &Rejection) -> bool {
    rejection.code == Some(25) || says(rejection, &["not subscribed"])
}

fn is_duplicate(rejection: &Rejection) -> bool {
    rejection.code == Some(22) || says(rejection, &["duplicate"])
}

fn is_stale(rejection: &Rejection) -> bool {
    let words = ["stale", "job not found", "unknown job", "unknown-work", "unknown work", "job expired"];
    !is_duplicate(rejection) && (rejection.code == Some(21) || says(rejection, &words))
}

fn says(rejection: &Rejection, words: &[&str]) -> bool {
    let message = rejection.message.to_lowercase();
    words.iter().any(|word| message.contains(word))
}

/// In the pool's words.
pub(super) fn reason(rejection: &Rejection) -> String {
    match (rejection.message.trim(), rejection.code) {
        ("", Some(code)) => format!("code {code}"),
        ("", None) => NO_REASON.to_owned(),
        (message, _) => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Frame;

    fn fate_of(answer: &str, sent_again: bool) -> Fate {
        let Ok(Frame::Reply(reply)) = Frame::parse(answer.as_bytes()) else { panic!("{answer}") };
        fate(&reply.outcome, sent_again)
    }

    #[test]
    fn every_form_of_answer_is_understood() {
        let stale = |reason: &str| Fate::Stale(reason.to_owned());
        let rejected = |reason: &str| Fate::Rejected(reason.to_owned());
        let cases = [
            (r#"{"id":4,"result":true,"error":null}"#, Fate::Accepted),
            (r#"{"id":4,"result":true}"#, Fate::Accepted),
            (r#"{"id":4,"result":null,"error":[21,"Job not found",null]}"#, stale("Job not found")),
            (r#"{"id":4,"result":null,"error":[21,"No such thing"]}"#, stale("No such thing")),
            (r#"{"id":4,"result":null,"error":[20,"Stale share",null]}"#, stale("Stale share")),
            (r#"{"id":4,"result":false,"error":"Stale"}"#, stale("Stale")),
            (r#"{"id":4,"result":null,"error":[21,null,null]}"#, stale("[21,null,null]")),
            (r#"{"id":4,"error":{"code":22,"message":"Duplicate share"}}"#, rejected("Duplicate share")),
            (r#"{"id":4,"error":{"code":22,"message":""}}"#, rejected("code 22")),
            (
                r#"{"id":4,"result":false,"error":null,"reject-reason":"Above target"}"#,
                rejected("Above target"),
            ),
            (r#"{"id":4,"result":false,"error":null,"reject-reason":"unknown-work"}"#, stale("unknown-work")),
            (r#"{"id":4,"result":false,"error":null}"#, rejected(NO_REASON)),
            (r#"{"id":4,"result":null,"error":null}"#, rejected(NO_REASON)),
            (
                r#"{"id":4,"result":null,"error":[23,"Low difficulty share",null]}"#,
                rejected("Low difficulty share"),
            ),
        ];
        for (answer, expected) in cases {
            assert_eq!(fate_of(answer, false), expected, "{answer}");
        }
    }

    #[test]
    fn a_share_sent_again_and_known_already_is_accepted() {
        for answer in
            [r#"{"id":4,"error":[22,"dup",null]}"#, r#"{"id":4,"error":[20,"Duplicate share",null]}"#]
        {
            assert_eq!(fate_of(answer, true), Fate::Accepted, "{answer}");
            assert!(matches!(fate_of(answer, false), Fate::Rejected(_)), "{answer}");
        }
        assert!(matches!(fate_of(r#"{"id":4,"error":[23,"low",null]}"#, true), Fate::Rejected(_)));
        assert!(matches!(fate_of(r#"{"id":4,"error":[21,"stale",null]}"#, true), Fate::Stale(_)));
    }
}
