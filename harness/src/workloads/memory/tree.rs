//! Many files of one size, whose names arrive in random order.

use std::fmt::Write as _;

use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;

use crate::backend::{Backend, Setup};
use crate::load::{Payload, check_payload};
use crate::store::{Answer, Failure, Store};

/// At most so many files are read back.
const SAMPLE: u64 = 10_000;

/// Uses everything of a store that is used again later, so that what is set up once in a process is there;
/// with few files, because their memory stays resident and is used again.
///
/// # Errors
/// Those of the store.
pub fn warm_up(backend: &Backend) -> Answer<()> {
    let store = (backend.make)(&Setup::default())?;
    let mut tree = Tree::new(8, 1024, 4);
    tree.fill(&*store)?;
    tree.check(&*store).map(drop)
}

/// Files of one size, and everything needed to write them, allocated before anything is counted.
#[derive(Debug)]
pub struct Tree {
    /// The keys of the files in the order in which they are written.
    order: Vec<u32>,
    bytes: u64,
    per_directory: u64,
    payload: Option<Payload>,
    path: String,
    read: Vec<u8>,
}

impl Tree {
    /// Of `files` files of `bytes` bytes.
    pub fn new(files: u64, bytes: u64, per_directory: u64) -> Self {
        Self {
            order: shuffled(files),
            bytes,
            per_directory,
            payload: (bytes > 0).then(|| Payload::new(bytes as usize)),
            path: String::with_capacity(64),
            read: Vec::with_capacity(bytes as usize),
        }
    }

    /// Writes all files.
    ///
    /// # Errors
    /// Those of the store.
    pub fn fill(&mut self, store: &dyn Store) -> Answer<()> {
        let directories = (self.order.len() as u64).div_ceil(self.per_directory);
        for directory in 0..directories {
            set(&mut self.path, format_args!("/d{directory:04}"));
            store.create_dir_all(&self.path)?;
        }
        for &key in &self.order {
            let key = u64::from(key);
            locate(&mut self.path, key, self.per_directory);
            let bytes = self.payload.as_mut().map_or(&[][..], |payload| payload.stamp(key, 1));
            store.write(&self.path, bytes)?;
        }
        Ok(())
    }

    /// Checks sizes and contents of a sample, and the names in one directory; tells how many answers.
    ///
    /// # Errors
    /// Those of the store; [`Failure::Failed`] where an answer is wrong.
    pub fn check(&mut self, store: &dyn Store) -> Answer<u64> {
        let files = self.order.len() as u64;
        let mut checks = 0;
        for key in (0..files).step_by(files.div_ceil(SAMPLE) as usize) {
            locate(&mut self.path, key, self.per_directory);
            let size = store.size(&self.path)?;
            store.read(&self.path, &mut self.read)?;
            if size != self.bytes || self.read.len() as u64 != self.bytes {
                let path = &self.path;
                let read = self.read.len();
                return Err(Failure::failed(format!(
                    "{path} has {size} bytes and {read} were read, not {}",
                    self.bytes
                )));
            }
            if self.bytes > 0 {
                check_payload(&self.read, self.bytes as usize, key)?;
            }
            checks += 2;
        }
        let mut names = 0;
        store.list("/d0000", &mut |_| names += 1)?;
        let expected = self.per_directory.min(files);
        if names == expected {
            Ok(checks + 1)
        } else {
            Err(Failure::failed(format!("/d0000 lists {names} names, not {expected}")))
        }
    }
}

/// Makes `path` that of the file `key`. Names have 16 bytes and their order is not that of the keys.
fn locate(path: &mut String, key: u64, per_directory: u64) {
    let name = key.wrapping_mul(0x9e37_79b9_7f4a_7c15); // odd, so no two keys get the same
    set(path, format_args!("/d{:04}/{name:016x}", key / per_directory));
}

fn set(path: &mut String, text: std::fmt::Arguments<'_>) {
    path.clear();
    path.write_fmt(text).expect("a String takes any text");
}

/// The numbers below `count` in an order that is random and always the same.
pub fn shuffled(count: u64) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count as u32).collect();
    order.shuffle(&mut SmallRng::seed_from_u64(count));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_directories_hold_what_they_may() {
        let mut paths: Vec<String> = Vec::new();
        let mut path = String::new();
        for key in shuffled(2_500) {
            locate(&mut path, u64::from(key), 1_000);
            assert_eq!(path.len(), "/d0000/".len() + 16);
            paths.push(path.clone());
        }
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), 2_500);
        assert_eq!(paths.iter().filter(|path| path.starts_with("/d0002/")).count(), 500);
        assert_ne!(shuffled(100), (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn a_file_that_is_missing_other_or_too_many_is_noticed() {
        let backend = crate::backend::all().swap_remove(0);
        let noticed = |spoil: &dyn Fn(&dyn Store, &str) -> Answer<()>| {
            let store = (backend.make)(&Setup::default()).expect("a store");
            let mut tree = Tree::new(50, 64, 20);
            tree.fill(&*store).expect("room for all");
            assert_eq!(tree.check(&*store).expect("all is there"), 101);
            let mut path = String::new();
            locate(&mut path, 7, 20);
            spoil(&*store, &path).expect("it is spoiled");
            tree.check(&*store).is_err()
        };
        assert!(noticed(&|store, path| store.remove(path)));
        assert!(noticed(&|store, path| store.write(path, &[])));
        assert!(noticed(&|store, path| store.write(path, Payload::new(64).stamp(8, 1))));
        assert!(noticed(&|store, _| store.write("/d0000/another", &[])));
    }
}
