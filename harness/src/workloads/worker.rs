//! One thread of the traffic: what it does next, and what it knows about what it reads.
//!
//! Files and their paths are made before anything is measured. A file is replaced by one call and read
//! by one call, and every read is checked whole. A write carries its writer and the number of that
//! writer's write, so a thread also knows when a read is too old: it never finds an earlier write of its
//! own than its last one to that file, nor the initial content of a file that it has replaced. At the
//! end every file must hold the last write of one of those who wrote it; which one, nobody can know.
//!
//! Where several threads use a file of a store that does not replace files at once, a read may be torn.
//! Such reads are counted, not failed, unless they are whole and of another file.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::traffic::{Sharing, Traffic};
use crate::load::{Keys, Operation, Payload, check_payload};
use crate::store::{Answer, Failure, Store};
use crate::workload::{Better, Metric, Round, Unit};

/// The number of the write that made a file. Later ones have the writer's number, from 1, above this bit.
pub const INITIAL: u64 = 0;
const WRITER: u32 = 40;

/// The kind of an operation that reads.
pub const READ: usize = 0;
/// The kind of an operation that writes.
pub const WRITE: usize = 1;

/// What the reads of all threads showed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Checked {
    /// Reads that were right, those at the end among them.
    pub checks: u64,
    /// The share of torn reads; `None` where nothing was read.
    pub torn: Option<f64>,
}

impl Checked {
    /// A round with these checks and the value of [`TORN`].
    pub fn round(self) -> Round {
        let mut round = Round { checks: self.checks, ..Round::default() };
        match self.torn {
            Some(torn) => round.values.push((TORN.name, torn)),
            None => round.cannot.push((TORN.name, NO_SUCH_OPERATION)),
        }
        round
    }
}

/// Reads that found a file empty, short or mixed, as a share of all. Above 0 only where a store does not
/// replace files at once; elsewhere a single one fails the round.
pub const TORN: Metric = Metric { name: "torn", unit: Unit::Share, better: Better::Lower };

/// Why a mix without reads or without writes leaves a metric out.
pub const NO_SUCH_OPERATION: &str = "the mix has no such operation";

/// The state of all threads.
#[derive(Debug)]
pub struct Workers<'a>(Vec<Mutex<Worker<'a>>>);

impl<'a> Workers<'a> {
    /// One worker for each thread.
    pub fn new(workers: impl Iterator<Item = Worker<'a>>) -> Self {
        Self(workers.map(Mutex::new).collect())
    }

    /// The worker of a thread, for as long as that keeps it.
    pub fn worker(&self, thread: usize) -> MutexGuard<'_, Worker<'a>> {
        // A worker that panicked ends the run, so its state does not matter.
        self.0[thread].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks, after all threads have ended, that no last write was lost, and sums up all threads' checks.
    ///
    /// # Errors
    /// [`Failure::Failed`] where a file holds another write.
    pub fn finish(self) -> Answer<Checked> {
        let mut workers: Vec<Worker<'a>> = self
            .0
            .into_iter()
            .map(|worker| worker.into_inner().unwrap_or_else(PoisonError::into_inner))
            .collect();
        let right: u64 = workers.iter().map(|worker| worker.checks).sum();
        let torn: u64 = workers.iter().map(|worker| worker.torn).sum();
        let mut checks = right;
        let mut checked_to = 0;
        for reader in 0..workers.len() {
            // Where files are shared, the first thread has them all.
            for file in checked_to.max(workers[reader].files.start)..workers[reader].files.end {
                let found = workers[reader].read_now(file)?;
                let mut last = workers.iter().filter_map(|worker| worker.last_write(file)).peekable();
                let is_last =
                    if last.peek().is_none() { found == INITIAL } else { last.any(|last| last == found) };
                if !is_last {
                    let what = format!("file {file} holds write {found:#x}, nobody's last one to it");
                    return Err(Failure::failed(what));
                }
                checks += 1;
                checked_to = file + 1;
            }
        }
        let torn = (right + torn > 0).then(|| torn as f64 / (right + torn) as f64);
        Ok(Checked { checks, torn })
    }
}

/// The state of a thread. Alone on its cache lines, because every operation writes to it.
#[repr(align(128))]
pub struct Worker<'a> {
    store: &'a dyn Store,
    /// The paths of all files, by key.
    paths: Arc<[String]>,
    /// The keys of its files.
    files: Range<usize>,
    /// The number of its last write to each of its files, [`INITIAL`] where it wrote none.
    last: Vec<u64>,
    keys: Keys,
    writes_in_100: u32,
    payload: Payload,
    buffer: Vec<u8>,
    /// What comes next: the file and the number of the write, or a read.
    next: (usize, Option<u64>),
    /// The number of its last write to any file.
    number: u64,
    checks: u64,
    /// Whether a read may meet half of another thread's write.
    may_tear: bool,
    torn: u64,
}

impl std::fmt::Debug for Worker<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker")
            .field("files", &self.files)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

impl<'a> Worker<'a> {
    /// The worker of `thread` for the files with the keys `files`.
    pub fn new(
        store: &'a dyn Store,
        paths: Arc<[String]>,
        files: Range<usize>,
        thread: usize,
        traffic: &Traffic,
    ) -> Self {
        Self {
            store,
            paths,
            last: vec![INITIAL; files.len()],
            keys: Keys::new(traffic.keys, files.len() as u64, 1000 + thread as u64),
            writes_in_100: traffic.mix.writes_in_100(),
            payload: Payload::new(traffic.payload),
            buffer: vec![0xa5; traffic.payload],
            next: (files.start, None),
            number: (thread as u64 + 1) << WRITER,
            checks: 0,
            may_tear: traffic.sharing != Sharing::Own && traffic.threads > 1 && !store.whole_writes(),
            torn: 0,
            files,
        }
    }

    /// One write and one read, so that what a store or an allocator sets up for each thread that uses it is
    /// there before the clock starts. What the read finds is not looked at: others warm up beside it.
    ///
    /// # Errors
    /// The store's.
    pub fn warm_up(&mut self) -> Answer<()> {
        let file = self.files.start;
        self.number += 1;
        self.payload.stamp(file as u64, self.number);
        for write in [Some(self.number), None] {
            self.next = (file, write);
            self.run()?;
        }
        Ok(())
    }

    /// One operation from choosing to checking, for a closed loop.
    ///
    /// # Errors
    /// The store's, and [`Failure::Failed`] for a wrong content.
    pub fn step(&mut self) -> Answer<()> {
        self.choose();
        self.run()?;
        self.check()
    }

    /// The number of its last write to a file, where it wrote to it.
    fn last_write(&self, file: usize) -> Option<u64> {
        let last = *self.last.get(file.checked_sub(self.files.start)?)?;
        (last != INITIAL).then_some(last)
    }

    /// Reads a file and tells the number of the write that it holds.
    fn read_now(&mut self, file: usize) -> Answer<u64> {
        self.store.read(&self.paths[file], &mut self.buffer)?;
        check_payload(&self.buffer, self.payload.size(), file as u64)
    }

    /// Whether what was read is one whole write to whichever file.
    fn is_whole(&self) -> bool {
        let key = self.buffer.first_chunk().map(|key| u64::from_le_bytes(*key));
        key.is_some_and(|key| check_payload(&self.buffer, self.payload.size(), key).is_ok())
    }
}

impl Operation for Worker<'_> {
    fn choose(&mut self) -> usize {
        let file = self.files.start + self.keys.next_key() as usize;
        if self.keys.chance(self.writes_in_100) {
            self.number += 1;
            self.payload.stamp(file as u64, self.number);
            self.next = (file, Some(self.number));
            WRITE
        } else {
            self.next = (file, None);
            READ
        }
    }

    fn run(&mut self) -> Answer<()> {
        let (file, write) = self.next;
        match write {
            Some(number) => {
                self.store.write(&self.paths[file], self.payload.bytes())?;
                self.last[file - self.files.start] = number;
                Ok(())
            }
            None => self.store.read(&self.paths[file], &mut self.buffer),
        }
    }

    fn check(&mut self) -> Answer<()> {
        let (file, None) = self.next else { return Ok(()) };
        let found = match check_payload(&self.buffer, self.payload.size(), file as u64) {
            Err(_) if self.may_tear && !self.is_whole() => {
                self.torn += 1;
                return Ok(());
            }
            found => found?,
        };
        let last = self.last[file - self.files.start];
        let mine = found >> WRITER == self.number >> WRITER;
        if found != last && (mine || found == INITIAL) {
            let what = format!("file {file} was read as write {found:#x}, which {last:#x} had replaced");
            return Err(Failure::failed(what));
        }
        self.checks += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Choice;
    use crate::workloads::traffic::Mix;
    use crate::workloads::wrong_store::{Flaw, WrongStore};

    #[test]
    fn what_warms_up_counts_as_a_write_and_as_no_check() {
        let store = WrongStore::new(Flaw::None);
        let traffic = Traffic {
            threads: 2,
            mix: Mix::ReadMostly,
            sharing: Sharing::Hot,
            keys: Choice::Uniform,
            payload: 256,
        };
        let workers = traffic.prepare(&store).expect("room");
        (0..2).for_each(|thread| workers.worker(thread).warm_up().expect("nothing fails"));
        assert_eq!(workers.finish().expect("the last write is there"), Checked { checks: 1, torn: None });
    }

    #[test]
    fn a_read_is_too_old_where_its_writer_or_the_reader_has_replaced_it() {
        let store = WrongStore::new(Flaw::None);
        let traffic = Traffic {
            threads: 2,
            mix: Mix::WriteOnly,
            sharing: Sharing::Hot,
            keys: Choice::Uniform,
            payload: 256,
        };
        let workers = traffic.prepare(&store).expect("room");
        let content = || {
            let mut bytes = Vec::new();
            store.read("/dir00/f00000", &mut bytes).expect("it is there");
            bytes
        };
        let mut versions = vec![content()];
        for thread in [0, 0, 1, 1] {
            workers.worker(thread).step().expect("nothing fails");
            versions.push(content());
        }
        let read = |thread: usize, version: usize| {
            store.write("/dir00/f00000", &versions[version]).expect("room");
            let mut worker = workers.worker(thread);
            worker.next = (0, None);
            worker.run().and_then(|()| worker.check())
        };
        for (thread, right) in [(0, [2, 3, 4].as_slice()), (1, &[1, 2, 4])] {
            for version in 0..versions.len() {
                // What another thread wrote may be old: the reader cannot know what was later.
                assert_eq!(read(thread, version).is_ok(), right.contains(&version), "{thread} {version}");
            }
        }
    }
}
