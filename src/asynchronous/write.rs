//! Calls that write files and open them; these wait where a path is held.

use std::sync::Arc;
use std::time::SystemTime;

use super::task::{counted, off_task, share};
use super::{AsyncFile, AsyncMemFs, wait};
use crate::content::Content;
use crate::error::{Error, Result};
#[cfg(doc)]
use crate::fs::MemFs;
use crate::lock::Mode;
use crate::open_options::OpenOptions;
use crate::ops::{Growth, Named, Opening, Payload, SMALL};
use crate::volume::Volume;

impl AsyncMemFs {
    /// As [`MemFs::write`]. Waits where the path is open under a lock, without a thread.
    ///
    /// More than 1 MiB is written as through an atomic handle, in pieces between which other tasks run:
    /// until it is done the path is held, and nothing of it is seen. Dropped before that, it has done
    /// nothing.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.write("/a", b"first").await?;
    /// fs.write("/a", "second").await?;
    /// assert_eq!(fs.read("/a").await?, b"second");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there; `Unsupported` where it would have to wait outside of a runtime, see the [module](super).
    pub async fn write(&self, path: impl AsRef<str>, bytes: impl AsRef<[u8]>) -> Result<()> {
        share().await;
        let (path, bytes) = (path.as_ref(), bytes.as_ref());
        let written = if bytes.len() as u64 > SMALL {
            let mut options = OpenOptions::new();
            options.write(true).truncate(true);
            self.write_in_pieces("write", path, options, bytes).await
        } else {
            write(self.fs.volume(), path, Payload::Bytes(bytes)).await
        };
        written.named("write", path)?;
        counted(bytes.len()).await;
        Ok(())
    }

    /// As [`MemFs::write_owned`]. Waits where the path is open under a lock, without a thread.
    ///
    /// Content of this filesystem is shared. More than 1 MiB of other content is copied elsewhere: once
    /// that has begun, it goes on to its end if the call is dropped.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.write_owned("/a", vec![1, 2, 3]).await?;
    /// fs.write_owned("/b", fs.content("/a").await?).await?;
    /// assert_eq!(fs.read("/b").await?, [1, 2, 3]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub async fn write_owned(&self, path: impl AsRef<str>, content: impl Into<Content>) -> Result<()> {
        let content = content.into();
        share().await;
        let (path, volume) = (path.as_ref(), self.fs.volume());
        let copied = content.adoption_cost(volume.account(), 0);
        let written = if copied > SMALL {
            write_elsewhere(volume, path, content).await
        } else {
            write(volume, path, Payload::Owned(content)).await
        };
        written.named("write_owned", path)?;
        if copied <= SMALL {
            counted(copied as usize).await;
        }
        Ok(())
    }

    /// As [`MemFs::append`]. Waits where the path is open under a lock, without a thread.
    ///
    /// More than 1 MiB is appended as through an atomic handle, see [`write`](Self::write).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.append("/log", b"one ").await?;
    /// fs.append("/log", b"two").await?;
    /// assert_eq!(fs.read("/log").await?, b"one two");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub async fn append(&self, path: impl AsRef<str>, bytes: impl AsRef<[u8]>) -> Result<()> {
        share().await;
        let (path, bytes) = (path.as_ref(), bytes.as_ref());
        let appended = if bytes.len() as u64 > SMALL {
            let mut options = OpenOptions::new();
            options.append(true);
            self.write_in_pieces("append", path, options, bytes).await
        } else {
            append(self.fs.volume(), path, bytes).await
        };
        appended.named("append", path)?;
        counted(bytes.len()).await;
        Ok(())
    }

    /// Writes pieces at the end of a draft, which is paid for as a whole once the lock is had, and
    /// publishes it. Dropped before, the draft is discarded.
    async fn write_in_pieces(
        &self,
        operation: &'static str,
        path: &str,
        mut options: OpenOptions,
        bytes: &[u8],
    ) -> Result<()> {
        options.create(true).atomic(true);
        let growth = Growth::By(bytes.len() as u64);
        let opening = options.opening().map(|opening| Opening { growth, ..opening });
        let write = async {
            let mut file = AsyncFile::from(wait::open(self.fs.volume(), path, &options, opening).await?);
            for piece in bytes.chunks(SMALL as usize) {
                file.write_at(piece, file.len()).await?;
                tokio::task::yield_now().await;
            }
            file.close().await
        };
        write.await.map_err(|error: Error| error.during_exactly(operation))
    }

    /// As [`MemFs::set_modified`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// let time = std::time::SystemTime::UNIX_EPOCH;
    /// fs.write("/a", b"").await?;
    /// fs.set_modified("/a", time).await?;
    /// assert_eq!(fs.metadata("/a").await?.modified(), time);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn set_modified(&self, path: impl AsRef<str>, time: SystemTime) -> Result<()> {
        share().await;
        self.fs.set_modified(path, time)
    }

    /// As [`MemFs::open`]: takes no lock, never waits.
    ///
    /// ```
    /// use tokio::io::AsyncReadExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.write("/a", b"now").await?;
    /// let mut file = fs.open("/a").await?;
    /// fs.write("/a", b"later").await?;
    /// let mut text = String::new();
    /// file.read_to_string(&mut text).await?;
    /// assert_eq!(text, "now");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn open(&self, path: impl AsRef<str>) -> Result<AsyncFile> {
        OpenOptions::new().read(true).open_async(self, path).await
    }

    /// As [`MemFs::create`]. Waits for the file's lock, without a thread.
    ///
    /// ```
    /// use tokio::io::AsyncWriteExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// let mut file = fs.create("/a").await?;
    /// file.write_all(b"text").await?;
    /// file.shutdown().await?;
    /// assert_eq!(fs.read("/a").await?, b"text");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there; `Unsupported` where it would have to wait outside of a runtime, see the
    /// [module](super).
    pub async fn create(&self, path: impl AsRef<str>) -> Result<AsyncFile> {
        OpenOptions::new().write(true).create(true).truncate(true).open_async(self, path).await
    }
}

impl OpenOptions {
    /// Opens a file for tasks of tokio. Waits for the lock, where the options ask for one, without a
    /// thread.
    ///
    /// Dropped while it waits, it leaves nothing, and its turn goes to whoever is next.
    ///
    /// ```
    /// use std::time::Duration;
    /// use arcfs::asynchronous::AsyncMemFs;
    /// use arcfs::{ErrorKind, OpenOptions};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = AsyncMemFs::new();
    /// let mut options = OpenOptions::new();
    /// options.append(true).create(true);
    /// let first = options.open_async(&fs, "/log").await?;
    /// let second = tokio::spawn({
    ///     let (fs, options) = (fs.clone(), options.clone());
    ///     async move { options.open_async(&fs, "/log").await?.close().await }
    /// });
    ///
    /// options.lock_timeout(Some(Duration::ZERO)); // only tries
    /// let error = options.open_async(&fs, "/log").await.unwrap_err();
    /// assert!(matches!(error.kind(), ErrorKind::Busy { .. }));
    ///
    /// first.close().await?;
    /// second.await.unwrap()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); `Unsupported` where it would have to wait outside of a runtime, see
    /// the [module](super).
    pub async fn open_async(&self, fs: &AsyncMemFs, path: impl AsRef<str>) -> Result<AsyncFile> {
        share().await;
        let path = path.as_ref();
        let opened = match self.check() {
            Ok(()) => wait::open(fs.fs.volume(), path, self, self.opening()).await,
            Err(error) => Err(error),
        };
        opened.named("open", path).map(AsyncFile::from)
    }
}

/// As `Volume::write`.
async fn write(volume: &Volume, path: &str, mut payload: Payload<'_>) -> Result<()> {
    let path = &*volume.file_path(path)?;
    let written = wait::in_turn(volume, path, |lane| volume.write_on(lane, path, &mut payload)).await;
    written.map_err(|error| error.on(path))
}

/// As [`write`], for content of which much must be copied: each attempt is made on another thread, and
/// takes the turn along. As there, nothing is paid or copied while the path is held.
async fn write_elsewhere(volume: &Arc<Volume>, path: &str, content: Content) -> Result<()> {
    let path: Arc<str> = volume.file_path(path)?.into();
    let mut turn = None;
    loop {
        let attempt = {
            let (volume, path, content) = (Arc::clone(volume), Arc::clone(&path), content.clone());
            move || {
                let mut payload = Payload::Owned(content);
                let written = volume.unless_held(|lane| volume.write_on(lane, &path, &mut payload));
                written.map(|written| (written.is_some(), turn)).map_err(|error| error.on(&path))
            }
        };
        let (written, had) = off_task(attempt).await?;
        if written {
            return Ok(());
        }
        turn = match had {
            Some(turn) => Some(turn),
            None => {
                let timeout = volume.config.lock_timeout;
                let waited = wait::wait_for(volume, &path, Mode::Exclusive, timeout, |_| Ok(())).await;
                Some(waited.map_err(|error| error.on(&path))?)
            }
        };
    }
}

/// As `Volume::append`.
async fn append(volume: &Volume, path: &str, bytes: &[u8]) -> Result<()> {
    let path = &*volume.file_path(path)?;
    let appended = wait::in_turn(volume, path, |lane| volume.append_on(lane, path, bytes)).await;
    appended.map_err(|error| error.on(path))
}
