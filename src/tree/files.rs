//! All nodes of a subtree one after the other, for exports.

use std::fmt;
use std::iter::FusedIterator;
use std::sync::Arc;

use super::cursor::Cursor;
use super::lookup::Found;
use super::name::Name;
use super::node::{FileNode, Node};
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
    /// The nodes at and below what was found at a normalised path.
    #[must_use]
    pub fn new(found: Found<'_>, path: &str, select: Select) -> Self {
        let start = match found {
            Found::Dir(dir) => Node::Dir(Arc::clone(dir)),
            Found::File(file) => Node::File(Arc::clone(file)),
        };
        let start = Some(start).filter(|node| select.admits(node));
        Self { trail: Trail::at(path), start, levels: Vec::new(), select }
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
    /// The files at and below what was found at a normalised path.
    #[must_use]
    pub fn new(found: Found<'_>, path: &str, only_dirty: bool) -> Self {
        Self(Nodes::new(found, path, Select { only_dirty, dirs: false }))
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
