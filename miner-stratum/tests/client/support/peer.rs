//! A pool's end of a connection: says and hears exactly what a test tells it to.

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::io::{ReadHalf, WriteHalf, split};
use tokio::time::timeout;

use super::PATIENCE;

/// One connection of a client.
pub(crate) struct Peer<S> {
    reader: BufReader<ReadHalf<S>>,
    writer: WriteHalf<S>,
}

impl<S: AsyncRead + AsyncWrite> Peer<S> {
    pub(crate) fn new(stream: S) -> Self {
        let (reader, writer) = split(stream);
        Self { reader: BufReader::new(reader), writer }
    }

    /// Says something; whether the client could still be told.
    pub(crate) async fn say(&mut self, value: Value) -> bool {
        self.say_bytes(format!("{value}\n").as_bytes()).await
    }

    pub(crate) async fn say_bytes(&mut self, bytes: &[u8]) -> bool {
        self.writer.write_all(bytes).await.is_ok() && self.writer.flush().await.is_ok()
    }

    /// The next line; `None` at the end.
    pub(crate) async fn hear(&mut self) -> Option<Value> {
        let mut line = String::new();
        let read = timeout(PATIENCE, self.reader.read_line(&mut line)).await.expect("a line");
        (read.ok()? > 0).then(|| serde_json::from_str(&line).unwrap())
    }

    /// The next call of this method.
    pub(crate) async fn hear_call(&mut self, method: &str) -> Value {
        loop {
            let call = self.hear().await.unwrap_or_else(|| panic!("closed before {method}"));
            if call["method"] == method {
                return call;
            }
        }
    }

    pub(crate) async fn answer(&mut self, call: &Value, result: impl Into<Value>) {
        self.say(json!({ "id": call["id"], "result": result.into(), "error": null })).await;
    }

    pub(crate) async fn refuse(&mut self, call: &Value, code: i64, message: &str) {
        self.say(json!({ "id": call["id"], "result": null, "error": [code, message, null] })).await;
    }

    /// Configure, subscribe, authorize and a difficulty, as most pools do it. Returns what was asked to be resumed.
    pub(crate) async fn welcome(&mut self, extranonce1: &str, difficulty: f64) -> Value {
        let call = self.hear_call("mining.configure").await;
        self.answer(&call, json!({ "version-rolling": true, "version-rolling.mask": "1fffe000" })).await;
        let call = self.hear_call("mining.subscribe").await;
        let resume = call["params"][1].clone();
        self.answer(&call, json!([[["mining.notify", "session-1"]], extranonce1, 4])).await;
        let call = self.hear_call("mining.authorize").await;
        self.answer(&call, true).await;
        self.say(json!({ "id": null, "method": "mining.set_difficulty", "params": [difficulty] })).await;
        resume
    }

    /// A job on a mainnet-like network: no share of a test is a block.
    pub(crate) async fn notify(&mut self, id: &str, prevhash: u8, clean: bool) -> bool {
        let prevhash = format!("{prevhash:02x}").repeat(32);
        let params = json!([id, prevhash, "01", "02", [], "20000000", "1d00ffff", "665f2d4c", clean]);
        self.say(json!({ "id": null, "method": "mining.notify", "params": params })).await
    }
}
