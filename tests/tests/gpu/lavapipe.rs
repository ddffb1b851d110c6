//! On lavapipe: a GPU to the miner, though its driver computes on the CPU.

use std::collections::BTreeSet;

use miner_tests::{Miner, Run, TestNode, TestPool, lavapipe};
use serde_json::{Value, json};

use super::{assert_mined_by, run, warned_of_all, warnings};

#[test]
fn llvmpipe_mines_the_embedded_chain() {
    let Some(lavapipe) = lavapipe("llvmpipe_mines_the_embedded_chain") else { return };
    let run = run(&lavapipe, &["--device", "llvmpipe", "--exit-after-blocks", "3"]);
    assert_mined_by(&run, "llvmpipe", 3);
    let started = &run.events_of("started")[0];
    assert!(started["device"].as_str().unwrap().starts_with("llvmpipe"), "{started}");
    assert_eq!(started["threads"], 0);
    assert_eq!(warnings(&run), [""; 0], "it was asked for by its name");
}

#[test]
fn llvmpipe_mines_a_real_regtest_node() {
    let test = "llvmpipe_mines_a_real_regtest_node";
    let Some(lavapipe) = lavapipe(test) else { return };
    let Some(node) = TestNode::start(test, &[]) else { return };
    let arguments = ["--device", "llvmpipe", "--exit-after-blocks", "20", "--coinbase-script", "51"];
    let run = Miner::solo(&node, &arguments).with(&lavapipe).run();
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_mined_by(&run, "llvmpipe", 20);
    let tip = node.rpc("getbestblockhash", &[]).unwrap();
    assert!(run.events_of("block").iter().any(|block| block["hash"] == tip), "{tip} in {run:?}");
    assert_eq!(node.rpc("getblockcount", &[]).unwrap(), json!(20));
}

#[test]
fn cpu_and_gpu_mine_together() {
    let Some(lavapipe) = lavapipe("cpu_and_gpu_mine_together") else { return };
    let pool = TestPool::start(TestPool::NO_BLOCKS, 2e-4);
    let url = pool.url();
    let arguments = ["-o", &url, "-u", "w", "--device", "cpu,llvmpipe", "--log-format", "json"];
    let mut running = Miner::new(&arguments).with(&lavapipe).start();
    let started = running.next("started");
    assert!(started["threads"].as_u64().unwrap() > 0, "the CPU comes first: {started}");
    // Chance says which of them has the first share, and how many more it has before the other.
    let mut found_by = BTreeSet::new();
    while found_by.len() < 2 {
        let share = running.next("share");
        assert_eq!(share["status"], "accepted", "{share}");
        found_by.insert(share["device"].as_str().unwrap().contains("llvmpipe"));
    }
}

#[test]
fn a_seed_gives_the_same_chain_on_a_gpu() {
    let Some(lavapipe) = lavapipe("a_seed_gives_the_same_chain_on_a_gpu") else { return };
    let tip = |device: &[&str]| {
        let run = run(&lavapipe, &[&["--seed", "7", "--exit-after-blocks", "4"], device].concat());
        run.events_of("block").pop().unwrap()["hash"].clone()
    };
    assert_eq!(tip(&["--device", "llvmpipe"]), tip(&[]));
    let both = Miner::new(&["--seed", "7", "--device", "cpu,gpu"]).with(&lavapipe).run();
    assert_eq!(both.code, Some(2), "{both:?}");
    assert!(both.stderr.contains("--seed"), "{both:?}");
}

#[test]
fn software_is_used_only_where_it_is_asked_for() {
    let Some(lavapipe) = lavapipe("software_is_used_only_where_it_is_asked_for") else { return };
    let one = |device: &[&str]| run(&lavapipe, &[&["--exit-after-blocks", "1"], device].concat());
    let by_cpu = |run: &Run| !run.events_of("block")[0]["device"].as_str().unwrap().contains("llvmpipe");
    let (default, gpu) = (one(&[]), one(&["--device", "gpu"]));
    assert!(by_cpu(&default) && warnings(&default).is_empty(), "{default:?}");
    assert_eq!(warned_of_all(&lavapipe), ["no hardware GPU was found: the CPU mines alone"]);
    assert_mined_by(&gpu, "llvmpipe", 1);
    let [warning] = warnings(&gpu).try_into().unwrap();
    assert!(warning.contains("computes on the CPU"), "{warning}");
}

#[test]
fn bench_and_devices_tell_of_gpus() {
    let Some(lavapipe) = lavapipe("bench_and_devices_tell_of_gpus") else { return };
    let json = |arguments: &[&str]| {
        let run = Miner::new(arguments).with(&lavapipe).run();
        assert_eq!(run.code, Some(0), "{run:?}");
        serde_json::from_str::<Value>(&run.stdout).unwrap()
    };
    let bench = json(&["bench", "--device", "gpu", "--time-limit", "3", "--json", "-"]);
    let results = bench["results"].as_array().unwrap();
    assert_eq!(
        results.iter().map(|row| row["version_rolling"].as_bool().unwrap()).collect::<Vec<_>>(),
        [true, false]
    );
    for row in results {
        assert!(row["device"].as_str().unwrap().contains("llvmpipe"), "{row}");
        assert!(row["kernel"].as_str().unwrap().starts_with("wgsl-"), "{row}");
        assert!(row["hs"]["median"].as_f64().unwrap() > 0.0, "{row}");
        let (hits, expected) = (row["hits"].as_f64().unwrap(), row["hits_expected"].as_f64().unwrap());
        // Six standard deviations.
        assert!((hits - expected).abs() <= 6.0 * expected.sqrt() + 6.0, "{row}");
    }
    let devices = json(&["devices", "--json"]);
    let [gpu] = devices["gpus"].as_array().unwrap().as_slice() else { panic!("{devices}") };
    assert!(gpu["name"].as_str().unwrap().contains("llvmpipe"), "{gpu}");
    assert_eq!((&gpu["software"], &gpu["backend"]), (&json!(true), &json!("vulkan")), "{gpu}");
    assert!(gpu["driver"].as_str().unwrap().contains("Mesa"), "{gpu}");
    assert!(gpu["hs_rolling"].as_f64().unwrap() > 0.0 && gpu["hs"].as_f64().unwrap() > 0.0, "{gpu}");
}
