//! A real bitcoind, on regtest unless asked otherwise, with a data folder of its own, ended with the value that owns it.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use jsonrpc::Client;
use jsonrpc::simple_http::SimpleHttpTransport;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::{script, skipped};

/// What bitcoind answers to a call that fails: its `code` and `message`.
pub type RpcError = jsonrpc::error::RpcError;

/// How long a node may take until it answers its first call.
const START_TIMEOUT: Duration = Duration::from_secs(180);
/// How long one call may take: room for `generatetoaddress` of many blocks on a busy machine.
const CALL_TIMEOUT: Duration = Duration::from_secs(120);

/// A running bitcoind: no peers, its own data folder and port, killed when dropped.
pub struct TestNode {
    program: PathBuf,
    chain: &'static str,
    arguments: Vec<String>,
    port: u16,
    datadir: tempfile::TempDir,
    process: Option<Child>,
}

/// The path of a real bitcoind, as `scripts/bitcoind` finds it; the error says why there is none.
pub fn bitcoind() -> Result<PathBuf, String> {
    script("bitcoind")
}

impl TestNode {
    /// Starts a node on regtest with further `arguments` (which win over the ones set here) and waits until it answers.
    ///
    /// `None`, said aloud under the name of the `test`, where this machine has no bitcoind.
    ///
    /// # Panics
    /// When there is a bitcoind but it does not come up, and with `CI=true` also when there is none.
    pub fn start(test: &str, arguments: &[&str]) -> Option<Self> {
        Self::start_on("regtest", test, arguments)
    }

    /// The same on another chain, by the name that it has in `bitcoind -chain=…`.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub fn start_on(chain: &'static str, test: &str, arguments: &[&str]) -> Option<Self> {
        let program = bitcoind().map_err(|reason| skipped(test, &reason)).ok()?;
        let mut node = Self {
            program,
            chain,
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            port: 0,
            datadir: tempfile::tempdir().expect("the folder for temporary files is writable"),
            process: None,
        };
        // Another process may take a port that was free before the node does.
        let is_up = (0..5).any(|_| {
            node.port = free_port();
            node.comes_up()
        });
        assert!(is_up, "bitcoind exited at once, five times");
        Some(node)
    }

    /// Starts the node again, on the same port and data folder, after [`Self::stop`] or [`Self::kill`].
    ///
    /// # Panics
    /// When it does not come up.
    pub fn restart(&mut self) {
        assert!(self.comes_up(), "bitcoind exited at once");
    }

    /// Starts the node; whether it answers, or has exited.
    fn comes_up(&mut self) -> bool {
        let child = Command::new(&self.program)
            .arg(format!("-chain={}", self.chain))
            .args(["-server", "-listen=0", "-connect=0", "-dnsseed=0", "-fallbackfee=0.0001"])
            .arg(format!("-datadir={}", self.datadir.path().display()))
            .arg(format!("-rpcport={}", self.port))
            .args(&self.arguments)
            .stdout(Stdio::null())
            .spawn()
            .expect("bitcoind starts");
        self.process = Some(child);
        let started = Instant::now();
        while let Err(why) = self.try_rpc("getblockcount", &[]) {
            if self.has_exited() {
                return false;
            }
            assert!(started.elapsed() < START_TIMEOUT, "bitcoind does not answer: {why}");
            std::thread::sleep(Duration::from_millis(50));
        }
        true
    }

    fn has_exited(&mut self) -> bool {
        self.process.as_mut().is_none_or(|child| child.try_wait().is_ok_and(|status| status.is_some()))
    }

    /// Ends the node at once, as a power cut would (SIGKILL): what it has not flushed is lost.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.process.take() {
            child.kill().expect("the node is our own process");
            child.wait().expect("a killed process ends");
        }
    }

    /// Sends the node's process a signal by its name: STOP freezes it, CONT thaws it.
    pub fn signal(&self, name: &str) {
        let child = self.process.as_ref().expect("the node runs");
        crate::signal(child.id(), name);
    }

    /// Starts the node again with one more argument, as at its next [`Self::restart`].
    pub fn restart_with(&mut self, argument: String) {
        self.stop();
        self.arguments.push(argument);
        self.restart();
    }

    /// Ends the node in good order and waits until its process is gone.
    pub fn stop(&mut self) {
        self.rpc("stop", &[]).expect("a running node accepts `stop`");
        if let Some(mut child) = self.process.take() {
            child.wait().expect("a stopping node ends");
        }
    }

    /// Calls the RPC `method`; the error is the node's own.
    ///
    /// # Panics
    /// When the node does not answer with JSON-RPC: [`Self::try_rpc`] is for nodes that may be down.
    pub fn rpc(&self, method: &str, params: &[Value]) -> Result<Value, RpcError> {
        match self.try_rpc(method, params) {
            Ok(value) => Ok(value),
            Err(jsonrpc::Error::Rpc(error)) => Err(error),
            Err(error) => panic!("{method}: {error}"),
        }
    }

    /// Calls the RPC `method` of a node which may be down or loading.
    pub fn try_rpc(&self, method: &str, params: &[Value]) -> Result<Value, jsonrpc::Error> {
        let cookie = std::fs::read_to_string(self.cookie_file()).unwrap_or_default();
        let transport = SimpleHttpTransport::builder()
            .url(&self.url())
            .expect("the URL is well-formed")
            .timeout(CALL_TIMEOUT)
            .cookie_auth(cookie)
            .build();
        let params: Box<RawValue> = jsonrpc::arg(params);
        Client::with_transport(transport).call(method, Some(&params))
    }

    /// Where the node's RPC server listens: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Where the node's RPC server listens.
    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// The chain's name.
    pub fn chain(&self) -> &str {
        self.chain
    }

    /// The data folder, as `-datadir` takes it; what belongs to the chain is in a folder of its name under it.
    pub fn datadir(&self) -> &Path {
        self.datadir.path()
    }

    /// The cookie file with the RPC user and password of this start of the node.
    pub fn cookie_file(&self) -> PathBuf {
        self.datadir().join(self.chain).join(".cookie")
    }
}

impl Drop for TestNode {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port of the loopback interface that nobody listens on, and no other test of this process gets. It is below
/// those that systems give to outgoing connections, one of which might take it before the node does.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + std::process::id() as u16 % 10_000;
    let ports = std::iter::repeat_with(|| first + NEXT.fetch_add(1, Ordering::Relaxed) % 2_000);
    let mut free = ports.take(2_000).filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.next().expect("the loopback interface has a free port")
}
