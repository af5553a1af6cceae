//! Copies that share bytes, copies out of snapshots, and restoring one.

use std::sync::Arc;

use super::write::Payload;
use crate::content::Content;
use crate::error::{Error, ErrorKind, Result};
use crate::path;
use crate::snapshot::Snapshot;
use crate::tree::copy::{copy_cost, copy_tree};
use crate::tree::edit::{Edit, PutRule, Seen};
use crate::tree::examine::{Refusal, fits_depth};
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
            let expect = Edit::Expect { path: (*from).into(), seen: Seen::File(Arc::clone(&file)) };
            self.copy_file(lane, &root, Some(expect), &file, &to)?;
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
            let expect = Edit::Expect { path: (*from).into(), seen: Seen::Subtree(Arc::clone(&dir)) };
            self.copy_dir(lane, &root, Some(expect), &dir, &to)
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
        self.settle(|lane| {
            let root = self.load();
            match find(snapshot.tree(), &from).map_err(|miss| Error::at(miss.into(), &from))?.found {
                Found::File(file) => {
                    self.copy_file(lane, &root, None, file, &to)?;
                    Ok(file.content.len())
                }
                Found::Dir(dir) => {
                    self.copy_dir(lane, &root, None, dir, &to)?;
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
            return Err(error.because("the snapshot is of another filesystem; copy_from takes files out of it"));
        }
        self.change(Edit::Restore { tree: Arc::clone(snapshot.tree()) })
    }

    fn copy_file(
        &self,
        lane: &Lane<'_>,
        root: &Root,
        expect: Option<Edit>,
        file: &FileNode,
        to: &str,
    ) -> Result<(), Refusal> {
        self.look_at_target(root, to, 1)?;
        let mut payload = Payload::Owned(file.content.clone());
        let cost = payload.cost(self).saturating_add(self.config.node_overhead).saturating_add(self.name_cost(to));
        let mut purse = self.reserve(cost)?;
        let content = payload.share(self, &mut purse)?;
        let name = self.long_name(to, &mut purse);
        let file = self.file_node(content, purse);
        let put = Edit::Put { path: to.into(), name, file, rule: PutRule::Create, now: self.now() };
        commit_after(lane, expect, put)
    }

    fn copy_dir(
        &self,
        lane: &Lane<'_>,
        root: &Root,
        expect: Option<Edit>,
        dir: &Arc<Dir>,
        to: &str,
    ) -> Result<(), Refusal> {
        if to != "/" {
            fits_depth(dir, to, &self.limits())?;
        }
        self.look_at_target(root, to, 1 + dir.totals.nodes())?;
        let (node_overhead, chunk_overhead) = (self.config.node_overhead, self.config.chunk_overhead);
        let account = self.account();
        let contents = adoption_cost_below(dir, self);
        let cost = copy_cost(dir, node_overhead, chunk_overhead)
            .saturating_add(contents)
            .saturating_add(self.name_cost(to));
        let mut purse = self.reserve(cost)?;
        let mut for_contents = purse.split(contents);
        let now = self.now();
        let name = self.long_name(to, &mut purse);
        let tree = copy_tree(
            dir,
            now,
            node_overhead,
            chunk_overhead,
            &mut |amount| purse.split(amount),
            &mut |content: &Content| {
                let cost = content.adoption_cost(account, chunk_overhead);
                if cost == 0 && content.is_of(account) {
                    return Ok(content.clone());
                }
                content.clone().adopt(for_contents.split(cost), account, chunk_overhead)
            },
        )?;
        let graft = Edit::Graft { path: to.into(), name, tree, now };
        commit_after(lane, expect, graft)
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

impl Payload<'_> {
    /// As `make`, for a copy: the layout stays what it was.
    fn share(&mut self, volume: &Volume, purse: &mut crate::charge::Charge) -> Result<Content> {
        let Payload::Owned(content) = self else { unreachable!("a copy has content") };
        let random = content.is_random();
        Ok(self.make(volume, purse)?.with_random(random))
    }
}

/// What it costs to copy here the bytes below `dir` that are of another filesystem. O(files).
fn adoption_cost_below(dir: &Arc<Dir>, volume: &Volume) -> u64 {
    crate::tree::files::contents(dir)
        .map(|content| content.adoption_cost(volume.account(), volume.config.chunk_overhead))
        .fold(0, u64::saturating_add)
}

fn commit_after(lane: &Lane<'_>, expect: Option<Edit>, edit: Edit) -> Result<(), Refusal> {
    match expect {
        Some(expect) => lane.commit(&mut [expect, edit]).map(drop),
        None => lane.commit(&mut [edit]).map(drop),
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

#[allow(unused_imports, reason = "named in the documentation above")]
use path as _;
