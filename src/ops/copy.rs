//! Copies that share bytes, copies out of snapshots, and restoring one.

use std::sync::Arc;

use crate::charge::Charge;
use crate::content::Content;
use crate::error::{Error, ErrorKind, Result};
use crate::snapshot::Snapshot;
use crate::tree::copy::{copy_cost, copy_tree};
use crate::tree::edit::{Edit, PutRule, Seen};
use crate::tree::examine::{Refusal, fits_depth};
use crate::tree::files::Files;
use crate::tree::lookup::{Found, find};
use crate::tree::node::{Dir, FileNode};
use crate::tree::root::Root;
use crate::volume::{Lane, Volume};

impl Volume {
    /// See `MemFs::copy`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn copy(&self, from: &str, to: &str) -> Result<u64> {
        let (from, to) = (self.normalize(from)?, self.normalize(to)?);
        self.settle(|lane| {
            let root = self.load();
            let file = Arc::clone(file_at(&root.tree, &from)?);
            let seen = Seen::File(Arc::clone(&file));
            self.copy_file(lane, &root, Origin::Here { path: &from, seen }, &file, &to)?;
            Ok(file.content.len())
        })
        .map_err(|refusal| self.busy_at_once(refusal).on(&from).with_other(&to))
    }

    /// See `MemFs::copy_dir_all`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn copy_dir_all(&self, from: &str, to: &str) -> Result<()> {
        let (from, to) = (self.normalize(from)?, self.normalize(to)?);
        self.settle(|lane| {
            let root = self.load();
            let dir = Arc::clone(dir_at(&root.tree, &from)?);
            let seen = Seen::Subtree(Arc::clone(&dir));
            self.copy_dir(lane, &root, Origin::Here { path: &from, seen }, &dir, &to)
        })
        .map_err(|refusal| self.busy_at_once(refusal).on(&from).with_other(&to))
    }

    /// See `MemFs::copy_from`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn copy_from(&self, snapshot: &Snapshot, from: &str, to: &str) -> Result<u64> {
        let (from, to) = (self.normalize(from)?, self.normalize(to)?);
        let foreign = !snapshot.is_of(&self.resources);
        self.settle(|lane| {
            let root = self.load();
            match find(snapshot.tree(), &from).map_err(|miss| Error::at(miss.into(), &from))?.found {
                Found::File(file) => {
                    self.copy_file(lane, &root, Origin::Snapshot { foreign }, file, &to)?;
                    Ok(file.content.len())
                }
                Found::Dir(dir) => {
                    self.copy_dir(lane, &root, Origin::Snapshot { foreign }, dir, &to)?;
                    Ok(dir.totals.bytes)
                }
            }
        })
        .map_err(|refusal| self.busy_at_once(refusal).on(&from).with_other(&to))
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

    fn copy_file(
        &self,
        lane: &Lane<'_>,
        root: &Root,
        origin: Origin<'_>,
        file: &FileNode,
        to: &str,
    ) -> Result<(), Refusal> {
        self.look_at_target(root, to, 1)?;
        let sharing = Sharing { volume: self, foreign: origin.is_foreign() };
        let overheads = self.config.node_overhead.saturating_add(self.name_cost(to));
        let mut purse = self.reserve(sharing.cost(&file.content).saturating_add(overheads))?;
        let content = sharing.content(&file.content, &mut purse)?;
        let name = self.long_name(to, &mut purse);
        let file = self.file_node(content, purse);
        let put = Edit::Put { path: to.into(), name, file, rule: PutRule::Create, now: self.now() };
        origin.commit(lane, put)
    }

    fn copy_dir(
        &self,
        lane: &Lane<'_>,
        root: &Root,
        origin: Origin<'_>,
        dir: &Arc<Dir>,
        to: &str,
    ) -> Result<(), Refusal> {
        if to != "/" {
            fits_depth(dir, to, &self.limits())?;
        }
        self.look_at_target(root, to, 1 + dir.totals.nodes())?;
        let sharing = Sharing { volume: self, foreign: origin.is_foreign() };
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
        origin.commit(lane, Edit::Graft { path: to.into(), name, tree, now })
    }

    /// The checks of a copy's target, in the order of errors.
    fn look_at_target(&self, root: &Root, to: &str, gains: u64) -> Result<(), Refusal> {
        if to == "/" || self.slot_in(root, to)?.is_some() {
            let error = Error::new(ErrorKind::AlreadyExists);
            return Err(error.because("the destination exists").into());
        }
        self.look(root, gains, &[to])
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

/// Where a copy comes from.
enum Origin<'a> {
    /// A path of this filesystem, where the commit must find what was seen.
    Here { path: &'a str, seen: Seen },
    /// A snapshot, which cannot change.
    Snapshot { foreign: bool },
}

impl Origin<'_> {
    fn is_foreign(&self) -> bool {
        matches!(self, Origin::Snapshot { foreign: true })
    }

    /// Publishes the edit that binds the copy.
    fn commit(self, lane: &Lane<'_>, edit: Edit) -> Result<(), Refusal> {
        match self {
            Origin::Here { path, seen } => {
                lane.commit(&mut [Edit::Expect { path: path.into(), seen }, edit]).map(drop)
            }
            Origin::Snapshot { .. } => lane.commit(&mut [edit]).map(drop),
        }
    }
}

fn file_at<'a>(tree: &'a Arc<Dir>, path: &str) -> Result<&'a Arc<FileNode>> {
    match find(tree, path).map_err(|miss| Error::at(miss.into(), path))?.found {
        Found::File(file) => Ok(file),
        Found::Dir(_) => Err(Error::at(ErrorKind::IsADirectory, path)),
    }
}

fn dir_at<'a>(tree: &'a Arc<Dir>, path: &str) -> Result<&'a Arc<Dir>> {
    match find(tree, path).map_err(|miss| Error::at(miss.into(), path))?.found {
        Found::Dir(dir) => Ok(dir),
        Found::File(_) => Err(Error::at(ErrorKind::NotADirectory, path)),
    }
}
