//! What a task owes the others: work that takes long leaves the task, work that is short but never
//! ends is counted against its share.

use std::future::poll_fn;
use std::panic::resume_unwind;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::task::coop::{consume_budget, poll_proceed};

use crate::error::{Error, ErrorKind, Result};
use crate::usage::Usage;

/// The nodes that a call may visit where it is; about 100 µs.
const FEW: u64 = 1024;

/// A copy of that many bytes takes one more unit of a task's share.
pub const PIECE: usize = 64 << 10;

/// Begins a call that does not wait: takes one unit of the share that tokio gives a task at a time,
/// and lets others run if there is none left. This is before the call does anything.
pub async fn share() {
    consume_budget().await;
}

/// As [`share`], for one who is polled.
pub fn poll_share(cx: &mut Context<'_>) -> Poll<()> {
    poll_proceed(cx).map(|unit| unit.made_progress())
}

/// Takes from the share what a copy of `bytes` is worth, as far as there is any left. Never suspends, so
/// that a call whose work is done is never one that was cancelled.
pub fn count(cx: &mut Context<'_>, bytes: usize) {
    for _ in 0..bytes / PIECE {
        if poll_share(cx).is_pending() {
            return;
        }
    }
}

/// As [`count`].
pub async fn counted(bytes: usize) {
    if bytes >= PIECE {
        poll_fn(|cx| {
            count(cx, bytes);
            Poll::Ready(())
        })
        .await;
    }
}

/// Whether a call that visits all of that takes so long that it should leave the task.
pub fn is_large(usage: &Usage) -> bool {
    let pieces = usage.bytes / PIECE as u64;
    usage.files.saturating_add(usage.dirs).saturating_add(pieces) > FEW
}

/// Work on another thread. Dropped before the work has begun, it does not begin.
struct Errand<T>(JoinHandle<T>);

impl<T> Drop for Errand<T> {
    fn drop(&mut self) {
        self.0.abort(); // changes nothing where the work has begun
    }
}

/// Runs `work` on a thread that is there for such work, and waits for it as a task; outside of a
/// runtime, where it is.
pub async fn off_task<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let Ok(runtime) = Handle::try_current() else { return work() };
    let mut errand = Errand(runtime.spawn_blocking(work));
    match (&mut errand.0).await {
        Ok(outcome) => outcome,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_) => {
                let why = "the runtime shut down before the work could begin, and nothing was done";
                Err(Error::new(ErrorKind::Other).because(why))
            }
        },
    }
}
