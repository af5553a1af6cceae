//! Who reads which version: announcements, so that whoever commits knows what may be freed.
//!
//! Each thread that reads has a *line*, 128 bytes of its own, with three *places*; each pin takes one of
//! them for as long as it lives. A place holds the *store* that is read (one for each
//! [`VersionCell`](super::VersionCell)) and the *announcement*: a version. So one line serves all
//! filesystems of a process, readers share no line that any of them writes, and pins of one thread
//! (nested, out of order, of one store or of several) have nothing to do with each other. A pin that
//! finds no place in its thread's line has a line of its own for as long as it lives: the fourth at a
//! time, and any that is taken when the thread's variables are gone already.
//!
//! | module | what |
//! |---|---|
//! | `place` | the words of one pin, and every ordering in which they are accessed |
//! | `registry` | all lines of the process; claiming, and looking at all |
//! | `seat` | the line of this thread, and a place for a pin |
//! | [`version_cell`](super::version_cell) | the published pointer; the only user of these |
//!
//! # The protocol
//!
//! ```text
//! reader                                          committer
//! P1  store := S                (release)         W   root    := r           (release)
//! P2  announced := coarse(n)    (release)             version := v           (release)
//! G   fence(SeqCst)                               F   fence(SeqCst)
//! P3  r := root                 (acquire)
//! P4  announced := exact(r)     (relaxed), or not K   count of lines         (acquire)
//! ... reads what r reaches ...                    A   announced              (acquire)
//! P5  announced := idle         (release)         B   store                  (acquire)
//!                                                     frees what nobody can read
//! ```
//!
//! `n` is any version that was published before P2. An announcement that is coarse says: this reader may
//! read any version from `n` on. An exact one says: it reads this version and no other. What may be
//! freed is `birth <= w < death` for no version `w` that a reader may read; `death` is at most the version
//! published when the committer fences.
//!
//! # Why nothing is freed under a reader
//!
//! * **R1 A place is one reader's.** A line is claimed by a read-modify-write that acquires what its last owner
//!   released by giving it back, and a place in it is taken only if it then reads idle, with acquire. So
//!   everything that was done in the place before happens before P1, the cycles of its readers follow each
//!   other in the order of both words, and that holds for a pin too that lives on without its thread.
//!   (Acquiring in the place alone is not enough: the idle word could be one from before the last reader.)
//! * **R2 Announced in time.** Take a cycle of a reader of S, and let A read a value that is older than its
//!   P2 in the order of the word. F happens before A, and P2 before G: so F comes before G in the order of
//!   the fences. If P3 read something older than W, then, since G happens before P3 and W before F, G would
//!   come before F. So P3 reads W or newer, and no object that is dead by now can be reached from there.
//! * **R3 Registered in time.** The same with K and the counting of the line in the place of A and P2: a line
//!   that K does not count belongs to a reader whose P3 comes later. A line that is counted can be found:
//!   its block is published by the release that counts it, or by an earlier one.
//! * **R4 The version is not ahead of the root.** A reader takes `n` from the cell with acquire, and `version`
//!   is written after `root`: P3 reads the root of `n` or a newer one. So what is reachable from there has
//!   `death > n`, and is kept by whoever sees the coarse announcement.
//! * **R5 Exact is exact.** P4 announces the version of the root that P3 loaded. What is not in that version
//!   cannot be reached from it (one interval of life for each object), so only what is must be kept.
//! * **R6 The right store.** If A reads the announcement of a cycle, B reads the store of that cycle or of a
//!   later one in the same place (P1 happens before P2, R1). Is it a later one's, then the first reader has
//!   left: B synchronises with the later P1, so all that the first has read happens before what follows. And
//!   the later one's announcement was not read by A, so for it R2 holds, whatever is made of the
//!   number: one announcement too many only keeps something too long, until the next look. (Which of A
//!   and B comes first does not matter: a store that is older than P1 leads to the circle of R2.)
//! * **R7 Left in time.** A value of the word that is newer than a reader's P2 is its P4, its P5, or one that was
//!   written after R1. P2 and P5 release; P4 comes after G, which does: so whoever reads one of them knows that
//!   all that earlier readers in this place wanted to read has been read. Freeing comes after.
//! * **R8 Lines stay.** No line is ever deallocated, so looking at them needs no protection. There are as many as
//!   there were ever pins at once on different threads, rounded up to the block.
//!
//! A pin that is forgotten (`mem::forget`) keeps its place and its announcement for ever: what its version
//! reads is never freed, as for any reader that never leaves. Its line goes on working with one place fewer.
//!
//! # What the models show
//!
//! `loom-tests/tests/readers.rs` runs this code; each rule has a break that makes a model fail. That P2 is a
//! store and a fence, and not an exchange that is `SeqCst`, has two reasons: loom knows the one and takes the
//! other for less than it is; and on x86-64 it is a locked instruction on the stack, which takes no longer
//! (1.7 to 1.8 ns against 2.15 for the pair with a load).

mod place;
mod registry;
mod seat;

pub use place::{Announcement, StoreId};
pub use registry::announcements;
#[cfg(any(test, feature = "internals", not(arcfs_tree = "counted")))]
pub use registry::lines;
pub use seat::Seat;
