//! A file deep in a tree, written and read again and again by its whole path.
//!
//! Every tenth directory on the way has a file of its own, so that none of them is a mere link of a
//! chain; those are checked at the end. D-MemFS has the reading only; writing, less often, shows what
//! depth costs a store that copies the path to what it changes. A map has no directories: to it, depth is a
//! longer key.

use super::batch::{BATCH, Batch, check_write};
use super::repeat::{PHASES, READ, Repetition, Stopwatch, WRITE, repeat};
use crate::backend::{Backend, Setup};
use crate::load::Payload;
use crate::store::{Answer, Store};
use crate::workload::{Extent, Metric, Params, Round, Scope, Workload};

/// 1 KiB below 50 directories, as in D-MemFS, and below one for comparison.
#[derive(Debug)]
pub struct DeepRead;

impl Workload for DeepRead {
    fn name(&self) -> &'static str {
        "deep-read"
    }

    fn about(&self) -> &'static str {
        "replaces, then reads a file again and again that lies deep in a tree"
    }

    fn metrics(&self) -> &'static [Metric] {
        PHASES
    }

    fn cells(&self, scope: &Scope) -> Vec<Params> {
        let (depths, reads): (&[u64], u64) = match scope.extent {
            Extent::Smoke => (&[50], 400),
            Extent::Quick => (&[50], 1000),
            Extent::Default | Extent::Full => (&[50, 1], 1000),
        };
        let cell = |depth: &u64| {
            Params::new()
                .number("depth", *depth)
                .number("size", 1024)
                .number("reads", reads)
                .number("writes", reads / 10)
        };
        depths.iter().map(cell).collect()
    }

    fn round(&self, backend: &Backend, params: &Params) -> Answer<Round> {
        let case = Case::new(params);
        let mut batch = Batch::new(case.size);
        repeat(|repetition| case.once(&*(backend.make)(&Setup::default())?, &mut batch, repetition))
    }
}

struct Case {
    directories: Vec<String>,
    bottom: String,
    on_the_way: Vec<String>,
    size: usize,
    reads: usize,
    writes: usize,
}

impl Case {
    fn new(params: &Params) -> Self {
        let [depth, size, reads, writes] =
            ["depth", "size", "reads", "writes"].map(|name| params.get(name) as usize);
        let file = |depth| format!("{}/file", directory(depth));
        Self {
            directories: (1..=depth).map(directory).collect(),
            bottom: file(depth),
            on_the_way: (1..depth).filter(|depth| depth % 10 == 0).map(file).collect(),
            size,
            reads,
            writes,
        }
    }

    fn once(&self, store: &dyn Store, batch: &mut Batch, repetition: u64) -> Answer<Repetition> {
        let (mut payload, mut buffer) = (Payload::new(self.size), Vec::with_capacity(self.size));
        self.directories.iter().try_for_each(|path| store.create_dir_all(path))?;
        for (key, path) in self.on_the_way.iter().enumerate() {
            store.write(path, payload.stamp(key as u64, repetition))?;
        }
        let keys = [BOTTOM; BATCH];
        let (mut write, mut read, mut checks) = (Stopwatch::default(), Stopwatch::default(), 0);
        let mut number = repetition << 32;
        for first in (0..self.writes).step_by(BATCH) {
            let keys = &keys[..BATCH.min(self.writes - first)];
            let next = |place: usize| number + 1 + place as u64;
            batch.write(&mut write, keys, next, |_, bytes| store.write(&self.bottom, bytes))?;
            number += keys.len() as u64;
            store.read(&self.bottom, &mut buffer)?;
            check_write(&buffer, self.size, BOTTOM, number)?;
            checks += 1;
        }
        for first in (0..self.reads).step_by(BATCH) {
            let keys = &keys[..BATCH.min(self.reads - first)];
            batch.read(&mut read, keys, number, |_, buffer| store.read(&self.bottom, buffer))?;
            checks += keys.len() as u64;
        }
        for (key, path) in self.on_the_way.iter().enumerate() {
            store.read(path, &mut buffer)?;
            check_write(&buffer, self.size, key, repetition)?;
            checks += 1;
        }
        Ok(Repetition { times: vec![(WRITE, write), (READ, read)], checks, cannot: Vec::new() })
    }
}

/// The key of the file at the bottom, which none on the way has.
const BOTTOM: usize = 1 << 16;

/// The path of the directory at `depth`.
fn directory(depth: usize) -> String {
    (1..=depth).map(|level| format!("/d{level:02}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workloads::wrong_store::{Flaw, WrongStore};

    #[test]
    fn each_of_its_checks_notices_what_no_other_does() {
        let scope = Scope { extent: Extent::Smoke, large: false };
        let case = Case::new(&DeepRead.cells(&scope)[0]);
        let once = |flaw, when| {
            let mut store = WrongStore::new(flaw);
            store.when = when;
            case.once(&store, &mut Batch::new(case.size), 1)
        };
        assert_eq!(once(Flaw::None, 0..0).expect("the store is right").checks, 3 + 400 + 4);
        // Four writes on the way, then batches of 16, 16 and 8: the 36th write is the last of the second.
        assert!(once(Flaw::Lost, 35..36).is_err());
        // Three reads beside the writes, 400 of the bottom, then those on the way.
        assert!(once(Flaw::Flipped, 200..203).is_err());
        assert!(once(Flaw::Flipped, 403..407).is_err());
    }
}
