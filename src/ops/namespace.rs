//! Operations on names: making, removing and moving nodes.
//!
//! Those whose names end in `_on` take normalised paths and work on any [`Stage`].

use smallvec::SmallVec;

use super::{Stage, not_on_root};
use crate::charge::Charge;
use crate::error::{Error, ErrorKind, Result};
use crate::path::{self, Components};
use crate::tree::edit::{Edit, Removal};
use crate::tree::examine::{Refusal, fits_depth};
use crate::tree::lookup::{find, find_deepest, occupant};
use crate::tree::meta::Timestamp;
use crate::tree::name::Name;
use crate::tree::node::{Dir, NewDir, NodeRef, PaidName};
use crate::tree::root::Root;
use crate::volume::{Config, Volume};

/// The directories that do not exist yet on the way to one, itself included: a chain, or none.
#[derive(Debug, Clone, Copy)]
pub struct MissingDirs<'p> {
    path: &'p str,
    /// The bytes of the path that exist already.
    there: usize,
}

impl<'p> MissingDirs<'p> {
    /// Those of `path` beyond its first bytes, which end with a component.
    #[must_use]
    pub fn beyond(path: &'p str, there: usize) -> Self {
        Self { path, there }
    }

    /// Finds which directories of `path`, itself included, do not exist in `tree`. O(depth).
    ///
    /// # Errors
    ///
    /// `NotADirectory` if a component on the way is a file, `AlreadyExists` if the last one is.
    pub fn on_the_way(tree: &Dir, path: &'p str) -> Result<Self> {
        match find_deepest(tree, path) {
            (NodeRef::Dir(_), rest) => Ok(Self::beyond(path, path.len() - rest.len())),
            (NodeRef::File(_), "") => Err(Error::at(ErrorKind::AlreadyExists, path)),
            (NodeRef::File(_), _) => Err(Error::at(ErrorKind::NotADirectory, path)),
        }
    }

    /// Their names, from the top.
    fn names(&self) -> Components<'p> {
        path::components(&self.path[self.there..])
    }

    /// How many they are. O(depth).
    #[must_use]
    pub fn count(&self) -> u64 {
        self.names().count() as u64
    }

    /// The topmost, which all others are below.
    #[must_use]
    pub fn top(&self) -> Option<&'p str> {
        self.names().next().map(|name| &self.path[..self.there + 1 + name.len()])
    }

    /// What making them is charged.
    pub fn cost(&self, volume: &Volume) -> u64 {
        let Config { node_overhead, chunk_overhead, .. } = volume.config;
        let cost = |name| Name::cost(name, chunk_overhead).saturating_add(node_overhead);
        self.names().map(cost).fold(0, u64::saturating_add)
    }

    /// The edit that makes them, paid from `purse`; `None` if none is missing.
    pub fn edit(&self, volume: &Volume, purse: &mut Charge, now: Timestamp) -> Option<Edit> {
        let new_dir =
            |name| NewDir::new(volume.paid_name(name, purse), purse.split(volume.config.node_overhead));
        let new: SmallVec<_> = self.names().map(new_dir).collect();
        (!new.is_empty()).then(|| Edit::MakeDirs { path: self.path.into(), new, now })
    }
}

impl Volume {
    /// See `MemFs::create_dir`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn create_dir(&self, path: &str) -> Result<()> {
        let path = &*self.normalize(path)?;
        self.at_once(self.settle(|lane| self.create_dir_on(lane, path)))
    }

    /// As [`create_dir`](Self::create_dir).
    ///
    /// # Errors
    ///
    /// The refusal.
    pub fn create_dir_on(&self, stage: impl Stage, path: &str) -> Result<(), Refusal> {
        stage.look(|root| {
            if path == "/" || self.slot_in(root, path)?.is_some() {
                return Err(Error::at(ErrorKind::AlreadyExists, path).into());
            }
            self.look(root, 1, &[path])
        })?;
        let (parent, _) = path::split_last(path).expect("not the root");
        let dir = MissingDirs::beyond(path, if parent == "/" { 0 } else { parent.len() });
        let mut purse = self.reserve(dir.cost(self))?;
        let mut edit = dir.edit(self, &mut purse, self.now());
        stage.commit(edit.as_mut_slice())
    }

    /// See `MemFs::create_dir_all`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn create_dir_all(&self, path: &str) -> Result<()> {
        let path = &*self.normalize(path)?;
        self.at_once(self.settle(|lane| self.create_dir_all_on(lane, path)))
    }

    /// As [`create_dir_all`](Self::create_dir_all).
    ///
    /// # Errors
    ///
    /// The refusal.
    pub fn create_dir_all_on(&self, stage: impl Stage, path: &str) -> Result<(), Refusal> {
        let missing = stage.look(|root| {
            let missing = MissingDirs::on_the_way(&root.tree, path)?;
            if let Some(top) = missing.top() {
                self.look(root, missing.count(), &[top])?;
            }
            Ok::<_, Refusal>(missing)
        })?;
        let mut purse = self.reserve(missing.cost(self))?;
        let Some(edit) = missing.edit(self, &mut purse, self.now()) else { return Ok(()) };
        stage.commit_planned(&mut [edit])
    }

    /// See `MemFs::remove_file`, `remove_dir` and `remove_dir_all`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn remove(&self, path: &str, what: Removal) -> Result<()> {
        let path = &*self.normalize(path)?;
        self.at_once(self.settle(|lane| self.remove_on(lane, path, what)))
    }

    /// As [`remove`](Self::remove).
    ///
    /// # Errors
    ///
    /// The refusal.
    pub fn remove_on(&self, stage: impl Stage, path: &str, what: Removal) -> Result<(), Refusal> {
        if path == "/" {
            let error = not_on_root("the root cannot be removed; clear() removes everything in it");
            return Err(Refusal::Failed(error));
        }
        stage.commit(&mut [Edit::Remove { path: path.into(), what, now: self.now() }])
    }

    /// See `MemFs::clear`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn clear(&self) -> Result<()> {
        self.at_once(self.settle(|lane| self.clear_on(lane)))
    }

    /// As [`clear`](Self::clear).
    ///
    /// # Errors
    ///
    /// The refusal.
    pub fn clear_on(&self, stage: impl Stage) -> Result<(), Refusal> {
        stage.commit(&mut [Edit::Clear { now: self.now() }])
    }

    /// See `MemFs::exchange`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn exchange(&self, a: &str, b: &str) -> Result<()> {
        let (a, b) = self.two_paths(a, b)?;
        let outcome = self.at_once(self.settle(|lane| self.exchange_on(lane, &a, &b)));
        outcome.map_err(|error| error.on_both(&a, &b))
    }

    /// As [`exchange`](Self::exchange).
    ///
    /// # Errors
    ///
    /// The refusal.
    pub fn exchange_on(&self, stage: impl Stage, a: &str, b: &str) -> Result<(), Refusal> {
        if a == "/" || b == "/" {
            return Err(not_on_root("the root cannot be exchanged").into());
        }
        let mut edits = [Edit::Exchange { a: a.into(), b: b.into(), now: self.now() }];
        if a == b {
            return stage.look(|root| edits[0].examine(root, &self.limits())).map(drop);
        }
        stage.commit(&mut edits)
    }

    /// See `MemFs::rename` and `replace`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn rename(&self, from: &str, to: &str, replace: bool) -> Result<()> {
        let (from, to) = self.two_paths(from, to)?;
        let outcome = self.at_once(self.settle(|lane| self.rename_on(lane, &from, &to, replace)));
        outcome.map_err(|error| error.on_both(&from, &to))
    }

    /// As [`rename`](Self::rename).
    ///
    /// # Errors
    ///
    /// The refusal.
    pub fn rename_on(&self, stage: impl Stage, from: &str, to: &str, replace: bool) -> Result<(), Refusal> {
        not_the_root(from, to)?;
        let (now, limits) = (self.now(), self.limits());
        let edit = |name| Edit::Move { from: from.into(), to: to.into(), name, replace, now };
        if from == to {
            return stage.look(|root| edit(None).examine(root, &limits)).map(drop);
        }
        // Only a new long name costs anything; then all else is looked at before it is paid for.
        let mut name = None;
        let cost = self.name_cost(to);
        if cost > 0 {
            let (_, text) = path::split_last(to).expect("not the root");
            let is_new = stage.look(|root| {
                edit(Some(PaidName::new(text, Charge::none()))).examine(root, &limits)?;
                self.look(root, 0, &[from, to])?;
                Ok::<_, Refusal>(self.slot_in(root, to)?.is_none())
            })?;
            if is_new {
                name = Some(PaidName::new(text, self.reserve(cost)?));
            }
        }
        stage.commit(&mut [edit(name)])
    }

    /// See `MemFs::move_path`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn move_path(&self, from: &str, to: &str) -> Result<()> {
        let (from, to) = self.two_paths(from, to)?;
        let outcome = self.at_once(self.settle(|lane| self.move_path_on(lane, &from, &to)));
        outcome.map_err(|error| error.on_both(&from, &to))
    }

    /// As [`move_path`](Self::move_path).
    ///
    /// # Errors
    ///
    /// The refusal.
    pub fn move_path_on(&self, stage: impl Stage, from: &str, to: &str) -> Result<(), Refusal> {
        not_the_root(from, to)?;
        if from != to && path::starts_with(to, from) {
            let error = Error::new(ErrorKind::InvalidInput);
            return Err(error.because("nothing can be moved to below itself").into());
        }
        let (parent, _) = path::split_last(to).expect("not the root");
        let missing = stage.look(|root| {
            let source = find(&root.tree, from).map_err(|miss| Error::new(miss.into()))?;
            let missing = MissingDirs::on_the_way(&root.tree, parent)
                .map_err(|_| Error::new(ErrorKind::NotADirectory).because(format!("of {parent:?}")))?;
            if missing.top().is_none() && find(&root.tree, to).is_ok() {
                return Err(Error::new(ErrorKind::AlreadyExists).because("the destination exists").into());
            }
            if let NodeRef::Dir(dir) = source.found {
                fits_depth(dir, to, &self.limits())?;
            }
            self.look(root, missing.count(), &[from, to, missing.top().unwrap_or(to)])?;
            Ok::<_, Refusal>(missing)
        })?;
        let mut purse = self.reserve(missing.cost(self).saturating_add(self.name_cost(to)))?;
        let now = self.now();
        let mut edits = Vec::from_iter(missing.edit(self, &mut purse, now));
        let name = self.long_name(to, &mut purse);
        edits.push(Edit::Move { from: from.into(), to: to.into(), name, replace: false, now });
        stage.commit_planned(&mut edits)
    }

    /// Normalises the paths of an operation on two.
    ///
    /// # Errors
    ///
    /// `InvalidPath`, naming both.
    pub fn two_paths(&self, first: &str, second: &str) -> Result<(Box<str>, Box<str>)> {
        let normal = |path| self.normalize(path).map(Box::from);
        let clean: Box<str> = normal(first).map_err(|error| error.on_both(first, second))?;
        let other = normal(second).map_err(|error| error.on_both(&clean, second))?;
        Ok((clean, other))
    }

    /// Publishes one edit that needs no payment.
    ///
    /// # Errors
    ///
    /// Its refusal; `Busy` at once where a path is held.
    pub fn change(&self, edit: Edit) -> Result<()> {
        let mut edits = [edit];
        self.at_once(self.settle(|lane| lane.commit(&mut edits).map(drop)))
    }

    /// The outcome of an operation that does not wait.
    ///
    /// # Errors
    ///
    /// The refusal as an error; `Busy` where a path is held.
    pub fn at_once<T>(&self, outcome: Result<T, Refusal>) -> Result<T> {
        outcome.map_err(|refusal| self.busy_at_once(refusal))
    }

    /// Whether something stands at `path`, or why nothing can.
    ///
    /// # Errors
    ///
    /// `NotFound` or `NotADirectory`, of the parent.
    pub fn slot_in<'r>(&self, root: &'r Root, path: &str) -> Result<Option<NodeRef<'r>>> {
        let slot = occupant(&root.tree, path).map_err(|miss| Error::at(miss.into(), path))?;
        Ok(slot.map(|(_, entry)| entry.node))
    }

    /// The checks that come after existence and kind and before the quota: node limit, then locks.
    ///
    /// # Errors
    ///
    /// `NodeLimit`; [`Refusal::Held`].
    pub fn look(&self, root: &Root, gains: u64, touched: &[&str]) -> Result<(), Refusal> {
        let nodes = root.nodes();
        self.limits().allow_nodes(nodes, nodes + gains)?;
        match touched.iter().find_map(|path| root.holds.at_or_below(path)) {
            Some(held) => Err(Refusal::Held(held.into())),
            None => Ok(()),
        }
    }
}

/// Refuses the root on either side of a move.
fn not_the_root(from: &str, to: &str) -> Result<(), Refusal> {
    if from == "/" || to == "/" {
        return Err(not_on_root("the root can be neither moved nor replaced").into());
    }
    Ok(())
}
