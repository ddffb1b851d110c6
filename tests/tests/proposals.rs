//! Every template that is built passes the node's own judgement, by every rule but work.

use bitcoin::{Address, Network, ScriptBuf};
use miner_node::{Auth, Chain, CoinbaseOptions, Payout, RpcClient, RpcNode, Verdict};
use miner_tests::TestNode;
use serde_json::json;

/// A payout of every kind: to anyone, a raw script, and an address of each type.
fn payouts(node: &TestNode) -> Vec<Payout> {
    let address = |kind: &str| node.rpc("getnewaddress", &[json!(""), json!(kind)]).unwrap();
    let addresses = ["legacy", "p2sh-segwit", "bech32", "bech32m"].map(address);
    let script_hash = Address::p2wsh(&ScriptBuf::from_bytes(vec![0x51]), Network::Regtest).to_string();
    let addresses = addresses.iter().map(|address| address.as_str().unwrap()).chain([script_hash.as_str()]);
    let to_addresses = addresses.map(|address| Payout::to_address(address, Chain::Regtest).unwrap());
    to_addresses.chain([Payout::to_anyone(), Payout::to_script("6a0474657374").unwrap()]).collect()
}

#[tokio::test]
async fn proposal_mode_accepts_each_template() {
    let Some(node) = TestNode::start("proposal_mode_accepts_each_template", &[]) else { return };
    node.rpc("createwallet", &[json!("w")]).unwrap();
    let own = node.rpc("getnewaddress", &[]).unwrap();
    let payouts = payouts(&node);
    // From the first block over each kind of height push, past the first halving and TESTDUMMY's start.
    for height in [0u64, 1, 15, 16, 17, 126, 127, 128, 149, 150, 255, 256] {
        let now = node.rpc("getblockcount", &[]).unwrap().as_u64().unwrap();
        node.rpc("generatetoaddress", &[json!(height - now), own.clone()]).unwrap();
        if height > 101 {
            node.rpc("sendtoaddress", &[own.clone(), json!(1)]).unwrap();
        }
        for (payout, signature) in payouts.iter().zip([&b""[..], b"/tag/", &[b'x'; 80]].into_iter().cycle()) {
            let rpc = RpcClient::new(&node.url(), Auth::Cookie(node.cookie_file())).unwrap();
            let options = CoinbaseOptions { payout: payout.clone(), signature: signature.to_vec() };
            let miner = RpcNode::connect(rpc, Some(Chain::Regtest)).await.unwrap().with_coinbase(options);
            let job = miner.next_job().await.unwrap();
            assert_eq!(miner.template(&job).unwrap().height(), u32::try_from(height).unwrap() + 1);
            let verdict = miner.propose(&job).await.unwrap();
            assert_eq!(verdict, Verdict::Accepted, "{payout} on height {height}, tag of {}", signature.len());
        }
    }
}
