//! A few hundred small files, written and then read in the same order.

use super::repeat::PHASES_AND_ZERO_COPY;
use super::whole_files::{self, Often};
use crate::backend::Backend;
use crate::store::Answer;
use crate::workload::{Extent, Metric, Params, Round, Scope, Workload};

/// 300 files of 4 KiB in one directory, as in the first case of D-MemFS.
#[derive(Debug)]
pub struct SmallFiles;

impl Workload for SmallFiles {
    fn name(&self) -> &'static str {
        "small-files"
    }

    fn about(&self) -> &'static str {
        "writes small files into one directory, then reads them in the same order"
    }

    fn metrics(&self) -> &'static [Metric] {
        PHASES_AND_ZERO_COPY
    }

    fn cells(&self, scope: &Scope) -> Vec<Params> {
        vec![whole_files::params(if scope.extent == Extent::Smoke { 24 } else { 300 }, 4096)]
    }

    fn round(&self, backend: &Backend, params: &Params) -> Answer<Round> {
        let in_order: Vec<usize> = (0..params.get("files") as usize).collect();
        whole_files::round(backend, params, Often::Enough, &in_order)
    }
}
