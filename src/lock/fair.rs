//! The lock: a mutex around the policy, and what happens outside of it.

use std::fmt;
use std::sync::Arc;

use super::queue::{Mode, Place, Queue};
use super::waiter::{Grant, Waiter, Wake, WakeList};
use crate::sync::{Deadline, Mutex, Parker, broken, model_has_failed};

/// A wait ended before the lock was free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimedOut;

/// A fair reader/writer lock with timeouts. The policy and the protocol are told in `lock`.
///
/// It protects nothing by itself: whoever acquires it releases it, in the same mode and on whatever
/// thread. A free lock costs one locked mutex to acquire and one to release, and no allocation.
pub struct FairLock {
    /// Protects the queue, so who holds the lock. Nothing is waited for, no waker is run or dropped,
    /// and no foreign code is called while it is locked.
    queue: Mutex<Queue<Waiter>>,
}

impl FairLock {
    /// A lock that is free.
    #[must_use]
    pub fn new() -> Self {
        Self { queue: Mutex::new(Queue::new()) }
    }

    /// Acquires the lock if it is free and nobody waits for it.
    #[must_use]
    pub fn try_acquire(&self, mode: Mode) -> bool {
        self.queue.lock().try_enter(mode)
    }

    /// Acquires the lock, waiting behind everybody who came before until the deadline passes.
    ///
    /// A deadline that has passed already only tries. One that passes at the moment when the lock
    /// is handed over may come too late: then the lock is acquired.
    ///
    /// # Errors
    ///
    /// [`TimedOut`] if the deadline passed first.
    pub fn acquire(&self, mode: Mode, deadline: &Deadline) -> Result<(), TimedOut> {
        if self.try_acquire(mode) {
            return Ok(());
        }
        if deadline.has_passed() {
            return Err(TimedOut);
        }
        let parker = Parker::current();
        let mut ticket = self.enqueue(mode, Arc::new(parker.clone()));
        loop {
            ticket = match ticket.take() {
                Ok(_) => return Ok(()),
                Err(waiting) => waiting,
            };
            if deadline.has_passed() {
                return ticket.give_up().map(|_| ()).ok_or(TimedOut);
            }
            parker.park_until(deadline);
        }
    }

    /// Queues up without waiting: `wake` is called once the lock has been handed to the ticket.
    #[must_use]
    pub fn enqueue(&self, mode: Mode, wake: Arc<dyn Wake>) -> Ticket<&Self> {
        Ticket::new(self, mode, wake)
    }

    /// Gives the lock back, and hands it to whoever is next.
    ///
    /// The caller holds it in this mode.
    pub fn release(&self, mode: Mode) {
        let mut woken = WakeList::default();
        self.queue.lock().leave(mode, |waiter| woken.admit_locked(waiter));
        woken.wake_all();
    }

    /// How many wait.
    #[cfg(any(test, feature = "internals"))]
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.lock().waiting()
    }

    /// Whether `place` was still waiting, and so does not hold the lock.
    fn withdraw(&self, place: Place) -> bool {
        let mut woken = WakeList::default();
        let withdrawn = self.queue.lock().withdraw(place, |waiter| woken.admit_locked(waiter));
        woken.wake_all();
        withdrawn.is_some()
    }
}

impl Default for FairLock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for FairLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FairLock").finish_non_exhaustive()
    }
}

/// Something that keeps a lock alive: a reference, an `Arc`, or a handle to what contains it.
pub trait HasLock {
    /// The lock; always the same one.
    fn fair_lock(&self) -> &FairLock;
}

impl HasLock for &FairLock {
    fn fair_lock(&self) -> &FairLock {
        self
    }
}

impl HasLock for Arc<FairLock> {
    fn fair_lock(&self) -> &FairLock {
        self
    }
}

/// A turn in the queue of a lock: waiting, or granted and not taken yet.
///
/// Dropping it gives the turn up; if it was granted already, the lock goes to whoever is next.
pub struct Ticket<L: HasLock> {
    /// `None` once the turn was taken or given up.
    lock: Option<L>,
    mode: Mode,
    /// `None` if the lock was free at once.
    place: Option<Place>,
    grant: Arc<Grant>,
}

impl<L: HasLock> Ticket<L> {
    /// Queues up for `lock`; see [`FairLock::enqueue`].
    #[must_use]
    pub fn new(lock: L, mode: Mode, wake: Arc<dyn Wake>) -> Self {
        let grant = Arc::new(Grant::new());
        let waiter = Waiter { grant: Arc::clone(&grant), wake };
        let mut queue = lock.fair_lock().queue.lock();
        let place = if queue.try_enter(mode) {
            grant.set();
            None
        } else {
            Some(queue.enqueue(mode, waiter))
        };
        drop(queue);
        Self { lock: Some(lock), mode, place, grant }
    }

    /// What keeps the lock alive; there for as long as a caller has the ticket.
    #[cfg(any(test, feature = "internals"))]
    pub fn lock(&self) -> Option<&L> {
        self.lock.as_ref()
    }

    /// Whether the lock has been handed to this ticket.
    #[must_use]
    pub fn is_granted(&self) -> bool {
        self.grant.is_set()
    }

    /// Wakes `wake` instead of the one before. `false`: the ticket is granted already, and `wake`
    /// will not be called.
    #[cfg(any(test, feature = "internals"))]
    #[must_use = "nothing is woken if the ticket is granted already"]
    pub fn set_wake(&self, wake: Arc<dyn Wake>) -> bool {
        let (Some(lock), Some(place)) = (&self.lock, self.place) else { return false };
        let mut queue = lock.fair_lock().queue.lock();
        let before = queue.waiter_mut(place).map(|waiter| std::mem::replace(&mut waiter.wake, wake));
        drop(queue); // before the waker, which is foreign code
        before.is_some()
    }

    /// Takes the lock if it was granted; the caller releases it from now on.
    ///
    /// # Errors
    ///
    /// The ticket itself, still waiting.
    pub fn take(mut self) -> Result<L, Self> {
        if !self.is_granted() {
            return Err(self);
        }
        self.lock.take().ok_or(self)
    }

    /// Stops waiting. `Some`: the lock was granted before, and the caller releases it from now on.
    #[must_use = "the lock may have been granted"]
    pub fn give_up(mut self) -> Option<L> {
        let lock = self.lock.take()?;
        let waited = self.place.is_some_and(|place| lock.fair_lock().withdraw(place));
        (!waited && !broken!(LockExpiryDropsGrant)).then_some(lock)
    }
}

impl<L: HasLock> Drop for Ticket<L> {
    fn drop(&mut self) {
        if model_has_failed() {
            return;
        }
        let Some(lock) = &self.lock else { return };
        let waited = self.place.is_some_and(|place| lock.fair_lock().withdraw(place));
        if !waited && !broken!(LockCancelKeepsTurn) {
            lock.fair_lock().release(self.mode);
        }
    }
}

impl<L: HasLock> fmt::Debug for Ticket<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("mode", &self.mode).field("granted", &self.is_granted()).finish()
    }
}
