//! A root that nobody else sees.

use std::ops::Deref;
use std::sync::Arc;

use super::tree::Tree;
pub use super::versions::Base;
use super::versions::{Payment, Root, Versions};
use crate::tree::edit::Edit;
use crate::tree::examine::Refusal;
use crate::tree::root::Limits;

/// A root that starts as one that is published and is changed by whoever has it alone.
///
/// It shares what the published one has, and owns what it adds; what it owns is owed to nobody, because its
/// edits keep their receipts.
#[derive(Debug)]
pub struct Fork(Arc<Versions>);

impl Fork {
    /// One that starts from `base`.
    #[must_use]
    pub fn of(base: &Base) -> Self {
        let paid = Payment { account: None, chunk_overhead: base.tree.versions().chunk_overhead() };
        Self(Versions::fork(&base.tree, base.version, base.holds.clone(), paid))
    }

    /// The root as it is now.
    #[must_use]
    pub fn root(&self) -> impl Deref<Target = Root> + '_ {
        self.0.load()
    }

    /// The tree as it is now, held.
    #[must_use]
    pub fn tree(&self) -> Tree {
        self.0.base().tree
    }

    /// Applies all edits as one version that `version` gives, or none.
    ///
    /// # Errors
    ///
    /// The refusal of the first edit that cannot be applied.
    pub fn commit(
        &mut self,
        edits: &mut [Edit],
        limits: &Limits,
        mut version: impl FnMut() -> u64,
    ) -> Result<(), Refusal> {
        self.0.commit(edits, limits, Some(version())).map(drop)
    }
}
