//! Waiting for the lock of a path without a thread.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::{Interest, OpenFiles, Turn, WaitError};
use crate::lock::{Mode, Ticket, Wake};
use crate::sync::{Moment, broken};

impl OpenFiles {
    /// Queues up for the lock of `path` without waiting: `wake` is called once it is the ticket's.
    #[must_use]
    pub fn enqueue(&self, path: &str, mode: Mode, wake: Arc<dyn Wake>) -> Pending {
        Pending { ticket: Ticket::new(self.join(path), mode, wake), mode, since: Moment::now() }
    }

    /// Waits for the lock of `path` as a task, behind everybody who came before the first poll.
    pub fn wait<'a>(&'a self, path: &'a str, mode: Mode) -> Waiting<'a> {
        Waiting { open_files: self, path, mode, queued: None }
    }
}

/// A turn that is waited for without a thread. Dropping it gives the turn up.
pub struct Pending {
    ticket: Ticket<Interest>,
    mode: Mode,
    since: Moment,
}

impl Pending {
    /// Whether the lock is there to be taken.
    #[cfg(any(test, feature = "internals"))]
    #[must_use]
    pub fn is_granted(&self) -> bool {
        self.ticket.is_granted()
    }

    /// Wakes `wake` instead of the one before. `false`: the lock is there already, and `wake` will
    /// not be called.
    #[must_use = "nothing is woken if the lock is there already"]
    pub fn set_wake(&self, wake: Arc<dyn Wake>) -> bool {
        self.ticket.set_wake(wake)
    }

    /// Takes the lock if it is there. The thread that calls this is named as its holder.
    ///
    /// # Errors
    ///
    /// What is still waited for.
    pub fn take(self) -> Result<Turn, Self> {
        let Self { ticket, mode, since } = self;
        match ticket.take() {
            Ok(interest) => Ok(Turn::begin(interest, mode)),
            Err(ticket) => Err(Self { ticket, mode, since }),
        }
    }

    /// Stops waiting; a lock that is there already is taken.
    ///
    /// # Errors
    ///
    /// How long was waited, and for whom.
    pub fn give_up(self) -> Result<Turn, WaitError> {
        let holder = self.ticket.lock().and_then(|interest| interest.entry.holder());
        match self.ticket.give_up() {
            Some(interest) => Ok(Turn::begin(interest, self.mode)),
            None => Err(WaitError { waited: self.since.elapsed(), holder }),
        }
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}

/// A task's wait for the lock of a path, as a future. Its place in the queue is that of its first
/// poll, and stays the same whoever polls it later. Dropping it gives the turn up.
#[must_use = "nothing is waited for unless it is polled"]
pub struct Waiting<'a> {
    open_files: &'a OpenFiles,
    path: &'a str,
    mode: Mode,
    /// From the first poll on, with the waker that will be woken; `None` again when it is over.
    queued: Option<(Pending, Waker)>,
}

impl Waiting<'_> {
    /// Stops waiting; a lock that is there already is taken.
    ///
    /// # Errors
    ///
    /// How long was waited, and for whom.
    pub fn give_up(self) -> Result<Turn, WaitError> {
        match self.queued {
            Some((pending, _)) => pending.give_up(),
            None => self.open_files.try_acquire(self.path, self.mode).ok_or_else(|| WaitError {
                waited: std::time::Duration::ZERO,
                holder: self.open_files.describe(self.path),
            }),
        }
    }
}

impl Future for Waiting<'_> {
    type Output = Turn;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Turn> {
        let this = self.get_mut();
        let wake = || -> Arc<dyn Wake> { Arc::new(cx.waker().clone()) };
        let (pending, waker) = match this.queued.take() {
            None => match this.open_files.try_acquire(this.path, this.mode) {
                Some(turn) => return Poll::Ready(turn),
                None => (this.open_files.enqueue(this.path, this.mode, wake()), cx.waker().clone()),
            },
            Some((pending, waker)) if waker.will_wake(cx.waker()) || broken!(TaskKeepsFirstWaker) => {
                (pending, waker)
            }
            Some((pending, _)) if broken!(TaskLooksBeforeItSetsItsWaker) => match pending.take() {
                Ok(turn) => return Poll::Ready(turn),
                Err(pending) => {
                    let _ = pending.set_wake(wake());
                    this.queued = Some((pending, cx.waker().clone()));
                    return Poll::Pending;
                }
            },
            // Set first, then look: whoever is let in after the look wakes the new one.
            Some((pending, _)) => {
                let _granted = !pending.set_wake(wake());
                (pending, cx.waker().clone())
            }
        };
        match pending.take() {
            Ok(turn) => Poll::Ready(turn),
            Err(pending) => {
                this.queued = Some((pending, waker));
                Poll::Pending
            }
        }
    }
}

impl fmt::Debug for Waiting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting").field("path", &self.path).field("mode", &self.mode).finish_non_exhaustive()
    }
}
