//! For tests of programs that use arcfs: filesystems written down as lists, comparisons that say what
//! differs, a clock that is moved by hand, and failures on demand.
//!
//! ```
//! use arcfs::testing::{Injected, assert_tree_eq, mem_fs};
//!
//! /// What is tested: gives every draft its final name, or does nothing.
//! fn publish(fs: &arcfs::MemFs) -> arcfs::Result<()> {
//!     fs.transaction(|tx| {
//!         for draft in tx.glob("/*.draft")? {
//!             tx.rename(&draft, draft.trim_end_matches(".draft"))?;
//!         }
//!         tx.write("/done", b"")
//!     })
//! }
//!
//! let fs = mem_fs! { "a.draft" => "1", "b.draft" => "2", "attic/" };
//! publish(&fs)?;
//! assert_tree_eq!(fs, { "a" => "1", "b" => "2", "attic/", "done" => "" });
//!
//! let fs = mem_fs! { "a.draft" => "1" };
//! let full = Injected::charge(1); // there is no room for the next thing that wants some
//! assert!(publish(&fs).is_err());
//! assert!(full.struck());
//! assert_tree_eq!(fs, { "a.draft" => "1" });
//! # Ok::<(), arcfs::Error>(())
//! ```
//!
//! Everything here panics where a test should fail.

mod diff;
mod fixture;
#[cfg(feature = "testing")]
mod injected;
mod show;

pub use diff::{AsSnapshot, TreeDiff, diff_trees};
#[cfg(feature = "testing")]
pub use injected::Injected;

pub use crate::clock::ManualClock;
#[cfg(feature = "testing")]
pub use crate::fault::Fault;
#[doc(inline)]
pub use crate::{assert_tree_eq, mem_fs};

#[doc(hidden)]
pub use diff::assert_same;
#[doc(hidden)]
pub use fixture::plant;
