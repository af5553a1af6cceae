//! Archives and images: what always leaves the task.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::sync::mpsc::{self, Receiver, Sender};

use arcfs::asynchronous::AsyncMemFs;
use arcfs::{ArchiveOptions, ArchiveSource, ErrorKind, ImportOptions, NamedSnapshot, OnConflict};

use crate::started;

async fn filled() -> AsyncMemFs {
    let fs = AsyncMemFs::new();
    fs.import_tree([("/src/a", vec![b'a'; 100_000]), ("/src/d/b", b"two".to_vec())]).await.unwrap();
    fs
}

async fn tar() -> Vec<u8> {
    filled().await.export_tar(Vec::new(), ArchiveOptions::new().prefix("/src")).await.unwrap().0
}

/// Reads as the bytes do, but says when it is first asked, and answers once it is let go on.
struct Gated {
    bytes: io::Cursor<Vec<u8>>,
    asked: Option<Sender<()>>,
    go_on: Receiver<()>,
}

impl Gated {
    /// The source; what tells that it was asked, and what lets it go on.
    fn source(bytes: Vec<u8>) -> (ArchiveSource, Receiver<()>, Sender<()>) {
        let ((asked, was_asked), (gate, go_on)) = (mpsc::channel(), mpsc::channel());
        let gated = Self { bytes: io::Cursor::new(bytes), asked: Some(asked), go_on };
        (ArchiveSource::stream(gated), was_asked, gate)
    }
}

impl Read for Gated {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let Some(asked) = self.asked.take() {
            asked.send(()).unwrap();
            self.go_on.recv().unwrap();
        }
        self.bytes.read(buf)
    }
}

/// Fails once it has taken that many bytes.
#[derive(Debug)]
struct Full(usize);

impl Write for Full {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(buf.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn assert_imported(fs: &AsyncMemFs, dest: &str) {
    assert_eq!(fs.read(format!("{dest}/a")).await.unwrap(), vec![b'a'; 100_000]);
    assert_eq!(fs.read(format!("{dest}/d/b")).await.unwrap(), b"two");
}

#[tokio::test]
async fn a_tar_goes_out_and_comes_in_as_a_whole_or_entry_by_entry() {
    let source = filled().await;
    let (tar, summary) = source.export_tar(Vec::new(), ArchiveOptions::new().prefix("/src")).await.unwrap();
    assert_eq!((summary.files, summary.bytes), (2, 100_003));
    let mut of_threads = Vec::new();
    source.as_sync().export_tar(&mut of_threads, ArchiveOptions::new().prefix("/src")).unwrap();
    assert!(tar == of_threads);

    let fs = AsyncMemFs::new();
    let report = fs.import_archive(tar.clone(), "/whole", ImportOptions::new()).await.unwrap();
    assert_eq!(report.files, 2);
    assert_imported(&fs, "/whole").await;
    let stream = ArchiveSource::stream(io::Cursor::new(tar.clone()));
    let report = fs.import_archive_streaming(stream, "/entries", ImportOptions::new()).await.unwrap();
    assert_eq!(report.files, 2);
    assert_imported(&fs, "/entries").await;

    let skip = || ImportOptions::new().on_conflict(OnConflict::Skip);
    let report = fs.import_archive_streaming(tar.clone(), "/whole", skip()).await.unwrap();
    assert_eq!((report.files, report.skipped.len()), (0, 2));
    let error = fs.import_archive(tar.clone(), "/whole", ImportOptions::new()).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::AlreadyExists);
    let error = source.export_tar(Full(1000), ArchiveOptions::new()).await.unwrap_err();
    assert_eq!(error.operation(), "export_tar");
}

/// What is damaged at its end leaves nothing, or the entries before the damage.
#[tokio::test]
async fn a_damaged_tar_leaves_nothing_or_what_was_before_the_damage() {
    let (fs, mut tar) = (AsyncMemFs::new(), tar().await);
    tar.truncate(50_000);
    let empty = fs.stats().used_bytes;
    fs.import_archive(tar.clone(), "/in", ImportOptions::new()).await.unwrap_err();
    assert_eq!((fs.exists("/in").await, fs.stats().used_bytes), (false, empty));
    fs.import_archive_streaming(tar, "/in", ImportOptions::new()).await.unwrap_err();
    assert!(!fs.exists("/in/a").await, "an entry is whole or not there");
}

/// On one thread for such work, which is busy: the import has not begun when it is dropped.
#[test]
fn a_transfer_that_is_dropped_before_it_begins_does_nothing() {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let (fs, tar, host) = (AsyncMemFs::new(), tar().await, tempfile::tempdir().unwrap());
        let (version, image) = (fs.version(), host.path().join("image"));
        let (gate, opened) = mpsc::channel::<()>();
        let busy = started(fs.off_task(move |_| {
            opened.recv().unwrap();
            Ok(())
        }));
        drop(started(fs.import_archive(tar.clone(), "/in", ImportOptions::new())));
        drop(started(fs.import_archive_streaming(tar, "/in", ImportOptions::new())));
        drop(started(fs.save_image_file(&image, BTreeMap::new())));
        gate.send(()).unwrap();
        busy.await.unwrap();
        fs.off_task(|_| Ok(())).await.unwrap(); // behind all of them
        assert_eq!((fs.version(), image.exists()), (version, false));
    });
}

/// Once it has begun it goes on to its end, and is all there.
#[tokio::test]
async fn a_transfer_that_is_dropped_after_it_began_goes_on() {
    for streaming in [false, true] {
        let (fs, tar) = (AsyncMemFs::new(), tar().await);
        let (source, asked, gate) = Gated::source(tar);
        let importing = tokio::spawn({
            let fs = fs.clone();
            async move {
                if streaming {
                    fs.import_archive_streaming(source, "/in", ImportOptions::new()).await
                } else {
                    fs.import_archive(source, "/in", ImportOptions::new()).await
                }
            }
        });
        tokio::task::spawn_blocking(move || asked.recv().unwrap()).await.unwrap();
        importing.abort();
        assert!(importing.await.unwrap_err().is_cancelled());
        assert!(!fs.exists("/in").await);
        gate.send(()).unwrap();
        while !fs.exists("/in/d/b").await || !fs.exists("/in/a").await {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        assert_imported(&fs, "/in").await;
    }
}

#[tokio::test]
async fn an_image_keeps_the_filesystem_and_its_snapshots() {
    let (fs, host) = (filled().await, tempfile::tempdir().unwrap());
    let path = host.path().join("image");
    let taken = std::time::SystemTime::UNIX_EPOCH;
    let snapshots = BTreeMap::from([("first".to_owned(), NamedSnapshot { snapshot: fs.snapshot(), taken })]);
    fs.write("/src/d/b", b"later").await.unwrap();
    fs.save_image_file(&path, snapshots).await.unwrap();

    let image = AsyncMemFs::load_image_file(&path).await.unwrap();
    assert_eq!(image.snapshots["first"].snapshot.read("/src/d/b").unwrap(), b"two");
    assert_eq!(AsyncMemFs::from(image.fs).read("/src/d/b").await.unwrap(), b"later");
    let missing = AsyncMemFs::load_image_file(host.path().join("missing")).await.unwrap_err();
    assert_eq!(missing.kind(), &ErrorKind::NotFound);
    std::fs::write(&path, b"no image").unwrap();
    let broken = AsyncMemFs::load_image_file(&path).await.unwrap_err();
    assert_eq!(broken.kind(), &ErrorKind::InvalidData);
}

/// Outside of a runtime they are done where they are: at the first poll.
#[test]
fn transfers_need_no_runtime() {
    fn at_once<F: Future>(future: F) -> F::Output {
        match crate::poll_once(std::pin::pin!(future)) {
            std::task::Poll::Ready(output) => output,
            std::task::Poll::Pending => panic!("it waits"),
        }
    }
    let (fs, host) = (AsyncMemFs::new(), tempfile::tempdir().unwrap());
    let tar = at_once(tar());
    at_once(fs.import_archive(tar.clone(), "/whole", ImportOptions::new())).unwrap();
    at_once(fs.import_archive_streaming(tar, "/entries", ImportOptions::new())).unwrap();
    let (zip, summary) = at_once(fs.export_zip(Vec::new(), ArchiveOptions::new().prefix("/whole"))).unwrap();
    assert_eq!(summary.files, 2);
    at_once(fs.import_archive(zip, "/zip", ImportOptions::new())).unwrap();
    at_once(fs.save_image_file(host.path().join("image"), BTreeMap::new())).unwrap();
    let image = at_once(AsyncMemFs::load_image_file(host.path().join("image"))).unwrap();
    for dest in ["/whole", "/entries", "/zip"] {
        at_once(assert_imported(&AsyncMemFs::from(image.fs.clone()), dest));
    }
}
