//! The one function that every publication passes.

use std::cell::Cell;
use std::sync::Arc;

use super::cell::{RootCell, RootGuard};
use super::graves::Graves;
use super::protocol::{BeforeSwap, Protocol, Serial, SerialTurn, Swapped};
use crate::error::Error;
use crate::quota::Quota;
use crate::slowed;
#[cfg(feature = "image")]
use crate::tree::counted::grow::grow;
use crate::tree::edit::Edit;
use crate::tree::examine::Refusal;
use crate::tree::fork::Base;
use crate::tree::held::Tree;
use crate::tree::holds::Holds;
use crate::tree::meta::Timestamp;
use crate::tree::node::{Dir, FREED_BY_READERS};
#[cfg(feature = "image")]
use crate::tree::plan::Plan;
use crate::tree::root::{Limits, Root};
use crate::usage::CommitLengths;
use crate::volume::Config;

/// The published root of one filesystem, and the way to replace it.
#[derive(Debug)]
pub struct Publisher<P = Serial> {
    cell: crossbeam_utils::CachePadded<RootCell>,
    protocol: P,
}

/// The version that a commit published.
pub type Version = u64;

/// What a filesystem starts with.
#[derive(Debug)]
pub struct Seed(Root);

impl Seed {
    /// An empty root directory.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn empty(now: Timestamp, _quota: &Quota, _config: &Config) -> Result<Self, Error> {
        Ok(Self(Root::new(now)))
    }

    /// What `base` has.
    #[must_use]
    pub fn fork(base: &Tree, version: Version, _quota: &Quota, _config: &Config) -> Self {
        // A root directory of its own over the same entries: each filesystem's graves must be able
        // to tell that nobody else holds theirs.
        Self::of(Tree::new(Dir::clone(base)), version)
    }

    /// A tree that was built node by node.
    #[must_use]
    pub fn of(tree: Tree, version: Version) -> Self {
        Self(Root { tree, holds: Holds::default(), version })
    }

    /// The last of the trees of a plan that have these roots, as `version`; and all of them.
    ///
    /// # Errors
    ///
    /// None here.
    #[cfg(feature = "image")]
    pub fn of_plan(
        plan: Plan<'_>,
        roots: &[u32],
        version: Version,
        _quota: &Quota,
        _config: &Config,
    ) -> Result<(Self, Vec<Tree>), Error> {
        let trees = grow(plan, roots);
        let current = trees.last().expect("there is a current one").clone();
        Ok((Self::of(current, version), trees))
    }

    /// Where what is taken out of it waits to be freed.
    #[must_use]
    pub fn graves(&self) -> Graves {
        Graves::default()
    }
}

impl<P: Protocol> Publisher<P> {
    /// Publishes the first root.
    #[must_use]
    pub fn new(Seed(root): Seed) -> Self {
        Self { cell: RootCell::new(Arc::new(root)).into(), protocol: P::default() }
    }

    /// The root published last. Wait-free with the default cell; the guard must not be kept.
    #[inline]
    pub fn load(&self) -> RootGuard<'_> {
        self.cell.load()
    }

    /// The tree published last, held, and its version.
    #[inline]
    pub fn held(&self) -> (Tree, Version) {
        let root = self.load();
        (root.tree.clone(), root.version)
    }

    /// The state published last, held.
    pub fn base(&self) -> Base {
        Base::of(&self.load())
    }

    /// Applies `edits` to the published root, all or none, and publishes the result.
    ///
    /// Linearization point: the swap; of a refusal, the load of the root that refused. What the
    /// old root alone still held is freed before this returns, unless something else holds it.
    ///
    /// # Errors
    ///
    /// The refusal of the first edit that cannot be applied. Nothing is then published.
    pub fn commit(&self, edits: &mut [Edit], limits: &Limits, graves: &Graves) -> Result<Version, Refusal> {
        publish(&self.cell, graves, |before_swap| {
            self.protocol.commit(&self.cell, edits, limits, before_swap)
        })
    }
}

impl Publisher<Serial> {
    /// How long commits took: it is measured for the other tree alone.
    #[must_use]
    pub fn lengths(&self) -> CommitLengths {
        CommitLengths::default()
    }

    /// Waits for the turn to commit; nobody else commits while it is held.
    pub fn turn(&self) -> SerialTurn<'_> {
        self.protocol.turn()
    }

    /// As [`held`](Self::held), by whoever has the turn.
    pub fn held_in_turn(&self, _turn: &mut SerialTurn<'_>) -> (Tree, Version) {
        self.held()
    }

    /// As [`commit`](Self::commit), by whoever has the turn.
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit).
    pub fn commit_in_turn(
        &self,
        turn: &mut SerialTurn<'_>,
        edits: &mut [Edit],
        limits: &Limits,
        graves: &Graves,
    ) -> Result<Version, Refusal> {
        publish(&self.cell, graves, |before_swap| {
            self.protocol.commit_in_turn(turn, &self.cell, edits, limits, before_swap)
        })
    }
}

/// What surrounds every swap. A journal would see the edits here, in order, before the swap; a
/// watcher would be woken here after it.
fn publish(
    cell: &RootCell,
    graves: &Graves,
    swap: impl FnOnce(BeforeSwap<'_>) -> Swapped,
) -> Result<Version, Refusal> {
    graves.see_to(cell);
    let buried = Cell::new(false);
    let (old, version) = swap(&|old, applied, _edits| {
        slowed::publication();
        if applied.detached > FREED_BY_READERS {
            graves.bury(&old.tree);
            buried.set(true);
        }
    })?;
    drop(old); // outside the section: freeing keeps nobody waiting
    if buried.get() {
        graves.sweep();
    } else {
        graves.glance();
    }
    Ok(version)
}
