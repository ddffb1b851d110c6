//! A node made of canned answers: real TCP, hand-written HTTP, so that a test decides every byte.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use miner_node::{Auth, RpcClient, Secret};
use serde_json::{Value, json};

/// One call as the node saw it.
#[derive(Debug, Clone)]
pub struct Call {
    /// Connections are counted from 0.
    pub connection: usize,
    /// The `Authorization` header.
    pub authorization: String,
    /// `batch` for several calls at once, which are its parameters.
    pub method: String,
    pub params: Value,
}

/// What the node does about a call.
pub enum Answer {
    /// Sends these bytes and keeps the connection.
    Send(Vec<u8>),
    /// Sends these bytes and closes the connection.
    SendAndClose(Vec<u8>),
    /// Sends these bytes again and again until the client has had enough.
    Flood(Vec<u8>, Vec<u8>),
    /// Sends nothing until the client goes away.
    Hang,
}

/// An HTTP answer with a body and its length.
pub fn http(status: &str, body: &str) -> Answer {
    let length = body.len();
    Answer::Send(format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}").into())
}

/// A result as a node sends it.
#[allow(clippy::needless_pass_by_value, reason = "reads better where it is called")]
pub fn result(result: Value) -> Answer {
    http("200 OK", &json!({ "result": result, "error": null, "id": 0 }).to_string())
}

/// An RPC error as a node sends it.
pub fn error(code: i64, message: &str) -> Answer {
    let error = json!({ "code": code, "message": message });
    http("500 Internal Server Error", &json!({ "result": null, "error": error, "id": 0 }).to_string())
}

/// A node on a port of its own. Its threads end with the test's process.
pub struct FakeNode {
    pub address: SocketAddr,
    pub calls: Arc<Mutex<Vec<Call>>>,
    /// Bytes that it got rid of.
    pub sent: Arc<AtomicUsize>,
}

impl FakeNode {
    pub fn start(answer: impl FnMut(&Call) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let node =
            Self { address: listener.local_addr().unwrap(), calls: Arc::default(), sent: Arc::default() };
        let (calls, sent) = (node.calls.clone(), node.sent.clone());
        let answer = Arc::new(Mutex::new(answer));
        std::thread::spawn(move || {
            for (connection, stream) in listener.incoming().enumerate() {
                let (calls, sent, answer) = (calls.clone(), sent.clone(), answer.clone());
                std::thread::spawn(move || serve(connection, stream.unwrap(), &calls, &sent, &*answer));
            }
        });
        node
    }

    /// A node that treats every call alike.
    pub fn always(answer: impl Fn() -> Answer + Send + 'static) -> Self {
        Self::start(move |_| answer())
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client with a password that no message may show.
    pub fn client(&self) -> RpcClient {
        let password = Secret::new("canary");
        RpcClient::new(&self.url(), Auth::UserPass { user: "me".into(), password }).unwrap()
    }

    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }
}

fn serve(
    connection: usize,
    mut stream: TcpStream,
    calls: &Mutex<Vec<Call>>,
    sent: &AtomicUsize,
    answer: &Mutex<impl FnMut(&Call) -> Answer>,
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(call) = read_call(connection, &mut reader) {
        calls.lock().unwrap().push(call.clone());
        let answer = (answer.lock().unwrap())(&call);
        let mut send = |bytes: &[u8]| {
            let done = stream.write_all(bytes).is_ok();
            sent.fetch_add(if done { bytes.len() } else { 0 }, Ordering::Relaxed);
            done
        };
        match answer {
            Answer::Send(bytes) if send(&bytes) => {}
            Answer::Send(_) => return,
            Answer::SendAndClose(bytes) => {
                send(&bytes);
                return;
            }
            Answer::Flood(head, chunk) => {
                send(&head);
                while send(&chunk) {}
                return;
            }
            Answer::Hang => {
                let _ = reader.read(&mut [0]);
                return;
            }
        }
    }
}

fn read_call(connection: usize, reader: &mut impl BufRead) -> Option<Call> {
    let (mut length, mut authorization) = (0, String::new());
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().ok()?;
            }
            Some((name, value)) if name.eq_ignore_ascii_case("authorization") => {
                value.clone_into(&mut authorization);
            }
            _ if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut call: Value = serde_json::from_slice(&body).expect("a client sends JSON");
    if call.is_array() {
        call = json!({ "method": "batch", "params": call });
    }
    let method = call["method"].as_str().expect("a call has a method").to_owned();
    Some(Call { connection, authorization, method, params: call["params"].take() })
}
