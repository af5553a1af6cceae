//! How concurrent commits take turns: three protocols behind one trait.
//!
//! [`Serial`] is the one in use; `ARCHITECTURE.md` has the table of measurements that chose it.
//! The other two are compiled for the bench that repeats them (feature `internals`). In all of
//! them readers are untouched, and edits are applied to exactly the root that they replace.

use std::sync::Arc;

use super::cell::{RootCell, RootGuard};
use crate::sync::{Mutex, MutexGuard, broken};
use crate::tree::counted::apply::{Applied, apply};
use crate::tree::edit::Edit;
use crate::tree::examine::Refusal;
use crate::tree::root::{Limits, Root};

/// Called with the root that is about to be replaced, what replaces it, and the edits between.
pub type BeforeSwap<'a> = &'a dyn Fn(&Arc<Root>, &Applied, &[Edit]);

/// The root that was replaced and the version of the one that replaced it, or why none was.
pub type Swapped = Result<(Arc<Root>, u64), Refusal>;

/// A way for concurrent commits to replace the root one after the other.
pub trait Protocol: Default + std::fmt::Debug {
    /// Applies `edits` to the published root and publishes the result; gives back the root that
    /// was replaced and the version of the new one.
    ///
    /// # Errors
    ///
    /// The refusal of the first edit that cannot be applied; nothing is then published.
    fn commit(
        &self,
        cell: &RootCell,
        edits: &mut [Edit],
        limits: &Limits,
        before_swap: BeforeSwap<'_>,
    ) -> Swapped;
}

/// One commit at a time, behind a mutex.
///
/// An ordinary commit runs no user code under the mutex and waits for nothing. A panic in it happens
/// before the swap, so it leaves the published root as it was. Whoever asks for the turn by itself
/// decides what it does with it.
#[derive(Debug, Default)]
pub struct Serial {
    turn: Mutex<()>,
}

/// The turn to commit; nobody else commits while it is held.
pub struct SerialTurn<'a>(MutexGuard<'a, ()>);

impl std::fmt::Debug for SerialTurn<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SerialTurn").field(&*self.0).finish()
    }
}

impl Serial {
    /// Waits for the turn, and keeps it until it is dropped.
    pub fn turn(&self) -> SerialTurn<'_> {
        SerialTurn(self.turn.lock())
    }

    /// As [`Protocol::commit`], by whoever has the turn.
    ///
    /// # Errors
    ///
    /// The refusal of the first edit that cannot be applied; nothing is then published.
    pub fn commit_in_turn(
        &self,
        _turn: &SerialTurn<'_>,
        cell: &RootCell,
        edits: &mut [Edit],
        limits: &Limits,
        before_swap: BeforeSwap<'_>,
    ) -> Swapped {
        replace(cell, cell.load(), edits, limits, before_swap)
    }
}

/// Publishes `current` with the edits applied; the caller sees to it that nobody else commits.
fn replace(
    cell: &RootCell,
    current: RootGuard<'_>,
    edits: &mut [Edit],
    limits: &Limits,
    before_swap: BeforeSwap<'_>,
) -> Swapped {
    if broken!(CommitPublishesEachEdit)
        && let [first, rest @ ..] = &mut *edits
        && !rest.is_empty()
    {
        replace(cell, current, std::slice::from_mut(first), limits, before_swap)?;
        return replace(cell, cell.load(), rest, limits, before_swap);
    }
    let applied = apply(&current, edits, limits)?;
    before_swap(&current, &applied, edits);
    let version = applied.root.version;
    drop(current);
    Ok((cell.swap(Arc::new(applied.root)), version))
}

impl Protocol for Serial {
    fn commit(
        &self,
        cell: &RootCell,
        edits: &mut [Edit],
        limits: &Limits,
        before_swap: BeforeSwap<'_>,
    ) -> Swapped {
        if broken!(CommitWithoutTurn) {
            return replace(cell, cell.load(), edits, limits, before_swap);
        }
        if broken!(CommitLoadsBeforeTurn) {
            let earlier = cell.load();
            let _turn = self.turn();
            return replace(cell, earlier, edits, limits, before_swap);
        }
        self.commit_in_turn(&self.turn(), cell, edits, limits, before_swap)
    }
}

#[cfg(feature = "internals")]
pub use rivals::{Combining, CompareAndSwap};

#[cfg(feature = "internals")]
mod rivals {
    use super::{
        Applied, Arc, BeforeSwap, Edit, Limits, Mutex, Protocol, Root, RootCell, Swapped, apply, broken,
    };
    use crate::tree::counted::apply::apply_in_place;

    /// Build the next root beside the others and publish it if nobody was faster.
    #[derive(Debug, Default)]
    pub struct CompareAndSwap;

    impl Protocol for CompareAndSwap {
        fn commit(
            &self,
            cell: &RootCell,
            edits: &mut [Edit],
            limits: &Limits,
            before_swap: BeforeSwap<'_>,
        ) -> Swapped {
            loop {
                let current = Arc::clone(&cell.load());
                let applied = apply(&current, edits, limits)?;
                before_swap(&current, &applied, edits);
                let version = applied.root.version;
                if cell.compare_and_swap(&current, Arc::new(applied.root)) {
                    return Ok((current, version));
                }
            }
        }
    }

    /// Whoever has the turn commits the edits of all who wait for it, in one publication.
    #[derive(Debug, Default)]
    pub struct Combining {
        waiting: Mutex<Vec<Arc<Request>>>,
        turn: Mutex<()>,
    }

    #[derive(Debug, Default)]
    struct Request {
        edits: Mutex<Vec<Edit>>,
        outcome: Mutex<Option<Swapped>>,
    }

    impl Protocol for Combining {
        fn commit(
            &self,
            cell: &RootCell,
            edits: &mut [Edit],
            limits: &Limits,
            before_swap: BeforeSwap<'_>,
        ) -> Swapped {
            let request = Arc::new(Request {
                edits: Mutex::new(edits.iter_mut().map(std::mem::take).collect()),
                ..Request::default()
            });
            self.waiting.lock().push(Arc::clone(&request));
            let turn = self.turn.lock();
            let mut outcome = request.outcome.lock().take();
            if outcome.is_none() {
                self.serve(cell, limits, before_swap);
                outcome = request.outcome.lock().take();
            }
            drop(turn);
            for (edit, served) in edits.iter_mut().zip(request.edits.lock().drain(..)) {
                *edit = served;
            }
            outcome.expect("a request is served before the turn is passed on")
        }
    }

    impl Combining {
        fn serve(&self, cell: &RootCell, limits: &Limits, before_swap: BeforeSwap<'_>) {
            let mut waiting = self.waiting.lock();
            let requests = std::mem::take(&mut *waiting);
            if broken!(CombiningServesTwice) {
                waiting.clone_from(&requests);
            }
            drop(waiting);
            let current = Arc::clone(&cell.load());
            let mut next = Root::clone(&current);
            let mut refused = Vec::with_capacity(requests.len());
            for request in &requests {
                let mut edits = request.edits.lock();
                let outcome = match &mut edits[..] {
                    // What this batch made is its own, so one edit can change it in place.
                    [edit] => apply_in_place(&mut next, edit, limits),
                    edits => apply(&next, edits, limits).map(|applied| next = applied.root),
                };
                if outcome.is_ok() {
                    before_swap(&current, &Applied { root: next.clone(), detached: 0 }, &edits);
                }
                refused.push(outcome.err());
            }
            let version = next.version;
            cell.swap(Arc::new(next));
            for (request, refusal) in requests.iter().zip(refused) {
                let outcome = refusal.map_or_else(|| Ok((Arc::clone(&current), version)), Err);
                *request.outcome.lock() = Some(outcome);
            }
        }
    }
}
