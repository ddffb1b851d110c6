//! A miner of few words: it writes lines as they were seen on the wire, and reads what comes.

use std::sync::Arc;
use std::time::Duration;

use miner_core::Job;
use miner_stratum::session::{Ended, Limits, serve};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::pool::{TestPool, Wish, solve};

/// A little longer than a session may stay silent before it is asked for a sign of life.
const PATIENCE: Duration = Duration::from_secs(310);

pub(crate) struct Miner {
    stream: BufReader<DuplexStream>,
    session: JoinHandle<Ended>,
}

impl Miner {
    /// Connects.
    pub(crate) fn new(pool: &Arc<TestPool>) -> Self {
        Self::within(pool, Limits::default())
    }

    pub(crate) fn within(pool: &Arc<TestPool>, limits: Limits) -> Self {
        let (here, there) = tokio::io::duplex(16 * 1024);
        let session = tokio::spawn(serve(there, None, pool.clone(), limits, std::future::pending()));
        Self { stream: BufReader::new(here), session }
    }

    /// Connects, subscribes and logs in; the jobs are still to be read.
    pub(crate) async fn logged_in(pool: &Arc<TestPool>) -> Self {
        let mut miner = Self::new(pool);
        miner.log_in().await;
        miner
    }

    pub(crate) async fn log_in(&mut self) {
        self.call("mining.subscribe", &json!([])).await.unwrap();
        assert_eq!(self.call("mining.authorize", &json!(["me", "x"])).await, Ok(json!(true)));
    }

    /// Connects, subscribes, logs in, and reads the first job.
    pub(crate) async fn at_work(pool: &Arc<TestPool>) -> Self {
        let mut miner = Self::logged_in(pool).await;
        miner.notification("mining.notify").await;
        miner
    }

    pub(crate) async fn send(&mut self, line: &str) {
        self.send_bytes(format!("{line}\n").as_bytes()).await;
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next line; `None` at the end.
    pub(crate) async fn line(&mut self) -> Option<Value> {
        let mut line = String::new();
        let read = timeout(PATIENCE, self.stream.read_line(&mut line)).await;
        match read.expect("something comes in time") {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(serde_json::from_str(&line).unwrap_or_else(|error| panic!("`{line}`: {error}"))),
        }
    }

    /// The next call or notification of this method, past other lines: its parameters.
    pub(crate) async fn notification(&mut self, method: &str) -> Value {
        loop {
            let line = self.line().await.expect("the session goes on");
            if line["method"] == method {
                return line["params"].clone();
            }
        }
    }

    /// Calls, and reads the reply past everything else: the result, or the error.
    pub(crate) async fn call(&mut self, method: &str, params: &Value) -> Result<Value, Value> {
        self.send(&json!({"id": 4, "method": method, "params": params}).to_string()).await;
        loop {
            let line = self.line().await.expect("the session goes on");
            if line["method"].is_null() {
                assert_eq!(line["id"], 4);
                let keys = line.as_object().unwrap();
                assert!(keys.contains_key("result"), "cpuminer passes over replies without it: {line}");
                return if line["error"].is_null() {
                    Ok(line["result"].clone())
                } else {
                    Err(line["error"].clone())
                };
            }
        }
    }

    /// Submits these parameters: true, or the code of the error.
    pub(crate) async fn submit(&mut self, params: &Value) -> Result<(), i64> {
        match self.call("mining.submit", params).await {
            Ok(result) => {
                assert_eq!(result, true);
                Ok(())
            }
            Err(error) => Err(error[0].as_i64().unwrap()),
        }
    }

    /// Solves a job as wished and submits that, as the worker `me`.
    pub(crate) async fn mine(&mut self, job: &Arc<Job>, wish: &Wish) -> Result<(), i64> {
        self.submit(&share(job, wish)).await
    }

    /// Closes the connection; why the session ended.
    pub(crate) async fn close(self) -> Ended {
        drop(self.stream);
        self.session.await.unwrap()
    }

    /// Waits for the session's own end, reading nothing more.
    pub(crate) async fn end(self) -> Ended {
        let ended = self.session.await.unwrap();
        drop(self.stream);
        ended
    }
}

/// The parameters of a solved share.
pub(crate) fn share(job: &Arc<Job>, wish: &Wish) -> Value {
    let (nonce, _) = solve(job, wish);
    let Wish { extranonce2, time, .. } = wish;
    json!(["me", job.id(), extranonce2.to_string(), format!("{time:08x}"), format!("{nonce:08x}")])
}
