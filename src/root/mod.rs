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

#[cfg(feature = "internals")]
pub use cell::RootCell;
pub use cell::RootGuard;
pub use graves::Graves;
pub use protocol::SerialTurn;
#[cfg(feature = "internals")]
pub use protocol::{Combining, CompareAndSwap};
#[cfg(feature = "internals")]
pub use protocol::{Protocol, Serial};
pub use publisher::{Publisher, Version};
