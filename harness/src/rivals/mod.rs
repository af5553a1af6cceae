//! Stores that arcfs is compared with. Each is what its authors recommend, or what one would write in an
//! afternoon, with nothing left out that would make it faster. Where a design is a choice, the module says
//! what another one would be better at. Maps hash with what the standard library gives them.
//!
//! | module | stores | what it is |
//! |---|---|---|
//! | `directory` | `tempfile-disk`, `tempfile-memory` | a directory of the host |
//! | `locked_map` | `map-mutex`, `map-rwlock` | a `HashMap` behind one lock |
//! | `sharded_map` | `dashmap` | a `HashMap` in shards, a lock each |
//! | `vfs_memory` | `vfs-memory` | the in-memory filesystem of the crate `vfs` |
//! | `object_memory` | `object-store` | the in-memory store of the crate `object_store` |
//! | `persistent_map` | `imbl-arcswap` | a persistent map whose root is swapped |
//!
//! What several of them need is in `flat`, directories as common beginnings of keys, and in
//! `pieces`, open files over bytes in memory.

mod directory;
mod flat;
mod locked_map;
mod object_memory;
mod persistent_map;
mod pieces;
mod sharded_map;
mod vfs_memory;

use crate::backend::{Backend, Setup};
use crate::store::{Answer, Failure};

/// The rivals, in the order of tables.
pub fn all() -> Vec<Backend> {
    vec![
        directory::DISK,
        directory::MEMORY,
        locked_map::MUTEX,
        locked_map::RWLOCK,
        sharded_map::BACKEND,
        vfs_memory::BACKEND,
        object_memory::BACKEND,
        persistent_map::BACKEND,
    ]
}

/// Refuses a setup with a limit, which no rival can keep.
fn without_limit(setup: &Setup) -> Answer<()> {
    match setup.limit {
        None => Ok(()),
        Some(_) => Err(Failure::Cannot("has no limit on bytes")),
    }
}

/// The failure of a call on a file that does not exist.
#[cold]
fn missing(path: &str) -> Failure {
    Failure::failed(format!("there is no file {path}"))
}
