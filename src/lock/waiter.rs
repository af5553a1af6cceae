//! How a waiter learns that it was let in, and how it is woken.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Parker, broken, model_has_failed};

/// Somebody who sleeps until a lock is theirs. One trait for threads and tasks, so that both wait
/// in one queue.
pub trait Wake: Send + Sync {
    /// Ends the sleep, or the next one. May come late, and for no reason.
    fn wake(&self);

    /// Whether it is a task that sleeps: something that runs only when somebody polls it. Called
    /// while the lock's mutex is locked, so it only answers.
    fn is_task(&self) -> bool {
        false
    }
}

impl Wake for Parker {
    fn wake(&self) {
        self.unpark();
    }
}

impl Wake for std::task::Waker {
    fn wake(&self) {
        self.wake_by_ref();
    }

    fn is_task(&self) -> bool {
        true
    }
}

/// Whether a waiter was let in: written once, under the lock's mutex, read by the waiter without it.
///
/// Ordering: `set` releases and `is_set` acquires, so the waiter sees what the owners before it did
/// without locking the mutex again. Model: `lock::writers_exclude_each_other`.
#[derive(Debug)]
pub struct Grant(AtomicBool);

impl Grant {
    /// Not let in yet.
    pub fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Lets the waiter in.
    pub fn set(&self) {
        self.0.store(true, if broken!(LockGrantRelaxed) { Ordering::Relaxed } else { Ordering::Release });
    }

    /// Whether the waiter was let in.
    pub fn is_set(&self) -> bool {
        self.0.load(if broken!(LockGrantRelaxed) { Ordering::Relaxed } else { Ordering::Acquire })
    }
}

/// What the queue keeps of a waiter.
pub struct Waiter {
    /// Shared with the waiter.
    pub grant: Arc<Grant>,
    /// Whom to wake after the grant.
    pub wake: Arc<dyn Wake>,
}

/// Those to wake once the mutex is unlocked: wakers are foreign code and may take their time, come
/// back to the lock, or panic. A waker that panics takes nobody else's wake-up with it.
#[derive(Default)]
pub struct WakeList {
    sleepers: VecDeque<Arc<dyn Wake>>,
    tasks: usize,
}

impl WakeList {
    /// Lets `waiter` in; the caller holds the mutex.
    pub fn admit_locked(&mut self, waiter: Waiter) {
        self.tasks += usize::from(waiter.wake.is_task());
        if broken!(LockWakesBeforeGrant) {
            waiter.wake.wake();
            waiter.grant.set();
            return;
        }
        waiter.grant.set();
        self.sleepers.push_back(waiter.wake);
    }

    /// How many of those that were let in are tasks.
    pub fn tasks(&self) -> usize {
        self.tasks
    }

    /// Wakes everybody on the list; the caller does not hold the mutex.
    pub fn wake_all(mut self) {
        self.wake_rest();
    }

    fn wake_rest(&mut self) {
        while let Some(sleeper) = self.sleepers.pop_front() {
            sleeper.wake();
        }
    }
}

impl Drop for WakeList {
    fn drop(&mut self) {
        if !model_has_failed() {
            self.wake_rest(); // something is left only after a panic
        }
    }
}
