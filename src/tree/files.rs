//! All nodes of a subtree one after the other, for exports.

use std::fmt;
use std::iter::FusedIterator;
use std::sync::Arc;

use super::cursor::Cursor;
use super::lookup::{Found, Miss, find};
use super::name::Name;
use super::node::{Dir, FileNode, Node};
use super::trail::Trail;

/// The nodes at a path and below it, in tree order, a directory before what is in it.
///
/// It owns what it goes through and finds it step by step.
pub struct Nodes {
    trail: Trail,
    /// The node to begin with, until it is yielded.
    start: Option<Node>,
    levels: Vec<Level>,
    select: Select,
    /// See [`Dir::pin`]; dropped last.
    _pin: Option<Arc<Dir>>,
}

struct Level {
    /// How long the trail is there.
    trail: usize,
    entries: Cursor<(Name, Node)>,
}

/// Which nodes are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Select {
    /// No file that was not written since it was created, imported or copied.
    pub only_dirty: bool,
    /// Directories too.
    pub dirs: bool,
}

impl Nodes {
    /// The nodes at and below a normalised path.
    ///
    /// # Errors
    ///
    /// [`Miss`].
    pub fn new(tree: &Arc<Dir>, path: &str, select: Select) -> Result<Self, Miss> {
        let (start, pin) = match find(tree, path)?.found {
            Found::Dir(dir) => (Node::Dir(Arc::clone(dir)), dir.pin(tree)),
            Found::File(file) => (Node::File(Arc::clone(file)), None),
        };
        let start = Some(start).filter(|node| select.admits(node));
        Ok(Self { trail: Trail::at(path), start, levels: Vec::new(), select, _pin: pin })
    }

    /// Goes to the next node that is wanted, or that something wanted may be below.
    fn advance(&mut self) -> Option<Node> {
        if let Some(node) = self.start.take() {
            return Some(node);
        }
        let select = self.select;
        loop {
            let level = self.levels.last_mut()?;
            let next = level
                .entries
                .next(|name, entry| select.admits(&entry.node).then(|| (name.clone(), entry.node.clone())));
            if let Some((name, node)) = next {
                self.trail.back_to(level.trail);
                self.trail.push(name.as_str());
                return Some(node);
            }
            self.levels.pop();
        }
    }
}

impl Select {
    /// Whether a node is wanted, or something below it may be.
    fn admits(self, node: &Node) -> bool {
        match node {
            Node::File(file) => !self.only_dirty || file.meta.generation > 0,
            Node::Dir(dir) => self.dirs || dir.totals.files > 0,
        }
    }
}

impl Iterator for Nodes {
    type Item = (String, Node);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let node = self.advance()?;
            if let Node::Dir(dir) = &node {
                if !dir.entries.is_empty() {
                    self.levels
                        .push(Level { trail: self.trail.len(), entries: Cursor::new(Arc::clone(dir)) });
                }
                if !self.select.dirs {
                    continue;
                }
            }
            return Some((self.trail.path(), node));
        }
    }
}

impl FusedIterator for Nodes {}

impl fmt::Debug for Nodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nodes")
            .field("at", &self.trail.path())
            .field("select", &self.select)
            .finish_non_exhaustive()
    }
}

/// The files at a path and below it, in tree order; see [`Nodes`].
#[derive(Debug)]
pub struct Files(Nodes);

impl Files {
    /// The files at and below a normalised path.
    ///
    /// # Errors
    ///
    /// [`Miss`].
    pub fn new(tree: &Arc<Dir>, path: &str, only_dirty: bool) -> Result<Self, Miss> {
        Nodes::new(tree, path, Select { only_dirty, dirs: false }).map(Self)
    }
}

impl Iterator for Files {
    type Item = (String, Arc<FileNode>);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.find_map(|(path, node)| match node {
            Node::File(file) => Some((path, file)),
            Node::Dir(_) => None,
        })
    }
}

impl FusedIterator for Files {}
