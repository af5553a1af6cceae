//! The entries of one directory.

use std::iter::FusedIterator;
use std::sync::Arc;

use super::cursor::Cursor;
use super::lookup::{Found, Miss, find_placed};
use super::metadata::Metadata;
use super::name::Name;
use super::node::Dir;
use super::trail::Trail;

/// The entries of a directory as of one instant, in tree order.
///
/// It owns that version of the directory: later changes do not disturb it, and what they remove
/// stays alive until it is dropped. Making it is O(depth of the path), each step O(1) on average.
///
/// ```
/// let fs = arcfs::MemFs::new();
/// fs.write("/b", b"1")?;
/// fs.create_dir("/a")?;
/// let names: Vec<String> = fs.read_dir("/")?.map(|entry| entry.name().to_owned()).collect();
/// assert_eq!(names, ["a", "b"]);
/// # Ok::<(), arcfs::Error>(())
/// ```
#[derive(Debug)]
pub struct ReadDir {
    trail: Trail,
    /// The largest `placed` on the way to the directory.
    above: u64,
    cursor: Cursor<(Name, Metadata)>,
    /// See [`Dir::pin`]; dropped last.
    _pin: Option<Arc<Dir>>,
}

/// One entry of a directory.
#[derive(Debug, Clone)]
pub struct DirEntry {
    path: String,
    /// Where in `path` the name begins.
    name_at: usize,
    metadata: Metadata,
}

impl ReadDir {
    /// The entries of the directory at a normalised path.
    ///
    /// # Errors
    ///
    /// [`Miss`]; a file at the path itself is [`Miss::NotADirectory`].
    pub(crate) fn new(tree: &Arc<Dir>, path: &str) -> Result<Self, Miss> {
        match find_placed(tree, path)? {
            (Found::Dir(dir), above) => {
                let cursor = Cursor::new(Arc::clone(dir));
                Ok(Self { trail: Trail::at(path), above, cursor, _pin: dir.pin(tree) })
            }
            (Found::File(_), _) => Err(Miss::NotADirectory),
        }
    }
}

impl Iterator for ReadDir {
    type Item = DirEntry;

    fn next(&mut self) -> Option<DirEntry> {
        let above = self.above;
        let (name, metadata) =
            self.cursor.next(|name, entry| Some((name.clone(), Metadata::of_entry(entry, above))))?;
        Some(DirEntry { path: self.trail.path_of(name.as_str()), name_at: self.trail.len() + 1, metadata })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.cursor.remaining();
        (left, Some(left))
    }
}

impl ExactSizeIterator for ReadDir {}
impl FusedIterator for ReadDir {}

impl DirEntry {
    /// The entry `name` of the directory at a normalised path.
    #[cfg(feature = "image")]
    pub(crate) fn of_saved(dir: &str, name: &str, metadata: Metadata) -> Self {
        let path = crate::path::join(dir, name);
        Self { name_at: path.len() - name.len(), path, metadata }
    }

    /// The name of the entry in its directory.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.import_tree([("/d/file", "12345")])?;
    /// let entry = fs.read_dir("/d")?.next().unwrap();
    /// assert_eq!(entry.name(), "file");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        &self.path[self.name_at..]
    }

    /// The whole path of the entry.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.import_tree([("/d/file", "12345")])?;
    /// let entry = fs.read_dir("/d")?.next().unwrap();
    /// assert_eq!(entry.path(), "/d/file");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is known about it, as of the same instant.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.import_tree([("/d/file", "12345")])?;
    /// let entry = fs.read_dir("/d")?.next().unwrap();
    /// fs.remove_file("/d/file")?;
    /// assert_eq!(entry.metadata().len(), 5);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn metadata(&self) -> Metadata {
        self.metadata
    }
}
