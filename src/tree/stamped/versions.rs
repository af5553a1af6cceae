//! All versions of one filesystem: the published root, the store behind it, and who holds what.
//!
//! * **V1** The root that the cell publishes, and the directories that it leads to, are of the store's last
//!   published version. Only [`Turn::commit`] publishes, and it has the lock.
//! * **V2** A root object is freed as its version's objects are: once no reader can have it.
//! * **V3** What freed objects leave behind is disposed of after the lock is released.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::mem::MaybeUninit;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{MutexGuard, RwLock};

use super::apply::{Next, Work};
use super::new::absorb;
use super::node::{Dir, Objects, Remains, make_dir};
use super::tree::Tree;
use crate::charge::Account;
use crate::error::{Error, ErrorKind};
use crate::root::commit_lock::CommitLock;
use crate::root::left::Left;
use crate::root::lengths::Sampler;
use crate::root::readers::lines;
use crate::root::version_cell::{Pin, VersionCell, Versioned};
use crate::slowed;
use crate::tree::edit::Edit;
use crate::tree::examine::Refusal;
use crate::tree::holds::Holds;
use crate::tree::meta::Timestamp;
use crate::tree::root::Limits;
use crate::tree::versioned::{Announced, OutOfMemory, Store, Value};
use crate::usage::CommitLengths;

/// Objects that commits may leave to be freed later where there are readers, so that looking for them is
/// shared by some.
const LATER: usize = 64;
/// Threads whose announcements each commit can look at.
const FEW_LINES: usize = 8;
/// Bytes of files for which readers are looked for at once.
const HEAVY: u64 = 256 << 10;
/// For so many readers, one after the other, a charge waits that is about to be refused.
const READERS: usize = 16;
/// How long it waits for them.
const READERS_LEAVE: Duration = Duration::from_millis(100);
/// Objects that are freed in one go before the lock is passed on.
const SLICE: usize = 1024;

/// One state of a filesystem. Immutable once published.
#[derive(Debug)]
pub struct Root {
    /// All names, bytes and metadata.
    pub tree: DirRef,
    /// The paths open under a lock.
    pub holds: Holds,
    /// Grows with each publication.
    pub version: u64,
    /// The version in the store's own count.
    pub(super) birth: u64,
}

/// The root directory of a [`Root`].
#[derive(Clone, Copy)]
pub struct DirRef(pub(super) NonNull<Dir>);

// SAFETY: who has a root can only read what it leads to.
unsafe impl Send for DirRef {}
// SAFETY: as above.
unsafe impl Sync for DirRef {}

impl Deref for DirRef {
    type Target = Dir;

    #[inline]
    fn deref(&self) -> &Dir {
        // SAFETY: a root is lent only while its version is pinned, held or under construction.
        unsafe { self.0.as_ref() }
    }
}

impl fmt::Debug for DirRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl Root {
    /// Files and directories, the root directory and files promised by holds included.
    #[must_use]
    pub fn nodes(&self) -> u64 {
        1 + self.tree.totals.nodes() + self.holds.reserved_nodes()
    }
}

impl Versioned for Root {
    #[expect(
        clippy::misnamed_getters,
        reason = "the version that the store counts, not the one that users see"
    )]
    fn version(&self) -> u64 {
        self.birth
    }
}

/// The root published last, alive while this is.
pub type RootGuard<'a> = Pin<'a, Root>;

/// All versions of one filesystem.
pub struct Versions {
    cell: VersionCell<Root>,
    state: CommitLock<State>,
    /// Entries that wait to be freed, as of the last commit or sweep. It spares a lock where there is nothing to
    /// do. Ordering: a store releases and `sweep` acquires, for `disposing`; growth publishes nothing.
    pending: AtomicUsize,
    /// The versions of handles that are gone.
    left: Left,
    /// Held, shared, by whoever disposes of what was freed and has let go of the commit lock: so who is about to
    /// be refused can wait for what is coming back.
    disposing: RwLock<()>,
    /// How long turns take.
    lengths: Sampler,
    /// Who is paid back.
    paid: Payment,
    /// The version that a fork grew from, which it reads and never frees.
    _base: Option<Tree>,
}

/// Whom objects owe what they are charged.
#[derive(Debug)]
pub struct Payment {
    /// `None` where nobody is owed anything: a private version of a transaction, whose edits keep the receipts.
    pub account: Option<Arc<Account>>,
    /// What each chunk, and each long name, is charged beside its bytes.
    pub chunk_overhead: u64,
}

/// What the holder of the commit lock owns.
struct State {
    store: Store<Objects>,
    /// Roots that were replaced, with the version that did (V2).
    roots: VecDeque<(NonNull<Root>, u64)>,
    /// Room for the next root: one that was freed.
    spare: Option<Box<MaybeUninit<Root>>>,
    /// Objects that wait before readers are looked for: 1 while there are none.
    patience: usize,
    /// Room for announcements.
    announced: Vec<(u64, bool)>,
    readers: Vec<Announced>,
}

// SAFETY: the roots are this state's own.
unsafe impl Send for State {}

/// The turn to commit; nobody else commits while it is held.
pub struct Turn<'a> {
    versions: &'a Versions,
    /// `None` only while it is dropped.
    state: Option<MutexGuard<'a, State>>,
    /// Bytes of the files that died in this turn.
    heavy: u64,
    /// Whether code of users may run in it.
    is_long: bool,
    /// When it began, if it is timed.
    since: Option<Instant>,
}

/// One state of a filesystem, held.
#[derive(Debug, Clone)]
pub struct Base {
    /// Its tree.
    pub(super) tree: Tree,
    /// Its version.
    pub(super) version: u64,
    /// The paths that were open.
    pub(super) holds: Holds,
}

impl Base {
    /// Its tree.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }
}

thread_local! {
    /// The filesystem, by address, whose turn this thread has, and the state at which it got it: what
    /// it asks meanwhile must not wait for itself.
    static TURN: RefCell<Option<(usize, Base)>> = const { RefCell::new(None) };
}

impl fmt::Debug for Turn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").finish_non_exhaustive()
    }
}

impl Versions {
    /// An empty filesystem, whose root directory is of `now`.
    ///
    /// # Errors
    ///
    /// `AllocationFailed`.
    pub fn empty(now: Timestamp, version: u64, paid: Payment) -> Result<Arc<Self>, Error> {
        let mut store = Store::new(0);
        store.name_overhead = paid.chunk_overhead;
        let tree = make_dir(store.arena_mut(), 1, 0, now, None).map_err(no_memory)?;
        // SAFETY: nothing was published before. What is born in version 0 would be somebody else's.
        unsafe { store.commit() };
        Ok(Self::start(store, tree, (version, Holds::default()), paid, None))
    }

    /// A filesystem that starts with `base`, shares what that has, and owns what it adds. Its first
    /// publication is the one after `version`.
    #[must_use]
    pub fn fork(base: &Tree, version: u64, holds: Holds, paid: Payment) -> Arc<Self> {
        let mut store = Store::new(base.number());
        store.name_overhead = paid.chunk_overhead;
        Self::start(store, base.root(), (version, holds), paid, Some(base.clone()))
    }

    /// A filesystem whose store has this as the root directory of its last published version.
    pub(super) fn start(
        store: Store<Objects>,
        tree: NonNull<Dir>,
        (version, holds): (u64, Holds),
        paid: Payment,
        base: Option<Tree>,
    ) -> Arc<Self> {
        let birth = store.version();
        let root = Root { tree: DirRef(tree), holds, version, birth };
        let root = NonNull::from(Box::leak(Box::new(root)));
        let state = State {
            store,
            roots: VecDeque::new(),
            spare: None,
            patience: 1,
            announced: Vec::new(),
            readers: Vec::new(),
        };
        Arc::new(Self {
            // SAFETY: the root is new, and freed as `publish` demands (V2).
            cell: unsafe { VersionCell::new(root, birth) },
            state: CommitLock::new(state),
            pending: AtomicUsize::new(0),
            left: Left::new(),
            disposing: RwLock::new(()),
            lengths: Sampler::new(),
            paid,
            _base: base,
        })
    }

    /// What each chunk, and each long name, is charged beside its bytes.
    pub(super) fn chunk_overhead(&self) -> u64 {
        self.paid.chunk_overhead
    }

    /// The root published last.
    #[inline]
    pub fn load(&self) -> RootGuard<'_> {
        self.cell.pin()
    }

    /// The state published last, held. Waits for the commit lock, unless this thread has the turn.
    ///
    /// # Panics
    ///
    /// If there is no memory left to note it.
    #[must_use]
    pub fn base(self: &Arc<Self>) -> Base {
        let mine = TURN.try_with(|turn| {
            let turn = turn.borrow();
            turn.as_ref().filter(|(of, _)| *of == self.address()).map(|(_, base)| base.clone())
        });
        match mine.ok().flatten() {
            Some(base) => base,
            None => self.hold(&mut self.state.lock()),
        }
    }

    /// How long turns took.
    pub fn lengths(&self) -> CommitLengths {
        self.lengths.get()
    }

    fn hold(self: &Arc<Self>, state: &mut State) -> Base {
        let number = state.store.take().expect("memory for a few words");
        // SAFETY: the published root is not freed while the lock is held (V1, V2).
        let root = unsafe { self.cell.root().as_ref() };
        debug_assert_eq!(root.birth, number);
        // SAFETY: the snapshot was just taken, of this root.
        let tree = unsafe { Tree::new(Arc::clone(self), root.tree.0, number) };
        Base { tree, version: root.version, holds: root.holds.clone() }
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Ends the snapshot of a handle. Waits for nobody: where somebody else has the lock, they or who
    /// comes next does the rest.
    ///
    /// # Safety
    ///
    /// The handle is not used any more.
    pub(super) unsafe fn let_go(&self, version: u64) {
        self.left.note(version);
        if let Some(state) = self.state.try_lock() {
            self.free_all(state);
        }
    }

    /// Ends the snapshots of handles that are gone.
    fn note_left(&self, state: &mut State) {
        for version in self.left.take() {
            // SAFETY: the handle is gone; nothing is under construction while the lock is free.
            unsafe { state.store.drop_snapshot(version) };
        }
    }

    /// Waits for the turn to commit, and keeps it until it is dropped.
    pub fn turn(self: &Arc<Self>) -> Turn<'_> {
        let mut turn = self.short_turn();
        let base = self.hold(turn.state.as_mut().expect("just taken"));
        // Where the variables of the thread are gone, code of users that runs in the turn is, too.
        let _ = TURN.try_with(|turn| turn.replace(Some((self.address(), base))));
        turn.is_long = true;
        turn
    }

    /// A turn in which no code of users runs.
    pub(super) fn short_turn(&self) -> Turn<'_> {
        let state = Some(self.state.lock());
        Turn { versions: self, state, heavy: 0, is_long: false, since: self.lengths.begin() }
    }

    /// The commit lock, for tests.
    #[cfg(test)]
    pub(super) fn lock(&self) -> impl Drop + '_ {
        self.state.lock()
    }

    /// Objects that are not freed, for tests.
    #[cfg(test)]
    pub(super) fn live_objects(&self) -> usize {
        self.state.lock().store.arena().objects()
    }

    /// Whether this thread has the turn.
    fn is_mine(&self) -> bool {
        let mine = |turn: &RefCell<Option<(usize, Base)>>| {
            turn.borrow().as_ref().is_some_and(|(of, _)| *of == self.address())
        };
        TURN.try_with(mine).unwrap_or(false)
    }

    /// As [`Turn::commit`], in a turn of its own; then frees what nobody needs any more.
    ///
    /// # Errors
    ///
    /// The refusal; nothing is then published.
    #[inline]
    pub fn commit(&self, edits: &mut [Edit], limits: &Limits, version: Option<u64>) -> Result<u64, Refusal> {
        self.short_turn().commit(edits, limits, version)
    }

    /// Frees what can be freed, and waits for who is at it. Returns whether there was anything to do.
    pub fn sweep(&self) -> bool {
        let is_idle = self.pending.load(Ordering::Acquire) == 0 && self.left.is_empty();
        let is_pending = !is_idle && !self.is_mine();
        if is_pending {
            self.free_all(self.state.lock());
        }
        let is_disposing = self.disposing.is_locked();
        if is_disposing {
            drop(self.disposing.write()); // of what is being disposed of now: who comes later waits for this
        }
        is_pending || is_disposing
    }

    /// As [`sweep`](Self::sweep), but where readers stand in the way, waits for those who are there, until so many
    /// bytes came back. Each is there for one look; but on a busy machine one may be stopped in it for a
    /// while, and the next one after it, so both the wait and its repeats have an end.
    pub fn sweep_behind_readers(&self, wanted: u64) -> bool {
        let used = || self.paid.account.as_ref().map_or(0, |account| account.used());
        let (before, start) = (used(), Instant::now());
        let mut swept = self.sweep();
        for _ in 0..READERS {
            let enough = before.saturating_sub(used()) >= wanted;
            if enough || self.pending.load(Ordering::Relaxed) == 0 || self.is_mine() {
                break;
            }
            let version = self.cell.version();
            while self.cell.low_watermark() < version && start.elapsed() < READERS_LEAVE {
                std::thread::yield_now();
            }
            swept |= self.sweep();
        }
        swept
    }

    /// Frees all that nobody needs, slice by slice, so that commits of others can come between.
    fn free_all<'a>(&'a self, mut state: MutexGuard<'a, State>) {
        loop {
            self.note_left(&mut state);
            let more = state.free(&self.cell, SLICE);
            if !more && state.pending() == 0 {
                state.store.shrink();
            }
            self.dispose(state);
            if !more {
                return;
            }
            state = self.state.lock();
        }
    }

    /// Notes what waits, lets go of the lock, then disposes of what was freed.
    #[inline]
    fn dispose(&self, mut state: MutexGuard<'_, State>) {
        let remains = std::mem::take(&mut state.store.remains);
        // Before the note: who sees that nothing waits any more sees that this is still to come back, too.
        let _disposing = (!remains.is_empty()).then(|| self.disposing.read());
        self.pending.store(state.pending(), Ordering::Release);
        drop(state);
        if !remains.is_empty() {
            self.settle(remains);
        }
    }

    fn settle(&self, remains: Remains) {
        let charged = remains.owed;
        drop(remains); // with receipts of chunks
        if let Some(account) = &self.paid.account {
            account.settle(charged);
        }
    }
}

impl Turn<'_> {
    /// The state published last, held.
    pub fn hold(&mut self, versions: &Arc<Versions>) -> Base {
        versions.hold(self.state.as_mut().expect("there until it is dropped"))
    }

    /// Applies all edits to the published root and publishes the result, or fails and leaves nothing
    /// behind. Its number is `version`, or the next one.
    ///
    /// # Errors
    ///
    /// The first edit's refusal. Every precondition is checked against the root as the edits before
    /// it left it.
    #[inline]
    pub fn commit(
        &mut self,
        edits: &mut [Edit],
        limits: &Limits,
        version: Option<u64>,
    ) -> Result<u64, Refusal> {
        let state = &mut **self.state.as_mut().expect("there until it is dropped");
        // SAFETY: the published root is not freed while the lock is held (V1, V2).
        let current = unsafe { self.versions.cell.root().as_ref() };
        let version = version.unwrap_or(current.version + 1);
        // SAFETY: the current root is that of the last published version of this store.
        let mut work = unsafe { Work::new(&mut state.store, current, version, limits) };
        for edit in edits.iter_mut() {
            work.step(edit)?; // dropping the work gives the version up
        }
        // What a restore brings back may exceed the limit, which then only stops growth.
        if !edits.iter().any(|edit| matches!(edit, Edit::Restore { .. })) {
            limits.admit_nodes(current.nodes(), work.root().nodes())?;
        }
        slowed::publication();
        work.prepare()?;
        state.roots.try_reserve(1).map_err(|_| no_memory(OutOfMemory))?;
        let Next { root, names, heavy, spent } = work.finish();
        self.heavy += heavy;
        let birth = root.birth;
        let room = state.spare.take().unwrap_or_else(Box::new_uninit);
        let root = NonNull::from(Box::leak(Box::write(room, root)));
        let old = self.versions.cell.root();
        // SAFETY: the versions grow under the lock; the new root and all that it leads to stay until nobody
        // can read them (V2 and the rules of the store). The version is published.
        unsafe {
            self.versions.cell.publish(root, birth);
            state.store.commit();
        }
        state.roots.push_back((old, birth));
        if self.versions.paid.account.is_some() {
            absorb(edits, names, spent);
        }
        Ok(version)
    }
}

/// Ends the turn, and frees what nobody needs any more if that is much.
impl Drop for Turn<'_> {
    #[inline]
    fn drop(&mut self) {
        let Some(mut state) = self.state.take() else { return };
        let (versions, heavy) = (self.versions, self.heavy);
        if self.is_long {
            drop(TURN.try_with(RefCell::take));
        }
        if !versions.left.is_empty() {
            versions.note_left(&mut state);
        }
        // A transaction's own versions give their bytes back at once: nobody else asks for them.
        let is_much = versions.paid.account.is_none()
            || state.pending() >= state.patience
            || heavy >= HEAVY
            || state.store.has_subtrees();
        let more = is_much && state.free(&versions.cell, 2 * LATER);
        versions.lengths.end(self.since);
        if more {
            return versions.free_all(state);
        }
        versions.dispose(state);
    }
}

impl State {
    fn pending(&self) -> usize {
        self.store.pending()
    }

    /// Frees up to so many objects that nobody needs; returns whether there is more that could be freed.
    fn free(&mut self, cell: &VersionCell<Root>, budget: usize) -> bool {
        let Self { store, roots, spare, patience, announced, readers } = self;
        announced.clear();
        let until = cell.announcements(announced);
        debug_assert_eq!(until, store.version(), "who frees has the lock");
        *patience = if announced.is_empty() && lines() <= FEW_LINES { 1 } else { LATER };
        readers.clear();
        readers.extend(announced.iter().map(|&(version, exact)| Announced { version, exact }));
        let oldest = announced.iter().map(|(version, _)| *version).min().unwrap_or(until);
        while let Some((root, death)) = roots.front()
            && *death <= oldest
        {
            // SAFETY: no reader announced a version before its death, so nobody can have it (V2).
            unsafe {
                root.drop_in_place();
                *spare = Some(Box::from_raw(root.as_ptr().cast()));
            }
            roots.pop_front();
        }
        // SAFETY: these are all who read without a snapshot.
        unsafe { store.sweep(readers, budget) }
    }
}

impl Drop for Versions {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        let root = self.cell.root();
        for version in self.left.take() {
            // SAFETY: the handle is gone.
            unsafe { state.store.drop_snapshot(version) };
        }
        // SAFETY: nobody has the cell or a handle any more, so nobody reads anything.
        let remains = unsafe {
            for (root, _) in state.roots.drain(..) {
                drop(Box::from_raw(root.as_ptr()));
            }
            let root = Box::from_raw(root.as_ptr());
            let store = std::mem::replace(&mut state.store, Store::new(0));
            let (_arena, remains) = store.end(Some(Value::directory(root.tree.0)));
            remains
        };
        self.settle(remains);
    }
}

impl fmt::Debug for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Versions").field("version", &self.cell.version()).finish_non_exhaustive()
    }
}

/// That there was no memory for nodes, as an error of users.
#[cold]
pub(super) fn no_memory(_: OutOfMemory) -> Error {
    Error::new(ErrorKind::AllocationFailed { requested: 0 }).because("no memory for the directory tree")
}

impl From<OutOfMemory> for Refusal {
    fn from(error: OutOfMemory) -> Self {
        Refusal::Failed(no_memory(error))
    }
}
