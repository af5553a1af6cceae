//! Applying edits to a root: the one place where trees change.
//!
//! A change descends once from the root and copies the path on its way; what nobody else holds is
//! changed in place, so a commit of many edits copies each directory once. Sums and heights are
//! kept on the way down, because what an edit adds and takes is known before it starts.

use std::sync::Arc;

use smallvec::SmallVec;

use super::dir_map::DirMap;
use super::node::{Dir, Entry, NewDir, NewFile, Node, Paid, PaidName};
use crate::error::{Error, ErrorKind};
use crate::path;
use crate::sync::broken;
use crate::tree::edit::{Edit, Hold, PutRule, new_levels};
use crate::tree::examine::{Effect, OldFile, Refusal, Sums};
use crate::tree::height::exact_height;
use crate::tree::lookup::{find, find_dir, occupant};
use crate::tree::meta::{FileMeta, Timestamp};
use crate::tree::name::Name;
use crate::tree::node::{NodeRef, Totals};
use crate::tree::root::{Limits, Root};

/// A root with edits applied, not published yet.
#[derive(Debug)]
pub struct Applied {
    /// The next root.
    pub root: Root,
    /// Nodes and chunks that the old root holds and this one does not, at most.
    pub detached: u64,
}

/// Applies all edits to a copy of `root`, or fails and leaves nothing behind.
///
/// # Errors
///
/// The first edit's refusal. Every precondition is checked against the root as the edits before
/// it left it.
pub fn apply(root: &Root, edits: &mut [Edit], limits: &Limits) -> Result<Applied, Refusal> {
    let before = root.nodes();
    let mut next = root.clone();
    next.version += 1;
    let mut work = Work { root: &mut next, limits, detached: 0 };
    for edit in edits.iter_mut() {
        work.step(edit)?;
    }
    let detached = work.detached;
    // What a restore brings back may exceed the limit, which then only stops growth.
    if !edits.iter().any(|edit| matches!(edit, Edit::Restore { .. })) {
        limits.admit_nodes(before, next.nodes())?;
    }
    Ok(Applied { root: next, detached })
}

/// Applies one edit to a root that nobody else sees, as a transaction does.
///
/// # Errors
///
/// The refusal; the root is then as before.
pub fn apply_in_place(root: &mut Root, edit: &mut Edit, limits: &Limits) -> Result<(), Refusal> {
    let before = root.nodes();
    let effect = edit.examine(root, limits)?;
    limits.admit_nodes(before, (before + effect.gains).saturating_sub(effect.loses))?;
    root.version += 1;
    let outcome = Work { root, limits, detached: 0 }.step(edit);
    if outcome.is_err() {
        root.version -= 1;
    }
    outcome
}

struct Work<'a> {
    root: &'a mut Root,
    limits: &'a Limits,
    detached: u64,
}

/// What becomes of the entry at a path.
enum Change {
    Insert(Name, Node),
    Replace(Node),
    Remove,
}

impl Work<'_> {
    fn step(&mut self, edit: &mut Edit) -> Result<(), Refusal> {
        let effect = edit.examine(self.root, self.limits)?;
        if effect.held && !broken!(HoldChecksBesideRoot) {
            return Err(Refusal::Held(edit.held_path(&self.root.holds).into()));
        }
        match edit {
            Edit::Expect { .. } => Ok(()),
            Edit::MakeDirs { path, new, now } => self.make_dirs(path, new, *now),
            Edit::Put { path, name, file, rule, now } => {
                self.put(path, name.as_ref(), file, rule, *now, effect.old)
            }
            Edit::Graft { path, name, tree, now } => {
                let node = tree.to_node();
                self.change(path, Change::Insert(name_at(path, name.as_ref()), node), *now)
            }
            Edit::Remove { path, now, .. } => self.change(path, Change::Remove, *now),
            Edit::Clear { now } => {
                self.clear(*now);
                Ok(())
            }
            Edit::Move { from, to, name, now, .. } => self.shift(from, to, name.as_ref(), *now),
            Edit::Exchange { a, b, now } => self.exchange(a, b, *now),
            Edit::SetModified { path, file, time } => self.set_modified(path, file.as_mut(), *time),
            Edit::Restore { tree, .. } => {
                self.detach(&{ self.root.tree.totals });
                self.root.tree = tree.clone();
                Ok(())
            }
            Edit::Hold(hold) => self.hold(hold, effect),
            Edit::Release { path, name, publish, keep, now } => {
                if let Some(file) = publish {
                    self.put(path, name.as_ref(), file, &PutRule::Write, *now, effect.old)?;
                    self.root.holds.use_reserved_node(path);
                }
                if !*keep {
                    self.root.holds.end(path);
                }
                Ok(())
            }
        }
    }

    /// Builds a chain of directories from the bottom and binds it as one.
    fn make_dirs(&mut self, path: &str, new: &[NewDir], now: Timestamp) -> Result<(), Refusal> {
        let (top, names) = new_levels(path, new.len());
        let names: SmallVec<[&str; 1]> = names.collect();
        let version = self.root.version;
        let mut below: Option<(Name, Node)> = None;
        for (text, new) in names.iter().zip(new).rev() {
            let mut dir = Dir::new(now, Some(Arc::clone(&new.charge)));
            if let Some((name, node)) = below {
                dir.totals = Totals::of_entry(name.charged(), node.as_ref());
                dir.meta.listed = version;
                dir.entries.insert(name, Entry { node, placed: version });
            }
            below = Some((name_of(text, new.name.as_ref()), Node::Dir(Arc::new(dir))));
        }
        let (name, node) = below.expect("at least one is made");
        self.change(top, Change::Insert(name, node), now)
    }

    fn put(
        &mut self,
        path: &str,
        name: Option<&PaidName>,
        file: &mut NewFile,
        rule: &PutRule,
        now: Timestamp,
        old: Option<OldFile>,
    ) -> Result<(), Refusal> {
        let sums = old.map_or_else(Sums::default, |old| old.sums);
        let old = old.map(|old| (old.meta, rule.writes(old.empty, &file.content)));
        // Only the edit itself holds the node: earlier attempts are gone. Where a transaction
        // has shown it to its closure, the rule is `Keep`. A node that something else holds too
        // cannot be filled in, and will do only if it is right as it is.
        if !matches!(rule, PutRule::Keep) {
            let meta = rule.next_meta(old, file.content.is_empty(), now);
            if let Some(file) = file.get_mut() {
                file.meta = meta;
            } else if file.meta != meta {
                return Err(Refusal::Stale);
            }
        }
        let node = file.to_node();
        let change = match old {
            Some(_) => Change::Replace(node),
            None => Change::Insert(name_at(path, name), node),
        };
        self.change_known(path, change, sums, now)
    }

    fn clear(&mut self, now: Timestamp) {
        self.detach(&{ self.root.tree.totals });
        let version = self.root.version;
        let root = self.root.tree.make_mut();
        if !root.entries.is_empty() {
            root.entries = DirMap::default();
            root.totals = Totals::default();
            root.meta.modified = root.meta.modified.max(now);
            root.meta.listed = version;
        }
    }

    fn shift(
        &mut self,
        from: &str,
        to: &str,
        name: Option<&PaidName>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        if from == to {
            return Ok(());
        }
        let node = self.node_at(from);
        let node = self.with_exact_height(node, to);
        let replaces = occupant(&self.root.tree, to).is_ok_and(|occupant| occupant.is_some());
        let detached = self.detached;
        self.change(from, Change::Remove, now)?;
        self.detached = detached; // the node moves, it is not lost
        if replaces {
            // The entry keeps its name: a long one is paid for already and comes with no edit.
            self.change(to, Change::Replace(node), now)?;
            let (parent, _) = path::split_last(to).expect("not the root");
            self.relist(parent, now);
            return Ok(());
        }
        self.change(to, Change::Insert(name_at(to, name), node), now)
    }

    fn exchange(&mut self, a: &str, b: &str, now: Timestamp) -> Result<(), Refusal> {
        if a == b {
            return Ok(());
        }
        let (from_a, from_b) = (self.node_at(a), self.node_at(b));
        let (from_a, from_b) = (self.with_exact_height(from_a, b), self.with_exact_height(from_b, a));
        let detached = self.detached;
        for (path, node) in [(a, from_b), (b, from_a)] {
            self.change(path, Change::Replace(node), now)?;
            let (parent, _) = path::split_last(path).expect("not the root");
            self.relist(parent, now);
        }
        self.detached = detached;
        Ok(())
    }

    /// The node at a path, shared.
    fn node_at(&self, path: &str) -> Node {
        let (parent, name) = path::split_last(path).expect("the root is in no directory");
        let parent = find_dir(&self.root.tree, parent).expect("examined");
        parent.entries.get_stored(name).expect("examined").1.node.clone()
    }

    /// Where a directory's recorded height would be refused at its new place, stores the exact one.
    fn with_exact_height(&self, node: Node, to: &str) -> Node {
        match node {
            Node::Dir(mut dir) if path::depth(to) + dir.totals.height as usize > self.limits.max_depth => {
                let exact = exact_height(&dir);
                if exact != dir.totals.height {
                    Arc::make_mut(&mut dir).totals.height = exact;
                }
                Node::Dir(dir)
            }
            node => node,
        }
    }

    fn set_modified(
        &mut self,
        path: &str,
        file: Option<&mut NewFile>,
        time: Timestamp,
    ) -> Result<(), Refusal> {
        let at = find(&self.root.tree, path).expect("examined");
        match at.found {
            NodeRef::Dir(_) => {
                self.dir_mut(path).meta.modified = time;
                Ok(())
            }
            NodeRef::File(_) => {
                let Node::File(old) = self.node_at(path) else { unreachable!("it is a file") };
                let file = file.ok_or(Refusal::Stale)?;
                let meta = FileMeta { modified: time, ..old.meta };
                if let Some(next) = file.get_mut() {
                    (next.content, next.meta) = (old.content.clone(), meta);
                    // What an earlier attempt found to pay may be another version.
                    if matches!(next.paid, Paid::By(_) | Paid::Previous) {
                        next.paid = old.pays_next();
                    }
                } else if file.meta != meta || !file.content.ptr_eq(&old.content) {
                    return Err(Refusal::Stale); // it was filled in for another root
                }
                let node = file.to_node();
                let placed = occupant(&self.root.tree, path).ok().flatten();
                let placed = placed.expect("examined").1.placed;
                let detached = self.detached;
                self.change(path, Change::Replace(node), time)?;
                self.detached = detached + 1; // the node: the next one has the content
                let (parent, name) = path::split_last(path).expect("a file is not the root");
                // Neither its content nor its place changed.
                self.dir_mut(parent).entries.get_mut(name).expect("just put there").placed = placed;
                Ok(())
            }
        }
    }

    fn hold(&mut self, hold: &mut Hold, effect: Effect) -> Result<(), Refusal> {
        hold.base = None; // it may hold the blank file since an earlier attempt
        let missing = effect.gains > 0;
        let reserves_node = missing && hold.atomic && !broken!(HoldReservesNoNode);
        if !hold.atomic && (missing || hold.truncate) {
            let blank = hold.blank.as_mut().ok_or(Refusal::Stale)?;
            let rule = if missing { PutRule::Create } else { PutRule::Write };
            self.put(&hold.path, hold.name.as_ref(), blank, &rule, hold.now, effect.old)?;
        }
        self.root.holds.add(&hold.path, hold.shared, reserves_node);
        hold.base = match find(&self.root.tree, &hold.path).map(|at| at.found) {
            Ok(NodeRef::File(file)) => Some(file.content.clone()),
            _ => None,
        };
        Ok(())
    }

    /// What to answer where a sum would not fit.
    fn too_large(&self, at: &str, added: &Totals) -> Refusal {
        let current = self.root.nodes();
        if current.saturating_add(added.nodes()) > u64::from(u32::MAX) {
            let limit = self.limits.max_nodes;
            return Refusal::Failed(Error::at(ErrorKind::NodeLimit { current, limit }, at));
        }
        let error = Error::at(ErrorKind::InvalidInput, at);
        Refusal::Failed(error.because("the sum of all files would pass 2^63 bytes"))
    }

    /// Counts what an old root alone still holds.
    fn detach(&mut self, totals: &Totals) {
        self.detached += totals.nodes() + totals.chunks;
    }

    /// Changes one entry and, on the way to it, the sums of the directories above.
    fn change(&mut self, at: &str, change: Change, now: Timestamp) -> Result<(), Refusal> {
        let occupant = occupant(&self.root.tree, at).ok().flatten();
        let sums =
            occupant.map_or_else(Sums::default, |(name, entry)| Sums::of(name, entry.node, self.limits));
        self.change_known(at, change, sums, now)
    }

    /// As [`change`](Self::change), where what stands there has been looked up already.
    fn change_known(&mut self, at: &str, change: Change, old: Sums, now: Timestamp) -> Result<(), Refusal> {
        let (parent, name) = path::split_last(at).expect("the root is not an entry");
        let removed = old.totals;
        let added = match &change {
            Change::Insert(name, node) => Totals::of_entry(name.charged(), node.as_ref()),
            Change::Replace(node) => Totals::of_node(node.as_ref()).with_name_charged(old.name_charged),
            Change::Remove => Totals::default(),
        };
        // What fits at the root fits everywhere below it.
        if self.root.tree.totals.exchanged(&removed, &added).is_none() {
            return Err(self.too_large(at, &added));
        }
        self.detach(&removed);
        let (version, listed) = (self.root.version, !matches!(change, Change::Replace(_)));
        let mut levels = path::depth(at) as u32;
        let mut dir = self.root.tree.make_mut();
        let mut components = path::components(parent);
        loop {
            dir.totals = dir.totals.exchanged(&removed, &added).expect("fits at the root");
            levels -= 1;
            if added.height > 0 {
                dir.totals.height = dir.totals.height.max(added.height + levels);
            }
            let Some(component) = components.next() else { break };
            match &mut dir.entries.get_mut(component).expect("examined").node {
                Node::Dir(below) => dir = Arc::make_mut(below),
                Node::File(_) => unreachable!("examined: a file has nothing below it"),
            }
        }
        match change {
            Change::Insert(name, node) => {
                dir.entries.insert(name, Entry { node, placed: version });
            }
            Change::Replace(node) => {
                *dir.entries.get_mut(name).expect("replaces something") = Entry { node, placed: version };
            }
            Change::Remove => {
                dir.entries.remove(name);
                if dir.entries.is_empty() {
                    dir.totals.height = 0;
                }
            }
        }
        if listed {
            dir.meta.modified = dir.meta.modified.max(now);
            dir.meta.listed = version;
        }
        Ok(())
    }

    /// Notes that the entries of a directory changed their names, though not their number.
    fn relist(&mut self, at: &str, now: Timestamp) {
        let version = self.root.version;
        let dir = self.dir_mut(at);
        dir.meta.modified = dir.meta.modified.max(now);
        dir.meta.listed = version;
    }

    /// A directory that exists, for a change that leaves all sums as they are.
    fn dir_mut(&mut self, at: &str) -> &mut Dir {
        let mut dir = self.root.tree.make_mut();
        for component in path::components(at) {
            match &mut dir.entries.get_mut(component).expect("examined").node {
                Node::Dir(below) => dir = Arc::make_mut(below),
                Node::File(_) => unreachable!("examined: a file has nothing below it"),
            }
        }
        dir
    }
}

/// The name of the entry at `path`: the one that was paid for, or a short one made here.
fn name_at(path: &str, paid: Option<&PaidName>) -> Name {
    let (_, text) = path::split_last(path).expect("the root has no name");
    name_of(text, paid)
}

fn name_of(text: &str, paid: Option<&PaidName>) -> Name {
    match paid {
        Some(paid) if paid.name() == text => paid.name().clone(),
        _ => Name::short(text).expect("examined: a long name comes with the edit"),
    }
}
