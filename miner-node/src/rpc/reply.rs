//! What an HTTP answer means: a result, an error of the node, or something that is no node's.

use hyper::StatusCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::error::Category;

use super::transport::Answer;
use crate::NodeError;

/// A call as it is sent. Every node understands version 1.0 of the protocol.
#[derive(Debug, Serialize)]
pub(super) struct Request<P> {
    jsonrpc: &'static str,
    id: u32,
    method: &'static str,
    params: P,
}

impl<P> Request<P> {
    pub(super) fn new(id: u32, method: &'static str, params: P) -> Self {
        Self { jsonrpc: "1.0", id, method, params }
    }
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct Reply<T> {
    /// Counts where several calls went together: their answers may come in any order.
    #[serde(default)]
    id: Option<u32>,
    /// Must be there: `{}` is no `null` result, which for `submitblock` means "accepted".
    #[serde(deserialize_with = "Option::deserialize")]
    result: Option<T>,
    #[serde(default)]
    error: Option<Fault>,
}

#[derive(Deserialize)]
struct Refusal {
    error: Fault,
}

#[derive(Deserialize)]
struct Fault {
    code: i64,
    #[serde(default)]
    message: String,
}

/// Reads the answer to a call. A node sends its own errors as HTTP 500, with JSON inside.
pub(super) fn read<T: DeserializeOwned>(
    url: &str,
    method: &'static str,
    answer: &Answer,
) -> Result<T, NodeError> {
    match answer.status {
        StatusCode::FORBIDDEN => return Err(NodeError::Forbidden { url: url.to_owned() }),
        StatusCode::SERVICE_UNAVAILABLE => return Err(NodeError::Busy { url: url.to_owned() }),
        _ => {}
    }
    match serde_json::from_slice::<Reply<T>>(&answer.body) {
        Ok(Reply { error: Some(fault), .. }) => Err(refused(method, &fault)),
        Ok(Reply { result, .. }) if answer.status.is_success() => unwrapped(method, result),
        Ok(_) => Err(no_rpc(url, answer)),
        Err(error) => Err(match serde_json::from_slice(&answer.body) {
            Ok(Refusal { error: fault }) => refused(method, &fault),
            Err(_) => unreadable(url, method, answer, &error),
        }),
    }
}

/// Reads the answers to `count` calls that went together, in the order of the calls.
pub(super) fn read_each<T: DeserializeOwned>(
    url: &str,
    method: &'static str,
    answer: &Answer,
    count: usize,
) -> Result<Vec<Result<T, NodeError>>, NodeError> {
    if !answer.status.is_success() {
        // Such an answer is to all of them.
        return read::<Vec<T>>(url, method, answer).map(|_| vec![]);
    }
    let bad = |reason: String| NodeError::BadReply { method, reason };
    let mut replies: Vec<Reply<T>> =
        serde_json::from_slice(&answer.body).map_err(|error| bad(error.to_string()))?;
    replies.sort_by_key(|reply| reply.id);
    let ids = replies.iter().map(|reply| usize::try_from(reply.id?).ok());
    if !ids.eq((0..count).map(Some)) {
        return Err(bad(format!("it is {} answers to {count} calls", replies.len())));
    }
    let result = |reply: Reply<T>| match reply.error {
        Some(fault) => Err(refused(method, &fault)),
        None => unwrapped(method, reply.result),
    };
    Ok(replies.into_iter().map(result).collect())
}

/// A `null` is a result too, of calls whose type takes it.
fn unwrapped<T: DeserializeOwned>(method: &'static str, result: Option<T>) -> Result<T, NodeError> {
    match result {
        Some(result) => Ok(result),
        None => serde_json::from_value(serde_json::Value::Null)
            .map_err(|error| NodeError::BadReply { method, reason: error.to_string() }),
    }
}

fn refused(method: &'static str, fault: &Fault) -> NodeError {
    let message = plain(&fault.message);
    match fault.code {
        -28 => NodeError::Loading(message),
        -8 if method == "getblocktemplate" => NodeError::NoTemplate(message),
        code => NodeError::Rpc { method, code, message },
    }
}

fn unreadable(url: &str, method: &'static str, answer: &Answer, error: &serde_json::Error) -> NodeError {
    let is_json_object = answer.body.trim_ascii_start().starts_with(b"{");
    match error.classify() {
        Category::Eof if is_json_object => NodeError::Truncated { url: url.to_owned(), method },
        Category::Data if is_json_object && answer.status.is_success() => {
            NodeError::BadReply { method, reason: error.to_string() }
        }
        _ => no_rpc(url, answer),
    }
}

fn no_rpc(url: &str, answer: &Answer) -> NodeError {
    let (url, status) = (url.to_owned(), answer.status);
    if status.is_server_error() {
        return NodeError::Unreachable { url, reason: format!("HTTP {status}") };
    }
    let body = answer.body.trim_ascii();
    let what = match body.first() {
        None => "an empty page".to_owned(),
        Some(b'<') => "a web page".to_owned(),
        Some(_) => format!("`{}`", plain(&String::from_utf8_lossy(body.get(..60).unwrap_or(body)))),
    };
    NodeError::NotRpc { url, what: format!("{what} (HTTP {status})") }
}

/// Foreign words made fit for a log: one line, no control characters, no novel.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_str<T: DeserializeOwned>(status: u16, body: &'static str) -> Result<T, NodeError> {
        let status = StatusCode::from_u16(status).unwrap();
        read("http://node:1", "test", &Answer { status, body: body.into() })
    }

    #[test]
    fn a_null_result_is_a_result_only_where_the_call_may_return_null() {
        let null = r#"{"result":null,"error":null,"id":0}"#;
        assert_eq!(read_str::<Option<String>>(200, null).unwrap(), None);
        assert!(matches!(read_str::<u32>(200, null), Err(NodeError::BadReply { .. })));
        assert_eq!(read_str::<u32>(200, r#"{"jsonrpc":"2.0","result":5,"id":0}"#).unwrap(), 5);
    }

    #[test]
    fn nothing_but_a_null_result_of_a_good_answer_is_null() {
        for (status, body) in
            [(200, "{}"), (200, r#"{"id":0}"#), (200, "null"), (200, "[]"), (200, ""), (200, "{")]
        {
            assert!(read_str::<Option<String>>(status, body).is_err(), "{body}");
        }
        assert!(read_str::<Option<String>>(500, r#"{"result":null,"error":null}"#).is_err());
    }

    #[test]
    fn errors_inside_an_http_error_keep_their_code() {
        let loading = r#"{"result":null,"error":{"code":-28,"message":"Loading\u001b block index…"},"id":0}"#;
        let error = read_str::<u32>(500, loading).unwrap_err();
        assert_eq!(error.to_string(), "the node is still loading: Loading  block index…");
        assert!(error.is_transient());
        let refusal = r#"{"error":{"code":-22,"message":"Block decode failed"}}"#;
        let error = read_str::<Option<String>>(500, refusal).unwrap_err();
        assert!(matches!(error, NodeError::Rpc { code: -22, .. }) && error.is_fatal());
        for code in ["-10", "-9", "-20"] {
            let body = format!(r#"{{"result":null,"error":{{"code":{code},"message":"wait"}}}}"#).leak();
            assert!(read_str::<u32>(500, body).unwrap_err().is_transient(), "{code}");
        }
    }

    #[test]
    fn answers_that_came_together_are_told_apart_by_their_ids() {
        let read = |body: &'static str| {
            read_each::<u32>(
                "http://node:1",
                "test",
                &Answer { status: StatusCode::OK, body: body.into() },
                2,
            )
        };
        let answers = read(
            r#"[{"result":null,"error":{"code":-5,"message":"no"},"id":1},{"result":7,"error":null,"id":0}]"#,
        )
        .unwrap();
        assert!(matches!(answers[..], [Ok(7), Err(NodeError::Rpc { code: -5, .. })]), "{answers:?}");
        for bad in [
            "[]",
            r#"[{"result":7,"id":0}]"#,
            r#"[{"result":7,"id":0},{"result":7,"id":0}]"#,
            r#"[{"result":7,"id":0},{"result":7}]"#,
            r#"{"result":[7,7],"id":0}"#,
            "<html>",
        ] {
            assert!(matches!(read(bad), Err(NodeError::BadReply { .. })), "{bad}");
        }
    }

    #[test]
    fn what_is_no_node_is_described() {
        let shown = |status, body| read_str::<u32>(status, body).unwrap_err().to_string();
        assert!(shown(404, "<html>no</html>").contains("a web page (HTTP 404"));
        assert!(shown(200, "hello\r\n").contains("`hello`"));
        assert!(shown(200, "").contains("an empty page"));
        assert!(shown(502, "<html>bad gateway</html>").contains("HTTP 502"));
        assert!(shown(403, "").contains("rpcallowip"));
        assert!(shown(503, "Work queue depth exceeded").contains("rpcworkqueue"));
    }
}
