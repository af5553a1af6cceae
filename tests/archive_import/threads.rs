//! Entries that many threads unpack: dealt with in the order of the archive all the same.

use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use arcfs::{
    ArchiveFormat, ArchiveFormats, ArchiveInput, ArchiveProbe, ArchiveReader, EntryFate, EntryInfo,
    EntryKind, ErrorKind, ImportOptions, MemFs, OnConflict, import_archive,
};

use crate::archives::*;
use crate::support::*;

/// Runs on a pool of so many threads.
fn on<R: Send>(threads: usize, run: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run)
}

#[test]
fn what_became_of_entries_is_told_in_their_order() {
    // The early ones take longest; directories and what is left out take no time at all.
    let files: Vec<_> = (0..200).map(|n| format!("text {n} ").repeat((200 - n) * 40)).collect();
    let names: Vec<_> = (0..200).map(|n| format!("{}/{n}", n % 7)).collect();
    let mut entries: Vec<(&str, &[u8])> = Vec::new();
    for (n, (name, file)) in names.iter().zip(&files).enumerate() {
        if n % 20 == 3 {
            entries.push((["x/", "y/"][n / 20 % 2], b""));
        }
        if n % 50 == 7 {
            entries.push(("in the way", b"kept out"));
        }
        entries.push((name, file.as_bytes()));
    }
    let archive = stored(&entries);
    let told = |threads| {
        let fs = MemFs::new();
        fs.write("/in the way", b"first").unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let note = Arc::clone(&told);
        let options = options().on_conflict(OnConflict::Skip).on_entry(move |entry| {
            note.lock().unwrap().push((entry.name.to_owned(), entry.fate));
        });
        let report = on(threads, || import_archive(&fs, archive.clone(), "/", options).unwrap());
        assert_eq!((report.files, report.dirs, report.skipped.len()), (200, 10, 4));
        for (name, file) in names.iter().zip(&files) {
            assert_eq!(fs.read_to_string(format!("/{name}")).unwrap(), *file);
        }
        std::mem::take(&mut *told.lock().unwrap())
    };
    let fate = |name: &str| match name {
        "x/" | "y/" => EntryFate::Directory,
        "in the way" => EntryFate::Skipped,
        _ => EntryFate::Written,
    };
    let expected: Vec<_> = entries.iter().map(|(name, _)| ((*name).to_owned(), fate(name))).collect();
    for threads in [1, 2, 4] {
        assert_eq!(told(threads), expected, "{threads}");
    }
}

/// A zip that may have several entries of one name.
fn stored(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let raw = |(name, bytes): &(&str, &[u8])| RawEntry::stored(name.as_bytes(), bytes);
    raw_zip(b"", &entries.iter().map(raw).collect::<Vec<_>>())
}

#[test]
fn the_error_of_the_first_entry_is_told_whatever_fails_sooner() {
    let large = noise(1 << 20);
    let mut damaged = RawEntry::stored(b"damaged", &large);
    damaged.crc ^= 1;
    let before = RawEntry::stored(b"before", b"1");
    let conflict = RawEntry::stored(b"there", b"2"); // found out at once, and long before the checksum
    let bytes = raw_zip(b"", &[before, damaged, conflict]);
    for threads in [1, 2, 4] {
        let fs = MemFs::new();
        fs.write("/there", b"").unwrap();
        let (stats, told) = (fs.stats(), Arc::new(Mutex::new(Vec::new())));
        let note = Arc::clone(&told);
        let options = options().on_entry(move |entry| note.lock().unwrap().push(entry.name.to_owned()));
        let error = on(threads, || import_archive(&fs, bytes.clone(), "/", options).unwrap_err());
        assert_eq!((error.kind(), error.path()), (&ErrorKind::InvalidData, Some("damaged")));
        assert_eq!(*told.lock().unwrap(), ["before"]);
        assert_eq!((fs.stats(), fs.glob("**").unwrap()), (stats, vec!["/there".to_owned()]));
    }
}

/// A format whose entries can be unpacked beside each other, by the readers that `make` gives.
struct Beside<F> {
    names: Vec<String>,
    make: Arc<F>,
}

struct BesideReader<F> {
    names: std::vec::IntoIter<String>,
    at: usize,
    make: Arc<F>,
}

impl<F: Fn(usize) -> Box<dyn Read + Send> + Send + Sync + 'static> ArchiveFormat for Beside<F> {
    fn name(&self) -> &str {
        "beside"
    }
    fn detect(&self, _: &ArchiveProbe<'_>) -> io::Result<bool> {
        Ok(true)
    }
    fn open(&self, _: ArchiveInput) -> io::Result<Box<dyn ArchiveReader>> {
        let (names, make) = (self.names.clone().into_iter(), Arc::clone(&self.make));
        Ok(Box::new(BesideReader { names, at: 0, make }))
    }
}

impl<F: Fn(usize) -> Box<dyn Read + Send> + Send + Sync> ArchiveReader for BesideReader<F> {
    fn next_entry(&mut self) -> io::Result<Option<EntryInfo>> {
        self.at += 1;
        Ok(self.names.next().map(|name| EntryInfo::new(name, EntryKind::File)))
    }
    fn detach(&mut self) -> Option<Box<dyn Read + Send>> {
        Some((self.make)(self.at - 1))
    }
}

impl<F: Send> Read for BesideReader<F> {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        unreachable!("all are detached")
    }
}

fn import_beside(
    fs: &MemFs,
    names: Vec<String>,
    make: impl Fn(usize) -> Box<dyn Read + Send> + Send + Sync + 'static,
    options: ImportOptions,
) -> arcfs::Result<arcfs::ArchiveReport> {
    let formats = ArchiveFormats::none().with(Beside { names, make: Arc::new(make) });
    import_archive(fs, vec![0], "/", options.formats(formats))
}

/// One of those that are alive.
struct Alive(Arc<AtomicUsize>);

impl Alive {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Something that happens once, and can be waited for.
#[derive(Default)]
struct Event(Mutex<bool>, Condvar);

impl Event {
    fn happens(&self) {
        *self.0.lock().unwrap() = true;
        self.1.notify_all();
    }
    fn wait(&self) {
        drop(self.1.wait_while(self.0.lock().unwrap(), |happened| !*happened).unwrap());
    }
}

/// An empty entry that notes how many there are at once.
struct Empty(Alive, Arc<AtomicUsize>);

impl Read for Empty {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.1.fetch_max(self.0.0.load(Ordering::SeqCst), Ordering::SeqCst);
        Ok(0)
    }
}

#[test]
fn threads_go_ahead_by_so_many_entries_and_names() {
    let long = "n".repeat(250);
    let path = |n| format!("{}{n}", format!("{long}/").repeat(120)); // of 30 KiB
    for (names, most) in [
        ((0..6000).map(|n| format!("{n}")).collect::<Vec<_>>(), 4096),
        ((0..60).map(path).collect(), 1 + (1 << 20) / (4 * 30_000)),
    ] {
        for threads in [1, 4] {
            let (alive, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let (count, max) = (Arc::clone(&alive), Arc::clone(&seen));
            let make = move |_| Box::new(Empty(Alive::new(&count), Arc::clone(&max))) as Box<_>;
            let (fs, files) = (MemFs::new(), names.len() as u64);
            let report = on(threads, || import_beside(&fs, names.clone(), make, options()).unwrap());
            assert_eq!((report.files, fs.usage("/").unwrap().files), (files, files));
            let seen = seen.load(Ordering::SeqCst);
            assert!(seen <= if threads == 1 { 1 } else { most }, "{seen} with {threads} threads");
            assert_eq!(alive.load(Ordering::SeqCst), 0);
        }
    }
}

/// Bytes without end, byte by byte; on the thread that imports, none.
struct Endless(#[expect(dead_code, reason = "it counts")] Alive, Arc<Event>, thread::ThreadId);

impl Read for Endless {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.1.happens();
        if thread::current().id() == self.2 {
            return Ok(0);
        }
        buf[0] = 1;
        Ok(1)
    }
}

/// Nothing, once something has happened.
struct After(#[expect(dead_code, reason = "it counts")] Alive, Arc<Event>);

impl Read for After {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.1.wait();
        Ok(0)
    }
}

#[test]
fn whoever_leaves_early_does_not_wait_for_the_end_of_what_runs() {
    let fs = MemFs::new();
    let (stats, alive) = (fs.stats(), Arc::new(AtomicUsize::new(0)));
    let panic = on(4, || {
        let (count, begun, importing) =
            (Arc::clone(&alive), Arc::new(Event::default()), thread::current().id());
        let make = move |at| match at {
            0 => Box::new(After(Alive::new(&count), Arc::clone(&begun))) as Box<dyn Read + Send>,
            _ => Box::new(Endless(Alive::new(&count), Arc::clone(&begun), importing)),
        };
        let options = options().on_entry(|_| resume_unwind(Box::new("of a user")));
        let names = vec!["first".to_owned(), "endless".to_owned()];
        catch_unwind(AssertUnwindSafe(|| import_beside(&fs, names, make, options).map(drop))).unwrap_err()
    });
    assert_eq!(panic.downcast_ref(), Some(&"of a user"));
    assert_eq!(alive.load(Ordering::SeqCst), 0);
    assert_eq!(fs.stats(), stats);
}
