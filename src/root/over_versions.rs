//! Publication over a store that knows all versions: the same doors as those of the counted tree.

use std::sync::Arc;

use crate::error::Error;
use crate::quota::{Quota, Relief};
use crate::tree::edit::Edit;
use crate::tree::examine::Refusal;
use crate::tree::fork::Base;
use crate::tree::held::Tree;
use crate::tree::holds::Holds;
use crate::tree::meta::Timestamp;
#[cfg(feature = "image")]
use crate::tree::plan::Plan;
use crate::tree::root::Limits;
#[cfg(feature = "image")]
use crate::tree::stamped::grow::grow;
use crate::tree::stamped::versions::{Payment, Turn, Versions};
use crate::usage::CommitLengths;
use crate::volume::Config;

pub use crate::tree::stamped::versions::RootGuard;

/// The turn to commit; nobody else commits while it is held.
pub type SerialTurn<'a> = Turn<'a>;

/// The version that a commit published.
pub type Version = u64;

/// What a filesystem starts with.
#[derive(Debug)]
pub struct Seed(Arc<Versions>);

impl Seed {
    /// An empty root directory.
    ///
    /// # Errors
    ///
    /// `AllocationFailed`.
    pub fn empty(now: Timestamp, quota: &Quota, config: &Config) -> Result<Self, Error> {
        Versions::empty(now, 0, payment(quota, config)).map(Self)
    }

    /// What `base` has.
    #[must_use]
    pub fn fork(base: &Tree, version: Version, quota: &Quota, config: &Config) -> Self {
        Self(Versions::fork(base, version, Holds::default(), payment(quota, config)))
    }

    /// The last of the trees of a plan that have these roots, as `version`; and all of them. What they have beside
    /// what the plan says is drawn on `quota`, see [`grow`].
    ///
    /// # Errors
    ///
    /// `AllocationFailed`, `QuotaExceeded`, `MemoryGuard`.
    #[cfg(feature = "image")]
    pub fn of_plan(
        plan: Plan<'_>,
        roots: &[u32],
        version: Version,
        quota: &Quota,
        config: &Config,
    ) -> Result<(Self, Vec<Tree>), Error> {
        let (versions, trees) = grow(plan, roots, version, payment(quota, config), quota)?;
        Ok((Self(versions), trees))
    }

    /// Where what is taken out of it waits to be freed.
    #[must_use]
    pub fn graves(&self) -> Graves {
        Graves(Arc::clone(&self.0))
    }
}

fn payment(quota: &Quota, config: &Config) -> Payment {
    Payment { account: Some(Arc::clone(quota.account())), chunk_overhead: config.chunk_overhead }
}

/// What was taken out of the tree and waits for its last reader.
#[derive(Debug)]
pub struct Graves(Arc<Versions>);

impl Graves {
    /// Frees what nobody reads any more. Waits for another sweep to finish, so that when it returns every byte
    /// that could come back has come back.
    pub fn sweep(&self) -> bool {
        self.0.sweep()
    }

    /// Nothing: who lets go of a tree leaves freeing it to the store.
    #[cfg(feature = "image")]
    pub fn bury_snapshot(&self, _tree: &Tree, _current: &Tree) {}
}

impl Relief for Graves {
    fn relieve(&self, _wanted: u64) -> bool {
        self.0.sweep_behind_readers()
    }
}

/// The published root of one filesystem, and the way to replace it.
#[derive(Debug)]
pub struct Publisher(Arc<Versions>);

impl Publisher {
    /// Publishes the first root.
    #[must_use]
    pub fn new(Seed(versions): Seed) -> Self {
        Self(versions)
    }

    /// The root published last. Wait-free; the guard must not be kept.
    #[inline]
    pub fn load(&self) -> RootGuard<'_> {
        self.0.load()
    }

    /// The tree published last, held, and its version.
    pub fn held(&self) -> (Tree, Version) {
        let base = self.0.base();
        (base.tree().clone(), base.version())
    }

    /// The state published last, held.
    pub fn base(&self) -> Base {
        self.0.base()
    }

    /// How long commits took.
    #[must_use]
    pub fn lengths(&self) -> CommitLengths {
        self.0.lengths()
    }

    /// Waits for the turn to commit; nobody else commits while it is held.
    pub fn turn(&self) -> SerialTurn<'_> {
        self.0.turn()
    }

    /// As [`held`](Self::held), by whoever has the turn.
    pub fn held_in_turn(&self, turn: &mut SerialTurn<'_>) -> (Tree, Version) {
        let base = turn.hold(&self.0);
        (base.tree().clone(), base.version())
    }

    /// Applies `edits` to the published root, all or none, and publishes the result.
    ///
    /// # Errors
    ///
    /// The refusal of the first edit that cannot be applied. Nothing is then published.
    #[inline]
    pub fn commit(&self, edits: &mut [Edit], limits: &Limits, _: &Graves) -> Result<Version, Refusal> {
        self.0.commit(edits, limits, None)
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
        _: &Graves,
    ) -> Result<Version, Refusal> {
        turn.commit(edits, limits, None)
    }
}
