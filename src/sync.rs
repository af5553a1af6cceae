//! The one place where atomics, locks and parking come from.
//!
//! Ordinary builds take them from `std` and `parking_lot`; a build with `--cfg arcfs_loom` takes
//! them from loom, so that the models in `loom-tests/` run the production code. `Arc` is `std`'s
//! in both: the crate has no unsafe code that could misuse it.

#[cfg(not(arcfs_loom))]
pub mod atomic {
    //! Atomics of this build.
    pub use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering, fence};
}

#[cfg(arcfs_loom)]
pub mod atomic {
    //! Atomics of this build.
    pub use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering, fence};
}

#[cfg(not(arcfs_loom))]
mod real {
    use std::thread::Thread;
    use std::time::{Duration, Instant};

    pub use parking_lot::{Mutex, MutexGuard};

    /// Puts one thread to sleep and wakes it.
    ///
    /// As with [`std::thread::park`], a sleep may end for no reason, and a wake-up that comes before
    /// the sleep ends the next one at once: sleep in a loop that checks what is waited for.
    #[derive(Debug, Clone)]
    pub struct Parker(Thread);

    impl Parker {
        /// That of the calling thread.
        #[must_use]
        pub fn current() -> Self {
            Self(std::thread::current())
        }

        /// Sleeps until woken or until the deadline passes. Only its own thread may call this.
        pub fn park_until(&self, deadline: &Deadline) {
            debug_assert_eq!(self.0.id(), std::thread::current().id(), "a thread can only park itself");
            match deadline.0 {
                None => std::thread::park(),
                Some(at) => std::thread::park_timeout(at.saturating_duration_since(Instant::now())),
            }
        }

        /// Ends the sleep, or the next one.
        pub fn unpark(&self) {
            self.0.unpark();
        }
    }

    /// When a wait ends without success. `None` inside: never.
    #[derive(Debug, Clone)]
    pub struct Deadline(Option<Instant>);

    impl Deadline {
        /// A wait without end.
        #[cfg(any(test, feature = "internals"))]
        pub const NEVER: Self = Self(None);

        /// `None` waits for ever, zero only tries, a duration waits that long from now.
        /// A moment beyond what the clock can express is never.
        #[must_use]
        pub fn after(timeout: Option<Duration>) -> Self {
            Self(timeout.and_then(|timeout| Instant::now().checked_add(timeout)))
        }

        /// Whether it is too late to wait.
        #[must_use]
        pub fn has_passed(&self) -> bool {
            self.0.is_some_and(|at| at <= Instant::now())
        }
    }

    /// A point in time that knows its age.
    #[derive(Debug, Clone, Copy)]
    pub struct Moment(Instant);

    impl Moment {
        /// This one.
        #[must_use]
        pub fn now() -> Self {
            Self(Instant::now())
        }

        /// How long ago it was.
        #[must_use]
        pub fn elapsed(self) -> Duration {
            self.0.elapsed()
        }
    }
}

#[cfg(not(arcfs_loom))]
#[cfg_attr(
    not(feature = "internals"),
    allow(unused_imports, reason = "the counted tree alone keeps guards")
)]
pub use real::{Deadline, Moment, Mutex, MutexGuard, Parker};

#[cfg(arcfs_loom)]
mod modelled {
    use std::sync::{Arc, PoisonError};
    use std::time::Duration;

    pub use loom::sync::MutexGuard;

    /// A mutex without poisoning, like the one of ordinary builds.
    #[derive(Debug, Default)]
    pub struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        /// An unlocked mutex; only inside a model.
        #[must_use]
        pub fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        /// Waits until the mutex is free and locks it.
        pub fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        /// Locks the mutex if it is free.
        pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock().ok()
        }

        /// The value; no other reference exists.
        pub fn get_mut(&mut self) -> &mut T {
            self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
        }
    }

    /// Puts one thread to sleep and wakes it; see the one of ordinary builds.
    ///
    /// Not loom's `park`: a stray `unpark` would end the wait for a mutex there, which loom takes
    /// for an error. Loom lets each `Notify` end one sleep for no reason, so that is explored too.
    #[derive(Debug, Clone)]
    pub struct Parker(Arc<loom::sync::Notify>);

    impl Parker {
        /// A new one for the calling thread.
        #[must_use]
        pub fn current() -> Self {
            Self(Arc::new(loom::sync::Notify::new()))
        }

        /// Sleeps until woken or until the deadline passes.
        pub fn park_until(&self, deadline: &Deadline) {
            if deadline.watch(self) {
                self.0.wait();
            }
        }

        /// Ends the sleep, or the next one.
        pub fn unpark(&self) {
            self.0.notify();
        }
    }

    /// When a wait ends without success. No time passes in a model: a deadline is an event, and the
    /// model decides which thread makes it happen. Loom then explores it before, during and after
    /// everything else.
    #[derive(Debug, Clone)]
    pub struct Deadline(Expiry);

    #[derive(Debug, Clone)]
    enum Expiry {
        Never,
        Passed,
        Event(Arc<Mutex<Event>>),
    }

    /// One mutex for both, so that no sleeper can miss the event.
    #[derive(Debug, Default)]
    struct Event {
        fired: bool,
        sleepers: Vec<Parker>,
    }

    impl Deadline {
        /// A wait without end.
        pub const NEVER: Self = Self(Expiry::Never);

        /// Zero only tries; everything else waits for ever, because no time passes.
        #[must_use]
        pub fn after(timeout: Option<Duration>) -> Self {
            Self(if timeout == Some(Duration::ZERO) { Expiry::Passed } else { Expiry::Never })
        }

        /// One that passes when [`expire`](Self::expire) is called on it or on a clone.
        #[must_use]
        pub fn event() -> Self {
            Self(Expiry::Event(Arc::new(Mutex::new(Event::default()))))
        }

        /// Lets an event happen.
        ///
        /// # Panics
        ///
        /// If this is not an event.
        pub fn expire(&self) {
            let Expiry::Event(event) = &self.0 else { panic!("only an event can be made to happen") };
            let sleepers = {
                let mut event = event.lock();
                event.fired = true;
                std::mem::take(&mut event.sleepers)
            };
            for sleeper in sleepers {
                sleeper.unpark();
            }
        }

        /// Whether it is too late to wait.
        #[must_use]
        pub fn has_passed(&self) -> bool {
            match &self.0 {
                Expiry::Never => false,
                Expiry::Passed => true,
                Expiry::Event(event) => event.lock().fired,
            }
        }

        /// Wakes `sleeper` when the deadline passes; `false` if it has.
        fn watch(&self, sleeper: &Parker) -> bool {
            match &self.0 {
                Expiry::Never => true,
                Expiry::Passed => false,
                Expiry::Event(event) => {
                    let mut event = event.lock();
                    if !event.fired && !event.sleepers.iter().any(|known| Arc::ptr_eq(&known.0, &sleeper.0)) {
                        event.sleepers.push(sleeper.clone());
                    }
                    !event.fired
                }
            }
        }
    }

    /// A point in time; in a model there is only one.
    #[derive(Debug, Clone, Copy)]
    pub struct Moment;

    impl Moment {
        /// This one.
        #[must_use]
        pub fn now() -> Self {
            Self
        }

        /// No time passes in a model.
        #[must_use]
        pub fn elapsed(self) -> Duration {
            Duration::ZERO
        }
    }
}

#[cfg(arcfs_loom)]
pub use modelled::{Deadline, Moment, Mutex, MutexGuard, Parker};

/// As `std::thread_local`, one variable that is made by a constant expression. Loom runs the threads
/// of a model on one real thread, so they need variables of its own making.
macro_rules! thread_local_const {
    ($(#[$attribute:meta])* static $name:ident: $type:ty = $init:expr) => {
        #[cfg(not(arcfs_loom))]
        ::std::thread_local! {
            $(#[$attribute])*
            static $name: $type = const { $init };
        }
        #[cfg(arcfs_loom)]
        ::loom::thread_local! {
            $(#[$attribute])*
            static $name: $type = $init;
        }
    };
}
pub(crate) use thread_local_const;

/// Whether this drop belongs to a model that has already failed: loom's objects must not be touched
/// any more, a second panic would abort the process. Never so in ordinary builds.
#[inline]
#[must_use]
pub fn model_has_failed() -> bool {
    cfg!(arcfs_loom) && std::thread::panicking()
}

#[cfg(arcfs_loom)]
pub mod breaks {
    //! Deliberate breaks of the production code: each model of `loom-tests/` has one that makes it
    //! fail, which shows that the model can.

    use std::cell::Cell;

    /// One thing done wrongly on purpose.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Break {
        /// A waiter that sees its grant does not see what the owner before it did.
        LockGrantRelaxed,
        /// A writer is let in beside readers.
        LockWriterJoinsReaders,
        /// A new reader does not mind a waiting writer.
        LockReadersOvertake,
        /// Whoever gives up does not let those behind it in.
        LockTimeoutForgetsNext,
        /// A grant that races with the expiry is dropped instead of taken.
        LockExpiryDropsGrant,
        /// A waiter is woken before it is let in.
        LockWakesBeforeGrant,
        /// The waiter that came last is served first.
        LockServesLast,
        /// A ticket that is dropped after it was granted keeps the lock.
        LockCancelKeepsTurn,
        /// The table forgets a path although somebody else still uses its lock.
        OpenFilesForgetsUsers,
        /// The table keeps a path that nobody uses.
        OpenFilesKeepsEntry,
        /// A reservation is added first, then checked, then undone.
        ReserveAddsFirst,
        /// A reservation is stored over whatever was counted meanwhile.
        ReserveStoresBlindly,
        /// What comes back is stored over whatever was counted meanwhile.
        GiveBackStoresBlindly,
        /// The quota checks that an amount fits, and reserves it without looking again.
        QuotaChecksThenActs,
        /// The guard stores its debit over the debits of others.
        GuardTakesBlindly,
        /// A new reading forgets what was granted while it was made.
        GuardInstallsBlindly,
        /// Whoever gets the turn reads, however young the reading is.
        GuardRefreshesUnchecked,
        /// The time of a reading is published without its bytes.
        GuardPublishesRelaxed,
        /// A commit does not wait for its turn.
        CommitWithoutTurn,
        /// A commit applies its edits to a root that it loaded before it had its turn.
        CommitLoadsBeforeTurn,
        /// Each edit of a commit is published by itself.
        CommitPublishesEachEdit,
        /// A commit does not look for what it expects in the root that it replaces.
        CommitIgnoresExpectations,
        /// An append is put over whatever stands there, not only over what it was built from.
        AppendIgnoresBase,
        /// The cell takes the next root whatever it holds.
        CellSwapsBlindly,
        /// Whoever commits for others leaves their edits to the next one too.
        CombiningServesTwice,
        /// A tree is taken out of the graves while somebody still holds it.
        GravesFreeHeld,
        /// Trees are no longer counted while they are being freed.
        GravesForgetCount,
        /// Whoever sees that no trees are being freed does not see what was given back.
        GravesCountRelaxed,
        /// A sweep does not wait for another one to finish.
        GravesDoNotWait,
        /// A tree that is buried already is buried again.
        GravesBuryTwice,
        /// Whether a path is held is only looked at before the commit, not in the root that it replaces.
        HoldChecksBesideRoot,
        /// As `HoldChecksBesideRoot`, of one-shot writes alone.
        WriteIgnoresHold,
        /// As `HoldChecksBesideRoot`, of restoring alone.
        RestoreIgnoresHolds,
        /// A writer starts from the content that it saw before it waited for the lock.
        HoldKeepsEarlierContent,
        /// A hold keeps no room under the node limit for the file that it will create.
        HoldReservesNoNode,
        /// The lock of a file lets those who write in together.
        OpenersShareTheLock,
        /// The hold of a file ends first, its content is published afterwards.
        ReleaseInTwoRoots,
        /// The lock of a file is passed on before its hold ends.
        TurnPassedBeforeRelease,
        /// Who only tries does not wait until the owner of a lock has left, though nothing is held.
        LeavingOwnerIsBusy,
        /// A task that is polled with another waker is still woken by its first.
        TaskKeepsFirstWaker,
        /// A task looks whether it was let in before it says whom to wake, and not again.
        TaskLooksBeforeItSetsItsWaker,
        /// Who only tries waits for a task that was let in, though that may need the same thread.
        TryWaitsForTasks,
        /// A reader takes the root first and announces itself afterwards.
        ReaderAnnouncesAfterLoad,
        /// A reader announces itself and leaves in another reader's place.
        NestedReaderTakesThePlace,
        /// A reader does not fence between its announcement and its load.
        ReaderWithoutFence,
        /// Whoever sees the next reader's announcement does not see that the last one has left.
        ReaderAnnouncesRelaxed,
        /// A reader says which store it reads after it announced itself.
        ReaderNamesStoreLate,
        /// Whoever sees the next store in a place does not see that the last one was left.
        ReaderNamesStoreRelaxed,
        /// Whoever sees that a reader has left does not see that it has read.
        ReaderLeavesRelaxed,
        /// Whoever takes a place does not see that whoever left it has read.
        PlaceTakenRelaxed,
        /// Whoever claims a line does not see what its last owner did there.
        LineClaimedRelaxed,
        /// A reader says that it reads the newest version exactly, whatever it has loaded.
        ExactTakesNewest,
        /// The version of a root is published before the root.
        VersionBeforeRoot,
        /// Whoever looks for readers does not fence.
        ScanWithoutFence,
        /// An object is judged by the exact announcements alone.
        IntervalIgnoresCoarse,
        /// A line that is claimed is not counted among those that are looked at.
        LineNotCounted,
        /// A block of lines is published before it is made.
        BlockPublishedRelaxed,
        /// A line is claimed in two steps.
        LineClaimedInTwoSteps,
        /// Others are told of a version that was left before it is noted.
        LeftToldBeforeNoted,
        /// Whoever took the versions that were left says so after others may have noted more.
        LeftEmptiedLate,
        /// As the planted bug of the store: a commit frees what only the newest snapshot needs.
        CommitIgnoresNewest,
        /// The same: who drops a snapshot frees what an older one needs.
        DropIgnoresOlder,
        /// The same: what died is freed whoever still reads it.
        IgnoresReaders,
    }

    // A thread of std: loom runs all threads of a model on the one that started it, so that tests
    // that run side by side do not break one another.
    thread_local! {
        static CHOSEN: Cell<Option<Break>> = const { Cell::new(None) };
    }

    /// Whether the running model is to be broken in this way.
    #[must_use]
    pub fn is(which: Break) -> bool {
        CHOSEN.get() == Some(which)
    }

    /// Whether the running model is to be broken in the way of this name.
    #[must_use]
    pub fn is_called(name: &str) -> bool {
        CHOSEN.get().is_some_and(|chosen| format!("{chosen:?}") == name)
    }

    /// Runs `f` with the code broken in this way.
    pub fn with<T>(which: Break, f: impl FnOnce() -> T) -> T {
        struct Mend;
        impl Drop for Mend {
            fn drop(&mut self) {
                CHOSEN.set(None);
            }
        }
        CHOSEN.set(Some(which));
        let _mend = Mend;
        f()
    }
}

/// Whether the running model is to be broken in this way; a constant `false` in ordinary builds.
macro_rules! broken {
    ($which:ident) => {{
        #[cfg(arcfs_loom)]
        let broken = $crate::sync::breaks::is($crate::sync::breaks::Break::$which);
        #[cfg(not(arcfs_loom))]
        let broken = false;
        broken
    }};
}
pub(crate) use broken;

/// Lets other threads run.
pub fn yield_now() {
    #[cfg(not(arcfs_loom))]
    std::thread::yield_now();
    #[cfg(arcfs_loom)]
    loom::thread::yield_now();
}
