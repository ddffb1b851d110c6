//! Lines on their way to stdout, on a thread of their own: whoever reads them slowly, or not at all (a terminal that is
//! scrolled back, a log collector that hangs), holds up no mining.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// How many lines may wait: hours of a common run, and some megabytes.
const WAITING: usize = 10_000;
/// How long the end of a run waits for one more line to be read.
const PATIENCE: Duration = Duration::from_secs(3);

/// Lines that are written as fast as they are read. Dropping it waits for the last one, as long as somebody reads.
#[derive(Debug)]
pub(super) struct Lines {
    /// Gone as soon as there will be no more.
    waiting: Option<SyncSender<String>>,
    /// Whether one more was written since the last look; hung up by a writer that has ended.
    written: Receiver<()>,
    is_closed: Arc<AtomicBool>,
}

impl Lines {
    /// Lines for `out`.
    pub(super) fn to(out: impl Write + Send + 'static) -> io::Result<Self> {
        let (waiting, lines) = sync_channel(WAITING);
        let (more, written) = sync_channel(1);
        let is_closed = Arc::new(AtomicBool::new(false));
        let closed = is_closed.clone();
        let write = move || write(lines, out, &closed, &more);
        thread::Builder::new().name("stdout".to_owned()).spawn(write)?;
        Ok(Self { waiting: Some(waiting), written, is_closed })
    }

    /// Adds a line, unless too many wait already.
    #[must_use]
    pub(super) fn add(&self, line: String) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.try_send(line).is_ok())
    }

    /// Whether nobody will ever read any more.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.waiting = None;
        while self.written.recv_timeout(PATIENCE).is_ok() {}
    }
}

/// Writes until there are no more lines or nobody will read them.
fn write(lines: Receiver<String>, mut out: impl Write, is_closed: &AtomicBool, written: &SyncSender<()>) {
    for line in lines {
        if writeln!(out, "{line}").is_err() {
            return is_closed.store(true, Ordering::Relaxed);
        }
        // A look that is still to come sees the last one, too.
        let _ = written.try_send(());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    /// Lets each write wait for a permit, for ever where none comes; and passes on what is written.
    struct Reader {
        permits: Receiver<()>,
        read: Sender<Vec<u8>>,
    }

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.permits.recv().map_err(io::Error::other)?;
            self.read.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines() -> (Lines, Sender<()>, Receiver<Vec<u8>>) {
        let ((permit, permits), (read, written)) = (channel(), channel());
        (Lines::to(Reader { permits, read }).unwrap(), permit, written)
    }

    #[test]
    fn a_reader_that_pauses_gets_what_waited_in_order_and_holds_nobody_up() {
        let (lines, permit, written) = lines();
        let kept = (0..).take_while(|number: &usize| lines.add(number.to_string())).count();
        assert!(
            (WAITING..=WAITING + 1).contains(&kept),
            "{kept} lines wait, one of them perhaps half written"
        );
        (0..4 * kept).for_each(|_| permit.send(()).unwrap());
        drop(lines);
        let text = String::from_utf8(written.iter().flatten().collect()).unwrap();
        assert!(text.lines().eq((0..kept).map(|number| number.to_string())));
    }

    #[test]
    fn what_nobody_reads_any_more_is_closed() {
        let (lines, permit, written) = lines();
        assert!(lines.add("one".to_owned()) && !lines.is_closed());
        drop((permit, written));
        while !lines.is_closed() {
            thread::yield_now();
        }
    }
}
