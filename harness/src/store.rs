//! What a workload may ask of a store of files, and how a store says that it cannot.
//!
//! Workloads know nothing of the stores behind these traits, and stores nothing of workloads. The
//! rules are the same for everybody:
//!
//! * bytes given to [`Store::write`] and [`OpenFile::write`] belong to the caller again when the call
//!   returns, and workloads rewrite them between calls, so keeping a reference is no way to win;
//! * bytes read are copied into the caller's buffer; [`Store::read_shared`] is the one exception, and
//!   what is measured through it is a figure of its own, labelled `zero-copy`;
//! * what is called back, and whoever holds a [`View`], must not call the store from the same thread:
//!   a lock may be held;
//! * paths are absolute, `/`-separated, and every directory on the way has been created before;
//! * what a store cannot do answers [`Failure::Cannot`] with the reason, and the cell stays empty.

use std::error::Error;

/// What a call of a store answers.
pub type Answer<T> = Result<T, Failure>;

/// Why a store gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The store has no such ability; the text says why, as a sentence for the reader of the results.
    #[error("cannot: {0}")]
    Cannot(&'static str),
    /// The store has no room for what was written.
    #[error("the limit is reached")]
    Full,
    /// The call went wrong, or its answer was wrong; a run with such a cell fails.
    #[error("{0}")]
    Failed(Box<dyn Error + Send + Sync>),
}

impl Failure {
    /// A failure of the store itself, with its cause.
    pub fn failed(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed(cause.into())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(Box::new(error))
    }
}

/// A store of files, used by many threads at once.
pub trait Store: Send + Sync {
    /// Whether [`write`](Self::write) replaces a file at once, so that a reader beside it gets the
    /// bytes of one write. Where it does not, a reader may find the file empty, short or mixed.
    fn whole_writes(&self) -> bool {
        true
    }

    /// Creates a directory and those above it; a store without directories has nothing to do.
    ///
    /// # Errors
    /// [`Failure::Failed`] with the store's own error.
    fn create_dir_all(&self, path: &str) -> Answer<()>;

    /// Makes `bytes` the whole content of the file at `path`, creating or replacing it.
    ///
    /// # Errors
    /// [`Failure::Full`] where a limit does not allow it, [`Failure::Failed`] with the store's own error.
    fn write(&self, path: &str, bytes: &[u8]) -> Answer<()>;

    /// Replaces what is in `out` with the whole content of the file at `path`.
    ///
    /// # Errors
    /// [`Failure::Failed`] with the store's own error, a missing file among them.
    fn read(&self, path: &str, out: &mut Vec<u8>) -> Answer<()>;

    /// Shows the content of the file at `path` without copying it, in one or more pieces in order.
    ///
    /// # Errors
    /// [`Failure::Cannot`] where a store cannot lend its bytes.
    fn read_shared(&self, _path: &str, _each: &mut dyn FnMut(&[u8])) -> Answer<()> {
        Err(Failure::Cannot("has no way to lend the bytes of a file"))
    }

    /// The size of the file at `path` in bytes, without reading it.
    ///
    /// # Errors
    /// [`Failure::Failed`] with the store's own error, a missing file among them.
    fn size(&self, path: &str) -> Answer<u64>;

    /// Calls `each` with the name of everything directly in the directory at `path`, in any order.
    ///
    /// # Errors
    /// [`Failure::Failed`] with the store's own error.
    fn list(&self, path: &str, each: &mut dyn FnMut(&str)) -> Answer<()>;

    /// Removes the file at `path`.
    ///
    /// # Errors
    /// [`Failure::Failed`] with the store's own error, a missing file among them unless the store's
    /// own removal does not tell: asking first would charge it for what its users do not do.
    fn remove(&self, path: &str) -> Answer<()>;

    /// Copies the directory at `from` with all below it to `to`, which does not exist.
    ///
    /// # Errors
    /// [`Failure::Cannot`], or [`Failure::Failed`] with the store's own error.
    fn copy_dir_all(&self, from: &str, to: &str) -> Answer<()>;

    /// Removes the directory at `path` with all below it.
    ///
    /// # Errors
    /// [`Failure::Cannot`], or [`Failure::Failed`] with the store's own error.
    fn remove_dir_all(&self, path: &str) -> Answer<()>;

    /// Opens the file at `path` for reading or for writing in pieces.
    ///
    /// # Errors
    /// [`Failure::Cannot`], or [`Failure::Failed`] with the store's own error.
    fn open<'store>(&'store self, path: &str, mode: Mode) -> Answer<Box<dyn OpenFile + 'store>>;

    /// The state of the whole store at one instant, which later writes do not change. Writers of some
    /// stores wait while it lives.
    ///
    /// # Errors
    /// [`Failure::Cannot`] where no such view exists.
    fn view(&self) -> Answer<Box<dyn View + '_>> {
        Err(Failure::Cannot("has no consistent view of all files"))
    }

    /// Bytes that count against the limit the store was made with.
    ///
    /// # Errors
    /// [`Failure::Cannot`] where a store has no limit.
    fn used(&self) -> Answer<u64> {
        Err(Failure::Cannot("has no limit on bytes"))
    }
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// To read an existing file.
    Read,
    /// To write a file that starts empty; it is created, or emptied.
    Create,
    /// To read and write an existing file in place.
    Update,
}

/// A file opened by [`Store::open`].
pub trait OpenFile {
    /// Reads into `buf` from the current position; 0 at the end.
    ///
    /// # Errors
    /// [`Failure::Failed`] with the store's own error.
    fn read(&mut self, buf: &mut [u8]) -> Answer<usize>;

    /// Writes all of `bytes` at the current position.
    ///
    /// # Errors
    /// [`Failure::Full`] or [`Failure::Failed`].
    fn write(&mut self, bytes: &[u8]) -> Answer<()>;

    /// Reads exactly `buf.len()` bytes at `offset`.
    ///
    /// # Errors
    /// [`Failure::Failed`], where the file ends before among others.
    fn read_at(&mut self, buf: &mut [u8], offset: u64) -> Answer<()>;

    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    /// [`Failure::Full`] or [`Failure::Failed`].
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> Answer<()>;

    /// Makes what was written visible to others and gives the file back.
    ///
    /// # Errors
    /// [`Failure::Full`] or [`Failure::Failed`].
    fn close(self: Box<Self>) -> Answer<()>;
}

/// One instant of a store. It stays on the thread that took it, because it may be a held lock.
pub trait View {
    /// Calls `each` with the directory and the name of every file, in any order.
    ///
    /// # Errors
    /// [`Failure::Failed`] with the store's own error.
    fn walk(&self, each: &mut dyn FnMut(&str, &str)) -> Answer<()>;

    /// The number of files whose path matches a glob pattern with `*` and `**`. A pattern must not
    /// match directories, which some stores count and others do not have.
    ///
    /// # Errors
    /// [`Failure::Failed`] with the store's own error.
    fn glob(&self, pattern: &str) -> Answer<usize>;

    /// Calls `each` with the path and the content of every file.
    ///
    /// # Errors
    /// [`Failure::Failed`] with the store's own error.
    fn export(&self, each: &mut dyn FnMut(&str, &[u8])) -> Answer<()>;
}
