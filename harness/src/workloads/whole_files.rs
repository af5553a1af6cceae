//! Files that are written whole, then read whole: what the cases of few and of many files share.
//!
//! The bytes are copied into buffers of the caller, in batches, and checked whole after each batch,
//! outside the time. Then, for `read-zero-copy`, stores that lend their bytes are read once more in the
//! same order: the time covers the look-up and a look at the first two words and the length of each file,
//! because whoever borrows has to touch what he borrows for it to be there; the pieces of a file go to
//! the caller one by one, as the store has them. That pass finds the caches as the copying one left them,
//! and each file is read a third time and checked whole, outside the time.

use super::batch::{BATCH, Batch, check_number, check_write};
use super::repeat::{self, READ, READ_ZERO_COPY, Repetition, Stopwatch, WRITE, repeat};
use crate::backend::{Backend, Setup};
use crate::store::{Answer, Failure, Store};
use crate::workload::{Params, Round};

/// The parameters of `files` files of `size` bytes.
pub fn params(files: u64, size: u64) -> Params {
    Params::new().number("files", files).number("size", size)
}

/// How often a round does the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Often {
    /// Once to warm up, then until enough was timed.
    Enough,
    /// Once.
    Once,
}

/// One round: all files in order are written, then each is read once in the order `reads`.
///
/// # Errors
/// [`Failure::Failed`], for a wrong content among others.
pub fn round(backend: &Backend, params: &Params, often: Often, reads: &[usize]) -> Answer<Round> {
    let case = Case::new(params, reads);
    let mut batch = Batch::new(case.size);
    let once = |number| case.once(&*(backend.make)(&Setup::default())?, &mut batch, number);
    match often {
        Often::Enough => repeat(once),
        Often::Once => repeat::once(once),
    }
}

struct Case<'a> {
    paths: Vec<String>,
    writes: Vec<usize>,
    reads: &'a [usize],
    size: usize,
}

impl<'a> Case<'a> {
    fn new(params: &Params, reads: &'a [usize]) -> Self {
        let paths = (0..reads.len()).map(|file| format!("/files/f{file:05}")).collect();
        Self { paths, writes: (0..reads.len()).collect(), reads, size: params.get("size") as usize }
    }

    fn once(&self, store: &dyn Store, batch: &mut Batch, number: u64) -> Answer<Repetition> {
        store.create_dir_all("/files")?;
        let (mut write, mut read) = (Stopwatch::default(), Stopwatch::default());
        for keys in self.writes.chunks(BATCH) {
            batch.write(&mut write, keys, |_| number, |key, bytes| store.write(&self.paths[key], bytes))?;
        }
        for keys in self.reads.chunks(BATCH) {
            batch.read(&mut read, keys, number, |key, buffer| store.read(&self.paths[key], buffer))?;
        }
        let mut repetition = Repetition {
            times: vec![(WRITE, write), (READ, read)],
            checks: self.reads.len() as u64,
            cannot: Vec::new(),
        };
        match self.lend(store, number) {
            Ok(lend) => {
                repetition.times.push((READ_ZERO_COPY, lend));
                repetition.checks += 2 * self.reads.len() as u64;
            }
            Err(Failure::Cannot(reason)) => repetition.cannot.push((READ_ZERO_COPY, reason)),
            Err(failure) => return Err(failure),
        }
        Ok(repetition)
    }

    fn lend(&self, store: &dyn Store, number: u64) -> Answer<Stopwatch> {
        let mut watch = Stopwatch::default();
        for keys in self.reads.chunks(BATCH) {
            let mut glances = [Glance::default(); BATCH];
            watch.time(|| {
                glances.iter_mut().zip(keys).try_for_each(|(glance, key)| {
                    store.read_shared(&self.paths[*key], &mut |piece| glance.add(piece))
                })
            })?;
            for (glance, key) in glances.iter().zip(keys) {
                glance.check(self.size, *key, number)?;
            }
        }
        let mut whole = Vec::with_capacity(self.size);
        for key in self.reads {
            whole.clear();
            store.read_shared(&self.paths[*key], &mut |piece| whole.extend_from_slice(piece))?;
            check_write(&whole, self.size, *key, number)?;
        }
        Ok(watch)
    }
}

/// The length of a file that comes in pieces, and its first two words: its key and the number of its write.
#[derive(Clone, Copy, Default)]
struct Glance {
    length: usize,
    start: [u8; 16],
}

impl Glance {
    fn add(&mut self, piece: &[u8]) {
        if let Some(room) = self.start.get_mut(self.length..) {
            let taken = room.len().min(piece.len());
            room[..taken].copy_from_slice(&piece[..taken]);
        }
        self.length += piece.len();
    }

    fn check(&self, size: usize, key: usize, number: u64) -> Answer<()> {
        let [found, write] =
            [0, 8].map(|at| u64::from_le_bytes(self.start[at..at + 8].try_into().expect("eight bytes")));
        if self.length != size || found != key as u64 {
            let what = format!("file {key} was lent as {} bytes of file {found}, not {size}", self.length);
            return Err(Failure::failed(what));
        }
        check_number(write, key, number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Payload;
    use crate::workloads::wrong_store::{Flaw, WrongStore};

    #[test]
    fn lent_files_are_checked_in_the_timed_pass_and_whole_in_the_other() {
        let reads: Vec<usize> = (0..20).collect();
        let case = Case::new(&params(20, 4096), &reads);
        let lend = |flaw, when| {
            let mut store = WrongStore::new(flaw);
            store.when = when;
            let mut payload = Payload::new(4096);
            for (key, path) in case.paths.iter().enumerate() {
                store.write(path, payload.stamp(key as u64, 1))?;
            }
            case.lend(&store, 1)
        };
        lend(Flaw::None, 0..0).expect("the store is right");
        for flaw in [Flaw::Other, Flaw::Short, Flaw::Stale] {
            assert!(lend(flaw, 0..20).is_err(), "{flaw:?} in the timed pass");
        }
        assert!(lend(Flaw::Flipped, 0..20).is_ok(), "the timed pass only glances");
        assert!(lend(Flaw::Flipped, 20..40).is_err());
    }

    #[test]
    fn a_glance_sees_the_same_however_the_file_is_cut() {
        let mut payload = Payload::new(64);
        let bytes = payload.stamp(7, 3);
        for cut in [1, 5, 8, 15, 16, 17, 63, 64] {
            let mut glance = Glance::default();
            bytes.chunks(cut).for_each(|piece| glance.add(piece));
            glance.check(64, 7, 3).expect("it is that write");
            assert!(glance.check(72, 7, 3).is_err());
            assert!(glance.check(64, 6, 3).is_err());
            assert!(glance.check(64, 7, 2).is_err());
        }
    }
}
