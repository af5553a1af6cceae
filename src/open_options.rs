//! How a file is to be opened.

use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::file::File;
use crate::fs::MemFs;
use crate::ops::{Growth, Named, Opening};
use crate::tree::edit::Create;
use crate::volume::Volume;

/// How to open a file; as [`std::fs::OpenOptions`], with what an in-memory filesystem adds.
///
/// | access | lock | sees |
/// |---|---|---|
/// | `read` | none | the content at open, for ever |
/// | `read` and `shared_lock` | shared until closed | the same, and keeps writers out |
/// | `write` or `append` | exclusive until closed | its own draft |
///
/// ```
/// use std::io::Write;
/// use arcfs::{MemFs, OpenOptions};
///
/// let fs = MemFs::new();
/// let mut file = OpenOptions::new().write(true).create(true).atomic(true).open(&fs, "/a")?;
/// file.write_all(b"all")?;
/// file.write_all(b" or nothing")?;
/// assert!(!fs.exists("/a"));
/// file.close()?;
/// assert_eq!(fs.read("/a")?, b"all or nothing");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// What was set can be asked for:
///
/// ```
/// use std::time::Duration;
/// use arcfs::OpenOptions;
///
/// let mut options = OpenOptions::new();
/// options.write(true).create_new(true).atomic(true).preallocate(4096).lock_timeout(None);
/// assert!(options.get_write() && options.get_create_new() && options.get_atomic());
/// assert!(!options.get_read() && !options.get_append() && !options.get_truncate());
/// assert!(!options.get_create() && !options.get_shared_lock());
/// assert_eq!(options.get_preallocate(), 4096);
/// assert_eq!(options.get_lock_timeout(), Some(None));
///
/// options.lock_timeout(Some(Duration::ZERO));
/// assert_eq!(options.get_lock_timeout(), Some(Some(Duration::ZERO)));
/// assert_eq!(OpenOptions::new().get_lock_timeout(), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpenOptions {
    read: bool,
    write: bool,
    append: bool,
    truncate: bool,
    create: bool,
    create_new: bool,
    atomic: bool,
    shared_lock: bool,
    preallocate: u64,
    /// `None`: that of the filesystem.
    lock_timeout: Option<Option<Duration>>,
}

impl OpenOptions {
    /// Options that allow nothing yet.
    ///
    /// ```
    /// use arcfs::{ErrorKind, MemFs, OpenOptions};
    ///
    /// let error = OpenOptions::new().open(&MemFs::new(), "/a").unwrap_err();
    /// assert_eq!(error.kind(), &ErrorKind::InvalidInput);
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The options of a binary mode: `"rb"` reads, `"wb"` creates or empties, `"ab"` appends or
    /// creates, `"r+b"` reads and writes what exists, `"xb"` creates what does not.
    ///
    /// ```
    /// use arcfs::OpenOptions;
    ///
    /// assert_eq!(&OpenOptions::from_mode("r+b")?, OpenOptions::new().read(true).write(true));
    /// assert!(OpenOptions::from_mode("w+").is_err());
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidInput` for anything else.
    pub fn from_mode(mode: &str) -> Result<Self> {
        let mut options = Self::new();
        match mode {
            "rb" => options.read(true),
            "wb" => options.write(true).create(true).truncate(true),
            "ab" => options.append(true).create(true),
            "r+b" => options.read(true).write(true),
            "xb" => options.write(true).create_new(true),
            _ => {
                let error = Error::new(ErrorKind::InvalidInput).during("from_mode");
                return Err(error.because(format!("mode {mode:?} is none of rb, wb, ab, r+b, xb")));
            }
        };
        Ok(options)
    }

    /// Whether the handle may read.
    ///
    /// ```
    /// use arcfs::{MemFs, OpenOptions};
    ///
    /// let fs = MemFs::new();
    /// fs.write("/a", b"text")?;
    /// let file = OpenOptions::new().read(true).open(&fs, "/a")?;
    /// assert_eq!(file.read_at(&mut [0; 10], 0)?, 4);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn read(&mut self, read: bool) -> &mut Self {
        self.read = read;
        self
    }

    /// Whether the handle may write.
    ///
    /// ```
    /// use arcfs::{MemFs, OpenOptions};
    ///
    /// let fs = MemFs::new();
    /// fs.write("/a", b"text")?;
    /// let mut file = OpenOptions::new().write(true).open(&fs, "/a")?;
    /// file.write_at(b"n", 2)?;
    /// file.close()?;
    /// assert_eq!(fs.read("/a")?, b"tent");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn write(&mut self, write: bool) -> &mut Self {
        self.write = write;
        self
    }

    /// Whether the handle may write, every write landing at the end, wherever the cursor is.
    ///
    /// ```
    /// use arcfs::{MemFs, OpenOptions};
    ///
    /// let fs = MemFs::new();
    /// fs.write("/log", b"one")?;
    /// let mut file = OpenOptions::new().append(true).open(&fs, "/log")?;
    /// file.write_at(b" two", 0)?;
    /// file.close()?;
    /// assert_eq!(fs.read("/log")?, b"one two");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn append(&mut self, append: bool) -> &mut Self {
        self.append = append;
        self
    }

    /// Whether an existing file is emptied. Needs `write`.
    ///
    /// ```
    /// use arcfs::{MemFs, OpenOptions};
    ///
    /// let fs = MemFs::new();
    /// fs.write("/a", b"older")?;
    /// let file = OpenOptions::new().write(true).truncate(true).open(&fs, "/a")?;
    /// assert!(file.is_empty());
    /// assert_eq!(fs.read("/a")?, b"");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn truncate(&mut self, truncate: bool) -> &mut Self {
        self.truncate = truncate;
        self
    }

    /// Whether a missing file is created. Needs `write` or `append`.
    ///
    /// ```
    /// use arcfs::{ErrorKind, MemFs, OpenOptions};
    ///
    /// let fs = MemFs::new();
    /// let mut options = OpenOptions::new();
    /// options.write(true);
    /// assert_eq!(options.open(&fs, "/a").unwrap_err().kind(), &ErrorKind::NotFound);
    /// options.create(true).open(&fs, "/a")?.close()?;
    /// assert!(fs.is_file("/a"));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn create(&mut self, create: bool) -> &mut Self {
        self.create = create;
        self
    }

    /// Whether the file must not exist and is created. Needs `write` or `append`; `create` and
    /// `truncate` then say nothing more.
    ///
    /// ```
    /// use arcfs::{ErrorKind, MemFs, OpenOptions};
    ///
    /// let fs = MemFs::new();
    /// let mut options = OpenOptions::new();
    /// options.write(true).create_new(true);
    /// options.open(&fs, "/a")?.close()?;
    /// assert_eq!(options.open(&fs, "/a").unwrap_err().kind(), &ErrorKind::AlreadyExists);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn create_new(&mut self, create_new: bool) -> &mut Self {
        self.create_new = create_new;
        self
    }

    /// Whether nothing is visible before `commit` or `close`: `flush` does not publish and a
    /// dropped handle leaves no trace. Needs `write` or `append`.
    ///
    /// ```
    /// use arcfs::{MemFs, OpenOptions};
    ///
    /// let fs = MemFs::new();
    /// let mut options = OpenOptions::new();
    /// options.write(true).create(true).atomic(true);
    /// options.open(&fs, "/dropped")?.write_at(b"1", 0)?;
    /// assert!(!fs.exists("/dropped"));
    ///
    /// let mut file = options.open(&fs, "/closed")?;
    /// file.write_at(b"1", 0)?;
    /// file.close()?;
    /// assert_eq!(fs.read("/closed")?, b"1");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn atomic(&mut self, atomic: bool) -> &mut Self {
        self.atomic = atomic;
        self
    }

    /// Whether a handle that reads keeps writers out until it is closed.
    ///
    /// ```
    /// use std::time::Duration;
    /// use arcfs::{ErrorKind, MemFs, OpenOptions};
    ///
    /// let fs = MemFs::builder().lock_timeout(Some(Duration::ZERO)).build()?;
    /// fs.write("/a", b"1")?;
    /// let reader = OpenOptions::new().read(true).shared_lock(true).open(&fs, "/a")?;
    /// assert!(matches!(fs.write("/a", b"2").unwrap_err().kind(), ErrorKind::Busy { .. }));
    /// reader.close()?;
    /// fs.write("/a", b"2")?;
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn shared_lock(&mut self, shared_lock: bool) -> &mut Self {
        self.shared_lock = shared_lock;
        self
    }

    /// Reserves quota, before anything else at open changes, for growth to this many bytes. The
    /// length stays; what is unused comes back at close. Until the first publication no write up
    /// to this length can fail for want of quota. Needs `write` or `append`.
    ///
    /// ```
    /// use arcfs::{ErrorKind, MemFs, OpenOptions};
    ///
    /// let fs = MemFs::with_quota(100_000);
    /// let mut options = OpenOptions::new();
    /// options.write(true).create(true).preallocate(90_000);
    /// let mut file = options.open(&fs, "/a")?;
    /// let error = fs.write("/b", [0; 50_000]).unwrap_err();
    /// assert!(matches!(error.kind(), ErrorKind::QuotaExceeded { .. }));
    /// file.write_at(&[0; 90_000], 0)?;
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn preallocate(&mut self, bytes: u64) -> &mut Self {
        self.preallocate = bytes;
        self
    }

    /// How long to wait for the lock: `None` for ever, zero only tries. Default: that of the
    /// filesystem.
    ///
    /// ```
    /// use std::time::Duration;
    /// use arcfs::{ErrorKind, MemFs, OpenOptions};
    ///
    /// let fs = MemFs::new();
    /// let _writer = fs.create("/a")?;
    /// let mut options = OpenOptions::new();
    /// let error = options.append(true).lock_timeout(Some(Duration::ZERO)).open(&fs, "/a").unwrap_err();
    /// assert!(matches!(error.kind(), ErrorKind::Busy { .. }));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn lock_timeout(&mut self, timeout: Option<Duration>) -> &mut Self {
        self.lock_timeout = Some(timeout);
        self
    }

    /// What [`read`](Self::read) was set to.
    #[must_use]
    pub fn get_read(&self) -> bool {
        self.read
    }

    /// What [`write`](Self::write) was set to.
    #[must_use]
    pub fn get_write(&self) -> bool {
        self.write
    }

    /// What [`append`](Self::append) was set to.
    #[must_use]
    pub fn get_append(&self) -> bool {
        self.append
    }

    /// What [`truncate`](Self::truncate) was set to.
    #[must_use]
    pub fn get_truncate(&self) -> bool {
        self.truncate
    }

    /// What [`create`](Self::create) was set to.
    #[must_use]
    pub fn get_create(&self) -> bool {
        self.create
    }

    /// What [`create_new`](Self::create_new) was set to.
    #[must_use]
    pub fn get_create_new(&self) -> bool {
        self.create_new
    }

    /// What [`atomic`](Self::atomic) was set to.
    #[must_use]
    pub fn get_atomic(&self) -> bool {
        self.atomic
    }

    /// What [`shared_lock`](Self::shared_lock) was set to.
    #[must_use]
    pub fn get_shared_lock(&self) -> bool {
        self.shared_lock
    }

    /// What [`preallocate`](Self::preallocate) was set to, in bytes.
    #[must_use]
    pub fn get_preallocate(&self) -> u64 {
        self.preallocate
    }

    /// What [`lock_timeout`](Self::lock_timeout) was set to; the outer `None` if it was not.
    #[must_use]
    pub fn get_lock_timeout(&self) -> Option<Option<Duration>> {
        self.lock_timeout
    }

    /// Opens a file.
    ///
    /// ```
    /// use std::time::Duration;
    /// use arcfs::{ErrorKind, MemFs, OpenOptions};
    ///
    /// let fs = MemFs::new();
    /// let writer = fs.create("/a")?;
    /// let mut impatient = OpenOptions::new();
    /// impatient.append(true).lock_timeout(Some(Duration::ZERO));
    /// let error = impatient.open(&fs, "/a").unwrap_err();
    /// assert!(matches!(error.kind(), ErrorKind::Busy { .. }));
    ///
    /// writer.close()?;
    /// assert!(impatient.open(&fs, "/a").is_ok());
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// In this order: `InvalidInput` for options that do not go together; `InvalidPath`;
    /// `IsADirectory`, `NotFound`, `AlreadyExists`, `NotADirectory`; `NodeLimit`; `Busy` after the
    /// timeout, naming who has the lock; `QuotaExceeded`, `MemoryGuard`.
    pub fn open(&self, fs: &MemFs, path: impl AsRef<str>) -> Result<File> {
        let path = path.as_ref();
        self.check().and_then(|()| File::open(fs.volume(), path, self)).named("open", path)
    }

    /// What is to be held before a file is opened so; `None` for a handle that needs no lock.
    pub(crate) fn opening(&self) -> Option<Opening> {
        if !self.writes() && !self.shared_lock {
            return None;
        }
        let create = match (self.create_new, self.create) {
            (true, _) => Create::New,
            (_, true) => Create::IfMissing,
            _ => Create::Never,
        };
        Some(Opening {
            shared: !self.writes(),
            create,
            truncate: self.truncate,
            atomic: self.atomic,
            growth: Growth::UpTo(self.preallocate),
        })
    }

    /// How long to wait for the lock.
    pub(crate) fn patience(&self, volume: &Volume) -> Option<Duration> {
        self.lock_timeout.unwrap_or(volume.config.lock_timeout)
    }

    /// Whether the handle may write in any way.
    pub(crate) fn writes(&self) -> bool {
        self.write || self.append
    }

    pub(crate) fn check(&self) -> Result<()> {
        let needs_write = [
            (self.create || self.create_new, "create"),
            (self.truncate, "truncate"),
            (self.preallocate > 0, "preallocate"),
            (self.atomic, "atomic"),
        ];
        let wrong = if !self.read && !self.writes() {
            "neither read nor write nor append is set".into()
        } else if self.truncate && self.append {
            "truncate does not go with append".into()
        } else if self.shared_lock && self.writes() {
            "shared_lock is for handles that only read".into()
        } else if let Some((_, what)) = needs_write.iter().find(|(set, _)| *set && !self.writes()) {
            format!("{what} needs write access")
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::InvalidInput).because(wrong))
    }
}
