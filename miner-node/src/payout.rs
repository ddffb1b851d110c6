//! Where the coinbase pays to: an address of the chain, or a script of the miner's own.

use std::fmt;
use std::str::FromStr;

use bitcoin::address::NetworkUnchecked;
use bitcoin::{Address, ScriptBuf};

use crate::Chain;

/// The output script that a block's reward goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payout {
    script: ScriptBuf,
    name: String,
}

/// Why nothing can be paid to an address or a script.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayoutError {
    /// The text is no address.
    #[error("`{address}` is no bitcoin address: {reason}")]
    Malformed {
        /// The text.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It is an address, but of another chain.
    #[error("{address} is an address of {of}, not of {chain}: use one that a wallet on {chain} gives")]
    OtherChain {
        /// The address.
        address: String,
        /// The chains that it may belong to.
        of: String,
        /// The chain that is mined.
        chain: Chain,
    },
    /// The text is no script in hex.
    #[error("the payout script `{0}` is not hex, or empty")]
    Script(String),
}

impl Payout {
    /// Takes an address of any type (P2PKH, P2SH, P2WPKH, P2WSH, P2TR and later witness versions).
    ///
    /// # Errors
    /// [`PayoutError::Malformed`], or [`PayoutError::OtherChain`] for an address of another chain.
    pub fn to_address(address: &str, chain: Chain) -> Result<Self, PayoutError> {
        let parsed = Address::from_str(address).map_err(|error| PayoutError::Malformed {
            address: address.to_owned(),
            reason: error.to_string(),
        })?;
        let script = match parsed.clone().require_network(chain.network()) {
            Ok(checked) => checked.script_pubkey(),
            Err(_) => {
                return Err(PayoutError::OtherChain {
                    address: address.to_owned(),
                    of: chains_of(&parsed),
                    chain,
                });
            }
        };
        Ok(Self { script, name: address.to_owned() })
    }

    /// Takes an output script in hex, whatever it means.
    ///
    /// # Errors
    /// [`PayoutError::Script`].
    pub fn to_script(hex: &str) -> Result<Self, PayoutError> {
        match ScriptBuf::from_hex(hex) {
            Ok(script) if !script.is_empty() => Ok(Self { script, name: format!("script {hex}") }),
            _ => Err(PayoutError::Script(hex.to_owned())),
        }
    }

    /// Pays whoever comes first: for tests, where nobody has a wallet.
    pub fn to_anyone() -> Self {
        Self { script: ScriptBuf::from_bytes(vec![0x51]), name: "anyone (OP_TRUE)".to_owned() }
    }

    /// The output script.
    pub fn script(&self) -> &ScriptBuf {
        &self.script
    }
}

/// The address, or words for what has none.
impl fmt::Display for Payout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

fn chains_of(address: &Address<NetworkUnchecked>) -> String {
    let fits = |chain: &Chain| address.is_valid_for_network(chain.network());
    let names: Vec<&str> = Chain::ALL.into_iter().filter(fits).map(Chain::name).collect();
    names.join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Output scripts of each type: P2PKH, P2SH, P2WPKH, P2WSH, P2TR, and a witness version to come.
    const SCRIPTS: [&str; 6] = [
        "76a914751e76e8199196d454941c45d1b3a323f1433bd688ac",
        "a914751e76e8199196d454941c45d1b3a323f1433bd687",
        "0014751e76e8199196d454941c45d1b3a323f1433bd6",
        "00201863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262",
        "512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
        "5210751e76e8199196d454941c45d1b3a323",
    ];

    #[test]
    fn every_address_type_of_every_chain_pays_to_its_script() {
        for (chain, hex) in Chain::ALL.into_iter().flat_map(|chain| SCRIPTS.map(|hex| (chain, hex))) {
            let script = ScriptBuf::from_hex(hex).unwrap();
            let address = Address::from_script(&script, chain.network()).unwrap().to_string();
            let payout = Payout::to_address(&address, chain).unwrap();
            assert_eq!((payout.script(), payout.to_string()), (&script, address));
        }
    }

    /// Vectors of BIP173, BIP350 and the first block ever mined.
    #[test]
    fn published_addresses_pay_to_their_published_scripts() {
        for (address, chain, script) in [
            ("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", Chain::Main, SCRIPTS[2]),
            ("tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7", Chain::Testnet4, SCRIPTS[3]),
            ("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", Chain::Main, SCRIPTS[4]),
            (
                "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
                Chain::Main,
                "76a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1888ac",
            ),
        ] {
            assert_eq!(Payout::to_address(address, chain).unwrap().script().to_hex_string(), script);
        }
    }

    #[test]
    fn an_address_of_another_chain_is_refused_by_its_name() {
        let error = |address, chain| Payout::to_address(address, chain).unwrap_err().to_string();
        let main = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa";
        assert!(error(main, Chain::Regtest).contains("an address of main, not of regtest"));
        let test = "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7";
        assert!(error(test, Chain::Main).contains("of testnet4 or testnet3 or signet, not of main"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        // A letter changed, a taproot address with the checksum of BIP173, no address at all, nothing.
        for text in [
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj1",
            "bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4",
            "satoshi",
            "",
        ] {
            assert!(
                matches!(Payout::to_address(text, Chain::Main), Err(PayoutError::Malformed { .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn a_script_is_taken_as_it_is() {
        assert_eq!(Payout::to_script("6A").unwrap().script().as_bytes(), [0x6a]);
        for text in ["", "6", "6x"] {
            assert_eq!(Payout::to_script(text), Err(PayoutError::Script(text.to_owned())));
        }
    }
}
