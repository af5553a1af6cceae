//! One thread at the limit: its files, what it knows of them, and its next step.
//!
//! A writer has files of its own and keeps a model of them, so every answer can be compared. It knows
//! nothing of how many bytes a store charges for a file.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::load::{Choice, Keys, Payload, check_payload};
use crate::store::{Answer, Failure, Store};

/// The sizes of files in bytes.
const SIZES: [usize; 4] = [1024, 2048, 4096, 8192];
/// Their mean.
pub const MEAN_SIZE: u64 = 3840;
/// A file that is there is removed, not overwritten, so often in a hundred times.
const REMOVED: u32 = 25;
/// One in so many refused writes is looked at at once; all are covered by the check at the end.
const SAMPLED: u64 = 16;

/// Bytes of payload that are certainly held: files count from the return of the write to the start of
/// what removes or replaces them.
///
/// Ordering: publishes nothing. Whatever is counted at a moment is held at that moment, because a writer adds
/// after and takes away before; the read-modify-writes of one location have one order.
#[derive(Debug)]
pub struct Held {
    bytes: AtomicU64,
    limit: u64,
}

impl Held {
    /// Nothing yet, and never more than `limit`.
    pub fn new(limit: u64) -> Self {
        Self { bytes: AtomicU64::new(0), limit }
    }

    fn more(&self, bytes: u64) -> Answer<()> {
        let held = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if held > self.limit {
            let (over, limit) = (held - self.limit, self.limit);
            return Err(Failure::failed(format!(
                "{held} bytes of files were held, {over} above the limit of {limit}"
            )));
        }
        Ok(())
    }

    fn less(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// What a writer did, and how long it was in the store.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Accepted writes.
    pub accepted: u64,
    /// Refused writes.
    pub refused: u64,
    /// The time in accepted writes and in removals.
    pub useful_time: Duration,
    /// The time in refused writes.
    pub refused_time: Duration,
    /// Answers that were compared.
    pub checks: u64,
}

impl Tally {
    /// All time in the store.
    pub fn time(&self) -> Duration {
        self.useful_time + self.refused_time
    }
}

/// What a file must hold.
#[derive(Clone, Copy, Debug)]
struct Content {
    number: u64,
    size: usize,
}

/// One thread with its files.
pub struct Writer<'store> {
    store: &'store dyn Store,
    held: &'store Held,
    thread: u64,
    paths: Vec<String>,
    contents: Vec<Option<Content>>,
    payloads: [Payload; SIZES.len()],
    keys: Keys,
    sizes: Keys,
    writes: u64,
    /// What it did so far.
    pub tally: Tally,
}

impl<'store> Writer<'store> {
    /// A writer without files, which may come to have `files`.
    pub fn new(store: &'store dyn Store, held: &'store Held, thread: u64, files: u64) -> Self {
        Self {
            store,
            held,
            thread,
            paths: (0..files).map(|file| format!("{}/f{file:04}", Self::dir(thread))).collect(),
            contents: vec![None; files as usize],
            payloads: SIZES.map(Payload::new),
            keys: Keys::new(Choice::Uniform, files, 2 * thread),
            sizes: Keys::new(Choice::Uniform, SIZES.len() as u64, 2 * thread + 1),
            writes: 0,
            tally: Tally::default(),
        }
    }

    /// The directory of a thread's files.
    pub fn dir(thread: u64) -> String {
        format!("/t{thread}")
    }

    /// How many files it may come to have.
    pub fn files(&self) -> u64 {
        self.paths.len() as u64
    }

    /// Writes each file once, always with the same sizes, and tells how many were accepted.
    ///
    /// # Errors
    /// A failure that is not a refusal, or a broken promise of the limit.
    pub fn fill(&mut self) -> Answer<u64> {
        let mut accepted = 0;
        for file in 0..self.paths.len() {
            accepted += u64::from(self.write(file, file % SIZES.len())?);
        }
        Ok(accepted)
    }

    /// Writes or removes one file chosen at random.
    ///
    /// # Errors
    /// As [`fill`](Self::fill).
    pub fn step(&mut self) -> Answer<()> {
        let file = self.keys.next_key() as usize;
        if self.contents[file].is_some() && self.keys.chance(REMOVED) {
            return self.remove(file);
        }
        let size = self.sizes.next_key() as usize;
        self.write(file, size).map(drop)
    }

    /// Removes all its files.
    ///
    /// # Errors
    /// The first file that cannot be removed.
    pub fn remove_all(&mut self) -> Answer<()> {
        let there = |file: &usize| self.contents[*file].is_some();
        let files: Vec<_> = (0..self.paths.len()).filter(there).collect();
        files.into_iter().try_for_each(|file| self.remove(file))
    }

    /// Checks all its files against what it knows, and tells how many.
    ///
    /// # Errors
    /// [`Failure::Failed`] with the first file that differs.
    pub fn check_all(&self) -> Answer<u64> {
        (0..self.paths.len()).try_for_each(|file| self.check(file, "at the end"))?;
        let mut listed = 0;
        self.store.list(&Self::dir(self.thread), &mut |_| listed += 1)?;
        let there = self.contents.iter().flatten().count();
        if listed != there {
            let dir = Self::dir(self.thread);
            return Err(Failure::failed(format!("{dir} lists {listed} files, {there} were accepted")));
        }
        Ok(self.files() + 1)
    }

    /// Whether the store accepted the write.
    fn write(&mut self, file: usize, size: usize) -> Answer<bool> {
        let old = self.contents[file].map_or(0, |content| content.size as u64);
        let new = SIZES[size] as u64;
        self.writes += 1;
        let bytes = self.payloads[size].stamp(self.key(file), self.writes);
        self.held.less(old.saturating_sub(new)); // while it is replaced, the smaller of the two is certain
        let start = Instant::now();
        let answer = self.store.write(&self.paths[file], bytes);
        let took = start.elapsed();
        match answer {
            Ok(()) => {
                self.tally.accepted += 1;
                self.tally.useful_time += took;
                self.contents[file] = Some(Content { number: self.writes, size: SIZES[size] });
                self.held.more(new.saturating_sub(old))?;
                Ok(true)
            }
            Err(Failure::Full) => {
                self.tally.refused += 1;
                self.tally.refused_time += took;
                self.held.more(old.saturating_sub(new))?;
                if self.tally.refused % SAMPLED == 1 {
                    self.check(file, "after a refused write")?;
                    self.tally.checks += 1;
                }
                Ok(false)
            }
            Err(other) => Err(other),
        }
    }

    fn remove(&mut self, file: usize) -> Answer<()> {
        let size = self.contents[file].take().map_or(0, |content| content.size as u64);
        self.held.less(size);
        let start = Instant::now();
        let answer = self.store.remove(&self.paths[file]);
        self.tally.useful_time += start.elapsed();
        answer.map_err(|failure| match failure {
            Failure::Full => {
                Failure::failed(format!("removing {} was refused for want of room", self.paths[file]))
            }
            other => other,
        })
    }

    /// Checks that a file holds what its last accepted write gave it, or is not there.
    fn check(&self, file: usize, when: &str) -> Answer<()> {
        let path = &self.paths[file];
        let Some(content) = self.contents[file] else {
            return check_absent(self.store, path);
        };
        let mut bytes = Vec::new();
        self.store.read(path, &mut bytes)?;
        let number = check_payload(&bytes, content.size, self.key(file))
            .map_err(|failure| Failure::failed(format!("{path} {when}: {failure}")))?;
        if number != content.number {
            return Err(Failure::failed(format!(
                "{path} {when}: it holds write {number}, not its last accepted write {}",
                content.number
            )));
        }
        Ok(())
    }

    fn key(&self, file: usize) -> u64 {
        self.thread << 32 | file as u64
    }
}

/// Checks that there is no file at a path.
///
/// # Errors
/// [`Failure::Failed`] where there is one.
pub fn check_absent(store: &dyn Store, path: &str) -> Answer<()> {
    match store.size(path) {
        Ok(size) => {
            Err(Failure::failed(format!("{path} is there with {size} bytes, though no write was accepted")))
        }
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_that_of_the_sizes() {
        assert_eq!(SIZES.iter().sum::<usize>() as u64, MEAN_SIZE * SIZES.len() as u64);
    }

    #[test]
    fn what_is_held_is_never_above_the_limit() {
        let held = Held::new(10);
        held.more(10).expect("as much as the limit");
        held.less(4);
        assert!(held.more(5).expect_err("one too many").to_string().contains("1 above the limit"));
    }
}
