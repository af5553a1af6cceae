//! What changed between two trees.

use std::fmt;
use std::iter::FusedIterator;
use std::sync::Arc;
use std::vec;

use super::cursor::Cursor;
use super::name::Name;
use super::node::{Dir, Entry, Node};
use super::trail::Trail;

/// One difference between two snapshots.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// This file or directory is in the newer one alone.
    Created(String),
    /// This file or directory is in the older one alone.
    Removed(String),
    /// This file has another content in the newer one.
    Modified(String),
}

/// What changed between two snapshots, in tree order.
///
/// Files are created, removed or modified (they have another content, by pointer); directories
/// are created or removed, and so is each node below them. A rename is a removal and a creation;
/// where a file became a directory, or the reverse, the removal comes first.
///
/// It owns both trees. What they share is skipped: the cost is that of the differences. For each
/// directory that both have, its changed entries are found at once, when the iterator enters it.
pub struct Diff {
    trail: Trail,
    levels: Vec<Level>,
    /// Both trees, so that the graves see who holds them; dropped last.
    _pins: [Arc<Dir>; 2],
}

struct Level {
    /// How long the trail is there.
    trail: usize,
    steps: Steps,
}

/// What is still to report of one directory.
enum Steps {
    /// It is in both trees: these entries of it differ.
    Changed(vec::IntoIter<Step>),
    /// It is in the newer tree alone, with all entries.
    Created(Cursor<Below>),
    /// It is in the older tree alone, with all entries.
    Removed(Cursor<Below>),
}

/// An entry, and the directory that it is, if it is one.
type Below = (Name, Option<Arc<Dir>>);

enum Step {
    Created(Below),
    Removed(Below),
    Modified(Name),
    /// A directory in both trees with different entries.
    Within {
        name: Name,
        newer: Arc<Dir>,
        older: Arc<Dir>,
    },
}

impl Diff {
    /// What became of `older` on the way to `newer`.
    #[must_use]
    pub(crate) fn new(newer: &Arc<Dir>, older: &Arc<Dir>) -> Self {
        let mut diff = Self {
            trail: Trail::default(),
            levels: Vec::new(),
            _pins: [Arc::clone(newer), Arc::clone(older)],
        };
        if !same(newer, older) {
            diff.enter(Steps::Changed(changed(newer, older)));
        }
        diff
    }

    fn enter(&mut self, steps: Steps) {
        self.levels.push(Level { trail: self.trail.len(), steps });
    }

    /// Reports a node of one tree, and has what is below it reported next.
    fn report(
        &mut self,
        (name, dir): Below,
        change: fn(String) -> Change,
        steps: fn(Cursor<Below>) -> Steps,
    ) -> Change {
        let path = self.trail.path_of(name.as_str());
        if let Some(dir) = dir.filter(|dir| !dir.entries.is_empty()) {
            self.trail.push(name.as_str());
            self.enter(steps(Cursor::new(dir)));
        }
        change(path)
    }
}

impl Iterator for Diff {
    type Item = Change;

    fn next(&mut self) -> Option<Change> {
        loop {
            let level = self.levels.last_mut()?;
            self.trail.back_to(level.trail);
            let step = match &mut level.steps {
                Steps::Changed(steps) => steps.next(),
                Steps::Created(entries) => {
                    entries.next(|name, entry| Some(below(name, entry))).map(Step::Created)
                }
                Steps::Removed(entries) => {
                    entries.next(|name, entry| Some(below(name, entry))).map(Step::Removed)
                }
            };
            match step {
                None => {
                    self.levels.pop();
                }
                Some(Step::Created(node)) => return Some(self.report(node, Change::Created, Steps::Created)),
                Some(Step::Removed(node)) => return Some(self.report(node, Change::Removed, Steps::Removed)),
                Some(Step::Modified(name)) => {
                    return Some(Change::Modified(self.trail.path_of(name.as_str())));
                }
                Some(Step::Within { name, newer, older }) => {
                    self.trail.push(name.as_str());
                    self.enter(Steps::Changed(changed(&newer, &older)));
                }
            }
        }
    }
}

impl FusedIterator for Diff {}

/// Whether two directories are seen to have the same entries.
fn same(a: &Arc<Dir>, b: &Arc<Dir>) -> bool {
    Arc::ptr_eq(a, b) || a.entries.ptr_eq(&b.entries)
}

fn below(name: &Name, entry: &Entry) -> Below {
    let dir = match &entry.node {
        Node::Dir(dir) => Some(Arc::clone(dir)),
        Node::File(_) => None,
    };
    (name.clone(), dir)
}

/// The steps for a directory that is in both trees.
fn changed(newer: &Dir, older: &Dir) -> vec::IntoIter<Step> {
    let mut steps = Vec::new();
    for (name, old, new) in newer.entries.changes_since(&older.entries) {
        match (old.map(|entry| &entry.node), new.map(|entry| &entry.node)) {
            (Some(Node::File(old)), Some(Node::File(new))) => {
                if !old.content.ptr_eq(&new.content) {
                    steps.push(Step::Modified(name.clone()));
                }
            }
            (Some(Node::Dir(old)), Some(Node::Dir(new))) => {
                if !same(old, new) {
                    let (newer, older) = (Arc::clone(new), Arc::clone(old));
                    steps.push(Step::Within { name: name.clone(), newer, older });
                }
            }
            _ => {
                steps.extend(old.map(|entry| Step::Removed(below(name, entry))));
                steps.extend(new.map(|entry| Step::Created(below(name, entry))));
            }
        }
    }
    steps.into_iter()
}

impl fmt::Debug for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Diff").field("at", &self.trail.path()).finish_non_exhaustive()
    }
}
