//! What a user is told about a node beside its content.

use std::time::SystemTime;

use super::lookup::At;
use super::meta::{FileMeta, Timestamp};
use super::node::{Dir, EntryRef, FileNode, NewFile, NodeRef};

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

/// The counters of a node.
#[cfg(feature = "image")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) generation: u64,
    pub(crate) version: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Dir,
    File,
}

#[expect(clippy::len_without_is_empty, reason = "as in `std::fs::Metadata`: a length, not a collection")]
impl Metadata {
    /// Bytes in the file; 0 for a directory.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"12345")?;
    /// assert_eq!((fs.metadata("/a")?.len(), fs.metadata("/")?.len()), (5, 0));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it is a directory.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"")?;
    /// assert!(fs.metadata("/")?.is_dir() && !fs.metadata("/a")?.is_dir());
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn is_dir(&self) -> bool {
        self.kind == Kind::Dir
    }

    /// Whether it is a file.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"")?;
    /// assert!(fs.metadata("/a")?.is_file() && !fs.metadata("/")?.is_file());
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.kind == Kind::File
    }

    /// When the node came into being; moving it does not change this.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"1")?;
    /// let created = fs.metadata("/a")?.created();
    /// fs.write("/a", b"2")?;
    /// fs.rename("/a", "/b")?;
    /// assert_eq!(fs.metadata("/b")?.created(), created);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn created(&self) -> SystemTime {
        self.created.into()
    }

    /// When the content of the file last changed; of a directory, when an entry last appeared,
    /// disappeared or was renamed.
    ///
    /// ```
    /// use std::time::SystemTime;
    ///
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"1")?;
    /// fs.set_modified("/a", SystemTime::UNIX_EPOCH)?;
    /// fs.rename("/a", "/b")?;
    /// assert_eq!(fs.metadata("/b")?.modified(), SystemTime::UNIX_EPOCH);
    /// fs.write("/b", b"2")?;
    /// assert!(fs.metadata("/b")?.modified() > SystemTime::UNIX_EPOCH);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn modified(&self) -> SystemTime {
        self.modified.into()
    }

    /// How many publications have written content into the file since it came into being; 0 for a
    /// directory.
    ///
    /// Each publication that wrote content counts once, whatever the bytes, also those that were
    /// there before; one that leaves an empty file empty does not count. Opening with truncation
    /// publishes the emptied file, which counts if it was not empty: so to create, write and close
    /// a file that had bytes counts twice (once for an atomic handle, which publishes nothing when
    /// it is opened). Within a transaction each call that writes counts as it does outside. An
    /// import and a copy set it to 0; moving a file and setting its times leave it as it is.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// let generation = || fs.metadata("/a").map(|metadata| metadata.generation());
    /// fs.write("/a", b"")?;
    /// assert_eq!(generation()?, 0);
    /// fs.write("/a", b"same")?;
    /// fs.write("/a", b"same")?;
    /// assert_eq!(generation()?, 2);
    ///
    /// let mut file = fs.create("/a")?; // publishes the emptied file
    /// assert_eq!(generation()?, 3);
    /// file.write_at(b"new", 0)?;
    /// file.close()?;
    /// assert_eq!(generation()?, 4);
    ///
    /// fs.copy("/a", "/b")?;
    /// assert_eq!(fs.metadata("/b")?.generation(), 0);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The version of the filesystem that last changed the node's content or put it at its path.
    /// At one path it never comes again with other content.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"1")?;
    /// let version = fs.metadata("/a")?.version();
    /// assert_eq!(version, fs.version());
    /// fs.write("/b", b"elsewhere")?;
    /// assert_eq!(fs.metadata("/a")?.version(), version);
    /// fs.write("/a", b"2")?;
    /// assert!(fs.metadata("/a")?.version() > version);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The metadata of what was found at a path.
    #[must_use]
    pub(crate) fn of(at: At<'_>) -> Self {
        match at.found {
            NodeRef::Dir(dir) => Self::of_dir(dir, at.version),
            NodeRef::File(file) => Self::of_file(file, at.version),
        }
    }

    /// The metadata of an entry, where `above_version` is the largest
    /// [`placed`](super::node::Entry::placed) on the way to the directory that it is in.
    #[must_use]
    pub(crate) fn of_entry(entry: EntryRef<'_>, above_version: u64) -> Self {
        let placed = above_version.max(entry.placed);
        match entry.node {
            NodeRef::Dir(dir) => Self::of_dir(dir, placed),
            NodeRef::File(file) => Self::of_file(file, placed),
        }
    }

    /// That of a directory or, with a length, of a file, as an image has it.
    #[cfg(feature = "image")]
    pub(crate) fn of_saved(
        len: Option<u64>,
        created: Timestamp,
        modified: Timestamp,
        counts: Counts,
    ) -> Self {
        let kind = if len.is_some() { Kind::File } else { Kind::Dir };
        let Counts { generation, version } = counts;
        Self { kind, len: len.unwrap_or(0), created, modified, generation, version }
    }

    /// That of a file as it was put into the tree by the commit of that version.
    pub(crate) fn of_new(file: &NewFile, version: u64) -> Self {
        let (len, FileMeta { created, modified, generation }) = (file.content().len(), file.meta());
        Self { kind: Kind::File, len, created, modified, generation, version }
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
