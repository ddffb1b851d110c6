//! Reading bitcoin.conf as a node does: sections, which of them count for a chain, and the few
//! options that lead a client to the node.

use std::io;
use std::path::Path;

use crate::Chain;

/// Options that a section-less line sets for main alone.
const MAIN_ONLY_UNLESS_IN_SECTION: [&str; 2] = ["rpcport", "rpcbind"];

/// The lines of a bitcoin.conf, in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Conf(Vec<Line>);

#[derive(PartialEq, Eq)]
struct Line {
    section: String,
    key: String,
    value: String,
}

impl std::fmt::Debug for Line {
    /// Without the value, which may be a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{}] {}=…", self.section, self.key)
    }
}

impl Conf {
    /// Reads a file; one that is not there is empty, as it is to a node.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Lines that are no setting are left to the node to complain about.
    fn parse(text: &str) -> Self {
        let (mut section, mut lines) = (String::new(), Vec::new());
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                name.clone_into(&mut section);
            } else if let Some((key, value)) = line.split_once('=') {
                // `regtest.rpcport` is another way to write `rpcport` in the section `regtest`.
                let (section, key) = key.trim().split_once('.').unwrap_or((&section, key.trim()));
                lines.push(Line { section: section.into(), key: key.into(), value: value.trim().into() });
            }
        }
        Self(lines)
    }

    /// What an option is set to for a chain: its section goes before the lines without one, and the
    /// first line wins.
    pub(super) fn get(&self, chain: Chain, key: &str) -> Option<&str> {
        let global = chain == Chain::Main || !MAIN_ONLY_UNLESS_IN_SECTION.contains(&key);
        self.first(chain.core_name(), key).or_else(|| if global { self.first("", key) } else { None })
    }

    /// The chain that the file selects.
    pub(super) fn chain(&self) -> Option<Chain> {
        let by_flag = |chain: &Chain| {
            let flag = if *chain == Chain::Testnet3 { "testnet" } else { chain.name() };
            self.first("", flag) == Some("1")
        };
        let named = self.first("", "chain").and_then(|name| name.parse().ok());
        named.or_else(|| Chain::ALL.into_iter().find(by_flag))
    }

    fn first(&self, section: &str, key: &str) -> Option<&str> {
        let mut lines = self.0.iter().filter(|line| line.section == section && line.key == key);
        lines.next().map(|line| line.value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "
        # a comment
        rpcuser = alice   # another
        rpcuser = later
        rpcport = 1
        regtest.rpcport=2
        no setting
        [test]
        rpcport=3
        rpcuser=bob
        [regtest]
        rpcport=4
    ";

    #[test]
    fn a_section_goes_before_the_rest_and_the_first_line_wins() {
        let conf = Conf::parse(FILE);
        assert_eq!(conf.get(Chain::Testnet3, "rpcuser"), Some("bob"));
        assert_eq!(conf.get(Chain::Regtest, "rpcuser"), Some("alice"));
        assert_eq!(conf.get(Chain::Regtest, "rpcport"), Some("2"));
        assert_eq!(conf.get(Chain::Testnet3, "rpcport"), Some("3"));
    }

    #[test]
    fn a_port_outside_sections_is_that_of_main_alone() {
        let conf = Conf::parse(FILE);
        assert_eq!(conf.get(Chain::Main, "rpcport"), Some("1"));
        assert_eq!(conf.get(Chain::Signet, "rpcport"), None);
    }

    #[test]
    fn the_selected_chain_is_found_in_either_form() {
        for (text, chain) in [
            ("chain=test", Some(Chain::Testnet3)),
            ("testnet=1", Some(Chain::Testnet3)),
            ("regtest=1", Some(Chain::Regtest)),
            ("regtest=0", None),
            ("[regtest]\nregtest=1", None),
        ] {
            assert_eq!(Conf::parse(text).chain(), chain, "{text}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_empty() {
        assert_eq!(Conf::read(Path::new("/nowhere/bitcoin.conf")).unwrap(), Conf::default());
    }

    #[test]
    fn no_debug_output_holds_a_value() {
        assert!(!format!("{:?}", Conf::parse("rpcpassword=canary")).contains("canary"));
    }
}
