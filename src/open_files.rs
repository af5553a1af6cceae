//! Who tries next: one fair lock for each path that somebody holds or waits for.
//!
//! This table decides only about the order of those who want the same file. It holds no truth about
//! the tree: whether a path is open is said by the root's holds alone, and whether it exists is
//! never asked here. A path that nobody uses has no entry.

use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::thread::Thread;
use std::time::Duration;

use crossbeam_utils::CachePadded;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use smallvec::SmallVec;

use crate::error::{Error, ErrorKind};
use crate::lock::{FairLock, HasLock, Mode, TimedOut};
use crate::sync::{Deadline, Moment, Mutex, broken, model_has_failed};

/// A power of two. A model needs one only, and needs every run to use the same.
const SHARDS: usize = if cfg!(arcfs_loom) { 1 } else { 16 };

/// Room for that many entries stays in an empty shard, so that opening and closing one file after
/// another allocates no table each time; more is given back.
const KEPT_CAPACITY: usize = 64;

/// The locks of the paths in use. Cloning it gives another handle to the same table.
#[derive(Clone)]
pub struct OpenFiles(Arc<Table>);

struct Table {
    shards: [CachePadded<Shard>; SHARDS],
    hasher: RandomState,
}

/// Protects which entries exist and how many use each. Locked for a look-up at a time, never while
/// anything is waited for.
///
/// A path is hashed once, when somebody joins; the hash is kept with what they hold.
type Shard = Mutex<HashTable<Seat>>;

/// Invariant: `users` is the number of [`Interest`]s in the entry, and above 0.
struct Seat {
    entry: Arc<Entry>,
    users: usize,
}

struct Entry {
    path: Arc<str>,
    hash: u64,
    lock: FairLock,
    /// Who holds the lock, for messages only: written after the lock was acquired and before it is
    /// released, so it may be a moment behind. Nothing is decided by it, therefore it is not part of
    /// the models.
    holders: parking_lot::Mutex<Holders>,
}

#[derive(Default)]
struct Holders {
    /// One, but for shared locks.
    list: SmallVec<[(HolderId, Holder); 1]>,
    next: HolderId,
}

type HolderId = u64;

impl OpenFiles {
    /// A table in which nothing is open.
    #[must_use]
    pub fn new() -> Self {
        let shards = std::array::from_fn(|_| CachePadded::new(Mutex::new(HashTable::new())));
        Self(Arc::new(Table { shards, hasher: RandomState::default() }))
    }

    /// Acquires the lock of `path` if it is free and nobody waits for it.
    #[must_use]
    pub fn try_acquire(&self, path: &str, mode: Mode) -> Option<Turn> {
        let interest = self.join(path);
        let acquired = interest.entry.lock.try_acquire(mode);
        acquired.then(|| Turn::begin(interest, mode))
    }

    /// Acquires the lock of `path`, waiting behind everybody who came before until the deadline
    /// passes; a deadline that has passed already only tries.
    ///
    /// The caller owns nothing else that others could wait for.
    ///
    /// # Errors
    ///
    /// [`WaitError`] if the deadline passed first.
    pub fn acquire(&self, path: &str, mode: Mode, deadline: &Deadline) -> Result<Turn, WaitError> {
        let interest = self.join(path);
        if interest.entry.lock.try_acquire(mode) {
            return Ok(Turn::begin(interest, mode));
        }
        let since = Moment::now();
        match interest.entry.lock.acquire(mode, deadline) {
            Ok(()) => Ok(Turn::begin(interest, mode)),
            Err(TimedOut) => Err(WaitError { waited: since.elapsed(), holder: interest.entry.holder() }),
        }
    }

    /// Whether the lock of `path` belongs to a task that was let in and has not run since.
    #[must_use]
    pub fn is_given_to_a_task(&self, path: &str) -> bool {
        self.0.entry(path).is_some_and(|entry| entry.lock.is_given_to_a_task())
    }

    /// Who holds the lock of `path` now: its writer, or one of its readers.
    #[must_use]
    pub fn describe(&self, path: &str) -> Option<Holder> {
        self.0.entry(path)?.holder()
    }

    /// How many paths are held or waited for.
    #[cfg(any(test, feature = "internals"))]
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    /// Whether no path is held or waited for.
    #[cfg(any(test, feature = "internals"))]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many wait for the lock of `path`.
    #[cfg(any(test, feature = "internals"))]
    #[must_use]
    pub fn waiting(&self, path: &str) -> usize {
        self.0.entry(path).map_or(0, |entry| entry.lock.waiting())
    }

    /// Finds or makes the entry of `path`, and counts the caller among its users.
    fn join(&self, path: &str) -> Interest {
        let hash = self.0.hasher.hash_one(path);
        let mut seats = self.0.shard(hash).lock();
        let entry = match seats.find_mut(hash, |seat| *seat.entry.path == *path) {
            Some(seat) => {
                seat.users += 1;
                Arc::clone(&seat.entry)
            }
            None => {
                let (lock, holders) = (FairLock::new(), parking_lot::Mutex::default());
                let entry = Arc::new(Entry { path: path.into(), hash, lock, holders });
                seats.insert_unique(hash, Seat { entry: Arc::clone(&entry), users: 1 }, Seat::hash);
                entry
            }
        };
        drop(seats);
        Interest { table: Arc::clone(&self.0), entry }
    }
}

impl Default for OpenFiles {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for OpenFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenFiles").finish_non_exhaustive()
    }
}

impl Seat {
    fn hash(&self) -> u64 {
        self.entry.hash
    }
}

impl Table {
    fn shard(&self, hash: u64) -> &Shard {
        &self.shards[hash as usize & (SHARDS - 1)]
    }

    /// The entry of `path`, if anybody uses it.
    fn entry(&self, path: &str) -> Option<Arc<Entry>> {
        let hash = self.hasher.hash_one(path);
        let seats = self.shard(hash).lock();
        seats.find(hash, |seat| *seat.entry.path == *path).map(|seat| Arc::clone(&seat.entry))
    }
}

impl Entry {
    fn holder(&self) -> Option<Holder> {
        self.holders.lock().list.first().map(|(_, holder)| holder.clone())
    }
}

/// One user of an entry: somebody who holds its lock, waits for it, or tries. The last one to go
/// takes the entry out of the table.
struct Interest {
    table: Arc<Table>,
    entry: Arc<Entry>,
}

impl HasLock for Interest {
    fn fair_lock(&self) -> &FairLock {
        &self.entry.lock
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        if model_has_failed() || broken!(OpenFilesKeepsEntry) {
            return;
        }
        let (path, hash) = (&*self.entry.path, self.entry.hash);
        let mut seats = self.table.shard(hash).lock();
        let Ok(mut seat) = seats.find_entry(hash, |seat| *seat.entry.path == *path) else { return };
        seat.get_mut().users -= 1;
        let unused = seat.get().users == 0 || broken!(OpenFilesForgetsUsers);
        let removed = unused.then(|| seat.remove().0);
        if seats.is_empty() && seats.capacity() > KEPT_CAPACITY {
            seats.shrink_to(KEPT_CAPACITY / 2, Seat::hash);
        }
        drop(seats);
        drop(removed); // frees memory, so after the shard is unlocked
    }
}

/// The lock of a path, held until this is dropped. Then it goes to whoever is next.
#[must_use = "dropping it releases the lock at once"]
pub struct Turn {
    mode: Mode,
    holder: HolderId,
    interest: Interest,
}

impl Turn {
    /// The lock has been acquired; says so in the table.
    fn begin(interest: Interest, mode: Mode) -> Self {
        let holder = {
            let mut holders = interest.entry.holders.lock();
            let id = holders.next;
            holders.next += 1;
            holders.list.push((id, Holder::current()));
            id
        };
        Self { mode, holder, interest }
    }

    /// The path whose lock this is.
    #[must_use]
    pub fn path(&self) -> &Arc<str> {
        &self.interest.entry.path
    }

    /// How the lock is held.
    #[cfg(any(test, feature = "internals"))]
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if model_has_failed() {
            return;
        }
        self.interest.entry.holders.lock().list.retain(|(id, _)| *id != self.holder);
        self.interest.entry.lock.release(self.mode);
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").field("path", self.path()).field("mode", &self.mode).finish_non_exhaustive()
    }
}

/// Who holds a lock, and since when. Displayed like `opened by thread "worker-3" 1.2s ago`, and in
/// a task of tokio like `opened by task 7 on thread "tokio-rt-worker" 1.2s ago`.
#[derive(Debug, Clone)]
pub struct Holder {
    thread: Thread,
    #[cfg(feature = "tokio")]
    task: Option<tokio::task::Id>,
    since: Moment,
}

impl Holder {
    /// Whoever calls this, now.
    fn current() -> Self {
        Self {
            thread: std::thread::current(),
            #[cfg(feature = "tokio")]
            task: tokio::task::try_id(),
            since: Moment::now(),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("opened by ")?;
        #[cfg(feature = "tokio")]
        if let Some(task) = self.task {
            write!(f, "task {task} on ")?;
        }
        match self.thread.name() {
            Some(name) => write!(f, "thread {name:?}")?,
            None => write!(f, "an unnamed thread, {:?},", self.thread.id())?,
        }
        write!(f, " {:.1?} ago", self.since.elapsed())
    }
}

/// A lock was not had in time.
#[derive(Debug, Clone)]
pub struct WaitError {
    /// How long the call waited.
    pub waited: Duration,
    /// Who held the lock when it gave up, if that was seen.
    pub holder: Option<Holder>,
}

impl WaitError {
    /// The error that a user sees.
    #[must_use]
    pub fn at(self, path: &str) -> Error {
        let error = Error::at(ErrorKind::Busy { waited: self.waited }, path);
        match self.holder {
            Some(holder) => error.because(holder.to_string()),
            None => error,
        }
    }
}

#[cfg(any(test, feature = "internals", feature = "tokio"))]
mod waiting;

#[cfg(any(test, feature = "internals"))]
pub use waiting::{Pending, Waiting};

#[cfg(all(test, not(arcfs_loom)))]
mod tests;
