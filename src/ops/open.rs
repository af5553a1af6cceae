//! Opening files under a lock, publishing what their handles wrote, and letting go.
//!
//! The protocol, for a path P: look at a root and answer what can be answered; take P's fair lock,
//! owning nothing else; reserve; commit `Edit::Hold`, whose preconditions are checked in the root
//! that it replaces; work. Closing commits content and the end of the hold in one root, and passes
//! the lock on afterwards.

use std::sync::Arc;
use std::time::Duration;

use crate::charge::Charge;
use crate::content::{Content, Draft};
use crate::error::{Error, ErrorKind, Result};
use crate::lock::Mode;
use crate::open_files::Turn;
use crate::root::Version;
use crate::sync::broken;
#[cfg(arcfs_loom)]
use crate::tree::edit::PutRule;
use crate::tree::edit::{Create, Edit, Hold};
use crate::tree::examine::Refusal;
use crate::tree::meta::Timestamp;
use crate::tree::metadata::Metadata;
use crate::tree::node::{NewFile, NodeRef, PaidName};
use crate::tree::root::Root;
use crate::volume::Volume;

/// How a file shall be opened under a lock.
#[derive(Debug, Clone, Copy)]
pub struct Opening {
    /// Beside others that read, instead of alone.
    pub shared: bool,
    /// What may stand there.
    pub create: Create,
    /// Whether it is emptied.
    pub truncate: bool,
    /// Whether creating and emptying wait for the first publication.
    pub atomic: bool,
    /// What is paid for at once.
    pub growth: Growth,
}

/// Growth that is paid for when a file is opened.
#[derive(Debug, Clone, Copy)]
pub enum Growth {
    /// Up to that length, changes of what is there included; 0 for none.
    UpTo(u64),
    /// By that many bytes at the end, whatever length the file has by then.
    #[cfg_attr(not(feature = "tokio"), expect(dead_code, reason = "only tasks append so"))]
    By(u64),
}

impl Growth {
    /// The length up to which a file of `len` bytes is paid for.
    #[must_use]
    pub fn up_to(self, len: u64) -> u64 {
        match self {
            Self::UpTo(end) => end,
            Self::By(more) => len.saturating_add(more),
        }
    }
}

/// A file held under its lock.
#[derive(Debug)]
pub struct Held {
    /// The lock; passed on when this is dropped.
    pub turn: Turn,
    /// The content of the file as the hold found or made it; `None` if it has no name yet.
    pub base: Option<Content>,
    /// Its name, if it has none yet and will need a long one.
    pub name: Option<PaidName>,
    /// Pays for the next version of the file, where that was reserved already.
    pub node: Option<Charge>,
    /// What was reserved for growth.
    pub spare: Charge,
    /// The growth that it was reserved for.
    pub growth: Growth,
    /// When it was opened.
    pub opened: Timestamp,
}

/// What was seen of a path before its lock was taken.
pub struct Seen {
    version: Version,
    file: Option<Content>,
}

impl Seen {
    /// Lets go of it, because the lock must be waited for, which nobody does who keeps content alive.
    pub fn forget(seen: &mut Option<Self>) {
        if !broken!(HoldKeepsEarlierContent) {
            *seen = None;
        }
    }
}

impl Opening {
    /// How the lock of the path is taken.
    #[must_use]
    pub fn mode(&self) -> Mode {
        if self.shared || broken!(OpenersShareTheLock) { Mode::Shared } else { Mode::Exclusive }
    }
}

impl Volume {
    /// Opens a file under its lock. The task that does the same is in `asynchronous`.
    ///
    /// # Errors
    ///
    /// Those of `OpenOptions::open`.
    pub fn hold(&self, path: &str, opening: Opening, timeout: Option<Duration>) -> Result<Held> {
        let mut seen = Some(self.look_before_lock(path, &opening)?);
        let turn = match self.open_files.try_acquire(path, opening.mode()) {
            Some(turn) => turn,
            None => {
                Seen::forget(&mut seen);
                self.wait_for(path, opening.mode(), timeout, |root| self.may_open(root, path, &opening))?
            }
        };
        self.hold_in_turn(turn, opening, seen)
    }

    /// The first step of opening: answers what can be answered without the lock.
    ///
    /// # Errors
    ///
    /// As [`hold`](Self::hold), but `Busy` and what comes after it.
    pub fn look_before_lock(&self, path: &str, opening: &Opening) -> Result<Seen> {
        let root = self.load();
        let file = self.look_at_opening(&root, path, opening);
        Ok(Seen { version: root.version, file: file.map_err(|refusal| self.busy_at_once(refusal))? })
    }

    /// Whether a root allows the file to be opened, but for locks.
    ///
    /// # Errors
    ///
    /// Why it does not.
    pub fn may_open(&self, root: &Root, path: &str, opening: &Opening) -> Result<(), Refusal> {
        self.look_at_opening(root, path, opening).map(drop)
    }

    /// The last step of opening: reserves and commits the hold. What was seen before the lock was
    /// taken spares a look where nothing was published since.
    ///
    /// # Errors
    ///
    /// As [`hold`](Self::hold), but `Busy`. The lock is then passed on.
    pub fn hold_in_turn(&self, turn: Turn, opening: Opening, mut seen: Option<Seen>) -> Result<Held> {
        let path = &**turn.path();
        #[cfg(arcfs_loom)]
        let earlier =
            seen.as_ref().filter(|_| broken!(HoldKeepsEarlierContent)).and_then(|seen| seen.file.clone());
        self.settle(|lane| {
            let root = self.load();
            // Mostly nothing was published while the lock was free; then that look still holds.
            let old = match seen.take() {
                Some(seen) if root.version == seen.version => seen.file,
                _ => self.look_at_opening(&root, path, &opening)?,
            };
            drop(root);
            let missing = old.is_none();
            let base = old.filter(|_| !opening.truncate);
            let publishes = missing || opening.truncate;
            let overhead = self.config.chunk_overhead;
            let growth = match opening.growth {
                Growth::UpTo(0) => 0,
                Growth::UpTo(end) => {
                    let base = base.unwrap_or_default();
                    Draft::new(base).reserve_cost(end, overhead)
                }
                Growth::By(more) => Content::cost(more, overhead),
            };
            let name_cost = if missing { self.name_cost(path) } else { 0 };
            // One version to create or empty the file with, or the first to publish if that waits.
            let versions = u64::from(publishes) + u64::from(growth > 0 && !(opening.atomic && publishes));
            let nodes = self.config.node_overhead.saturating_mul(versions);
            let mut purse = self.reserve(nodes.saturating_add(name_cost).saturating_add(growth))?;
            let name = if missing { self.long_name(path, &mut purse) } else { None };
            let mut version = || purse.split(self.config.node_overhead);
            let blank = (publishes && !opening.atomic).then(|| NewFile::new(Content::default(), version()));
            let node = (growth > 0 || publishes && opening.atomic).then(version);
            let opened = self.now();
            let mut edits = [Edit::Hold(Hold {
                path: Arc::clone(turn.path()),
                name: name.clone(),
                shared: opening.shared,
                create: opening.create,
                truncate: opening.truncate,
                atomic: opening.atomic,
                blank,
                now: opened,
                base: None,
            })];
            match lane.commit(&mut edits) {
                Ok(_) => {}
                // Nobody but the owner of the lock holds the path; what shows is gone by now.
                Err(Refusal::Held(_)) => return Err(Refusal::Stale),
                Err(refusal) => return Err(refusal),
            }
            let [Edit::Hold(hold)] = edits else { unreachable!("a hold stays a hold") };
            Ok((hold.base, name.filter(|_| opening.atomic), node, purse, opened))
        })
        .map(|(base, name, node, spare, opened)| {
            #[cfg(arcfs_loom)]
            let base = earlier.or(base);
            Held { turn, base, name, node, spare, growth: opening.growth, opened }
        })
        .map_err(|refusal| self.busy_at_once(refusal))
    }

    /// Ends a hold without publishing anything. Runs no code of the user's, not even the clock's,
    /// so that it can be done while something of theirs panics.
    pub fn end_hold(&self, path: &Arc<str>) {
        let (path, now) = (Arc::clone(path), Timestamp::default());
        let end = Edit::Release { path, name: None, publish: None, keep: false, now };
        let ended = self.change(end);
        debug_assert!(ended.is_ok(), "nothing can be in the way of the end of a hold: {ended:?}");
    }

    /// Publishes a version of a held file, ends the hold, or both; gives what is known of a version
    /// that was published.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the sum of all files would be too large; nothing else can be in the way.
    pub fn release(
        &self,
        path: &Arc<str>,
        publish: Option<NewFile>,
        name: Option<PaidName>,
        keep: bool,
    ) -> Result<Option<Metadata>> {
        #[cfg(arcfs_loom)]
        if broken!(ReleaseInTwoRoots)
            && !keep
            && let Some(file) = publish
        {
            let (path, now) = (Arc::clone(path), self.now());
            let put = Edit::Put { path: (*path).into(), name, file, rule: PutRule::Write, now };
            self.change(Edit::Release { path, name: None, publish: None, keep, now })?;
            self.change(put)?;
            return Ok(None);
        }
        // Clocks are foreign code and may panic; letting go asks none, and so cannot fail.
        let now = if publish.is_some() { self.now() } else { Timestamp::default() };
        let mut edits = [Edit::Release { path: Arc::clone(path), name, publish, keep, now }];
        let version = self.at_once(self.settle(|lane| lane.commit(&mut edits)))?;
        let [Edit::Release { publish, .. }] = &edits else { unreachable!("a release stays a release") };
        Ok(publish.as_ref().map(|file| Metadata::of_new(file, version)))
    }

    /// What can be said before the lock is waited for: existence, kind, node limit. The content of
    /// the file, if it exists.
    fn look_at_opening(
        &self,
        root: &Root,
        path: &str,
        opening: &Opening,
    ) -> Result<Option<Content>, Refusal> {
        let old = match self.slot_in(root, path)? {
            Some(NodeRef::Dir(_)) => return Err(Error::at(ErrorKind::IsADirectory, path).into()),
            Some(NodeRef::File(_)) if opening.create == Create::New => {
                return Err(Error::at(ErrorKind::AlreadyExists, path).into());
            }
            Some(NodeRef::File(file)) => Some(file.content.clone()),
            None if opening.create == Create::Never => {
                return Err(Error::at(ErrorKind::NotFound, path).into());
            }
            None => None,
        };
        let promised = old.is_none() && root.holds.at(path).is_some();
        self.look(root, u64::from(old.is_none() && !promised), &[])?;
        Ok(old)
    }
}
