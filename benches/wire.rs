//! Between the wire and the hashes, as a pool sees it: from a `mining.notify` written to the first hashes of its
//! job, from a share found to its `mining.submit` read, and what is left of the hashrate when the pool floods the
//! miner with jobs. The pool is a thread of its own on loopback that writes lines by hand.
//!
//! The tail counts here, so this is no criterion bench: it prints percentiles.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use miner_benches::{Progress, Told};
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
/// Jobs of a flood: so many every millisecond.
const FLOOD: u32 = 10;

/// A share's nonce and version bits: what tells it apart on the wire.
type Key = (u32, u32);

/// How much is measured.
#[derive(Clone, Copy)]
struct Plan {
    /// Jobs at a quiet pace.
    jobs: u32,
    /// Pairs of a quiet time and a flood.
    rounds: u32,
    /// How long each of the two is.
    phase: Duration,
}

/// A time that is over.
struct Phase {
    jobs: u32,
    begin: Instant,
    end: Instant,
}

fn main() {
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let plan = match is_bench {
        true => Plan { jobs: 300, rounds: 5, phase: Duration::from_secs(3) },
        false => Plan { jobs: 20, rounds: 1, phase: Duration::from_millis(300) },
    };
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let (submitted_to, submitted) = mpsc::channel();
    let (notified_to, notified) = mpsc::channel();
    let (phases_to, phases) = mpsc::channel();
    thread::spawn(move || pool(&listener, plan, &submitted_to, &notified_to, &phases_to));
    let (found_to, found) = mpsc::channel();
    let (progress_to, progress) = mpsc::channel();
    thread::spawn(move || mine(port, progress_to, found_to));

    let phases: Vec<Phase> = phases.iter().collect();
    let notified: Vec<(u32, Instant)> = notified.try_iter().collect();
    let progress: Vec<Progress> = progress.try_iter().collect();
    let mut begun = HashMap::new();
    for Progress { time, at, .. } in &progress {
        begun.entry(*time).or_insert(*at);
    }
    // The very last job may not have been begun when the pool hung up.
    let switches = notified.iter().filter_map(|(time, at)| Some(*begun.get(time)? - *at)).collect();
    report("mining.notify written to first hashes", switches);
    let found: HashMap<Key, Instant> = found.try_iter().collect();
    let ways = submitted.iter().filter_map(|(key, at)| Some(at - *found.get(&key)?)).collect();
    report("share found to mining.submit read", ways);
    report_flood(&phases, &progress);
}

/// The hashrates of quiet times and of floods in turn.
fn report_flood(phases: &[Phase], progress: &[Progress]) {
    let rate = |phase: &Phase| {
        let is_in = |progress: &&Progress| (phase.begin..phase.end).contains(&progress.at);
        let hashes: u64 = progress.iter().filter(is_in).map(|progress| progress.hashes).sum();
        hashes as f64 / (phase.end - phase.begin).as_secs_f64()
    };
    let mut shares = Vec::new();
    for pair in phases.chunks_exact(2) {
        let (quiet, flood) = (rate(&pair[0]), rate(&pair[1]));
        let jobs = f64::from(pair[1].jobs) / (pair[1].end - pair[1].begin).as_secs_f64();
        println!(
            "{:.1} MH/s, under {jobs:.0} jobs/s {:.1} MH/s: {:.3}",
            quiet / 1e6,
            flood / 1e6,
            flood / quiet
        );
        shares.push(flood / quiet);
    }
    shares.sort_unstable_by(f64::total_cmp);
    println!("hashrate left under a flood: median {:.3} of {}", shares[shares.len() / 2], shares.len());
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
fn mine(port: u16, progress: Sender<Progress>, found: Sender<(Key, Instant)>) {
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
        let engine = Engine::start(vec![Box::new(Told { backend, progress })], move |event| {
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

/// Serves one miner clean jobs, each with a time of its own, and hangs up.
fn pool(
    listener: &TcpListener,
    plan: Plan,
    submitted: &Sender<(Key, Instant)>,
    notified: &Sender<(u32, Instant)>,
    phases: &Sender<Phase>,
) {
    let (mut stream, _) = listener.accept().expect("the miner connects");
    stream.set_nodelay(true).expect("a socket has this option");
    let (ready_to, ready) = mpsc::channel();
    let reader = stream.try_clone().expect("a socket can be shared");
    thread::scope(|scope| {
        scope.spawn(move || answer(reader, submitted, &ready_to));
        ready.recv().expect("the miner authorizes");
        announce(&mut stream, plan, notified, phases);
        stream.shutdown(std::net::Shutdown::Both).expect("it is connected");
    });
}

fn announce(stream: &mut TcpStream, plan: Plan, notified: &Sender<(u32, Instant)>, phases: &Sender<Phase>) {
    let difficulty = format!(r#"{{"id":null,"method":"mining.set_difficulty","params":[{DIFFICULTY}]}}"#);
    writeln!(stream, "{difficulty}").expect("the miner listens");
    for time in 1..=plan.jobs {
        notified.send((time, Instant::now())).expect("it is awaited");
        notify(stream, time, 1);
        thread::sleep(PAUSE);
    }
    let mut time = plan.jobs;
    for _ in 0..plan.rounds {
        for (at_once, pause) in [(1, PAUSE), (FLOOD, Duration::from_millis(1))] {
            let (first, begin) = (time, Instant::now());
            let mut due = begin;
            while begin.elapsed() < plan.phase {
                notify(stream, time + 1, at_once);
                time += at_once;
                due += pause;
                thread::sleep(due.saturating_duration_since(Instant::now()));
            }
            let phase = Phase { jobs: time - first, begin, end: Instant::now() };
            phases.send(phase).expect("it is awaited");
        }
    }
}

/// Writes so many clean jobs, the first of which has this time.
fn notify(stream: &mut TcpStream, first: u32, count: u32) {
    let line = |time: u32| {
        format!(
            r#"{{"id":null,"method":"mining.notify","params":["{time:x}","{time:064x}","01","02",[],"20000000","1d00ffff","{time:08x}",true]}}"#
        ) + "\n"
    };
    let lines: String = (first..first + count).map(line).collect();
    stream.write_all(lines.as_bytes()).expect("the miner listens");
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
