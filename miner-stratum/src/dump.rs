//! The protocol dump: each line as it is on the wire, but for passwords, as `tracing` events of the target
//! `miner_stratum::dump` at the level TRACE. Where nobody listens to these, nothing is made.

use std::sync::Arc;

use serde_json::Value;
use tracing::{Level, enabled, trace};

/// What events of the dump are told by.
const TARGET: &str = "miner_stratum::dump";
/// The call that holds a password, as its second parameter.
const AUTHORIZE: &str = "mining.authorize";
/// What stands in place of a password.
const HIDDEN: &str = "***";
/// What stands in place of a control character.
const UNPRINTABLE: &str = "\u{fffd}";

/// Who is at the other end of a connection, as a dump names it.
#[derive(Debug, Clone)]
pub(crate) struct Peer(Arc<str>);

impl Peer {
    pub(crate) fn new(name: &str) -> Self {
        Self(name.into())
    }

    pub(crate) fn sent(&self, line: &str) {
        if enabled!(target: TARGET, Level::TRACE) {
            trace!(target: TARGET, "{} > {}", self.0, shown(line));
        }
    }

    pub(crate) fn received(&self, line: &[u8]) {
        if enabled!(target: TARGET, Level::TRACE) {
            trace!(target: TARGET, "{} < {}", self.0, shown(&String::from_utf8_lossy(line)));
        }
    }
}

/// A line with its password hidden, and without control characters, which could command a terminal.
fn shown(line: &str) -> String {
    // A method's name may be written with escapes.
    let may_be_login = line.contains("authorize") || line.contains("\\u");
    let line = if may_be_login { without_password(line) } else { line.to_owned() };
    line.replace(char::is_control, UNPRINTABLE)
}

fn without_password(line: &str) -> String {
    let Ok(mut frame) = serde_json::from_str::<Value>(line) else {
        // Half a login is one, too.
        return format!("({} bytes that are no JSON)", line.len());
    };
    if frame["method"] == AUTHORIZE
        && let Some(password) = frame.get_mut("params").and_then(|params| params.get_mut(1))
    {
        *password = HIDDEN.into();
    }
    frame.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_hidden_and_nothing_else() {
        let authorize = r#"{"id":3,"method":"mining.authorize","params":["a.w","canary"]}"#;
        assert_eq!(shown(authorize), authorize.replace("canary", HIDDEN));
        // However it is written.
        let escaped = r#"{"method":"mining\u002e\u0061uthorize", "params":["a.w", "canary"],"id":3}"#;
        assert!(!shown(escaped).contains("canary"));
        for half in [&authorize[..authorize.len() - 2], r#"authorize "canary"#] {
            assert!(!shown(half).contains("canary"), "{}", shown(half));
        }
        let submit = r#"{"id":4,"method":"mining.submit","params":["a.w","canary","00","5f5e100","0"]}"#;
        assert_eq!(shown(submit), submit);
    }

    #[test]
    fn a_line_commands_no_terminal() {
        assert_eq!(shown("a\u{1b}[2Jb\u{9b}c\td"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d");
    }
}
