//! Commands, one file each.

pub mod ab;
pub mod compare;
pub mod gate;
pub mod history;
