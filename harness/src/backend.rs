//! A backend: a kind of store, by name, and how to make an empty one.

use crate::store::{Answer, Store};

/// Whose code a backend measures. Regressions are looked for in arcfs; rivals are the control, whose
/// change from run to run says how much the machine moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// arcfs itself.
    Arcfs,
    /// Somebody else's store, or what one would write in an afternoon.
    Rival,
}

/// What a fresh store is made for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setup {
    /// A hard limit on bytes that the store must keep; a store that has none answers `Cannot`.
    pub limit: Option<u64>,
}

/// A kind of store.
#[derive(Clone, Copy, Debug)]
pub struct Backend {
    /// Its name in results and on the command line.
    pub name: &'static str,
    /// One sentence for people.
    pub about: &'static str,
    /// Whose code it is.
    pub side: Side,
    /// Makes an empty store. What it keeps on the host is removed when the store is dropped.
    pub make: fn(&Setup) -> Answer<Box<dyn Store>>,
}

/// Every backend that this build knows, arcfs first, in the order of tables.
pub fn all() -> Vec<Backend> {
    let mut all = crate::backends::all();
    all.extend(crate::rivals::all());
    all
}
