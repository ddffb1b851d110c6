//! Ctrl-C and SIGTERM: the first ends the run in good order, a second Ctrl-C at once.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Code;

pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    asked: bool,
}

impl Signals {
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            asked: false,
        })
    }

    /// Waits for the first signal; ends the process at a later Ctrl-C.
    pub(crate) async fn asked_to_stop(&mut self) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => {
                    if self.asked {
                        std::process::exit(Code::Interrupted as i32);
                    }
                }
                _ = self.terminate.recv() => if self.asked { continue },
            }
            self.asked = true;
            return;
        }
    }
}
