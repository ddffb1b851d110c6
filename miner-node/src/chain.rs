//! The chains that a node can run: their names, ports and folders, as Bitcoin Core has them.

use std::fmt;
use std::str::FromStr;

use bitcoin::Network;
use serde::Deserialize;

/// One of the chains of Bitcoin Core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub enum Chain {
    /// The chain whose coins have a price.
    Main,
    /// The third test network.
    Testnet3,
    /// The fourth test network (BIP94).
    Testnet4,
    /// A test network whose blocks are signed (BIP325).
    Signet,
    /// A private chain for tests, at the lowest difficulty.
    Regtest,
}

impl Chain {
    /// Every chain, in the order in which a list of them is shown.
    pub const ALL: [Self; 5] = [Self::Regtest, Self::Testnet4, Self::Testnet3, Self::Signet, Self::Main];

    /// The name that this project's command line uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Testnet3 => "testnet3",
            Self::Testnet4 => "testnet4",
            Self::Signet => "signet",
            Self::Regtest => "regtest",
        }
    }

    /// The name in `bitcoind -chain=…`, in `getblockchaininfo` and in the sections of bitcoin.conf.
    pub const fn core_name(self) -> &'static str {
        match self {
            Self::Testnet3 => "test",
            other => other.name(),
        }
    }

    /// Where a node listens for RPC unless told otherwise.
    pub const fn rpc_port(self) -> u16 {
        match self {
            Self::Main => 8332,
            Self::Testnet3 => 18332,
            Self::Testnet4 => 48332,
            Self::Signet => 38332,
            Self::Regtest => 18443,
        }
    }

    /// The chain whose nodes listen on this port unless told otherwise.
    pub fn of_rpc_port(port: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|chain| chain.rpc_port() == port)
    }

    /// The folder inside the data folder, or `None`: main lives in the data folder itself. A custom
    /// signet may live in `signet_XXXXXXXX` instead.
    pub const fn folder(self) -> Option<&'static str> {
        match self {
            Self::Main => None,
            other => Some(other.name()),
        }
    }

    /// The same chain in the words of the `bitcoin` crate.
    pub const fn network(self) -> Network {
        match self {
            Self::Main => Network::Bitcoin,
            Self::Testnet3 => Network::Testnet,
            Self::Testnet4 => Network::Testnet4,
            Self::Signet => Network::Signet,
            Self::Regtest => Network::Regtest,
        }
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that names no chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no chain `{0}`: use regtest, testnet4, testnet3, signet or main")]
pub struct UnknownChain(pub String);

impl FromStr for Chain {
    type Err = UnknownChain;

    /// Takes this project's names and Core's words `test` and `mainnet`, in any case.
    fn from_str(word: &str) -> Result<Self, UnknownChain> {
        match word.to_ascii_lowercase().as_str() {
            "main" | "mainnet" => Ok(Self::Main),
            "test" | "testnet" | "testnet3" => Ok(Self::Testnet3),
            "testnet4" => Ok(Self::Testnet4),
            "signet" => Ok(Self::Signet),
            "regtest" => Ok(Self::Regtest),
            _ => Err(UnknownChain(word.to_owned())),
        }
    }
}

impl TryFrom<String> for Chain {
    type Error = UnknownChain;

    fn try_from(word: String) -> Result<Self, UnknownChain> {
        word.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_parses_to_its_chain() {
        for chain in Chain::ALL {
            assert_eq!(chain.name().parse(), Ok(chain));
            assert_eq!(chain.core_name().parse(), Ok(chain));
            assert_eq!(chain.network().to_core_arg().parse(), Ok(chain));
        }
        assert_eq!("mainnet".parse(), Ok(Chain::Main));
    }

    #[test]
    fn a_wrong_word_is_answered_with_the_right_ones() {
        let error = "regnet".parse::<Chain>().unwrap_err().to_string();
        assert!(error.contains("regnet") && error.contains("testnet4"), "{error}");
    }
}
