//! Files that are written whole, then read whole: what the cases of few and of many files share.
//!
//! With `read=copy` the bytes are copied into buffers of the caller, in batches, and checked whole
//! after each batch, outside the time. With `read=zero-copy` the store lends its bytes: the time covers
//! the look-up and a look at the first two words and the length of each file, because whoever borrows
//! has to touch what he borrows for it to be there; then every file is read once more and checked
//! whole, outside the time. The pieces of a file go to the caller one by one, as the store has them. Writing is the same in both rows and given in the first only.

use super::batch::{BATCH, Batch, check_number, check_write};
use super::repeat::{READ, Repetition, Stopwatch, TOTAL, WRITE, repeat};
use crate::backend::{Backend, Setup};
use crate::store::{Answer, Failure, Store};
use crate::workload::{Params, Round};

/// The cells of `files` files of `size` bytes: one for each way to read.
pub fn cells(files: u64, size: u64) -> Vec<Params> {
    let files = Params::new().number("files", files).number("size", size);
    vec![files.clone().word("read", "copy"), files.word("read", "zero-copy")]
}

/// One round: all files in order are written, then each is read once in the order `reads`.
///
/// # Errors
/// [`Failure::Cannot`] for `read=zero-copy` where the store lends nothing; [`Failure::Failed`].
pub fn round(backend: &Backend, params: &Params, reads: &[usize]) -> Answer<Round> {
    let size = params.get("size") as usize;
    let zero_copy = params.get_word("read") == "zero-copy";
    let files = Files { paths: (0..reads.len()).map(|file| format!("/files/f{file:05}")).collect(), size };
    let writes: Vec<usize> = (0..reads.len()).collect();
    let mut batch = Batch::new(size);
    repeat(|number| {
        let store = (backend.make)(&Setup::default())?;
        store.create_dir_all("/files")?;
        if zero_copy {
            // Before the writing of all files, which is long on some stores that lend nothing.
            store.write("/files/first", b"lent")?;
            store.read_shared("/files/first", &mut |_| ())?;
            store.remove("/files/first")?;
        }
        let (mut write, mut read) = (Stopwatch::default(), Stopwatch::default());
        for keys in writes.chunks(BATCH) {
            batch.write(&mut write, keys, |_| number, |key, bytes| store.write(&files.paths[key], bytes))?;
        }
        if zero_copy {
            files.lend(&*store, reads, number, &mut read)?;
            const ELSEWHERE: &str = "is measured in the row read=copy";
            let cannot = vec![(TOTAL, ELSEWHERE), (WRITE, ELSEWHERE)];
            Ok(Repetition { times: vec![(READ, read)], checks: 2 * reads.len() as u64, cannot })
        } else {
            for keys in reads.chunks(BATCH) {
                batch.read(&mut read, keys, number, |key, buffer| store.read(&files.paths[key], buffer))?;
            }
            Ok(Repetition {
                times: vec![(WRITE, write), (READ, read)],
                checks: reads.len() as u64,
                cannot: Vec::new(),
            })
        }
    })
}

struct Files {
    paths: Vec<String>,
    size: usize,
}

impl Files {
    fn lend(&self, store: &dyn Store, reads: &[usize], number: u64, watch: &mut Stopwatch) -> Answer<()> {
        for keys in reads.chunks(BATCH) {
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
        for key in reads {
            whole.clear();
            store.read_shared(&self.paths[*key], &mut |piece| whole.extend_from_slice(piece))?;
            check_write(&whole, self.size, *key, number)?;
        }
        Ok(())
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
        let files = Files { paths: (0..20).map(|file| format!("/f{file}")).collect(), size: 4096 };
        let reads: Vec<usize> = (0..20).collect();
        let lend = |flaw, when| {
            let mut store = WrongStore::new(flaw);
            store.when = when;
            let mut payload = Payload::new(4096);
            for (key, path) in files.paths.iter().enumerate() {
                store.write(path, payload.stamp(key as u64, 1))?;
            }
            files.lend(&store, &reads, 1, &mut Stopwatch::default())
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
