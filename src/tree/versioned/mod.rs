//! Versions of a tree without counts: directories that are copied on write, objects that know when they were born,
//! and a store that frees what no version reaches any more.
//!
//! | module | what | invariants |
//! |---|---|---|
//! | `arena` | memory for the objects, in pools by size | A1 to A4 |
//! | `name` | the names of entries | N1, N2 |
//! | `dead` | objects by tagged address | |
//! | `cx` | what an edit works with | |
//! | `map` | the entries of a directory | M1 to M8 |
//! | `reclaim` | who frees what, and when | I1 to I16 |
//! | `planted` | bugs on purpose, for tests | |
//! | `lone` | one map with its versions behind a safe face, for tests and benches | |
//!
//! Knows nothing of threads: who may edit and who may still be reading is told to it. What is unsafe to say is
//! said in a few functions, by who holds the commit lock: that a map is edited by one version at a time
//! ([`Store::edit`]), what it no longer reaches ([`Store::kill`]), that a version was published or given up
//! ([`Store::commit`], [`Store::abort`]), and who reads ([`Store::sweep`], [`Store::drop_snapshot`]). Reading a map is
//! safe: what a map reaches is written and freed only under the conditions of those functions.

#![allow(
    unsafe_code,
    reason = "objects without counts, freed by version: the invariants of the modules say why"
)]

mod arena;
mod cx;
mod dead;
#[cfg(any(test, feature = "internals"))]
mod lone;
mod map;
mod name;
mod planted;
mod reclaim;

#[cfg(test)]
mod tests;

pub use arena::{Arena, KEPT, LARGEST, OutOfMemory, SLAB, Slab, WATERMARK};
pub use cx::Cx;
pub use dead::Value;
#[cfg(any(test, feature = "internals"))]
pub use lone::Lone;
#[cfg(any(test, feature = "internals"))]
pub use map::Tally;
pub use map::{Change, Changes, Iter, Map};
pub use name::{MAX_NAME, Name};
pub use reclaim::{Announced, Directory, Kinds, Object, Store};
