//! `--device` where there is a GPU and where there is none.

mod lavapipe;

use bitcoin::block::Header;
use bitcoin::consensus::encode::deserialize_hex;
use miner_tests::{Miner, Run, no_gpu};

/// Blocks of a few hundred thousand hashes.
const QUICK: [&str; 4] = ["--difficulty", "0.0001", "--log-format", "json"];

fn run(environment: &[(String, String)], arguments: &[&str]) -> Run {
    let run = Miner::new(&[&QUICK, arguments].concat()).with(environment).run();
    assert_eq!(run.code, Some(0), "{run:?}");
    run
}

/// Blocks by a device of this name, each with a header that anyone can check.
fn assert_mined_by(run: &Run, name: &str, blocks: usize) {
    let found = run.events_of("block");
    assert_eq!(found.len(), blocks, "{run:?}");
    for block in found {
        let header: Header = deserialize_hex(block["header"].as_str().unwrap()).unwrap();
        assert!(header.validate_pow(header.target()).is_ok());
        assert!(block["device"].as_str().unwrap().contains(name), "{block}");
        assert_eq!(block["result"], "accepted", "{block}");
    }
}

/// What was warned of.
fn warnings(run: &Run) -> Vec<String> {
    run.events_of("error").iter().map(|event| event["message"].as_str().unwrap().to_owned()).collect()
}

/// What is warned of with `--device all`. GPUs are looked for beside the mining, which goes on until a warning has come
/// and a block was found by the CPU.
fn warned_of_all(environment: &[(String, String)]) -> Vec<String> {
    let miner = Miner::new(&[&QUICK[..], &["--device", "all"]].concat()).with(environment);
    let mut running = miner.start();
    let mut events = running.until("error");
    events.extend(running.until("block"));
    running.signal("INT");
    let (status, rest) = running.end();
    assert_eq!(status.code(), Some(0));
    events.extend(rest);
    let of = |name: &str| events.iter().filter(|event| event["event"] == name).collect::<Vec<_>>();
    assert!(
        of("block").iter().all(|block| !block["device"].as_str().unwrap().contains("llvmpipe")),
        "{events:?}"
    );
    of("error").iter().map(|event| event["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn without_a_gpu_the_cpu_mines_unless_a_gpu_is_asked_for() {
    let none = no_gpu();
    let default = run(&none, &["--exit-after-blocks", "1"]);
    assert!(warnings(&default).is_empty(), "{default:?}");
    assert_eq!(warned_of_all(&none).len(), 1);
    for device in ["gpu", "cpu,gpu", "toaster", "cpu,toaster"] {
        for command in [&["bench"][..], &[]] {
            let run = Miner::new(&[command, &["--device", device]].concat()).with(&none).run();
            assert_eq!((run.code, run.stdout.as_str()), (Some(4), ""), "{run:?}");
            let word = if device.contains("toaster") { "toaster" } else { "GPU" };
            assert!(run.stderr.contains(word), "{run:?}");
        }
    }
}
