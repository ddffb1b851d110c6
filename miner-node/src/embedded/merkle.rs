//! The root of a merkle tree, and whether its list could have been a shorter one.

use bitcoin::hashes::{Hash, HashEngine, sha256d};

/// The root of a merkle tree, and whether two equal hashes stand side by side where the tree itself would
/// repeat one: then another list of transactions has the same root (CVE-2012-2459).
pub(super) fn root(mut hashes: Vec<sha256d::Hash>) -> (sha256d::Hash, bool) {
    let mut repeated = false;
    while hashes.len() > 1 {
        repeated |= hashes.chunks_exact(2).any(|pair| pair.first() == pair.last());
        hashes = hashes.chunks(2).map(hash_pair).collect();
    }
    (hashes.pop().unwrap_or_else(sha256d::Hash::all_zeros), repeated)
}

/// The hash of one or two nodes: a single one is paired with itself.
fn hash_pair(pair: &[sha256d::Hash]) -> sha256d::Hash {
    let mut engine = sha256d::Hash::engine();
    for node in pair.iter().chain(pair.last()).take(2) {
        engine.input(node.as_ref());
    }
    sha256d::Hash::from_engine(engine)
}
