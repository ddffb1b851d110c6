//! Branches: what both judges say while the chain forks, and which tip they end with.

use bitcoin::{Amount, Block};

use crate::blocks::finished;
use crate::world::{GOOD, World};

/// `length` blocks one after the other on the block at `height`, told from those of another branch by their
/// `mark` in the time.
fn branch(world: &World, height: u32, length: u32, mark: u32) -> Vec<Block> {
    let mut blocks: Vec<Block> = vec![];
    for height in height + 1..=height + length {
        let parent = blocks.last().cloned().unwrap_or_else(|| (*world.block(height - 1)).clone());
        let mut block = world.draft_on(&parent, height);
        block.header.time += mark;
        blocks.push(finished(block));
    }
    blocks
}

/// The same block claiming a satoshi too much, which shows only when it is connected.
fn greedy(block: &Block) -> Block {
    let mut block = block.clone();
    block.txdata[0].output.pop();
    block.txdata[0].output[0].value += Amount::ONE_SAT;
    finished(block)
}

fn submit_all(world: &mut World, blocks: &[Block]) -> Vec<String> {
    blocks.iter().map(|block| world.submit_to_both(block, "a branch")).collect()
}

#[test]
fn the_longer_branch_wins_and_may_lose_again() {
    let Some(mut world) = World::with_node("the_longer_branch_wins_and_may_lose_again") else {
        return;
    };
    for depth in [1, 2, 10] {
        let base = world.height();
        let [ours, theirs] = [1, 2].map(|mark| branch(&world, base, depth + 2, mark));
        let [shorter, equal, longer] = [depth - 1, depth, depth + 1].map(|length| length as usize);
        assert!(submit_all(&mut world, &ours[..equal]).iter().all(|word| word == GOOD));
        assert!(submit_all(&mut world, &theirs[..equal]).iter().all(|word| word == "inconclusive"));
        assert_eq!(world.submit_to_both(&theirs[shorter], "a side block again"), "duplicate");
        assert_eq!(world.submit_to_both(&theirs[equal], "overtakes"), GOOD);
        assert_eq!(world.submit_to_both(&ours[equal], "catches up"), "inconclusive");
        assert_eq!(world.submit_to_both(&ours[longer], "overtakes in turn"), GOOD);
    }
}

#[test]
fn a_branch_with_a_bad_block_never_wins() {
    let Some(mut world) = World::with_node("a_branch_with_a_bad_block_never_wins") else {
        return;
    };
    let base = world.height();
    let best = branch(&world, base, 3, 1);
    submit_all(&mut world, &best[..1]);

    // Nobody sees what is wrong with it until there is a reason to connect it.
    let bad = greedy(&branch(&world, base, 1, 2)[0]);
    assert_eq!(world.submit_to_both(&bad, "bad, but shorter"), "inconclusive");
    let child = finished(world.draft_on(&bad, base + 2));
    assert_eq!(world.submit_to_both(&child, "on a bad block"), "inconclusive");
    assert_eq!(world.submit_to_both(&bad, "bad, now known"), "duplicate-invalid");
    let grandchild = finished(world.draft_on(&child, base + 3));
    assert_eq!(world.submit_to_both(&grandchild, "on a block on a bad one"), "bad-prevblk");

    // The tip of the branch is the bad one: the branch up to it is no better than what there was.
    let side = branch(&world, base, 2, 3);
    assert_eq!(world.submit_to_both(&side[0], "a good side block"), "inconclusive");
    assert_eq!(world.submit_to_both(&greedy(&side[1]), "a bad one on it"), "bad-cb-amount");
    assert_eq!(submit_all(&mut world, &best[1..]), [GOOD, GOOD]);
}
