//! The paths of a tree that match a pattern.

use super::dir_map::{self, NameRef};
use super::node::{Dir, EntryRef, NodeRef};
use super::trail::Trail;
use crate::pattern::{Pattern, States};

/// A directory on the way down.
struct Level<'a> {
    /// How long the trail is there.
    trail: usize,
    /// Where the pattern stands in it.
    states: States,
    entries: Entries<'a>,
}

/// The entries of a directory that could match.
#[cfg_attr(
    not(arcfs_tree = "counted"),
    expect(clippy::large_enum_variant, reason = "nearly all are of the large one")
)]
enum Entries<'a> {
    /// Any of them.
    All(dir_map::Iter<'a>),
    /// The one of a name, if it is there.
    One(Option<(NameRef<'a>, EntryRef<'a>)>),
}

impl<'a> Iterator for Entries<'a> {
    type Item = (NameRef<'a>, EntryRef<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Entries::All(entries) => entries.next(),
            Entries::One(entry) => entry.take(),
        }
    }
}

impl<'a> Level<'a> {
    fn new(dir: &'a Dir, pattern: &Pattern, states: States, trail: usize) -> Self {
        let entries = match pattern.only_name(&states) {
            Some(name) => Entries::One(dir.entries.get_key_value(name)),
            None => Entries::All(dir.entries.iter()),
        };
        Self { trail, states, entries }
    }
}

/// What a glob looks at on its way.
#[derive(Debug)]
pub enum Look<'a> {
    /// All entries of the directory where the trail stands.
    Listed(&'a Trail),
    /// The entry of that name in it, or its absence.
    Named(&'a Trail, &'a str),
}

impl<'a> Look<'a> {
    fn of(pattern: &'a Pattern, states: &States, trail: &'a Trail) -> Self {
        match pattern.only_name(states) {
            Some(name) => Look::Named(trail, name),
            None => Look::Listed(trail),
        }
    }
}

/// The paths that match `pattern`: absolute, in the order of strings, each once, the root never.
///
/// A directory in which nothing can match is not entered, and where only one name can, it is
/// looked up instead of listing the directory.
#[must_use]
pub fn glob(tree: &Dir, pattern: &Pattern) -> Vec<String> {
    glob_noting(tree, pattern, |_| {})
}

/// As [`glob`], and tells `note` what the answer depends on, from the top down.
#[must_use]
pub fn glob_noting(tree: &Dir, pattern: &Pattern, mut note: impl FnMut(Look<'_>)) -> Vec<String> {
    let start = pattern.start();
    if start.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut trail = Trail::default();
    note(Look::of(pattern, &start, &trail));
    let mut levels = vec![Level::new(tree, pattern, start, 0)];
    while let Some(level) = levels.last_mut() {
        let Some((name, entry)) = level.entries.next() else {
            levels.pop();
            continue;
        };
        trail.back_to(level.trail);
        let text = name.as_str();
        let step = pattern.step(&level.states, text);
        if step.matched {
            found.push(trail.path_of(text));
        }
        if let (Some(states), NodeRef::Dir(dir)) = (step.below, entry.node) {
            trail.push(text);
            note(Look::of(pattern, &states, &trail));
            if dir.entries.is_empty() {
                continue;
            }
            levels.push(Level::new(dir, pattern, states, trail.len()));
        }
    }
    // In tree order so far, which is that of strings but where a name continues with a byte
    // below the slash: long sorted runs, which a stable sort takes as they are.
    found.sort();
    found
}
