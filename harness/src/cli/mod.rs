//! Commands, one file each.

pub mod compare;
