//! The operations: tree edits as data, what they cost, and in which order things are checked.
//!
//! Every growing operation looks, reserves, asks the guard, allocates, builds and publishes, in
//! this order; an error on the way leaves no entry, no bytes and no charge. Checks run twice: on
//! a loaded root before anything is reserved, which fixes the order of errors, and on the root
//! that the commit replaces, which is what counts. Knows nothing of how a root is published.
//!
//! | module | calls |
//! |---|---|
//! | `stage` | where the others look and what they change |
//! | `read` | everything that reads |
//! | `namespace` | directories, removal, renaming |
//! | `write` | one-shot writes, times |
//! | `copy` | copies within the filesystem and out of snapshots, restoring |
//! | `import` | many files at once |
//! | `intake` | content read from outside, for imports |
//! | `open` | handles under a lock |

mod copy;
pub mod import;
pub mod intake;
mod namespace;
mod open;
mod read;
mod stage;
mod write;

#[cfg(feature = "tokio")]
pub use open::Seen;
pub use open::{Growth, Held, Opening};
#[cfg(feature = "tokio")]
pub use read::SMALL;
pub use read::{file_content, read_content, usage_of};
pub use stage::Stage;
pub use write::Payload;

use std::borrow::Cow;

use crate::error::{Error, ErrorKind, Result};

/// Names the operation and the path of an error, where it does not name them itself.
pub trait Named {
    /// As the trait says; the path normalised where it can be.
    #[must_use]
    fn named(self, operation: &'static str, path: &str) -> Self;
}

impl<T> Named for Result<T> {
    fn named(self, operation: &'static str, path: &str) -> Self {
        self.map_err(|error| error.during(operation).on(&for_error(path)))
    }
}

/// A path as an error names it: normalised where it can be.
pub fn for_error(path: &str) -> Cow<'_, str> {
    crate::path::normalize(path, usize::MAX).unwrap_or(Cow::Borrowed(path))
}

/// The error of an operation that the root does not allow.
fn not_on_root(what: &'static str) -> Error {
    Error::at(ErrorKind::InvalidInput, "/").because(what)
}
