//! The workloads, one file for each family.

use crate::workload::Workload;

/// Every workload, in the order of tables.
pub fn all() -> Vec<Box<dyn Workload>> {
    Vec::new()
}
