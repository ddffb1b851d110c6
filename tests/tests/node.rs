//! The node that the other tests rely on does what they rely on.

use miner_tests::TestNode;
use serde_json::json;

#[test]
fn a_node_comes_up_mines_and_remembers() {
    let Some(mut node) = TestNode::start("a_node_comes_up_mines_and_remembers", &[]) else {
        return;
    };
    node.rpc("generatetodescriptor", &[json!(3), json!("raw(51)")]).expect("regtest mines on request");
    node.stop();
    node.restart();
    assert_eq!(node.rpc("getblockcount", &[]).expect("the node is up"), json!(3));
    let unknown = node.rpc("nosuchmethod", &[]).expect_err("the method does not exist");
    assert_eq!(unknown.code, -32601);
    node.kill();
    assert!(node.try_rpc("getblockcount", &[]).is_err(), "a killed node does not answer");
}
