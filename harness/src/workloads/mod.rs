//! The workloads, one file for each family.

mod consistency;
mod limits;
#[cfg(test)]
mod planted;
mod scale;
mod stop;

use crate::workload::Workload;

/// Every workload, in the order of tables.
pub fn all() -> Vec<Box<dyn Workload>> {
    vec![Box::new(consistency::Consistency), Box::new(limits::Limits), Box::new(scale::Scale)]
}
