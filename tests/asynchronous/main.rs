//! The filesystem for tasks: waiting, giving up waiting, and what a task must not keep others from.
//! That each call answers as its twin does is tested by `tests/model/tasks.rs`.
//!
//! | module | what |
//! |---|---|
//! | `waiting` | who gets a lock and when, tasks and threads in one queue, timeouts |
//! | `cancelling` | futures that are dropped leave nothing, whenever that is |
//! | `files` | `AsyncFile` as tokio's traits ask for it |
//! | `sizes` | what leaves the task, what is done in pieces, and who runs meanwhile |
//! | `transfers` | archives and images, in and out |
//! | `outside` | without a runtime |

mod cancelling;
mod files;
mod outside;
mod sizes;
#[cfg(all(feature = "archive", feature = "image"))]
mod transfers;
mod waiting;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use arcfs::asynchronous::{AsyncFile, AsyncMemFs};
use arcfs::{Error, ErrorKind, MemFs, OpenOptions};

/// Nobody waits as long as this unless something is wrong.
const FAR_TOO_LONG: Duration = Duration::from_secs(120);

fn patient() -> AsyncMemFs {
    MemFs::builder().lock_timeout(None).build().unwrap().into()
}

fn appending() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    options
}

fn trying() -> OpenOptions {
    let mut options = appending();
    options.lock_timeout(Some(Duration::ZERO));
    options
}

fn is_busy(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Busy { .. })
}

/// Polls once, with a waker that wakes nobody: whoever polls next brings another.
fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// A call that waits already, behind those that did before.
fn started<F: Future>(future: F) -> Pin<Box<F>> {
    let mut future = Box::pin(future);
    assert!(poll_once(future.as_mut()).is_pending(), "it should have to wait");
    future
}

/// Whether nobody holds anything, and nothing is charged but what the tree is.
async fn assert_nothing_is_left(fs: &AsyncMemFs, path: &str) {
    let file = trying().open_async(fs, path).await.expect("nobody has the lock");
    file.discard();
    let (stats, snapshot) = (fs.stats(), fs.snapshot());
    assert_eq!(stats.open_handles, 0);
    assert_eq!(stats.pinned_bytes, 0);
    drop(snapshot);
    let mut used = 0;
    for (path, content) in fs.iter_export_tree("/", arcfs::ExportOptions::default()).await.unwrap() {
        let chunks = content.chunks().count() as u64;
        used += content.len() + chunks * stats.chunk_overhead + stats.node_overhead;
        drop(path);
    }
    used += (stats.dir_count - 1) * stats.node_overhead;
    assert_eq!(stats.used_bytes, used, "something is charged that is not there");
}

/// Futures that are not `Send` could not be tasks of a runtime with threads.
#[test]
fn everything_can_be_a_task_of_any_thread() {
    fn sendable<T: Send>(_: T) {}
    fn shareable<T: Send + Sync + Unpin + std::fmt::Debug + 'static>() {}
    shareable::<AsyncMemFs>();
    shareable::<AsyncFile>();
    let fs = AsyncMemFs::new();
    let (snapshot, path, mut out) = (fs.snapshot(), String::from("/a"), Vec::new());
    sendable(fs.write(&path, &out));
    sendable(fs.write_owned(&path, arcfs::Content::from("1")));
    sendable(fs.append(&path, "1"));
    sendable(fs.read_into(&path, &mut out));
    sendable(fs.read(&path));
    sendable(fs.glob("**"));
    sendable(fs.copy_from(&snapshot, &path, &path));
    sendable(fs.restore(&snapshot));
    sendable(fs.transaction(|tx| tx.remove_file("/a")));
    sendable(fs.import_tree([("/a", "1")]));
    sendable(fs.export_tree("/", arcfs::ExportOptions::default()));
    sendable(fs.import_dir("/", &path));
    sendable(fs.export_dir(&path, "/"));
    sendable(fs.import_dir_with("/", &path, arcfs::HostOptions::new()));
    sendable(fs.export_dir_with(&path, "/", arcfs::HostOptions::new()));
    sendable(fs.create(&path));
    sendable(OpenOptions::new().open_async(&fs, &path));
    sendable(fs.off_task(MemFs::clear));
}
