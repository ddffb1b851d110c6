//! Why a block was not taken, in Bitcoin Core's words.

use std::borrow::Cow;
use std::fmt;

/// What `submitblock` answers instead of `null` (BIP22): a reject reason such as `bad-cb-amount`, or
/// `duplicate` (already there) or `inconclusive` (stored, but not on the best chain).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(Cow<'static, str>);

impl Reason {
    /// The bare word or words.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether only the block's witnesses are at fault, which its hash does not cover: the same header may
    /// come again with the right ones.
    pub(super) fn spares_the_header(&self) -> bool {
        matches!(self.as_str(), "bad-witness-nonce-size" | "bad-witness-merkle-match" | "unexpected-witness")
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&'static str> for Reason {
    fn from(words: &'static str) -> Self {
        Self(Cow::Borrowed(words))
    }
}

impl From<String> for Reason {
    fn from(words: String) -> Self {
        Self(Cow::Owned(words))
    }
}

/// `Err(words)` unless the rule `holds`.
pub(super) fn require(holds: bool, words: &'static str) -> Result<(), Reason> {
    if holds { Ok(()) } else { Err(words.into()) }
}
