//! What can go wrong between a miner and a node. Each message says what is wrong and what to do;
//! none holds a password.

use std::path::PathBuf;
use std::time::Duration;

use crate::Chain;

/// An error of a node, or on the way to it.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The address of the node is malformed.
    #[error("`{url}` is not the address of a node: {reason}")]
    BadUrl {
        /// As it was given, without user and password.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing was found in any of the places where a node leaves its traces.
    #[error("no {chain} node found; {looked_at}. Start one (bitcoind -chain={}) or name it (--node URL)", chain.core_name())]
    NotFound {
        /// The chain that was asked for.
        chain: Chain,
        /// Every place, and what was missing there.
        looked_at: String,
    },
    /// The node was named, but no login for it found.
    #[error("no login for the node at {url}; {looked_at}. Give one (--cookie FILE, or -u USER -p PASS)")]
    NoLogin {
        /// The address.
        url: String,
        /// Every place, and what was missing there.
        looked_at: String,
    },
    /// No process listens at the address.
    #[error("no node at {url}: start one ({start}) or give its address (--node URL)")]
    Refused {
        /// The address.
        url: String,
        /// The command that starts a node there.
        start: String,
    },
    /// The connection could not be made or broke.
    #[error("no connection to the node at {url}: {reason}")]
    Unreachable {
        /// The address.
        url: String,
        /// What the system said.
        reason: String,
    },
    /// No whole answer came in time.
    #[error("the node at {url} did not answer `{method}` within {} s", after.as_secs_f32())]
    Timeout {
        /// The address.
        url: String,
        /// The call.
        method: &'static str,
        /// How long it was waited for.
        after: Duration,
    },
    /// HTTP 401.
    #[error("the node at {url} refuses the login: {hint}")]
    Unauthorized {
        /// The address.
        url: String,
        /// Which login it was, and what to do about it.
        hint: String,
    },
    /// HTTP 403.
    #[error(
        "the node at {url} does not take calls from this machine: allow its address with rpcallowip in bitcoin.conf"
    )]
    Forbidden {
        /// The address.
        url: String,
    },
    /// The cookie cannot be read, or holds no login (yet).
    #[error("cookie {}: {reason}", path.display())]
    Cookie {
        /// Where the node should have left it.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// HTTP 503: the node's queue is full.
    #[error("the node at {url} has too many calls at once: if that lasts, give it a longer rpcworkqueue")]
    Busy {
        /// The address.
        url: String,
    },
    /// Something answers, but it is no node.
    #[error("{url} answers with {what}, not JSON-RPC: is it the RPC port of a node?")]
    NotRpc {
        /// The address.
        url: String,
        /// What came instead.
        what: String,
    },
    /// The connection closed in the middle of an answer.
    #[error("the node at {url} broke off in the middle of its answer to `{method}`")]
    Truncated {
        /// The address.
        url: String,
        /// The call.
        method: &'static str,
    },
    /// The answer exceeds what is read at most.
    #[error("the node at {url} answers `{method}` with more than {} MiB", limit >> 20)]
    TooLarge {
        /// The address.
        url: String,
        /// The call.
        method: &'static str,
        /// Bytes that are read at most.
        limit: usize,
    },
    /// The answer is JSON-RPC, but not what the call returns.
    #[error("the node's answer to `{method}` makes no sense: {reason}")]
    BadReply {
        /// The call.
        method: &'static str,
        /// What the JSON parser said.
        reason: String,
    },
    /// RPC error -28: the node warms up.
    #[error("the node is still loading: {0}")]
    Loading(String),
    /// Any other RPC error.
    #[error("the node refuses `{method}`: {message} ({code})")]
    Rpc {
        /// The call.
        method: &'static str,
        /// Bitcoin Core's RPC error code.
        code: i64,
        /// Its words.
        message: String,
    },
    /// The node runs another chain.
    #[error("the node at {url} is on {found}, not on {asked}: give --chain {found} or the node of {asked}")]
    WrongChain {
        /// The address.
        url: String,
        /// The chain that was asked for.
        asked: Chain,
        /// The chain that the node is on.
        found: String,
    },
    /// The node runs a chain that this miner knows nothing about.
    #[error("the node at {url} is on the chain `{found}`, which this miner does not know")]
    UnsupportedChain {
        /// The address.
        url: String,
        /// The chain's name.
        found: String,
    },
    /// A signet whose blocks need a signature.
    #[error(
        "this signet's blocks are signed (challenge {challenge}), so hashing alone makes none: only one with \
         challenge 51 can be mined like this; its signers use Bitcoin Core's contrib/signet/miner with `miner grind`"
    )]
    SignedSignet {
        /// The script that a block must satisfy, in hex.
        challenge: String,
    },
    /// The template demands a rule that this miner does not know (BIP9: so it must not mine on it).
    #[error("the node's template needs the rule `{0}`, which this version does not know: update the miner")]
    UnknownRule(String),
    /// RPC error -8 to `getblocktemplate`: the node gives none to a miner that does not know every rule.
    #[error(
        "the node gives this miner no template: {0} (-8). Its chain has a rule that this version does not know: \
         update the miner"
    )]
    NoTemplate(String),
    /// A share of another node's job, or of one given up long ago.
    #[error("job `{0}` is of no template that this node holds")]
    UnknownJob(String),
    /// The template contradicts itself or the rules.
    #[error("the node's template is unusable: {0}")]
    BadTemplate(String),
}

/// Error codes of Bitcoin Core's `rpc/protocol.h` (and of JSON-RPC) that the same call meets again:
/// its parameters, its block or the method itself is at fault.
const FINAL_CODES: [i64; 9] = [-3, -5, -8, -18, -19, -22, -32600, -32601, -32602];

impl NodeError {
    /// Whether the same call may succeed later without anybody's help: the node restarts, loads,
    /// catches up or is busy.
    pub fn is_transient(&self) -> bool {
        !self.is_fatal()
    }

    /// Whether somebody must do something first. A block that meets this is kept all the same.
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::Rpc { code, .. } => FINAL_CODES.contains(code),
            Self::BadUrl { .. }
            | Self::NotFound { .. }
            | Self::NoLogin { .. }
            | Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::NotRpc { .. }
            | Self::WrongChain { .. }
            | Self::SignedSignet { .. }
            | Self::UnsupportedChain { .. }
            | Self::UnknownRule(_)
            | Self::NoTemplate(_)
            | Self::UnknownJob(_) => true,
            _ => false,
        }
    }
}
