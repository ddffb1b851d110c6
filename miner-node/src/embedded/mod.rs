//! A regtest chain in memory, behind the same interface as a real node: templates to mine on, and a judge of
//! the blocks that come back.
//!
//! It answers [`Blockchain::submit`] with the words of Bitcoin Core's `submitblock`, and checks in Core's
//! order: proof of work, merkle root (and CVE-2012-2459), length, coinbase, each transaction by itself,
//! signature operations; then previous block, bits, median time past (BIP113), future time, version (BIP34,
//! BIP65, BIP66), lock times, height in the coinbase (BIP34), witness commitment (BIP141), weight; then BIP30,
//! inputs, maturity, values, relative lock times (BIP68), subsidy and fees. Forks are kept and the most work
//! wins.
//!
//! What it cannot do is run scripts. The outputs it can see spent are P2WSH(OP_TRUE), which its own coins are
//! (it has no keys), and bare OP_TRUE; whatever spends any other output, a payout to an address among them, is
//! refused with `unsupported-script`. That is not one of Core's words: a real node may well take such a block.
//!
//! Nor has it a mempool, peers or a disk. Blocks under 288 others shrink to their headers, so that a day at a
//! block a second takes some 50 MB; no branch is followed that forks off below them.

mod block_rules;
mod blockchain;
mod coins;
mod commitment;
mod connect;
mod index;
mod merkle;
mod node;
mod params;
mod place;
mod proposal;
mod reason;
mod scripts;
mod template;
mod transactions;

pub use blockchain::Blockchain;
pub use node::{EmbeddedNode, solve};
pub use params::{EmbeddedParams, subsidy};
pub use reason::Reason;
pub use scripts::anyone_can_spend;
