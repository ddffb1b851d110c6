//! A relay in front of a node, which sees every call, and answers, delays or loses it as a test says. It writes
//! down each block that is submitted before the node gets it: an oracle that asks the miner nothing.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bitcoin::BlockHash;
use bitcoin::block::Header;
use bitcoin::consensus::encode::deserialize_hex;
use serde_json::Value;

use crate::TestNode;

/// A call on its way to the node.
pub struct Call {
    /// The whole request, HTTP head included.
    bytes: Vec<u8>,
    /// The name of the call.
    pub method: String,
    /// What it is called with.
    pub params: Value,
    node: SocketAddr,
    submitted: Log,
}

/// A block that a miner submitted.
#[derive(Debug, Clone)]
pub struct Submitted {
    /// The hash of its header.
    pub hash: BlockHash,
    /// Whether the node's answer came back to the relay.
    pub answered: bool,
}

type Log = Arc<Mutex<Vec<Submitted>>>;

/// A relay on a port of its own. Its threads end with the test's process.
pub struct Relay {
    address: SocketAddr,
    submitted: Log,
}

impl Relay {
    /// Starts a relay to a node. What `treat` returns is sent back to the miner as it is, [`Call::pass`] being
    /// the node's own answer; the connection is cut on `None`, and after an answer that says so in its head. It may
    /// take its time: each call has a thread.
    ///
    /// # Panics
    /// When the loopback interface has no port left.
    pub fn start(node: &TestNode, treat: impl Fn(&Call) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback interface has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (submitted, treat) = (Log::default(), Arc::new(treat));
        let (node, log) = (node.address(), submitted.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (treat, log) = (treat.clone(), log.clone());
                std::thread::spawn(move || serve(stream, node, &log, &*treat));
            }
        });
        Self { address, submitted }
    }

    /// The address to give to a miner as that of its node.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every submission so far, in order.
    pub fn submitted(&self) -> Vec<Submitted> {
        lock(&self.submitted).clone()
    }
}

impl Call {
    /// Hands the call to the node and returns its answer, HTTP head included; `None` if it breaks off.
    pub fn pass(&self) -> Option<Vec<u8>> {
        let answer = exchange(self.node, &self.bytes).ok();
        if let Some(hash) = self.block().filter(|_| answer.is_some()) {
            let mut submitted = lock(&self.submitted);
            let latest = submitted.iter_mut().rev().find(|entry| entry.hash == hash);
            latest.expect("it was written down before").answered = true;
        }
        answer
    }

    /// Whether it waits for the next template.
    pub fn is_longpoll(&self) -> bool {
        self.method == "getblocktemplate" && self.params[0].get("longpollid").is_some()
    }

    /// The block that it submits, by its hash.
    pub fn block(&self) -> Option<BlockHash> {
        let hex = self.params[0].as_str().filter(|_| self.method == "submitblock")?;
        let header: Header = deserialize_hex(hex.get(..2 * Header::SIZE)?).ok()?;
        Some(header.block_hash())
    }
}

/// What an answer has in its head that is the last on its connection.
const CLOSE: &[u8] = b"\r\nConnection: close\r\n";

/// An answer as a node sends it: `status` such as `200 OK`, and a body.
pub fn http(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
        .into()
}

fn serve(mut miner: TcpStream, node: SocketAddr, submitted: &Log, treat: &dyn Fn(&Call) -> Option<Vec<u8>>) {
    let mut reader = BufReader::new(miner.try_clone().expect("a socket can be cloned"));
    while let Ok((bytes, body)) = read_message(&mut reader) {
        let mut json: Value = serde_json::from_slice(&bytes[body..]).expect("a client sends JSON");
        let method = json["method"].as_str().expect("a call has a method").to_owned();
        let call = Call { bytes, method, params: json["params"].take(), node, submitted: submitted.clone() };
        if let Some(hash) = call.block() {
            lock(submitted).push(Submitted { hash, answered: false });
        }
        // A miner that was killed needs no answer.
        let Some(answer) = treat(&call) else { return };
        let is_last = answer.windows(CLOSE.len()).take(300).any(|bytes| bytes == CLOSE);
        if miner.write_all(&answer).is_err() || is_last {
            return;
        }
    }
}

/// One call on a connection of its own: a node closes those that idle.
fn exchange(node: SocketAddr, request: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(node)?;
    stream.set_nodelay(true)?;
    stream.write_all(request)?;
    Ok(read_message(&mut BufReader::new(stream))?.0)
}

/// Reads an HTTP request or answer with a `Content-Length`: its bytes, and where the body begins.
fn read_message(reader: &mut BufReader<TcpStream>) -> io::Result<(Vec<u8>, usize)> {
    let (mut bytes, mut length) = (vec![], 0);
    while !bytes.ends_with(b"\r\n\r\n") {
        let start = bytes.len();
        if reader.read_until(b'\n', &mut bytes)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = String::from_utf8_lossy(&bytes[start..]).to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    let body = bytes.len();
    bytes.resize(body + length, 0);
    reader.read_exact(&mut bytes[body..])?;
    Ok((bytes, body))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A test that panicked elsewhere leaves the log whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
