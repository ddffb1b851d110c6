//! A node as a source of work, against nodes that hang, vanish, repeat themselves or are the wrong one.

mod support;

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use miner_node::{Chain, NodeError, RpcNode};
use serde_json::{Value, json};
use support::{Answer, Call, FakeNode, error, http, result};

fn hash(tip: u8) -> String {
    format!("{tip:064x}")
}

fn chain_info(chain: &str) -> Value {
    json!({ "chain": chain, "blocks": 1, "headers": 1, "bestblockhash": hash(1), "initialblockdownload": false })
}

fn template(tip: u8, value: u64) -> Value {
    json!({
        "version": 0x2000_0000, "rules": ["csv", "!segwit"], "vbavailable": {}, "vbrequired": 0,
        "previousblockhash": hash(tip), "transactions": [], "coinbaseaux": {}, "coinbasevalue": value,
        "longpollid": format!("{tip}-{value}"), "mintime": 1_700_000_000, "curtime": 1_700_000_100,
        "bits": "207fffff", "height": 100 + u32::from(tip), "weightlimit": 4_000_000,
    })
}

fn is_longpoll(call: &Call) -> bool {
    call.params[0].get("longpollid").is_some()
}

/// A regtest node whose templates and tip are for `answer` to say.
fn regtest(mut answer: impl FnMut(&Call) -> Answer + Send + 'static) -> FakeNode {
    FakeNode::start(move |call| match call.method.as_str() {
        "getblockchaininfo" => result(chain_info("regtest")),
        _ => answer(call),
    })
}

async fn connected(node: &FakeNode) -> RpcNode {
    RpcNode::connect(node.client(), Some(Chain::Regtest)).await.unwrap()
}

#[tokio::test]
async fn the_wrong_chain_is_refused() {
    let node = FakeNode::always(|| result(chain_info("test")));
    let refusal = |asked| async move { RpcNode::connect(node.client(), asked).await };
    let error = refusal(Some(Chain::Regtest)).await.unwrap_err();
    assert!(error.is_fatal() && error.to_string().contains("on testnet3, not on regtest"), "{error}");
}

#[tokio::test]
async fn without_a_wish_the_nodes_chain_is_taken_if_it_is_known() {
    let node = FakeNode::always(|| result(chain_info("test")));
    assert_eq!(RpcNode::connect(node.client(), None).await.unwrap().chain(), Chain::Testnet3);
    let node = FakeNode::always(|| result(chain_info("liquidv1")));
    let error = RpcNode::connect(node.client(), None).await.unwrap_err();
    assert!(matches!(&error, NodeError::UnsupportedChain { .. }) && error.to_string().contains("liquidv1"));
}

#[tokio::test]
async fn of_signets_only_the_one_that_anybody_may_mine_is_taken() {
    let signet = |challenge: &'static str| {
        FakeNode::always(move || {
            let mut info = chain_info("signet");
            info["signet_challenge"] = json!(challenge);
            result(info)
        })
    };
    let open = signet("51");
    let node = RpcNode::connect(open.client(), Some(Chain::Signet)).await.unwrap();
    let _ = node.next_job().await;
    assert_eq!(open.calls().last().unwrap().params[0]["rules"], json!(["segwit", "signet"]));

    let error = RpcNode::connect(signet("512103ad").client(), Some(Chain::Signet)).await.unwrap_err();
    assert!(error.is_fatal() && error.to_string().contains("contrib/signet/miner"), "{error}");
}

#[tokio::test]
async fn a_long_poll_brings_the_next_job() {
    let node = regtest(|call| match is_longpoll(call) {
        true => result(template(2, 50)),
        false => result(template(1, 50)),
    });
    let node = connected(&node).await;
    let (first, second) = (node.next_job().await.unwrap(), node.next_job().await.unwrap());
    assert_eq!([first.prev_blockhash(), second.prev_blockhash()].map(|h| h.to_string()), [hash(1), hash(2)]);
    assert!(first.is_clean() && second.is_clean());
    assert_ne!(first.id(), second.id());
    assert!(node.template(&first).is_ok() && node.template(&second).is_ok());
}

#[tokio::test]
async fn a_new_tip_is_seen_though_the_long_poll_hangs() {
    let tip = Arc::new(AtomicU8::new(1));
    let seen = tip.clone();
    let node = regtest(move |call| match call.method.as_str() {
        "getblocktemplate" if is_longpoll(call) => Answer::Hang,
        "getblocktemplate" => result(template(seen.load(Ordering::Relaxed), 50)),
        _ => result(json!(hash(seen.load(Ordering::Relaxed)))),
    });
    let miner = connected(&node).await;
    miner.next_job().await.unwrap();
    for next in [2, 3] {
        tip.store(next, Ordering::Relaxed);
        let since = Instant::now();
        let job = miner.next_job().await.unwrap();
        assert_eq!(job.prev_blockhash().to_string(), hash(next));
        assert!(since.elapsed() < Duration::from_secs(30), "the poll beside the long poll does not run");
    }
    let longpolls = node.calls().iter().filter(|call| is_longpoll(call)).count();
    assert_eq!(longpolls, 1, "a hanging long poll is not given up for another one");
}

#[tokio::test]
async fn a_long_poll_outlives_the_call_that_began_it() {
    let node = regtest(|call| match is_longpoll(call) {
        true => Answer::Hang,
        false if call.method == "getblocktemplate" => result(template(1, 50)),
        false => result(json!(hash(1))),
    });
    let miner = connected(&node).await;
    miner.next_job().await.unwrap();
    for _ in 0..3 {
        let dropped = tokio::time::timeout(Duration::from_millis(100), miner.next_job()).await;
        assert!(dropped.is_err());
    }
    let longpolls = || node.calls().iter().filter(|call| is_longpoll(call)).count();
    while longpolls() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(longpolls(), 1);
}

#[tokio::test]
async fn a_template_that_says_nothing_new_is_no_job() {
    let replies = Mutex::new(vec![template(1, 60), template(1, 50), template(1, 50)]);
    let node = regtest(move |call| {
        let next = || replies.lock().unwrap().pop().unwrap();
        if call.method != "getblocktemplate" {
            return result(json!(hash(1)));
        }
        let mut template = next();
        // A clock that goes on is nothing new either.
        template["curtime"] = json!(1_700_000_100 + u32::from(is_longpoll(call)));
        result(template)
    });
    let miner = connected(&node).await;
    let first = miner.next_job().await.unwrap();
    let second = miner.next_job().await.unwrap();
    assert!(!second.hashes_like(&first) && !second.is_clean());
    let templates = node.calls().iter().filter(|call| call.method == "getblocktemplate").count();
    assert_eq!(templates, 3);
}

#[tokio::test]
async fn an_old_time_is_a_new_job() {
    let node = regtest(|call| {
        let mut template = template(1, 50);
        if is_longpoll(call) {
            template["curtime"] = json!(1_700_003_600);
        }
        result(template)
    });
    let miner = connected(&node).await;
    miner.next_job().await.unwrap();
    assert_eq!(miner.next_job().await.unwrap().time().start, 1_700_003_600);
}

#[tokio::test]
async fn a_node_that_vanishes_is_reported_and_waited_for() {
    let up = Arc::new(AtomicBool::new(true));
    let is_up = up.clone();
    let node = regtest(move |call| match is_up.load(Ordering::Relaxed) {
        false => error(-28, "Loading block index…"),
        true if is_longpoll(call) => Answer::SendAndClose(vec![]),
        true if call.method == "getblocktemplate" => result(template(1, 50)),
        true => result(json!(hash(1))),
    });
    let miner = connected(&node).await;
    let before = miner.next_job().await.unwrap();
    up.store(false, Ordering::Relaxed);
    for _ in 0..2 {
        let error = miner.next_job().await.unwrap_err();
        assert!(matches!(error, NodeError::Loading(_)), "{error}");
    }
    up.store(true, Ordering::Relaxed);
    let after = miner.next_job().await.unwrap();
    assert!(Arc::ptr_eq(&before, &after), "the node is back with the same template");
}

#[tokio::test]
async fn a_node_without_long_polls_is_polled() {
    for refuses in [true, false] {
        let tip = Arc::new(AtomicU8::new(1));
        let seen = tip.clone();
        let node = regtest(move |call| {
            let tip = seen.load(Ordering::Relaxed);
            match call.method.as_str() {
                "getblocktemplate" if is_longpoll(call) => http("504 Gateway Timeout", "<html>"),
                "getblocktemplate" => result(template(tip, 50)),
                _ => result(json!(hash(tip))),
            }
        });
        let miner = connected(&node).await;
        let miner = if refuses { miner } else { miner.without_longpoll() };
        miner.next_job().await.unwrap();
        tip.store(2, Ordering::Relaxed);
        assert_eq!(miner.next_job().await.unwrap().prev_blockhash().to_string(), hash(2));
        assert_eq!(node.calls().iter().any(is_longpoll), refuses);
    }
}

#[tokio::test]
async fn an_unknown_rule_is_not_mined_on() {
    let node = regtest(|_| {
        let mut template = template(1, 50);
        template["rules"] = json!(["!segwit", "!moon"]);
        result(template)
    });
    let error = connected(&node).await.next_job().await.unwrap_err();
    assert!(matches!(error, NodeError::UnknownRule(_)) && error.is_fatal());
}

#[tokio::test]
async fn a_node_that_gives_no_template_without_a_rule_is_not_asked_again_and_again() {
    let node = regtest(|_| error(-8, "Support for 'moon' rule requires explicit client support"));
    let error = connected(&node).await.next_job().await.unwrap_err();
    assert!(matches!(error, NodeError::NoTemplate(_)) && error.is_fatal());
    assert!(
        error.to_string().contains("'moon'") && error.to_string().contains("update the miner"),
        "{error}"
    );
}
