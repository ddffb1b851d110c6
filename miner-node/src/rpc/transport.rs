//! One HTTP exchange: connect, post, read the body up to a cap, and name what goes wrong. Nothing
//! here knows JSON or logs in.

use std::error::Error;
use std::io;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use tracing::{Level, enabled, trace};

use super::endpoint::Endpoint;
use crate::NodeError;

/// The protocol dump's target.
const DUMP: &str = "miner_node::dump";
/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A node closes a connection that idled for 30 s: it is given up before.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// After this long without a byte, the system asks whether the other end is still there: a long poll
/// would wait for a dead machine for ever.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

/// An HTTP/1.1 client of one address. A connection carries one call at a time, so that a long poll
/// has one to itself.
#[derive(Debug)]
pub(super) struct Transport {
    client: Client<HttpConnector, Full<Bytes>>,
    pub(super) endpoint: Endpoint,
    pub(super) body_cap: usize,
}

impl Transport {
    pub(super) fn new(endpoint: Endpoint, body_cap: usize) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        connector.set_keepalive(Some(KEEPALIVE));
        let client = Client::builder(TokioExecutor::new()).pool_idle_timeout(IDLE_TIMEOUT).build(connector);
        Self { client, endpoint, body_cap }
    }

    /// Posts `body`. Every call to a node may be repeated, so one that meets a connection which the
    /// node just closed goes once more, on a fresh one.
    pub(super) async fn post(
        &self,
        method: &'static str,
        login: &HeaderValue,
        body: &Bytes,
    ) -> Result<Answer, NodeError> {
        let mut sent = self.client.request(self.request(login, body)).await;
        if sent.as_ref().is_err_and(was_closed) {
            sent = self.client.request(self.request(login, body)).await;
        }
        let response = sent.map_err(|error| self.no_connection(&error))?;
        let answer = self.read(method, response).await?;
        self.dump(body, &answer);
        Ok(answer)
    }

    /// Tells whoever listens to `tracing` events of this target what was said, but for the login, which is a header.
    fn dump(&self, body: &Bytes, answer: &Answer) {
        if enabled!(target: DUMP, Level::TRACE) {
            let url = self.endpoint.url();
            trace!(target: DUMP, "{url} > {}", String::from_utf8_lossy(body));
            let Answer { status, body } = answer;
            let body = String::from_utf8_lossy(body).trim_end().replace(char::is_control, "\u{fffd}");
            trace!(target: DUMP, "{url} < {} {body}", status.as_u16());
        }
    }

    fn request(&self, login: &HeaderValue, body: &Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::post(self.endpoint.uri.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(Full::new(body.clone()))
            .expect("made of parts that are valid by their types");
        request.headers_mut().insert(AUTHORIZATION, login.clone());
        request
    }

    async fn read(&self, method: &'static str, response: Response<Incoming>) -> Result<Answer, NodeError> {
        let (parts, mut stream) = response.into_parts();
        let too_large = || NodeError::TooLarge { url: self.endpoint.url(), method, limit: self.body_cap };
        let announced = hyper::body::Body::size_hint(&stream).lower();
        let announced = usize::try_from(announced).ok().filter(|&bytes| bytes <= self.body_cap);
        let mut body = Vec::with_capacity(announced.ok_or_else(too_large)?);
        while let Some(frame) = stream.frame().await {
            let frame = frame.map_err(|_| NodeError::Truncated { url: self.endpoint.url(), method })?;
            let data = frame.into_data().unwrap_or_default();
            if body.len() + data.len() > self.body_cap {
                return Err(too_large());
            }
            body.extend_from_slice(&data);
        }
        Ok(Answer { status: parts.status, body: body.into() })
    }

    fn no_connection(&self, error: &hyper_util::client::legacy::Error) -> NodeError {
        let url = self.endpoint.url();
        if causes(error).filter_map(|cause| cause.downcast_ref()).any(hyper::Error::is_parse) {
            return NodeError::NotRpc { url, what: "something that is no HTTP".to_owned() };
        }
        match io_cause(error) {
            Some(cause) if cause.kind() == io::ErrorKind::ConnectionRefused => {
                NodeError::Refused { url, start: self.endpoint.start_command() }
            }
            Some(cause) if cause.kind() == io::ErrorKind::TimedOut => NodeError::Unreachable {
                url,
                reason: format!("no answer within {} s", CONNECT_TIMEOUT.as_secs()),
            },
            _ => NodeError::Unreachable { url, reason: root_cause(error).to_string() },
        }
    }
}

/// Whether the connection was there and went away before an answer came.
fn was_closed(error: &hyper_util::client::legacy::Error) -> bool {
    !error.is_connect()
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn io_cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

fn root_cause<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    causes(error).last().unwrap_or(error)
}
