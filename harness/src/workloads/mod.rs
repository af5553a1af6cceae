//! The workloads, one file for each family.

mod memory;

pub use memory::{Memory, MemoryUnderSnapshot};

use crate::workload::Workload;

/// Every workload, in the order of tables.
pub fn all() -> Vec<Box<dyn Workload>> {
    vec![Box::new(Memory), Box::new(MemoryUnderSnapshot)]
}
