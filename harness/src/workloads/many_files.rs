//! Many small files, written in order and read at random.
//!
//! Once as in a program that has run for a while (`process=shared`), where the memory that earlier rounds
//! and repetitions gave back is used again, and once as the first thing that a process does
//! (`process=fresh`), where the kernel hands out and clears each page when it is first touched. For a
//! store in memory that can cost more than all the rest, and how much of it a round in a shared process
//! would show depends on what the stores before it left in the allocator.

use super::repeat::PHASES_AND_ZERO_COPY;
use super::whole_files::{self, Often};
use crate::backend::Backend;
use crate::load::shuffled;
use crate::store::Answer;
use crate::workload::{Extent, Isolation, Metric, Params, Round, Scope, Workload};

const PROCESS: &str = "process";
const SHARED: &str = "shared";
const FRESH: &str = "fresh";

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
        let files = if scope.extent == Extent::Smoke { 100 } else { 10_000 };
        [SHARED, FRESH].map(|process| whole_files::params(files, 4096).word(PROCESS, process)).into()
    }

    fn left_out(&self, backend: &Backend, params: &Params, _scope: &Scope) -> Option<&'static str> {
        let outside = matches!(backend.name, "tempfile-disk" | "tempfile-memory");
        (outside && is_fresh(params))
            .then_some("keeps its bytes outside the process, so that a fresh one changes nothing")
    }

    fn isolation(&self, params: &Params) -> Isolation {
        if is_fresh(params) { Isolation::Process } else { Isolation::Shared }
    }

    fn round(&self, backend: &Backend, params: &Params) -> Answer<Round> {
        let often = if is_fresh(params) { Often::Once } else { Often::Enough };
        whole_files::round(backend, params, often, &shuffled(params.get("files") as usize, 42))
    }
}

fn is_fresh(params: &Params) -> bool {
    params.get_word(PROCESS) == FRESH
}
