//! The async runtime of a command, which does not outlive what it was started for.

use std::time::Duration;

use tokio::runtime::Runtime;

/// How long the end waits for what the system has not answered by then: a disk, a resolver of names.
const PATIENCE: Duration = Duration::from_secs(2);

/// What comes of `work`, on a runtime of its own.
pub(crate) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = Runtime::new()?;
    let result = runtime.block_on(work);
    runtime.shutdown_timeout(PATIENCE);
    result
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_look_up_that_hangs_is_left_behind() {
        // Hangs for as long as the test holds the other end.
        let (held, hangs) = channel::<()>();
        let ((begin, begun), work) = (channel(), async { Ok("done") });
        let result = block_on(async move {
            tokio::task::spawn_blocking(move || (begin.send(()), hangs.recv()));
            begun.recv()?;
            work.await
        });
        assert_eq!(result.unwrap(), "done");
        drop(held);
    }
}
