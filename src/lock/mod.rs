//! A fair reader/writer lock with timeouts, for threads and for tasks.
//!
//! * [`queue`]: the policy. Who holds the lock, who waits, who is next; no threads, no clock.
//! * [`waiter`]: how a waiter learns that it was let in, and how it is woken.
//! * [`fair`]: the lock: a mutex around the policy, and what happens outside of it.
//!
//! **The policy.** Waiters are served in the order of arrival, adjacent readers together; a waiting
//! writer stops new readers. So neither readers nor writers can starve the other.
//!
//! **The protocol.** All transitions happen under the mutex; wake-ups happen after it is unlocked.
//!
//! 1. Whoever leaves lets the next in: the lock is theirs before they wake up, and nobody who wakes
//!    up has to compete again.
//! 2. Whoever gives up, because of its deadline or because its ticket is dropped, takes itself out
//!    of the queue and then does the same: those behind it may be able to enter now.
//! 3. Whoever gives up and finds that it was let in meanwhile has the lock: a late success.
//! 4. A task that was let in is *absent* until it runs and takes what it was given; this is counted,
//!    so that nobody waits in a loop for a task that may need the very same thread.
//!
//! The lock is not re-entrant, cannot be upgraded, and knows nothing of what it protects.

mod fair;
mod queue;
#[cfg(all(test, not(arcfs_loom)))]
mod tests;
mod waiter;

#[cfg(any(test, feature = "internals", feature = "tokio"))] // for those who wait without a thread
pub use fair::Ticket;
pub use fair::{FairLock, HasLock, TimedOut};
pub use queue::Mode;
#[cfg(any(test, feature = "internals", feature = "tokio"))] // for those who wait without a thread
pub use waiter::Wake;
