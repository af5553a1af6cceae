//! Many small files, written in order and read at random.

use super::repeat::PHASES_AND_ZERO_COPY;
use super::whole_files;
use crate::backend::Backend;
use crate::load::shuffled;
use crate::store::Answer;
use crate::workload::{Extent, Metric, Params, Round, Scope, Workload};

/// 10,000 files of 4 KiB in one directory, as in the case of D-MemFS; but each is read once, in a seeded
/// random order, where that draws half as many with repetition.
#[derive(Debug)]
pub struct ManyFiles;

impl Workload for ManyFiles {
    fn name(&self) -> &'static str {
        "many-files"
    }

    fn about(&self) -> &'static str {
        "writes many small files into one directory, then reads each once in random order"
    }

    fn metrics(&self) -> &'static [Metric] {
        PHASES_AND_ZERO_COPY
    }

    fn cells(&self, scope: &Scope) -> Vec<Params> {
        vec![whole_files::params(if scope.extent == Extent::Smoke { 100 } else { 10_000 }, 4096)]
    }

    fn round(&self, backend: &Backend, params: &Params) -> Answer<Round> {
        whole_files::round(backend, params, &shuffled(params.get("files") as usize, 42))
    }
}
