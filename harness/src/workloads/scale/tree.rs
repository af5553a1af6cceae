//! The files of the scale workload: where each is, what it holds, and whether a store has them.

use std::fmt::Write;
use std::ops::Range;

use crate::load::{Choice, Keys, check_payload};
use crate::store::{Answer, Failure, Store};

/// Files in a directory.
pub const PER_DIR: u64 = 1_000;
/// Bytes of a file.
pub const SIZE: usize = 64;
/// Files that a check looks at, where looking at all would take too long.
const SAMPLE: u64 = 100;

/// Files below a root, in directories of [`PER_DIR`]. File `n` holds a payload of key `n`.
#[derive(Clone, Debug)]
pub struct Tree {
    root: &'static str,
    files: u64,
}

impl Tree {
    /// That many files below `root`.
    pub fn new(root: &'static str, files: u64) -> Self {
        Self { root, files }
    }

    /// The same files below another root.
    pub fn at(&self, root: &'static str) -> Self {
        Self { root, ..*self }
    }

    /// The directory of all.
    pub fn root(&self) -> &'static str {
        self.root
    }

    /// All files.
    pub fn files(&self) -> u64 {
        self.files
    }

    /// All directories but the root.
    pub fn dirs(&self) -> u64 {
        self.files.div_ceil(PER_DIR)
    }

    /// The path of a directory.
    pub fn dir(&self, dir: u64) -> String {
        format!("{}/d{dir:04}", self.root)
    }

    /// The files of a directory.
    pub fn files_of(&self, dir: u64) -> Range<u64> {
        dir * PER_DIR..((dir + 1) * PER_DIR).min(self.files)
    }

    /// Makes `paths` the paths of these files, in their order, reusing its memory.
    pub fn fill_paths(&self, files: impl IntoIterator<Item = u64>, paths: &mut Vec<String>) {
        let mut count = 0;
        for file in files {
            if count == paths.len() {
                paths.push(String::new());
            }
            let path = &mut paths[count];
            path.clear();
            write!(path, "{}/d{:04}/f{:03}", self.root, file / PER_DIR, file % PER_DIR)
                .expect("a string takes everything");
            count += 1;
        }
        paths.truncate(count);
    }

    /// The first file and some chosen at random: always the same, so that two checks look at the same files.
    fn sample(&self) -> (Vec<u64>, Vec<String>) {
        let mut keys = Keys::new(Choice::Uniform, self.files, 2);
        let files: Vec<_> = std::iter::once(0).chain((1..SAMPLE).map(|_| keys.next_key())).collect();
        let mut paths = Vec::new();
        self.fill_paths(files.iter().copied(), &mut paths);
        (files, paths)
    }

    /// Checks the content of a sample of files, and tells how many.
    ///
    /// # Errors
    /// [`Failure::Failed`] with the first file that differs.
    pub fn check_sample(&self, store: &dyn Store) -> Answer<u64> {
        let (files, paths) = self.sample();
        let mut bytes = Vec::new();
        for (file, path) in files.iter().zip(&paths) {
            store.read(path, &mut bytes)?;
            check_payload(&bytes, SIZE, *file)
                .map_err(|failure| Failure::failed(format!("{path}: {failure}")))?;
        }
        Ok(SAMPLE)
    }

    /// Checks that the last directory lists each of its files once, and tells how many.
    ///
    /// # Errors
    /// [`Failure::Failed`] with a name that is missing or too many.
    pub fn check_names(&self, store: &dyn Store) -> Answer<u64> {
        let dir = self.dirs() - 1;
        let mut missing: Vec<_> = self.files_of(dir).map(|file| format!("f{:03}", file % PER_DIR)).collect();
        let count = missing.len() as u64;
        let mut foreign = None;
        let mut names = Vec::new();
        store.list(&self.dir(dir), &mut |name| names.push(name.to_owned()))?;
        for name in names {
            match missing.binary_search(&name) {
                Ok(index) => drop(missing.remove(index)),
                Err(_) => foreign = Some(name),
            }
        }
        match (missing.first(), foreign) {
            (None, None) => Ok(count),
            (Some(name), _) => Err(Failure::failed(format!("{} does not list {name}", self.dir(dir)))),
            (None, Some(name)) => {
                Err(Failure::failed(format!("{} lists {name}, which is not there or twice", self.dir(dir))))
            }
        }
    }

    /// Checks that a sample of files is gone, and tells how many.
    ///
    /// # Errors
    /// [`Failure::Failed`] with the first file that is there.
    pub fn check_gone(&self, store: &dyn Store) -> Answer<u64> {
        let (_, paths) = self.sample();
        for path in &paths {
            if store.size(path).is_ok() {
                return Err(Failure::failed(format!("{path} is there though its directory was removed")));
            }
        }
        Ok(SAMPLE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_in_one_directory() {
        for files in [1, 999, 1_000, 1_001, 2_500] {
            let tree = Tree::new("/data", files);
            let all: Vec<_> = (0..tree.dirs()).flat_map(|dir| tree.files_of(dir)).collect();
            assert_eq!(all, (0..files).collect::<Vec<_>>());
        }
    }

    #[test]
    fn paths_replace_what_was_there() {
        let mut paths = vec![String::from("x"); 3];
        Tree::new("/data", 2_500).fill_paths([0, 1_999], &mut paths);
        assert_eq!(paths, ["/data/d0000/f000", "/data/d0001/f999"]);
    }
}
