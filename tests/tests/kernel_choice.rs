//! Which kernel a run takes: the fastest by a measurement that is remembered for the machine, the usual one, or the one
//! that is asked for. And on which CPUs.

use std::fs;
use std::path::PathBuf;

use miner_tests::{Miner, Run};
use serde_json::Value;

/// A run of a second at most, which counts as a long one.
const LONG: [&str; 6] = ["--device", "cpu", "--difficulty", "1e-9", "--exit-after-blocks", "1"];

/// Runs in a home that stays.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn cache(&self) -> PathBuf {
        self.0.path().join("miner/cpu")
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let cache = self.0.path().display().to_string();
        let run = Miner::new(arguments).with(&[("XDG_CACHE_HOME".to_owned(), cache)]).run();
        assert_eq!(run.code, Some(0), "{run:?}");
        run
    }

    /// The kernel that a run takes, and why.
    fn choice(&self, arguments: &[&str]) -> (String, String) {
        let run = self.run(&[arguments, &["--log-format", "json"]].concat());
        let started = &run.events_of("started")[0];
        let text = |field: &str| started[field].as_str().unwrap().to_owned();
        (text("device"), text("choice"))
    }

    fn devices(&self, arguments: &[&str]) -> Value {
        let run = self.run(&[&["devices", "--json"], arguments].concat());
        serde_json::from_str(&run.stdout).unwrap()
    }

    /// Lets it be remembered that the portable kernel is the fastest where no versions roll, which no measurement finds.
    fn plant(&self) {
        let cache = fs::read_to_string(self.cache()).unwrap();
        let [key, rolling, plain] = cache.lines().collect::<Vec<_>>().try_into().unwrap();
        let (faster, portable) = plain.split_once(" portable ").unwrap();
        fs::write(self.cache(), format!("{key}\n{rolling}\nportable {portable} {faster}\n")).unwrap();
    }
}

fn is_chosen(row: &Value, field: &str) -> bool {
    row[field].as_bool().unwrap()
}

#[test]
fn kernels_are_compared_once_for_a_machine_and_whenever_devices_are_listed() {
    let home = Home::new();
    let (_, choice) = home.choice(&LONG);
    assert!(!choice.contains("remembered"), "{choice}");
    let written = fs::read_to_string(home.cache()).unwrap();
    let rolling_off = [&LONG[..], &["--version-rolling", "off"]].concat();
    assert!(home.choice(&LONG).1.ends_with(", remembered"));
    assert_eq!(fs::read_to_string(home.cache()).unwrap(), written, "nothing was measured");
    if !written.contains(" portable ") {
        return println!("skipped: the rest: this CPU has one kernel alone");
    }
    home.plant();
    let (kernel, choice) = home.choice(&rolling_off);
    assert!(kernel == "portable" && choice.ends_with(", remembered"), "{kernel}: {choice}");
    assert_ne!(home.choice(&LONG).0, "portable", "with version rolling it is another measurement");

    let told = home.devices(&["--no-measure"]);
    assert_eq!(told["choice"]["from"], "remembered", "{told}");
    let portable = |devices: &Value| {
        devices["kernels"].as_array().unwrap().iter().find(|row| row["kernel"] == "portable").unwrap().clone()
    };
    assert!(is_chosen(&portable(&told), "chosen") && !is_chosen(&portable(&told), "chosen_rolling"));
    let anew = home.devices(&[]);
    assert_eq!(anew["choice"]["from"], "measured", "{anew}");
    assert!(!is_chosen(&portable(&anew), "chosen"), "{anew}");
    assert_ne!(home.choice(&rolling_off).0, "portable", "the measurement replaced what was planted");
}

#[test]
fn a_garbled_memory_is_replaced_and_an_impossible_one_does_without() {
    let home = Home::new();
    home.run(&LONG);
    let written = fs::read_to_string(home.cache()).unwrap();
    let key = written.lines().next().unwrap();
    for garbled in ["", "garbage", &written[..key.len() + 10], &written.replacen(key, "another machine", 1)] {
        fs::write(home.cache(), garbled).unwrap();
        let (_, choice) = home.choice(&LONG);
        assert!(!choice.contains("remembered"), "{garbled:?}: {choice}");
        assert!(fs::read_to_string(home.cache()).unwrap().starts_with(key), "it was replaced");
        assert!(home.choice(&LONG).1.contains("remembered"));
    }
    // Where nothing can be written nor read, each run measures.
    fs::remove_dir_all(home.cache().parent().unwrap()).unwrap();
    fs::write(home.cache().parent().unwrap(), "a file in the folder's place").unwrap();
    for _ in 0..2 {
        assert!(!home.choice(&LONG).1.contains("remembered"));
    }
    let devices = home.devices(&[]);
    assert!(devices["choice"]["note"].as_str().unwrap().contains("miner/cpu"), "{devices}");
}

#[test]
fn a_short_run_and_one_that_is_told_its_kernel_measure_nothing() {
    let home = Home::new();
    let usual = home.devices(&["--no-measure"]);
    assert_eq!(usual["choice"]["from"], "usual", "{usual}");
    let first = usual["kernels"].as_array().unwrap().iter().find(|row| is_chosen(row, "chosen")).unwrap();
    let (kernel, choice) = home.choice(&[&LONG[..], &["--time-limit", "9"]].concat());
    assert_eq!((kernel.as_str(), choice.contains("not measured")), (first["kernel"].as_str().unwrap(), true));
    let asked = home.choice(&[&LONG[..], &["--kernel", "portable"]].concat());
    assert_eq!(asked, ("portable".to_owned(), "as asked".to_owned()));
    assert!(!home.cache().exists());
}

#[test]
fn a_process_bound_to_one_cpu_hashes_on_that_one_and_a_cpu_it_has_not_is_named() {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap().trim();
    let last = list.rsplit([',', '-']).next().unwrap();
    let bound = Miner::new(&[&LONG[..], &["--log-format", "json"]].concat());
    let bound = bound.under(&format!("exec taskset --cpu-list {last} \"$@\""));
    assert_eq!(bound.code, Some(0), "{bound:?}");
    assert_eq!(bound.events_of("started")[0]["threads"], 1, "{bound:?}");

    let named = |cpus: &str| {
        Miner::new(&[&LONG[..], &["--log-format", "json", "--cpu-affinity", cpus]].concat()).run()
    };
    let twice = named(&format!("{last},{last}"));
    assert_eq!((twice.code, &twice.events_of("started")[0]["threads"]), (Some(0), &2.into()), "{twice:?}");
    let missing = named(&format!("{last},60000-60100"));
    assert_eq!(missing.code, Some(4), "{missing:?}");
    assert!(missing.stderr.contains("CPU 60000") && missing.stderr.contains(last), "{missing:?}");
}
