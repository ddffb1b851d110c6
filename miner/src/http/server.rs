//! The server: connections in, answers out, on a thread of its own. Each connection is one request and short; whoever
//! is slow makes room for who comes.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::Board;
use super::gate::Gate;
use super::routes;

/// Connections at a time.
const CONNECTIONS: usize = 64;
/// Bytes of a request's head, and of what is read at once.
const HEAD: usize = 8 << 10;
/// Headers of a request.
const HEADERS: usize = 64;
/// How long a request's head may take.
const HEAD_TIME: Duration = Duration::from_secs(5);
/// How long a connection may take, with all that its reader leaves lying.
const WHOLE_TIME: Duration = Duration::from_secs(10);
/// What a connection has at least, however many wait for its place.
const FAIR_TIME: Duration = Duration::from_millis(250);
/// The pause where a connection cannot be taken: no file descriptor is left, for example.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves on a new thread, for as long as the program runs.
pub(super) fn start(listener: TcpListener, board: Arc<Board>, gate: Gate) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = {
        let _entered = runtime.enter();
        tokio::net::TcpListener::from_std(listener)?
    };
    let desk = Arc::new(Desk { board, gate });
    std::thread::Builder::new()
        .name("page".to_owned())
        .spawn(move || match runtime.block_on(serve(listener, desk)) {})?;
    Ok(())
}

/// What each request needs.
struct Desk {
    board: Arc<Board>,
    gate: Gate,
}

/// A connection under way.
struct Open {
    task: JoinHandle<()>,
    since: Instant,
}

async fn serve(listener: tokio::net::TcpListener, desk: Arc<Desk>) -> Infallible {
    let mut open = VecDeque::new();
    loop {
        make_room(&mut open).await;
        match listener.accept().await {
            Ok((stream, _)) => {
                let task = tokio::spawn(connection(stream, desk.clone()));
                open.push_back(Open { task, since: Instant::now() });
            }
            Err(_) => sleep(PAUSE).await,
        }
    }
}

/// Ends the oldest connection where there are too many, once it had its time.
async fn make_room(open: &mut VecDeque<Open>) {
    open.retain(|connection| !connection.task.is_finished());
    if open.len() < CONNECTIONS {
        return;
    }
    if let Some(mut oldest) = open.pop_front() {
        // It may well end by itself.
        let _ = timeout_at(oldest.since + FAIR_TIME, &mut oldest.task).await;
        oldest.task.abort();
    }
}

async fn connection(stream: TcpStream, desk: Arc<Desk>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let response = routes::answer(&desk.board, &desk.gate, &request.into_parts().0);
        async { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(HEAD)
        .max_headers(HEADERS)
        .header_read_timeout(HEAD_TIME)
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    // Whatever went wrong was that reader's affair.
    let _ = timeout(WHOLE_TIME, connection).await;
}
