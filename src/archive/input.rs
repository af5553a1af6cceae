//! The bytes of an archive, as formats read them.

use std::fmt;
use std::fs;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::sync::Arc;

use parking_lot::Mutex;

use super::meter::Meter;
use crate::content::Content;
use crate::error::Error;
use crate::ops::intake::fill;

/// How much of the beginning formats are told apart by.
const HEAD: usize = 4096;

/// What can be read anywhere.
pub trait ReadSeek: Read + Seek + Send {}
impl<T: Read + Seek + Send> ReadSeek for T {}

/// The bytes of an archive, as an [`ArchiveFormat`](super::ArchiveFormat) reads them.
///
/// It starts at the beginning. Where it [is seekable](Self::is_seekable), it can be read anywhere,
/// and [`try_clone`](Self::try_clone) gives further readers of the same bytes with cursors of their
/// own, which other threads may use.
///
/// ```
/// use std::io::{self, Read};
/// use arcfs::archive::{ArchiveFormat, ArchiveInput, ArchiveProbe, ArchiveReader, EntryInfo};
/// use arcfs::{Archive, ArchiveFormats};
///
/// /// A format without entries that starts with `NONE`.
/// struct Nothing;
///
/// impl ArchiveFormat for Nothing {
///     fn name(&self) -> &str {
///         "nothing"
///     }
///     fn detect(&self, probe: &ArchiveProbe<'_>) -> io::Result<bool> {
///         Ok(probe.head().starts_with(b"NONE"))
///     }
///     fn open(&self, mut input: ArchiveInput) -> io::Result<Box<dyn ArchiveReader>> {
///         let mut bytes = String::new();
///         input.read_to_string(&mut bytes)?;
///         assert_eq!(bytes, "NONE and more");
///         Ok(Box::new(Nothing))
///     }
/// }
///
/// impl ArchiveReader for Nothing {
///     fn next_entry(&mut self) -> io::Result<Option<EntryInfo>> {
///         Ok(None)
///     }
/// }
///
/// impl Read for Nothing {
///     fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
///         Ok(0)
///     }
/// }
///
/// let formats = ArchiveFormats::default().with(Nothing);
/// let archive = Archive::open_with(b"NONE and more".to_vec(), &formats)?;
/// assert_eq!(archive.format(), "nothing");
/// # Ok::<(), arcfs::Error>(())
/// ```
pub struct ArchiveInput {
    bytes: Access,
    at: u64,
    /// Counts what is read by this and its clones.
    meter: Arc<Meter>,
    /// Whether what is read here is read again, or only tells where the rest is.
    aside: bool,
}

enum Access {
    Shared(Arc<Store>, u64),
    Stream(Stream),
}

/// Bytes that can be read anywhere, by many.
enum Store {
    Memory(Content),
    #[cfg(unix)]
    Host(fs::File),
    Seek(Mutex<Box<dyn ReadSeek>>),
}

/// A stream, its beginning kept to be looked at and then read.
struct Stream {
    head: Cursor<Vec<u8>>,
    rest: Box<dyn Read + Send>,
}

impl Store {
    fn read_at(&self, buf: &mut [u8], at: u64) -> io::Result<usize> {
        match self {
            Self::Memory(content) => Ok(content.read_at(buf, at)?),
            #[cfg(unix)]
            Self::Host(file) => std::os::unix::fs::FileExt::read_at(file, buf, at),
            Self::Seek(reader) => {
                let mut reader = reader.lock();
                reader.seek(SeekFrom::Start(at))?;
                reader.read(buf)
            }
        }
    }
}

impl ArchiveInput {
    fn of(bytes: Access) -> Self {
        Self { bytes, at: 0, meter: Arc::new(Meter::boundless()), aside: false }
    }

    fn shared(store: Store, len: u64) -> Self {
        Self::of(Access::Shared(Arc::new(store), len))
    }

    /// The bytes of a content.
    pub(super) fn of_content(content: Content) -> Self {
        let len = content.len();
        Self::shared(Store::Memory(content), len)
    }

    /// Bytes that come in order only.
    pub(super) fn stream(rest: Box<dyn Read + Send>) -> Self {
        Self::of(Access::Stream(Stream { head: Cursor::default(), rest }))
    }

    /// Bytes that are somewhere else.
    ///
    /// # Errors
    ///
    /// Those of seeking.
    pub(super) fn of_reader(mut reader: Box<dyn ReadSeek>) -> io::Result<Self> {
        let len = reader.seek(SeekFrom::End(0))?;
        Ok(Self::shared(Store::Seek(Mutex::new(reader)), len))
    }

    /// A file of the host; what is no regular file may not be seekable.
    ///
    /// # Errors
    ///
    /// Those of the host.
    pub(super) fn of_file(mut file: fs::File) -> io::Result<Self> {
        if !file.metadata()?.is_file() {
            return Ok(Self::stream(Box::new(file)));
        }
        let len = file.seek(SeekFrom::End(0))?;
        #[cfg(unix)]
        let store = Store::Host(file);
        #[cfg(not(unix))]
        let store = Store::Seek(Mutex::new(Box::new(file)));
        Ok(Self::shared(store, len))
    }

    /// Whether it can be read anywhere, and by several at once.
    #[must_use]
    pub fn is_seekable(&self) -> bool {
        matches!(self.bytes, Access::Shared(..))
    }

    /// The number of bytes from beginning to end, if it is seekable.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        match self.bytes {
            Access::Shared(_, len) => Some(len),
            Access::Stream(_) => None,
        }
    }

    /// Another reader of the same bytes, at the beginning; `None` if it is not seekable.
    #[must_use]
    pub fn try_clone(&self) -> Option<Self> {
        match &self.bytes {
            Access::Shared(store, len) => {
                let bytes = Access::Shared(Arc::clone(store), *len);
                Some(Self { bytes, at: 0, meter: Arc::clone(&self.meter), aside: self.aside })
            }
            Access::Stream(_) => None,
        }
    }

    /// Where the next byte is read.
    pub(super) fn position(&self) -> u64 {
        self.at
    }

    /// Goes elsewhere, if it is seekable.
    pub(super) fn go_to(&mut self, at: u64) {
        debug_assert!(self.is_seekable());
        self.at = at;
    }

    /// Held against these limits.
    pub(super) fn metered(self, meter: Meter) -> Self {
        Self { meter: Arc::new(meter), ..self }
    }

    /// One whose bytes do not tell how far the reading of the archive is.
    pub(super) fn aside(self) -> Self {
        Self { aside: true, ..self }
    }

    /// Notes that so many bytes will not be read.
    pub(super) fn pass_over(&self, bytes: u64) {
        self.meter.leave_behind(bytes.min(self.size().unwrap_or(bytes)));
    }

    /// What counts the bytes that are read of the archive and unpacked, wherever.
    pub(super) fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }

    /// The first bytes, which are still to be read then.
    pub(super) fn head(&mut self) -> io::Result<Vec<u8>> {
        let mut head = vec![0; HEAD];
        let n = match &mut self.bytes {
            Access::Shared(store, _) => fill(&mut At { store, at: 0 }, &mut head),
            Access::Stream(stream) => fill(&mut stream.rest, &mut head),
        };
        head.truncate(n.map_err(SourceError::wrap)?);
        if let Access::Stream(stream) = &mut self.bytes {
            stream.head = Cursor::new(head.clone());
        }
        Ok(head)
    }
}

/// A place in a store.
struct At<'a> {
    store: &'a Store,
    at: u64,
}

impl Read for At<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.store.read_at(buf, self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}

impl Read for ArchiveInput {
    /// # Errors
    ///
    /// Those of the source, marked as such: a damaged archive is none of them.
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut read = || match &mut self.bytes {
            Access::Shared(store, _) => store.read_at(buf, self.at),
            Access::Stream(stream) => match stream.head.read(buf) {
                Ok(0) => stream.rest.read(buf),
                read => read,
            },
        };
        let n = loop {
            match read() {
                // Not all decoders can go on after it.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read.map_err(SourceError::wrap)?,
            }
        };
        self.at += n as u64;
        self.meter.take(n as u64);
        if !self.aside {
            self.meter.leave_behind(n as u64);
        }
        Ok(n)
    }
}

impl Seek for ArchiveInput {
    /// # Errors
    ///
    /// `Unsupported` if it is not seekable, `InvalidInput` before the beginning.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let Access::Shared(_, len) = self.bytes else {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "the archive can only be read in order"));
        };
        let to = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => len.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = to.ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "there is nothing before the beginning")
        })?;
        Ok(self.at)
    }
}

impl fmt::Debug for ArchiveInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArchiveInput")
            .field("at", &self.at)
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}

/// What tells a format whether an archive is its own.
///
/// ```
/// # use std::io;
/// use arcfs::ArchiveProbe;
///
/// fn is_ours(probe: &ArchiveProbe<'_>) -> io::Result<bool> {
///     Ok(probe.head().starts_with(b"OURS"))
/// }
/// # let _ = is_ours;
/// ```
#[derive(Debug)]
pub struct ArchiveProbe<'a> {
    head: &'a [u8],
    input: &'a ArchiveInput,
}

impl<'a> ArchiveProbe<'a> {
    pub(super) fn new(head: &'a [u8], input: &'a ArchiveInput) -> Self {
        Self { head, input }
    }

    /// The first bytes of the archive: 4096, or all that there are.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        self.head
    }

    /// A reader of the whole archive; `None` if that cannot be sought in, and so not looked at.
    #[must_use]
    pub fn input(&self) -> Option<ArchiveInput> {
        self.input.try_clone().map(ArchiveInput::aside)
    }
}

/// An error of what an archive is read from, not of the archive.
#[derive(Debug)]
pub struct SourceError(io::Error);

impl SourceError {
    fn wrap(error: io::Error) -> io::Error {
        match error.downcast::<Error>() {
            Ok(ours) => ours.into(),
            Err(error) => io::Error::new(error.kind(), Self(error)),
        }
    }

    /// Whether an error is one of these, or ours.
    pub fn is(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|error| error.is::<Self>() || error.is::<Error>())
    }

    /// The error itself.
    pub fn into_inner(self) -> io::Error {
        self.0
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for SourceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}
