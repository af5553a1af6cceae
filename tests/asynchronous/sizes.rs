//! What leaves the task, what is done in pieces, and who runs meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arcfs::asynchronous::AsyncMemFs;
use arcfs::{Content, ErrorKind, ExportOptions, MemFs, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use crate::{appending, assert_nothing_is_left, started};

const LARGE: usize = 5 << 20;

fn large(seed: u8) -> Vec<u8> {
    (0..LARGE + 77).map(|n| (n % 251) as u8 ^ seed).collect()
}

/// Counts how often another task runs on this thread.
fn neighbour() -> Arc<AtomicU64> {
    let runs = Arc::new(AtomicU64::new(0));
    tokio::spawn({
        let runs = Arc::clone(&runs);
        async move {
            loop {
                runs.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        }
    });
    runs
}

#[tokio::test]
async fn large_files_are_written_and_read_whole() {
    let fs = AsyncMemFs::new();
    let (one, two) = (large(1), large(2));
    fs.write("/w", &one).await.unwrap();
    fs.write("/w", &two).await.unwrap();
    fs.write_owned("/o", one.clone()).await.unwrap();
    fs.append("/w", &one).await.unwrap();
    fs.append("/new", &one).await.unwrap();
    assert_eq!(fs.read("/w").await.unwrap(), [two, one.clone()].concat());
    let mut buffer = b"older".to_vec();
    assert_eq!(fs.read_into("/o", &mut buffer).await.unwrap(), one.len());
    assert!(buffer == one);
    assert!(fs.export_bytes("/new", None).await.unwrap() == one);
    assert!(fs.export_tree("/o", ExportOptions::default()).await.unwrap()["/o"] == one);
    let error = fs.read_to_string("/o").await.unwrap_err();
    assert_eq!((error.kind(), error.path()), (&ErrorKind::InvalidData, Some("/o")));
    assert_nothing_is_left(&fs, "/w").await;
}

/// In pieces or at once, a write leaves the same: content, times, generation and charge.
#[tokio::test]
async fn a_write_in_pieces_leaves_what_one_at_once_does() {
    let (tasks, threads) = (AsyncMemFs::new(), MemFs::new());
    let bytes = large(3);
    tasks.write("/a", b"small").await.unwrap();
    threads.write("/a", b"small").unwrap();
    for path in ["/a", "/b"] {
        tasks.write(path, &bytes).await.unwrap();
        threads.write(path, &bytes).unwrap();
        tasks.append(path, &bytes).await.unwrap();
        threads.append(path, &bytes).unwrap();
        tasks.write_owned("/c", bytes.clone()).await.unwrap();
        threads.write_owned("/c", bytes.clone()).unwrap();
        let (task, thread) = (tasks.metadata(path).await.unwrap(), threads.metadata(path).unwrap());
        assert_eq!((task.len(), task.generation()), (thread.len(), thread.generation()));
        assert!(tasks.read(path).await.unwrap() == threads.read(path).unwrap());
    }
    assert_eq!(tasks.version(), threads.version() + 4, "a hold, then the publication");
    let stats = [tasks.stats(), threads.stats()].map(|stats| (stats.payload_bytes, stats.open_handles));
    assert_eq!(stats[0], stats[1]);
    let used = [&tasks.stats(), &threads.stats()].map(|stats| stats.used_bytes / 1000);
    assert_eq!(used[0], used[1]);
}

#[tokio::test]
async fn a_large_write_that_has_no_room_says_so_before_it_copies() {
    let fs = AsyncMemFs::with_quota(6 << 20);
    fs.write("/a", large(1)).await.unwrap();
    let used = fs.stats().used_bytes;
    for (error, operation) in [
        (fs.write("/a", large(2)).await.unwrap_err(), "write"),
        (fs.append("/a", large(2)).await.unwrap_err(), "append"),
        (fs.write_owned("/b", large(2)).await.unwrap_err(), "write_owned"),
    ] {
        let ErrorKind::QuotaExceeded { requested, .. } = error.kind() else { panic!("{error}") };
        assert!(*requested > LARGE as u64, "all of it is asked for at once");
        assert_eq!(error.operation(), operation);
    }
    fs.set_max_quota(1 << 30);
    let error = fs.append("/a/below", large(2)).await.unwrap_err();
    assert_eq!((error.operation(), error.kind()), ("append", &ErrorKind::NotADirectory));
    let mut long = String::from("/");
    long.push_str(&"n".repeat(300));
    let error = fs.write(&long, large(2)).await.unwrap_err();
    assert_eq!((error.operation(), error.kind()), ("write", &ErrorKind::InvalidPath));
    assert_eq!(fs.stats().used_bytes, used);
    assert!(fs.read("/a").await.unwrap() == large(1));
    assert_nothing_is_left(&fs, "/a").await;
}

/// Content of this filesystem is shared, however large.
#[tokio::test]
async fn own_content_is_shared_and_foreign_content_is_copied() {
    let (fs, other) = (AsyncMemFs::new(), AsyncMemFs::new());
    other.write("/a", large(1)).await.unwrap();
    fs.write_owned("/a", other.content("/a").await.unwrap()).await.unwrap();
    let used = fs.stats().used_bytes;
    fs.write_owned("/b", fs.content("/a").await.unwrap()).await.unwrap();
    assert!(fs.stats().used_bytes < used + 1000);
    let snapshot = other.snapshot();
    assert_eq!(fs.copy_from(&snapshot, "/a", "/c").await.unwrap(), large(1).len() as u64);
    drop((snapshot, other));
    assert!(fs.read("/c").await.unwrap() == large(1));
    fs.write_owned("/d", Content::default()).await.unwrap();
    assert_eq!(fs.read("/d").await.unwrap(), b"");
}

#[tokio::test]
async fn large_trees_are_handled_as_small_ones() {
    let fs = AsyncMemFs::new();
    fs.import_tree((0..3000).map(|n| (format!("/t/{:02}/{n}", n % 20), "x"))).await.unwrap();
    let before = fs.snapshot();
    assert_eq!(fs.glob("/t/0?/*").await.unwrap().len(), 1500);
    assert_eq!(fs.glob("/t/01/*1").await.unwrap().len(), 150);
    fs.copy_dir_all("/t", "/u/..//v").await.unwrap();
    assert_eq!(fs.export_tree("/v", ExportOptions::default()).await.unwrap().len(), 3000);
    fs.remove_dir_all("/t").await.unwrap();
    fs.copy_from(&before, "/t", "/w").await.unwrap();
    let error = fs.copy_dir_all("/v", "/w").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.path(), error.other_path()),
        (&ErrorKind::AlreadyExists, Some("/v"), Some("/w"))
    );
    fs.restore(&before).await.unwrap();
    assert_eq!(fs.usage("/").await.unwrap().files, 3000);
    drop(before);
    fs.clear().await.unwrap();
    assert_eq!(fs.stats().used_bytes, 0);
}

#[tokio::test]
async fn directories_of_the_host_come_and_go() {
    let host = tempfile::tempdir().unwrap();
    std::fs::create_dir(host.path().join("sub")).unwrap();
    std::fs::write(host.path().join("sub/a"), "text").unwrap();
    let fs = AsyncMemFs::new();
    let report = fs.import_dir(host.path(), "/in").await.unwrap();
    assert_eq!((report.files, fs.read("/in/sub/a").await.unwrap()), (1, b"text".to_vec()));
    let report = fs.export_dir("/in", host.path().join("out")).await.unwrap();
    assert_eq!(report.files, 1);
    assert_eq!(std::fs::read(host.path().join("out/sub/a")).unwrap(), b"text");

    let error = fs.import_dir(host.path().join("missing"), "/in").await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (&ErrorKind::NotFound, "import_dir"));
    let error = fs.export_dir("/missing", host.path()).await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (&ErrorKind::NotFound, "export_dir"));
}

/// On one thread a task that waits by asking again and again would otherwise wait for ever.
#[tokio::test(flavor = "current_thread")]
async fn a_loop_of_calls_that_do_not_wait_lets_others_run() {
    let fs = AsyncMemFs::new();
    let asking = tokio::spawn({
        let fs = fs.clone();
        async move { while !fs.exists("/done").await {} }
    });
    let writing = tokio::spawn({
        let fs = fs.clone();
        async move { fs.write("/done", b"").await }
    });
    tokio::time::timeout(crate::FAR_TOO_LONG, asking).await.unwrap().unwrap();
    writing.await.unwrap().unwrap();
}

#[tokio::test(flavor = "current_thread")]
async fn a_task_that_copies_much_lets_others_run() {
    let fs = AsyncMemFs::with_quota(1 << 30);
    let runs = neighbour();
    let ran = || runs.swap(0, Ordering::Relaxed);

    fs.write("/a", vec![1; 64 << 20]).await.unwrap();
    assert!(ran() >= 60, "once in a MiB");
    let mut file = appending().open_async(&fs, "/b").await.unwrap();
    let piece = vec![1; 1 << 20];
    for _ in 0..64 {
        file.write_all(&piece).await.unwrap();
    }
    assert!(ran() >= 6, "once in 8 MiB");
    file.shutdown().await.unwrap();
    ran();
    let mut file = OpenOptions::new().read(true).open_async(&fs, "/b").await.unwrap();
    let mut buffer = vec![0; 1 << 20];
    while file.read(&mut buffer).await.unwrap() > 0 {}
    assert!(ran() >= 6, "once in 8 MiB");
    for offset in 0..64 {
        file.read_at(&mut buffer, offset << 20).await.unwrap();
    }
    assert!(ran() >= 6, "once in 8 MiB");
}

/// No poll copies more, however large the buffer is.
#[tokio::test]
async fn a_file_is_read_and_written_a_mebibyte_at_once() {
    let fs = AsyncMemFs::new();
    let (bytes, mut buffer) = (large(4), vec![0; LARGE + 77]);
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).open_async(&fs, "/a").await.unwrap();
    assert_eq!(file.write(&bytes).await.unwrap(), 1 << 20);
    file.write_all(&bytes[1 << 20..]).await.unwrap();
    file.rewind().await.unwrap();
    assert_eq!(file.read(&mut buffer).await.unwrap(), 1 << 20);
    file.read_exact(&mut buffer[1 << 20..]).await.unwrap();
    assert!(buffer == bytes);
    assert_eq!(file.read(&mut buffer).await.unwrap(), 0);
    file.shutdown().await.unwrap();
    assert!(fs.read("/a").await.unwrap() == bytes);
}

/// Many zeros are made elsewhere, and a handle that comes back is the one that went.
#[tokio::test]
async fn a_file_that_grows_much_comes_back_as_it_was() {
    let fs = AsyncMemFs::with_quota(64 << 20);
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).open_async(&fs, "/a").await.unwrap();
    file.write_all(b"begin").await.unwrap();
    for _ in 0..2 {
        let used = fs.stats().used_bytes;
        let error = file.set_len(100 << 20).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::QuotaExceeded { .. }) && error.path() == Some("/a"));
        let error = file.write_at(b"end", 100 << 20).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::QuotaExceeded { .. }) && error.operation() == "write");
        assert_eq!((file.len(), fs.stats().used_bytes), (5, used));
    }
    file.set_len(20 << 20).await.unwrap();
    assert_eq!(file.write_at(b"end", 30 << 20).await.unwrap(), 3);
    assert_eq!((file.len(), file.stream_position().await.unwrap()), ((30 << 20) + 3, 5));
    let mut tail = [1; 5];
    assert_eq!(file.read_at(&mut tail, (30 << 20) - 2).await.unwrap(), 5);
    assert_eq!(&tail, b"\0\0end");
    file.shutdown().await.unwrap();
    assert_eq!(fs.metadata("/a").await.unwrap().len(), (30 << 20) + 3);
    let mut reader = fs.open("/a").await.unwrap();
    assert_eq!(reader.set_len(100 << 20).await.unwrap_err().kind(), &ErrorKind::Unsupported);
    assert_eq!(reader.len(), (30 << 20) + 3, "it is what it was");
    drop((file, reader));
    fs.remove_file("/a").await.unwrap();
    assert_eq!(fs.stats().used_bytes, 0);
}

/// What is asked for at once is what is added to the file that is found when the lock is had.
#[tokio::test]
async fn a_large_append_reserves_for_the_file_that_it_finds() {
    let fs = AsyncMemFs::from(MemFs::builder().max_quota(8 << 20).lock_timeout(None).build().unwrap());
    let mut options = OpenOptions::new();
    options.write(true);
    fs.write("/a", vec![1; 4 << 20]).await.unwrap();
    let mut holder = options.open_async(&fs, "/a").await.unwrap();
    let waiting = started(fs.append("/a", vec![2; 5 << 20])); // with 4 MiB there, there is no room
    holder.set_len(1).await.unwrap();
    holder.close().await.unwrap();
    waiting.await.unwrap();
    assert_eq!(fs.metadata("/a").await.unwrap().len(), (5 << 20) + 1);

    fs.write("/a", b"").await.unwrap();
    let mut holder = options.open_async(&fs, "/a").await.unwrap();
    let waiting = started(fs.append("/a", vec![3; 5 << 20])); // with nothing there, there is
    holder.set_len(4 << 20).await.unwrap();
    holder.close().await.unwrap();
    let error = waiting.await.unwrap_err();
    let ErrorKind::QuotaExceeded { requested, .. } = error.kind() else { panic!("{error}") };
    assert!(*requested > 5 << 20 && *requested < 6 << 20, "asked for at once, and no more: {requested}");
    assert_eq!(fs.read("/a").await.unwrap(), vec![0; 4 << 20]);
    assert_nothing_is_left(&fs, "/a").await;
}

/// Content that is partly of this filesystem shares that part, and waits without having copied the rest.
#[tokio::test]
async fn much_owned_content_is_copied_elsewhere_and_only_in_its_turn() {
    let fs = AsyncMemFs::from(MemFs::builder().lock_timeout(None).build().unwrap());
    fs.write("/a", b"old").await.unwrap();
    let (bytes, used) = (large(5), fs.stats().used_bytes);
    let holder = appending().open_async(&fs, "/a").await.unwrap();
    let task = tokio::spawn({
        let (fs, bytes) = (fs.clone(), bytes.clone());
        async move { fs.write_owned("/a", bytes).await }
    });
    let mut behind = Box::pin(fs.append("/a", b"more"));
    for _ in 0..50 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        assert_eq!(fs.stats().used_bytes, used, "nothing is paid while it waits");
    }
    assert!(crate::poll_once(behind.as_mut()).is_pending());
    holder.close().await.unwrap();
    task.await.unwrap().unwrap();
    behind.await.unwrap();
    assert!(fs.read("/a").await.unwrap() == [&bytes[..], b"more"].concat(), "in the order of coming");

    let error = fs.write_owned("/a/below", bytes.clone()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.operation(), error.path()),
        (&ErrorKind::NotADirectory, "write_owned", Some("/a/below"))
    );
    let mut dropped = Box::pin(fs.write_owned("/a", vec![1; 2 << 20]));
    let _ = crate::poll_once(dropped.as_mut());
    drop(dropped); // begun or not, the file is whole
    let len = fs.metadata("/a").await.unwrap().len();
    assert!([bytes.len() as u64 + 4, 2 << 20].contains(&len), "{len}");
}

#[tokio::test]
async fn large_files_are_removed_and_replaced_as_small_ones() {
    let fs = AsyncMemFs::with_quota(1 << 30);
    for path in ["/a", "/b"] {
        let mut file = fs.create(path).await.unwrap();
        file.set_len(65 << 20).await.unwrap();
        file.close().await.unwrap();
    }
    fs.write("/new", b"new").await.unwrap();
    let holder = appending().open_async(&fs, "/a").await.unwrap();
    let error = fs.remove_file("/a").await.unwrap_err();
    assert!(crate::is_busy(&error) && error.path() == Some("/a"));
    drop(holder);
    fs.remove_file("/a").await.unwrap();
    fs.replace("/new", "/b").await.unwrap();
    assert_eq!(fs.read("/b").await.unwrap(), b"new");
    assert!(fs.stats().used_bytes < 10_000);
    assert_eq!(fs.remove_file("/").await.unwrap_err().operation(), "remove_file");
}

#[tokio::test]
async fn a_large_text_is_read_and_checked_whole() {
    let fs = AsyncMemFs::new();
    let text = "ä".repeat(1 << 20);
    fs.write("/a", &text).await.unwrap();
    assert!(fs.read_to_string("/a").await.unwrap() == text);
    fs.append("/a", b"\xff").await.unwrap();
    let error = fs.read_to_string("/a").await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (&ErrorKind::InvalidData, "read_to_string"));
    assert!(error.to_string().contains("2097152"), "{error}");
}
