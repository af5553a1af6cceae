//! Walking a tree from the top down.

use std::fmt;
use std::iter::FusedIterator;
use std::vec;

use super::dir_map::NameRef;
use super::held::Tree;
use super::lookup::{Miss, find_dir};
use super::name::Name;
use super::node::{Dir, NodeRef};
use super::trail::Trail;

/// A directory and everything below it as of one instant, from the top down, in tree order.
///
/// It holds the tree that it walks: later changes do not disturb it. Making it is O(1) once
/// the directory is found, each step O(entries of the directory that it yields).
///
/// ```
/// let fs = arcfs::MemFs::new();
/// fs.create_dir_all("/src/tests")?;
/// fs.write("/src/lib.rs", b"")?;
/// let mut walk = fs.walk("/")?;
/// assert_eq!(walk.next().unwrap().dirs[0].as_ref(), "src");
/// let src = walk.next().unwrap();
/// assert_eq!((src.path.as_str(), src.files[0].as_ref()), ("/src", "lib.rs"));
/// walk.skip_current_dir();
/// assert!(walk.next().is_none());
/// # Ok::<(), arcfs::Error>(())
/// ```
pub struct Walk(Holding);

self_cell::self_cell! {
    struct Holding {
        owner: Tree,
        #[covariant]
        dependent: Walking,
    }
}

/// A [`Walk`] of a tree that somebody else holds.
pub struct Walking<'a> {
    trail: Trail,
    /// The directory to begin with, until it is yielded.
    start: Option<&'a Dir>,
    /// The directories above the next one, each with those below it that are still to come.
    levels: Vec<Level<'a>>,
    /// Whether the last level is that of the directory last yielded.
    entered: bool,
}

struct Level<'a> {
    /// How long the trail is there.
    trail: usize,
    below: vec::IntoIter<(NameRef<'a>, &'a Dir)>,
}

/// One directory of a [`Walk`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalkDir {
    /// Its path.
    pub path: String,
    /// The directories in it, in tree order.
    pub dirs: Vec<Name>,
    /// The files in it, in tree order.
    pub files: Vec<Name>,
}

impl Walk {
    /// Walks the directory at a normalised path.
    ///
    /// # Errors
    ///
    /// [`Miss`]; a file at the path itself is [`Miss::NotADirectory`].
    pub(crate) fn new(tree: Tree, path: &str) -> Result<Self, Miss> {
        Holding::try_new(tree, |tree| Walking::new(tree, path)).map(Self)
    }

    /// Leaves out what is below the directory that the walk last yielded.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.create_dir_all("/.cache/large")?;
    /// fs.create_dir_all("/src/tests")?;
    /// let (mut walk, mut seen) = (fs.walk("/")?, Vec::new());
    /// while let Some(dir) = walk.next() {
    ///     if dir.path == "/.cache" {
    ///         walk.skip_current_dir();
    ///     }
    ///     seen.push(dir.path);
    /// }
    /// assert_eq!(seen, ["/", "/.cache", "/src", "/src/tests"]);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn skip_current_dir(&mut self) {
        self.0.with_dependent_mut(|_, walking| {
            if std::mem::take(&mut walking.entered) {
                walking.levels.pop();
            }
        });
    }
}

impl Iterator for Walk {
    type Item = WalkDir;

    fn next(&mut self) -> Option<WalkDir> {
        self.0.with_dependent_mut(|_, walking| walking.next())
    }
}

impl FusedIterator for Walk {}

impl<'a> Walking<'a> {
    /// As [`Walk::new`].
    ///
    /// # Errors
    ///
    /// [`Miss`].
    fn new(tree: &'a Dir, path: &str) -> Result<Self, Miss> {
        let start = Some(find_dir(tree, path)?);
        Ok(Self { trail: Trail::at(path), start, levels: Vec::new(), entered: false })
    }

    /// Goes to the next directory.
    fn advance(&mut self) -> Option<&'a Dir> {
        if let Some(dir) = self.start.take() {
            return Some(dir);
        }
        loop {
            let level = self.levels.last_mut()?;
            if let Some((name, dir)) = level.below.next() {
                self.trail.back_to(level.trail);
                self.trail.push(name.as_str());
                return Some(dir);
            }
            self.levels.pop();
        }
    }

    fn next(&mut self) -> Option<WalkDir> {
        let dir = self.advance()?;
        // So many of each there are at least: exact where all are of one kind, as most are.
        let all = dir.entries.len();
        let mut dirs = Vec::with_capacity(all.saturating_sub(dir.totals.files as usize));
        let mut files = Vec::with_capacity(all.saturating_sub(dir.totals.dirs as usize));
        let mut below = Vec::with_capacity(dirs.capacity());
        for (name, entry) in dir.entries.iter() {
            match entry.node {
                NodeRef::File(_) => files.push(name.to_name()),
                NodeRef::Dir(dir) => {
                    dirs.push(name.to_name());
                    below.push((name, dir));
                }
            }
        }
        self.entered = !below.is_empty();
        if self.entered {
            self.levels.push(Level { trail: self.trail.len(), below: below.into_iter() });
        }
        Some(WalkDir { path: self.trail.path(), dirs, files })
    }
}

impl fmt::Debug for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.0.borrow_dependent().trail.path();
        f.debug_struct("Walk").field("at", &at).finish_non_exhaustive()
    }
}
