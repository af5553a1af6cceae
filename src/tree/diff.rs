//! What changed between two trees.

use std::fmt;
use std::iter::FusedIterator;
use std::vec;

use super::dir_map::{Iter, NameRef};
use super::held::Tree;
use super::node::{Dir, EntryRef, NodeRef};
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
/// It holds both trees. What they share is skipped: the cost is that of the differences. For each
/// directory that both have, its changed entries are found at once, when the iterator enters it.
pub struct Diff(Holding);

self_cell::self_cell! {
    struct Holding {
        owner: [Tree; 2],
        #[not_covariant]
        dependent: Differing,
    }
}

/// A [`Diff`] of trees that somebody else holds.
struct Differing<'a> {
    trail: Trail,
    levels: Vec<Level<'a>>,
}

struct Level<'a> {
    /// How long the trail is there.
    trail: usize,
    steps: Steps<'a>,
}

/// What is still to report of one directory.
enum Steps<'a> {
    /// It is in both trees: these entries of it differ.
    Changed(vec::IntoIter<Step<'a>>),
    /// It is in the newer tree alone, with all entries.
    Created(Iter<'a>),
    /// It is in the older tree alone, with all entries.
    Removed(Iter<'a>),
}

/// An entry: its name and the node.
type Below<'a> = (NameRef<'a>, NodeRef<'a>);

enum Step<'a> {
    Created(Below<'a>),
    Removed(Below<'a>),
    Modified(NameRef<'a>),
    /// A directory in both trees with different entries.
    Within {
        name: NameRef<'a>,
        newer: &'a Dir,
        older: &'a Dir,
    },
}

impl Diff {
    /// What became of `older` on the way to `newer`.
    #[must_use]
    pub(crate) fn new(newer: Tree, older: Tree) -> Self {
        Self(Holding::new([newer, older], |[newer, older]| Differing::new(newer, older)))
    }
}

impl Iterator for Diff {
    type Item = Change;

    fn next(&mut self) -> Option<Change> {
        self.0.with_dependent_mut(|_, differing| differing.next())
    }
}

impl FusedIterator for Diff {}

impl<'a> Differing<'a> {
    fn new(newer: &'a Dir, older: &'a Dir) -> Self {
        let mut differing = Self { trail: Trail::default(), levels: Vec::new() };
        if !same(newer, older) {
            differing.enter(Steps::Changed(changed(newer, older)));
        }
        differing
    }

    fn enter(&mut self, steps: Steps<'a>) {
        self.levels.push(Level { trail: self.trail.len(), steps });
    }

    /// Reports a node of one tree, and has what is below it reported next.
    fn report(
        &mut self,
        (name, node): Below<'a>,
        change: fn(String) -> Change,
        steps: fn(Iter<'a>) -> Steps<'a>,
    ) -> Change {
        let path = self.trail.path_of(name.as_str());
        if let Some(dir) = node.as_dir().filter(|dir| !dir.entries.is_empty()) {
            self.trail.push(name.as_str());
            self.enter(steps(dir.entries.iter()));
        }
        change(path)
    }

    fn next(&mut self) -> Option<Change> {
        loop {
            let level = self.levels.last_mut()?;
            self.trail.back_to(level.trail);
            let below = |(name, entry): (NameRef<'a>, EntryRef<'a>)| (name, entry.node);
            let step = match &mut level.steps {
                Steps::Changed(steps) => steps.next(),
                Steps::Created(entries) => entries.next().map(below).map(Step::Created),
                Steps::Removed(entries) => entries.next().map(below).map(Step::Removed),
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
                    self.enter(Steps::Changed(changed(newer, older)));
                }
            }
        }
    }
}

/// Whether two directories are seen to have the same entries.
fn same(a: &Dir, b: &Dir) -> bool {
    std::ptr::eq(a, b) || a.entries.ptr_eq(&b.entries)
}

/// The steps for a directory that is in both trees.
fn changed<'a>(newer: &'a Dir, older: &'a Dir) -> vec::IntoIter<Step<'a>> {
    let mut steps = Vec::new();
    for (name, old, new) in newer.entries.changes_since(&older.entries) {
        match (old.map(|entry| entry.node), new.map(|entry| entry.node)) {
            (Some(NodeRef::File(old)), Some(NodeRef::File(new))) => {
                if !old.content.ptr_eq(&new.content) {
                    steps.push(Step::Modified(name));
                }
            }
            (Some(NodeRef::Dir(older)), Some(NodeRef::Dir(newer))) => {
                if !same(older, newer) {
                    steps.push(Step::Within { name, newer, older });
                }
            }
            (old, new) => {
                steps.extend(old.map(|node| Step::Removed((name, node))));
                steps.extend(new.map(|node| Step::Created((name, node))));
            }
        }
    }
    steps.into_iter()
}

impl fmt::Debug for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.0.with_dependent(|_, differing| differing.trail.path());
        f.debug_struct("Diff").field("at", &at).finish_non_exhaustive()
    }
}
