//! A wire on the loopback that breaks as planned: each connection by a plan of its own, or all at once by a strike.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What one connection goes through.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    /// From client to pool.
    pub(crate) up: Flow,
    /// From pool to client.
    pub(crate) down: Flow,
}

/// What one direction of a connection goes through.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flow {
    /// How bytes are passed on.
    pub(crate) pieces: Pieces,
    /// How long each piece takes.
    pub(crate) delay: Duration,
    /// The byte, by its position, that arrives with its lowest bits flipped.
    pub(crate) flip: Option<u64>,
    /// What happens after so many bytes.
    pub(crate) stop: Option<(u64, End)>,
}

/// How bytes are passed on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Pieces {
    /// As they come.
    #[default]
    AsRead,
    /// One a segment.
    Bytes,
    /// Together with all that comes within this time.
    Coalesced(Duration),
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// In good order, both ways.
    Close,
    /// By RST, both ways.
    Reset,
    /// In good order this way; the other goes on.
    HalfClose,
    /// Not at all: nothing passes any more this way.
    Blackhole,
}

/// What befalls all connections at once, from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weather {
    /// Nothing: each goes by its plan.
    Fair,
    /// Connections, old and new, are reset.
    Down,
    /// Connections, old and new, stay open, and nothing passes.
    Frozen,
}

/// The weather, and how often it was [`Weather::Down`]: a short fall must not be missed.
#[derive(Debug, Clone, Copy)]
struct Sky {
    weather: Weather,
    falls: u64,
}

/// A running proxy.
pub(crate) struct Proxy {
    /// Where clients connect to.
    pub(crate) address: SocketAddr,
    sky: watch::Sender<Sky>,
    connections: Arc<AtomicUsize>,
}

impl Proxy {
    /// Starts a proxy in front of `pool`; `plan` is asked for each connection, with its number.
    pub(crate) async fn start(
        pool: SocketAddr,
        mut plan: impl FnMut(usize) -> Plan + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let (sky, watched) = watch::channel(Sky { weather: Weather::Fair, falls: 0 });
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let plan = plan(count.fetch_add(1, Ordering::Relaxed));
                tokio::spawn(carry(client, pool, plan, watched.clone()));
            }
        });
        Self { address, sky, connections }
    }

    /// A proxy that treats all connections alike.
    pub(crate) async fn uniform(pool: SocketAddr, plan: Plan) -> Self {
        Self::start(pool, move |_| plan.clone()).await
    }

    /// Changes the weather.
    pub(crate) fn set(&self, weather: Weather) {
        let fall = u64::from(weather == Weather::Down);
        self.sky.send_modify(|sky| *sky = Sky { weather, falls: sky.falls + fall });
    }

    /// Connections that came so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

/// Carries one connection to its end.
async fn carry(mut client: TcpStream, pool: SocketAddr, plan: Plan, sky: watch::Receiver<Sky>) {
    let Sky { weather, falls } = *sky.borrow();
    if weather == Weather::Down {
        return reset(&client);
    }
    let Ok(mut server) = TcpStream::connect(pool).await else { return reset(&client) };
    for stream in [&client, &server] {
        stream.set_nodelay(true).expect("a TCP socket has the option");
    }
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let both = async {
        tokio::try_join!(
            pump(from_client, to_server, &plan.up, sky.clone()),
            pump(from_server, to_client, &plan.down, sky.clone()),
        )
    };
    let ended = tokio::select! {
        ended = both => ended.map(drop),
        () = came(sky.clone(), |now| now.falls != falls) => Err(End::Reset),
    };
    if ended == Err(End::Reset) {
        reset(&client);
        reset(&server);
    }
}

/// Has the stream end by RST when it is dropped.
fn reset(stream: &TcpStream) {
    // A socket that the peer has reset already has nothing to linger for.
    let _ = stream.set_zero_linger();
}

/// Waits until the sky is like that.
async fn came(mut sky: watch::Receiver<Sky>, like_that: impl Fn(&Sky) -> bool) {
    if sky.wait_for(like_that).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Passes on what comes one way, until it ends by itself (then the other way may go on) or by plan.
async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    flow: &Flow,
    sky: watch::Receiver<Sky>,
) -> Result<(), End> {
    let mut passed = 0;
    loop {
        let room = flow.stop.map_or(u64::MAX, |(after, _)| after - passed);
        if let (0, Some((_, end))) = (room, flow.stop) {
            return stop(end, &mut from, &mut to).await;
        }
        let bytes = read(&mut from, room, flow.pieces).await.map_err(|_| End::Reset)?;
        came(sky.clone(), |now| now.weather != Weather::Frozen).await;
        if bytes.is_empty() {
            return to.shutdown().await.map_err(|_| End::Reset);
        }
        let bytes = flipped(bytes, passed, flow.flip);
        passed += bytes.len() as u64;
        write(&mut to, &bytes, flow).await.map_err(|_| End::Reset)?;
    }
}

/// Ends one way: for both by an error, or for itself alone.
async fn stop(end: End, from: &mut ReadHalf<'_>, to: &mut WriteHalf<'_>) -> Result<(), End> {
    match end {
        End::Close | End::Reset => return Err(end),
        End::HalfClose => to.shutdown().await.map_err(|_| End::Reset)?,
        End::Blackhole => {}
    }
    // What still comes is swallowed, so that its sender notices nothing.
    let swallowed = tokio::io::copy(from, &mut tokio::io::sink()).await;
    swallowed.map(drop).map_err(|_| End::Reset)
}

/// Some bytes, at most `room`; none at the end of the stream.
async fn read(from: &mut ReadHalf<'_>, room: u64, pieces: Pieces) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut from = from.take(room.min(64 * 1024));
    from.read_buf(&mut bytes).await?;
    if let (Pieces::Coalesced(time), false) = (pieces, bytes.is_empty()) {
        // Time is up, or the stream is at its end: both are fine.
        let _ = tokio::time::timeout(time, from.read_to_end(&mut bytes)).await;
    }
    Ok(bytes)
}

fn flipped(mut bytes: Vec<u8>, passed: u64, position: Option<u64>) -> Vec<u8> {
    let index = position.and_then(|position| usize::try_from(position.checked_sub(passed)?).ok());
    if let Some(byte) = index.and_then(|index| bytes.get_mut(index)) {
        *byte ^= 3;
    }
    bytes
}

async fn write(to: &mut WriteHalf<'_>, bytes: &[u8], flow: &Flow) -> io::Result<()> {
    let size = if flow.pieces == Pieces::Bytes { 1 } else { bytes.len() };
    for piece in bytes.chunks(size) {
        if !flow.delay.is_zero() {
            tokio::time::sleep(flow.delay).await;
        }
        to.write_all(piece).await?;
        tokio::task::yield_now().await;
    }
    Ok(())
}
