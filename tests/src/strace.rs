//! The miner under strace: one of its threads, or all, from a moment on that the test chooses.

use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::{Miner, script, skipped};

/// How long a thread of the miner may take to be there.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts the miner, says its process id, and becomes the strace of a thread of it when told which: many systems
/// let nobody trace a process but its own parent.
const SHELL: &str = r#"strace=$1 log=$2 options=$3; shift 3
"$@" 2>"$log.stderr" & echo $! >&2
read -r thread && exec "$strace" -o "$log" $options -p "$thread""#;

/// The path of an strace that may trace, as `scripts/strace` finds it.
///
/// `None`, said aloud under the name of the `test`, where this machine has none.
///
/// # Panics
/// With `CI=true` when there is none.
pub fn strace(test: &str) -> Option<PathBuf> {
    script("strace").map_err(|reason| skipped(test, &reason)).ok()
}

/// A miner that is, or is to be, under strace. Dropping it kills the miner.
pub struct Traced {
    shell: Child,
    commands: Option<ChildStdin>,
    /// What the shell says, and strace after it.
    messages: BufReader<ChildStderr>,
    output: BufReader<ChildStdout>,
    process: u32,
}

impl Traced {
    /// Starts the miner, with one thread for all that waits for the network. The trace to come, with strace's
    /// `options`, goes to the file `log`, what the miner says on stderr to one beside it that ends in `.stderr`.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(strace: &Path, miner: &Miner, log: &Path, options: &str) -> Self {
        let miner = miner.command();
        let mut shell = Command::new("sh");
        for (name, value) in miner.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        let mut shell = shell
            .env("TOKIO_WORKER_THREADS", "1")
            .args(["-c", SHELL, "sh"])
            .args([strace, log, Path::new(options), Path::new(miner.get_program())])
            .args(miner.get_args())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("every system has a shell");
        let commands = shell.stdin.take();
        let mut messages = BufReader::new(shell.stderr.take().expect("stderr is piped"));
        let output = BufReader::new(shell.stdout.take().expect("stdout is piped"));
        let process = line(&mut messages).parse().expect("the shell says the process id");
        Self { shell, commands, messages, output, process }
    }

    /// The number of the thread of this name, counted from 0 where several have it.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn thread(&self, name: &str, number: usize) -> u32 {
        let begin = Instant::now();
        loop {
            if let Some((thread, _)) = self.threads().iter().filter(|(_, found)| found == name).nth(number) {
                return *thread;
            }
            assert!(begin.elapsed() < PATIENCE, "{:?} lacks {name} {number}", self.threads());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The threads by their numbers and names, in the order in which they began, which the system lists them in. The
    /// numbers start anew when they have become too large.
    pub fn threads(&self) -> Vec<(u32, String)> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.process)).into_iter().flatten().flatten();
        let name = |task: &Path| Some(std::fs::read_to_string(task.join("comm")).ok()?.trim().to_owned());
        let number = |task: &Path| task.file_name()?.to_str()?.parse().ok();
        tasks.filter_map(|task| Some((number(&task.path())?, name(&task.path())?))).collect()
    }

    /// Puts a thread under strace; with `-f` among its options all others too. Returns when it is.
    ///
    /// # Panics
    /// When strace cannot.
    pub fn attach(&mut self, thread: u32) {
        let commands = self.commands.as_mut().expect("they end with the miner");
        writeln!(commands, "{thread}").expect("the shell waits for it");
        let said = line(&mut self.messages);
        assert!(said.contains("attached"), "strace: {said}");
    }

    /// The next line that the miner says on stdout; `None` when it has ended.
    pub fn next_line(&mut self) -> Option<String> {
        Some(line(&mut self.output)).filter(|line| !line.is_empty())
    }

    /// Ends the miner by a signal (KILL at once, INT in good order), if it still runs, and waits until strace has
    /// seen its end.
    pub fn end(mut self, signal: &str) {
        self.send(signal);
    }

    fn send(&mut self, signal: &str) {
        // A shell that waits for a thread's number ends with this.
        self.commands = None;
        // It may have ended by itself.
        let kill = ["-c", "kill -s \"$1\" \"$2\" 2>/dev/null", "sh", signal, &self.process.to_string()];
        let _ = Command::new("sh").args(kill).status();
        self.shell.wait().expect("a child can be waited for");
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        if matches!(self.shell.try_wait(), Ok(None)) {
            self.send("KILL");
        }
    }
}

/// The next line without its end; nothing at the end of all.
fn line(reader: &mut impl std::io::BufRead) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).expect("all that is said is UTF-8");
    line.trim_end().to_owned()
}
