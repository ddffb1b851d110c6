//! The miner as a user runs it: the built program, its output and its end.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use serde_json::Value;

use crate::TestNode;

/// The program that `cargo build -p miner` left beside the tests.
///
/// # Panics
/// When it is not there.
pub fn miner_program() -> PathBuf {
    let tests = std::env::current_exe().expect("a test has a path");
    let folder = tests.ancestors().nth(2).expect("tests live in target/PROFILE/deps");
    let program = folder.join("miner");
    assert!(program.exists(), "{} is missing: run `cargo build -p miner` first", program.display());
    program
}

/// Seconds after which a run that should have ended is ended, unless a test has more patience: its exit code is then
/// 124. It only ends a test that fails, on whatever machine.
const PATIENCE: u64 = 600;

/// A run of the miner with a home of its own, so that no journal or cookie of this machine is touched.
pub struct Miner {
    home: tempfile::TempDir,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    patience: u64,
}

/// What a run left behind.
#[derive(Debug)]
pub struct Run {
    /// Its exit code; `None` for one that a signal ended.
    pub code: Option<i32>,
    /// All of stdout.
    pub stdout: String,
    /// All of stderr.
    pub stderr: String,
}

impl Miner {
    /// A run with these arguments.
    pub fn new(arguments: &[&str]) -> Self {
        let home = tempfile::tempdir().expect("the folder for temporary files is writable");
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self { home, arguments, environment: vec![], patience: PATIENCE }
    }

    /// The same run with these variables in its environment.
    pub fn with(mut self, environment: &[(String, String)]) -> Self {
        self.environment.extend_from_slice(environment);
        self
    }

    /// The same run, which may take so many seconds.
    #[must_use]
    pub fn with_patience(self, seconds: u64) -> Self {
        Self { patience: seconds, ..self }
    }

    /// `miner solo` on a test node, with JSON events and further arguments.
    pub fn solo(node: &TestNode, arguments: &[&str]) -> Self {
        let (url, datadir) = (node.url(), node.datadir().display().to_string());
        let start =
            ["solo", "--chain", node.chain(), "--node", &url, "--datadir", &datadir, "--log-format", "json"];
        Self::new(&[&start, arguments].concat())
    }

    /// The folder that the run takes for its user's.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The command that starts the run, for a test that wants more than [`Self::start`].
    pub fn command(&self) -> Command {
        let mut command = Command::new(miner_program());
        self.prepare(&mut command);
        command.args(&self.arguments);
        command
    }

    /// Runs to the end, within bounds.
    pub fn run(&self) -> Run {
        self.under("exec \"$@\"")
    }

    /// The run behind a shell script that ends in `exec "$@"`.
    pub fn under(&self, script: &str) -> Run {
        let mut command = Command::new("timeout");
        self.prepare(&mut command);
        command
            .args([&self.patience.to_string(), "sh", "-c", script, "sh"])
            .arg(miner_program())
            .args(&self.arguments);
        let output = command.output().expect("timeout is a standard program");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the miner writes UTF-8");
        Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    fn prepare(&self, command: &mut Command) {
        let home = self.home.path();
        // As a user's shell would: nothing of this machine's own settings.
        command.env("HOME", home).stdin(Stdio::null());
        for variable in ["XDG_STATE_HOME", "XDG_CACHE_HOME", "MINER_PASS"] {
            command.env_remove(variable);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
    }

    /// Starts the run; its output is read line by line.
    pub fn start(&self) -> Running {
        self.start_as(self.command())
    }

    /// Starts the run as the child of `tracer`, a program with arguments that becomes what follows them.
    pub fn start_under(&self, tracer: &[&str]) -> Running {
        let mut command = Command::new(tracer[0]);
        self.prepare(&mut command);
        command.args(&tracer[1..]).arg(miner_program()).args(&self.arguments);
        self.start_as(command)
    }

    fn start_as(&self, mut command: Command) -> Running {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the miner starts");
        let lines = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let ended = end_after(Duration::from_secs(self.patience), child.id());
        Running { child, lines, _ended: ended }
    }
}

impl Run {
    /// The JSON events of a run with `--log-format json`.
    ///
    /// # Panics
    /// When a line is none.
    pub fn events(&self) -> Vec<Value> {
        self.stdout.lines().map(event).collect()
    }

    /// The events of this name.
    pub fn events_of(&self, name: &str) -> Vec<Value> {
        self.events().into_iter().filter(|event| event["event"] == name).collect()
    }

    /// The summary, which is the last event.
    ///
    /// # Panics
    /// When it is missing.
    pub fn summary(&self) -> Value {
        let last = self.events().pop().unwrap_or_else(|| panic!("no event at all: {self:?}"));
        assert_eq!(last["event"], "summary", "{self:?}");
        last
    }
}

/// A run under way. Dropping it kills the miner.
pub struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
    /// Gone with the run.
    _ended: Sender<()>,
}

impl Running {
    /// The next event of this name, past all others.
    ///
    /// # Panics
    /// When the run ends before one comes.
    pub fn next(&mut self, name: &str) -> Value {
        self.until(name).pop().expect("the last one is of that name")
    }

    /// All events up to the next one of this name.
    ///
    /// # Panics
    /// When the run ends before one comes.
    pub fn until(&mut self, name: &str) -> Vec<Value> {
        self.until_any(&[name])
    }

    /// All events up to the next one of any of these names.
    ///
    /// # Panics
    /// When the run ends before one comes.
    pub fn until_any(&mut self, names: &[&str]) -> Vec<Value> {
        let mut events: Vec<Value> = Vec::new();
        while events.last().is_none_or(|last| names.iter().all(|name| last["event"] != *name)) {
            let mut line = String::new();
            let read = self.lines.read_line(&mut line).expect("the miner writes UTF-8");
            assert!(read > 0, "the miner ended before its next of {names:?}");
            events.push(event(&line));
        }
        events
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        crate::signal(self.child.id(), name);
    }

    /// Waits for the end, and reads nothing more.
    pub fn end_unread(mut self) -> ExitStatus {
        self.child.wait().expect("a child can be waited for")
    }

    /// Waits for the end; all events that were not read before.
    pub fn end(mut self) -> (ExitStatus, Vec<Value>) {
        let lines = self.lines.by_ref().lines();
        let events = lines.map(|line| event(&line.expect("the miner writes UTF-8"))).collect();
        (self.child.wait().expect("a child can be waited for"), events)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself, and been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Kills a process unless what this returns is dropped in time: a test fails then, rather than wait for ever.
fn end_after(time: Duration, process: u32) -> Sender<()> {
    let (alive, ended) = channel::<()>();
    std::thread::spawn(move || {
        if ended.recv_timeout(time) == Err(RecvTimeoutError::Timeout) {
            crate::signal(process, "KILL");
        }
    });
    alive
}

fn event(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("`{line}` is no event: {error}"))
}
