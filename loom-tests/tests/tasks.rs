//! Models of waiting as a task: of the future that waits for a lock, and of the calls of
//! `AsyncMemFs` that are made of it, together with threads in one queue. They run the production
//! types.
//!
//! ```text
//! RUSTFLAGS="--cfg arcfs_loom" \
//!     cargo test --release --target-dir target/loom -p arcfs-loom-tests --test tasks
//! ```
//!
//! A task is polled by whatever thread the model says. There is no runtime: tokio's own queues and
//! timers are not examined, and a timeout is neither awaited nor raced here but by
//! [`giving_up_after_a_grant_loses_nothing`], which does what the timeout does when it has passed.
#![cfg(arcfs_loom)]

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use arcfs::asynchronous::AsyncMemFs;
use arcfs::internals::breaks::Break;
use arcfs::internals::{Deadline, Mode, OpenFiles};
use arcfs::{ErrorKind, MemFs, OpenOptions};
use arcfs_loom_tests::models;
use loom::sync::Notify;
use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::thread;

models! {
    a_task_and_a_thread_exclude_each_other within 3 breaks with
        LockGrantRelaxed: "a write was lost";
    a_task_is_woken_by_the_waker_that_it_was_polled_with_last within 3 breaks with
        TaskKeepsFirstWaker: "deadlock",
        TaskLooksBeforeItSetsItsWaker: "deadlock";
    a_task_that_is_dropped_while_it_waits_lets_those_behind_it_in within 3 breaks with
        LockTimeoutForgetsNext: "deadlock";
    a_task_that_is_dropped_after_it_was_let_in_hands_on within 3 breaks with
        LockCancelKeepsTurn: "deadlock";
    giving_up_after_a_grant_loses_nothing within 3 breaks with
        LockExpiryDropsGrant: "deadlock";
    tasks_and_threads_are_served_in_order within 3 breaks with
        LockServesLast: "out of turn";
    who_only_tries_does_not_wait_for_a_task_that_does_not_run within 3 breaks with
        TryWaitsForTasks: "branches";
    a_cancelled_append_leaves_nothing within 3 breaks with
        LockCancelKeepsTurn: "deadlock";
    a_cancelled_open_leaves_nothing within 3 breaks with
        LockCancelKeepsTurn: "deadlock";
    a_task_that_opens_sees_what_was_published_before within 4 breaks with
        HoldKeepsEarlierContent: "a write was lost";
    a_task_that_appends_waits_for_the_close within 4 breaks with
        HoldChecksBesideRoot: "a write was lost";
}

/// Wakes one thread that polls.
struct Bell(Notify);

impl std::task::Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.notify();
    }
}

fn bell() -> (Arc<Bell>, Waker) {
    let bell = Arc::new(Bell(Notify::new()));
    (Arc::clone(&bell), Waker::from(bell))
}

/// Polls on this thread until it is done.
fn block_on<F: Future>(future: F) -> F::Output {
    let ((bell, waker), mut future) = (bell(), pin!(future));
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        bell.0.wait();
    }
}

/// Polls once, with a waker that wakes nobody.
fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn increment(counter: &AtomicUsize) {
    counter.store(counter.load(Relaxed) + 1, Relaxed);
}

/// The table of a filesystem, which outlives every thread of a model.
fn leaked() -> &'static OpenFiles {
    // Freed with the process: a future borrows it on another thread.
    Box::leak(Box::new(OpenFiles::new()))
}

fn a_task_and_a_thread_exclude_each_other() {
    let (open, counter) = (OpenFiles::new(), Arc::new(AtomicUsize::new(0)));
    let task = thread::spawn({
        let (open, counter) = (open.clone(), counter.clone());
        move || {
            let turn = block_on(open.wait("/a", Mode::Exclusive));
            increment(&counter);
            drop(turn);
        }
    });
    let turn = open.acquire("/a", Mode::Exclusive, &Deadline::NEVER).unwrap();
    increment(&counter);
    drop(turn);
    task.join().unwrap();
    assert_eq!(counter.load(Relaxed), 2, "a write was lost");
    assert!(open.is_empty());
}

fn a_task_is_woken_by_the_waker_that_it_was_polled_with_last() {
    let open = OpenFiles::new();
    let turn = open.acquire("/a", Mode::Exclusive, &Deadline::NEVER).unwrap();
    let other = open.clone();
    let task = thread::spawn(move || {
        let mut waiting = other.wait("/a", Mode::Exclusive);
        match poll_once(&mut waiting) {
            Poll::Ready(turn) => drop(turn),
            Poll::Pending => drop(block_on(waiting)),
        }
    });
    drop(turn);
    task.join().unwrap();
    assert!(open.is_empty());
}

/// The first reader stays inside all the time, so the task cannot enter, and the second reader only if
/// the task makes room for it.
fn a_task_that_is_dropped_while_it_waits_lets_those_behind_it_in() {
    let open = OpenFiles::new();
    let first = open.acquire("/a", Mode::Shared, &Deadline::NEVER).unwrap();
    let other = open.clone();
    let task = thread::spawn(move || {
        let mut waiting = other.wait("/a", Mode::Exclusive);
        assert!(poll_once(&mut waiting).is_pending());
    });
    let other = open.clone();
    let second = thread::spawn(move || drop(block_on(other.wait("/a", Mode::Shared))));
    task.join().unwrap();
    second.join().unwrap();
    drop(first);
    assert!(open.is_empty());
}

fn a_task_that_is_dropped_after_it_was_let_in_hands_on() {
    let open = leaked();
    let turn = open.acquire("/a", Mode::Exclusive, &Deadline::NEVER).unwrap();
    let mut cancelled = open.wait("/a", Mode::Exclusive);
    assert!(poll_once(&mut cancelled).is_pending());
    let behind = thread::spawn(move || drop(block_on(open.wait("/a", Mode::Exclusive))));
    let canceller = thread::spawn(move || drop(cancelled));
    drop(turn);
    canceller.join().unwrap();
    behind.join().unwrap();
    assert!(open.is_empty() && !open.is_given_to_a_task("/a"));
}

fn giving_up_after_a_grant_loses_nothing() {
    let open = leaked();
    let turn = open.acquire("/a", Mode::Exclusive, &Deadline::NEVER).unwrap();
    let (mut hasty, mut patient) = (open.wait("/a", Mode::Exclusive), open.wait("/a", Mode::Exclusive));
    assert!(poll_once(&mut hasty).is_pending() && poll_once(&mut patient).is_pending());
    let task = thread::spawn(move || drop(hasty.give_up()));
    drop(turn);
    drop(block_on(patient));
    task.join().unwrap();
    assert!(open.is_empty() && !open.is_given_to_a_task("/a"));
}

fn tasks_and_threads_are_served_in_order() {
    let (open, served) = (leaked(), Arc::new(std::sync::Mutex::new(Vec::new())));
    let turn = open.acquire("/a", Mode::Exclusive, &Deadline::NEVER).unwrap();
    let tasks = [0, 1].map(|number| {
        let mut waiting = open.wait("/a", Mode::Exclusive);
        assert!(poll_once(&mut waiting).is_pending());
        let served = served.clone();
        thread::spawn(move || {
            let turn = block_on(waiting);
            served.lock().unwrap().push(number);
            drop(turn);
        })
    });
    drop(turn);
    let turn = open.acquire("/a", Mode::Exclusive, &Deadline::NEVER).unwrap();
    served.lock().unwrap().push(2);
    drop(turn);
    for task in tasks {
        task.join().unwrap();
    }
    let order = served.lock().unwrap().clone();
    let of_tasks: Vec<_> = order.iter().filter(|number| **number < 2).collect();
    assert_eq!(of_tasks, [&0, &1], "out of turn");
    assert_eq!(order, [0, 1, 2], "out of turn");
}

/// A filesystem in which only bytes are charged, with one file. Nothing waits for ever but by intent.
fn with_file() -> MemFs {
    let fs = MemFs::builder().node_overhead(0).chunk_overhead(0).lock_timeout(None).build().unwrap();
    fs.write("/f", "0").unwrap();
    fs
}

fn appending() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.append(true);
    options
}

fn tried(fs: &MemFs) -> arcfs::Result<arcfs::File> {
    appending().lock_timeout(Some(Duration::ZERO)).open(fs, "/f")
}

/// The task is let in and not polled again, while the thread that could poll it tries.
fn who_only_tries_does_not_wait_for_a_task_that_does_not_run() {
    let fs = with_file();
    let file = appending().open(&fs, "/f").unwrap();
    let tasks = AsyncMemFs::from(fs.clone());
    let mut task = Box::pin(tasks.append("/f", "1"));
    assert!(poll_once(&mut task).is_pending());
    let closer = thread::spawn(move || file.close().unwrap());
    let error = tried(&fs).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Busy { .. }), "{error}");
    closer.join().unwrap();
    block_on(task).unwrap();
    assert_eq!(fs.read("/f").unwrap(), b"01");
    assert!(tried(&fs).is_ok());
}

/// Cancels a call of a task after one poll, while another thread closes the file that it waits for and
/// another task waits behind it.
fn cancelled<F: Future>(fs: &MemFs, call: F) {
    let file = appending().open(fs, "/f").unwrap();
    let mut call = Box::pin(call);
    assert!(poll_once(&mut call).is_pending());
    let tasks = AsyncMemFs::from(fs.clone());
    let mut behind = Box::pin(tasks.append("/f", "2"));
    assert!(poll_once(&mut behind).is_pending());
    let closer = thread::spawn(move || file.close().unwrap());
    drop(call);
    block_on(behind).unwrap();
    closer.join().unwrap();
    assert!(tried(fs).is_ok(), "a turn is left");
    assert_eq!(fs.read("/f").unwrap(), b"02");
    assert_eq!((fs.stats().used_bytes, fs.stats().open_handles), (2, 0), "something is left");
}

fn a_cancelled_append_leaves_nothing() {
    let fs = with_file();
    let tasks = AsyncMemFs::from(fs.clone());
    cancelled(&fs, tasks.append("/f", "1"));
}

fn a_cancelled_open_leaves_nothing() {
    let fs = with_file();
    let tasks = AsyncMemFs::from(fs.clone());
    cancelled(&fs, appending().open_async(&tasks, "/f"));
}

fn a_task_that_opens_sees_what_was_published_before() {
    let fs = with_file();
    let tasks = AsyncMemFs::from(fs.clone());
    let task = thread::spawn(move || {
        block_on(async {
            let mut file = appending().open_async(&tasks, "/f").await.unwrap();
            file.write_at(b"1", 0).await.unwrap();
            file.close().await.unwrap();
        });
    });
    let mut file = appending().open(&fs, "/f").unwrap();
    file.write_at(b"1", 0).unwrap();
    file.close().unwrap();
    task.join().unwrap();
    assert_eq!(fs.read("/f").unwrap(), b"011", "a write was lost");
}

fn a_task_that_appends_waits_for_the_close() {
    let fs = with_file();
    let tasks = AsyncMemFs::from(fs.clone());
    let task = thread::spawn(move || block_on(tasks.append("/f", "w")).unwrap());
    let mut file = appending().open(&fs, "/f").unwrap();
    file.write_at(b"1", 0).unwrap();
    file.close().unwrap();
    task.join().unwrap();
    let bytes = fs.read("/f").unwrap();
    assert!(bytes == b"0w1" || bytes == b"01w", "a write was lost");
    assert_eq!(fs.stats().used_bytes, 3);
}
