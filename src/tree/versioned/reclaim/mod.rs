//! Who frees what, and when: objects by the versions that they live in.
//!
//! Versions are numbered; `v` is the last published one. All of this belongs to the holder of the commit lock.
//! I1 to I3 are kept by who edits: an object that is reachable from a published version is not written; its birth
//! is the version that it came into being with; it is reachable from version *w* if and only if *birth ≤ w <
//! death*, where its death is the version that replaced it. So a dead object is never linked again, and within
//! one version an object has one parent. The births of what is below an object are at most its own, so a subtree
//! can be judged by its top.
//!
//! * **I4** Snapshots are of versions up to `v`, each version once, in order. ([`Store::take`])
//! * **I5** An object that dies at *v + 1* is needed by a snapshot iff its birth is at most that of the newest
//!   one. One comparison. ([`Store::commit`])
//! * **I6** The list of the dead of snapshot *s* has the objects with *birth ≤ s < death* that died before the next
//!   newer snapshot was taken, whether that one is still there or not. When *s* is dropped, each of them
//!   goes to the newest snapshot *p < s* if its birth is at most *p*, and else nobody needs it.
//!   ([`Store::drop_snapshot`], `sweep`) So each dead object is in one place: the list of a snapshot, the list of
//!   one that is being dropped, the subtrees to be taken apart, the retired; or it is freed.
//! * **I8, I9** A retired object is freed iff no announced version could reach it: a reader that said exactly
//!   which version *e* it reads stands in the way iff *birth ≤ e < death*, one that did not iff its announcement is
//!   less than *death*. That announcements are seen in time is up to the root cell. (`sweep`)
//! * **I12** What leaves through a dropped snapshot gets the version of that moment for its death: no less than the
//!   true one, so no reader is overlooked.
//! * **I13** A version that is given up leaves nothing: what was born in it is freed, what it killed lives on.
//!   ([`Store::abort`])
//! * **I14** At the end everything that is left is freed. ([`Store::end`])
//! * **I15** What was born up to `floor` belongs to another store, whose snapshot `floor` is held as long as this
//!   one exists: it is neither listed nor freed.
//! * **I16** A subtree dies as one: an entry for its top, which is taken apart later, in slices. Where a snapshot
//!   needs the top, it needs all of it (the births below are less), so it stays one entry. Where not, each part is
//!   judged by itself, by the snapshots that are older than its death. (`sweep`)

mod fell;
mod queue;
mod snapshots;
mod sweep;

use std::fmt;
use std::ptr::NonNull;

use super::arena::{Arena, OutOfMemory};
use super::cx::Cx;
use super::dead::{Dead, Kind, Value};
use super::map::{Map, Node};
use super::name::NamePtr;
use super::planted::planted;
use queue::Queue;
use snapshots::{Dropped, Held};

/// Entries of a list that is kept for the next commits.
const ROOMY: usize = 1024;
/// Bytes without objects that are kept for the next ones.
const SPARE: usize = 512 << 10;

/// An object of the tree that a directory entry leads to.
///
/// # Safety
///
/// * Its first field, `repr(C)`, is its birth: the `u64` version that it was made in;
/// * it is in a block of the arena that [`free`](Self::free) gives back.
pub unsafe trait Object<R> {
    /// Gives its memory back, and what it owned to `remains`, for who wants to dispose of that elsewhere. Does
    /// not panic. What is below a directory is not touched.
    ///
    /// # Safety
    ///
    /// The object came from this arena, was not freed, and nobody uses it any more.
    unsafe fn free(this: NonNull<Self>, arena: &mut Arena, remains: &mut R);
}

/// An object with entries.
///
/// # Safety
///
/// As [`Object`]; all values of its entries are objects of the same store, or of the one it was forked from.
pub unsafe trait Directory<R>: Object<R> {
    /// Its entries.
    fn entries(&self) -> &Map;

    /// What lives as long as any version of the directory does: an object that all of them lead to.
    fn receipt(&self) -> Option<Value> {
        None
    }
}

/// The two sorts of objects that the values of maps lead to.
pub trait Kinds {
    /// A file.
    type File: Object<Self::Remains>;
    /// A directory.
    type Directory: Directory<Self::Remains>;
    /// Where freed objects leave what they owned.
    type Remains: Default;

    /// Notes that a name is freed that gives back what it was charged.
    fn name_freed(charged: u64, remains: &mut Self::Remains) {
        let _ = (charged, remains);
    }
}

/// A reader that may be reading right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announced {
    /// The version that it reads, or an older one.
    pub version: u64,
    /// Whether it is the very version.
    pub exact: bool,
}

/// Something to be judged: needed by the newest snapshot before `below` if born up to it, else retired.
#[derive(Debug, Clone, Copy)]
struct Work {
    object: Dead,
    below: u64,
    death: u64,
}

/// The memory of a tree and everything that decides when parts of it are free.
pub struct Store<K: Kinds> {
    arena: Arena,
    /// What freed objects left.
    pub remains: K::Remains,
    /// What long names are charged beside their bytes.
    pub name_overhead: u64,
    version: u64,
    floor: u64,
    /// What the version under construction killed.
    dead: Vec<Dead>,
    snapshots: Vec<Held>,
    dropped: Vec<Dropped>,
    work: Vec<Work>,
    retired: Queue,
    /// Length of the queue of the retired after it was last searched as a whole.
    searched: usize,
    #[cfg(test)]
    pub(super) freed: Vec<Dead>,
}

impl<K: Kinds> Store<K> {
    /// An empty store whose last published version is `floor`: 0, or the version of the snapshot that a fork grows
    /// from (I15).
    #[must_use]
    pub fn new(floor: u64) -> Self {
        Self {
            arena: Arena::new(),
            remains: K::Remains::default(),
            name_overhead: 0,
            version: floor,
            floor,
            dead: Vec::new(),
            snapshots: Vec::new(),
            dropped: Vec::new(),
            work: Vec::new(),
            retired: Queue::default(),
            searched: 0,
            #[cfg(test)]
            freed: Vec::new(),
        }
    }

    /// The last published version.
    #[must_use]
    #[inline]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// What was born up to this version belongs to another store.
    #[must_use]
    pub fn floor(&self) -> u64 {
        self.floor
    }

    /// The memory, to read its counters.
    #[must_use]
    pub fn arena(&self) -> &Arena {
        &self.arena
    }

    /// The memory, for new objects of the version under construction.
    #[inline]
    pub fn arena_mut(&mut self) -> &mut Arena {
        &mut self.arena
    }

    /// Entries that wait to be judged or freed; a subtree counts as one.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.retired.len() + self.work.len() + self.dropped.iter().map(Dropped::len).sum::<usize>()
    }

    /// Gives back what the lists took when they were long, and memory that no object is in any more.
    pub fn shrink(&mut self) {
        if self.retired.shrink(ROOMY) || self.work.capacity() > 2 * ROOMY {
            self.work.shrink_to(ROOMY);
            self.dead.shrink_to(ROOMY);
        }
        if self.arena.reserved() > 2 * self.arena.live() + SPARE {
            self.arena.trim();
        }
    }

    /// Whether something is to be taken apart or judged, which may be any number of objects.
    #[must_use]
    pub fn has_subtrees(&self) -> bool {
        !(self.work.is_empty() && self.dropped.is_empty())
    }

    /// The context for edits of the next version, which is under construction from here to
    /// [`commit`](Self::commit) or [`abort`](Self::abort); may be called again meanwhile.
    ///
    /// # Safety
    ///
    /// Every map that is edited with it is of the version under construction, which nobody else reads, and all
    /// that it reaches is of this store or was born up to [`floor`](Self::floor).
    #[inline]
    pub unsafe fn edit(&mut self) -> Cx<'_> {
        // SAFETY: what is born in the next version is known to who edits alone, and `dead` is freed when the rules
        // above allow it.
        let mut cx = unsafe { Cx::new(self.version + 1, self.floor, &mut self.arena, &mut self.dead) };
        cx.overhead = self.name_overhead;
        cx
    }

    /// Kills an object without what is below it: it was replaced by another one. What was born in the version under
    /// construction is freed at once.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`]; nothing has changed then.
    ///
    /// # Safety
    ///
    /// The version under construction did reach it, and does so no more; nor does the caller, if it was born in it.
    #[inline]
    pub unsafe fn kill(&mut self, value: Value) -> Result<(), OutOfMemory> {
        // SAFETY: as the caller warrants.
        unsafe { self.bury(value.alone()) }
    }

    /// Kills an object with everything that is below it, as one (I16). O(1).
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`]; nothing has changed then.
    ///
    /// # Safety
    ///
    /// As [`kill`](Self::kill), for everything below it, too.
    pub unsafe fn kill_whole(&mut self, value: Value) -> Result<(), OutOfMemory> {
        // SAFETY: as the caller warrants.
        unsafe { self.bury(value.whole()) }
    }

    /// Notes that an object died, or frees it where nobody else can know it.
    ///
    /// # Safety
    ///
    /// As [`kill`](Self::kill), or as [`kill_whole`](Self::kill_whole) where it stands for what is below it.
    unsafe fn bury(&mut self, object: Dead) -> Result<(), OutOfMemory> {
        self.dead.try_reserve(1)?;
        // SAFETY: as the caller warrants.
        unsafe {
            let birth = object.birth();
            if birth == self.version + 1 && object.kind() != Kind::Tree {
                self.free(object);
            } else if birth > self.floor || planted!(IgnoresFloor) {
                self.dead.push(object);
            }
        }
        Ok(())
    }

    /// Makes sure that [`commit`](Self::commit) will have room: the last moment to give up. With this done, a
    /// commit after the publication cannot fail.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`].
    #[inline]
    pub fn prepare(&mut self) -> Result<(), OutOfMemory> {
        let more = self.dead.len();
        self.retired.try_reserve(more)?;
        self.work.try_reserve(more)?;
        if let Some(newest) = self.snapshots.last_mut() {
            newest.dead.try_reserve(more)?;
        }
        Ok(())
    }

    /// Notes that the version under construction was published. Nothing is freed here. O(objects that died).
    ///
    /// # Safety
    ///
    /// It was: nobody who starts reading now reads an older version, but for snapshots.
    #[inline]
    pub unsafe fn commit(&mut self) {
        self.version += 1;
        let death = self.version;
        let mut newest = self.snapshots.last_mut();
        for object in self.dead.drain(..) {
            // SAFETY: what is in a list was not freed (I6).
            let birth = unsafe { object.birth() };
            match &mut newest {
                Some(newest) if birth <= newest.version && !planted!(CommitIgnoresNewest) => {
                    newest.dead.push(object);
                }
                _ if matches!(object.kind(), Kind::Nodes | Kind::Tree) => {
                    self.work.push(Work { object, below: death, death });
                }
                _ => self.retired.push(object, death),
            }
        }
    }

    /// Frees one object.
    ///
    /// # Safety
    ///
    /// It was not freed, and nobody uses it any more.
    unsafe fn free(&mut self, object: Dead) {
        #[cfg(test)]
        self.freed.push(object);
        // SAFETY: as the caller warrants; what is above the floor came from this arena (I15).
        unsafe {
            match object.kind() {
                Kind::Node | Kind::Nodes => Node::free(object.object(), &mut self.arena),
                Kind::Name => {
                    let name = NamePtr::from_raw(object.object());
                    if name.get().owes() {
                        K::name_freed(name.get().charged(), &mut self.remains);
                    }
                    name.free(&mut self.arena);
                }
                Kind::File => K::File::free(object.object(), &mut self.arena, &mut self.remains),
                Kind::Directory | Kind::Tree => {
                    K::Directory::free(object.object(), &mut self.arena, &mut self.remains);
                }
            }
        }
    }
}

impl<K: Kinds> fmt::Debug for Store<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("arena", &self.arena)
            .field("version", &self.version)
            .field("floor", &self.floor)
            .field("snapshots", &self.snapshots)
            .field("pending", &self.pending())
            .finish_non_exhaustive()
    }
}
