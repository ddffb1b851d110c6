//! The embedded chain as a node: jobs out, blocks in. Its verdicts are judged by a real node elsewhere.

use std::future::ready;
use std::sync::Arc;

use bitcoin::consensus::encode::deserialize_hex;
use bitcoin::{Block, BlockHash};
use miner_core::{Extranonce, Job, Share, Solution, VersionMask};
use miner_node::embedded::{Blockchain, EmbeddedNode, EmbeddedParams, anyone_can_spend, solve};
use miner_node::template::{EXTRANONCE_SIZE, terms};
use miner_node::{CoinbaseOptions, Node, NodeError, Payout, SolvedBlock, Verdict};

fn premined() -> EmbeddedParams {
    EmbeddedParams { premined: 101, ..EmbeddedParams::default() }
}

fn start(params: EmbeddedParams) -> Node {
    EmbeddedNode::new(params, CoinbaseOptions::default()).unwrap().into()
}

/// A node whose blocks pay to the chain itself, so that it has ever more to spend.
fn start_paying_itself(params: EmbeddedParams) -> Node {
    let payout = Payout::to_script(&anyone_can_spend().to_hex_string()).unwrap();
    EmbeddedNode::new(params, CoinbaseOptions { payout, signature: vec![] }).unwrap().into()
}

fn solved(node: &Node, job: &Arc<Job>) -> SolvedBlock {
    node.assemble(&solve(job).unwrap()).unwrap()
}

/// Mines so many blocks, which must all be accepted, and returns them.
async fn mine(node: &Node, count: u32) -> Vec<SolvedBlock> {
    let mut blocks = vec![];
    for _ in 0..count {
        let job = node.next_job().await.unwrap();
        assert_eq!(node.propose(&job).await.unwrap(), Verdict::Accepted);
        let block = solved(node, &job);
        assert_eq!(node.submit_block(&block).await.unwrap(), Verdict::Accepted);
        assert_eq!(node.tip().await.unwrap(), block.hash);
        blocks.push(block);
    }
    blocks
}

fn decode(block: &SolvedBlock) -> Block {
    deserialize_hex(&block.hex).unwrap()
}

#[tokio::test]
async fn a_job_comes_at_once_and_the_next_one_with_a_new_tip() {
    let node = start(EmbeddedParams::default());
    let first = node.next_job().await.unwrap();
    assert!(first.is_clean());
    tokio::select! {
        biased;
        _ = node.next_job() => panic!("there was no new tip"),
        () = ready(()) => {}
    }
    let block = solved(&node, &first);
    assert_eq!(node.submit_block(&block).await.unwrap(), Verdict::Accepted);
    assert_eq!(node.submit_block(&block).await.unwrap(), Verdict::Duplicate);
    let second = node.next_job().await.unwrap();
    assert_eq!(second.prev_blockhash(), block.hash);
    assert_ne!(second.id(), first.id());
}

#[tokio::test]
async fn a_premined_chain_has_transactions_from_the_first_template_on() {
    let node = start(premined());
    assert!(node.block_at(101).await.unwrap().is_some());
    assert_eq!(node.block_at(102).await.unwrap(), None);
    for block in mine(&node, 10).await {
        let block = decode(&block);
        assert!(block.txdata.len() > 1, "nothing but a coinbase");
        assert!(block.txdata[1..].iter().all(|tx| !tx.input[0].witness.is_empty()));
    }
    for (height, confirmations) in [(0, 112), (111, 1)] {
        let hash = node.block_at(height).await.unwrap().unwrap();
        assert_eq!(node.confirmations(&hash).await.unwrap(), Some(confirmations));
    }
}

#[tokio::test]
async fn templates_reach_their_size_and_stay_there() {
    let node = start_paying_itself(EmbeddedParams { transactions: 7, ..premined() });
    let blocks = mine(&node, 400).await;
    let settled = blocks[100..].iter().map(|block| decode(block).txdata.len());
    assert!(settled.min() == Some(8) && blocks.iter().all(|block| decode(block).txdata.len() <= 8));
}

async fn tip_after(params: EmbeddedParams, blocks: u32) -> BlockHash {
    let node = start(params);
    mine(&node, blocks).await;
    node.tip().await.unwrap()
}

#[tokio::test]
async fn a_seed_fixes_the_tip() {
    let seeded = |seed| EmbeddedParams { seed: Some(seed), ..premined() };
    let tip = tip_after(seeded(7), 20).await;
    assert_eq!(tip_after(seeded(7), 20).await, tip);
    assert_ne!(tip_after(seeded(8), 20).await, tip);
}

#[tokio::test]
async fn a_seed_leaves_one_time_to_each_block() {
    let node = start(EmbeddedParams { seed: Some(0), ..premined() });
    for height in 102..110 {
        let job = node.next_job().await.unwrap();
        let time = job.time();
        assert_eq!([time.min, time.start, time.max], [1_296_688_602 + height; 3]);
        node.submit_block(&solved(&node, &job)).await.unwrap();
    }
}

/// A solution which is not the one that [`solve`] finds.
fn solve_otherwise(job: &Arc<Job>) -> Share {
    let (terms, extranonce2) = (terms(VersionMask::NONE), Extranonce::nth(1, EXTRANONCE_SIZE));
    let root = job.merkle_root(&terms, &extranonce2);
    let solution = |nonce| Solution { extranonce2, time: job.time().min, version: job.version(), nonce };
    let check = |solution| job.check(&terms, &solution, &job.evaluate(&root, &solution)).ok();
    (0..=u32::MAX).map(solution).find_map(check).unwrap()
}

#[tokio::test]
async fn a_late_block_is_a_side_block_and_forgotten_two_tips_later() {
    let node = start(premined());
    let job = node.next_job().await.unwrap();
    let late = solve_otherwise(&job);
    node.submit_block(&solved(&node, &job)).await.unwrap();
    let block = node.assemble(&late).unwrap();
    assert_eq!(node.submit_block(&block).await.unwrap(), Verdict::Inconclusive);
    assert_eq!(node.confirmations(&block.hash).await.unwrap(), Some(-1));
    mine(&node, 2).await;
    assert!(matches!(node.assemble(&late), Err(NodeError::UnknownJob(_))));
}

#[tokio::test]
async fn the_difficulty_holds_above_the_premined_blocks() {
    let node = start(EmbeddedParams::at_difficulty(0.002, None).unwrap());
    let job = node.next_job().await.unwrap();
    let difficulty = miner_core::target::difficulty(job.network_target());
    assert!((difficulty - 0.002).abs() < 1e-6, "{difficulty}");
    let easiest = EmbeddedParams::at_difficulty(1e-12, None).unwrap();
    assert_eq!(easiest.bits, EmbeddedParams::default().bits);
    assert!(EmbeddedParams::at_difficulty(0.0, None).is_err());
}

/// Deep blocks are dropped, and whatever would need them is not followed.
#[tokio::test]
async fn a_long_chain_forgets_what_is_buried() {
    let seeded = EmbeddedParams { seed: Some(1), ..EmbeddedParams::default() };
    let (source, other) = (start(seeded), start_paying_itself(seeded));
    let (blocks, others) = (mine(&source, 320).await, mine(&other, 2).await);
    let mut chain = Blockchain::new(EmbeddedParams::default());
    let mut submit = |block: &SolvedBlock| chain.submit(decode(block), u32::MAX).map_err(|r| r.to_string());
    assert!(blocks.iter().all(|block| submit(block).is_ok()));
    let answers = [&blocks[0], &others[0], &others[1]].map(|block| submit(block).unwrap_err());
    assert_eq!(answers, ["duplicate", "inconclusive", "prev-blk-not-found"]);
    assert!(chain.block_at(32).is_none() && chain.block_at(33).is_some());
}

#[tokio::test]
async fn a_coinbase_that_cannot_be_is_an_error_each_time() {
    let options = CoinbaseOptions { signature: vec![0; 100], ..CoinbaseOptions::default() };
    let node = Node::from(EmbeddedNode::new(premined(), options).unwrap());
    for _ in 0..2 {
        assert!(matches!(node.next_job().await, Err(NodeError::BadTemplate(_))));
    }
}

#[tokio::test]
async fn what_is_no_block_is_an_error_and_no_verdict() {
    let node = start(EmbeddedParams::default());
    let mut block = solved(&node, &node.next_job().await.unwrap());
    block.hex.truncate(100);
    let error = node.submit_block(&block).await.unwrap_err();
    assert!(matches!(error, NodeError::Rpc { code: -22, .. }), "{error}");
    assert!(error.is_fatal());
}
