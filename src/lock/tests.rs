//! The lock with real threads. Every wait is bounded, so that a lost wake-up fails a test instead
//! of hanging it; nothing is concluded from how long something took.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::sync::Deadline;

const LONG: Duration = Duration::from_secs(30);

fn bounded() -> Deadline {
    Deadline::after(Some(LONG))
}

fn tried_only() -> Deadline {
    Deadline::after(Some(Duration::ZERO))
}

/// Waits until that many wait for the lock.
fn await_waiting(lock: &FairLock, waiting: usize) {
    let start = Instant::now();
    while lock.waiting() != waiting {
        assert!(start.elapsed() < LONG, "{} wait instead of {waiting}", lock.waiting());
        thread::yield_now();
    }
}

/// A waker that counts.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Bell {
    fn rings(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

#[test]
fn a_free_lock_is_acquired_at_once() {
    let lock = FairLock::new();
    assert_eq!(lock.acquire(Mode::Exclusive, &tried_only()), Ok(()));
    assert!(!lock.try_acquire(Mode::Shared));
    assert!(!lock.try_acquire(Mode::Exclusive));
    lock.release(Mode::Exclusive);
    assert_eq!(lock.acquire(Mode::Shared, &Deadline::NEVER), Ok(()));
    assert!(lock.try_acquire(Mode::Shared));
    assert!(!lock.try_acquire(Mode::Exclusive));
    lock.release(Mode::Shared);
    lock.release(Mode::Shared);
    assert!(lock.try_acquire(Mode::Exclusive));
}

#[test]
fn a_deadline_that_has_passed_only_tries() {
    let lock = FairLock::new();
    assert!(lock.try_acquire(Mode::Shared));
    assert_eq!(lock.acquire(Mode::Exclusive, &tried_only()), Err(TimedOut));
    assert!(lock.try_acquire(Mode::Shared), "a try leaves nobody waiting");
}

#[test]
fn a_duration_that_the_clock_cannot_express_waits_for_ever() {
    assert!(!Deadline::after(Some(Duration::MAX)).has_passed());
    assert!(!Deadline::after(None).has_passed());
}

#[test]
fn a_waiter_gives_up_when_its_deadline_passes() {
    let lock = FairLock::new();
    assert!(lock.try_acquire(Mode::Exclusive));
    let soon = Deadline::after(Some(Duration::from_millis(5)));
    assert_eq!(lock.acquire(Mode::Shared, &soon), Err(TimedOut));
    assert!(soon.has_passed());
    assert_eq!(lock.waiting(), 0);
    lock.release(Mode::Exclusive);
    assert!(lock.try_acquire(Mode::Exclusive));
}

#[test]
fn waiters_are_served_in_the_order_of_arrival() {
    let lock = FairLock::new();
    let served = Mutex::new(Vec::new());
    assert!(lock.try_acquire(Mode::Exclusive));
    thread::scope(|scope| {
        for number in 0..8 {
            let (lock, served) = (&lock, &served);
            scope.spawn(move || {
                lock.acquire(Mode::Exclusive, &bounded()).unwrap();
                served.lock().unwrap().push(number);
                lock.release(Mode::Exclusive);
            });
            await_waiting(lock, number + 1);
        }
        lock.release(Mode::Exclusive);
    });
    assert_eq!(*served.lock().unwrap(), [0, 1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn adjacent_readers_hold_the_lock_together() {
    let lock = FairLock::new();
    assert!(lock.try_acquire(Mode::Exclusive));
    let all_inside = Barrier::new(3);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                lock.acquire(Mode::Shared, &bounded()).unwrap();
                all_inside.wait();
                lock.release(Mode::Shared);
            });
        }
        await_waiting(&lock, 3);
        lock.release(Mode::Exclusive);
    });
    assert!(lock.try_acquire(Mode::Exclusive));
}

#[test]
fn a_writer_is_not_starved_by_a_stream_of_readers() {
    let lock = FairLock::new();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    lock.acquire(Mode::Shared, &bounded()).unwrap();
                    thread::yield_now();
                    lock.release(Mode::Shared);
                }
            });
        }
        for _ in 0..50 {
            let outcome = lock.acquire(Mode::Exclusive, &bounded());
            if outcome.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
            outcome.unwrap();
            lock.release(Mode::Exclusive);
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_writer_that_times_out_frees_the_readers_behind_it() {
    let lock = FairLock::new();
    assert!(lock.try_acquire(Mode::Shared));
    thread::scope(|scope| {
        let writer =
            scope.spawn(|| lock.acquire(Mode::Exclusive, &Deadline::after(Some(Duration::from_millis(50)))));
        while lock.waiting() == 0 && !writer.is_finished() {
            thread::yield_now();
        }
        assert_eq!(lock.acquire(Mode::Shared, &bounded()), Ok(()), "the first reader is still inside");
    });
    lock.release(Mode::Shared);
    lock.release(Mode::Shared);
    assert!(lock.try_acquire(Mode::Exclusive));
}

#[test]
fn a_dropped_ticket_frees_the_readers_behind_it() {
    let lock = FairLock::new();
    assert!(lock.try_acquire(Mode::Shared));
    let (writer, reader) = (Arc::new(Bell::default()), Arc::new(Bell::default()));
    let first = lock.enqueue(Mode::Exclusive, writer.clone());
    let second = lock.enqueue(Mode::Shared, reader.clone());
    assert!(!first.is_granted() && !second.is_granted());
    drop(first);
    assert!(second.is_granted());
    assert_eq!((writer.rings(), reader.rings()), (0, 1));
    second.take().unwrap().release(Mode::Shared);
}

#[test]
fn a_granted_ticket_that_is_dropped_hands_the_lock_on() {
    let lock = FairLock::new();
    assert!(lock.try_acquire(Mode::Exclusive));
    let bell = Arc::new(Bell::default());
    let first = lock.enqueue(Mode::Exclusive, bell.clone());
    let second = lock.enqueue(Mode::Exclusive, bell.clone());
    lock.release(Mode::Exclusive);
    assert!(first.is_granted() && !second.is_granted());
    drop(first);
    assert!(second.is_granted());
    drop(second);
    assert!(lock.try_acquire(Mode::Exclusive));
    assert_eq!(bell.rings(), 2);
}

#[test]
fn a_ticket_for_a_free_lock_is_granted_without_a_wake_up() {
    let lock = FairLock::new();
    let bell = Arc::new(Bell::default());
    let ticket = lock.enqueue(Mode::Exclusive, bell.clone());
    assert!(ticket.is_granted());
    assert!(!ticket.set_wake(bell.clone()));
    assert!(!lock.try_acquire(Mode::Shared));
    ticket.take().unwrap().release(Mode::Exclusive);
    assert_eq!(bell.rings(), 0);
    assert!(lock.try_acquire(Mode::Exclusive));
}

#[test]
fn giving_up_a_granted_ticket_is_a_late_success() {
    let lock = FairLock::new();
    assert!(lock.try_acquire(Mode::Exclusive));
    let ticket = lock.enqueue(Mode::Exclusive, Arc::new(Bell::default()));
    let behind = lock.enqueue(Mode::Shared, Arc::new(Bell::default()));
    lock.release(Mode::Exclusive);
    assert!(ticket.give_up().is_some());
    assert!(!behind.is_granted());
    assert!(behind.give_up().is_none());
    lock.release(Mode::Exclusive);
    assert!(lock.try_acquire(Mode::Exclusive));
}

#[test]
fn only_the_last_waker_of_a_ticket_is_woken() {
    let lock = FairLock::new();
    assert!(lock.try_acquire(Mode::Exclusive));
    let (old, new) = (Arc::new(Bell::default()), Arc::new(Bell::default()));
    let ticket = lock.enqueue(Mode::Shared, old.clone());
    assert!(ticket.set_wake(new.clone()));
    assert_eq!(Arc::strong_count(&old), 1);
    lock.release(Mode::Exclusive);
    assert!(ticket.is_granted());
    assert_eq!((old.rings(), new.rings()), (0, 1));
}

#[test]
fn a_task_waits_in_the_same_queue() {
    struct Task(AtomicUsize);
    impl std::task::Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let lock = FairLock::new();
    assert!(lock.try_acquire(Mode::Exclusive));
    let task = Arc::new(Task(AtomicUsize::new(0)));
    let ticket = lock.enqueue(Mode::Exclusive, Arc::new(Waker::from(task.clone())));
    lock.release(Mode::Exclusive);
    assert_eq!(task.0.load(Ordering::SeqCst), 1);
    assert!(ticket.is_granted());
}

#[test]
fn a_waker_that_panics_takes_nobody_elses_wake_up_with_it() {
    struct Broken;
    impl Wake for Broken {
        fn wake(&self) {
            panic!("a broken waker");
        }
    }
    let lock = FairLock::new();
    assert!(lock.try_acquire(Mode::Exclusive));
    let bell = Arc::new(Bell::default());
    let broken = lock.enqueue(Mode::Shared, Arc::new(Broken));
    let sound = lock.enqueue(Mode::Shared, bell.clone());
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| lock.release(Mode::Exclusive)));
    assert!(outcome.is_err());
    assert!(broken.is_granted() && sound.is_granted());
    assert_eq!(bell.rings(), 1);
}

#[test]
fn a_waker_may_come_back_to_the_lock() {
    struct Reentrant(Arc<FairLock>, AtomicBool);
    impl Wake for Reentrant {
        fn wake(&self) {
            self.1.store(self.0.try_acquire(Mode::Shared), Ordering::SeqCst);
        }
    }
    impl Drop for Reentrant {
        fn drop(&mut self) {
            let _ = self.0.waiting(); // deadlocks if wakers are dropped under the mutex
        }
    }
    let lock = Arc::new(FairLock::new());
    assert!(lock.try_acquire(Mode::Exclusive));
    let waker = Arc::new(Reentrant(lock.clone(), AtomicBool::new(false)));
    let ticket = lock.enqueue(Mode::Shared, waker.clone());
    lock.release(Mode::Exclusive);
    assert!(waker.1.load(Ordering::SeqCst));
    drop(ticket);
    lock.release(Mode::Shared);
    assert!(lock.try_acquire(Mode::Exclusive));
    let ticket = lock.enqueue(Mode::Shared, Arc::new(Reentrant(lock.clone(), AtomicBool::new(false))));
    assert!(ticket.set_wake(Arc::new(Bell::default())));
    drop(lock.enqueue(Mode::Shared, Arc::new(Reentrant(lock.clone(), AtomicBool::new(false)))));
    lock.release(Mode::Exclusive);
    assert!(ticket.is_granted());
    let too_late = Arc::new(Reentrant(lock.clone(), AtomicBool::new(false)));
    assert!(!ticket.set_wake(too_late), "and it is dropped like the others");
}

/// Readers, writers, time-outs and cancelled tickets, all at once: whoever is inside is inside
/// alone or with readers only, and at the end the lock is free.
#[test]
fn stress() {
    const THREADS: u64 = 6;
    const ROUNDS: u64 = 3_000;
    let lock = FairLock::new();
    let readers = AtomicUsize::new(0);
    let writers = AtomicUsize::new(0);
    let written = AtomicU64::new(0); // not atomic in spirit: loaded and stored by writers only
    let (done, all_done) = mpsc::channel();
    thread::scope(|scope| {
        for seed in 1..=THREADS {
            let (lock, readers, writers, written, done) = (&lock, &readers, &writers, &written, done.clone());
            scope.spawn(move || {
                let mut writes = 0;
                let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
                for _ in 0..ROUNDS {
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    let mode = if random & 3 == 0 { Mode::Exclusive } else { Mode::Shared };
                    let entered = match (random >> 8) & 7 {
                        0 => lock.try_acquire(mode),
                        1 => lock.acquire(mode, &tried_only()).is_ok(),
                        2 => lock
                            .acquire(mode, &Deadline::after(Some(Duration::from_micros(random >> 59))))
                            .is_ok(),
                        3 => {
                            drop(lock.enqueue(mode, Arc::new(Bell::default())));
                            false
                        }
                        4 => lock.enqueue(mode, Arc::new(Bell::default())).give_up().is_some(),
                        _ => lock.acquire(mode, &bounded()).map(|()| true).unwrap(),
                    };
                    if !entered {
                        continue;
                    }
                    match mode {
                        Mode::Shared => {
                            readers.fetch_add(1, Ordering::SeqCst);
                            assert_eq!(writers.load(Ordering::SeqCst), 0);
                            readers.fetch_sub(1, Ordering::SeqCst);
                        }
                        Mode::Exclusive => {
                            assert_eq!(writers.fetch_add(1, Ordering::SeqCst), 0);
                            assert_eq!(readers.load(Ordering::SeqCst), 0);
                            written.store(written.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
                            writes += 1;
                            writers.fetch_sub(1, Ordering::SeqCst);
                        }
                    }
                    lock.release(mode);
                }
                done.send(writes).unwrap();
            });
        }
    });
    drop(done);
    assert_eq!(all_done.iter().sum::<u64>(), written.load(Ordering::Relaxed));
    assert!(lock.try_acquire(Mode::Exclusive));
}

/// A task is absent from the moment at which it is let in until it runs, takes the lock, or goes.
#[test]
fn a_task_that_was_let_in_is_absent_until_it_takes_the_lock_or_goes() {
    let lock = FairLock::new();
    let task = || -> Arc<dyn Wake> { Arc::new(Waker::noop().clone()) };
    let at_once = lock.enqueue(Mode::Exclusive, task());
    assert!(!lock.is_given_to_a_task(), "it is here: it has just asked");
    let (taken, dropped, given_up) = (
        lock.enqueue(Mode::Exclusive, task()),
        lock.enqueue(Mode::Exclusive, task()),
        lock.enqueue(Mode::Exclusive, task()),
    );
    let thread = lock.enqueue(Mode::Exclusive, Arc::new(Bell::default()));
    drop(at_once);
    assert!(lock.is_given_to_a_task());
    let taken = taken.take().unwrap();
    assert!(!lock.is_given_to_a_task());
    taken.release(Mode::Exclusive);
    assert!(dropped.is_granted() && lock.is_given_to_a_task());
    drop(dropped);
    assert!(given_up.is_granted() && lock.is_given_to_a_task());
    given_up.give_up().unwrap().release(Mode::Exclusive);
    assert!(thread.is_granted() && !lock.is_given_to_a_task(), "threads come by themselves");
}
