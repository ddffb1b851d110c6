//! Names that a miner gives its workers and its program: any text, made safe to show.

use std::fmt;

/// The longest name shown, in characters.
const SHOWN: usize = 128;

/// A worker's name. As it came, it may hold anything: terminal escapes, HTML, `../`. Its `Display` holds letters,
/// digits and a few harmless signs alone, so that it can go to a terminal, a page, a file's name or a log.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct WorkerName(String);

impl WorkerName {
    /// The name, as it came.
    pub fn as_raw(&self) -> &str {
        &self.0
    }
}

/// What a miner calls its program, `cgminer/4.12` say. Shown as a [`WorkerName`] is, but for the slash, which goes to
/// terminals, pages and logs, never into a file's name.
#[derive(Clone, PartialEq, Eq)]
pub struct Agent(String);

impl From<&str> for Agent {
    fn from(agent: &str) -> Self {
        Self(agent.to_owned())
    }
}

impl From<&str> for WorkerName {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

/// Whether a character means nothing but itself wherever a name is shown.
fn is_harmless(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '@' | ':' | '=' | ',')
}

/// Shows what is harmless as it is, everything else as `%` and the two hex digits of each byte (as in URLs); dots at
/// the beginning too, so that no name is `..`.
fn escape(text: &str, is_harmless: impl Fn(char) -> bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut begun = false;
    for c in text.chars().take(SHOWN) {
        begun |= c != '.';
        if begun && is_harmless(c) {
            write!(f, "{c}")?;
        } else {
            c.encode_utf8(&mut [0; 4]).bytes().try_for_each(|byte| write!(f, "%{byte:02X}"))?;
        }
    }
    if text.chars().nth(SHOWN).is_some() { f.write_str("...") } else { Ok(()) }
}

impl fmt::Display for WorkerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape(&self.0, is_harmless, f)
    }
}

impl fmt::Display for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape(&self.0, |c| c == '/' || is_harmless(c), f)
    }
}

impl fmt::Debug for WorkerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WorkerName({self})")
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Agent({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str) -> String {
        WorkerName::from(name).to_string()
    }

    #[test]
    fn ordinary_names_are_shown_as_they_are() {
        for name in ["bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4.rig-1", "user+a@b.example:2", "Anna_7"] {
            assert_eq!(shown(name), name);
        }
    }

    #[test]
    fn whatever_means_something_somewhere_is_escaped() {
        assert_eq!(shown("\x1b[31mred\r\n\0"), "%1B%5B31mred%0D%0A%00");
        assert_eq!(shown("../../etc/passwd"), "%2E%2E%2F..%2Fetc%2Fpasswd");
        assert_eq!(shown(".."), "%2E%2E");
        assert_eq!(shown("<script>'\"&\\`$("), "%3Cscript%3E%27%22%26%5C%60%24%28");
        assert_eq!(shown("\u{202e}ü"), "%E2%80%AE%C3%BC");
        assert_eq!(shown("100% | rm -rf"), "100%25%20%7C%20rm%20-rf");
        assert_ne!(shown("%41"), shown("A"), "two names are never shown alike");
    }

    #[test]
    fn an_agent_keeps_its_slash_alone() {
        assert_eq!(Agent::from("cgminer/4.12.0").to_string(), "cgminer/4.12.0");
        assert_eq!(Agent::from("../<b>\x1b[1m x").to_string(), "%2E%2E/%3Cb%3E%1B%5B1m%20x");
    }

    #[test]
    fn a_long_name_is_cut() {
        assert_eq!(shown(&"x".repeat(128)), "x".repeat(128));
        assert_eq!(shown(&"x".repeat(16_000)), format!("{}...", "x".repeat(128)));
    }
}
