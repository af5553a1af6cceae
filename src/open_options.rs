//! How a file is to be opened.

use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::file::File;
use crate::fs::MemFs;
use crate::ops::Named;

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
    pub fn read(&mut self, read: bool) -> &mut Self {
        self.read = read;
        self
    }

    /// Whether the handle may write.
    pub fn write(&mut self, write: bool) -> &mut Self {
        self.write = write;
        self
    }

    /// Whether the handle may write, every write landing at the end, wherever the cursor is.
    pub fn append(&mut self, append: bool) -> &mut Self {
        self.append = append;
        self
    }

    /// Whether an existing file is emptied. Needs `write`.
    pub fn truncate(&mut self, truncate: bool) -> &mut Self {
        self.truncate = truncate;
        self
    }

    /// Whether a missing file is created. Needs `write` or `append`.
    pub fn create(&mut self, create: bool) -> &mut Self {
        self.create = create;
        self
    }

    /// Whether the file must not exist and is created. Needs `write` or `append`; `create` and
    /// `truncate` then say nothing more.
    pub fn create_new(&mut self, create_new: bool) -> &mut Self {
        self.create_new = create_new;
        self
    }

    /// Whether nothing is visible before `commit` or `close`: `flush` does not publish and a
    /// dropped handle leaves no trace. Needs `write` or `append`.
    pub fn atomic(&mut self, atomic: bool) -> &mut Self {
        self.atomic = atomic;
        self
    }

    /// Whether a handle that reads keeps writers out until it is closed.
    pub fn shared_lock(&mut self, shared_lock: bool) -> &mut Self {
        self.shared_lock = shared_lock;
        self
    }

    /// Reserves quota, before anything else at open changes, for growth to this many bytes. The
    /// length stays; what is unused comes back at close. Until the first publication no write up
    /// to this length can fail for want of quota. Needs `write` or `append`.
    pub fn preallocate(&mut self, bytes: u64) -> &mut Self {
        self.preallocate = bytes;
        self
    }

    /// How long to wait for the lock: `None` for ever, zero only tries. Default: that of the
    /// filesystem.
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

    /// Whether the handle may write in any way.
    pub(crate) fn writes(&self) -> bool {
        self.write || self.append
    }

    fn check(&self) -> Result<()> {
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
