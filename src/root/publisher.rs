//! The one function that every publication passes.

use std::cell::Cell;
use std::sync::Arc;

use super::cell::{RootCell, RootGuard};
use super::graves::Graves;
use super::protocol::{BeforeSwap, Protocol, Serial, SerialTurn, Swapped};
use crate::slowed;
use crate::tree::edit::Edit;
use crate::tree::examine::Refusal;
use crate::tree::node::FREED_BY_READERS;
use crate::tree::root::{Limits, Root};

/// The published root of one filesystem, and the way to replace it.
#[derive(Debug)]
pub struct Publisher<P = Serial> {
    cell: crossbeam_utils::CachePadded<RootCell>,
    protocol: P,
}

/// The version that a commit published.
pub type Version = u64;

impl<P: Protocol> Publisher<P> {
    /// Publishes `root` as the first.
    #[must_use]
    pub fn new(root: Root) -> Self {
        Self { cell: RootCell::new(Arc::new(root)).into(), protocol: P::default() }
    }

    /// The root published last. Wait-free with the default cell; the guard must not be kept.
    #[inline]
    pub fn load(&self) -> RootGuard {
        self.cell.load()
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
        publish(graves, |before_swap| self.protocol.commit(&self.cell, edits, limits, before_swap))
    }
}

impl Publisher<Serial> {
    /// Waits for the turn to commit; nobody else commits while it is held.
    pub fn turn(&self) -> SerialTurn<'_> {
        self.protocol.turn()
    }

    /// As [`commit`](Self::commit), by whoever has the turn.
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit).
    pub fn commit_in_turn(
        &self,
        turn: &SerialTurn<'_>,
        edits: &mut [Edit],
        limits: &Limits,
        graves: &Graves,
    ) -> Result<Version, Refusal> {
        publish(graves, |before_swap| {
            self.protocol.commit_in_turn(turn, &self.cell, edits, limits, before_swap)
        })
    }
}

/// What surrounds every swap. A journal would see the edits here, in order, before the swap; a
/// watcher would be woken here after it.
fn publish(graves: &Graves, swap: impl FnOnce(BeforeSwap<'_>) -> Swapped) -> Result<Version, Refusal> {
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
