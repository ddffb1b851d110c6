//! The end of regtest's subsidy, which whoever mines there all day reaches: a word in time.

/// From this height on blocks create nothing: 33 halvings, one each 150 blocks, leave nothing of 50 bitcoin.
const END: u32 = 4950;
/// How many blocks before that it is time for a word.
const IN_TIME: u32 = 150;

/// What is to be told once, when the block of this height is to be mined on a node's regtest.
pub(crate) fn warning(height: u32) -> Option<String> {
    let when = match END.checked_sub(height) {
        Some(left) if left > IN_TIME => return None,
        Some(left @ 1..) => format!("falls to 0 at height {END}, {left} blocks from here"),
        _ => format!("has been 0 since height {END}"),
    };
    Some(format!(
        "regtest's subsidy {when}, and blocks pay nothing but fees from there on. A new chain begins with 50 bitcoin \
         again: stop the node and remove the folder regtest from its data folder"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use miner_node::embedded::subsidy;

    #[test]
    fn the_word_comes_before_the_end_and_never_too_early() {
        assert!(subsidy(END - 1).to_sat() > 0 && subsidy(END).to_sat() == 0);
        assert_eq!(warning(END - IN_TIME - 1), None);
        assert!(warning(END - IN_TIME).unwrap().contains("4950, 150 blocks"));
        assert!(warning(END - 1).unwrap().contains("4950, 1 blocks"));
        assert!(warning(END).unwrap().contains("has been 0"));
    }
}
