//! A root that nobody else sees.

use std::ops::Deref;

use super::apply::apply_in_place;
use super::root::Root;
use super::tree::Tree;
use crate::error::Result;
use crate::tree::edit::Edit;
use crate::tree::examine::Refusal;
use crate::tree::root::Limits;

/// What a fork starts from: one state of a filesystem, held.
#[derive(Debug, Clone)]
pub struct Base(Root);

impl Base {
    /// That of a published root.
    #[must_use]
    pub fn of(root: &Root) -> Self {
        Self(root.clone())
    }

    /// Its tree.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.0.tree
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.0.version
    }
}

/// A root that starts as one that is published and is changed by whoever has it alone.
#[derive(Debug)]
pub struct Fork(Root);

impl Fork {
    /// One that starts from `base`.
    ///
    /// # Errors
    ///
    /// None here.
    #[must_use]
    pub fn of(base: &Base) -> Self {
        Self(base.0.clone())
    }

    /// The root as it is now.
    #[must_use]
    pub fn root(&self) -> impl Deref<Target = Root> + '_ {
        &self.0
    }

    /// The tree as it is now, held.
    #[must_use]
    pub fn tree(&self) -> Tree {
        self.0.tree.clone()
    }

    /// Applies all edits, each as a version of its own that `version` gives, or none.
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
        let before = (edits.len() > 1).then(|| self.0.clone());
        for edit in edits.iter_mut() {
            self.0.version = version();
            if let Err(refusal) = apply_in_place(&mut self.0, edit, limits) {
                if let Some(before) = before {
                    self.0 = before;
                }
                return Err(refusal);
            }
        }
        Ok(())
    }
}
