//! The calls of a transaction that read.

use super::Transaction;
use super::reads::What;
use crate::content::Content;
use crate::error::{Error, Result};
use crate::ops::{Named, file_content, read_content, usage_of};
use crate::pattern::Pattern;
use crate::tree::glob::{Look, glob_noting};
use crate::tree::lookup::{At, find};
use crate::tree::metadata::Metadata;
use crate::tree::node::NodeRef;
use crate::tree::read_dir::ReadDir;
use crate::tree::walk::Walk;
use crate::usage::Usage;

/// A glob that listed more directories than this counts as having read all below the first.
const LISTED_ONE_BY_ONE: usize = 256;

impl Transaction {
    /// Looks at the node at a path.
    fn view<T>(
        &self,
        operation: &'static str,
        path: &str,
        what: What,
        view: impl FnOnce(At<'_>) -> Result<T>,
    ) -> Result<T> {
        let look = || {
            let path = self.volume.normalize(path)?;
            self.note(&path, what);
            match find(&self.root().tree, &path) {
                Ok(at) => view(at),
                Err(miss) => Err(Error::new(miss.into())),
            }
            .map_err(|error| error.on(&path))
        };
        look().named(operation, path)
    }

    fn test(&self, path: &str, test: impl FnOnce(NodeRef<'_>) -> bool) -> bool {
        let Ok(path) = self.volume.normalize(path) else { return false };
        self.note(&path, What::Node);
        find(&self.root().tree, &path).is_ok_and(|at| test(at.found))
    }

    fn read_as(&self, operation: &'static str, path: &str, out: &mut Vec<u8>) -> Result<()> {
        self.view(operation, path, What::Node, |at| read_content(file_content(&at)?, out))
    }

    /// Notes a look at a path that another call is about to take.
    fn note_ahead(&self, path: &str, what: What) {
        if let Ok(path) = self.volume.normalize(path) {
            self.note(&path, what);
        }
    }

    /// The version of the root that this run of the closure started from.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// let before = fs.version();
    /// let seen = fs.transaction(|tx| {
    ///     tx.write("/a", b"1")?;
    ///     Ok(tx.version())
    /// })?;
    /// assert_eq!((seen, fs.version()), (before, before + 1));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn version(&self) -> u64 {
        self.base.version()
    }

    /// As [`MemFs::exists`](crate::MemFs::exists).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.transaction(|tx| {
    ///     tx.write("/a", b"1")?;
    ///     assert!(tx.exists("/a") && !fs.exists("/a")); // not published yet
    ///     Ok(())
    /// })?;
    /// assert!(fs.exists("/a"));
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
    /// fs.write("/a", b"1")?;
    /// fs.transaction(|tx| {
    ///     assert!(tx.is_file("/a") && !tx.is_file("/"));
    ///     Ok(())
    /// })?;
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
    /// fs.transaction(|tx| {
    ///     tx.create_dir("/d")?;
    ///     assert!(tx.is_dir("/d") && !tx.is_dir("/e"));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn is_dir(&self, path: impl AsRef<str>) -> bool {
        self.test(path.as_ref(), |found| matches!(found, NodeRef::Dir(_)))
    }

    /// As [`MemFs::metadata`](crate::MemFs::metadata). The version of what this transaction has
    /// changed is provisional.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"12345")?;
    /// let len = fs.transaction(|tx| {
    ///     tx.append("/a", b"678")?;
    ///     Ok(tx.metadata("/a")?.len())
    /// })?;
    /// assert_eq!(len, 8);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidPath`, `NotFound`, `NotADirectory`.
    pub fn metadata(&self, path: impl AsRef<str>) -> Result<Metadata> {
        self.view("metadata", path.as_ref(), What::Meta, |at| Ok(Metadata::of(at)))
    }

    /// As [`MemFs::read_dir`](crate::MemFs::read_dir). What the transaction does afterwards does
    /// not disturb it.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.import_tree([("/in/a", "1"), ("/in/b", "2")])?;
    /// fs.transaction(|tx| {
    ///     tx.create_dir("/out")?;
    ///     for entry in tx.read_dir("/in")? {
    ///         tx.rename(entry.path(), format!("/out/{}", entry.name()))?;
    ///     }
    ///     tx.remove_dir("/in")
    /// })?;
    /// assert_eq!(fs.glob("**")?, ["/out", "/out/a", "/out/b"]);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidPath`, `NotFound`, `NotADirectory`.
    pub fn read_dir(&self, path: impl AsRef<str>) -> Result<ReadDir> {
        let path = path.as_ref();
        self.note_ahead(path, What::Listing);
        crate::fs::read_dir(self.tree(), path, self.volume.config.max_depth)
    }

    /// As [`MemFs::read`](crate::MemFs::read).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"1")?;
    /// let bytes = fs.transaction(|tx| {
    ///     tx.append("/a", b"2")?;
    ///     tx.read("/a")
    /// })?;
    /// assert_eq!(bytes, b"12");
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
    /// fs.write("/name", "Ada")?;
    /// fs.transaction(|tx| {
    ///     let name = tx.read_to_string("/name")?;
    ///     tx.write("/greeting", format!("Hello {name}"))
    /// })?;
    /// assert_eq!(fs.read("/greeting")?, b"Hello Ada");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read); `InvalidData` if the bytes are not UTF-8.
    pub fn read_to_string(&self, path: impl AsRef<str>) -> Result<String> {
        let (path, mut bytes) = (path.as_ref(), Vec::new());
        self.read_as("read_to_string", path, &mut bytes)?;
        crate::fs::utf8(bytes).named("read_to_string", path)
    }

    /// As [`MemFs::read_into`](crate::MemFs::read_into).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.import_tree([("/a", "1"), ("/b", "23")])?;
    /// let mut buffer = Vec::new();
    /// let sum = fs.transaction(|tx| Ok(tx.read_into("/a", &mut buffer)? + tx.read_into("/b", &mut buffer)?))?;
    /// assert_eq!((sum, buffer), (3, b"23".to_vec()));
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
    /// fs.transaction(|tx| {
    ///     let content = tx.content("/a")?;
    ///     tx.write_owned("/b", content) // shares the bytes
    /// })?;
    /// assert_eq!(fs.read("/b")?, b"bytes");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidPath`, `NotFound`, `NotADirectory`, `IsADirectory`.
    pub fn content(&self, path: impl AsRef<str>) -> Result<Content> {
        self.view("content", path.as_ref(), What::Node, |at| file_content(&at).cloned())
    }

    /// As [`MemFs::walk`](crate::MemFs::walk). It counts as having read everything below `path`,
    /// however far it is followed.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.create_dir_all("/a/b")?;
    /// let paths: Vec<_> = fs.transaction(|tx| {
    ///     tx.create_dir("/a/c")?;
    ///     Ok(tx.walk("/a")?.map(|dir| dir.path).collect())
    /// })?;
    /// assert_eq!(paths, ["/a", "/a/b", "/a/c"]);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidPath`, `NotFound`, `NotADirectory`, at the call.
    pub fn walk(&self, path: impl AsRef<str>) -> Result<Walk> {
        let path = path.as_ref();
        self.note_ahead(path, What::Subtree);
        crate::fs::walk(self.tree(), path, self.volume.config.max_depth)
    }

    /// As [`MemFs::glob`](crate::MemFs::glob). It counts as having listed the directories in which
    /// something could match.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.import_tree([("/1.tmp", ""), ("/2.tmp", ""), ("/kept", "")])?;
    /// fs.transaction(|tx| tx.glob("*.tmp")?.iter().try_for_each(|path| tx.remove_file(path)))?;
    /// assert_eq!(fs.glob("**")?, ["/kept"]);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidPattern`.
    pub fn glob(&self, pattern: impl AsRef<str>) -> Result<Vec<String>> {
        let pattern = Pattern::new(pattern.as_ref()).named("glob", pattern.as_ref())?;
        let mut listed = Vec::new();
        let found = glob_noting(&self.tree(), &pattern, |look| match look {
            Look::Listed(dir) if listed.len() <= LISTED_ONE_BY_ONE => listed.push(dir.path()),
            Look::Listed(_) => {}
            Look::Named(dir, name) => self.note_slot(&dir.path_of(name), What::Node),
        });
        if listed.len() > LISTED_ONE_BY_ONE {
            self.note_slot(&listed[0], What::Subtree);
        } else {
            listed.iter().for_each(|dir| self.note_slot(dir, What::Listing));
        }
        Ok(found)
    }

    /// As [`MemFs::usage`](crate::MemFs::usage). Of a directory, it counts as having read
    /// everything below.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.import_tree([("/a/1", "one"), ("/a/2", "two")])?;
    /// let usage = fs.transaction(|tx| {
    ///     tx.remove_file("/a/1")?;
    ///     tx.usage("/a")
    /// })?;
    /// assert_eq!((usage.bytes, usage.files, usage.dirs), (3, 1, 1));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidPath`, `NotFound`, `NotADirectory`.
    pub fn usage(&self, path: impl AsRef<str>) -> Result<Usage> {
        self.view("usage", path.as_ref(), What::Subtree, |at| Ok(usage_of(&at)))
    }
}
