//! Operations on names: making, removing and moving nodes.

use std::sync::Arc;

use super::not_on_root;
use crate::charge::Charge;
use crate::error::{Error, ErrorKind, Result};
use crate::path;
use crate::tree::edit::{Edit, Removal};
use crate::tree::examine::Refusal;
use crate::tree::lookup::{Found, Miss, find, slot};
use crate::tree::meta::Timestamp;
use crate::tree::node::Dir;
use crate::tree::root::Root;
use crate::volume::{Lane, Volume};

/// The directories that do not exist yet on the way to one.
#[derive(Debug)]
pub struct MissingDirs<'p> {
    /// Their paths, from the top.
    pub paths: Vec<&'p str>,
}

impl<'p> MissingDirs<'p> {
    /// Finds which directories of `path`, itself included, do not exist in `tree`.
    ///
    /// # Errors
    ///
    /// `NotADirectory` if a component on the way is a file, `AlreadyExists` if the last one is.
    pub fn on_the_way(tree: &Arc<Dir>, path: &'p str) -> Result<Self> {
        let mut paths = Vec::new();
        let mut above = path;
        loop {
            match find(tree, above) {
                Ok(at) if matches!(at.found, Found::Dir(_)) => break,
                Ok(_) if above.len() == path.len() => return Err(Error::at(ErrorKind::AlreadyExists, path)),
                Ok(_) | Err(Miss::NotADirectory) => return Err(Error::at(ErrorKind::NotADirectory, path)),
                Err(Miss::NotFound) => {
                    paths.push(above);
                    above = path::split_last(above).map_or("/", |(parent, _)| parent);
                }
            }
        }
        paths.reverse();
        Ok(Self { paths })
    }

    /// What making them is charged.
    pub fn cost(&self, volume: &Volume) -> u64 {
        let names: u64 = self.paths.iter().map(|path| volume.name_cost(path)).sum();
        volume.config.node_overhead.saturating_mul(self.paths.len() as u64).saturating_add(names)
    }

    /// The edits that make them, paid from `purse`.
    pub fn edits<'a>(
        &'a self,
        volume: &'a Volume,
        purse: &'a mut Charge,
        now: Timestamp,
    ) -> impl Iterator<Item = Edit> + 'a {
        self.paths.iter().map(move |path| volume.make_dir(path, true, purse, now))
    }
}

impl Volume {
    /// The edit that makes one directory, paid from `purse`.
    pub fn make_dir(&self, path: &str, exist_ok: bool, purse: &mut Charge, now: Timestamp) -> Edit {
        Edit::MakeDir {
            path: path.into(),
            name: self.long_name(path, purse),
            charge: Some(Arc::new(purse.split(self.config.node_overhead))),
            exist_ok,
            now,
        }
    }

    /// See `MemFs::create_dir`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn create_dir(&self, path: &str) -> Result<()> {
        let path = &*self.normalize(path)?;
        if path == "/" {
            return Err(Error::at(ErrorKind::AlreadyExists, path));
        }
        self.settle(|lane| {
            let root = self.load();
            if self.slot_in(&root, path)?.is_some() {
                return Err(Error::at(ErrorKind::AlreadyExists, path).into());
            }
            self.look(&root, 1, &[path])?;
            drop(root);
            let mut purse = self.reserve(self.config.node_overhead.saturating_add(self.name_cost(path)))?;
            let edit = self.make_dir(path, false, &mut purse, self.now());
            lane.commit(&mut [edit]).map(drop)
        })
        .map_err(|refusal| self.busy_at_once(refusal))
    }

    /// See `MemFs::create_dir_all`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn create_dir_all(&self, path: &str) -> Result<()> {
        let path = &*self.normalize(path)?;
        self.settle(|lane| {
            let root = self.load();
            let missing = MissingDirs::on_the_way(&root.tree, path)?;
            if missing.paths.is_empty() {
                return Ok(());
            }
            self.look(&root, missing.paths.len() as u64, &missing.paths)?;
            drop(root);
            let mut purse = self.reserve(missing.cost(self))?;
            let mut edits: Vec<_> = missing.edits(self, &mut purse, self.now()).collect();
            commit_with_parents(lane, &mut edits)
        })
        .map_err(|refusal| self.busy_at_once(refusal))
    }

    /// See `MemFs::remove_file`, `remove_dir` and `remove_dir_all`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn remove(&self, path: &str, what: Removal) -> Result<()> {
        let path = self.normalize(path)?;
        if path == "/" {
            return Err(match what {
                Removal::File => Error::at(ErrorKind::IsADirectory, "/"),
                _ => not_on_root("the root cannot be removed; clear() removes everything in it"),
            });
        }
        let edit = Edit::Remove { path: (*path).into(), what, now: self.now() };
        self.change(edit)
    }

    /// See `MemFs::clear`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn clear(&self) -> Result<()> {
        self.change(Edit::Clear { now: self.now() })
    }

    /// See `MemFs::exchange`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn exchange(&self, a: &str, b: &str) -> Result<()> {
        let (a, b) = (self.normalize(a)?, self.normalize(b)?);
        if a == "/" || b == "/" {
            return Err(not_on_root("the root cannot be exchanged").with_other(if a == "/" {
                &b
            } else {
                &a
            }));
        }
        self.change(Edit::Exchange { a: (*a).into(), b: (*b).into(), now: self.now() })
    }

    /// See `MemFs::rename` and `replace`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn rename(&self, from: &str, to: &str, replace: bool) -> Result<()> {
        let (from, to) = self.two_paths(from, to)?;
        self.settle(|lane| {
            let mut edit = self.move_edit(&from, &to, replace);
            let root = self.load();
            let needs_name = matches!(slot(&root.tree, &to), Ok(slot) if slot.occupant.is_none());
            let cost = if needs_name { self.name_cost(&to) } else { 0 };
            if cost > 0 {
                self.pay_for_name(&root, &mut edit, &to, cost)?;
            }
            drop(root);
            lane.commit(&mut [edit]).map(drop)
        })
        .map_err(|refusal| self.busy_at_once(refusal).on(&from).with_other(&to))
    }

    /// See `MemFs::move_path`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn move_path(&self, from: &str, to: &str) -> Result<()> {
        let (from, to) = self.two_paths(from, to)?;
        let (parent, _) = path::split_last(&to).expect("not the root");
        self.settle(|lane| {
            let root = self.load();
            let source = find(&root.tree, &from).map_err(|miss| Error::at(miss.into(), &from))?;
            if path::starts_with(&to, &from) && to != from {
                let error = Error::at(ErrorKind::InvalidInput, &from);
                return Err(error.because("a directory cannot be moved into its own subtree").into());
            }
            let missing = MissingDirs::on_the_way(&root.tree, parent)
                .map_err(|_| Error::at(ErrorKind::NotADirectory, &from).because(format!("of {parent:?}")))?;
            if missing.paths.is_empty() && find(&root.tree, &to).is_ok() {
                let error = Error::at(ErrorKind::AlreadyExists, &from);
                return Err(error.because("the destination exists").into());
            }
            if let Found::Dir(dir) = source.found {
                crate::tree::examine::fits_depth(dir, &to, &self.limits())?;
            }
            let mut touched = vec![&*from, &*to];
            touched.extend(&missing.paths);
            self.look(&root, missing.paths.len() as u64, &touched)?;
            drop(root);
            let mut purse = self.reserve(missing.cost(self).saturating_add(self.name_cost(&to)))?;
            let now = self.now();
            let mut edits: Vec<_> = missing.edits(self, &mut purse, now).collect();
            let mut edit = self.move_edit(&from, &to, false);
            if let Edit::Move { name, .. } = &mut edit {
                *name = self.long_name(&to, &mut purse);
            }
            edits.push(edit);
            commit_with_parents(lane, &mut edits)
        })
        .map_err(|refusal| self.busy_at_once(refusal).on(&from).with_other(&to))
    }

    fn move_edit(&self, from: &str, to: &str, replace: bool) -> Edit {
        Edit::Move { from: from.into(), to: to.into(), name: None, replace, now: self.now() }
    }

    /// Reserves the new name of a move that would otherwise succeed on `root`.
    fn pay_for_name(&self, root: &Root, edit: &mut Edit, to: &str, cost: u64) -> Result<(), Refusal> {
        let unpaid = |edit: &mut Edit, charge: Charge| {
            let Edit::Move { name, .. } = edit else { return };
            let mut purse = charge;
            let (_, text) = path::split_last(to).expect("not the root");
            *name = Some(crate::tree::name::Name::new(text, std::mem::take(&mut purse)));
        };
        unpaid(edit, Charge::none());
        if edit.examine(root, &self.limits())?.held {
            return Err(Refusal::Held(edit.path().into()));
        }
        let charge = self.reserve(cost)?;
        unpaid(edit, charge);
        Ok(())
    }

    /// Normalises the two paths of a move, neither of which may be the root.
    fn two_paths(&self, from: &str, to: &str) -> Result<(Box<str>, Box<str>)> {
        let from: Box<str> = (*self.normalize(from)?).into();
        let to: Box<str> = (*self.normalize(to).map_err(|error| error.with_other(&from))?).into();
        if &*from == "/" || &*to == "/" {
            let error = Error::at(ErrorKind::InvalidInput, &from).with_other(&to);
            return Err(error.because("the root can be neither moved nor replaced"));
        }
        Ok((from, to))
    }

    /// Publishes one edit that needs no payment.
    ///
    /// # Errors
    ///
    /// Its refusal; `Busy` at once where a path is held.
    pub fn change(&self, edit: Edit) -> Result<()> {
        let mut edits = [edit];
        self.settle(|lane| lane.commit(&mut edits).map(drop)).map_err(|refusal| self.busy_at_once(refusal))
    }

    /// Whether something stands at `path`, or why nothing can.
    ///
    /// # Errors
    ///
    /// `NotFound` or `NotADirectory`, of the parent.
    pub fn slot_in<'r>(&self, root: &'r Root, path: &str) -> Result<Option<Found<'r>>> {
        use crate::tree::node::Node;
        let slot = slot(&root.tree, path).map_err(|miss| Error::at(miss.into(), path))?;
        Ok(slot.occupant.map(|(_, entry)| match &entry.node {
            Node::Dir(dir) => Found::Dir(dir),
            Node::File(file) => Found::File(file),
        }))
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

/// Publishes edits that start by making missing parents: where the tree changed below the plan,
/// the plan is made again and finds the error, if there is one.
///
/// # Errors
///
/// The refusal.
pub fn commit_with_parents(lane: &Lane<'_>, edits: &mut [Edit]) -> Result<(), Refusal> {
    match lane.commit(edits) {
        Ok(_) => Ok(()),
        Err(Refusal::Failed(error)) if is_about_existence(error.kind()) && !lane.is_alone() => {
            Err(Refusal::Stale)
        }
        Err(refusal) => Err(refusal),
    }
}

fn is_about_existence(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::AlreadyExists | ErrorKind::IsADirectory
    )
}
