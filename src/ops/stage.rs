//! Where an operation looks and what it changes: the published root, or the private one of a
//! transaction.
//!
//! Each operation is written once, over a [`Stage`]: it looks, reserves and builds, and hands over
//! its edits. What differs is what happens to them, and what becomes of a refusal.

use crate::error::ErrorKind;
use crate::tree::edit::Edit;
use crate::tree::examine::Refusal;
use crate::tree::held::Tree;
use crate::tree::root::Root;
use crate::volume::Lane;

/// A root to plan on, and the way to change it.
pub trait Stage: Sized {
    /// Looks at the root. Nothing of it is kept, so that while an operation reserves, its own look
    /// keeps no bytes alive.
    fn look<T>(&self, look: impl FnOnce(&Root) -> T) -> T;

    /// The tree, held.
    fn tree(&self) -> Tree;

    /// Applies edits, all or none.
    ///
    /// # Errors
    ///
    /// The refusal.
    fn commit(self, edits: &mut [Edit]) -> Result<(), Refusal>;

    /// As [`commit`](Self::commit), for edits whose preconditions were looked at together: where
    /// one is refused because the root changed below the plan, the plan is made again and finds
    /// the error, if there is one.
    ///
    /// # Errors
    ///
    /// The refusal.
    fn commit_planned(self, edits: &mut [Edit]) -> Result<(), Refusal>;
}

impl Stage for &Lane<'_> {
    fn look<T>(&self, look: impl FnOnce(&Root) -> T) -> T {
        look(&self.load())
    }

    fn tree(&self) -> Tree {
        self.held().0
    }

    fn commit(self, edits: &mut [Edit]) -> Result<(), Refusal> {
        Lane::commit(self, edits).map(drop)
    }

    fn commit_planned(self, edits: &mut [Edit]) -> Result<(), Refusal> {
        match Lane::commit(self, edits) {
            Err(Refusal::Failed(error)) if is_about_existence(error.kind()) && !self.is_alone() => {
                Err(Refusal::Stale)
            }
            // An edit further on may meet an error that comes before locks.
            Err(Refusal::Held(_)) if !self.is_alone() => Err(Refusal::Stale),
            outcome => outcome.map(drop),
        }
    }
}

fn is_about_existence(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::AlreadyExists | ErrorKind::IsADirectory
    )
}
