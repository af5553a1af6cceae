//! Futures that are dropped leave nothing, whenever that is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arcfs::asynchronous::AsyncMemFs;
use arcfs::{MemFs, OpenOptions};
use tokio::io::AsyncWriteExt;

use crate::{FAR_TOO_LONG, appending, assert_nothing_is_left, patient, poll_once, started, trying};

#[tokio::test]
async fn a_call_that_was_never_polled_does_nothing() {
    let fs = AsyncMemFs::new();
    drop(fs.write("/a", b"1"));
    drop(fs.create("/a"));
    drop(fs.import_dir("/", "/a"));
    assert_eq!(fs.version(), MemFs::new().version());
}

#[tokio::test]
async fn who_gives_up_while_waiting_lets_the_next_in() {
    let fs = patient();
    fs.write("/a", b"0").await.unwrap();
    let shared = OpenOptions::new().read(true).shared_lock(true).open_async(&fs, "/a").await.unwrap();
    let (writer, mut reader) = (started(fs.append("/a", b"1")), {
        let mut options = OpenOptions::new();
        options.read(true).shared_lock(true);
        let fs = fs.clone();
        started(async move { options.open_async(&fs, "/a").await })
    });
    drop(writer); // nothing but this stood between the two readers
    let std::task::Poll::Ready(reader) = poll_once(reader.as_mut()) else { panic!("still waiting") };
    reader.unwrap().close().await.unwrap();
    shared.close().await.unwrap();
    assert_nothing_is_left(&fs, "/a").await;
}

#[tokio::test]
async fn who_gives_up_after_the_turn_was_his_passes_it_on() {
    let fs = patient();
    let file = fs.create("/a").await.unwrap();
    let (first, second) = (started(fs.append("/a", b"1")), started(fs.append("/a", b"2")));
    file.close().await.unwrap(); // the first has the turn, and does not know
    drop(first);
    second.await.unwrap();
    assert_eq!(fs.read("/a").await.unwrap(), b"2");
    assert_nothing_is_left(&fs, "/a").await;
}

#[tokio::test]
async fn a_large_write_that_is_dropped_half_way_leaves_nothing() {
    let fs = AsyncMemFs::with_quota(64 << 20);
    fs.write("/a", b"old").await.unwrap();
    let used = fs.stats().used_bytes;
    for _ in 0..2 {
        let mut writing = started(fs.write("/a", vec![1; 20 << 20]));
        for _ in 0..3 {
            assert!(poll_once(writing.as_mut()).is_pending());
        }
        assert!(fs.stats().used_bytes > 20 << 20, "reserved at once");
        drop(writing);
        assert_eq!((fs.stats().used_bytes, fs.read("/a").await.unwrap()), (used, b"old".to_vec()));
    }
    let mut appending = started(fs.append("/new", vec![1; 20 << 20]));
    assert!(poll_once(appending.as_mut()).is_pending());
    drop(appending);
    assert!(!fs.exists("/new").await);
    assert_nothing_is_left(&fs, "/a").await;
}

#[tokio::test]
async fn dropping_a_file_discards_its_draft() {
    let fs = AsyncMemFs::new();
    fs.write("/a", b"old").await.unwrap();
    let write = async |options: &mut OpenOptions| {
        let mut file = options.open_async(&fs, "/a").await.unwrap();
        file.write_all(b"new").await.unwrap();
        file
    };
    drop(write(OpenOptions::new().write(true)).await);
    assert_eq!(fs.read("/a").await.unwrap(), b"old");
    drop(write(OpenOptions::new().write(true).truncate(true).atomic(true)).await);
    assert_eq!(fs.read("/a").await.unwrap(), b"old");
    drop(write(OpenOptions::new().write(true).truncate(true)).await);
    assert_eq!(fs.read("/a").await.unwrap(), b"", "opening it has emptied it");
    drop(write(OpenOptions::new().append(true)).await.shutdown()); // not polled: not shut down
    assert_eq!(fs.read("/a").await.unwrap(), b"");
    let mut file = write(OpenOptions::new().write(true)).await;
    file.flush().await.unwrap();
    file.write_all(b"er").await.unwrap();
    drop(file);
    assert_eq!(fs.read("/a").await.unwrap(), b"new", "what was published stays");
    assert_nothing_is_left(&fs, "/a").await;
}

#[tokio::test]
async fn an_aborted_task_discards_what_it_was_writing() {
    let fs = patient();
    let task = tokio::spawn({
        let fs = fs.clone();
        async move {
            let mut file = appending().open_async(&fs, "/a").await.unwrap();
            file.write_all(b"half").await.unwrap();
            std::future::pending::<()>().await;
            file.shutdown().await.unwrap();
        }
    });
    while fs.stats().open_handles == 0 {
        tokio::task::yield_now().await;
    }
    tokio::task::yield_now().await;
    let behind = started(fs.append("/a", b"whole"));
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    behind.await.unwrap();
    assert_eq!(fs.read("/a").await.unwrap(), b"whole");
    assert_nothing_is_left(&fs, "/a").await;
}

#[tokio::test]
async fn work_that_has_not_begun_does_not_begin() {
    let runtime = tokio::runtime::Builder::new_multi_thread().max_blocking_threads(1).build().unwrap();
    let fs = AsyncMemFs::new();
    let (gate, release) = std::sync::mpsc::channel::<()>();
    let began = Arc::new(AtomicBool::new(false));
    let context = runtime.enter();
    let first = started(fs.off_task(move |_| {
        release.recv().unwrap();
        Ok(())
    }));
    let second = started({
        let (fs, began) = (fs.clone(), Arc::clone(&began));
        async move {
            fs.off_task(move |_| {
                began.store(true, Ordering::SeqCst);
                Ok(())
            })
            .await
        }
    });
    drop(second);
    gate.send(()).unwrap();
    first.await.unwrap();
    fs.off_task(|_| Ok(())).await.unwrap(); // behind both on the only thread
    assert!(!began.load(Ordering::SeqCst));
    drop(context);
    runtime.shutdown_background();
}

#[tokio::test]
async fn a_panic_of_work_elsewhere_goes_on_in_the_task() {
    let fs = AsyncMemFs::new();
    let task = tokio::spawn(async move { fs.off_task::<()>(|_| panic!("on purpose")).await });
    assert!(task.await.unwrap_err().is_panic());
}

/// A fixed sequence that looks random.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// One of the calls that wait; what it has written is whole or not there.
async fn some_call(fs: &AsyncMemFs, which: u64) {
    let _ = match which {
        0 => fs.append("/a", b"aaaa").await,
        1 => fs.write("/a", b"wwww").await,
        2 => fs.write("/a", vec![b'l'; 2 << 20]).await,
        3 => match OpenOptions::new().read(true).shared_lock(true).open_async(fs, "/a").await {
            Ok(file) => {
                tokio::task::yield_now().await;
                file.close().await
            }
            Err(error) => Err(error),
        },
        _ => match appending().open_async(fs, "/a").await {
            Ok(mut file) => {
                let _ = file.write_all(b"ff").await;
                tokio::task::yield_now().await;
                let _ = file.write_all(b"ff").await;
                if which == 4 { file.close().await } else { Ok(()) }
            }
            Err(error) => Err(error),
        },
    };
}

/// Tasks that are aborted, timed out and not selected, at random, beside others that are not, and
/// threads: after it all nothing is held, charged or waited for.
async fn cancelled_at_random(seed: u64) {
    let fs = AsyncMemFs::from(MemFs::builder().lock_timeout(Some(FAR_TOO_LONG)).build().unwrap());
    fs.write("/a", b"").await.unwrap();
    let thread = std::thread::spawn({
        let fs = fs.as_sync().clone();
        move || {
            for _ in 0..100 {
                fs.append("/a", b"tttt").unwrap();
                let _ = trying().open(&fs, "/a").map(arcfs::File::discard);
            }
        }
    });
    let (mut dice, mut tasks) = (Dice(seed), Vec::new());
    for _ in 0..300 {
        let (call, how, when) = (dice.roll(6), dice.roll(4), dice.roll(300));
        let fs = fs.clone();
        let task = tokio::spawn(async move {
            match how {
                0 => some_call(&fs, call).await,
                1 => drop(tokio::time::timeout(Duration::from_micros(when), some_call(&fs, call)).await),
                2 => tokio::select! {
                    biased;
                    () = async { for _ in 0..when / 30 { tokio::task::yield_now().await; } } => {}
                    () = some_call(&fs, call) => {}
                },
                _ => {
                    let mut call = Box::pin(some_call(&fs, call));
                    for _ in 0..when / 100 {
                        if poll_once(call.as_mut()).is_ready() {
                            break;
                        }
                        tokio::task::yield_now().await;
                    }
                }
            }
        });
        if dice.roll(3) == 0 {
            tasks.push(task);
        } else {
            for _ in 0..dice.roll(4) {
                tokio::task::yield_now().await;
            }
            task.abort();
            tasks.push(task);
        }
    }
    for task in tasks {
        match tokio::time::timeout(FAR_TOO_LONG, task).await.expect("everybody has a turn") {
            Ok(()) => {}
            Err(error) => assert!(error.is_cancelled(), "{error}"),
        }
    }
    tokio::task::spawn_blocking(move || thread.join().unwrap()).await.unwrap();
    let bytes = fs.read("/a").await.unwrap();
    for unit in bytes.chunks(4) {
        assert!(unit.len() == 4 && unit.iter().all(|byte| *byte == unit[0]), "half of something: {unit:?}");
    }
    drop(bytes);
    fs.write("/a", b"").await.unwrap();
    assert_nothing_is_left(&fs, "/a").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelled_at_random_on_two_threads() {
    for seed in 1..=5 {
        cancelled_at_random(seed).await;
    }
}

#[tokio::test(flavor = "current_thread")]
async fn cancelled_at_random_on_one_thread() {
    for seed in 11..=15 {
        cancelled_at_random(seed).await;
    }
}
