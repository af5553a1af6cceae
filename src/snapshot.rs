//! Snapshots: one instant of a filesystem, for as long as it is needed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::content::Content;
use crate::error::{Error, Result};
use crate::export::{ExportIter, ExportOptions};
use crate::ops::{Named, file_content, read_content, usage_of};
use crate::path;
use crate::pattern::Pattern;
use crate::sync::model_has_failed;
use crate::tree::diff::Diff;
use crate::tree::glob::glob;
use crate::tree::held::Tree;
use crate::tree::lookup::{At, find};
use crate::tree::metadata::Metadata;
use crate::tree::node::NodeRef;
use crate::tree::read_dir::ReadDir;
use crate::tree::walk::Walk;
use crate::usage::Usage;
use crate::volume::{Resources, Volume};

/// The filesystem as it was at one instant.
///
/// Taking and cloning one is O(1). It is `Send + Sync`, valid for ever, and outlives the
/// filesystem. It has every call that reads; none of them waits for anything. Bytes that only a
/// snapshot still holds stay charged to the quota until it is dropped.
///
/// ```
/// let fs = arcfs::MemFs::new();
/// fs.write("/a", b"before")?;
/// let snapshot = fs.snapshot();
/// fs.write("/a", b"after")?;
/// assert_eq!(snapshot.read("/a")?, b"before");
/// assert_eq!(fs.read("/a")?, b"after");
/// # Ok::<(), arcfs::Error>(())
/// ```
pub struct Snapshot {
    /// `None` only while it is dropped: the tree goes before what waited for it is freed.
    tree: Option<Tree>,
    version: u64,
    max_depth: usize,
    resources: Arc<Resources>,
}

impl Snapshot {
    /// Takes one.
    pub(crate) fn take(volume: &Volume) -> Self {
        let (tree, version) = volume.held();
        Self::of(tree, version, volume.config.max_depth, &volume.resources)
    }

    /// One of the filesystem with these resources.
    pub(crate) fn of(tree: Tree, version: u64, max_depth: usize, resources: &Arc<Resources>) -> Self {
        resources.snapshots.add(1);
        Self { tree: Some(tree), version, max_depth, resources: Arc::clone(resources) }
    }

    pub(crate) fn tree(&self) -> &Tree {
        self.tree.as_ref().expect("there until the drop")
    }

    /// Whether it was taken of the filesystem with these resources.
    pub(crate) fn is_of(&self, resources: &Arc<Resources>) -> bool {
        Arc::ptr_eq(&self.resources, resources)
    }

    /// The version that this is a snapshot of.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// let snapshot = fs.snapshot();
    /// assert_eq!(snapshot.version(), fs.version());
    /// fs.create_dir("/d")?;
    /// assert!(snapshot.version() < fs.version());
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Whether both are of the same tree, by pointer; so is a fork in which nothing has changed. O(1).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// let (a, b) = (fs.snapshot(), fs.snapshot());
    /// assert!(a.same_as(&b));
    /// fs.create_dir("/d")?;
    /// assert!(!a.same_as(&fs.snapshot()));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn same_as(&self, other: &Snapshot) -> bool {
        let (a, b) = (self.tree(), other.tree());
        // A fork has a root directory of its own over the same entries.
        a.ptr_eq(b) || a.meta == b.meta && a.entries.ptr_eq(&b.entries)
    }

    /// What changed since `older`, in tree order. Subtrees that both share are skipped, so this is
    /// about O(difference), not O(files).
    ///
    /// ```
    /// use arcfs::{Change, MemFs};
    ///
    /// let fs = MemFs::new();
    /// fs.write("/a", b"1")?;
    /// let older = fs.snapshot();
    /// fs.write("/a", b"2")?;
    /// fs.create_dir("/d")?;
    /// let changes: Vec<_> = fs.snapshot().diff(&older).collect();
    /// assert_eq!(changes, [Change::Modified("/a".into()), Change::Created("/d".into())]);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn diff(&self, older: &Snapshot) -> Diff {
        Diff::new(self.tree().clone(), older.tree().clone())
    }

    fn view<T>(
        &self,
        operation: &'static str,
        path: &str,
        view: impl FnOnce(At<'_>) -> Result<T>,
    ) -> Result<T> {
        let look = || {
            let path = path::normalize(path, self.max_depth)?;
            match find(self.tree(), &path) {
                Ok(at) => view(at),
                Err(miss) => Err(Error::new(miss.into())),
            }
            .map_err(|error| error.on(&path))
        };
        look().named(operation, path)
    }

    fn read_as(&self, operation: &'static str, path: &str, out: &mut Vec<u8>) -> Result<()> {
        self.view(operation, path, |at| read_content(file_content(&at)?, out))
    }

    fn test(&self, path: &str, test: impl FnOnce(NodeRef<'_>) -> bool) -> bool {
        let Ok(path) = path::normalize(path, self.max_depth) else { return false };
        find(self.tree(), &path).is_ok_and(|at| test(at.found))
    }

    /// As [`MemFs::exists`](crate::MemFs::exists).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"bytes")?;
    /// let snapshot = fs.snapshot();
    /// fs.remove_file("/a")?;
    /// assert!(snapshot.exists("/a") && !fs.exists("/a"));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn exists(&self, path: impl AsRef<str>) -> bool {
        self.test(path.as_ref(), |_| true)
    }

    /// As [`MemFs::is_file`](crate::MemFs::is_file).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"bytes")?;
    /// let snapshot = fs.snapshot();
    /// fs.remove_file("/a")?;
    /// assert!(snapshot.is_file("/a") && !snapshot.is_file("/"));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn is_file(&self, path: impl AsRef<str>) -> bool {
        self.test(path.as_ref(), |found| matches!(found, NodeRef::File(_)))
    }

    /// As [`MemFs::is_dir`](crate::MemFs::is_dir).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.create_dir("/d")?;
    /// let snapshot = fs.snapshot();
    /// fs.remove_dir("/d")?;
    /// assert!(snapshot.is_dir("/d") && !fs.is_dir("/d"));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn is_dir(&self, path: impl AsRef<str>) -> bool {
        self.test(path.as_ref(), |found| matches!(found, NodeRef::Dir(_)))
    }

    /// As [`MemFs::metadata`](crate::MemFs::metadata).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"bytes")?;
    /// let snapshot = fs.snapshot();
    /// fs.append("/a", b" and more")?;
    /// assert_eq!((snapshot.metadata("/a")?.len(), fs.metadata("/a")?.len()), (5, 14));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidPath`, `NotFound`, `NotADirectory`.
    pub fn metadata(&self, path: impl AsRef<str>) -> Result<Metadata> {
        self.view("metadata", path.as_ref(), |at| Ok(Metadata::of(at)))
    }

    /// As [`MemFs::read_dir`](crate::MemFs::read_dir).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.import_tree([("/a", ""), ("/b", "")])?;
    /// let snapshot = fs.snapshot();
    /// fs.remove_file("/a")?;
    /// let names: Vec<_> = snapshot.read_dir("/")?.map(|entry| entry.name().to_string()).collect();
    /// assert_eq!(names, ["a", "b"]);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidPath`, `NotFound`, `NotADirectory`.
    pub fn read_dir(&self, path: impl AsRef<str>) -> Result<ReadDir> {
        crate::fs::read_dir(self.tree().clone(), path.as_ref(), self.max_depth)
    }

    /// As [`MemFs::read`](crate::MemFs::read).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"bytes")?;
    /// let snapshot = fs.snapshot();
    /// fs.remove_file("/a")?;
    /// assert_eq!(snapshot.read("/a")?, b"bytes");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidPath`, `NotFound`, `NotADirectory`, `IsADirectory`, `AllocationFailed`.
    pub fn read(&self, path: impl AsRef<str>) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.read_as("read", path.as_ref(), &mut bytes)?;
        Ok(bytes)
    }

    /// As [`MemFs::read_to_string`](crate::MemFs::read_to_string).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", "text")?;
    /// let snapshot = fs.snapshot();
    /// fs.remove_file("/a")?;
    /// assert_eq!(snapshot.read_to_string("/a")?, "text");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read); `InvalidData` if the bytes are not UTF-8.
    pub fn read_to_string(&self, path: impl AsRef<str>) -> Result<String> {
        let path = path.as_ref();
        let mut bytes = Vec::new();
        self.read_as("read_to_string", path, &mut bytes)?;
        crate::fs::utf8(bytes).named("read_to_string", path)
    }

    /// As [`MemFs::read_into`](crate::MemFs::read_into).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"bytes")?;
    /// let snapshot = fs.snapshot();
    /// fs.remove_file("/a")?;
    /// let mut buffer = Vec::new();
    /// assert_eq!(snapshot.read_into("/a", &mut buffer)?, 5);
    /// assert_eq!(buffer, b"bytes");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn read_into(&self, path: impl AsRef<str>, out: &mut Vec<u8>) -> Result<usize> {
        self.read_as("read_into", path.as_ref(), out)?;
        Ok(out.len())
    }

    /// As [`MemFs::content`](crate::MemFs::content).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"bytes")?;
    /// let snapshot = fs.snapshot();
    /// fs.remove_file("/a")?;
    /// let content = snapshot.content("/a")?;
    /// drop(snapshot);
    /// assert_eq!(content.to_vec()?, b"bytes");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidPath`, `NotFound`, `NotADirectory`, `IsADirectory`.
    pub fn content(&self, path: impl AsRef<str>) -> Result<Content> {
        self.view("content", path.as_ref(), |at| file_content(&at).cloned())
    }

    /// As [`MemFs::walk`](crate::MemFs::walk).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.create_dir_all("/a/b")?;
    /// let snapshot = fs.snapshot();
    /// fs.clear()?;
    /// let paths: Vec<_> = snapshot.walk("/")?.map(|dir| dir.path).collect();
    /// assert_eq!(paths, ["/", "/a", "/a/b"]);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidPath`, `NotFound`, `NotADirectory`.
    pub fn walk(&self, path: impl AsRef<str>) -> Result<Walk> {
        crate::fs::walk(self.tree().clone(), path.as_ref(), self.max_depth)
    }

    /// As [`MemFs::glob`](crate::MemFs::glob).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.import_tree([("/a/1.txt", ""), ("/2.txt", "")])?;
    /// let snapshot = fs.snapshot();
    /// fs.clear()?;
    /// assert_eq!(snapshot.glob("**/*.txt")?, ["/2.txt", "/a/1.txt"]);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidPattern`.
    pub fn glob(&self, pattern: impl AsRef<str>) -> Result<Vec<String>> {
        Ok(glob(self.tree(), &Pattern::new(pattern.as_ref()).named("glob", pattern.as_ref())?))
    }

    /// As [`MemFs::usage`](crate::MemFs::usage).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.import_tree([("/a/1", "one"), ("/a/2", "two")])?;
    /// let snapshot = fs.snapshot();
    /// fs.clear()?;
    /// let usage = snapshot.usage("/a")?;
    /// assert_eq!((usage.bytes, usage.files, usage.dirs), (6, 2, 1));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidPath`, `NotFound`, `NotADirectory`.
    pub fn usage(&self, path: impl AsRef<str>) -> Result<Usage> {
        self.view("usage", path.as_ref(), |at| Ok(usage_of(&at)))
    }

    /// As [`MemFs::export_tree`](crate::MemFs::export_tree).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.import_tree([("/a/1", "one"), ("/b", "two")])?;
    /// let snapshot = fs.snapshot();
    /// fs.clear()?;
    /// let files = snapshot.export_tree("/a", Default::default())?;
    /// assert_eq!(files.into_iter().collect::<Vec<_>>(), [("/a/1".to_string(), b"one".to_vec())]);
    /// assert!(snapshot.export_tree("/b/below", Default::default())?.is_empty());
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidPath`, `AllocationFailed`.
    pub fn export_tree(
        &self,
        prefix: impl AsRef<str>,
        options: ExportOptions,
    ) -> Result<BTreeMap<String, Vec<u8>>> {
        crate::export::export_tree(self.files("export_tree", prefix.as_ref(), options)?)
    }

    /// As [`MemFs::iter_export_tree`](crate::MemFs::iter_export_tree).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.import_tree([("/a/1", "one"), ("/b", "two")])?;
    /// let snapshot = fs.snapshot();
    /// fs.clear()?;
    /// let files = snapshot.iter_export_tree("/", Default::default())?;
    /// assert_eq!(files.map(|(path, _)| path).collect::<Vec<_>>(), ["/a/1", "/b"]);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidPath`.
    pub fn iter_export_tree(&self, prefix: impl AsRef<str>, options: ExportOptions) -> Result<ExportIter> {
        self.files("iter_export_tree", prefix.as_ref(), options)
    }

    fn files(&self, operation: &'static str, prefix: &str, options: ExportOptions) -> Result<ExportIter> {
        ExportIter::of(self.tree().clone(), prefix, options, self.max_depth, operation)
    }

    /// As [`MemFs::export_bytes`](crate::MemFs::export_bytes).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"12345")?;
    /// let snapshot = fs.snapshot();
    /// fs.remove_file("/a")?;
    /// assert_eq!(snapshot.export_bytes("/a", Some(5))?, b"12345");
    /// let error = snapshot.export_bytes("/a", Some(4)).unwrap_err();
    /// assert_eq!(error.kind(), &arcfs::ErrorKind::InvalidInput);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read); `InvalidInput` if the file is larger than `max_size`.
    pub fn export_bytes(&self, path: impl AsRef<str>, max_size: Option<u64>) -> Result<Vec<u8>> {
        let path = path.as_ref();
        let content = self.view("export_bytes", path, |at| file_content(&at).cloned())?;
        crate::export::export_bytes(&content, max_size).named("export_bytes", path)
    }

    pub(crate) fn max_depth(&self) -> usize {
        self.max_depth
    }
}

impl Clone for Snapshot {
    fn clone(&self) -> Self {
        Self::of(self.tree().clone(), self.version, self.max_depth, &self.resources)
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        self.tree = None;
        if model_has_failed() {
            return;
        }
        self.resources.snapshots.sub(1);
        self.resources.graves.sweep();
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("version", &self.version).field("tree", self.tree()).finish()
    }
}
