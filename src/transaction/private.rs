//! The root that a transaction works on, and the edits that lead to it.

use std::collections::HashMap;
use std::sync::Arc;

use super::origin::Origins;
use crate::ops::Stage;
use crate::tree::edit::{Edit, PutRule};
use crate::tree::examine::Refusal;
use crate::tree::fork::Fork;
use crate::tree::held::Tree;
use crate::tree::root::Root;
use crate::volume::Volume;

/// A fork of the root that was published.
///
/// Its edits are kept so that they can be applied again, to the root that the transaction
/// replaces. Versions in it are provisional: they are never published.
#[derive(Debug)]
pub struct Private {
    volume: Arc<Volume>,
    pub fork: Fork,
    /// What was done so far, in order.
    pub edits: Vec<Edit>,
    /// Which edit put the file that is at a path now, where nothing but more files and directories
    /// came after it: that edit can bring the next version as well, so that the bytes of the last
    /// one come back at once.
    latest: HashMap<Box<str>, usize>,
    pub origins: Origins,
}

impl Private {
    pub fn new(volume: &Arc<Volume>, fork: Fork) -> Self {
        let (edits, latest, origins) = Default::default();
        Self { volume: Arc::clone(volume), fork, edits, latest, origins }
    }

    /// Keeps an edit that was applied.
    fn keep(&mut self, mut edit: Edit) {
        self.origins.follow(&edit);
        match &mut edit {
            // It concerns the private root; what it says of the base is among the reads.
            Edit::Expect { .. } => return,
            Edit::Put { path, file, rule, .. } => {
                // Times and generation are in the file now, and hold for as long as what it
                // replaced does; the transaction has noted that.
                *rule = PutRule::Keep;
                if let Some(&at) = self.latest.get(&**path) {
                    if let Edit::Put { file: earlier, .. } = &mut self.edits[at] {
                        std::mem::swap(earlier, file);
                    }
                    return;
                }
                self.latest.insert((**path).into(), self.edits.len());
            }
            Edit::MakeDirs { .. } => {}
            _ => self.latest.clear(),
        }
        self.edits.push(edit);
    }
}

impl Stage for &mut Private {
    fn look<T>(&self, look: impl FnOnce(&Root) -> T) -> T {
        look(&self.fork.root())
    }

    fn tree(&self) -> Tree {
        self.fork.tree()
    }

    fn commit(self, edits: &mut [Edit]) -> Result<(), Refusal> {
        let limits = self.volume.limits();
        let volume = &self.volume;
        self.fork.commit(edits, &limits, || volume.provisional_version())?;
        for edit in edits {
            self.keep(std::mem::take(edit));
        }
        Ok(())
    }

    fn commit_planned(self, edits: &mut [Edit]) -> Result<(), Refusal> {
        self.commit(edits) // nobody changes the root below the plan
    }
}
