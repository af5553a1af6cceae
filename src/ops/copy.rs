//! Copies that share bytes, copies out of snapshots, and restoring one.

use std::sync::Arc;

use super::Stage;
use crate::charge::Charge;
use crate::content::Content;
use crate::error::{Error, ErrorKind, Result};
use crate::path;
use crate::snapshot::Snapshot;
use crate::tree::copy::{copy_cost, copy_tree};
use crate::tree::edit::{Edit, PutRule, Seen};
use crate::tree::examine::{Refusal, fits_depth};
use crate::tree::files::Files;
use crate::tree::lookup::{Found, find, occupant};
use crate::tree::node::{Dir, FileNode};
use crate::tree::root::Root;
use crate::volume::Volume;

impl Volume {
    /// See `MemFs::copy`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn copy(&self, from: &str, to: &str) -> Result<u64> {
        let (from, to) = self.two_paths(from, to)?;
        let outcome = self.at_once(self.settle(|lane| self.copy_on(lane, &from, &to)));
        outcome.map_err(|error| error.on_both(&from, &to))
    }

    /// As [`copy`](Self::copy).
    ///
    /// # Errors
    ///
    /// The refusal.
    pub fn copy_on(&self, stage: impl Stage, from: &str, to: &str) -> Result<u64, Refusal> {
        let file = stage.look(|root| {
            let file = Arc::clone(file_at(&root.tree, from)?);
            self.look_at_target(root, to, Found::File(&file))?;
            Ok::<_, Refusal>(file)
        })?;
        let copied = self.copied_file(&file, false, to)?;
        let len = file.content.len();
        stage.commit(&mut [Edit::Expect { path: from.into(), seen: Seen::File(file) }, copied])?;
        Ok(len)
    }

    /// See `MemFs::copy_dir_all`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn copy_dir_all(&self, from: &str, to: &str) -> Result<()> {
        let (from, to) = self.two_paths(from, to)?;
        let outcome = self.at_once(self.settle(|lane| self.copy_dir_all_on(lane, &from, &to)));
        outcome.map_err(|error| error.on_both(&from, &to))
    }

    /// As [`copy_dir_all`](Self::copy_dir_all).
    ///
    /// # Errors
    ///
    /// The refusal.
    pub fn copy_dir_all_on(&self, stage: impl Stage, from: &str, to: &str) -> Result<(), Refusal> {
        let dir = stage.look(|root| {
            let dir = Arc::clone(dir_at(&root.tree, from)?);
            self.look_at_target(root, to, Found::Dir(&dir))?;
            Ok::<_, Refusal>(dir)
        })?;
        let copied = self.copied_dir(&dir, false, to)?;
        stage.commit(&mut [Edit::Expect { path: from.into(), seen: Seen::Subtree(dir) }, copied])
    }

    /// See `MemFs::copy_from`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn copy_from(&self, snapshot: &Snapshot, from: &str, to: &str) -> Result<u64> {
        let (from, to) = self.snapshot_paths(snapshot, from, to)?;
        let outcome = self.at_once(self.settle(|lane| self.copy_from_on(lane, snapshot, &from, &to)));
        outcome.map_err(|error| error.on_both(&from, &to))
    }

    /// As [`copy_from`](Self::copy_from).
    ///
    /// # Errors
    ///
    /// The refusal.
    pub fn copy_from_on(
        &self,
        stage: impl Stage,
        snapshot: &Snapshot,
        from: &str,
        to: &str,
    ) -> Result<u64, Refusal> {
        let foreign = !snapshot.is_of(&self.resources);
        let found = find(snapshot.tree(), from).map_err(|miss| Error::new(miss.into()))?.found;
        stage.look(|root| self.look_at_target(root, to, found))?;
        let (copied, len) = match found {
            Found::File(file) => (self.copied_file(file, foreign, to)?, file.content.len()),
            Found::Dir(dir) => (self.copied_dir(dir, foreign, to)?, dir.totals.bytes),
        };
        stage.commit(&mut [copied])?;
        Ok(len)
    }

    /// Normalises a path of a snapshot, which may be of a deeper filesystem, and one of this.
    ///
    /// # Errors
    ///
    /// `InvalidPath`, naming both.
    pub fn snapshot_paths(&self, snapshot: &Snapshot, from: &str, to: &str) -> Result<(Box<str>, Box<str>)> {
        let clean = path::normalize(from, snapshot.max_depth()).map_err(|error| error.on_both(from, to))?;
        let other = self.normalize(to).map_err(|error| error.on_both(&clean, to))?;
        Ok((clean.into(), other.into()))
    }

    /// See `MemFs::restore`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn restore(&self, snapshot: &Snapshot) -> Result<()> {
        if !snapshot.is_of(&self.resources) {
            let error = Error::new(ErrorKind::InvalidInput);
            return Err(
                error.because("the snapshot is of another filesystem; copy_from takes files out of it")
            );
        }
        self.change(Edit::Restore { tree: Arc::clone(snapshot.tree()) })
    }

    /// The checks of a copy's target, in the order of errors.
    fn look_at_target(&self, root: &Root, to: &str, source: Found<'_>) -> Result<(), Refusal> {
        let existing = || Error::new(ErrorKind::AlreadyExists).because("the destination exists");
        if to == "/" {
            return Err(existing().into());
        }
        let target = occupant(&root.tree, to).map_err(|miss| {
            let parent = path::split_last(to).map_or("/", |(parent, _)| parent);
            Error::new(miss.into()).because(format!("of the destination's parent {parent:?}"))
        })?;
        if target.is_some() {
            return Err(existing().into());
        }
        let gains = match source {
            Found::File(_) => 1,
            Found::Dir(dir) => {
                fits_depth(dir, to, &self.limits())?;
                1 + dir.totals.nodes()
            }
        };
        self.look(root, gains, &[to])
    }

    /// The edit that binds a copy of a file, paid for.
    fn copied_file(&self, file: &FileNode, foreign: bool, to: &str) -> Result<Edit> {
        let sharing = Sharing { volume: self, foreign };
        let overheads = self.config.node_overhead.saturating_add(self.name_cost(to));
        let mut purse = self.reserve(sharing.cost(&file.content).saturating_add(overheads))?;
        let content = sharing.content(&file.content, &mut purse)?;
        let name = self.long_name(to, &mut purse);
        let file = self.file_node(content, purse);
        Ok(Edit::Put { path: to.into(), name, file, rule: PutRule::Create, now: self.now() })
    }

    /// The edit that binds a copy of a directory with everything below it, paid for.
    fn copied_dir(&self, dir: &Arc<Dir>, foreign: bool, to: &str) -> Result<Edit> {
        let sharing = Sharing { volume: self, foreign };
        let (node_overhead, chunk_overhead) = (self.config.node_overhead, self.config.chunk_overhead);
        let contents = sharing.cost_below(dir);
        let cost = copy_cost(dir, node_overhead, chunk_overhead).saturating_add(self.name_cost(to));
        let mut purse = self.reserve(cost.saturating_add(contents))?;
        let mut for_contents = purse.split(contents);
        let now = self.now();
        let name = self.long_name(to, &mut purse);
        let pay = &mut |amount| purse.split(amount);
        let share = &mut |content: &Content| sharing.content(content, &mut for_contents);
        let tree = copy_tree(dir, node_overhead, chunk_overhead, now, pay, share)?;
        Ok(Edit::Graft { path: to.into(), name, tree, now })
    }
}

/// What a file costs here whose bytes are of another filesystem, or of this one.
struct Sharing<'a> {
    volume: &'a Volume,
    foreign: bool,
}

impl Sharing<'_> {
    fn cost(&self, content: &Content) -> u64 {
        let volume = self.volume;
        if self.foreign { content.adoption_cost(volume.account(), volume.config.chunk_overhead) } else { 0 }
    }

    /// What all files below `dir` cost. O(files) if they are foreign.
    fn cost_below(&self, dir: &Arc<Dir>) -> u64 {
        if !self.foreign {
            return 0;
        }
        let files = Files::new(dir, "/", false).into_iter().flatten();
        files.map(|(_, file)| self.cost(&file.content)).fold(0, u64::saturating_add)
    }

    fn content(&self, content: &Content, purse: &mut Charge) -> Result<Content> {
        if !self.foreign {
            return Ok(content.clone());
        }
        let (account, overhead) = (self.volume.account(), self.volume.config.chunk_overhead);
        let copied = content.clone().adopt(purse.split(self.cost(content)), account, overhead)?;
        Ok(copied.with_random(content.is_random()))
    }
}

fn file_at<'a>(tree: &'a Arc<Dir>, path: &str) -> Result<&'a Arc<FileNode>> {
    match find(tree, path).map_err(|miss| Error::new(miss.into()))?.found {
        Found::File(file) => Ok(file),
        Found::Dir(_) => Err(Error::new(ErrorKind::IsADirectory)),
    }
}

fn dir_at<'a>(tree: &'a Arc<Dir>, path: &str) -> Result<&'a Arc<Dir>> {
    match find(tree, path).map_err(|miss| Error::new(miss.into()))?.found {
        Found::Dir(dir) => Ok(dir),
        Found::File(_) => Err(Error::new(ErrorKind::NotADirectory)),
    }
}
