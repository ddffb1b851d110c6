//! Between the wire and the hashes, as a pool sees it: from a `mining.notify` written to the first hashes of its
//! job, and from a share found to its `mining.submit` read. The pool is a thread of its own on loopback that
//! writes lines by hand.
//!
//! The tail counts here, so this is no criterion bench: it prints percentiles.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use miner_benches::Told;
use miner_core::VersionMask;
use miner_cpu::{CpuBackend, CpuOptions, preferred};
use miner_engine::Engine;
use miner_stratum::client::{Client, ClientEvent, ClientOptions, Pool};
use miner_stratum::connect::{Route, Trust};
use serde_json::Value;

/// Some tens of shares a second: enough to time, few enough not to time each other.
const DIFFICULTY: f64 = 0.0002;
/// Between two jobs, so that each comes in the midst of the work on the last, and slower than the pace to which the
/// client holds a flood of them.
const PAUSE: Duration = Duration::from_millis(100);

/// A share's nonce and version bits: what tells it apart on the wire.
type Key = (u32, u32);

fn main() {
    let jobs = if std::env::args().any(|argument| argument == "--bench") { 300 } else { 20 };
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let (submitted_to, submitted) = mpsc::channel();
    let (notified_to, notified) = mpsc::channel();
    thread::spawn(move || pool(&listener, jobs, &submitted_to, &notified_to));
    let (found_to, found) = mpsc::channel();
    let (first_to, first_hashes) = mpsc::channel();
    thread::spawn(move || mine(port, first_to, found_to));

    let notified: Vec<(u32, Instant)> = notified.iter().collect();
    let mut begun = HashMap::new();
    for (time, at) in first_hashes.try_iter() {
        begun.entry(time).or_insert(at);
    }
    // The very last job may not have been begun when the pool hung up.
    let switches = notified.iter().filter_map(|(time, at)| Some(*begun.get(time)? - *at)).collect();
    report("mining.notify written to first hashes", switches);
    let found: HashMap<Key, Instant> = found.try_iter().collect();
    let ways = submitted.iter().filter_map(|(key, at)| Some(at - *found.get(&key)?)).collect();
    report("share found to mining.submit read", ways);
}

/// Median, tail and maximum.
fn report(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "{what}: p50 {:.3} ms, p99 {:.3} ms, max {:.3} ms of {}",
        at(0.5),
        at(0.99),
        at(1.0),
        times.len()
    );
}

/// Mines to the pool until the process ends.
fn mine(port: u16, first_hashes: Sender<(u32, Instant)>, found: Sender<(Key, Instant)>) {
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    runtime.block_on(async {
        let url = format!("stratum+tcp://127.0.0.1:{port}").parse().expect("it is a URL");
        let route = Route { url, proxy: None, trust: Trust::System };
        let pool = Pool { route, user: "bench".into(), password: "x".into() };
        let options = ClientOptions {
            pools: vec![pool],
            agent: "bench".to_owned(),
            version_mask: VersionMask::BIP320,
            suggest_difficulty: None,
            extranonce_subscribe: false,
            follow_reconnect: false,
            retries: Some(0),
            retry_pause: Duration::from_secs(1),
            silence: Duration::from_secs(60),
            stable: Duration::from_secs(60),
        };
        let (client, mut events) = Client::start(options);
        let options = CpuOptions { nice: Some(19), ..CpuOptions::default() };
        let backend = CpuBackend::new(preferred(), &options).expect("threads can be started");
        let engine = Engine::start(vec![Box::new(Told { backend, first_hashes })], move |event| {
            let solution = event.share.solution();
            let _ =
                found.send(((solution.nonce, solution.version & VersionMask::BIP320.bits()), Instant::now()));
            client.submit(event.share, event.device);
        });
        while let Some(event) = events.recv().await {
            if let ClientEvent::Job { job, terms } = event {
                engine.set_job(job, terms);
            }
        }
    });
}

/// Serves one miner `jobs` clean jobs, each with a time of its own, and hangs up.
fn pool(
    listener: &TcpListener,
    jobs: u32,
    submitted: &Sender<(Key, Instant)>,
    notified: &Sender<(u32, Instant)>,
) {
    let (mut stream, _) = listener.accept().expect("the miner connects");
    stream.set_nodelay(true).expect("a socket has this option");
    let (ready_to, ready) = mpsc::channel();
    let reader = stream.try_clone().expect("a socket can be shared");
    thread::scope(|scope| {
        scope.spawn(move || answer(reader, submitted, &ready_to));
        announce(&mut stream, jobs, &ready, notified);
        stream.shutdown(std::net::Shutdown::Both).expect("it is connected");
    });
}

fn announce(stream: &mut TcpStream, jobs: u32, ready: &Receiver<()>, notified: &Sender<(u32, Instant)>) {
    ready.recv().expect("the miner authorizes");
    let difficulty = format!(r#"{{"id":null,"method":"mining.set_difficulty","params":[{DIFFICULTY}]}}"#);
    writeln!(stream, "{difficulty}").expect("the miner listens");
    for time in 1..=jobs {
        let line = format!(
            r#"{{"id":null,"method":"mining.notify","params":["{time:x}","{time:064x}","01","02",[],"20000000","1d00ffff","{time:08x}",true]}}"#
        );
        notified.send((time, Instant::now())).expect("it is awaited");
        writeln!(stream, "{line}").expect("the miner listens");
        thread::sleep(PAUSE);
    }
}

/// Answers each call with what a miner wants to hear.
fn answer(stream: TcpStream, submitted: &Sender<(Key, Instant)>, ready: &Sender<()>) {
    let mut answers = stream.try_clone().expect("a socket can be shared");
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        let at = Instant::now();
        let call: Value = serde_json::from_str(&line).expect("a miner writes JSON");
        let result = match call["method"].as_str().unwrap_or_default() {
            "mining.configure" => r#"{"version-rolling":true,"version-rolling.mask":"1fffe000"}"#,
            "mining.subscribe" => r#"[[["mining.notify","1"]],"08000002",4]"#,
            "mining.submit" => {
                let number = |field: usize| {
                    let hex = call["params"][field].as_str().expect("a field is hex");
                    u32::from_str_radix(hex, 16).expect("a field is hex")
                };
                submitted.send(((number(4), number(5)), at)).expect("it is awaited");
                "true"
            }
            _ => "true",
        };
        if writeln!(answers, r#"{{"id":{},"result":{result},"error":null}}"#, call["id"]).is_err() {
            return;
        }
        if call["method"] == "mining.authorize" {
            ready.send(()).expect("it is awaited");
        }
    }
}
