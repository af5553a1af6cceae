//! Calls that read. Each looks at one root. Those that keep it take note of it in their turn among commits; none
//! waits for anything else.

use super::MemFs;
use crate::content::Content;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::{Named, usage_of};
use crate::path;
use crate::pattern::Pattern;
use crate::tree::glob::glob;
use crate::tree::held::Tree;
use crate::tree::metadata::Metadata;
use crate::tree::node::NodeRef;
use crate::tree::read_dir::ReadDir;
use crate::tree::walk::Walk;
use crate::usage::Usage;

impl MemFs {
    /// Whether something stands at `path`; false for a path that is not valid. Allocates nothing
    /// for a path that is already normalised.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"")?;
    /// assert!(fs.exists("/a") && fs.exists("/") && !fs.exists("/b") && !fs.exists("/.."));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn exists(&self, path: impl AsRef<str>) -> bool {
        self.volume.test(path.as_ref(), |_| true)
    }

    /// Whether a file stands at `path`; false for a path that is not valid.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"")?;
    /// assert!(fs.is_file("/a") && !fs.is_file("/"));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn is_file(&self, path: impl AsRef<str>) -> bool {
        self.volume.test(path.as_ref(), |found| matches!(found, NodeRef::File(_)))
    }

    /// Whether a directory stands at `path`; false for a path that is not valid.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"")?;
    /// assert!(fs.is_dir("/") && !fs.is_dir("/a"));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn is_dir(&self, path: impl AsRef<str>) -> bool {
        self.volume.test(path.as_ref(), |found| matches!(found, NodeRef::Dir(_)))
    }

    /// What is known of a file or directory beside its content. O(depth × log entries).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"12345")?;
    /// let metadata = fs.metadata("/a")?;
    /// assert_eq!((metadata.len(), metadata.is_file(), metadata.generation()), (5, true, 1));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound`.
    pub fn metadata(&self, path: impl AsRef<str>) -> Result<Metadata> {
        let path = path.as_ref();
        self.volume.view(path, |at| Ok(Metadata::of(at))).named("metadata", path)
    }

    /// The entries of a directory, in tree order and of one instant. O(1) to make.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/b", b"")?;
    /// fs.create_dir("/a")?;
    /// let names: Vec<_> = fs.read_dir("/")?.map(|entry| entry.name().to_string()).collect();
    /// assert_eq!(names, ["a", "b"]);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound`, `NotADirectory`.
    pub fn read_dir(&self, path: impl AsRef<str>) -> Result<ReadDir> {
        read_dir(self.volume.tree(), path.as_ref(), self.volume.config.max_depth)
    }

    /// The bytes of a file.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"bytes")?;
    /// assert_eq!(fs.read("/a")?, b"bytes");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound`, `IsADirectory`, `AllocationFailed`.
    pub fn read(&self, path: impl AsRef<str>) -> Result<Vec<u8>> {
        let (path, mut bytes) = (path.as_ref(), Vec::new());
        self.volume.read_into(path, &mut bytes).named("read", path)?;
        Ok(bytes)
    }

    /// The bytes of a file, as text.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", [0xff])?;
    /// let error = fs.read_to_string("/a").unwrap_err();
    /// assert_eq!(error.kind(), &arcfs::ErrorKind::InvalidData);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read); `InvalidData` if the bytes are not UTF-8.
    pub fn read_to_string(&self, path: impl AsRef<str>) -> Result<String> {
        let path = path.as_ref();
        let mut bytes = Vec::new();
        let read = self.volume.read_into(path, &mut bytes).and_then(|()| utf8(bytes));
        read.named("read_to_string", path)
    }

    /// Replaces what is in `out` by the bytes of a file and returns their number; its memory is
    /// used again.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"bytes")?;
    /// let mut buffer = b"something older".to_vec();
    /// assert_eq!(fs.read_into("/a", &mut buffer)?, 5);
    /// assert_eq!(buffer, b"bytes");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn read_into(&self, path: impl AsRef<str>, out: &mut Vec<u8>) -> Result<usize> {
        let path = path.as_ref();
        self.volume.read_into(path, out).named("read_into", path)?;
        Ok(out.len())
    }

    /// The bytes of a file without copying them. They stay charged as long as this is held.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"bytes")?;
    /// let content = fs.content("/a")?;
    /// fs.remove_file("/a")?;
    /// assert_eq!(content.to_vec()?, b"bytes");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound`, `IsADirectory`.
    pub fn content(&self, path: impl AsRef<str>) -> Result<Content> {
        let path = path.as_ref();
        self.volume.content(path).named("content", path)
    }

    /// Walks a directory top-down, in tree order, of one instant, to any depth.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.create_dir_all("/a/b")?;
    /// fs.write("/a/f", b"")?;
    /// let paths: Vec<_> = fs.walk("/")?.map(|dir| dir.path).collect();
    /// assert_eq!(paths, ["/", "/a", "/a/b"]);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound`, `NotADirectory`, at the call.
    pub fn walk(&self, path: impl AsRef<str>) -> Result<Walk> {
        walk(self.volume.tree(), path.as_ref(), self.volume.config.max_depth)
    }

    /// The paths that match a pattern, sorted as strings, each once, of one instant.
    ///
    /// `*`, `?`, `[a-z]` and `[!a-z]` stay inside one component; `**` as a whole component is any
    /// number of directories, at the end everything below. The root never matches.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.create_dir_all("/src/tree")?;
    /// fs.write("/src/lib.rs", b"")?;
    /// fs.write("/src/tree/mod.rs", b"")?;
    /// assert_eq!(fs.glob("**/*.rs")?, ["/src/lib.rs", "/src/tree/mod.rs"]);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidPattern`.
    pub fn glob(&self, pattern: impl AsRef<str>) -> Result<Vec<String>> {
        let pattern = Pattern::new(pattern.as_ref()).named("glob", pattern.as_ref())?;
        let tree = self.volume.tree();
        Ok(glob(&tree, &pattern))
    }

    /// What a file, or a directory with everything below it, adds up to. O(depth).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.create_dir_all("/a/b")?;
    /// fs.write("/a/f", b"12345")?;
    /// let usage = fs.usage("/a")?;
    /// assert_eq!((usage.bytes, usage.files, usage.dirs), (5, 1, 2));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound`.
    pub fn usage(&self, path: impl AsRef<str>) -> Result<Usage> {
        let path = path.as_ref();
        self.volume.view(path, |at| Ok(usage_of(&at))).named("usage", path)
    }
}

/// The entries of a directory of `tree`.
pub(crate) fn read_dir(tree: Tree, path: &str, max_depth: usize) -> Result<ReadDir> {
    let list = || {
        let path = path::normalize(path, max_depth)?;
        ReadDir::new(tree, &path).map_err(|miss| Error::at(miss.into(), &path))
    };
    list().named("read_dir", path)
}

/// Walks a directory of `tree`.
pub(crate) fn walk(tree: Tree, path: &str, max_depth: usize) -> Result<Walk> {
    let start = || {
        let path = path::normalize(path, max_depth)?;
        Walk::new(tree, &path).map_err(|miss| Error::at(miss.into(), &path))
    };
    start().named("walk", path)
}

/// Bytes as text.
pub(crate) fn utf8(bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        let detail = format!("not UTF-8 from byte {}", error.utf8_error().valid_up_to());
        Error::new(ErrorKind::InvalidData).because(detail)
    })
}
