//! An in-process, in-memory filesystem for many threads.
//!
//! The whole state of a [`MemFs`] (names, bytes and metadata) is one immutable tree, published
//! through one atomically swapped pointer. Readers never wait for writers, a [`Snapshot`] costs
//! one pointer, walking and exporting see one instant, and an operation on many files is all or
//! nothing. A hard quota is reserved before a byte is allocated and is never exceeded.
//!
//! ```
//! use std::io::Write;
//! use arcfs::MemFs;
//!
//! let fs = MemFs::with_quota(64 << 20);
//! fs.create_dir_all("/logs/today")?;
//! fs.write("/logs/today/a.txt", b"first line\n")?;
//! fs.append("/logs/today/a.txt", b"second line\n")?;
//!
//! let snapshot = fs.snapshot(); // one instant, for as long as it is kept
//! fs.remove_dir_all("/logs")?;
//! assert_eq!(snapshot.glob("**/*.txt")?, ["/logs/today/a.txt"]);
//! fs.restore(&snapshot)?;
//!
//! let mut file = fs.create("/logs/today/b.txt")?; // an exclusive lock and a private draft
//! file.write_all(b"published as a whole")?;
//! file.close()?;
//! assert_eq!(fs.read_to_string("/logs/today/b.txt")?, "published as a whole");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! | feature | what it adds | |
//! |---|---|---|
//! | `archive` | [`archive`]: zip and tar in and out | default |
//! | `image` | [`image`]: a filesystem with its snapshots as one file | default |
//! | `text` | [`text`]: characters and lines in any encoding over a handle | default |
//! | `tokio` | `asynchronous`: the filesystem for tasks | |
//! | `testing` | `testing`: fixtures, tree diffs, a clock moved by hand, injected failures | |
//!
//! # Consistency
//!
//! * Every call that reads looks at one published state and answers as of that instant. Iterators
//!   ([`ReadDir`], [`Walk`], [`ExportIter`], [`Diff`]) stay at the instant at which they were made.
//! * Every call that changes something takes effect at one instant, between its start and its end,
//!   or not at all. Calls are linearizable; what is refused for want of quota, memory or time is
//!   decided at an instant of its own.
//! * A file is replaced as a whole: nobody sees half of a `write`, of a handle's publication, of
//!   a rename, an import or a transaction.
//! * A handle that writes owns its file from open to close. One-shot writes to the same path wait
//!   for it; operations that would move, remove or replace the path answer `Busy`.
//! * Between two calls others may act. Whoever needs several calls to be one uses
//!   [`MemFs::transaction`], or reads from a [`Snapshot`].
//!
//! # Progress
//!
//! The calls that read one node (`exists`, `is_file`, `is_dir`, `metadata`, `read`, `read_to_string`,
//! `read_into`, `content`, `usage`, `version`, `export_bytes`, and opening a file to read it without a
//! lock) take no lock: no thread that is delayed anywhere in arcfs can stop them. They may allocate
//! memory, which the allocator serves by its own rules. The calls that keep a version (`snapshot`,
//! `read_dir`, `walk`, `glob`, `export_tree`, `iter_export_tree`) take note of it in their turn among
//! those that publish, in a few instructions; from then on they, too, wait for nobody.
//!
//! Calls that publish take turns behind one mutex, which is held while edits that were built and
//! paid for are applied and the pointer is swapped. An operation that lost the race eight times
//! keeps it for a whole attempt, copying included, so that none starves; a [`Clock`] or
//! [`MemorySource`] is then asked while others wait, and is refused if it writes to the same
//! filesystem. A call that frees a large tree, meets a full quota, drops a snapshot or a handle,
//! or asks for `stats` may wait for another that is freeing one. Waiting for other users is done
//! by opening under a lock, by one-shot writes to a file that is open under one, and by
//! transactions, each at most for its lock timeout. With the feature `tokio` tasks can wait too, and
//! occupy no thread meanwhile: see the module `asynchronous`.
//!
//! # What is charged
//!
//! Payload, and overheads for chunks, files, directories and names over 23 bytes; see
//! [`MemFsBuilder::chunk_overhead`] and [`MemFsBuilder::node_overhead`]. Bytes that only a snapshot,
//! a handle or a [`Content`] still holds stay charged until it is dropped. With nothing of the
//! kind, what a call released is back when it returns.

#[cfg(feature = "archive")]
pub mod archive;
#[cfg(feature = "tokio")]
pub mod asynchronous;
mod builder;
mod charge;
mod clock;
mod content;
mod error;
mod export;
mod fault;
mod file;
mod fs;
mod host;
#[cfg(feature = "image")]
pub mod image;
mod listener;
mod lock;
mod memory_guard;
mod open_files;
mod open_options;
mod ops;
mod path;
mod pattern;
mod quota;
mod root;
mod slowed;
mod snapshot;
mod sync;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(feature = "text")]
pub mod text;
mod transaction;
mod tree;
mod usage;
mod volume;

#[cfg(feature = "archive")]
pub use archive::{
    Archive, ArchiveEntry, ArchiveFormat, ArchiveFormats, ArchiveInput, ArchiveOptions, ArchiveProbe,
    ArchiveProgress, ArchiveReader, ArchiveReport, ArchiveSource, ArchiveSummary, Compression, EntryFate,
    EntryInfo, EntryKind, EntryOutcome, ImportLimits, ImportOptions, ImportProgress, OnConflict,
    SkippedEntry, import_archive, import_archive_streaming,
};
pub use builder::MemFsBuilder;
pub use clock::{Clock, SystemClock};
pub use content::{Chunks, Content, ContentMemory, ContentReader};
pub use error::{Error, ErrorKind, Result};
pub use export::{ExportIter, ExportOptions};
pub use file::File;
pub use fs::MemFs;
pub use host::{ExportReport, HostOptions, HostProgress, ImportReport, SkipReason, Skipped};
#[cfg(feature = "image")]
pub use image::{
    Image, ImageReader, ImageSummary, ImageWalk, NamedSnapshot, SnapshotInfo, load_image, load_image_file,
    load_image_file_with, load_image_with, resolve_image_path, save_image, save_image_file,
};
pub use memory_guard::{GuardAction, MemoryGuard, MemorySource};
pub use open_options::OpenOptions;
pub use snapshot::Snapshot;
#[cfg(feature = "text")]
pub use text::{Newline, TextEncoding, TextErrors, TextFile, TextOptions};
pub use transaction::Transaction;
pub use tree::diff::{Change, Diff};
pub use tree::metadata::Metadata;
pub use tree::name::Name;
pub use tree::read_dir::{DirEntry, ReadDir};
pub use tree::walk::{Walk, WalkDir};
pub use usage::{CommitLengths, Stats, Usage};
pub use volume::Storage;

/// The examples of the README, as tests; with all features, since some are about them.
#[cfg(all(
    doctest,
    feature = "archive",
    feature = "image",
    feature = "testing",
    feature = "text",
    feature = "tokio"
))]
#[doc = include_str!("../README.md")]
pub struct Readme;

/// Doors for the crate's own models, benches and fuzz targets; no promise of stability.
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals {
    pub use crate::charge::{Account, Charge, ChunkCharge};
    pub use crate::clock::ManualClock;
    pub use crate::lock::*;
    pub use crate::memory_guard::{Guard, Reading};
    pub use crate::open_files::*;
    pub use crate::quota::{NoRelief, NodeLimit, Quota, Relief};
    pub use crate::sync::*;

    /// Whether the tree is the one whose objects are freed by version.
    pub const VERSIONED: bool = cfg!(not(arcfs_tree = "counted"));

    /// Content as a one-shot write builds it.
    pub fn build_content(
        bytes: &[u8],
        charge: Charge,
        account: &std::sync::Arc<Account>,
    ) -> crate::Result<crate::Content> {
        crate::Content::build(bytes, charge, account, 0)
    }

    /// What a filesystem has taken in, so many times end to end, in the memory of once.
    pub fn repeat_content(content: &crate::Content, times: usize) -> crate::Content {
        content.repeated(times)
    }

    pub mod root {
        pub use crate::root::*;
    }
    pub mod tree {
        pub use crate::tree::edit::*;
        pub use crate::tree::examine::{Effect, Refusal};
        pub use crate::tree::held::Tree;
        pub use crate::tree::lookup::find;
        pub use crate::tree::meta::{DirMeta, FileMeta, Timestamp};
        pub use crate::tree::node::{Dir, NewDir, NewFile, NewTree, NodeRef, Totals};
        pub use crate::tree::root::{Limits, Root};
    }
    pub mod versioned {
        pub use crate::tree::versioned::*;
    }
    #[cfg(feature = "image")]
    pub mod image {
        pub use crate::image::forge::*;
    }
    pub mod path {
        pub use crate::path::*;
    }
    pub mod pattern {
        pub use crate::pattern::*;
    }
}
