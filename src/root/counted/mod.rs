//! Publication of counted roots.
//!
//! | module | what |
//! |---|---|
//! | `cell` | the pointer; the seam where another kind of cell goes |
//! | `slots` | a cell whose readers announce themselves |
//! | `protocol` | how concurrent commits take turns |
//! | `graves` | large trees that nobody but the filesystem holds any more |
//! | `publisher` | the one function that every publication passes |

mod cell;
mod graves;
mod protocol;
mod publisher;
#[cfg(arcfs_root_cell = "slots")]
mod slots;

#[cfg(feature = "internals")]
pub use cell::RootCell;
pub use cell::RootGuard;
pub use graves::Graves;
pub use protocol::SerialTurn;
#[cfg(feature = "internals")]
pub use protocol::{Combining, CompareAndSwap, Protocol, Serial};
pub use publisher::{Publisher, Seed, Version};
