//! The status of a run over HTTP (`--http`): a page for people, JSON for scripts, metrics for Prometheus. Nothing can
//! be changed through it, and the run never waits for it: the run writes to the [`Board`], a thread of its own reads.

mod api;
mod board;
mod figures;
mod gate;
mod metrics;
mod routes;
mod server;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use secrecy::SecretString;

use crate::exit;
pub(crate) use board::{Board, Told};
pub(crate) use figures::Figures;
use gate::Gate;

/// Opens the page and serves it from now on; the board to write to, and where the page is.
pub(crate) fn open(address: SocketAddr, token: Option<SecretString>) -> anyhow::Result<(Arc<Board>, String)> {
    if !address.ip().is_loopback() && token.is_none() {
        return Err(exit::usage(format_args!(
            "--http {address} is open to the network: give --http-token TOKEN, or keep to this machine with --http {}",
            address.port()
        )));
    }
    let listener = TcpListener::bind(address).map_err(|error| cannot_listen(address, &error))?;
    let url = format!("http://{}/", listener.local_addr()?);
    let board = Arc::new(Board::default());
    server::start(listener, board.clone(), Gate::new(token))?;
    Ok((board, url))
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> anyhow::Error {
    let hint = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program has that port: give another one, or 0 for any that is free"
        }
        io::ErrorKind::AddrNotAvailable => "no interface of this machine has that address",
        _ => "give another address, or 0 for any port that is free",
    };
    exit::usage(format_args!("--http: cannot listen on {address}: {error}; {hint}"))
}
