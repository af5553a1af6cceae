//! The workloads, one file for each family.

mod batch;
mod consistency;
mod contention;
mod deep_read;
mod latency;
mod limits;
mod many_files;
mod memory;
mod random_access;
mod repeat;
mod scale;
mod small_files;
mod stop;
mod streams;
mod traffic;
mod whole_files;
mod worker;

#[cfg(test)]
mod planted;

#[cfg(test)]
mod wrong_store;

#[cfg(test)]
mod tests;

pub use memory::{Memory, MemoryUnderSnapshot};

use crate::workload::Workload;

/// Every workload, in the order of tables.
pub fn all() -> Vec<Box<dyn Workload>> {
    vec![
        Box::new(small_files::SmallFiles),
        Box::new(streams::Stream),
        Box::new(random_access::RandomAccess),
        Box::new(streams::LargeStream),
        Box::new(many_files::ManyFiles),
        Box::new(deep_read::DeepRead),
        Box::new(contention::Contention),
        Box::new(latency::Latency),
        Box::new(consistency::Consistency),
        Box::new(limits::Limits),
        Box::new(memory::Memory),
        Box::new(memory::MemoryUnderSnapshot),
        Box::new(scale::Scale),
    ]
}
