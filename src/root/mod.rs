//! Publication: the one swapped pointer, and how a commit replaces it.
//!
//! Knows nothing of paths, bytes or users' errors: it hands edits to [`tree`](crate::tree) and
//! swaps what comes back.
//!
//! | module | what |
//! |---|---|
//! | `cell` | the pointer; the seam where another kind of cell goes |
//! | `protocol` | how concurrent commits take turns |
//! | `graves` | large trees that nobody but the filesystem holds any more |
//! | `publisher` | the one function that every publication passes |

mod cell;
mod graves;
mod protocol;
mod publisher;

pub use cell::{RootCell, RootGuard};
pub use graves::Graves;
#[cfg(feature = "internals")]
pub use protocol::{Combining, CompareAndSwap};
pub use protocol::{Protocol, Serial, SerialTurn};
pub use publisher::{Commit, Publisher};
