//! The embedded chain judged against a real node: the same blocks, good and bad, get the same words from both.
//!
//! `faults` lists the ways to break a block and `edges` those that just do not, `blocks` builds and solves
//! them, `world` holds the two judges, `forks` is about branches and `chains` about
//! whole chains.

mod blocks;
mod chains;
mod edges;
mod faults;
mod forks;
mod world;

use blocks::{Stage, finished};
use edges::EDGES;
use faults::{FAULTS, Fault};
use world::{GOOD, World};

/// A block on the tip with some faults, each made at its own stage of the assembly.
fn broken(world: &World, faults: &[&Fault]) -> bitcoin::Block {
    let mut block = world.draft();
    for stage in Stage::ALL {
        stage.prepare(&mut block);
        for fault in faults.iter().filter(|fault| fault.stage == stage) {
            (fault.make)(world, &mut block);
        }
    }
    block
}

#[test]
fn each_fault_gets_cores_word_for_it() {
    let mut world = World::without_node();
    for fault in FAULTS {
        let block = broken(&world, &[fault]);
        assert_eq!(world.submit(&block), fault.word, "{}", fault.name);
    }
    let good = finished(world.draft());
    assert_eq!(world.submit(&good), GOOD, "the same block without a fault");
}

#[test]
fn a_real_node_has_the_same_word_for_each_fault() {
    let Some(mut world) = World::with_node("a_real_node_has_the_same_word_for_each_fault") else {
        return;
    };
    for fault in FAULTS {
        let block = broken(&world, &[fault]);
        for _ in 0..2 {
            world.submit_to_both(&block, fault.name);
        }
    }
    let good = finished(world.draft());
    assert_eq!(world.submit_to_both(&good, "no fault"), GOOD);
    assert_eq!(world.submit_to_both(&good, "no fault, again"), "duplicate");
}

#[test]
fn a_real_node_has_the_same_word_for_each_fault_of_a_proposal() {
    let Some(mut world) = World::with_node("a_real_node_has_the_same_word_for_each_fault_of_a_proposal")
    else {
        return;
    };
    for fault in FAULTS.iter().chain(EDGES) {
        let block = broken(&world, &[fault]);
        world.propose_to_both(&block, fault.name);
    }
}

#[test]
fn what_is_just_within_the_rules_is_good_for_both() {
    let Some(mut world) = World::with_node("what_is_just_within_the_rules_is_good_for_both") else {
        return;
    };
    for edge in EDGES {
        let block = broken(&world, &[edge]);
        assert_eq!(world.submit_to_both(&block, edge.name), edge.word, "{}", edge.name);
    }
}

/// There is no script interpreter: what a real node takes, for all we know, is refused by a word of our own.
#[test]
fn a_spend_of_an_unknown_script_is_refused_as_such() {
    let mut world = World::without_node();
    let block = edges::spending_an_unknown_script(&world);
    assert_eq!(world.submit(&block), "unsupported-script");
}

/// Which of two faults is named shows the order of the checks. A block of megabytes takes half a second here,
/// so those meet every eighth of the others only.
#[test]
fn a_real_node_finds_the_same_one_of_two_faults_first() {
    let Some(mut world) = World::with_node("a_real_node_finds_the_same_one_of_two_faults_first") else {
        return;
    };
    for (position, first) in FAULTS.iter().enumerate() {
        for (other, second) in FAULTS.iter().enumerate().skip(position + 1) {
            if (first.is_bulky() && other % 8 != 0) || (second.is_bulky() && position % 8 != 0) {
                continue;
            }
            let block = broken(&world, &[first, second]);
            world.submit_to_both(&block, &format!("{} + {}", first.name, second.name));
        }
    }
}
