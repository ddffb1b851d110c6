//! A solved block on its way to a node, and the node's verdict on it. Nothing here talks to anybody.

use std::fmt;

use bitcoin::BlockHash;
use bitcoin::block::Header;
use bitcoin::consensus::encode::deserialize_hex;

use crate::rpc::plain;

/// A whole block that meets the network target.
#[derive(Clone, PartialEq, Eq)]
pub struct SolvedBlock {
    /// The hash of its header.
    pub hash: BlockHash,
    /// Its height in the chain.
    pub height: u32,
    /// The block as `submitblock` and the journal take it: the consensus encoding in lower-case hex.
    pub hex: String,
}

impl SolvedBlock {
    /// The block that it builds on; `None` if the hex is no block's.
    pub fn parent(&self) -> Option<BlockHash> {
        let header = self.hex.get(..2 * Header::SIZE)?;
        deserialize_hex::<Header>(header).ok().map(|header| header.prev_blockhash)
    }
}

impl fmt::Debug for SolvedBlock {
    /// Leaves the megabytes of hex out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hash, height, hex } = self;
        write!(f, "SolvedBlock {{ hash: {hash}, height: {height}, bytes: {} }}", hex.len() / 2)
    }
}

/// What a node says about a block (the results of BIP22).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Valid, and the new tip.
    Accepted,
    /// The node had it already: as good as accepted.
    Duplicate,
    /// Stored, but not the tip: whether it wins is for the chain to say.
    Inconclusive,
    /// Not taken, for the reason in the node's own words. An unknown word is kept as it is, and it is
    /// never a ground for throwing the block away.
    Rejected {
        /// For example `high-hash` or `bad-cb-height`.
        reason: String,
    },
}

impl Verdict {
    /// Reads the result of `submitblock` or of a proposal: null is good, a word is anything else. An unknown one is
    /// shown as it came, but for control characters and what exceeds 300 characters.
    pub fn from_result(result: Option<String>) -> Self {
        match result.as_deref() {
            None => Self::Accepted,
            Some("duplicate") => Self::Duplicate,
            Some("inconclusive" | "duplicate-inconclusive") => Self::Inconclusive,
            Some(_) => Self::Rejected { reason: plain(&result.unwrap_or_default()) },
        }
    }

    /// Whether the node holds the block and finds nothing wrong with it.
    pub fn is_good(&self) -> bool {
        !matches!(self, Self::Rejected { .. })
    }

    /// The verdict in plain words, for whoever looks after the miner.
    pub fn explain(&self) -> String {
        match self {
            Self::Accepted => "accepted: it is the tip of the node's chain".to_owned(),
            Self::Duplicate => "accepted: the node had it already".to_owned(),
            Self::Inconclusive => {
                "stored, but another block is the tip: it counts if the chain grows on it".to_owned()
            }
            Self::Rejected { reason } => match meaning(reason) {
                Some(meaning) => format!("rejected as {reason}: {meaning}"),
                None => format!("rejected as {reason}"),
            },
        }
    }
}

/// What a node's word for a fault means. Some nodes append details: the word is what counts.
fn meaning(reason: &str) -> Option<&'static str> {
    let word = reason.split([',', ' ', '(']).next().unwrap_or(reason);
    Some(match word {
        "high-hash" => "its hash does not meet the target",
        "bad-diffbits" => "its target is not the one that the chain asks for at its time",
        "bad-cb-height" => "the coinbase does not start with the block's height (BIP34)",
        "bad-cb-amount" => "the coinbase pays out more than subsidy and fees",
        "bad-cb-length" => "the coinbase script is shorter than 2 or longer than 100 bytes",
        "bad-cb-missing" | "bad-cb-multiple" => "it needs exactly one coinbase, as its first transaction",
        "bad-txnmrklroot" => "the merkle root does not match its transactions",
        "bad-txns-duplicate" => "it holds a transaction twice",
        "bad-witness-nonce-size" => "the coinbase lacks its 32-byte witness item",
        "bad-witness-merkle-match" => "the witness commitment does not match its transactions",
        "unexpected-witness" => "it carries witnesses without a commitment to them",
        "bad-version" => "its version is too old for the chain",
        "time-too-old" => "its time is not later than the median of the last 11 blocks",
        "time-too-new" => "its time is more than 2 hours ahead of the node's clock",
        "time-timewarp-attack" => {
            "the first block of a period is more than 10 minutes before its parent (BIP94)"
        }
        "prev-blk-not-found" => "the node does not know the block that it builds on",
        "bad-prevblk" => "it builds on a block that the node holds invalid",
        "stale-prevblk" | "inconclusive-not-best-prevblk" => {
            "another block became the tip while it was mined"
        }
        "duplicate-invalid" => "the node has it already and holds it invalid",
        "bad-blk-length" | "bad-blk-weight" => "it is larger than a block may be",
        "bad-blk-sigops" => "its signature operations exceed the limit",
        "bad-txns-nonfinal" => "a transaction in it is not final yet",
        "bad-txns-inputs-missingorspent" => "a transaction in it spends what is spent or does not exist",
        "bad-signet-blksig" => "it lacks the signature that this signet asks for",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(word: &str) -> Verdict {
        Verdict::from_result(Some(word.to_owned()))
    }

    #[test]
    fn each_result_of_bip22_has_its_verdict() {
        assert_eq!(Verdict::from_result(None), Verdict::Accepted);
        assert_eq!(verdict("duplicate"), Verdict::Duplicate);
        assert_eq!(verdict("inconclusive"), Verdict::Inconclusive);
        assert!(!verdict("duplicate-invalid").is_good());
    }

    #[test]
    fn a_known_reason_is_explained_and_an_unknown_one_shown_verbatim() {
        assert!(verdict("bad-cb-height").explain().contains("BIP34"));
        assert!(verdict("bad-witness-merkle-match, details").explain().contains("witness commitment"));
        assert_eq!(verdict("bad-moon-phase").explain(), "rejected as bad-moon-phase");
        assert!(!verdict("").is_good());
    }

    #[test]
    fn no_word_of_a_node_spoils_a_terminal_or_a_log() {
        let long = verdict(&format!("bad\u{1b}[2J\nmoon{}", "!".repeat(1 << 20))).explain();
        assert!(long.starts_with("rejected as bad [2J moon!") && long.len() < 400, "{long}");
    }

    #[test]
    fn a_block_in_a_log_shows_its_size_and_not_its_bytes() {
        use bitcoin::hashes::Hash;
        let block = SolvedBlock { hash: BlockHash::all_zeros(), height: 7, hex: "00".repeat(300) };
        assert!(format!("{block:?}").ends_with("height: 7, bytes: 300 }"));
    }
}
