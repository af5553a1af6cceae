//! The entries of one directory.

use std::fmt;
use std::iter::FusedIterator;

use super::dir_map::Iter;
use super::held::Tree;
use super::lookup::{Miss, find_placed};
use super::metadata::Metadata;
use super::node::NodeRef;
use super::trail::Trail;

/// The entries of a directory as of one instant, in tree order.
///
/// It holds the tree that the directory is in: later changes do not disturb it, and what they remove
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
pub struct ReadDir {
    trail: Trail,
    /// The largest `placed` on the way to the directory.
    above: u64,
    entries: Holding,
}

self_cell::self_cell! {
    struct Holding {
        owner: Tree,
        #[not_covariant]
        dependent: Iter,
    }
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
    pub(crate) fn new(tree: Tree, path: &str) -> Result<Self, Miss> {
        let mut above = 0;
        let entries = Holding::try_new(tree, |tree| match find_placed(tree, path)? {
            (NodeRef::Dir(dir), placed) => {
                above = placed;
                Ok(dir.entries.iter())
            }
            (NodeRef::File(_), _) => Err(Miss::NotADirectory),
        })?;
        Ok(Self { trail: Trail::at(path), above, entries })
    }
}

impl Iterator for ReadDir {
    type Item = DirEntry;

    fn next(&mut self) -> Option<DirEntry> {
        let Self { trail, above, entries } = self;
        entries.with_dependent_mut(|_, entries| {
            let (name, entry) = entries.next()?;
            let (path, name_at) = (trail.path_of(name.as_str()), trail.len() + 1);
            Some(DirEntry { path, name_at, metadata: Metadata::of_entry(entry, *above) })
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.with_dependent(|_, entries| entries.size_hint())
    }
}

impl fmt::Debug for ReadDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadDir").field("in", &self.trail.path()).field("left", &self.len()).finish()
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
