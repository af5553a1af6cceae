//! Which files of the host are taken, and what is known of them from then on.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use arcfs::MemFs;

use crate::transform;
use crate::{Outcome, RAW};

/// The most that is taken of a host without `--all`.
const CAP: u64 = 256 << 20;

/// What is to be imported: whole directories, and files of directories that are not taken whole.
#[derive(Debug, Default)]
pub struct Selection {
    trees: Vec<(PathBuf, String)>,
    single: Vec<(PathBuf, String)>,
    pub files: u64,
    pub bytes: u64,
}

/// One file on its way.
#[derive(Debug)]
pub struct Item {
    /// Its path below the directory of its stage, with a `/` before it.
    pub name: String,
    /// Its length before anything was done to it.
    pub len: u64,
    pub raw_sum: u64,
    /// The checksum of its text.
    pub text_sum: u64,
    /// The checksum of the packed file that it becomes.
    pub packed_sum: u64,
}

/// All items, and where to find them by name.
#[derive(Debug)]
pub struct Manifest {
    pub items: Vec<Item>,
    pub index: HashMap<String, usize>,
    pub bytes: u64,
}

/// Where the input is if nobody says: the sources of other crates, or else this one.
pub fn default_dir() -> PathBuf {
    let home = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let cargo = home("CARGO_HOME").or_else(|| home("HOME").map(|home| home.join(".cargo")));
    let sources = cargo.map(|cargo| cargo.join("registry").join("src"));
    match sources.filter(|sources| sources.is_dir()) {
        Some(sources) => sources,
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")),
    }
}

impl Selection {
    /// Takes `dir`: all of it, or what comes first, whole directories where they fit.
    pub fn of(dir: &Path, all: bool) -> io::Result<Self> {
        if !fs::metadata(dir)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let mut selection = Self::default();
        selection.add(dir, "", if all { u64::MAX } else { CAP })?;
        Ok(selection)
    }

    fn add(&mut self, dir: &Path, below: &str, cap: u64) -> io::Result<()> {
        let mut entries = fs::read_dir(dir)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        // What is being built or committed to would change while it is read.
        let in_motion = |entry: &fs::DirEntry| entry.file_name() == "target" || entry.file_name() == ".git";
        let (files, bytes) = size(dir)?;
        if bytes <= cap - self.bytes && !entries.iter().any(in_motion) {
            self.trees.push((dir.to_owned(), below.to_owned()));
            self.files += files;
            self.bytes += bytes;
            return Ok(());
        }
        if !below.is_empty() && bytes < cap / 4 {
            return Ok(()); // not worth a part of it
        }
        for entry in entries {
            let name = entry.file_name();
            let (Some(name), kind) = (name.to_str(), entry.file_type()?) else { continue };
            let path = format!("{below}/{name}");
            if kind.is_dir() && !in_motion(&entry) {
                self.add(&entry.path(), &path, cap)?;
            } else if kind.is_file() && entry.metadata()?.len() <= cap - self.bytes {
                self.files += 1;
                self.bytes += entry.metadata()?.len();
                self.single.push((entry.path(), path));
            }
        }
        Ok(())
    }

    /// Brings everything to the first stage; gives the number of entries that were skipped.
    pub fn import(&self, memory: &MemFs) -> Outcome<usize> {
        memory.create_dir_all(RAW)?;
        let mut skipped = 0;
        for (host, below) in &self.trees {
            skipped += memory.import_dir(host, format!("{RAW}{below}"))?.skipped.len();
        }
        let mut files = Vec::new();
        for (host, below) in &self.single {
            files.push((format!("{RAW}{below}"), fs::read(host)?));
        }
        memory.import_tree(files)?;
        Ok(skipped)
    }
}

/// Files and bytes below a directory.
fn size(dir: &Path) -> io::Result<(u64, u64)> {
    let (mut files, mut bytes) = (0, 0);
    let mut todo = vec![dir.to_owned()];
    while let Some(dir) = todo.pop() {
        let Ok(entries) = fs::read_dir(dir) else { continue }; // the import will list it
        for entry in entries {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                todo.push(entry.path());
            } else if kind.is_file() {
                files += 1;
                bytes += entry.metadata()?.len();
            }
        }
    }
    Ok((files, bytes))
}

impl Manifest {
    /// Notes what is in the first stage and what has to become of it.
    pub fn of(memory: &MemFs, threads: usize) -> Outcome<Self> {
        let mut names = Vec::new();
        for dir in memory.walk(RAW)? {
            let below = &dir.path[RAW.len()..];
            names.extend(dir.files.iter().map(|file| format!("{below}/{file}")));
        }
        let next = AtomicUsize::new(0);
        let work = || -> Outcome<Vec<(usize, Item)>> {
            let mut items = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(name) = names.get(at) else { return Ok(items) };
                let raw = memory.read(format!("{RAW}{name}"))?;
                let text = transform::normalise(&raw);
                let packed = transform::pack(&text)?;
                let item = Item {
                    name: name.clone(),
                    len: raw.len() as u64,
                    raw_sum: transform::checksum(&raw),
                    text_sum: transform::text_of(&text)?.1,
                    packed_sum: transform::checksum(&packed),
                };
                items.push((at, item));
            }
        };
        let mut items = std::thread::scope(|scope| -> Outcome<Vec<_>> {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            let mut items = Vec::new();
            for worker in workers {
                items.extend(worker.join().expect("it does not panic")?);
            }
            Ok(items)
        })?;
        items.sort_by_key(|(at, _)| *at);
        let items: Vec<_> = items.into_iter().map(|(_, item)| item).collect();
        let index = items.iter().enumerate().map(|(at, item)| (item.name.clone(), at)).collect();
        Ok(Self { bytes: items.iter().map(|item| item.len).sum(), items, index })
    }
}
