//! Copies that share bytes, copies out of snapshots, and restoring one.

use super::Stage;
use crate::charge::Charge;
use crate::content::Content;
use crate::error::{Error, ErrorKind, Result};
use crate::path;
use crate::snapshot::Snapshot;
use crate::tree::copy::{CopyContent, copy_cost};
use crate::tree::diff::{Change, Diff};
use crate::tree::edit::{Edit, PutRule, Seen, SeenFile};
use crate::tree::examine::{Refusal, fits_depth};
use crate::tree::files::{Nodes, Select};
use crate::tree::held::Tree;
use crate::tree::lookup::{find, occupant};
use crate::tree::node::{Dir, FileNode, NewFile, NewTree, NodeRef};
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
            let file = file_at(&root.tree, from)?;
            self.look_at_target(root, to, NodeRef::File(file))?;
            Ok::<_, Refusal>(SeenFile::of(file))
        })?;
        let copied = self.copied_file(file.content(), false, to)?;
        let len = file.content().len();
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
        // What is looked at is what is copied: this tree, and no later one.
        let tree = stage.tree();
        let dir = dir_at(&tree, from)?;
        stage.look(|root| self.look_at_target(root, to, NodeRef::Dir(dir)))?;
        let copied = self.copied_dir(&tree, from, false, to)?;
        let seen = Seen::Subtree(tree, from.into());
        stage.commit(&mut [Edit::Expect { path: from.into(), seen }, copied])
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
            NodeRef::File(file) => (self.copied_file(&file.content, foreign, to)?, file.content.len()),
            NodeRef::Dir(dir) => (self.copied_dir(snapshot.tree(), from, foreign, to)?, dir.totals.bytes),
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
        let tree = snapshot.tree().clone();
        // Where nodes are made anew they are charged if there is room; what they hold is, anyway.
        let purse = self.reserve(self.restore_cost(&tree)).unwrap_or_default();
        self.change(Edit::Restore { tree, purse })
    }

    /// What the nodes are charged that a restore of `tree` makes anew: none, where nodes can be shared.
    fn restore_cost(&self, tree: &Tree) -> u64 {
        if cfg!(arcfs_tree = "counted") {
            return 0;
        }
        let of = |change| match change {
            Change::Created(path) => self.name_cost(&path).saturating_add(self.config.node_overhead),
            Change::Modified(_) => self.config.node_overhead,
            Change::Removed(_) => 0,
        };
        Diff::new(tree.clone(), self.tree()).map(of).fold(0, u64::saturating_add)
    }

    /// The checks of a copy's target, in the order of errors.
    fn look_at_target(&self, root: &Root, to: &str, source: NodeRef<'_>) -> Result<(), Refusal> {
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
            NodeRef::File(_) => 1,
            NodeRef::Dir(dir) => {
                fits_depth(dir, to, &self.limits())?;
                1 + dir.totals.nodes()
            }
        };
        self.look(root, gains, &[to])
    }

    /// The edit that binds a copy of a file, paid for.
    fn copied_file(&self, content: &Content, foreign: bool, to: &str) -> Result<Edit> {
        let sharing = Sharing { volume: self, foreign };
        let overheads = self.config.node_overhead.saturating_add(self.name_cost(to));
        let mut purse = self.reserve(sharing.cost(content).saturating_add(overheads))?;
        let content = sharing.content(content, &mut purse)?;
        let name = self.long_name(to, &mut purse);
        let file = NewFile::new(content, purse);
        Ok(Edit::Put { path: to.into(), name, file, rule: PutRule::Create, now: self.now() })
    }

    /// The edit that binds a copy of a directory with everything below it, paid for.
    fn copied_dir(&self, tree: &Tree, from: &str, foreign: bool, to: &str) -> Result<Edit> {
        let dir = dir_at(tree, from)?;
        let sharing = Sharing { volume: self, foreign };
        let (node_overhead, chunk_overhead) = (self.config.node_overhead, self.config.chunk_overhead);
        let contents = sharing.cost_below(dir);
        let nodes = copy_cost(dir, node_overhead, chunk_overhead);
        let cost = nodes.saturating_add(self.name_cost(to)).saturating_add(contents);
        let mut purse = self.reserve(cost)?;
        let mut for_contents = purse.split(contents);
        let now = self.now();
        let name = self.long_name(to, &mut purse);
        let mut adopt = |content: &Content| sharing.content(content, &mut for_contents);
        let adopt: Option<CopyContent<'_>> = if foreign { Some(&mut adopt) } else { None };
        let overheads = (node_overhead, chunk_overhead);
        let tree = NewTree::copy_of(tree, from, overheads, now, purse.split(nodes), adopt)?;
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
    fn cost_below(&self, dir: &Dir) -> u64 {
        if !self.foreign {
            return 0;
        }
        let files = Nodes::new(dir, "/", Select::default()).into_iter().flatten();
        files
            .filter_map(|(_, node)| node.as_file())
            .map(|file| self.cost(&file.content))
            .fold(0, u64::saturating_add)
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

fn file_at<'a>(tree: &'a Dir, path: &str) -> Result<&'a FileNode> {
    match find(tree, path).map_err(|miss| Error::new(miss.into()))?.found {
        NodeRef::File(file) => Ok(file),
        NodeRef::Dir(_) => Err(Error::new(ErrorKind::IsADirectory)),
    }
}

fn dir_at<'a>(tree: &'a Dir, path: &str) -> Result<&'a Dir> {
    match find(tree, path).map_err(|miss| Error::new(miss.into()))?.found {
        NodeRef::Dir(dir) => Ok(dir),
        NodeRef::File(_) => Err(Error::new(ErrorKind::NotADirectory)),
    }
}
