//! Every way in which a node, or what stands in its place, may fail a call: over real TCP.

mod support;

use std::sync::atomic::Ordering;
use std::time::Duration;

use miner_node::{Auth, NodeError, RpcClient};
use serde_json::json;
use support::{Answer, FakeNode, error, http, result};

const MIB: usize = 1 << 20;

async fn failure(client: &RpcClient) -> NodeError {
    let error = client.best_block_hash().await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("canary"), "a password shows in: {shown}");
    error
}

fn cookie_client(node: &FakeNode, path: &std::path::Path) -> RpcClient {
    RpcClient::new(&node.url(), Auth::Cookie(path.to_owned())).unwrap()
}

#[tokio::test]
async fn a_cookie_that_a_restart_changed_is_read_again() {
    let cookie = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&cookie, "__cookie__:old").unwrap();
    let path = cookie.path().to_owned();
    // The base64 of __cookie__:new.
    let node = FakeNode::start(move |call| match call.authorization.as_str() {
        "Basic X19jb29raWVfXzpuZXc=" => result(json!("00".repeat(32))),
        _ => {
            std::fs::write(&path, "__cookie__:new").unwrap();
            http("401 Unauthorized", "")
        }
    });
    let client = cookie_client(&node, cookie.path());
    client.best_block_hash().await.unwrap();
    client.best_block_hash().await.unwrap();
    assert_eq!(node.calls().len(), 3, "refused, again with the new cookie, and the new one from then on");
}

#[tokio::test]
async fn a_wrong_login_is_tried_once_and_explained() {
    let node = FakeNode::always(|| http("401 Unauthorized", ""));
    let error = failure(&node.client()).await;
    assert!(matches!(error, NodeError::Unauthorized { .. }) && error.is_fatal());
    assert!(error.to_string().contains("password of user `me`"), "{error}");
    assert_eq!(node.calls().len(), 1);

    let cookie = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&cookie, "__cookie__:another").unwrap();
    let error = failure(&cookie_client(&node, cookie.path())).await;
    assert!(error.to_string().contains("--cookie"), "{error}");
    assert_eq!(node.calls().len(), 2);
}

#[tokio::test]
async fn a_half_written_cookie_sends_nothing() {
    let node = FakeNode::always(|| result(json!(null)));
    let cookie = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&cookie, "__coo").unwrap();
    let error = failure(&cookie_client(&node, cookie.path())).await;
    assert!(matches!(error, NodeError::Cookie { .. }) && error.is_transient(), "{error}");
    assert!(node.calls().is_empty());
}

#[tokio::test]
async fn a_login_in_the_url_is_used() {
    let node = FakeNode::always(|| result(json!("00".repeat(32))));
    let url = format!("http://Aladdin:open%20sesame@{}", node.address);
    let client = RpcClient::new(&url, Auth::Cookie("/nowhere".into())).unwrap();
    client.best_block_hash().await.unwrap();
    assert_eq!(node.calls()[0].authorization, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert_eq!(client.url(), node.url());
}

#[tokio::test]
async fn answers_that_refuse_say_why_and_whether_to_retry() {
    type Case = (fn() -> Answer, &'static str, bool);
    let cases: [Case; 9] = [
        (|| http("403 Forbidden", ""), "rpcallowip", false),
        (|| http("503 Service Unavailable", "Work queue depth exceeded"), "rpcworkqueue", true),
        (|| http("404 Not Found", "<html>nginx</html>"), "a web page", false),
        (|| http("200 OK", "<!DOCTYPE html>"), "a web page", false),
        (|| http("502 Bad Gateway", "<html>"), "HTTP 502", true),
        (|| error(-28, "Verifying blocks…"), "still loading: Verifying blocks…", true),
        (|| error(-10, "in initial sync"), "in initial sync (-10)", true),
        (|| error(-8, "getblocktemplate must be called with the segwit rule set"), "(-8)", false),
        (|| result(json!("no hash")), "makes no sense", true),
    ];
    for (answer, words, transient) in cases {
        let node = FakeNode::always(answer);
        let error = failure(&node.client()).await;
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(error.is_transient(), transient, "{error}");
        assert_eq!(node.calls().len(), 1, "{error}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_answer() {
    for torn in [
        "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{\"result\":",
        "HTTP/1.1 200 OK\r\n\r\n{\"result\":null",
    ] {
        let node = FakeNode::always(|| Answer::SendAndClose(torn.into()));
        let error = failure(&node.client()).await;
        assert!(matches!(error, NodeError::Truncated { .. }) && error.is_transient(), "{error}");
    }
}

#[tokio::test]
async fn what_speaks_no_http_is_no_node() {
    let node = FakeNode::always(|| Answer::SendAndClose(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()));
    let error = failure(&node.client()).await;
    assert!(error.to_string().contains("not JSON-RPC"), "{error}");
}

#[tokio::test]
async fn a_body_over_the_cap_is_not_read_to_its_end() {
    let announced = || http_head("Content-Length: 104857600");
    let chunk = || [b"100000\r\n".as_slice(), &vec![b'x'; MIB], b"\r\n"].concat();
    type Flood = Box<dyn Fn() -> Answer + Send>;
    let floods: [Flood; 2] = [
        Box::new(move || Answer::Flood(announced(), vec![b'x'; MIB])),
        Box::new(move || Answer::Flood(http_head("Transfer-Encoding: chunked"), chunk())),
    ];
    for flood in floods {
        let node = FakeNode::always(flood);
        let error = failure(&node.client().with_body_cap(2 * MIB)).await;
        assert!(matches!(error, NodeError::TooLarge { .. }), "{error}");
        assert!(error.to_string().contains("2 MiB"), "{error}");
        let sent = node.sent.load(Ordering::Relaxed);
        assert!(sent < 50 * MIB, "{sent} bytes were taken");
    }
}

fn http_head(length: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{length}\r\n\r\n").into()
}

#[tokio::test]
async fn a_connection_closed_while_idle_costs_no_call() {
    let node = FakeNode::start(|call| match call.connection {
        0 => Answer::SendAndClose(match result(json!("00".repeat(32))) {
            Answer::Send(bytes) => bytes,
            _ => unreachable!("a result is sent"),
        }),
        _ => result(json!("00".repeat(32))),
    });
    let client = node.client();
    client.best_block_hash().await.unwrap();
    client.best_block_hash().await.unwrap();
    assert_eq!(node.calls().len(), 2);
}

#[tokio::test]
async fn a_connection_that_breaks_under_a_call_is_made_once_more() {
    let breaks_first = |breaks: usize| {
        FakeNode::start(move |call| match call.connection {
            n if n < breaks => Answer::SendAndClose(vec![]),
            _ => result(json!("00".repeat(32))),
        })
    };
    let once = breaks_first(1);
    once.client().best_block_hash().await.unwrap();
    assert_eq!(once.calls().len(), 2);

    let always = breaks_first(usize::MAX);
    let error = failure(&always.client()).await;
    assert!(matches!(error, NodeError::Unreachable { .. }) && error.is_transient(), "{error}");
    assert_eq!(always.calls().len(), 2);
}

#[tokio::test]
async fn a_port_where_nothing_listens_says_how_to_start_a_node() {
    // Nobody listens on tcpmux any more.
    let free = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
    let password = miner_node::Secret::new("canary");
    let client = RpcClient::new(&free.to_string(), Auth::UserPass { user: "me".into(), password }).unwrap();
    let error = failure(&client).await;
    assert!(matches!(error, NodeError::Refused { .. }) && error.is_transient());
    assert!(error.to_string().contains("bitcoind") && error.to_string().contains("--node URL"), "{error}");
}

#[tokio::test]
async fn a_host_without_an_address_is_named() {
    let client =
        RpcClient::new("http://me:canary@no-such-host.invalid:1", Auth::Cookie("unused".into())).unwrap();
    let error = failure(&client).await;
    assert!(error.to_string().contains("no-such-host.invalid"), "{error}");
}

#[tokio::test]
async fn a_silent_node_times_out() {
    let node = FakeNode::always(|| Answer::Hang);
    let error = failure(&node.client().with_call_timeout(Duration::from_millis(50))).await;
    assert!(matches!(error, NodeError::Timeout { .. }) && error.is_transient());
    assert!(error.to_string().contains("getbestblockhash"), "{error}");
}

#[tokio::test]
async fn calls_beside_a_long_poll_are_answered() {
    let node = FakeNode::start(|call| match call.method.as_str() {
        "getblocktemplate" => Answer::Hang,
        _ => result(json!("00".repeat(32))),
    });
    let client = node.client();
    let long_poll = client.next_template(&["segwit"], "id");
    let calls = async {
        while node.calls().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        client.best_block_hash().await
    };
    tokio::select! {
        answer = long_poll => panic!("the long poll ended: {answer:?}"),
        answer = calls => answer.unwrap(),
    };
    let polled = &node.calls()[0];
    assert_eq!(polled.params, json!([{ "rules": ["segwit"], "longpollid": "id" }]));
}

#[tokio::test]
async fn what_a_node_does_not_know_is_none() {
    let node = FakeNode::start(|call| match call.method.as_str() {
        "getblockheader" => error(-5, "Block not found"),
        _ => error(-8, "Block height out of range"),
    });
    let hash = "00".repeat(32).parse().unwrap();
    assert!(node.client().header(&hash).await.unwrap().is_none());
    assert!(node.client().block_hash(9).await.unwrap().is_none());
}
