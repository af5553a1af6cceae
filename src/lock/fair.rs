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
    /// Protects who holds the lock and who waits. Nothing is waited for, no waker is run or dropped,
    /// and no foreign code is called while it is locked.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queue: Queue<Waiter>,
    /// How many tasks have been let in and have not run since. A thread that was let in comes by
    /// itself; a task comes when somebody polls it, which may be nobody for as long as we wait.
    absent: usize,
}

impl FairLock {
    /// A lock that is free.
    #[must_use]
    pub fn new() -> Self {
        Self { state: Mutex::new(State::default()) }
    }

    /// Acquires the lock if it is free and nobody waits for it.
    #[must_use]
    pub fn try_acquire(&self, mode: Mode) -> bool {
        self.state.lock().queue.try_enter(mode)
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
        self.change(|state, woken| state.queue.leave(mode, |waiter| woken.admit_locked(waiter)));
    }

    /// Whether it belongs to a task that was let in while it waited and has not run since.
    #[must_use]
    pub fn is_given_to_a_task(&self) -> bool {
        self.state.lock().absent > 0
    }

    /// How many wait.
    #[cfg(any(test, feature = "internals"))]
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.state.lock().queue.waiting()
    }

    /// Whether `place` was still waiting, and so does not hold the lock.
    fn withdraw(&self, place: Place) -> bool {
        let withdrawn =
            self.change(|state, woken| state.queue.withdraw(place, |waiter| woken.admit_locked(waiter)));
        withdrawn.is_some()
    }

    /// Changes who holds the lock and who waits, and wakes those who were let in by that.
    fn change<R>(&self, change: impl FnOnce(&mut State, &mut WakeList) -> R) -> R {
        let mut woken = WakeList::default();
        let mut state = self.state.lock();
        let result = change(&mut state, &mut woken);
        state.absent += woken.tasks();
        drop(state);
        woken.wake_all();
        result
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
    /// Whether it is a task that waits.
    is_task: bool,
    grant: Arc<Grant>,
}

impl<L: HasLock> Ticket<L> {
    /// Queues up for `lock`; see [`FairLock::enqueue`].
    #[must_use]
    pub fn new(lock: L, mode: Mode, wake: Arc<dyn Wake>) -> Self {
        let (grant, is_task) = (Arc::new(Grant::new()), wake.is_task());
        let waiter = Waiter { grant: Arc::clone(&grant), wake };
        let mut state = lock.fair_lock().state.lock();
        let place = if state.queue.try_enter(mode) {
            grant.set();
            None
        } else {
            Some(state.queue.enqueue(mode, waiter))
        };
        drop(state);
        Self { lock: Some(lock), mode, place, is_task, grant }
    }

    /// What keeps the lock alive; there for as long as a caller has the ticket.
    #[cfg(any(test, feature = "internals", feature = "tokio"))]
    pub fn lock(&self) -> Option<&L> {
        self.lock.as_ref()
    }

    /// Whether the lock has been handed to this ticket.
    #[must_use]
    pub fn is_granted(&self) -> bool {
        self.grant.is_set()
    }

    /// Wakes `wake`, of the same kind, instead of the one before. `false`: the ticket is granted
    /// already, and `wake` will not be called.
    #[cfg(any(test, feature = "internals", feature = "tokio"))]
    #[must_use = "nothing is woken if the ticket is granted already"]
    pub fn set_wake(&self, mut wake: Arc<dyn Wake>) -> bool {
        debug_assert_eq!(self.is_task, wake.is_task(), "a thread does not become a task");
        let (Some(lock), Some(place)) = (&self.lock, self.place) else { return false };
        let mut state = lock.fair_lock().state.lock();
        let waiter = state.queue.waiter_mut(place);
        let waits = waiter.map(|waiter| std::mem::swap(&mut waiter.wake, &mut wake)).is_some();
        drop(state);
        drop(wake); // the one before, or the one that came too late: foreign code either way
        waits
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
        match self.lock.take() {
            Some(lock) => {
                self.arrive(&lock);
                Ok(lock)
            }
            None => Err(self),
        }
    }

    /// Stops waiting. `Some`: the lock was granted before, and the caller releases it from now on.
    #[must_use = "the lock may have been granted"]
    pub fn give_up(mut self) -> Option<L> {
        let lock = self.lock.take()?;
        let waited = self.place.is_some_and(|place| lock.fair_lock().withdraw(place));
        if !waited {
            self.arrive(&lock);
        }
        (!waited && !broken!(LockExpiryDropsGrant)).then_some(lock)
    }

    /// The ticket was granted, and whoever has it is here to see that.
    fn arrive(&self, lock: &L) {
        if self.is_task && self.place.is_some() {
            lock.fair_lock().state.lock().absent -= 1;
        }
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
            self.arrive(lock);
            lock.fair_lock().release(self.mode);
        }
    }
}

impl<L: HasLock> fmt::Debug for Ticket<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("mode", &self.mode).field("granted", &self.is_granted()).finish()
    }
}
