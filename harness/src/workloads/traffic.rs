//! Threads that read and replace whole files: the traffic of contention and of latency.
//!
//! This is the description: the mix, who shares what, the files. What a thread does and checks is in
//! the worker's module, the loops that drive it in [`load`](crate::load).

use std::sync::Arc;

use super::worker::{INITIAL, Worker, Workers};
use crate::load::{Choice, Payload};
use crate::store::{Answer, Store};
use crate::workload::Params;

/// How many of a hundred operations are writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    /// 95 reads, 5 writes.
    ReadMostly,
    /// As many reads as writes.
    Mixed,
    /// Writes.
    WriteOnly,
}

impl Mix {
    /// Every mix.
    pub const ALL: [Self; 3] = [Self::ReadMostly, Self::Mixed, Self::WriteOnly];

    /// Its name in parameters.
    pub fn name(self) -> &'static str {
        match self {
            Self::ReadMostly => "read-mostly",
            Self::Mixed => "mixed",
            Self::WriteOnly => "write-only",
        }
    }

    /// Writes in a hundred operations.
    pub fn writes_in_100(self) -> u32 {
        match self {
            Self::ReadMostly => 5,
            Self::Mixed => 50,
            Self::WriteOnly => 100,
        }
    }
}

/// What threads have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Each thread has a directory, in which it is alone, with its part of the files.
    Own,
    /// All threads use all files, which are in one directory.
    Shared,
    /// All threads use one file.
    Hot,
}

impl Sharing {
    /// Every way to share.
    pub const ALL: [Self; 3] = [Self::Own, Self::Shared, Self::Hot];

    /// Its name in parameters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Shared => "shared",
            Self::Hot => "hot",
        }
    }
}

/// What threads do, where and how.
#[derive(Clone, Copy, Debug)]
pub struct Traffic {
    /// The number of threads.
    pub threads: usize,
    /// Reads and writes.
    pub mix: Mix,
    /// What threads have in common.
    pub sharing: Sharing,
    /// Which file is next.
    pub keys: Choice,
    /// The size of each file.
    pub payload: usize,
}

impl Traffic {
    /// The parameters that say this.
    pub fn params(&self) -> Params {
        Params::new()
            .number("threads", self.threads as u64)
            .word("mix", self.mix.name())
            .word("sharing", self.sharing.name())
            .word("keys", self.keys.name())
            .number("payload", self.payload as u64)
    }

    /// What [`params`](Self::params) said.
    ///
    /// # Panics
    /// Where they are of another workload.
    pub fn from_params(params: &Params) -> Self {
        Self {
            threads: params.get("threads") as usize,
            mix: named(Mix::ALL, Mix::name, params.get_word("mix")),
            sharing: named(Sharing::ALL, Sharing::name, params.get_word("sharing")),
            keys: named(Choice::ALL, Choice::name, params.get_word("keys")),
            payload: params.get("payload") as usize,
        }
    }

    /// The number of files of all threads: 256, or one where it is hot. With the largest payload they are
    /// 16 MiB, and making them takes no longer than measuring, on a disk too.
    fn files(&self) -> usize {
        match self.sharing {
            Sharing::Hot => 1,
            Sharing::Own | Sharing::Shared => 256,
        }
    }

    /// Makes the files in `store`, and the threads' state.
    ///
    /// # Errors
    /// The store's.
    pub fn prepare<'a>(&self, store: &'a dyn Store) -> Answer<Workers<'a>> {
        let files = self.files();
        let (each, files) = match self.sharing {
            Sharing::Own => (files / self.threads, files / self.threads * self.threads),
            Sharing::Shared | Sharing::Hot => (files, files),
        };
        let directory = |file: usize| format!("/dir{:02}", file / each);
        let paths: Arc<[String]> = (0..files).map(|file| format!("{}/f{file:05}", directory(file))).collect();
        let mut payload = Payload::new(self.payload);
        for (key, path) in paths.iter().enumerate() {
            if key % each == 0 {
                store.create_dir_all(&directory(key))?;
            }
            store.write(path, payload.stamp(key as u64, INITIAL))?;
        }
        let worker = |thread: usize| {
            let first = if self.sharing == Sharing::Own { thread * each } else { 0 };
            Worker::new(store, Arc::clone(&paths), first..first + each, thread, self)
        };
        Ok(Workers::new((0..self.threads).map(worker)))
    }
}

fn named<T: Copy, const N: usize>(all: [T; N], name: fn(T) -> &'static str, word: &str) -> T {
    all.into_iter().find(|one| name(*one) == word).unwrap_or_else(|| panic!("there is no choice {word}"))
}
