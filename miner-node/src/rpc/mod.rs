//! A JSON-RPC client for Bitcoin nodes. The address is parsed in `endpoint`, logins live in `auth`,
//! one HTTP exchange in `transport`, the meaning of an answer in `reply`, and the calls that mining
//! needs in `calls`. What to do with the answers is for other rooms.

mod auth;
mod calls;
mod endpoint;
mod reply;
mod transport;

use std::time::Duration;

use hyper::StatusCode;
use hyper::body::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use auth::{Auth, Secret};
pub use calls::{
    ChainInfo, HeaderInfo, MempoolEntry, MempoolFees, MempoolInfo, TemplateReply, TemplateTransaction,
};
pub(crate) use endpoint::Endpoint;
pub(crate) use reply::plain;

use crate::NodeError;
use auth::Login;
use reply::Request;
use transport::{Answer, Transport};

/// How long a call may take, its answer included. Judging a full block takes a slow node seconds.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a long poll is held. A node whose mempool is idle answers with the next tip, whenever that
/// is; and one that was given up would still occupy one of the node's few RPC threads until then.
const LONGPOLL_TIMEOUT: Duration = Duration::from_secs(3600);
/// Bytes that are read of an answer. A template of 4 M weight has about 10 MB.
const BODY_CAP: usize = 64 << 20;

/// A client of one node. It holds a few connections, logs in again when the node's cookie changes,
/// and never retries a refused call by itself: [`NodeError::is_transient`] says whether to.
#[derive(Debug)]
pub struct RpcClient {
    transport: Transport,
    login: Login,
    call_timeout: Duration,
}

impl RpcClient {
    /// A client of the node at `url`, `[http://][user:password@]host:port[/wallet/NAME]`. A login in
    /// the URL is used instead of `auth`. Nothing is sent yet.
    ///
    /// # Errors
    /// [`NodeError::BadUrl`].
    pub fn new(url: &str, auth: Auth) -> Result<Self, NodeError> {
        let mut endpoint = Endpoint::parse(url, None)?;
        let login = Login::new(endpoint.login.take().unwrap_or(auth));
        Ok(Self { transport: Transport::new(endpoint, BODY_CAP), login, call_timeout: CALL_TIMEOUT })
    }

    /// Changes how many bytes of an answer are read at most (64 MiB).
    #[must_use]
    pub fn with_body_cap(mut self, bytes: usize) -> Self {
        self.transport.body_cap = bytes;
        self
    }

    /// Changes how long a call may take (60 s), long polls excepted.
    #[must_use]
    pub fn with_call_timeout(mut self, limit: Duration) -> Self {
        self.call_timeout = limit;
        self
    }

    /// The address, without user and password.
    pub fn url(&self) -> String {
        self.transport.endpoint.url()
    }

    /// Makes a call that has no method of its own here.
    ///
    /// # Errors
    /// Whatever goes wrong on the way, and the node's own errors.
    pub async fn call<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: impl Serialize,
    ) -> Result<T, NodeError> {
        self.call_within(self.call_timeout, method, params).await
    }

    async fn call_within<T: DeserializeOwned>(
        &self,
        limit: Duration,
        method: &'static str,
        params: impl Serialize,
    ) -> Result<T, NodeError> {
        let answer = self.ask(limit, method, &Request::new(0, method, params)).await?;
        reply::read(&self.url(), method, &answer)
    }

    /// Makes one call for each of `params`, all in one exchange. The answers are in the order of the calls.
    async fn call_each<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: impl Iterator<Item = impl Serialize>,
    ) -> Result<Vec<Result<T, NodeError>>, NodeError> {
        let calls: Vec<_> = (0..).zip(params).map(|(id, params)| Request::new(id, method, params)).collect();
        if calls.is_empty() {
            return Ok(vec![]);
        }
        let answer = self.ask(self.call_timeout, method, &calls).await?;
        reply::read_each(&self.url(), method, &answer, calls.len())
    }

    async fn ask(
        &self,
        limit: Duration,
        method: &'static str,
        request: &impl Serialize,
    ) -> Result<Answer, NodeError> {
        let body = serde_json::to_vec(request).map_err(|error| NodeError::BadReply {
            method,
            reason: format!("its parameters are no JSON: {error}"),
        })?;
        tokio::time::timeout(limit, self.exchange(method, body.into()))
            .await
            .map_err(|_| NodeError::Timeout { url: self.url(), method, after: limit })?
    }

    /// Posts the call; where the login is refused and another one is there, posts it once more.
    async fn exchange(&self, method: &'static str, body: Bytes) -> Result<Answer, NodeError> {
        let (mut login, mut refused) = (Some(self.login.header()?), vec![]);
        while let Some(header) = login {
            let answer = self.transport.post(method, &header, &body).await?;
            if answer.status != StatusCode::UNAUTHORIZED {
                return Ok(answer);
            }
            refused.push(header);
            login = self.login.renew(&refused)?;
        }
        Err(NodeError::Unauthorized { url: self.url(), hint: self.login.hint() })
    }
}
