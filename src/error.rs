//! The one error type: what was attempted, on which path, and why it could not be done.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::time::Duration;

/// The result of an arcfs call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation failed. Callers branch on this; [`Error`]'s `Display` is for people.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorKind {
    /// The path, or the directory that should contain it, does not exist.
    NotFound,
    /// Something already exists where a new entry was to appear.
    AlreadyExists,
    /// A file operation met a directory.
    IsADirectory,
    /// A component that should be a directory is a file.
    NotADirectory,
    /// A directory that should be empty is not.
    DirectoryNotEmpty,
    /// The handle or the storage mode does not allow this operation.
    Unsupported,
    /// An argument is outside what the operation accepts.
    InvalidInput,
    /// The bytes are not what the operation needs, for example not UTF-8.
    InvalidData,
    /// The path climbs above the root, contains NUL, or has a component or depth over the limit.
    InvalidPath,
    /// The glob pattern is malformed.
    InvalidPattern,
    /// The quota has no room.
    QuotaExceeded {
        /// Bytes that the operation needed at once.
        requested: u64,
        /// Bytes that were free when it was refused.
        available: u64,
    },
    /// The filesystem may not hold more files and directories.
    NodeLimit {
        /// Nodes in the filesystem when the operation was refused.
        current: u64,
        /// The limit.
        limit: u64,
    },
    /// The memory guard refused growth because the machine is short of memory.
    MemoryGuard {
        /// Bytes that the operation needed.
        requested: u64,
        /// Bytes that the guard believed to be available.
        available: u64,
    },
    /// The allocator could not provide memory for the payload.
    AllocationFailed {
        /// Bytes of the allocation that failed.
        requested: u64,
    },
    /// The path is open under a lock, or a lock was not obtained in time.
    Busy {
        /// How long the call waited before it gave up.
        waited: Duration,
    },
    /// An error of the caller's own, carried out of a transaction, or one of the host.
    Other,
}

impl ErrorKind {
    /// The kind of `std::io` that comes closest.
    fn io_kind(&self) -> io::ErrorKind {
        match self {
            Self::NotFound => io::ErrorKind::NotFound,
            Self::AlreadyExists => io::ErrorKind::AlreadyExists,
            Self::IsADirectory => io::ErrorKind::IsADirectory,
            Self::NotADirectory => io::ErrorKind::NotADirectory,
            Self::DirectoryNotEmpty => io::ErrorKind::DirectoryNotEmpty,
            Self::Unsupported => io::ErrorKind::Unsupported,
            Self::InvalidInput | Self::InvalidPath | Self::InvalidPattern => io::ErrorKind::InvalidInput,
            Self::InvalidData => io::ErrorKind::InvalidData,
            Self::QuotaExceeded { .. } | Self::NodeLimit { .. } => io::ErrorKind::QuotaExceeded,
            Self::MemoryGuard { .. } | Self::AllocationFailed { .. } => io::ErrorKind::OutOfMemory,
            Self::Busy { .. } => io::ErrorKind::ResourceBusy,
            Self::Other => io::ErrorKind::Other,
        }
    }

    fn sentence(&self) -> Cow<'static, str> {
        match self {
            Self::NotFound => "no such file or directory".into(),
            Self::AlreadyExists => "it already exists".into(),
            Self::IsADirectory => "it is a directory, and this operation needs a file".into(),
            Self::NotADirectory => "it is not a directory".into(),
            Self::DirectoryNotEmpty => "the directory is not empty".into(),
            Self::Unsupported => "this operation is not supported here".into(),
            Self::InvalidInput => "an argument is not valid".into(),
            Self::InvalidData => "the data is not valid for this operation".into(),
            Self::InvalidPath => "the path is not valid".into(),
            Self::InvalidPattern => "the pattern is not valid".into(),
            Self::QuotaExceeded { requested, available } => {
                format!("the quota has no room: {requested} bytes requested, {available} available").into()
            }
            Self::NodeLimit { current, limit } => {
                format!("the node limit is reached: {current} files and directories of at most {limit}").into()
            }
            Self::MemoryGuard { requested, available } => format!(
                "the memory guard refused growth: {requested} bytes requested, {available} available on this machine"
            )
            .into(),
            Self::AllocationFailed { requested } => {
                format!("memory for {requested} bytes could not be allocated").into()
            }
            Self::Busy { waited } => format!("it is in use; gave up after {waited:?}").into(),
            Self::Other => "the operation failed".into(),
        }
    }
}

/// What went wrong: kind, operation, path or paths, and a cause where there is one.
///
/// One word wide, so that `Result`s stay small. Converts into [`std::io::Error`], which keeps it
/// as its source:
///
/// ```
/// let fs = arcfs::MemFs::new();
/// let error = fs.read("/missing").unwrap_err();
/// assert_eq!(error.kind(), &arcfs::ErrorKind::NotFound);
/// assert_eq!(error.path(), Some("/missing"));
///
/// let io: std::io::Error = error.into();
/// assert_eq!(io.kind(), std::io::ErrorKind::NotFound);
/// assert!(io.get_ref().unwrap().downcast_ref::<arcfs::Error>().is_some());
/// ```
pub struct Error(Box<Repr>);

struct Repr {
    kind: ErrorKind,
    operation: &'static str,
    path: Option<Box<str>>,
    other_path: Option<Box<str>>,
    /// Says more than the kind does: what was expected, who holds the lock, what to do.
    detail: Option<Cow<'static, str>>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// Why the operation failed.
    ///
    /// ```
    /// use arcfs::{ErrorKind, MemFs};
    ///
    /// let error = MemFs::new().read("/").unwrap_err();
    /// assert_eq!(error.kind(), &ErrorKind::IsADirectory);
    /// ```
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The path that the operation failed on, normalised where it could be.
    ///
    /// ```
    /// let error = arcfs::MemFs::new().read("/d/../a").unwrap_err();
    /// assert_eq!(error.path(), Some("/a"));
    /// ```
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.0.path.as_deref()
    }

    /// The second path of an operation on two, for example the destination of a rename.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// let error = fs.rename("/a", "/b").unwrap_err();
    /// assert_eq!((error.path(), error.other_path()), (Some("/a"), Some("/b")));
    /// assert_eq!(fs.read("/a").unwrap_err().other_path(), None);
    /// ```
    #[must_use]
    pub fn other_path(&self) -> Option<&str> {
        self.0.other_path.as_deref()
    }

    /// The name of the operation that failed, for example `"rename"`.
    ///
    /// ```
    /// let error = arcfs::MemFs::new().rename("/a", "/b").unwrap_err();
    /// assert_eq!(error.operation(), "rename");
    /// ```
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// Wraps an error of the caller's own, to carry it out of a transaction.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// let error = fs.transaction(|_| Err::<(), _>(arcfs::Error::other("not today"))).unwrap_err();
    /// assert_eq!(error.kind(), &arcfs::ErrorKind::Other);
    /// assert_eq!(error.to_string(), "not today");
    /// ```
    #[must_use]
    pub fn other(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        let mut error = Self::new(ErrorKind::Other);
        error.0.source = Some(source.into());
        error
    }

    #[cold]
    pub(crate) fn new(kind: ErrorKind) -> Self {
        Self(Box::new(Repr { kind, operation: "", path: None, other_path: None, detail: None, source: None }))
    }

    /// What the host answered, with the kind that says the same.
    #[cold]
    pub(crate) fn of_host(error: io::Error, what: &'static str) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::NotFound => ErrorKind::NotFound,
            io::ErrorKind::NotADirectory => ErrorKind::NotADirectory,
            io::ErrorKind::IsADirectory => ErrorKind::IsADirectory,
            _ => ErrorKind::Other,
        };
        Self::new(kind).because(what).caused_by(error)
    }

    #[cold]
    pub(crate) fn at(kind: ErrorKind, path: &str) -> Self {
        Self::new(kind).on(path)
    }

    /// Names the path, unless a more precise one is there already.
    pub(crate) fn on(mut self, path: &str) -> Self {
        self.0.path.get_or_insert_with(|| path.into());
        self
    }

    /// Names the path that the operation was called with, whichever it failed on.
    pub(crate) fn on_exactly(mut self, path: &str) -> Self {
        self.0.path = Some(path.into());
        self
    }

    /// Names both paths of an operation on two, whichever of them it failed on.
    pub(crate) fn on_both(mut self, first: &str, second: &str) -> Self {
        self.0.path = Some(first.into());
        self.0.other_path = Some(second.into());
        self
    }

    /// Names the second path, unless there is one already.
    pub(crate) fn with_other(mut self, path: &str) -> Self {
        self.0.other_path.get_or_insert_with(|| path.into());
        self
    }

    /// Names the operation, unless an inner one has done so already.
    pub(crate) fn during(mut self, operation: &'static str) -> Self {
        if self.0.operation.is_empty() {
            self.0.operation = operation;
        }
        self
    }

    /// Names the operation that the user called, whichever it is made of.
    #[cfg(feature = "tokio")]
    pub(crate) fn during_exactly(mut self, operation: &'static str) -> Self {
        self.0.operation = operation;
        self
    }

    /// Adds what the kind alone does not say.
    pub(crate) fn because(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    pub(crate) fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Repr { kind, operation, path, other_path, detail, source } = &*self.0;
        if operation.is_empty()
            && path.is_none()
            && let Some(source) = source
        {
            return source.fmt(f); // the caller's own error, carried through
        }
        f.write_str(if operation.is_empty() { "operation" } else { operation })?;
        if let Some(path) = path {
            write!(f, " {path:?}")?;
        }
        if let Some(other) = other_path {
            write!(f, " to {other:?}")?;
        }
        write!(f, ": {}", kind.sentence())?;
        if let Some(detail) = detail {
            write!(f, " ({detail})")?;
        }
        if let Some(source) = source {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Repr { kind, operation, path, other_path, detail, source } = &*self.0;
        f.debug_struct("Error")
            .field("kind", kind)
            .field("operation", operation)
            .field("path", path)
            .field("other_path", other_path)
            .field("detail", detail)
            .field("source", source)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        io::Error::new(error.kind().io_kind(), error)
    }
}
