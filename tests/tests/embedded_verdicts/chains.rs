//! Whole chains: what one side makes, the other side takes.

use bitcoin::Block;
use bitcoin::consensus::encode::deserialize_hex;
use miner_node::embedded::{Blockchain, EmbeddedNode, EmbeddedParams, anyone_can_spend, solve};
use miner_node::{CoinbaseOptions, Node, Payout, Verdict};
use miner_tests::TestNode;
use serde_json::{Value, json};

/// From height 1 (BIP34's OP_1 to OP_16 first), past maturity, height 144 and two halvings.
const BLOCKS: u32 = 320;

#[tokio::test]
async fn a_real_node_takes_every_block_of_an_embedded_chain() {
    let Some(node) = TestNode::start("a_real_node_takes_every_block_of_an_embedded_chain", &[]) else {
        return;
    };
    let payout = Payout::to_script(&anyone_can_spend().to_hex_string()).expect("it is hex");
    let options = CoinbaseOptions { payout, signature: b"a test".to_vec() };
    let params = EmbeddedParams { transactions: 5, ..EmbeddedParams::default() };
    let embedded = Node::from(EmbeddedNode::new(params, options).expect("regtest can be mined"));
    let mut largest = 0;
    for height in 1..=BLOCKS {
        let job = embedded.next_job().await.expect("there is a new tip");
        let share = solve(&job).expect("every other hash is a block");
        let block = embedded.assemble(&share).expect("the job is the node's");
        assert_eq!(
            node.rpc("submitblock", &[json!(block.hex)]).expect("the node is up"),
            Value::Null,
            "{height}"
        );
        assert_eq!(embedded.submit_block(&block).await.expect("it is a block"), Verdict::Accepted);
        let block: Block = deserialize_hex(&block.hex).expect("it is a block");
        largest = largest.max(block.txdata.len());
    }
    let own_tip = embedded.tip().await.expect("it has one").to_string();
    let tip = node.rpc("getbestblockhash", &[]).expect("the node is up");
    assert_eq!(tip.as_str(), Some(own_tip.as_str()));
    assert_eq!(largest, 6);
}

#[test]
fn an_embedded_chain_takes_every_block_of_a_real_node() {
    let Some(node) = TestNode::start("an_embedded_chain_takes_every_block_of_a_real_node", &[]) else {
        return;
    };
    let descriptor = json!(format!("raw({})", anyone_can_spend().to_hex_string()));
    let hashes =
        node.rpc("generatetodescriptor", &[json!(BLOCKS), descriptor]).expect("regtest mines on request");
    let mut chain = Blockchain::new(EmbeddedParams::default());
    for hash in hashes.as_array().expect("a list of hashes") {
        let hex = node.rpc("getblock", &[hash.clone(), json!(0)]).expect("the node has the block");
        let block: Block = deserialize_hex(hex.as_str().unwrap_or_default()).expect("it is a block");
        let now = block.header.time;
        chain.submit(block, now).unwrap_or_else(|reason| panic!("{hash}: {reason}"));
    }
    assert_eq!(chain.height(), BLOCKS);
}
