//! Open files.

mod writer;

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use crate::content::{Content, MAX_LEN};
use crate::error::{Error, ErrorKind, Result};
use crate::open_files::Turn;
use crate::open_options::OpenOptions;
use crate::ops::{Held, Named, file_content};
use crate::sync::{broken, model_has_failed};
use crate::tree::metadata::Metadata;
use crate::volume::Volume;
use writer::Writer;

/// An open file.
///
/// A handle that reads has the content as it was at open, for ever, and blocks nobody. A handle
/// that writes owns the file's exclusive lock until it is closed and edits a private draft, which
/// [`flush`](Write::flush), [`commit`](Self::commit), [`close`](Self::close) and dropping it
/// publish as a whole. Dropped while its thread panics it is discarded: what was published before
/// stays. A handle keeps its filesystem alive.
///
/// Bytes are charged when they are written, so publishing cannot fail for want of quota. A write
/// that fails stores nothing of its buffer and leaves the cursor where it was.
///
/// ```
/// use std::io::{Read, Seek, SeekFrom, Write};
/// use arcfs::{MemFs, OpenOptions};
///
/// let fs = MemFs::new();
/// let mut file = OpenOptions::new().read(true).write(true).create(true).open(&fs, "/a")?;
/// file.write_all(b"hello world")?;
/// file.seek(SeekFrom::Start(6))?;
/// let mut word = String::new();
/// file.read_to_string(&mut word)?;
/// assert_eq!(word, "world");
/// assert_eq!(fs.read("/a")?, b""); // not published yet
/// file.close()?;
/// assert_eq!(fs.read("/a")?, b"hello world");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct File {
    volume: Arc<Volume>,
    path: Arc<str>,
    cursor: u64,
    readable: bool,
    state: State,
}

enum State {
    Reading { content: Content, metadata: Metadata, turn: Option<Turn> },
    Writing(Box<Writer>),
    Closed,
}

impl File {
    /// The task that does the same is in `asynchronous`.
    pub(crate) fn open(volume: &Arc<Volume>, path: &str, options: &OpenOptions) -> Result<Self> {
        let path = volume.file_path(path)?;
        let held = match options.opening() {
            Some(opening) => Some(volume.hold(&path, opening, options.patience(volume))?),
            None => None,
        };
        Self::start(volume, &path, options, held)
    }

    /// The last step of opening, with what is held, or nothing for a handle that needs no lock.
    pub(crate) fn start(
        volume: &Arc<Volume>,
        path: &str,
        options: &OpenOptions,
        held: Option<Held>,
    ) -> Result<Self> {
        let state = match held {
            Some(held) if options.writes() => State::Writing(Box::new(Writer::start(volume, options, held))),
            Some(held) => {
                let metadata = volume.view(path, |at| Ok(Metadata::of(at)));
                let content = held.base.expect("a shared hold is on a file that exists");
                match metadata {
                    Ok(metadata) => State::Reading { content, metadata, turn: Some(held.turn) },
                    Err(error) => {
                        volume.end_hold(held.turn.path());
                        return Err(error);
                    }
                }
            }
            None => {
                let (content, metadata) =
                    volume.view(path, |at| Ok((file_content(&at)?.clone(), Metadata::of(at))))?;
                State::Reading { content, metadata, turn: None }
            }
        };
        volume.resources.handles.add(1);
        let path = match &state {
            State::Writing(writer) => Arc::clone(writer.path()),
            _ => path.into(),
        };
        Ok(Self { volume: Arc::clone(volume), path, cursor: 0, readable: options.get_read(), state })
    }

    /// The path that it was opened at. It cannot be moved while a lock is held.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.create_dir("/d")?;
    /// let file = fs.create("/d/./a")?;
    /// assert_eq!(file.path(), "/d/a");
    /// assert!(fs.rename("/d/a", "/b").is_err());
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The length in bytes: of the content at open, or of the draft.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"12345")?;
    /// let reading = fs.open("/a")?;
    /// let mut writing = fs.create("/a")?;
    /// writing.write_at(b"12", 0)?;
    /// assert_eq!((reading.len(), writing.len()), (5, 2));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn len(&self) -> u64 {
        match &self.state {
            State::Reading { metadata, .. } => metadata.len(),
            State::Writing(writer) => writer.draft.len(),
            State::Closed => 0,
        }
    }

    /// Whether there are no bytes.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// let mut file = fs.create("/a")?;
    /// assert!(file.is_empty());
    /// file.write_at(b"1", 0)?;
    /// assert!(!file.is_empty());
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is known of the version published last; for a handle that reads, of the one it has.
    ///
    /// ```
    /// use std::io::Write;
    ///
    /// let fs = arcfs::MemFs::new();
    /// let mut file = fs.create("/a")?;
    /// file.write_all(b"draft")?;
    /// assert_eq!((file.len(), file.metadata().len()), (5, 0));
    /// file.flush()?;
    /// assert_eq!(file.metadata().len(), 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn metadata(&self) -> Metadata {
        match &self.state {
            State::Reading { metadata, .. } => *metadata,
            State::Writing(writer) => writer.metadata(&self.volume),
            State::Closed => Metadata::unpublished(self.volume.now()),
        }
    }

    /// Reads bytes from `offset` on into `buf`, without moving the cursor; returns how many, 0 at
    /// the end and after it.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"0123456789")?;
    /// let mut buf = [0; 4];
    /// assert_eq!(fs.open("/a")?.read_at(&mut buf, 8)?, 2);
    /// assert_eq!(&buf[..2], b"89");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Unsupported` on a handle that only writes.
    pub fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        if !self.readable {
            return Err(self.unsupported("read", "the handle was not opened for reading"));
        }
        match &self.state {
            State::Reading { content, .. } => content.read_at(buf, offset),
            State::Writing(writer) => writer.draft.read_at(buf, offset),
            State::Closed => Ok(0),
        }
        .named("read", &self.path)
    }

    /// Writes `buf` at `offset`, without moving the cursor; at the end for a handle that appends.
    /// A gap between the end of the file and `offset` is filled with zeros. Returns `buf.len()`.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// let mut file = fs.create("/a")?;
    /// file.write_at(b"end", 4)?;
    /// file.close()?;
    /// assert_eq!(fs.read("/a")?, b"\0\0\0\0end");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Unsupported` on a handle that only reads, or where the storage does not allow a write
    /// anywhere but the end; `InvalidInput` beyond 2⁶³ − 1; `QuotaExceeded`, `MemoryGuard`,
    /// `AllocationFailed`. Nothing is stored then.
    pub fn write_at(&mut self, buf: &[u8], offset: u64) -> Result<usize> {
        self.writer("write")?.1.write_at(buf, offset).named("write", &self.path).map(|_| buf.len())
    }

    /// Cuts the file, or fills it with zeros, to `len` bytes. The cursor stays.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// let mut file = fs.create("/a")?;
    /// file.write_at(b"0123456789", 0)?;
    /// file.set_len(4)?;
    /// file.set_len(5)?;
    /// file.close()?;
    /// assert_eq!(fs.read("/a")?, b"0123\0");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`write_at`](Self::write_at).
    pub fn set_len(&mut self, len: u64) -> Result<()> {
        self.writer("set_len")?.1.set_len(len).named("set_len", &self.path)
    }

    /// Publishes the draft as a whole and goes on; also for an atomic handle. A draft in which
    /// nothing changed is no publication.
    ///
    /// ```
    /// use std::io::Write;
    /// use arcfs::{MemFs, OpenOptions};
    ///
    /// let fs = MemFs::new();
    /// let mut file = OpenOptions::new().write(true).create(true).atomic(true).open(&fs, "/a")?;
    /// file.write_all(b"1")?;
    /// file.flush()?;
    /// assert!(!fs.exists("/a"));
    /// file.commit()?;
    /// assert_eq!(fs.read("/a")?, b"1");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the sum of all files would be too large.
    pub fn commit(&mut self) -> Result<()> {
        match &mut self.state {
            State::Writing(writer) => writer.publish(true).map(drop).named("commit", &self.path),
            _ => Ok(()),
        }
    }

    /// Publishes the draft and lets the lock go. After an error the lock is free and the draft
    /// gone.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// let mut file = fs.create("/a")?;
    /// file.write_at(b"1", 0)?;
    /// file.close()?;
    /// assert_eq!((fs.read("/a")?, fs.stats().open_handles), (b"1".to_vec(), 0));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit).
    pub fn close(mut self) -> Result<()> {
        self.finish(true).named("close", &self.path)
    }

    /// Gives up what is unpublished and lets the lock go. A file that opening it created or
    /// emptied stays, empty.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// let mut file = fs.create("/a")?;
    /// file.write_at(b"1", 0)?;
    /// file.discard();
    /// assert_eq!(fs.read("/a")?, b"");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn discard(mut self) {
        // Ending a hold without publishing anything needs nothing that could be refused.
        let _ = self.finish(false);
    }

    /// Publishes the draft and lets the lock go, exclusive or shared, and stays open for reading what
    /// was published or was there at open, if it was opened for that. After an error it is closed.
    #[cfg(feature = "tokio")]
    pub(crate) fn seal(&mut self) -> Result<()> {
        let writer = match std::mem::replace(&mut self.state, State::Closed) {
            State::Writing(writer) => writer,
            State::Reading { content, metadata, turn } => {
                self.state = State::Reading { content, metadata, turn: None };
                if let Some(turn) = turn {
                    self.volume.end_hold(turn.path());
                }
                return Ok(());
            }
            State::Closed => return Ok(()),
        };
        self.volume.resources.handles.sub(1); // as in `finish`; it comes back if all goes well
        let sealed = writer.seal();
        self.volume.resources.graves.sweep();
        let (content, metadata) = sealed.named("shutdown", &self.path)?;
        // Nobody can read it through a handle that only writes, so that keeps nothing alive.
        let content = if self.readable { content } else { Content::default() };
        self.state = State::Reading { content, metadata, turn: None };
        self.volume.resources.handles.add(1);
        Ok(())
    }

    /// The handle as it is; what stays is closed.
    #[cfg(feature = "tokio")]
    pub(crate) fn take_over(&mut self) -> Self {
        let (volume, path) = (Arc::clone(&self.volume), Arc::clone(&self.path));
        let state = std::mem::replace(&mut self.state, State::Closed);
        Self { volume, path, cursor: self.cursor, readable: self.readable, state }
    }

    /// Whether it was ended by a call that failed, or taken away.
    #[cfg(feature = "tokio")]
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Ends what the handle holds, and publishes its draft before, if asked to. It does nothing when
    /// it is closed already.
    pub(crate) fn finish(&mut self, publish: bool) -> Result<()> {
        if matches!(self.state, State::Closed) {
            return Ok(());
        }
        self.volume.resources.handles.sub(1); // first, so that it is done whatever happens below
        let outcome = match std::mem::replace(&mut self.state, State::Closed) {
            State::Closed => Ok(()),
            State::Reading { content, turn, .. } => {
                drop(content);
                if let Some(turn) = turn {
                    self.volume.end_hold(turn.path());
                }
                Ok(())
            }
            State::Writing(mut writer) if broken!(TurnPassedBeforeRelease) => {
                let path = Arc::clone(writer.path());
                writer.ended = true;
                drop(writer);
                self.volume.end_hold(&path);
                Ok(())
            }
            State::Writing(writer) => writer.close(publish),
        };
        self.volume.resources.graves.sweep();
        outcome
    }

    /// The draft's owner, and where writes of an appending handle go.
    fn writer(&mut self, operation: &'static str) -> Result<(u64, &mut Writer)> {
        if !matches!(self.state, State::Writing(_)) {
            return Err(self.unsupported(operation, "the handle was not opened for writing"));
        }
        match &mut self.state {
            State::Writing(writer) => {
                Ok((if writer.append { writer.draft.len() } else { self.cursor }, writer))
            }
            _ => unreachable!("looked at above"),
        }
    }

    fn unsupported(&self, operation: &'static str, why: &'static str) -> Error {
        Error::at(ErrorKind::Unsupported, &self.path).during(operation).because(why)
    }
}

impl Read for File {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.read_at(buf, self.cursor)?;
        self.cursor += read as u64;
        Ok(read)
    }

    /// Takes room for what is left at once.
    fn read_to_end(&mut self, out: &mut Vec<u8>) -> io::Result<usize> {
        let read = match &self.state {
            State::Reading { content, .. } if self.readable => {
                content.append_to(out, self.cursor).named("read", &self.path)?
            }
            State::Writing(writer) if self.readable => {
                let left = writer.draft.len().saturating_sub(self.cursor);
                let (before, left) = (out.len(), usize::try_from(left).unwrap_or(usize::MAX));
                out.try_reserve(left)?;
                out.resize(before + left, 0);
                self.read_at(&mut out[before..], self.cursor).inspect_err(|_| out.truncate(before))?
            }
            _ => self.read_at(&mut [], self.cursor)?, // says what is wrong
        };
        self.cursor += read as u64;
        Ok(read)
    }

    /// Takes room for what is left at once.
    fn read_to_string(&mut self, out: &mut String) -> io::Result<usize> {
        let mut bytes = if out.is_empty() { std::mem::take(out).into_bytes() } else { Vec::new() };
        let read = self.read_to_end(&mut bytes)?;
        let text =
            String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        if out.is_empty() {
            *out = text;
        } else {
            out.push_str(&text);
        }
        Ok(read)
    }
}

impl Write for File {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let (offset, writer) = self.writer("write")?;
        let end = writer.write_at(buf, offset).named("write", &self.path)?;
        self.cursor = end;
        Ok(buf.len())
    }

    /// Publishes the draft as a whole, unless the handle is atomic.
    fn flush(&mut self) -> io::Result<()> {
        match &mut self.state {
            State::Writing(writer) if !writer.atomic => {
                Ok(writer.publish(true).map(drop).named("flush", &self.path)?)
            }
            _ => Ok(()),
        }
    }
}

impl Seek for File {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(by) => self.cursor.checked_add_signed(by),
            SeekFrom::End(by) => self.len().checked_add_signed(by),
        };
        match target.filter(|target| *target <= MAX_LEN) {
            Some(target) => {
                self.cursor = target;
                Ok(target)
            }
            None => {
                let error = Error::at(ErrorKind::InvalidInput, &self.path).during("seek");
                Err(error.because("the position would be before the start or beyond 2^63 - 1").into())
            }
        }
    }

    fn stream_position(&mut self) -> io::Result<u64> {
        Ok(self.cursor)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        if model_has_failed() {
            return;
        }
        let publish = match &self.state {
            State::Writing(writer) => !writer.atomic && !std::thread::panicking(),
            _ => false,
        };
        // Nobody is left to tell; whoever wants to know closes the file.
        let _ = self.finish(publish);
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File")
            .field("path", &self.path)
            .field("len", &self.len())
            .field("cursor", &self.cursor)
            .field("writes", &matches!(self.state, State::Writing(_)))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
