//! Transactions: many calls that take effect at one instant, or not at all.
//!
//! A transaction runs its closure on a private root, which starts as the root that was published
//! when the run began, the *base*. It keeps the edits that it made and notes what it read of the
//! base. Its commit hands over both as one list, expectations first: they are checked, and the
//! edits applied again, on the exact root that is replaced. Where an expectation fails, the
//! closure runs again on a new base.
//!
//! | module | what |
//! |---|---|
//! | `private` | the private root and the edits that lead to it |
//! | `origin` | which path of the base a path of the private root still shows |
//! | `reads` | what was read of the base |
//! | `read`, `write` | the calls |
//!
//! # What counts as read
//!
//! An expectation concerns the base, never what the transaction made itself. So every look at a
//! path first follows the path back to its origin in the base, and is noted there; what has no
//! origin is the transaction's own and cannot conflict. Each call notes:
//!
//! * every path that it names, whatever it does there and whether it succeeds or not: the file that
//!   stands there, or that a directory does. Where nothing does, the deepest directory on the way
//!   and the absence of the name after it, or the file that is in the way. A write is a read too,
//!   so files that were built with the times and generation of what they replace can be published
//!   as they are;
//! * `metadata` of a directory: its times as well; `read_dir`: its entries with their metadata, and
//!   of an entry that was moved there the node at its origin; `walk`, `usage` and the source of
//!   `copy_dir_all`: everything below, and below the origin of all that was moved there; `glob`:
//!   the directories that it listed and the names that it looked up, or if those are many,
//!   everything below the first;
//! * what decided an error beyond that: the entries of a directory that is not empty, everything
//!   below one that would become too deep.
//!
//! This is more than was seen in places (the entries that the transaction replaced before it
//! listed them, for one), never less. A move notes no more of a directory than that it is one:
//! what is below travels along, whatever it is by then. Answers about limits, quota and locks are
//! not noted: they are true at their own instant.
//!
//! When all expectations hold, each edit finds at its paths what it found on the private root. What
//! it may still meet is in parts that were not read, such as a new file in a directory that is to
//! be removed; then the run is repeated, and the closure gets the answer.

mod origin;
mod private;
mod read;
mod reads;
mod write;

use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use self::private::Private;
use self::reads::{Reads, What};
use crate::error::{Error, ErrorKind, Result};
use crate::path;
use crate::sync::{Deadline, Moment};
use crate::tree::examine::Refusal;
use crate::tree::fork::{Base, Fork};
use crate::tree::held::Tree;
use crate::tree::lookup::find_deepest;
use crate::tree::node::NodeRef;
use crate::tree::root::Root;
use crate::volume::Volume;

/// Many calls that take effect at one instant, or not at all. See
/// [`MemFs::transaction`](crate::MemFs::transaction).
///
/// Its calls are those of [`MemFs`](crate::MemFs), with the same errors. They see one root, that
/// of the instant at which this run of the closure began, and what the transaction itself has
/// changed. None of them waits: where a path is open under a lock, or one below it, changing it is
/// `Busy` at once. A call that fails changes nothing, and the transaction can go on.
///
/// New bytes are charged when they are written, so what a transaction publishes needs room beside
/// what it replaces, which comes back when the transaction ends.
///
/// The `version` in the metadata of what the transaction itself has changed is provisional: above
/// every published one and never given twice, but not the one that it will be published under.
///
/// ```
/// use arcfs::{MemFs, Transaction};
///
/// fn publish(tx: &mut Transaction) -> arcfs::Result<usize> {
///     tx.remove_dir_all("/live")?;
///     tx.rename("/staging", "/live")?;
///     tx.create_dir("/staging")?;
///     Ok(tx.glob("/live/**")?.len())
/// }
///
/// let fs = MemFs::new();
/// fs.import_tree([("/live/a", "1"), ("/staging/a", "2"), ("/staging/b", "3")])?;
/// let before = fs.version();
/// assert_eq!(fs.transaction(publish)?, 2);
/// assert_eq!(fs.read_to_string("/live/a")?, "2");
/// assert_eq!(fs.version(), before + 1); // one publication
/// # Ok::<(), arcfs::Error>(())
/// ```
pub struct Transaction {
    volume: Arc<Volume>,
    base: Base,
    private: Private,
    reads: RefCell<Reads>,
}

impl Transaction {
    /// Runs `body` until what it did can be published. The task that does the same is in
    /// `asynchronous`.
    pub(crate) fn run<T>(
        volume: &Arc<Volume>,
        mut body: impl FnMut(&mut Transaction) -> Result<T>,
    ) -> Result<T> {
        let runs = Runs::begin(volume);
        loop {
            if let Some(value) = runs.once(volume, &mut body)? {
                return Ok(value);
            }
        }
    }

    fn begin(volume: &Arc<Volume>) -> Self {
        let base = volume.base();
        Self {
            volume: Arc::clone(volume),
            private: Private::new(volume, Fork::of(&base)),
            base,
            reads: RefCell::default(),
        }
    }

    /// Publishes what was done, if what was read is as it was.
    ///
    /// # Errors
    ///
    /// [`Refusal::Stale`] if it is not; a held path; an error where the limits do not allow it.
    fn commit(self) -> Result<(), Refusal> {
        let Self { volume, base, private, reads } = self;
        let Private { edits: changes, fork, .. } = private;
        if changes.is_empty() {
            return Ok(()); // it read one root, and was true of it
        }
        // From here on nothing but the expectations keeps old nodes alive.
        drop(fork);
        let mut edits = reads.into_inner().expectations(base.tree());
        drop(base);
        edits.extend(changes);
        match volume.commit_once(&mut edits) {
            Ok(_) => Ok(()),
            Err(Refusal::Failed(error)) => match error.kind() {
                // Sums and numbers: they depend on all there is, and are no part of what was read.
                ErrorKind::NodeLimit { .. } | ErrorKind::InvalidInput => {
                    Err(Refusal::Failed(error.during("transaction")))
                }
                _ => Err(Refusal::Stale),
            },
            Err(refusal) => Err(refusal),
        }
    }

    /// The root as the transaction sees it.
    fn root(&self) -> impl Deref<Target = Root> + '_ {
        self.private.fork.root()
    }

    /// The tree as the transaction sees it, held.
    fn tree(&self) -> Tree {
        self.private.fork.tree()
    }

    /// Notes a look at the node that stands at a normalised path, or at what keeps it from
    /// standing there.
    fn note(&self, path: &str, what: What) {
        let root = self.root();
        let (found, rest) = find_deepest(&root.tree, path);
        let Some(missing) = path::components(rest).next() else { return self.note_slot(path, what) };
        let there = path.len() - rest.len();
        self.note_slot(if there == 0 { "/" } else { &path[..there] }, What::Node);
        if let NodeRef::Dir(_) = found {
            self.note_slot(&path[..there + 1 + missing.len()], What::Node);
        }
    }

    /// Notes a look at what is at a path, where that stems from the base.
    fn note_slot(&self, path: &str, what: What) {
        let (origins, mut reads) = (&self.private.origins, self.reads.borrow_mut());
        if let Some(origin) = origins.of(path) {
            reads.note(&origin, what);
        } else if path == "/" && what == What::Meta {
            reads.note("/", what); // the root's times outlive its entries
        }
        match what {
            What::Node | What::Meta => {}
            What::Listing => {
                let entry = |below: &str| path::split_last(below).is_some_and(|(parent, _)| parent == path);
                origins
                    .brought_below(path)
                    .filter(|(below, _)| entry(below))
                    .for_each(|(_, origin)| reads.note(origin, What::Meta));
            }
            What::Subtree => {
                origins.brought_below(path).for_each(|(_, origin)| reads.note(origin, What::Subtree));
            }
        }
    }
}

/// The runs of one closure, and when it is too late for another.
pub(crate) struct Runs {
    started: Moment,
    deadline: Deadline,
}

impl Runs {
    /// The first comes now.
    pub(crate) fn begin(volume: &Volume) -> Self {
        Self { started: Moment::now(), deadline: Deadline::after(volume.config.lock_timeout) }
    }

    /// Runs `body` and publishes what it did. `None`: something that it read has changed, and it
    /// is to run again.
    pub(crate) fn once<T>(
        &self,
        volume: &Arc<Volume>,
        body: impl FnOnce(&mut Transaction) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut transaction = Transaction::begin(volume);
        let outcome = match body(&mut transaction) {
            Ok(value) => transaction.commit().map(|()| value),
            Err(error) => {
                drop(transaction);
                Err(Refusal::Failed(error))
            }
        };
        volume.resources.graves.sweep(); // what waited for this run to let go of it
        match outcome {
            Ok(value) => Ok(Some(value)),
            Err(Refusal::Failed(error)) => Err(error),
            Err(Refusal::Held(path)) => Err(volume.busy(&path).during("transaction")),
            Err(Refusal::Stale) if self.deadline.has_passed() => {
                let error = Error::new(ErrorKind::Busy { waited: self.started.elapsed() });
                let why = "each time it had run, something that it had read was changed already";
                Err(error.during("transaction").because(why))
            }
            Err(Refusal::Stale) => Ok(None),
        }
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field("base", &self.base.version())
            .field("edits", &self.private.edits.len())
            .field("tree", &self.tree())
            .finish_non_exhaustive()
    }
}
