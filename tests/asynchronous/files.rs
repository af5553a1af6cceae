//! `AsyncFile` as tokio's traits ask for it.

use std::io::{self, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll};

use arcfs::asynchronous::{AsyncFile, AsyncMemFs};
use arcfs::{ErrorKind, OpenOptions};
use tokio::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncSeekExt, AsyncWriteExt, BufReader, BufWriter, ReadBuf,
};

use crate::appending;

fn own(error: &io::Error) -> &arcfs::Error {
    error.get_ref().and_then(|inner| inner.downcast_ref()).expect("an error of arcfs")
}

async fn both(fs: &AsyncMemFs, path: &str) -> AsyncFile {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).open_async(fs, path).await.unwrap()
}

#[tokio::test]
async fn reads_give_as_much_as_fits_and_nothing_at_the_end() {
    let fs = AsyncMemFs::new();
    fs.write("/a", b"0123456789").await.unwrap();
    let mut file = fs.open("/a").await.unwrap();
    let mut buf = [0; 4];
    let mut sizes = Vec::new();
    loop {
        match file.read(&mut buf).await.unwrap() {
            0 => break,
            n => sizes.push(n),
        }
    }
    assert_eq!(sizes, [4, 4, 2]);
    assert_eq!(file.read(&mut buf).await.unwrap(), 0);
    file.rewind().await.unwrap();
    file.read_exact(&mut buf).await.unwrap();
    assert_eq!(&buf, b"0123");
    file.seek(SeekFrom::End(-1)).await.unwrap();
    assert_eq!(file.read_exact(&mut buf).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(file.read(&mut []).await.unwrap(), 0);
}

/// What was in the buffer before stays, and what is not filled is not claimed to be.
#[tokio::test]
async fn a_read_adds_to_what_is_in_the_buffer() {
    let fs = AsyncMemFs::new();
    fs.write("/a", b"56789").await.unwrap();
    let mut file = fs.open("/a").await.unwrap();
    let mut memory = [std::mem::MaybeUninit::new(7); 12];
    let mut buf = ReadBuf::uninit(&mut memory);
    buf.put_slice(b"01234");
    std::future::poll_fn(|cx: &mut Context<'_>| Pin::new(&mut file).poll_read(cx, &mut buf)).await.unwrap();
    assert_eq!(buf.filled(), b"0123456789");
    assert_eq!(buf.remaining(), 2);
}

#[tokio::test]
async fn seeking_past_the_end_reads_nothing_and_writes_zeros_between() {
    let fs = AsyncMemFs::new();
    let mut file = both(&fs, "/a").await;
    file.write_all(b"ab").await.unwrap();
    assert_eq!(file.seek(SeekFrom::Start(5)).await.unwrap(), 5);
    assert_eq!(file.read(&mut [0; 3]).await.unwrap(), 0);
    file.write_all(b"c").await.unwrap();
    assert_eq!(file.stream_position().await.unwrap(), 6);
    for wrong in [SeekFrom::Current(-7), SeekFrom::Start(1 << 63), SeekFrom::End(i64::MIN)] {
        let error = file.seek(wrong).await.unwrap_err();
        assert_eq!(own(&error).kind(), &ErrorKind::InvalidInput);
        assert_eq!(file.stream_position().await.unwrap(), 6, "the cursor stays");
    }
    file.shutdown().await.unwrap();
    assert_eq!(fs.read("/a").await.unwrap(), b"ab\0\0\0c");
}

#[tokio::test]
async fn a_handle_that_appends_writes_at_the_end_wherever_it_is() {
    let fs = AsyncMemFs::new();
    fs.write("/log", b"one").await.unwrap();
    let mut file = appending().open_async(&fs, "/log").await.unwrap();
    file.rewind().await.unwrap();
    file.write_all(b" two").await.unwrap();
    file.write_at(b" three", 0).await.unwrap();
    let error = file.read(&mut [0]).await.unwrap_err();
    assert_eq!(own(&error).kind(), &ErrorKind::Unsupported);
    file.shutdown().await.unwrap();
    assert_eq!(fs.read("/log").await.unwrap(), b"one two three");
}

#[tokio::test]
async fn flush_publishes_unless_the_handle_is_atomic() {
    let fs = AsyncMemFs::new();
    let mut file = both(&fs, "/a").await;
    file.write_all(b"1").await.unwrap();
    file.flush().await.unwrap();
    assert_eq!(fs.read("/a").await.unwrap(), b"1");

    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).atomic(true).open_async(&fs, "/b").await.unwrap();
    file.write_all(b"1").await.unwrap();
    file.flush().await.unwrap();
    assert!(!fs.exists("/b").await);
    file.commit().await.unwrap();
    assert_eq!(fs.read("/b").await.unwrap(), b"1");
    file.write_all(b"2").await.unwrap();
    file.shutdown().await.unwrap();
    assert_eq!(fs.read("/b").await.unwrap(), b"12");
}

/// After `shutdown` the lock is free, and the handle reads on, what it published.
#[tokio::test]
async fn a_file_that_was_shut_down_can_be_read_and_not_written() {
    let fs = AsyncMemFs::new();
    let mut file = both(&fs, "/a").await;
    file.write_all(b"published").await.unwrap();
    file.seek(SeekFrom::Start(3)).await.unwrap();
    file.shutdown().await.unwrap();
    let published = fs.metadata("/a").await.unwrap();
    fs.write("/a", b"later").await.unwrap(); // nobody has the lock

    assert_eq!((file.len(), file.metadata()), (9, published));
    let mut rest = String::new();
    file.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "lished");
    let error = file.write(b"1").await.unwrap_err();
    assert_eq!((own(&error).kind(), own(&error).path()), (&ErrorKind::Unsupported, Some("/a")));
    assert!(error.to_string().contains("shut down"), "{error}");
    assert_eq!(file.set_len(0).await.unwrap_err().kind(), &ErrorKind::Unsupported);
    assert_eq!(file.write_at(b"1", 0).await.unwrap_err().kind(), &ErrorKind::Unsupported);
    file.flush().await.unwrap();
    file.commit().await.unwrap();
    file.shutdown().await.unwrap(); // once more does nothing
    assert_eq!((fs.stats().open_handles, fs.read("/a").await.unwrap()), (1, b"later".to_vec()));
    file.close().await.unwrap();
    assert_eq!((fs.stats().open_handles, fs.stats().pinned_bytes), (0, 0));
}

/// A handle that cannot read keeps no bytes alive once it is shut down.
#[tokio::test]
async fn a_file_that_was_shut_down_pins_only_what_it_can_read() {
    let fs = AsyncMemFs::new();
    let mut file = fs.create("/a").await.unwrap();
    file.write_all(&[1; 100_000]).await.unwrap();
    file.shutdown().await.unwrap();
    assert_eq!(file.len(), 100_000);
    fs.remove_file("/a").await.unwrap();
    assert_eq!(fs.stats().used_bytes, 0);
    drop(file);
}

#[tokio::test]
async fn a_reader_without_a_lock_is_shut_down_without_effect() {
    let fs = AsyncMemFs::new();
    fs.write("/a", b"text").await.unwrap();
    let mut file = fs.open("/a").await.unwrap();
    file.shutdown().await.unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "text");
    assert_eq!(own(&file.write(b"1").await.unwrap_err()).kind(), &ErrorKind::Unsupported);
}

/// A shared lock too: the same task may write at once, and the handle reads on what it had.
#[tokio::test]
async fn a_reader_that_is_shut_down_lets_its_shared_lock_go() {
    let fs = AsyncMemFs::new();
    fs.write("/a", b"before").await.unwrap();
    let mut options = OpenOptions::new();
    options.read(true).shared_lock(true).lock_timeout(Some(std::time::Duration::ZERO));
    let mut file = options.open_async(&fs, "/a").await.unwrap();
    let mut other = options.open_async(&fs, "/a").await.unwrap();
    file.shutdown().await.unwrap();
    assert!(crate::is_busy(&crate::trying().open_async(&fs, "/a").await.unwrap_err()), "the other has it");
    other.shutdown().await.unwrap();
    fs.write("/a", b"after").await.unwrap();
    for mut file in [file, other] {
        let mut text = String::new();
        file.read_to_string(&mut text).await.unwrap();
        assert_eq!((text.as_str(), file.len()), ("before", 6));
        file.shutdown().await.unwrap(); // once more lets nothing go
        file.close().await.unwrap();
    }
    crate::assert_nothing_is_left(&fs, "/a").await;
}

#[tokio::test]
async fn a_write_that_fails_stores_nothing_and_moves_nothing() {
    let fs = AsyncMemFs::with_quota(10_000);
    let mut file = fs.create("/a").await.unwrap();
    file.write_all(b"before").await.unwrap();
    let used = fs.stats().used_bytes;
    let error = file.write(&[1; 20_000]).await.unwrap_err();
    assert!(matches!(own(&error).kind(), ErrorKind::QuotaExceeded { .. }));
    assert_eq!(error.kind(), io::ErrorKind::QuotaExceeded);
    assert_eq!((file.len(), file.stream_position().await.unwrap(), fs.stats().used_bytes), (6, 6, used));
    file.shutdown().await.unwrap();
    assert_eq!(fs.read("/a").await.unwrap(), b"before");
}

#[tokio::test]
async fn tokio_copies_from_file_to_file() {
    let fs = AsyncMemFs::new();
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    fs.write("/a", &bytes).await.unwrap();
    let (mut from, mut to) = (fs.open("/a").await.unwrap(), fs.create("/b").await.unwrap());
    assert_eq!(tokio::io::copy(&mut from, &mut to).await.unwrap(), bytes.len() as u64);
    to.shutdown().await.unwrap();
    assert_eq!(fs.read("/b").await.unwrap(), bytes);

    let mut to = BufWriter::new(fs.create("/c").await.unwrap());
    tokio::io::copy_buf(&mut BufReader::new(fs.open("/a").await.unwrap()), &mut to).await.unwrap();
    to.shutdown().await.unwrap();
    assert_eq!(fs.read("/c").await.unwrap(), bytes);
}

/// Both ways at once: the file is shut down for writing while it is still read.
#[tokio::test]
async fn tokio_copies_both_ways() {
    const TEXT: &str = "from the file, more than the other side takes at once";
    let fs = AsyncMemFs::new();
    fs.write("/a", TEXT).await.unwrap();
    let (mut here, mut there) = tokio::io::duplex(8);
    let other = tokio::spawn(async move {
        there.write_all(b"FROM").await.unwrap();
        there.shutdown().await.unwrap();
        let mut got = String::new();
        there.read_to_string(&mut got).await.unwrap();
        got
    });
    let mut file = OpenOptions::new().read(true).append(true).open_async(&fs, "/a").await.unwrap();
    let copied = tokio::io::copy_bidirectional(&mut file, &mut here).await.unwrap();
    drop(here);
    assert_eq!((copied, other.await.unwrap().as_str()), ((TEXT.len() as u64, 4), TEXT));
    assert_eq!(fs.read_to_string("/a").await.unwrap(), format!("{TEXT}FROM"));
}

#[tokio::test]
async fn lines_of_a_file() {
    let fs = AsyncMemFs::new();
    fs.write("/a", "one\ntwo\n").await.unwrap();
    let mut lines = BufReader::new(fs.open("/a").await.unwrap()).lines();
    let mut all = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        all.push(line);
    }
    assert_eq!(all, ["one", "two"]);
}

#[tokio::test]
async fn an_open_file_of_threads_becomes_one_of_tasks() {
    let fs = AsyncMemFs::new();
    let mut file = AsyncFile::from(fs.as_sync().create("/a").unwrap());
    file.write_all(b"1").await.unwrap();
    drop(file);
    assert_eq!(fs.read("/a").await.unwrap(), b"");
    assert!(format!("{:?}", both(&fs, "/a").await).contains("/a"));
}

/// A clock that panics, as others' code may, while the file is shut down.
#[derive(Debug)]
struct Moody(std::sync::atomic::AtomicBool);

impl arcfs::Clock for Moody {
    fn now(&self) -> std::time::SystemTime {
        assert!(!self.0.load(std::sync::atomic::Ordering::SeqCst), "on purpose");
        std::time::SystemTime::UNIX_EPOCH
    }

    fn elapsed(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }
}

#[tokio::test]
async fn a_panic_while_it_publishes_leaves_nothing_held() {
    let clock = std::sync::Arc::new(Moody(false.into()));
    let fs: AsyncMemFs = arcfs::MemFs::builder().clock(clock.clone()).build().unwrap().into();
    fs.write("/a", b"old").await.unwrap();
    let task = tokio::spawn({
        let (fs, clock) = (fs.clone(), clock.clone());
        async move {
            let mut file = both(&fs, "/a").await;
            file.write_all(b"new").await.unwrap();
            clock.0.store(true, std::sync::atomic::Ordering::SeqCst);
            file.shutdown().await
        }
    });
    assert!(task.await.unwrap_err().is_panic());

    clock.0.store(false, std::sync::atomic::Ordering::SeqCst);
    let mut file = both(&fs, "/a").await;
    file.write_all(b"new").await.unwrap();
    clock.0.store(true, std::sync::atomic::Ordering::SeqCst);
    let mut shutdown = Box::pin(file.shutdown());
    let polled = std::panic::AssertUnwindSafe(|| crate::poll_once(shutdown.as_mut()));
    assert!(std::panic::catch_unwind(polled).is_err());
    drop(shutdown);
    clock.0.store(false, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(fs.read("/a").await.unwrap(), b"old");
    assert_is_closed(file).await;
    crate::assert_nothing_is_left(&fs, "/a").await;
}

/// The draft is gone, and no call claims otherwise.
async fn assert_is_closed(mut file: AsyncFile) {
    let errors: [io::Error; 8] = [
        file.read(&mut [0]).await.unwrap_err(),
        file.read_at(&mut [0], 0).await.unwrap_err().into(),
        file.write(b"1").await.unwrap_err(),
        file.set_len(0).await.unwrap_err().into(),
        file.flush().await.unwrap_err(),
        file.commit().await.unwrap_err().into(),
        file.shutdown().await.unwrap_err(),
        file.close().await.unwrap_err().into(),
    ];
    let operations = ["read", "read", "write", "set_len", "flush", "commit", "shutdown", "close"];
    for (error, operation) in errors.iter().zip(operations) {
        let error = own(error);
        assert_eq!((error.kind(), error.operation()), (&ErrorKind::Unsupported, operation));
        assert!(error.path() == Some("/a") && error.to_string().contains("closed"), "{error}");
    }
}

/// A source that pauses makes tokio flush what has come so far.
#[tokio::test]
async fn a_copy_that_stalls_publishes_its_beginning_unless_the_handle_is_atomic() {
    for atomic in [false, true] {
        let fs = AsyncMemFs::new();
        let (mut source, mut sink) = tokio::io::duplex(64);
        let mut options = OpenOptions::new();
        options.write(true).create(true).atomic(atomic);
        let mut file = options.open_async(&fs, "/a").await.unwrap();
        source.write_all(b"half of ").await.unwrap();
        let mut copying = crate::started(async {
            tokio::io::copy(&mut sink, &mut file).await?;
            file.shutdown().await
        });
        let seen = if atomic { Err(ErrorKind::NotFound) } else { Ok(b"half of ".to_vec()) };
        assert_eq!(fs.read("/a").await.map_err(|error| error.kind().clone()), seen);
        source.write_all(b"all").await.unwrap();
        assert!(crate::poll_once(copying.as_mut()).is_pending());
        drop(copying);
        drop(file);
        let seen = if atomic { Err(ErrorKind::NotFound) } else { Ok(b"half of all".to_vec()) };
        assert_eq!(fs.read("/a").await.map_err(|error| error.kind().clone()), seen);
        crate::assert_nothing_is_left(&fs, "/a").await;
    }
}

/// With one thread for blocking work, which is busy until the gate opens.
#[tokio::test]
async fn a_file_whose_growth_is_given_up_is_closed() {
    let runtime = tokio::runtime::Builder::new_multi_thread().max_blocking_threads(1).build().unwrap();
    let fs = AsyncMemFs::new();
    fs.write("/a", b"old").await.unwrap();
    let mut first = both(&fs, "/a").await;
    first.write_all(b"new").await.unwrap();
    let (gate, opened) = std::sync::mpsc::channel::<()>();
    let context = runtime.enter();
    let busy = crate::started(fs.off_task(move |_| {
        opened.recv().unwrap();
        Ok(())
    }));
    drop(crate::started(first.set_len(8 << 20)));
    assert_eq!((first.path(), first.len()), ("/a", 0));
    gate.send(()).unwrap();
    busy.await.unwrap();
    fs.off_task(|_| Ok(())).await.unwrap(); // behind both on the only thread
    assert_is_closed(first).await;
    assert_eq!(fs.read("/a").await.unwrap(), b"old");
    crate::assert_nothing_is_left(&fs, "/a").await;
    drop(context);
    runtime.shutdown_background();
}

/// Done at once, without a runtime that could have kept it waiting.
#[test]
fn no_call_of_a_file_waits() {
    let fs = AsyncMemFs::new();
    let mut file = AsyncFile::from(fs.as_sync().create("/a").unwrap());
    let mut write = Box::pin(file.write_all(b"1"));
    assert!(matches!(crate::poll_once(write.as_mut()), Poll::Ready(Ok(()))));
    drop(write);
    let mut close = Box::pin(file.close());
    assert!(matches!(crate::poll_once(close.as_mut()), Poll::Ready(Ok(()))));
}
