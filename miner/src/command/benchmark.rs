//! `miner --benchmark`: the whole engine on work that does not end, told in the lines that scripts read of minerd
//! (`N khash/s` on stderr) and cpuminer (`Benchmark: N MH/s` on stdout). [`bench`](super::bench) measures better.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use miner_engine::{Engine, Snapshot};

use super::bench::lane::{self, endless_job};
use crate::args::{MiningArgs, Switch};
use crate::exit::{self, Code};
use crate::mining::devices::{self, Needs};
use crate::mining::signals::Signals;
use crate::runtime;
use crate::status::text::khashes;

/// The first lines come early, for those who wait a few seconds for one.
const FIRST: Duration = Duration::from_millis(500);
const EVERY: Duration = Duration::from_secs(5);

pub(crate) fn run(mining: &MiningArgs) -> anyhow::Result<ExitCode> {
    let rolling = mining.version_rolling == Switch::On;
    // It is the CPU that the programs mean whose words these are, unless something else is asked for.
    let one_device = mining.device.device.is_none();
    let threads =
        devices::one_for_each_thread(&mining.device, Needs { one_device, ..Needs::of(mining, None) })?;
    let engine = Engine::start(threads, drop);
    engine.limit_hashrate(mining.max_hashrate);
    engine.set_job(endless_job(), lane::terms(rolling));
    let meter = Meter { begin: Instant::now(), engine, quiet: mining.output.quiet };
    runtime::block_on(meter.until(mining.time_limit))
}

struct Meter {
    begin: Instant,
    engine: Engine,
    /// Whether only the total is told.
    quiet: bool,
}

impl Meter {
    /// Tells the rates from time to time, and at the end the rate of the whole time.
    async fn until(self, limit: Option<Duration>) -> anyhow::Result<ExitCode> {
        let mut signals = Signals::new()?;
        let mut tick = tokio::time::interval_at((self.begin + FIRST).into(), EVERY);
        let mut time_is_up = std::pin::pin!(tokio::time::sleep(limit.unwrap_or_default()));
        let (mut since, mut last) = (self.begin, self.engine.snapshot());
        loop {
            tokio::select! {
                _ = tick.tick() => {
                    let (now, next) = (Instant::now(), self.engine.snapshot());
                    self.tell(&last, &next, now - since);
                    (since, last) = (now, next);
                }
                () = &mut time_is_up, if limit.is_some() => break,
                () = signals.asked_to_stop() => break,
            }
            if last.all_failed() {
                return Err(exit::failure(Code::NoDevice, "no thread is left to hash"));
            }
        }
        let rate = self.engine.snapshot().hashes() as f64 / self.begin.elapsed().as_secs_f64();
        // A closed stdout leaves nobody to tell.
        let _ = writeln!(std::io::stdout(), "Benchmark: {:.2} MH/s", rate / 1e6);
        Ok(ExitCode::SUCCESS)
    }

    /// What each thread did since the last time, and all of them.
    fn tell(&self, last: &Snapshot, next: &Snapshot, time: Duration) {
        let rate = |hashes: u64| khashes(hashes as f64 / time.as_secs_f64());
        let done = next.devices.iter().zip(&last.devices).map(|(next, last)| next.hashes - last.hashes);
        let mut lines = String::new();
        for (thread, hashes) in done.enumerate().filter(|_| !self.quiet) {
            lines += &format!("thread {thread}: {hashes} hashes, {}\n", rate(hashes));
        }
        lines += &format!("Total: {}\n", rate(next.hashes() - last.hashes()));
        // Likewise.
        let _ = std::io::stderr().write_all(lines.as_bytes());
    }
}
