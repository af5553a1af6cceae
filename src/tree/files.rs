//! All nodes of a subtree one after the other, for exports.

use std::fmt;
use std::iter::FusedIterator;

use super::dir_map::Iter;
use super::held::Tree;
use super::lookup::{Miss, find};
use super::node::{Dir, NodeRef};
use super::trail::Trail;
use crate::content::Content;

/// The nodes at a path and below it, in tree order, a directory before what is in it.
pub struct Nodes<'a> {
    trail: Trail,
    /// The node to begin with, until it is yielded.
    start: Option<NodeRef<'a>>,
    levels: Vec<Level<'a>>,
    select: Select,
}

struct Level<'a> {
    /// How long the trail is there.
    trail: usize,
    entries: Iter<'a>,
}

/// Which nodes are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Select {
    /// No file that was not written since it was created, imported or copied.
    pub only_dirty: bool,
    /// Directories too.
    pub dirs: bool,
}

impl<'a> Nodes<'a> {
    /// The nodes at and below a normalised path.
    ///
    /// # Errors
    ///
    /// [`Miss`].
    pub fn new(tree: &'a Dir, path: &str, select: Select) -> Result<Self, Miss> {
        let start = Some(find(tree, path)?.found).filter(|node| select.admits(*node));
        Ok(Self { trail: Trail::at(path), start, levels: Vec::new(), select })
    }

    /// Goes to the next node that is wanted, or that something wanted may be below.
    fn advance(&mut self) -> Option<NodeRef<'a>> {
        if let Some(node) = self.start.take() {
            return Some(node);
        }
        loop {
            let level = self.levels.last_mut()?;
            for (name, entry) in level.entries.by_ref() {
                if self.select.admits(entry.node) {
                    self.trail.back_to(level.trail);
                    self.trail.push(name.as_str());
                    return Some(entry.node);
                }
            }
            self.levels.pop();
        }
    }

    /// Goes to the next node, and leaves its path to be asked for.
    pub fn step(&mut self) -> Option<NodeRef<'a>> {
        loop {
            let node = self.advance()?;
            if let NodeRef::Dir(dir) = node {
                if !dir.entries.is_empty() {
                    self.levels.push(Level { trail: self.trail.len(), entries: dir.entries.iter() });
                }
                if !self.select.dirs {
                    continue;
                }
            }
            return Some(node);
        }
    }
}

impl Select {
    /// Whether a node is wanted, or something below it may be.
    fn admits(self, node: NodeRef<'_>) -> bool {
        match node {
            NodeRef::File(file) => !self.only_dirty || file.meta.generation > 0,
            NodeRef::Dir(dir) => self.dirs || dir.totals.files > 0,
        }
    }
}

impl<'a> Iterator for Nodes<'a> {
    type Item = (String, NodeRef<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.step().map(|node| (self.trail.path(), node))
    }
}

impl FusedIterator for Nodes<'_> {}

impl fmt::Debug for Nodes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nodes")
            .field("at", &self.trail.path())
            .field("select", &self.select)
            .finish_non_exhaustive()
    }
}

self_cell::self_cell! {
    struct Holding {
        owner: Tree,
        #[not_covariant]
        dependent: Nodes,
    }
}

/// The files at a path and below it, in tree order, of a tree that it holds; see [`Nodes`].
pub struct Files(Holding);

impl Files {
    /// The files at and below a normalised path.
    ///
    /// # Errors
    ///
    /// [`Miss`].
    pub fn new(tree: Tree, path: &str, only_dirty: bool) -> Result<Self, Miss> {
        let select = Select { only_dirty, dirs: false };
        Holding::try_new(tree, |tree| Nodes::new(tree, path, select)).map(Self)
    }
}

impl Iterator for Files {
    type Item = (String, Content);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.with_dependent_mut(|_, nodes| {
            nodes.find_map(|(path, node)| Some((path, node.as_file()?.content.clone())))
        })
    }
}

impl FusedIterator for Files {}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.with_dependent(|_, nodes| fmt::Debug::fmt(nodes, f))
    }
}
