//! Open files for tasks.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};

use super::task::{count, counted, off_task, poll_share, share};
use crate::error::{Error, ErrorKind, Result};
use crate::file::File;
use crate::ops::SMALL;
use crate::tree::metadata::Metadata;
#[cfg(doc)]
use {super::AsyncMemFs, crate::OpenOptions};

/// An open file for tasks of tokio: a [`File`] that is [`AsyncRead`], [`AsyncWrite`] and [`AsyncSeek`].
///
/// It is opened by [`AsyncMemFs::open`], [`AsyncMemFs::create`] and [`OpenOptions::open_async`]. What it
/// sees, what it holds, what is charged and when it is published is as with [`File`], but for one thing:
///
/// **It publishes when it is told to, never because it is dropped.** A task can be dropped at every
/// `.await`, in the middle of what it writes, and half of a file should not replace a whole one for
/// that. So dropping discards what was not published; the end of a file that is written is
/// [`shutdown`](AsyncWrite::poll_shutdown) or [`close`](Self::close). As with
/// [`discard`](Self::discard), a file that opening it created or emptied stays, empty; a handle
/// opened with [`atomic`](OpenOptions::atomic) leaves no trace at all.
///
/// | call | publishes | lets the lock go | then |
/// |---|---|---|---|
/// | [`flush`](AsyncWrite::poll_flush) | unless the handle is atomic | no | goes on |
/// | [`commit`](Self::commit) | yes | no | goes on |
/// | [`shutdown`](AsyncWrite::poll_shutdown) | yes | yes, a shared one too | reads what was published, or what it had, if it was opened for reading; writing is `Unsupported` |
/// | a `shutdown` that fails | no | yes | is closed, and the draft is gone: what it has left to do is `Unsupported`, `shutdown` once more and `close` too |
/// | [`close`](Self::close) | yes | yes | |
/// | [`discard`](Self::discard), drop | no | yes | |
///
/// **Copies flush.** [`tokio::io::copy`](https://docs.rs/tokio/1/tokio/io/fn.copy.html) and its like
/// flush whenever their source has nothing to give for a moment, not only at its end. So a copy from a slow source into a plain handle publishes part
/// after part, and one that is cancelled leaves the parts that came. Open the destination with
/// [`atomic`](OpenOptions::atomic): then the file is published by `shutdown`, as a whole, and by
/// nothing before.
///
/// Reads and writes wait for nothing: bytes are copied when they are polled, through the traits no more
/// than 1 MiB at once, and publishing is one commit. A task that copies much lets others run in
/// between, by the share that tokio gives it. So no poll is ever cancelled half-way: a read or a write
/// that was not completed has copied nothing and moved no cursor.
///
/// More than 1 MiB of zeros, which [`set_len`](Self::set_len) or a [`write_at`](Self::write_at) beyond
/// the end adds, are made on another thread. A call that is dropped meanwhile takes the handle with it:
/// the draft is discarded and the lock let go once the work ends, and what is called afterwards is
/// `Unsupported`. A write through the trait, after a seek beyond the end, makes its zeros where it is
/// polled; call `set_len` before it where they may be many.
///
/// ```
/// use arcfs::OpenOptions;
/// use arcfs::asynchronous::AsyncMemFs;
/// use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let fs = AsyncMemFs::new();
/// fs.write("/a", "old").await?;
/// let mut options = OpenOptions::new();
/// options.read(true).write(true);
///
/// let mut file = options.open_async(&fs, "/a").await?;
/// file.write_all(b"never seen").await?;
/// drop(file); // discarded: the tempting mistake
/// assert_eq!(fs.read("/a").await?, b"old");
///
/// let mut file = options.open_async(&fs, "/a").await?;
/// file.write_all(b"new").await?;
/// file.rewind().await?;
/// let mut text = String::new();
/// file.read_to_string(&mut text).await?;
/// file.shutdown().await?; // published
/// assert_eq!((text.as_str(), fs.read("/a").await?), ("new", b"new".to_vec()));
/// # Ok(())
/// # }
/// ```
pub struct AsyncFile {
    file: File,
    /// Whether it was shut down.
    shut: bool,
}

impl AsyncFile {
    /// The path that it was opened at, as [`File::path`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// assert_eq!(fs.create("/d/../a").await?.path(), "/a");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn path(&self) -> &str {
        self.file.path()
    }

    /// The length in bytes: of the content at open, of the draft, or of what was published by
    /// `shutdown`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// let mut file = fs.create("/a").await?;
    /// file.write_at(b"12", 0).await?;
    /// assert_eq!((file.len(), fs.metadata("/a").await?.len()), (2, 0));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn len(&self) -> u64 {
        self.file.len()
    }

    /// Whether there are no bytes.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// assert!(fs.create("/a").await?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.file.is_empty()
    }

    /// What is known of the version published last, as [`File::metadata`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.write("/a", b"12345").await?;
    /// assert_eq!(fs.open("/a").await?.metadata().len(), 5);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn metadata(&self) -> Metadata {
        self.file.metadata()
    }

    /// Reads bytes from `offset` on without moving the cursor, as [`File::read_at`]: all that fit, at
    /// once.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.write("/a", b"0123456789").await?;
    /// let mut buf = [0; 4];
    /// assert_eq!(fs.open("/a").await?.read_at(&mut buf, 8).await?, 2);
    /// assert_eq!(&buf[..2], b"89");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        share().await;
        self.unless_closed("read")?;
        let read = self.file.read_at(buf, offset)?;
        counted(read).await;
        Ok(read)
    }

    /// Writes all of `buf` at `offset` without moving the cursor, as [`File::write_at`], at once.
    /// Returns `buf.len()`. A gap of more than 1 MiB is filled elsewhere, see [above](Self).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// let mut file = fs.create("/a").await?;
    /// file.write_at(b"end", 4).await?;
    /// file.close().await?;
    /// assert_eq!(fs.read("/a").await?, b"\0\0\0\0end");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there; nothing is stored then.
    pub async fn write_at(&mut self, buf: &[u8], offset: u64) -> Result<usize> {
        share().await;
        let gap = offset.saturating_sub(self.len());
        let file = self.writing("write")?;
        let written = if gap > SMALL && !buf.is_empty() {
            let bytes = buf.to_vec();
            self.elsewhere(move |file| file.write_at(&bytes, offset)).await?
        } else {
            file.write_at(buf, offset)?
        };
        counted(written).await;
        Ok(written)
    }

    /// Cuts the file, or fills it with zeros, to `len` bytes, as [`File::set_len`]. More than 1 MiB of
    /// zeros is made elsewhere, see [above](Self).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// let mut file = fs.create("/a").await?;
    /// file.set_len(3).await?;
    /// file.close().await?;
    /// assert_eq!(fs.read("/a").await?, [0; 3]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there; nothing has changed then.
    pub async fn set_len(&mut self, len: u64) -> Result<()> {
        share().await;
        let growth = len.saturating_sub(self.len());
        let file = self.writing("set_len")?;
        if growth > SMALL {
            return self.elsewhere(move |file| file.set_len(len)).await;
        }
        file.set_len(len)
    }

    /// Publishes the draft as a whole and goes on, as [`File::commit`]. Done when it is first polled.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// let mut file = fs.create("/a").await?;
    /// file.write_at(b"1", 0).await?;
    /// file.commit().await?;
    /// assert_eq!(fs.read("/a").await?, b"1");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn commit(&mut self) -> Result<()> {
        self.unless_closed("commit")?;
        self.file.commit()
    }

    /// Publishes the draft and lets the lock go, as [`File::close`]. Done when it is first polled;
    /// dropped before that, the draft is discarded.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// let mut file = fs.create("/a").await?;
    /// file.write_at(b"1", 0).await?;
    /// file.close().await?;
    /// assert_eq!((fs.read("/a").await?, fs.stats().open_handles), (b"1".to_vec(), 0));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there; the lock is free then and the draft gone.
    pub async fn close(mut self) -> Result<()> {
        self.unless_closed("close")?;
        let path = self.file.path().to_owned();
        self.file.finish(true).map_err(|error| error.during("close").on(&path))
    }

    /// Gives up what is unpublished and lets the lock go, as dropping it does.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// let mut file = fs.create("/a").await?;
    /// file.write_at(b"1", 0).await?;
    /// file.discard();
    /// assert_eq!(fs.read("/a").await?, b"");
    /// # Ok(())
    /// # }
    /// ```
    pub fn discard(self) {}

    /// Changes the draft on another thread, which has the handle meanwhile. Dropped there, the handle
    /// discards the draft as anywhere.
    async fn elsewhere<T: Send + 'static>(
        &mut self,
        change: impl FnOnce(&mut File) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let mut away = Self::from(self.file.take_over());
        let work = move || {
            let outcome = change(&mut away.file);
            Ok((away, outcome))
        };
        let (mut back, outcome) = off_task(work).await.map_err(|error| error.on(self.path()))?;
        self.file = back.file.take_over();
        outcome
    }

    /// Refuses if there is nothing left to work on.
    fn unless_closed(&self, operation: &'static str) -> Result<()> {
        if !self.file.is_closed() {
            return Ok(());
        }
        let why = "the handle was closed by a call that failed or was dropped half-way, and its draft is gone; \
            open the file again";
        Err(Error::at(ErrorKind::Unsupported, self.path()).during(operation).because(why))
    }

    /// The file, if it was not shut down.
    fn writing(&mut self, operation: &'static str) -> Result<&mut File> {
        self.unless_closed(operation)?;
        if self.shut {
            let error = Error::at(ErrorKind::Unsupported, self.path()).during(operation);
            return Err(error.because("the handle was shut down; open the file again to write more"));
        }
        Ok(&mut self.file)
    }
}

/// The same open file, for tasks: from now on dropping it discards its draft.
impl From<File> for AsyncFile {
    fn from(file: File) -> Self {
        Self { file, shut: false }
    }
}

impl AsyncRead for AsyncFile {
    /// Copies as many bytes as fit, all that there are, or 1 MiB, whichever is least; none at the end
    /// and after it.
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(poll_share(cx));
        this.unless_closed("read")?;
        let file = &mut this.file;
        // No more of the buffer is filled with zeros than will be filled with bytes.
        let left = file.len().saturating_sub(file.stream_position()?);
        let wanted = (left.min(SMALL) as usize).min(buf.remaining());
        let read = file.read(buf.initialize_unfilled_to(wanted))?;
        buf.advance(read);
        count(cx, read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for AsyncFile {
    /// Writes all of the buffer, or the first MiB of a larger one; nothing if that fails.
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(poll_share(cx));
        let piece = &buf[..buf.len().min(SMALL as usize)];
        let written = this.writing("write")?.write(piece)?;
        count(cx, written);
        Poll::Ready(Ok(written))
    }

    /// Publishes the draft as a whole, unless the handle is atomic. Copies flush when their source
    /// pauses, see [above](AsyncFile).
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.unless_closed("flush")?;
        Poll::Ready(this.file.flush())
    }

    /// Publishes the draft and lets the lock go. What was opened for reading too can still be read.
    /// Again after a success it does nothing; after a failure the handle is closed, and it fails.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.unless_closed("shutdown")?;
        this.shut = true;
        Poll::Ready(this.file.seal().map_err(io::Error::from))
    }
}

impl AsyncSeek for AsyncFile {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        self.get_mut().file.seek(position).map(drop)
    }

    fn poll_complete(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Poll::Ready(self.get_mut().file.stream_position())
    }
}

impl Drop for AsyncFile {
    fn drop(&mut self) {
        // Ending a hold without publishing anything needs nothing that could be refused.
        let _ = self.file.finish(false);
    }
}

impl fmt::Debug for AsyncFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncFile").field("file", &self.file).field("shut", &self.shut).finish()
    }
}
