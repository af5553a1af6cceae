//! Without a runtime: everything but a wait that ends by itself.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use arcfs::asynchronous::AsyncMemFs;
use arcfs::{ErrorKind, MemFs};
use tokio::io::AsyncWriteExt;

use crate::{appending, is_busy, patient, started, trying};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The smallest executor.
fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn everything_that_need_not_end_by_itself_runs_without_a_runtime() {
    let (fs, host) = (patient(), tempfile::tempdir().unwrap());
    block_on(async {
        fs.write("/a", vec![1; 3 << 20]).await.unwrap();
        assert_eq!(fs.read("/a").await.unwrap().len(), 3 << 20);
        fs.import_tree((0..2000).map(|n| (format!("/t/{n}"), ""))).await.unwrap();
        fs.remove_dir_all("/t").await.unwrap();
        assert_eq!(fs.export_dir("/", host.path()).await.unwrap().files, 1);
        assert_eq!(fs.import_dir(host.path(), "/in").await.unwrap().files, 1);
        let mut file = fs.create("/b").await.unwrap();
        file.write_all(b"1").await.unwrap();
        file.shutdown().await.unwrap();
    });
    let writer = fs.as_sync().create("/b").unwrap();
    let waiting = started(fs.append("/b", b"2"));
    let closer = thread::spawn(move || writer.close());
    block_on(waiting).unwrap();
    closer.join().unwrap().unwrap();
    assert_eq!(block_on(fs.read("/b")).unwrap(), b"2");
}

#[test]
fn a_wait_with_a_timeout_says_that_it_needs_a_runtime() {
    let fs = AsyncMemFs::from(MemFs::builder().lock_timeout(Some(Duration::from_secs(1))).build().unwrap());
    let writer = fs.as_sync().create("/a").unwrap();
    for error in [
        block_on(fs.append("/a", b"1")).unwrap_err(),
        block_on(fs.write("/a", vec![0; 2 << 20])).unwrap_err(),
        block_on(fs.create("/a")).unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.path()), (&ErrorKind::Unsupported, Some("/a")));
        assert!(error.to_string().contains("runtime"), "{error}");
    }
    assert!(is_busy(&block_on(trying().open_async(&fs, "/a")).unwrap_err()));
    writer.close().unwrap();
    block_on(fs.append("/a", b"1")).unwrap(); // nothing to wait for
    let mut forever = appending();
    let file = block_on(forever.lock_timeout(None).open_async(&fs, "/a")).unwrap();
    block_on(file.close()).unwrap();
}
