//! The merkle branch of the coinbase and the root it leads to.
//!
//! All hashes are in internal byte order.

use bitcoin::hashes::Hash as _;
use bitcoin::{TxMerkleNode, Txid};

use crate::sha256::double_sha256;

/// The hash of two nodes side by side.
fn parent(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    let mut pair = [0; 64];
    pair[..32].copy_from_slice(left);
    pair[32..].copy_from_slice(right);
    double_sha256(&pair)
}

/// The branch of the coinbase in a block that holds it and `others` after it, in block order:
/// the sibling on each level, from the leaves up.
pub fn branch(others: &[Txid]) -> Vec<[u8; 32]> {
    let mut level: Vec<[u8; 32]> = others.iter().map(|txid| txid.to_byte_array()).collect();
    let mut branch = Vec::new();
    while let Some((sibling, rest)) = level.split_first() {
        branch.push(*sibling);
        // The leftmost node is the coinbase's ancestor, so pairs start behind the sibling; an odd last
        // node is paired with itself.
        level = rest.chunks(2).map(|pair| parent(&pair[0], pair.last().unwrap_or(&pair[0]))).collect();
    }
    branch
}

/// The root above a coinbase with this txid.
pub fn root(coinbase: [u8; 32], branch: &[[u8; 32]]) -> TxMerkleNode {
    TxMerkleNode::from_byte_array(branch.iter().fold(coinbase, |node, sibling| parent(&node, sibling)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_bitcoin_crate_for_any_number_of_transactions() {
        for count in (1..40).chain([255, 256, 257, 1000]) {
            let txids: Vec<Txid> =
                (0..count).map(|i: u32| Txid::from_byte_array(double_sha256(&i.to_le_bytes()))).collect();
            let expected = bitcoin::merkle_tree::calculate_root(txids.iter().map(|t| t.to_raw_hash()));
            let found = root(txids[0].to_byte_array(), &branch(&txids[1..]));
            assert_eq!(Some(found.to_raw_hash()), expected, "{count} transactions");
        }
    }
}
