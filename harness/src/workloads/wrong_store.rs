//! A store for tests that does everything, and on demand does it wrong.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::backend::{Backend, Setup, Side};
use crate::store::{Answer, Failure, Mode, OpenFile, Store};

/// What a store does wrong, at every [`EVERY`]-th operation of that kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing.
    None,
    /// A read gives what the file held before its last write.
    Stale,
    /// A read gives the beginning of the last write and the rest of the one before, or of another file.
    Torn,
    /// A read leaves out the end.
    Short,
    /// A read gives the bytes of another file, or of another place in the file.
    Other,
    /// A read has one bit flipped.
    Flipped,
    /// A write says that it was done, and was not.
    Lost,
    /// A write stops in the middle.
    Cut,
    /// Every read through a file that is open for writing gives what was there when it was opened.
    Behind,
}

/// Chosen to have no divisor in common with the sizes of batches.
const EVERY: u64 = 3;

macro_rules! backend {
    ($name:literal, $flaw:ident) => {
        Backend {
            name: $name,
            about: "a store for tests",
            side: Side::Rival,
            make: |_: &Setup| Ok(Box::new(WrongStore::new(Flaw::$flaw))),
        }
    };
}

/// The store without a flaw.
pub const RIGHT: Backend = backend!("right", None);

/// The stores with one flaw each.
pub const WRONG: [Backend; 7] = [
    backend!("stale", Stale),
    backend!("torn", Torn),
    backend!("short", Short),
    backend!("other", Other),
    backend!("flipped", Flipped),
    backend!("lost", Lost),
    backend!("cut", Cut),
];

/// The store whose flaw only reads and writes through one handle show.
pub const BEHIND: Backend = backend!("behind", Behind);

/// A file with what it held before its last write, or before it was opened to be written in pieces.
#[derive(Clone, Default)]
struct Versions {
    now: Vec<u8>,
    before: Vec<u8>,
}

/// See the module.
pub struct WrongStore {
    /// What it says of itself.
    pub whole_writes: bool,
    /// The operations that the flaw concerns, counted from 0, among which it may come.
    pub when: Range<u64>,
    flaw: Mutex<Flaw>,
    files: Mutex<HashMap<String, Versions>>,
    operations: AtomicU64,
}

impl WrongStore {
    /// An empty store with this flaw.
    pub fn new(flaw: Flaw) -> Self {
        Self {
            whole_writes: true,
            when: 0..u64::MAX,
            flaw: Mutex::new(flaw),
            files: Mutex::default(),
            operations: AtomicU64::new(0),
        }
    }

    /// Does something else wrong from now on.
    pub fn set_flaw(&self, flaw: Flaw) {
        *self.flaw.lock().expect("no panic") = flaw;
    }

    fn flaw(&self) -> Flaw {
        *self.flaw.lock().expect("no panic")
    }

    fn now_wrong(&self, flaws: &[Flaw]) -> bool {
        if !flaws.contains(&self.flaw()) {
            return false;
        }
        let operation = self.operations.fetch_add(1, Ordering::Relaxed);
        self.when.contains(&operation) && operation % EVERY == EVERY - 1
    }

    fn with<T>(&self, path: &str, use_it: impl FnOnce(&mut Versions) -> T) -> Answer<T> {
        let mut files = self.files.lock().expect("no panic");
        files.get_mut(path).map(use_it).ok_or_else(|| Failure::failed(format!("{path} is not there")))
    }

    /// What a read of `range` gives.
    fn answer(&self, path: &str, range: Range<usize>) -> Answer<Vec<u8>> {
        let files = self.files.lock().expect("no panic");
        let file = files.get(path).ok_or_else(|| Failure::failed(format!("{path} is not there")))?;
        let cut = |bytes: &[u8]| bytes[range.start.min(bytes.len())..range.end.min(bytes.len())].to_vec();
        let right = cut(&file.now);
        if right.is_empty()
            || !self.now_wrong(&[Flaw::Stale, Flaw::Torn, Flaw::Short, Flaw::Other, Flaw::Flipped])
        {
            return Ok(right);
        }
        let half = right.len() / 2;
        // Another file of that size, or another place in this one.
        let other = || {
            let other = files
                .iter()
                .find(|(name, file)| *name != path && file.now.len() >= range.start + right.len());
            other.map_or_else(
                || cut(&[&file.now[half..], &file.now[..half]].concat()),
                |(_, file)| cut(&file.now),
            )
        };
        Ok(match self.flaw() {
            Flaw::Stale => cut(&file.before),
            Flaw::Torn if file.before.is_empty() => [&right[..half], &other()[half..]].concat(),
            Flaw::Torn => [&right[..half], &cut(&file.before)[half..]].concat(),
            Flaw::Short => right[..right.len() - 8].to_vec(),
            Flaw::Other => other(),
            Flaw::Flipped => {
                let mut flipped = right;
                flipped[half] ^= 1;
                flipped
            }
            Flaw::None | Flaw::Lost | Flaw::Cut | Flaw::Behind => right,
        })
    }

    fn put(&self, path: &str, offset: Option<usize>, bytes: &[u8]) -> Answer<()> {
        if self.now_wrong(&[Flaw::Lost]) {
            return Ok(());
        }
        let bytes = if self.now_wrong(&[Flaw::Cut]) { &bytes[..bytes.len() / 2] } else { bytes };
        let mut files = self.files.lock().expect("no panic");
        let file = files.entry(path.to_owned()).or_default();
        match offset {
            None => file.before = std::mem::replace(&mut file.now, bytes.to_vec()),
            Some(offset) => {
                let end = file.now.len().max(offset + bytes.len());
                file.now.resize(end, 0);
                file.now[offset..offset + bytes.len()].copy_from_slice(bytes);
            }
        }
        Ok(())
    }
}

impl Store for WrongStore {
    fn whole_writes(&self) -> bool {
        self.whole_writes
    }

    fn create_dir_all(&self, _path: &str) -> Answer<()> {
        Ok(())
    }

    fn write(&self, path: &str, bytes: &[u8]) -> Answer<()> {
        self.put(path, None, bytes)
    }

    fn read(&self, path: &str, out: &mut Vec<u8>) -> Answer<()> {
        *out = self.answer(path, 0..usize::MAX)?;
        Ok(())
    }

    fn read_shared(&self, path: &str, each: &mut dyn FnMut(&[u8])) -> Answer<()> {
        // Pieces that do not end where words do.
        self.answer(path, 0..usize::MAX)?.chunks(1001).for_each(each);
        Ok(())
    }

    fn size(&self, path: &str) -> Answer<u64> {
        self.with(path, |file| file.now.len() as u64)
    }

    fn list(&self, _path: &str, _each: &mut dyn FnMut(&str)) -> Answer<()> {
        Err(Failure::Cannot("no workload of these lists"))
    }

    fn remove(&self, path: &str) -> Answer<()> {
        self.files.lock().expect("no panic").remove(path);
        Ok(())
    }

    fn copy_dir_all(&self, _from: &str, _to: &str) -> Answer<()> {
        Err(Failure::Cannot("no workload of these copies"))
    }

    fn remove_dir_all(&self, _path: &str) -> Answer<()> {
        Err(Failure::Cannot("no workload of these removes"))
    }

    fn open<'store>(&'store self, path: &str, mode: Mode) -> Answer<Box<dyn OpenFile + 'store>> {
        match mode {
            Mode::Read => {}
            Mode::Create => {
                drop(self.files.lock().expect("no panic").insert(path.to_owned(), Versions::default()));
            }
            Mode::Update => self.with(path, |file| file.before = file.now.clone())?,
        }
        let behind = mode == Mode::Update && self.flaw() == Flaw::Behind;
        Ok(Box::new(Handle { store: self, path: path.to_owned(), position: 0, behind }))
    }
}

struct Handle<'store> {
    store: &'store WrongStore,
    path: String,
    position: usize,
    behind: bool,
}

impl OpenFile for Handle<'_> {
    fn read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        let bytes = self.store.answer(&self.path, self.position..self.position + buf.len())?;
        buf[..bytes.len()].copy_from_slice(&bytes);
        // Fewer bytes than asked for are no flaw, but going on behind those that were asked for is.
        self.position += buf.len();
        Ok(bytes.len())
    }

    fn write(&mut self, bytes: &[u8]) -> Answer<()> {
        self.store.put(&self.path, Some(self.position), bytes)?;
        self.position += bytes.len();
        Ok(())
    }

    fn read_at(&mut self, buf: &mut [u8], offset: u64) -> Answer<()> {
        let range = offset as usize..offset as usize + buf.len();
        let bytes = if self.behind {
            self.store.with(&self.path, |file| file.before[range].to_vec())?
        } else {
            self.store.answer(&self.path, range)?
        };
        // What a short read leaves is what was in the buffer before.
        buf[..bytes.len()].copy_from_slice(&bytes);
        Ok(())
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> Answer<()> {
        self.store.put(&self.path, Some(offset as usize), bytes)
    }

    fn close(self: Box<Self>) -> Answer<()> {
        Ok(())
    }
}
