//! How long a share's answer takes those who mine well, in quiet times and amid a hostile crowd in turn: connections
//! by the hundred a second, lines that never end, answers that nobody reads, floods of bad shares. Server, miners and
//! crowd share this machine's cores.
//!
//! The tail counts here, so this is no criterion bench: it prints percentiles.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use miner_node::{BlockKeeper, CoinbaseOptions, EmbeddedNode, EmbeddedParams, Node};
use miner_pool::{Difficulty, NodePool, ServerLimits, run};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Those who mine well, and their pause between two shares.
const MINERS: usize = 50;
const PAUSE: Duration = Duration::from_millis(50);
/// Of the crowd.
const SLOW_LORISES: usize = 200;
const SLOW_READERS: usize = 50;
const FLOODS: usize = 4;
const CONNECTS: Duration = Duration::from_millis(2);
/// How long a crowd gathers, and goes away.
const GATHERING: Duration = Duration::from_millis(500);

/// The code of a share's rejection.
const LOW_DIFFICULTY: u64 = 23;

type IoResult<T> = std::io::Result<T>;

fn main() {
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let (rounds, phase) =
        if is_bench { (7, Duration::from_secs(3)) } else { (1, Duration::from_millis(300)) };
    let (server, address) = serve();
    // A thread for each, so that no miner waits for the crowd before the server has its share.
    let [miners_thread, crowd_thread] = [(); 2].map(|()| {
        Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("threads can be started")
    });
    let mut ratios: Vec<f64> = miners_thread.block_on(async {
        let (told, mut times) = unbounded_channel();
        let mut miners = JoinSet::new();
        (0..MINERS).for_each(|number| drop(miners.spawn(mine(address, number, told.clone()))));
        let mut ratios = vec![];
        for _ in 0..rounds {
            let quiet = percentiles(&mut times, phase).await;
            let crowd = gather(address, crowd_thread.handle());
            let amid = percentiles(&mut times, phase).await;
            drop(crowd);
            println!(
                "answers in quiet times {}, amid a crowd {}: p99 {:.2} times",
                shown(quiet),
                shown(amid),
                amid.1 / quiet.1
            );
            ratios.push(amid.1 / quiet.1);
        }
        assert!(miners.try_join_next().is_none(), "nobody who mines well was thrown out");
        ratios
    });
    ratios.sort_unstable_by(f64::total_cmp);
    println!(
        "p99 amid a crowd: median {:.2} times that of quiet times, of {rounds}",
        ratios[ratios.len() / 2]
    );
    miners_thread.shutdown_background();
    crowd_thread.shutdown_background();
    server.shutdown_background();
}

/// A pool on a runtime of its own, where every hash is a share.
fn serve() -> (Runtime, SocketAddr) {
    let runtime = Runtime::new().expect("threads can be started");
    let address = runtime.block_on(async {
        let params = EmbeddedParams::at_difficulty(1.0, None).expect("it is a difficulty");
        let node = EmbeddedNode::new(params, CoinbaseOptions::default()).expect("a chain in memory");
        let node = Arc::new(Node::from(node));
        let keeper = BlockKeeper::new(vec![node.clone()], None, drop).expect("there is no journal to fail");
        let every = 2_f64.powi(-32);
        let pool = NodePool::new(node, keeper, Difficulty { usual: every, min: every, max: every }, drop);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let jobs = pool.clone();
        tokio::spawn(async move { jobs.keep_jobs_flowing().await });
        tokio::spawn(run(listener, pool, ServerLimits::default(), std::future::pending()));
        address
    });
    (runtime, address)
}

/// What is told during the next while, in milliseconds: median and 99th percentile.
async fn percentiles(times: &mut UnboundedReceiver<Duration>, phase: Duration) -> (f64, f64) {
    sleep(GATHERING).await;
    while times.try_recv().is_ok() {}
    sleep(phase).await;
    let mut sample: Vec<_> = std::iter::from_fn(|| times.try_recv().ok()).collect();
    sample.sort_unstable();
    let at = |part: f64| sample[((sample.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    (at(0.5), at(0.99))
}

fn shown((median, tail): (f64, f64)) -> String {
    format!("p50 {median:.3} ms, p99 {tail:.3} ms")
}

/// Mines well: a share, its answer, a pause.
async fn mine(server: SocketAddr, number: usize, told: UnboundedSender<Duration>) {
    let (mut stream, job, time) = log_in(server, number).await.expect("the server takes a miner");
    sleep(PAUSE * u32::try_from(number).expect("few miners") / u32::try_from(MINERS).expect("few miners"))
        .await;
    for nonce in 0_u32.. {
        let share = json!([number.to_string(), job, "00000000", time, format!("{nonce:08x}")]);
        let begin = Instant::now();
        let answer = call(&mut stream, "mining.submit", &share).await.expect("the server answers");
        // The easiest target there is misses one hash in 65536.
        assert!(answer["result"] == true || answer["error"][0] == LOW_DIFFICULTY, "{answer}");
        if told.send(begin.elapsed()).is_err() {
            return;
        }
        sleep(PAUSE).await;
    }
}

/// A session, and its job's id and time.
async fn log_in(server: SocketAddr, number: usize) -> IoResult<(BufReader<TcpStream>, Value, Value)> {
    let stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    call(&mut stream, "mining.subscribe", &json!([])).await?;
    call(&mut stream, "mining.authorize", &json!([number.to_string(), "x"])).await?;
    loop {
        let message = read(&mut stream).await?;
        if message["method"] == "mining.notify" {
            return Ok((stream, message["params"][0].clone(), message["params"][7].clone()));
        }
    }
}

/// Calls and waits for the answer, past everything else.
async fn call(stream: &mut BufReader<TcpStream>, method: &str, params: &Value) -> IoResult<Value> {
    let line = json!({"id": 1, "method": method, "params": params}).to_string() + "\n";
    stream.write_all(line.as_bytes()).await?;
    loop {
        let message = read(stream).await?;
        if message["id"] == 1 {
            return Ok(message);
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> IoResult<Value> {
    let mut line = String::new();
    match stream.read_line(&mut line).await? {
        0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(serde_json::from_str(&line)?),
    }
}

/// A crowd, which goes away when dropped.
fn gather(server: SocketAddr, thread: &Handle) -> JoinSet<()> {
    let mut crowd = JoinSet::new();
    crowd.spawn_on(again(move || connect(server)), thread);
    (0..SLOW_LORISES).for_each(|_| drop(crowd.spawn_on(again(move || loiter(server)), thread)));
    (0..SLOW_READERS).for_each(|_| drop(crowd.spawn_on(again(move || ask(server)), thread)));
    (0..FLOODS).for_each(|_| drop(crowd.spawn_on(again(move || flood(server)), thread)));
    crowd
}

/// Does it again and again: that the server hangs up is the point.
async fn again<F: Future<Output = IoResult<()>>>(what: impl Fn() -> F) {
    loop {
        let _ = what().await;
    }
}

/// Connects and hangs up.
async fn connect(server: SocketAddr) -> IoResult<()> {
    TcpStream::connect(server).await?;
    sleep(CONNECTS).await;
    Ok(())
}

/// Begins a line and does not end it.
async fn loiter(server: SocketAddr) -> IoResult<()> {
    let mut stream = TcpStream::connect(server).await?;
    loop {
        stream.write_all(b"{").await?;
        sleep(Duration::from_secs(1)).await;
    }
}

/// Asks on and on, and reads no answer.
async fn ask(server: SocketAddr) -> IoResult<()> {
    let mut stream = TcpStream::connect(server).await?;
    let ping = json!({"id": "x".repeat(60), "method": "mining.ping"}).to_string() + "\n";
    loop {
        stream.write_all(ping.repeat(10).as_bytes()).await?;
        sleep(Duration::from_millis(20)).await;
    }
}

/// Logs in and sends a thousand bad shares at once.
async fn flood(server: SocketAddr) -> IoResult<()> {
    let share =
        json!({"id": 2, "method": "mining.submit", "params": ["flood", "none", "00000000", "0", "0"]});
    let (mut stream, ..) = log_in(server, 0).await?;
    stream.write_all(format!("{share}\n").repeat(1000).as_bytes()).await?;
    stream.read_to_end(&mut vec![]).await?;
    Ok(())
}
