//! Memory: what a file costs beside its payload.
//!
//! Live bytes are what was asked of the allocator and not given back. Resident bytes are anonymous
//! memory, so the pages of the program's own code do not count; they show what the allocator adds by
//! rounding and by not giving back. Both are differences to the moment before the store was made, in a
//! process of its own that has already used a small store of the kind. What a backend keeps outside the
//! process is not seen here, so such backends are left out.
//!
//! A hash table grows by doubling, so what it costs for each file depends on how full the number of files
//! happens to make it: with 1,000 and 1,000,000 those of the maps are half full, with 100,000 three quarters.

mod resident;
mod tree;
mod under_snapshot;

use std::time::Instant;

use resident::resident;
use tree::{Tree, warm_up};
pub use under_snapshot::MemoryUnderSnapshot;

use crate::allocator;
use crate::backend::{Backend, Setup};
use crate::store::Answer;
use crate::workload::{Better, Extent, Isolation, Metric, Params, Round, Scope, Unit, Workload};

/// The workload.
#[derive(Clone, Copy, Debug)]
pub struct Memory;

const LIVE_PER_FILE: &str = "live-per-file";
const LIVE_PER_BYTE: &str = "live-per-byte";
const RESIDENT_PER_FILE: &str = "resident-per-file";
const RESIDENT_PER_BYTE: &str = "resident-per-byte";
const DROP: &str = "drop";

const fn figure(name: &'static str, unit: Unit) -> Metric {
    Metric { name, unit, better: Better::Lower }
}

const MANY: u64 = 1_000_000;
const UNCOUNTED: &str = "is in a process whose allocations are not counted";
const UNKNOWN: &str = "is on a system that does not tell a process its resident memory";
const EMPTY: &str = "has no byte of payload here";

impl Workload for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn about(&self) -> &'static str {
        "counts live and resident bytes for each file and each byte of payload, and the time to drop all"
    }

    fn metrics(&self) -> &'static [Metric] {
        const {
            &[
                figure(LIVE_PER_FILE, Unit::BytesPerFile),
                figure(LIVE_PER_BYTE, Unit::BytesPerByte),
                figure(RESIDENT_PER_FILE, Unit::BytesPerFile),
                figure(RESIDENT_PER_BYTE, Unit::BytesPerByte),
                Metric::time(DROP),
            ]
        }
    }

    fn cells(&self, scope: &Scope) -> Vec<Params> {
        let cell = |files: u64, size: u64, per_directory: u64| {
            Params::new().number("files", files).number("size", size).number("per-directory", per_directory)
        };
        match scope.extent {
            Extent::Smoke => vec![cell(200, 1024, 100), cell(200, 0, 200)],
            Extent::Quick => Vec::new(),
            Extent::Default => vec![
                cell(1_000, 1024, 1_000),
                cell(100_000, 1024, 1_000),
                cell(MANY, 1024, 1_000),
                cell(100_000, 1024, 100_000),
                cell(100_000, 0, 1_000),
            ],
            Extent::Full => {
                let mut cells = Vec::new();
                for size in [1024, 0] {
                    for files in [1_000, 100_000, MANY] {
                        cells.push(cell(files, size, 1_000));
                        if files > 1_000 {
                            cells.push(cell(files, size, files));
                        }
                    }
                }
                cells
            }
        }
    }

    fn left_out(&self, backend: &Backend, params: &Params, scope: &Scope) -> Option<&'static str> {
        let too_long = params.get("files") >= MANY && scope.extent < Extent::Full;
        match backend.name {
            "tempfile-disk" | "tempfile-memory" => Some("keeps its bytes outside the process"),
            // Only time speaks against the others.
            "arcfs-handles" if too_long => {
                Some("keeps what arcfs-calls keeps; so many files are asked of it in a full run only")
            }
            "map-rwlock" if too_long => {
                Some("keeps what map-mutex keeps; so many files are asked of it in a full run only")
            }
            "vfs-memory" | "object-store" | "imbl-arcswap" if too_long => {
                Some("so many files are asked of it in a full run only")
            }
            _ => None,
        }
    }

    fn isolation(&self, _params: &Params) -> Isolation {
        Isolation::Process
    }

    fn round(&self, backend: &Backend, params: &Params) -> Answer<Round> {
        fill(backend, params)
    }
}

/// Fills a store with files in random order, measures it and drops it.
fn fill(backend: &Backend, params: &Params) -> Answer<Round> {
    let counting = allocator::start();
    let count = params.get("files");
    let size = params.get("size");
    let mut tree = Tree::new(count, size, params.get("per-directory"));
    warm_up(backend)?;

    let (live, resident) = (allocator::live().bytes, resident());
    let store = (backend.make)(&Setup::default())?;
    tree.fill(&*store)?;
    let live = counting.then(|| (allocator::live().bytes - live) as f64).ok_or(UNCOUNTED);
    let resident = resident.zip(self::resident()).map(|(before, now)| now - before).ok_or(UNKNOWN);

    let checks = tree.check(&*store)?;
    // The time is the store's alone.
    allocator::stop();
    let began = Instant::now();
    drop(store);
    let dropped = began.elapsed();

    let mut round = Round { checks, ..Round::default() };
    let payload = (count * size) as f64;
    let mut add = |metric, value: Result<f64, &'static str>| match value {
        Ok(value) => round.values.push((metric, value)),
        Err(why) => round.cannot.push((metric, why)),
    };
    add(LIVE_PER_FILE, live.map(|live| (live - payload) / count as f64));
    add(RESIDENT_PER_FILE, resident.map(|resident| (resident - payload) / count as f64));
    let per_byte = |bytes: f64| if size > 0 { Ok(bytes / payload) } else { Err(EMPTY) };
    add(LIVE_PER_BYTE, live.and_then(per_byte));
    add(RESIDENT_PER_BYTE, resident.and_then(per_byte));
    add(DROP, Ok(dropped.as_nanos() as f64));
    Ok(round)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_has_its_own_parameters() {
        let workloads: [&dyn Workload; 2] = [&Memory, &MemoryUnderSnapshot];
        for workload in workloads {
            for extent in [Extent::Smoke, Extent::Quick, Extent::Default, Extent::Full] {
                let mut cells = workload.cells(&Scope { extent, large: false });
                assert_eq!(cells.is_empty(), extent == Extent::Quick);
                let count = cells.len();
                cells.sort();
                cells.dedup();
                assert_eq!(cells.len(), count, "{} {extent:?}", workload.name());
            }
        }
    }
}
