//! Models of the fair lock and of the table of open files. They run the production types.
//!
//! ```text
//! RUSTFLAGS="--cfg arcfs_loom" LOOM_MAX_PREEMPTIONS=2 \
//!     cargo test --release --target-dir target/loom -p arcfs-loom-tests --test lock
//! ```
//!
//! Each model is a function with the claim as its name, run by two tests: as it is, and with the
//! production code broken in the way that the model is there to notice.
//!
//! What they do not show: anything beyond the bound on preemptions, and anything about time. A
//! deadline is an event here, and one of the threads makes it happen.
#![cfg(arcfs_loom)]

use std::sync::atomic::AtomicUsize as Tally;
use std::sync::{Arc, Mutex};

use arcfs::internals::breaks::Break;
use arcfs::internals::{Deadline, FairLock, Mode, OpenFiles, Ticket, TimedOut, Wake};
use arcfs_loom_tests::{expect_model_to_fail, model};
use loom::sync::Notify;
use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::thread;

/// Runs each model as it is, and broken; then one of the messages must appear in what it says.
macro_rules! models {
    ($($name:ident breaks with $break:ident: $($seen:literal)|+;)*) => {
        mod holds {
            $(#[test] fn $name() { super::model(super::$name) })*
        }
        mod notices {
            $(#[test] fn $name() {
                let seen = super::expect_model_to_fail(super::Break::$break, super::$name);
                assert!([$($seen),+].iter().any(|expected| seen.contains(expected)), "{seen}");
            })*
        }
    };
}

models! {
    writers_exclude_each_other breaks with LockGrantRelaxed: "a write was lost";
    a_writer_excludes_readers breaks with LockWriterJoinsReaders: "half a write" | "no writer can leave";
    readers_do_not_overtake_a_waiting_writer breaks with LockReadersOvertake: "out of turn";
    a_writer_that_times_out_lets_readers_in breaks with LockTimeoutForgetsNext: "deadlock";
    an_expiry_that_races_with_a_grant_loses_nothing breaks with LockExpiryDropsGrant: "belongs to nobody";
    of_two_writers_one_expires_and_the_other_enters breaks with LockExpiryDropsGrant: "deadlock";
    no_wake_up_is_lost breaks with LockWakesBeforeGrant: "deadlock";
    three_waiters_are_served_in_order breaks with LockServesLast: "out of turn";
    a_cancelled_ticket_hands_on breaks with LockCancelKeepsTurn: "deadlock";
    turns_of_one_path_exclude_each_other breaks with OpenFilesForgetsUsers: "a write was lost";
    the_table_forgets_unused_paths breaks with OpenFilesKeepsEntry: "nobody uses";
}

fn lock() -> Arc<FairLock> {
    Arc::new(FairLock::new())
}

/// An increment that is only right under mutual exclusion with everything before it visible:
/// relaxed, so that loom shows a thread every value that it is not forced to have seen replaced.
fn increment(counter: &AtomicUsize) {
    counter.store(counter.load(Relaxed) + 1, Relaxed);
}

/// A waker for one thread that waits for a ticket.
struct Bell(Notify);

impl Wake for Bell {
    fn wake(&self) {
        self.0.notify();
    }
}

/// A ticket and the bell that it rings: queued by one thread, so that the order is known, and
/// waited for by another.
struct Queued(Ticket<Arc<FairLock>>, Arc<Bell>);

impl Queued {
    fn up_for(lock: &Arc<FairLock>, mode: Mode) -> Self {
        let bell = Arc::new(Bell(Notify::new()));
        Self(Ticket::new(lock.clone(), mode, bell.clone()), bell)
    }

    fn wait(self) -> Arc<FairLock> {
        let mut ticket = self.0;
        loop {
            match ticket.take() {
                Ok(lock) => return lock,
                Err(waiting) => ticket = waiting,
            }
            self.1.0.wait();
        }
    }
}

fn writers_exclude_each_other() {
    let (lock, counter) = (lock(), Arc::new(AtomicUsize::new(0)));
    let write = |lock: &FairLock, counter: &AtomicUsize| {
        lock.acquire(Mode::Exclusive, &Deadline::NEVER).unwrap();
        increment(counter);
        lock.release(Mode::Exclusive);
    };
    let other = thread::spawn({
        let (lock, counter) = (lock.clone(), counter.clone());
        move || write(&lock, &counter)
    });
    write(&lock, &counter);
    other.join().unwrap();
    assert_eq!(counter.load(Relaxed), 2, "a write was lost");
}

fn a_writer_excludes_readers() {
    let (lock, pair) = (lock(), Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]));
    let reader = thread::spawn({
        let (lock, pair) = (lock.clone(), pair.clone());
        move || {
            lock.acquire(Mode::Shared, &Deadline::NEVER).unwrap();
            assert_eq!(pair[0].load(Relaxed), pair[1].load(Relaxed), "a reader saw half a write");
            lock.release(Mode::Shared);
        }
    });
    lock.acquire(Mode::Exclusive, &Deadline::NEVER).unwrap();
    pair[0].store(1, Relaxed); // plain stores: loom remembers one access of each atomic only, and a
    pair[1].store(1, Relaxed); // load before the store would hide that of the reader from it
    lock.release(Mode::Exclusive);
    reader.join().unwrap();
}

fn readers_do_not_overtake_a_waiting_writer() {
    let (lock, served) = (lock(), Arc::new(Mutex::new(Vec::new())));
    assert!(lock.try_acquire(Mode::Shared));
    let queued = Queued::up_for(&lock, Mode::Exclusive);
    let writer = thread::spawn({
        let served = served.clone();
        move || {
            let lock = queued.wait();
            served.lock().unwrap().push("writer");
            lock.release(Mode::Exclusive);
        }
    });
    let reader = thread::spawn({
        let (lock, served) = (lock.clone(), served.clone());
        move || {
            lock.acquire(Mode::Shared, &Deadline::NEVER).unwrap();
            served.lock().unwrap().push("reader");
            lock.release(Mode::Shared);
        }
    });
    lock.release(Mode::Shared);
    writer.join().unwrap();
    reader.join().unwrap();
    assert_eq!(*served.lock().unwrap(), ["writer", "reader"], "out of turn");
}

/// The first reader stays inside all the time, so the writer cannot enter, and the second reader
/// only if the writer makes room for it.
fn a_writer_that_times_out_lets_readers_in() {
    let (lock, deadline) = (lock(), Deadline::event());
    assert!(lock.try_acquire(Mode::Shared));
    let writer = thread::spawn({
        let (lock, deadline) = (lock.clone(), deadline.clone());
        move || lock.acquire(Mode::Exclusive, &deadline)
    });
    let reader = thread::spawn({
        let lock = lock.clone();
        move || {
            lock.acquire(Mode::Shared, &Deadline::NEVER).unwrap();
            lock.release(Mode::Shared);
        }
    });
    deadline.expire();
    reader.join().unwrap();
    assert_eq!(writer.join().unwrap(), Err(TimedOut));
    lock.release(Mode::Shared);
    assert!(lock.try_acquire(Mode::Exclusive));
}

fn an_expiry_that_races_with_a_grant_loses_nothing() {
    let (lock, deadline) = (lock(), Deadline::event());
    assert!(lock.try_acquire(Mode::Exclusive));
    let waiter = thread::spawn({
        let (lock, deadline) = (lock.clone(), deadline.clone());
        move || {
            let outcome = lock.acquire(Mode::Exclusive, &deadline);
            if outcome.is_ok() {
                lock.release(Mode::Exclusive);
            }
        }
    });
    let timer = thread::spawn(move || deadline.expire());
    lock.release(Mode::Exclusive);
    timer.join().unwrap();
    waiter.join().unwrap();
    assert_eq!(lock.waiting(), 0);
    assert!(lock.try_acquire(Mode::Exclusive), "the lock belongs to nobody, and yet it is not free");
}

fn of_two_writers_one_expires_and_the_other_enters() {
    let (lock, deadline) = (lock(), Deadline::event());
    assert!(lock.try_acquire(Mode::Exclusive));
    let write = |lock: &FairLock, deadline: &Deadline| {
        let outcome = lock.acquire(Mode::Exclusive, deadline);
        if outcome.is_ok() {
            lock.release(Mode::Exclusive);
        }
        outcome
    };
    let hasty = thread::spawn({
        let (lock, deadline) = (lock.clone(), deadline.clone());
        move || write(&lock, &deadline)
    });
    let patient = thread::spawn({
        let lock = lock.clone();
        move || write(&lock, &Deadline::NEVER)
    });
    deadline.expire();
    lock.release(Mode::Exclusive);
    let _ = hasty.join().unwrap();
    assert_eq!(patient.join().unwrap(), Ok(()));
    assert!(lock.try_acquire(Mode::Exclusive));
}

fn no_wake_up_is_lost() {
    let lock = lock();
    assert!(lock.try_acquire(Mode::Exclusive));
    let waiters = [Mode::Exclusive, Mode::Shared].map(|mode| {
        let lock = lock.clone();
        thread::spawn(move || {
            lock.acquire(mode, &Deadline::NEVER).unwrap();
            lock.release(mode);
        })
    });
    lock.release(Mode::Exclusive);
    for waiter in waiters {
        waiter.join().unwrap();
    }
}

fn three_waiters_are_served_in_order() {
    let (lock, served) = (lock(), Arc::new(Mutex::new(Vec::new())));
    assert!(lock.try_acquire(Mode::Exclusive));
    let waiters = [0, 1, 2].map(|number| {
        let (queued, served) = (Queued::up_for(&lock, Mode::Exclusive), served.clone());
        thread::spawn(move || {
            let lock = queued.wait();
            served.lock().unwrap().push(number);
            lock.release(Mode::Exclusive);
        })
    });
    lock.release(Mode::Exclusive);
    for waiter in waiters {
        waiter.join().unwrap();
    }
    assert_eq!(*served.lock().unwrap(), [0, 1, 2], "out of turn");
}

fn a_cancelled_ticket_hands_on() {
    let lock = lock();
    assert!(lock.try_acquire(Mode::Exclusive));
    let cancelled = Queued::up_for(&lock, Mode::Exclusive);
    let behind = Queued::up_for(&lock, Mode::Shared);
    let canceller = thread::spawn(move || drop(cancelled));
    let waiter = thread::spawn(move || behind.wait().release(Mode::Shared));
    lock.release(Mode::Exclusive);
    canceller.join().unwrap();
    waiter.join().unwrap();
    assert!(lock.try_acquire(Mode::Exclusive));
}

fn turns_of_one_path_exclude_each_other() {
    let (open, counter) = (OpenFiles::new(), Arc::new(AtomicUsize::new(0)));
    let write = |open: &OpenFiles, counter: &AtomicUsize| {
        let turn = open.acquire("/a", Mode::Exclusive, &Deadline::NEVER).unwrap();
        increment(counter);
        drop(turn);
    };
    let others = [(); 2].map(|()| {
        let (open, counter) = (open.clone(), counter.clone());
        thread::spawn(move || write(&open, &counter))
    });
    write(&open, &counter);
    for other in others {
        other.join().unwrap();
    }
    assert_eq!(counter.load(Relaxed), 3, "a write was lost");
}

fn the_table_forgets_unused_paths() {
    let open = OpenFiles::new();
    let other = thread::spawn({
        let open = open.clone();
        move || drop(open.acquire("/a", Mode::Shared, &Deadline::NEVER).unwrap())
    });
    drop(open.acquire("/a", Mode::Exclusive, &Deadline::after(Some(std::time::Duration::ZERO))));
    other.join().unwrap();
    assert!(open.is_empty(), "the table keeps a path that nobody uses");
}

/// The race in the models of expiry is a race: loom shows both outcomes.
#[test]
fn both_outcomes_of_an_expiry_occur() {
    static GRANTED: Tally = Tally::new(0);
    static EXPIRED: Tally = Tally::new(0);
    model(|| {
        let (lock, deadline) = (lock(), Deadline::event());
        assert!(lock.try_acquire(Mode::Exclusive));
        let waiter = thread::spawn({
            let (lock, deadline) = (lock.clone(), deadline.clone());
            move || lock.acquire(Mode::Exclusive, &deadline)
        });
        let timer = thread::spawn(move || deadline.expire());
        lock.release(Mode::Exclusive);
        timer.join().unwrap();
        let tally = if waiter.join().unwrap().is_ok() { &GRANTED } else { &EXPIRED };
        tally.fetch_add(1, Relaxed);
    });
    assert!(GRANTED.load(Relaxed) > 0 && EXPIRED.load(Relaxed) > 0);
}
