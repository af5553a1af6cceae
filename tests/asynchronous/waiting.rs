//! Who gets a lock, and when.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use arcfs::asynchronous::AsyncMemFs;
use arcfs::{ErrorKind, MemFs, OpenOptions};
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, timeout};

use crate::{FAR_TOO_LONG, appending, assert_nothing_is_left, is_busy, patient, poll_once, started, trying};

const MANY: usize = 1000;

/// A thousand wait for one writer. It closes at once, whoever waits, and they get their turn in the
/// order in which they came, though each was first polled by somebody else.
async fn a_thousand_wait_for_one_writer() {
    let fs = patient();
    let mut writer = fs.create("/log").await.unwrap();
    writer.write_all(b"first").await.unwrap();
    let turns = Arc::new(Mutex::new(Vec::new()));
    let mut waiters = Vec::new();
    for number in 0..MANY {
        let (fs, turns) = (fs.clone(), Arc::clone(&turns));
        waiters.push(started(async move {
            let mut file = appending().open_async(&fs, "/log").await.unwrap();
            turns.lock().unwrap().push(number);
            file.write_all(&[0]).await.unwrap();
            tokio::task::yield_now().await; // others run while it has the lock
            file.shutdown().await.unwrap();
        }));
        tokio::task::yield_now().await; // or this task's share would be gone before they all wait
    }
    let waiters: Vec<_> = waiters.into_iter().map(tokio::spawn).collect();
    tokio::task::yield_now().await;
    assert!(turns.lock().unwrap().is_empty());

    timeout(FAR_TOO_LONG, writer.shutdown()).await.expect("a close waits for nobody").unwrap();
    for waiter in waiters {
        timeout(FAR_TOO_LONG, waiter).await.expect("everybody has a turn").unwrap();
    }
    assert_eq!(*turns.lock().unwrap(), (0..MANY).collect::<Vec<_>>());
    assert_eq!(fs.metadata("/log").await.unwrap().len(), 5 + MANY as u64);
    drop(writer);
    assert_nothing_is_left(&fs, "/log").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_wait_on_two_threads() {
    a_thousand_wait_for_one_writer().await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_thousand_wait_on_one_thread() {
    a_thousand_wait_for_one_writer().await;
}

/// One-shot calls and openers wait in one queue; what waits occupies no thread, not one for blocking
/// work either.
#[test]
fn who_waits_occupies_no_thread() {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).max_blocking_threads(1).enable_time().build().unwrap();
    runtime.block_on(async {
        let fs = patient();
        let writer = fs.create("/log").await.unwrap();
        let waiters: Vec<_> = (0..MANY)
            .map(|number| {
                let fs = fs.clone();
                tokio::spawn(async move {
                    match number % 3 {
                        0 => fs.append("/log", b"a").await,
                        1 => fs.write("/log", b"w").await,
                        _ => fs.create("/log").await?.close().await,
                    }
                })
            })
            .collect();
        let threads = tokio::runtime::Handle::current().metrics();
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        // The pool and the threads answer.
        assert_eq!(fs.off_task(|fs| Ok(fs.stats().file_count)).await.unwrap(), 1);
        assert_eq!(threads.num_workers(), 2);
        writer.close().await.unwrap();
        for waiter in waiters {
            timeout(FAR_TOO_LONG, waiter).await.expect("everybody has a turn").unwrap().unwrap();
        }
        assert_nothing_is_left(&fs, "/log").await;
    });
}

/// Threads and tasks append to one file, beside some that hold it open. What they wrote stands in the
/// order in which they came, of each kind, and nothing is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn threads_and_tasks_wait_in_one_queue() {
    const EACH: u8 = 50;
    let fs = patient();
    let thread = thread::spawn({
        let fs = fs.as_sync().clone();
        move || {
            for number in 0..EACH {
                match number % 2 {
                    0 => fs.append("/log", [number]).unwrap(),
                    _ => {
                        let mut file = appending().open(&fs, "/log").unwrap();
                        file.write_at(&[number], 0).unwrap();
                        file.close().unwrap();
                    }
                }
            }
        }
    });
    let task = tokio::spawn({
        let fs = fs.clone();
        async move {
            for number in 100..100 + EACH {
                let mut file = appending().open_async(&fs, "/log").await.unwrap();
                file.write_all(&[number]).await.unwrap();
                tokio::task::yield_now().await;
                file.shutdown().await.unwrap();
                fs.append("/log", [number]).await.unwrap();
            }
        }
    });
    timeout(FAR_TOO_LONG, task).await.unwrap().unwrap();
    tokio::task::spawn_blocking(move || thread.join().unwrap()).await.unwrap();
    let (tasks, threads): (Vec<u8>, Vec<u8>) =
        fs.read("/log").await.unwrap().iter().partition(|number| **number >= 100);
    assert_eq!(threads, (0..EACH).collect::<Vec<_>>());
    assert_eq!(tasks, (100..100 + EACH).flat_map(|number| [number; 2]).collect::<Vec<_>>());
    assert_nothing_is_left(&fs, "/log").await;
}

/// On the clock of tokio: nothing here takes time.
#[tokio::test(start_paused = true)]
async fn a_wait_ends_at_the_lock_timeout_and_says_for_whom_it_waited() {
    let fs = AsyncMemFs::from(MemFs::builder().lock_timeout(Some(Duration::from_secs(30))).build().unwrap());
    let holder = tokio::spawn({
        let fs = fs.clone();
        async move { fs.create("/a").await.unwrap() }
    });
    let file = holder.await.unwrap();
    let start = Instant::now();
    for error in [
        fs.append("/a", b"1").await.unwrap_err(),
        fs.write("/a", b"1").await.unwrap_err(),
        fs.create("/a").await.unwrap_err(),
        fs.write("/a", vec![0; 2 << 20]).await.unwrap_err(),
    ] {
        let ErrorKind::Busy { waited } = error.kind() else { panic!("{error}") };
        assert_eq!(waited.as_secs(), 30, "{error}");
        let text = error.to_string();
        assert!(text.contains("opened by task ") && text.contains(" on thread "), "{text}");
        assert_eq!(error.path(), Some("/a"));
    }
    assert_eq!(start.elapsed().as_secs(), 120);
    let mut sooner = appending();
    sooner.lock_timeout(Some(Duration::from_secs(2)));
    let error = sooner.open_async(&fs, "/a").await.unwrap_err();
    assert_eq!(error.operation(), "open");
    assert_eq!(start.elapsed().as_secs(), 122);
    drop(file);
    assert_nothing_is_left(&fs, "/a").await;
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_comes_in_time_is_had() {
    let fs = AsyncMemFs::new();
    let file = fs.create("/a").await.unwrap();
    let waiter = tokio::spawn({
        let fs = fs.clone();
        async move { fs.append("/a", b"1").await }
    });
    tokio::time::sleep(Duration::from_secs(29)).await;
    file.close().await.unwrap();
    waiter.await.unwrap().unwrap();
    assert_eq!(fs.read("/a").await.unwrap(), b"1");
}

#[tokio::test]
async fn a_zero_timeout_only_tries() {
    let fs = AsyncMemFs::from(MemFs::builder().lock_timeout(Some(Duration::ZERO)).build().unwrap());
    let file = fs.create("/a").await.unwrap();
    for error in [
        fs.append("/a", b"1").await.unwrap_err(),
        fs.write("/a", vec![0; 2 << 20]).await.unwrap_err(),
        fs.create("/a").await.unwrap_err(),
    ] {
        assert!(is_busy(&error), "{error}");
    }
    file.close().await.unwrap();
    fs.append("/a", b"1").await.unwrap();
    assert_nothing_is_left(&fs, "/a").await;
}

/// The lock belongs to a task that nobody polls. On a runtime with one thread, a try that waited for
/// it, from a thread or from a task, would wait for itself.
#[tokio::test(flavor = "current_thread")]
async fn a_try_does_not_wait_for_a_task_that_does_not_run() {
    let fs = patient();
    let file = fs.create("/a").await.unwrap();
    let mut asleep = started(fs.append("/a", b"1"));
    file.close().await.unwrap();
    let error = trying().open_async(&fs, "/a").await.unwrap_err();
    assert!(is_busy(&error) && error.to_string().contains("has yet to run"), "{error}");
    let error = trying().open(fs.as_sync(), "/a").unwrap_err();
    assert!(is_busy(&error), "{error}");
    assert!(poll_once(asleep.as_mut()).is_ready());
    assert_nothing_is_left(&fs, "/a").await;
}

/// Errors that come before the lock do not wait for it.
#[tokio::test]
async fn what_can_be_said_without_the_lock_is_said_at_once() {
    let fs = patient();
    fs.create_dir("/d").await.unwrap();
    let file = fs.create("/a").await.unwrap();
    let new = OpenOptions::new().write(true).create_new(true).open_async(&fs, "/a").await;
    assert_eq!(new.unwrap_err().kind(), &ErrorKind::AlreadyExists);
    assert_eq!(fs.write("/d", b"").await.unwrap_err().kind(), &ErrorKind::IsADirectory);
    assert_eq!(fs.append("/a/b", b"").await.unwrap_err().kind(), &ErrorKind::NotADirectory);
    assert_eq!(fs.create("/..").await.unwrap_err().kind(), &ErrorKind::InvalidPath);
    let neither = OpenOptions::new().open_async(&fs, "/a").await.unwrap_err();
    assert_eq!((neither.kind(), neither.operation()), (&ErrorKind::InvalidInput, "open"));
    assert!(is_busy(&fs.remove_file("/a").await.unwrap_err()));
    drop(file);
}

/// Who waits keeps nothing alive: what it saw of the file is not charged while it waits.
#[tokio::test]
async fn who_waits_keeps_no_content_alive() {
    let fs = patient();
    fs.write("/a", vec![1; 100_000]).await.unwrap();
    let mut file = OpenOptions::new().write(true).open_async(&fs, "/a").await.unwrap();
    let waiting = started(async { appending().open_async(&fs, "/a").await });
    file.set_len(0).await.unwrap();
    file.flush().await.unwrap();
    assert!(fs.stats().used_bytes < 1000, "{:?}", fs.stats());
    drop(file);
    let file = waiting.await.unwrap();
    assert_eq!(file.len(), 0);
}

#[tokio::test]
async fn readers_with_a_shared_lock_are_let_in_together() {
    let fs = patient();
    fs.write("/a", b"1").await.unwrap();
    let mut shared = OpenOptions::new();
    shared.read(true).shared_lock(true);
    let writer = appending().open_async(&fs, "/a").await.unwrap();
    let (first, second) = (started(shared.open_async(&fs, "/a")), started(shared.open_async(&fs, "/a")));
    let late = started(fs.append("/a", b"2"));
    writer.close().await.unwrap();
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    let late = {
        let mut late = late;
        assert!(poll_once(late.as_mut()).is_pending());
        late
    };
    first.close().await.unwrap();
    second.close().await.unwrap();
    late.await.unwrap();
    assert_eq!(fs.read("/a").await.unwrap(), b"12");
}

#[tokio::test]
async fn transactions_repeat_until_what_they_read_holds_still() {
    let fs = AsyncMemFs::new();
    fs.write("/n", 0_u64.to_le_bytes()).await.unwrap();
    let mut runs = 0;
    let (other, mut once) = (fs.as_sync().clone(), true);
    let seen = fs
        .transaction(|tx| {
            runs += 1;
            let n = tx.read("/n")?;
            if std::mem::take(&mut once) {
                other.write("/n", 7_u64.to_le_bytes())?; // another operation, which it conflicts with
            }
            tx.write("/m", &n)?;
            Ok(n)
        })
        .await
        .unwrap();
    assert_eq!((runs, seen), (2, 7_u64.to_le_bytes().to_vec()));
    assert_eq!(fs.read("/m").await.unwrap(), 7_u64.to_le_bytes());

    let fs = AsyncMemFs::from(MemFs::builder().lock_timeout(Some(Duration::ZERO)).build().unwrap());
    let other = fs.as_sync().clone();
    let error = fs
        .transaction(|tx| {
            let _ = tx.exists("/n");
            other.append("/n", b"1")?;
            tx.create_dir("/d")
        })
        .await
        .unwrap_err();
    assert!(is_busy(&error), "{error}");
    assert!(!fs.exists("/d").await);
}

/// Many tasks, one number: nothing is lost, and on one thread too they do not stop one another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_of_many_tasks_lose_nothing() {
    let fs = AsyncMemFs::new();
    fs.write("/n", b"0").await.unwrap();
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let fs = fs.clone();
            tokio::spawn(async move {
                for _ in 0..20 {
                    fs.transaction(|tx| {
                        let n: u64 = tx.read_to_string("/n")?.parse().unwrap();
                        tx.write("/n", (n + 1).to_string())
                    })
                    .await
                    .unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(fs.read_to_string("/n").await.unwrap(), "1000");
}
