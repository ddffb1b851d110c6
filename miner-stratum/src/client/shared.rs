//! What a client's handles and tasks share: the book, and the two ways of saying that something happened.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use miner_core::Share;
use tokio::sync::{mpsc, watch};

use super::event::ClientEvent;
use super::shares::Book;

/// Behind every handle and task of one client.
#[derive(Debug)]
pub(super) struct Shared {
    book: Mutex<Book>,
    events: mpsc::UnboundedSender<ClientEvent>,
    /// Changes whenever the book may have something for a connection, or for who waits for it to be empty.
    changed: watch::Sender<()>,
}

impl Shared {
    pub(super) fn new(events: mpsc::UnboundedSender<ClientEvent>) -> Self {
        Self { book: Mutex::default(), events, changed: watch::Sender::new(()) }
    }

    /// Does something with the book and tells what came of it.
    pub(super) fn book<R>(&self, work: impl FnOnce(&mut Book) -> R) -> R {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let result = work(&mut book);
        // Told under the lock, so that the order of events is that of the ledger.
        let events = book.take_events();
        let ended = !events.is_empty();
        events.into_iter().for_each(|event| self.tell(event));
        drop(book);
        if ended {
            self.changed.send_replace(());
        }
        result
    }

    pub(super) fn submit(&self, share: Share, device: Arc<str>) {
        self.book(|book| book.found(share, device));
        self.changed.send_replace(());
    }

    pub(super) fn tell(&self, event: ClientEvent) {
        // Nobody listens any more: then nobody misses it.
        let _ = self.events.send(event);
    }

    /// Wakes whenever a share was found or ended.
    pub(super) fn wake(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Waits until all shares have ended, at most so long, and ends those that are left.
    pub(super) async fn drain(&self, patience: Duration, reason: &'static str) {
        let mut changed = self.wake();
        let emptied =
            async { while !self.book(|book| book.is_empty()) && changed.changed().await.is_ok() {} };
        // What did not make it in time is counted as such.
        let _ = tokio::time::timeout(patience, emptied).await;
        self.book(|book| book.close(reason));
    }
}
