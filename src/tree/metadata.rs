//! What a user is told about a node beside its content.

use std::time::SystemTime;

use super::lookup::{At, Found};
use super::meta::Timestamp;
use super::node::{Dir, Entry, FileNode, Node};

/// What is known about a file or directory, as of the instant at which it was asked for.
///
/// ```
/// let fs = arcfs::MemFs::new();
/// fs.write("/notes.txt", b"hello")?;
/// let metadata = fs.metadata("/notes.txt")?;
/// assert!(metadata.is_file());
/// assert_eq!((metadata.len(), metadata.generation()), (5, 1));
/// assert!(metadata.created() <= metadata.modified());
/// # Ok::<(), arcfs::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    kind: Kind,
    len: u64,
    created: Timestamp,
    modified: Timestamp,
    generation: u64,
    version: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Dir,
    File,
}

#[allow(clippy::len_without_is_empty)] // as in `std::fs::Metadata`: a length, not a collection
impl Metadata {
    /// Bytes in the file; 0 for a directory.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it is a directory.
    #[must_use]
    pub fn is_dir(&self) -> bool {
        self.kind == Kind::Dir
    }

    /// Whether it is a file.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.kind == Kind::File
    }

    /// When the node came into being; moving it does not change this.
    #[must_use]
    pub fn created(&self) -> SystemTime {
        self.created.into()
    }

    /// When the content of the file last changed; of a directory, when an entry last appeared,
    /// disappeared or was renamed.
    #[must_use]
    pub fn modified(&self) -> SystemTime {
        self.modified.into()
    }

    /// How many publications wrote content into the file since it was created, imported or
    /// copied; 0 for a directory.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The version of the filesystem that last changed the node's content or put it at its path.
    /// At one path it never comes again with other content.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The metadata of what was found at a path.
    #[must_use]
    pub(crate) fn of(at: At<'_>) -> Self {
        match at.found {
            Found::Dir(dir) => Self::of_dir(dir, at.version),
            Found::File(file) => Self::of_file(file, at.version),
        }
    }

    /// The metadata of an entry, where `above_version` is the largest
    /// [`placed`](Entry::placed) on the way to the directory that it is in.
    #[must_use]
    pub(crate) fn of_entry(entry: &Entry, above_version: u64) -> Self {
        let placed = above_version.max(entry.placed);
        match &entry.node {
            Node::Dir(dir) => Self::of_dir(dir, placed),
            Node::File(file) => Self::of_file(file, placed),
        }
    }

    /// That of a file that has no name yet.
    pub(crate) fn unpublished(opened: super::meta::Timestamp) -> Self {
        Self { kind: Kind::File, len: 0, created: opened, modified: opened, generation: 0, version: 0 }
    }

    fn of_dir(dir: &Dir, version: u64) -> Self {
        Self {
            kind: Kind::Dir,
            len: 0,
            created: dir.meta.created,
            modified: dir.meta.modified,
            generation: 0,
            version: version.max(dir.meta.listed),
        }
    }

    fn of_file(file: &FileNode, version: u64) -> Self {
        Self {
            kind: Kind::File,
            len: file.content.len(),
            created: file.meta.created,
            modified: file.meta.modified,
            generation: file.meta.generation,
            version,
        }
    }
}
