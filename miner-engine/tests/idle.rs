//! What the engine itself costs while a device that is no CPU does the work. Alone in its file: it reads the CPU time
//! of the whole process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use miner_core::bitcoin::CompactTarget;
use miner_core::{Backend, BackendError, Job, Reporter, Terms, VersionMask, WorkUnit, header};
use miner_engine::Engine;

/// A device as a GPU is: dispatches of 20 ms at 10 GH/s, waited for without using the CPU.
struct Hardware;

impl Backend for Hardware {
    fn name(&self) -> &str {
        "hardware"
    }

    fn scan(&mut self, unit: &WorkUnit, reporter: &dyn Reporter) -> Result<(), BackendError> {
        let mut left = unit.hashes();
        while left > 0 {
            let dispatch = left.min(200_000_000);
            std::thread::sleep(Duration::from_secs_f64(dispatch as f64 / 10e9));
            if reporter.progress(dispatch).is_break() {
                break;
            }
            left -= dispatch;
        }
        Ok(())
    }
}

/// CPU time of this process so far, all threads together.
fn cpu_time() -> Option<Duration> {
    let threads = std::fs::read_dir("/proc/self/task").ok()?;
    let of = |path: std::path::PathBuf| {
        let text = std::fs::read_to_string(path.join("schedstat")).ok()?;
        text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
    };
    threads.map(|thread| of(thread.ok()?.path())).sum()
}

#[test]
fn while_a_gpu_mines_the_engine_uses_under_a_twentieth_of_a_core() {
    let mut header = header::from_hex(&"00".repeat(80)).unwrap();
    header.bits = CompactTarget::from_consensus(0x0300_0001);
    let engine = Engine::start(vec![Box::new(Hardware)], drop);
    engine.set_job(Arc::new(Job::from_header("idle", &header).unwrap()), Terms::solo(0, VersionMask::BIP320));
    let Some(before) = cpu_time() else {
        return eprintln!("skipped: the CPU time of threads is not to be read on this system");
    };
    let begin = Instant::now();
    std::thread::sleep(Duration::from_millis(1500));
    let (used, passed) = (cpu_time().unwrap() - before, begin.elapsed());
    let snapshot = engine.snapshot();
    assert!(snapshot.hashes() > 1_000_000_000, "it was at work: {snapshot:?}");
    assert_eq!(snapshot.exhausted, 0);
    println!("{used:?} of CPU time in {passed:?}");
    assert!(used < passed / 20, "{used:?} of CPU time in {passed:?}");
}
