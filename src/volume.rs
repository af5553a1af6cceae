//! One filesystem as the operations see it: the published root, what growth costs, and the locks.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::charge::{Account, Charge};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::lock::Mode;
use crate::open_files::{OpenFiles, Turn, WaitError};
use crate::path;
#[cfg(arcfs_tree = "counted")]
use crate::quota::Relief;
use crate::quota::{NodeLimit, Quota};
use crate::root::{Graves, Publisher, RootGuard, Seed, SerialTurn, Version};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Deadline, broken, thread_local_const, yield_now};
use crate::tree::edit::Edit;
use crate::tree::examine::Refusal;
use crate::tree::fork::Base;
use crate::tree::held::Tree;
use crate::tree::meta::Timestamp;
use crate::tree::name::{INLINE, Name};
use crate::tree::node::PaidName;
use crate::tree::root::{Limits, Root};
use crate::usage::CommitLengths;

/// How new files are laid out, and whether that may change. See [`MemFsBuilder::storage`].
///
/// [`MemFsBuilder::storage`]: crate::MemFsBuilder::storage
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Storage {
    /// Grows by appending; becomes random-access when a write lands anywhere but the end.
    #[default]
    Auto,
    /// Grows by appending; a write anywhere but the end is `Unsupported`.
    Sequential,
    /// Random-access from the start.
    RandomAccess,
}

/// What a filesystem was built with and keeps for its life.
#[derive(Debug, Clone)]
pub struct Config {
    /// How new files are laid out.
    pub storage: Storage,
    /// A file larger than this does not become random-access.
    pub promotion_limit: u64,
    /// Charged per chunk on top of its bytes.
    pub chunk_overhead: u64,
    /// Charged per version of a file and per directory.
    pub node_overhead: u64,
    /// How long a call waits for a lock; `None` for ever.
    pub lock_timeout: Option<Duration>,
    /// Components of a path at most.
    pub max_depth: usize,
}

/// A number of things that exist now.
///
/// Ordering: relaxed. A count for people; nothing is published by it or decided on it.
#[derive(Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// The number now.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// There are `n` more.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// There are `n` fewer.
    pub fn sub(&self, n: u64) {
        self.0.fetch_sub(n, Ordering::Relaxed);
    }
}

impl fmt::Debug for Gauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.get())
    }
}

/// What outlives the filesystem as long as a snapshot or an iterator needs it: everything that
/// belongs to its memory and nothing that belongs to its names. Also its identity.
#[derive(Debug)]
pub struct Resources {
    /// The byte quota.
    pub quota: Quota,
    /// The node limit.
    pub nodes: NodeLimit,
    /// Large trees that wait for their last reader.
    pub graves: Graves,
    /// Where times come from.
    pub clock: Arc<dyn Clock>,
    /// Snapshots alive.
    pub snapshots: Gauge,
    /// Handles open.
    pub handles: Gauge,
    /// Bytes charged for what only open drafts hold.
    pub drafts: Gauge,
}

#[cfg(arcfs_tree = "counted")]
impl Relief for Graves {
    fn relieve(&self, _wanted: u64) -> bool {
        self.sweep()
    }
}

/// One filesystem.
#[derive(Debug)]
pub struct Volume {
    publisher: Publisher,
    /// Provisional versions given so far. Ordering: relaxed; only that no number comes twice.
    provisional: AtomicU64,
    /// What it shares with its snapshots.
    pub resources: Arc<Resources>,
    /// The queues of those who want to open a file under a lock.
    pub open_files: OpenFiles,
    /// What it was built with.
    pub config: Config,
}

/// Where provisional versions begin; so many publications there never are.
pub const PROVISIONAL: u64 = 1 << 62;

/// How often an operation plans on a loaded root and finds it replaced, before it stops the
/// commits of others for one attempt.
const OPTIMISTIC_ATTEMPTS: usize = 8;

thread_local_const! {
    /// The volume, by address, whose commits this thread keeps waiting; 0 for none.
    static ALONE: Cell<usize> = Cell::new(0)
}

/// This thread keeps the commits of all others waiting. What it asks meanwhile (the clock, the
/// memory source) is the user's, and may not publish in the same filesystem: it would wait for
/// itself.
struct Alone;

impl Alone {
    fn on(volume: &Volume) -> Self {
        ALONE.with(|alone| alone.set(std::ptr::from_ref(volume).addr()));
        Self
    }

    fn is_on(volume: &Volume) -> bool {
        ALONE.with(|alone| alone.get() == std::ptr::from_ref(volume).addr())
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        ALONE.with(|alone| alone.set(0));
    }
}

#[cold]
fn called_back() -> Error {
    Error::new(ErrorKind::Unsupported)
        .because("a clock or memory source changes the filesystem that asked it")
}

/// The way to publish: beside the commits of others, or with those stopped.
pub struct Lane<'a> {
    volume: &'a Volume,
    turn: Option<std::cell::RefCell<SerialTurn<'a>>>,
}

impl Lane<'_> {
    /// The root published last; not to be kept.
    pub fn load(&self) -> RootGuard<'_> {
        self.volume.load()
    }

    /// The tree published last, held, and its version.
    pub fn held(&self) -> (Tree, Version) {
        match &self.turn {
            None => self.volume.held(),
            Some(turn) => self.volume.publisher.held_in_turn(&mut turn.borrow_mut()),
        }
    }

    /// Publishes `edits`, all or none.
    ///
    /// # Errors
    ///
    /// The refusal; nothing is then published.
    pub fn commit(&self, edits: &mut [Edit]) -> Result<Version, Refusal> {
        let (volume, limits) = (self.volume, self.volume.limits());
        match &self.turn {
            None if Alone::is_on(volume) => Err(Refusal::Failed(called_back())),
            None => volume.publisher.commit(edits, &limits, &volume.resources.graves),
            Some(turn) => volume.publisher.commit_in_turn(
                &mut turn.borrow_mut(),
                edits,
                &limits,
                &volume.resources.graves,
            ),
        }
    }

    /// Whether the commits of others wait, so that what was planned on cannot have been replaced.
    pub fn is_alone(&self) -> bool {
        self.turn.is_some()
    }
}

impl Volume {
    /// A filesystem that starts with what `seed` has.
    #[must_use]
    pub fn new(seed: Seed, resources: Resources, config: Config) -> Self {
        Self {
            publisher: Publisher::new(seed),
            provisional: AtomicU64::new(0),
            resources: Arc::new(resources),
            open_files: OpenFiles::new(),
            config,
        }
    }

    /// The root published last; not to be kept.
    #[inline]
    pub fn load(&self) -> RootGuard<'_> {
        self.publisher.load()
    }

    /// The tree published last, held.
    pub fn tree(&self) -> Tree {
        self.held().0
    }

    /// The tree published last, held, and its version.
    #[inline]
    pub fn held(&self) -> (Tree, Version) {
        self.publisher.held()
    }

    /// How long commits held the lock, as far as that is measured.
    pub fn commit_lengths(&self) -> CommitLengths {
        self.publisher.lengths()
    }

    /// The state published last, held.
    pub fn base(&self) -> Base {
        self.publisher.base()
    }

    /// The account that everything here is charged to.
    pub fn account(&self) -> &Arc<Account> {
        self.resources.quota.account()
    }

    /// The limits now.
    pub fn limits(&self) -> Limits {
        Limits {
            max_nodes: self.resources.nodes.get(),
            max_depth: self.config.max_depth,
            chunk_overhead: self.config.chunk_overhead,
        }
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.resources.clock.now().into()
    }

    /// Reserves bytes; the choke point of all growth.
    ///
    /// # Errors
    ///
    /// `QuotaExceeded`, `MemoryGuard`.
    pub fn reserve(&self, bytes: u64) -> Result<Charge> {
        self.resources.quota.reserve(bytes, &self.resources.graves)
    }

    /// Normalises a path.
    ///
    /// # Errors
    ///
    /// `InvalidPath`.
    #[inline]
    pub fn normalize<'p>(&self, path: &'p str) -> Result<Cow<'p, str>> {
        path::normalize(path, self.config.max_depth)
    }

    /// What the name at the end of `path` is charged.
    pub fn name_cost(&self, path: &str) -> u64 {
        path::split_last(path).map_or(0, |(_, name)| Name::cost(name, self.config.chunk_overhead))
    }

    /// The name at the end of `path`, paid from `purse`, if it is one that must be paid for.
    pub fn long_name(&self, path: &str, purse: &mut Charge) -> Option<PaidName> {
        let (_, text) = path::split_last(path)?;
        self.paid_name(text, purse)
    }

    /// As [`long_name`](Self::long_name), of a name alone.
    pub fn paid_name(&self, text: &str, purse: &mut Charge) -> Option<PaidName> {
        let cost = Name::cost(text, self.config.chunk_overhead);
        (text.len() > INLINE).then(|| PaidName::new(text, purse.split(cost)))
    }

    /// Publishes `edits`, all or none, on the root that is published now. For whoever must not be
    /// repeated with the commits of others stopped, see [`settle`](Self::settle).
    ///
    /// # Errors
    ///
    /// The refusal; nothing is then published.
    pub fn commit_once(&self, edits: &mut [Edit]) -> Result<Version, Refusal> {
        Lane { volume: self, turn: None }.commit(edits)
    }

    /// A version for what a transaction has changed and not published: above every published one,
    /// and never given twice.
    pub fn provisional_version(&self) -> u64 {
        PROVISIONAL + self.provisional.fetch_add(1, Ordering::Relaxed)
    }

    /// Repeats an attempt as long as the root that it planned on is replaced before it commits;
    /// after a few times the commits of others wait for it, so that nobody starves. They then wait
    /// for all of it: reserving, copying payload, and asking the clock and the memory guard.
    ///
    /// # Errors
    ///
    /// The refusal that the attempt ended with; never [`Refusal::Stale`].
    pub fn settle<T>(&self, mut attempt: impl FnMut(&Lane<'_>) -> Result<T, Refusal>) -> Result<T, Refusal> {
        for _ in 0..OPTIMISTIC_ATTEMPTS {
            match attempt(&Lane { volume: self, turn: None }) {
                Err(Refusal::Stale) => {}
                settled => return settled,
            }
        }
        let turn = self.publisher.turn();
        let _alone = Alone::on(self);
        match attempt(&Lane { volume: self, turn: Some(turn.into()) }) {
            Err(Refusal::Stale) => unreachable!("nothing is replaced while others wait"),
            settled => settled,
        }
    }

    /// Waits for the fair lock of `path`, owning nothing else. The task that does the same is in
    /// `asynchronous`.
    ///
    /// # Errors
    ///
    /// Those of `look`; `Busy`, naming who holds the lock.
    pub fn wait_for(
        &self,
        path: &str,
        mode: Mode,
        timeout: Option<Duration>,
        look: impl Fn(&Root) -> Result<(), Refusal>,
    ) -> Result<Turn> {
        let deadline = Deadline::after(timeout);
        loop {
            match self.open_files.acquire(path, mode, &deadline) {
                Ok(turn) => return Ok(turn),
                Err(error) => self.unless_to_be_tried_again(path, timeout, error, &look)?,
            }
            yield_now();
        }
    }

    /// What it means that the lock of `path` was not had in time: an error, or nothing if who only
    /// tries shall try again.
    ///
    /// A zero timeout tries. Where the lock is taken but the root shows no hold, its owner is just
    /// leaving or just arriving: that is waited out, so that `Busy` always means somebody's hold.
    /// Two others are ahead and are not waited out, because they may be waiting for this very thread:
    /// whoever waits for the end of a shared hold that would admit another, and a task that was let in
    /// and has not run since.
    /// Errors that come before locks are looked for in the root that shows the hold.
    ///
    /// # Errors
    ///
    /// Those of `look`; `Busy`, naming who holds the lock.
    pub fn unless_to_be_tried_again(
        &self,
        path: &str,
        timeout: Option<Duration>,
        error: WaitError,
        look: &impl Fn(&Root) -> Result<(), Refusal>,
    ) -> Result<()> {
        let root = self.load();
        let only_tries = timeout == Some(Duration::ZERO) && !broken!(LeavingOwnerIsBusy);
        let passed_on = !broken!(TryWaitsForTasks) && self.open_files.is_given_to_a_task(path);
        if only_tries && root.holds.at(path).is_none() && !passed_on {
            return Ok(());
        }
        look(&root).map_err(|refusal| self.busy_at_once(refusal))?;
        let error = error.at(path);
        Err(if passed_on { error.because("it was handed to a task that has yet to run") } else { error })
    }

    /// The error that a refusal is to the user of an operation that does not wait.
    pub fn busy_at_once(&self, refusal: Refusal) -> Error {
        match refusal {
            Refusal::Failed(error) => error,
            Refusal::Held(path) => self.busy(&path),
            Refusal::Stale => unreachable!("settled"),
        }
    }

    /// `Busy` at `path`, without a wait.
    pub fn busy(&self, path: &str) -> Error {
        let error = Error::at(ErrorKind::Busy { waited: Duration::ZERO }, path);
        match self.open_files.describe(path) {
            Some(holder) => error.because(format!("{path:?} is open: {holder}")),
            None => error.because(format!("{path:?} is open under a lock")),
        }
    }
}
