//! Bad and extreme input, foreign code that panics or calls back, and handles that are misused:
//! nothing of it may panic in arcfs, hang, leak a byte or a lock, or pass a limit.

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::io::{Read, Seek, SeekFrom, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use arcfs::{
    Change, Chunks, Clock, Content, ContentReader, Diff, DirEntry, Error, ErrorKind, ExportIter,
    ExportOptions, ExportReport, File, GuardAction, ImportReport, MemFs, MemFsBuilder, MemoryGuard,
    MemorySource, Metadata, Name, OpenOptions, ReadDir, SkipReason, Skipped, Snapshot, Stats, Storage,
    SystemClock, Transaction, Usage, Walk, WalkDir,
};

const AT_ONCE: Option<Duration> = Some(Duration::ZERO);

/// More than anything here takes on a loaded machine: what takes longer hangs, or grows with a power
/// of its input.
const FOR_EVER: Duration = Duration::from_secs(20);

/// Runs what may panic; says whether it did.
fn panics<T>(run: impl FnOnce() -> T) -> bool {
    catch_unwind(AssertUnwindSafe(run)).is_err()
}

fn kind<T: Debug>(outcome: arcfs::Result<T>) -> ErrorKind {
    outcome.expect_err("it should have failed").kind().clone()
}

/// Nothing is held or open, and an emptied filesystem charges nothing.
#[track_caller]
fn assert_clean(fs: &MemFs) {
    fs.clear().unwrap();
    let stats = fs.stats();
    let left = (stats.used_bytes, stats.open_handles, stats.snapshots, stats.chunk_count, stats.dir_count);
    assert_eq!(left, (0, 0, 0, 0, 1), "{stats:?}");
}

fn writer(fs: &MemFs, path: &str) -> File {
    OpenOptions::new().write(true).create(true).lock_timeout(AT_ONCE).open(fs, path).unwrap()
}

#[test]
fn public_types_keep_their_promises() {
    fn shared<T: Send + Sync + Debug + 'static>() {}
    fn cheap<T: Clone>() {}
    shared::<MemFs>();
    shared::<MemFsBuilder>();
    shared::<File>();
    shared::<OpenOptions>();
    shared::<Snapshot>();
    shared::<Content>();
    shared::<Chunks>();
    shared::<ContentReader>();
    shared::<ReadDir>();
    shared::<DirEntry>();
    shared::<Walk>();
    shared::<WalkDir>();
    shared::<Name>();
    shared::<Metadata>();
    shared::<Stats>();
    shared::<Usage>();
    shared::<Change>();
    shared::<Diff>();
    shared::<ExportIter>();
    shared::<ExportOptions>();
    shared::<ExportReport>();
    shared::<ImportReport>();
    shared::<SkipReason>();
    shared::<Skipped>();
    shared::<Storage>();
    shared::<MemoryGuard>();
    shared::<GuardAction>();
    shared::<SystemClock>();
    shared::<Error>();
    shared::<ErrorKind>();
    fn debug<T: Debug + Send>() {}
    debug::<Transaction>();
    cheap::<MemFs>();
    cheap::<Snapshot>();
    cheap::<Content>();
    cheap::<ExportOptions>();
    cheap::<MemFsBuilder>();
    fn error<T: std::error::Error + Send + Sync + Into<std::io::Error>>() {}
    error::<Error>();
    fn stream<T: Read + Write + Seek>() {}
    stream::<File>();
    fn named<T: AsRef<str> + std::fmt::Display>() {}
    named::<Name>();
}

// ---- limits that are absurd ----

/// A sum that no `u64` holds must be refused, not wrap, however the pieces come together.
#[test]
fn overheads_that_do_not_add_up_are_refused() {
    let long = "x".repeat(100);
    for overhead in [u64::MAX, u64::MAX - 1, u64::MAX / 2, u64::MAX / 3, u64::MAX / 4, 1 << 62] {
        for node_overhead in [0, 1, overhead] {
            let builder = MemFs::builder().max_quota(u64::MAX).chunk_overhead(overhead);
            let fs = builder.node_overhead(node_overhead).lock_timeout(AT_ONCE).build().unwrap();
            let below = format!("/{long}/{long}/{long}/{long}/{long}");
            let _ = fs.create_dir_all(&below);
            let _ = fs.move_path("/nothing", &below);
            let _ = fs.import_tree([(&*below, "x")]);
            let _ = fs.write("/a", [1; 70_000]);
            let _ = fs.move_path("/a", &below);
            let _ = fs.transaction(|tx| tx.create_dir_all(&below));
            for bytes in [0, 1, 70_000, 1 << 62, u64::MAX - 1, u64::MAX] {
                let mut options = OpenOptions::new();
                options.write(true).create(true).preallocate(bytes).lock_timeout(AT_ONCE);
                if let Ok(mut file) = options.open(&fs, "/a") {
                    for size in [1, 100, 70_000, 300_000] {
                        let _ = file.write_at(&vec![1; size], 0);
                        let _ = file.write_at(&vec![1; size], file.len());
                        let _ = file.flush();
                        let _ = file.write_at(&vec![2; size], 0);
                    }
                    let _ = file.set_len(1);
                    let _ = file.write_at(&[3; 400_000], 1);
                    let _ = file.close();
                }
            }
            assert_clean(&fs);
        }
    }
}

/// The same where a part is paid already, by what was reserved or by what a draft has.
#[test]
fn what_cannot_be_counted_is_not_paid_in_part() {
    let builder = |overhead| MemFs::builder().max_quota(u64::MAX).node_overhead(0).chunk_overhead(overhead);
    let fs = builder(1 << 62).build().unwrap();
    let mut file = OpenOptions::new().write(true).create(true).preallocate(1).open(&fs, "/a").unwrap();
    assert!(matches!(kind(file.write_at(&[1; 300_000], 0)), ErrorKind::QuotaExceeded { .. }));
    file.write_at(&[1; 1], 0).unwrap();
    file.close().unwrap();
    assert_clean(&fs);

    let fs = MemFs::new();
    fs.write("/a", [1; 10]).unwrap();
    let fork = MemFs::from_snapshot(&fs.snapshot(), builder(u64::MAX - 25)).unwrap();
    let mut file = writer(&fork, "/a");
    file.write_at(&[2; 1], 10).unwrap();
    file.write_at(&[3; 20], 11).unwrap(); // there is room for it, not for joining it with the rest
    file.close().unwrap();
    assert_eq!(fork.metadata("/a").unwrap().len(), 31);
    assert_clean(&fork);
}

#[test]
fn a_filesystem_of_the_root_alone_refuses_all_growth() {
    let fs = MemFs::builder().max_nodes(1).max_depth(1).lock_timeout(AT_ONCE).build().unwrap();
    let limit = ErrorKind::NodeLimit { current: 1, limit: 1 };
    assert_eq!(kind(fs.write("/a", "")), limit);
    assert_eq!(kind(fs.append("/a", "")), limit);
    assert_eq!(kind(fs.create_dir("/a")), limit);
    assert_eq!(kind(fs.create_dir_all("/a")), limit);
    assert_eq!(kind(fs.create("/a")), limit);
    assert_eq!(kind(fs.import_tree([("/a", "")])), limit);
    assert_eq!(kind(fs.copy_dir_all("/", "/a")), limit);
    assert_eq!(kind(fs.copy_from(&fs.snapshot(), "/", "/a")), limit);
    assert_eq!(kind(fs.write("/a/b", "")), ErrorKind::InvalidPath);
    fs.set_max_nodes(u64::MAX);
    assert_eq!(kind(fs.copy_dir_all("/", "/a/b")), ErrorKind::InvalidPath);
    fs.copy_dir_all("/", "/a").unwrap();
    assert_eq!(kind(fs.copy_dir_all("/", "/b")), ErrorKind::InvalidPath); // /b/a
    fs.set_max_nodes(0);
    assert_eq!(kind(fs.create_dir("/b")), ErrorKind::NodeLimit { current: 2, limit: 0 });
    fs.remove_dir("/a").unwrap();
    assert_clean(&fs);
}

#[test]
fn a_quota_far_below_what_is_used_only_stops_growth() {
    let fs = MemFs::with_quota(64 << 20);
    fs.write("/a", [1; 100_000]).unwrap();
    let used = fs.stats().used_bytes;
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for worker in 0..2 {
            let (fs, stop) = (&fs, &stop);
            scope.spawn(move || {
                let path = format!("/{worker}");
                while !stop.load(SeqCst) {
                    let _ = fs.write(&path, [1; 5_000]);
                    let _ = fs.append(&path, [2; 70_000]);
                    let _ = fs.copy(&path, "/copy");
                    let _ = fs.remove_file("/copy");
                    let _ = fs.remove_file(&path);
                }
            });
        }
        for round in 0..200_u64 {
            fs.set_max_quota(if round % 2 == 0 { 10 } else { 1 << 20 });
            assert!(fs.stats().used_bytes <= (1 << 20).max(used));
            assert_eq!(fs.read("/a").unwrap().len(), 100_000);
        }
        stop.store(true, SeqCst);
    });
    fs.set_max_quota(0);
    assert_eq!(fs.stats().free_bytes, 0);
    assert!(matches!(kind(fs.write("/b", "x")), ErrorKind::QuotaExceeded { .. }));
    assert_clean(&fs);
}

#[test]
fn a_file_that_may_not_become_random_stays_as_it_was() {
    let fs = MemFs::builder().promotion_limit(0).build().unwrap();
    let mut file = writer(&fs, "/a");
    file.write_at(b"12", 0).unwrap();
    assert_eq!(kind(file.write_at(b"3", 0)), ErrorKind::Unsupported);
    assert_eq!(kind(file.write_at(b"3", 3)), ErrorKind::Unsupported);
    file.write_at(b"3", 2).unwrap();
    file.close().unwrap();
    assert_eq!(fs.read("/a").unwrap(), b"123");
    assert_clean(&fs);
}

// ---- positions and lengths ----

#[test]
fn no_position_in_a_file_panics() {
    let fs = MemFs::with_quota(1 << 20);
    let start = fs.stats().used_bytes;
    let ends = [0, 1, 65_535, 65_536, 65_537, 1 << 20, 1 << 40, i64::MAX as u64 - 1, i64::MAX as u64];
    let beyond = [i64::MAX as u64 + 1, u64::MAX - 1, u64::MAX];
    for storage in [Storage::Auto, Storage::Sequential, Storage::RandomAccess] {
        let fs = MemFs::builder().max_quota(1 << 20).storage(storage).build().unwrap();
        for at in ends.into_iter().chain(beyond) {
            let mut options = OpenOptions::new();
            let mut file = options.read(true).write(true).create(true).open(&fs, "/a").unwrap();
            let too_far = beyond.contains(&at);
            for outcome in [file.write_at(b"x", at).map(drop), file.set_len(at)] {
                if let Err(error) = outcome {
                    let quota = matches!(error.kind(), ErrorKind::QuotaExceeded { .. });
                    let invalid = matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported);
                    assert!(if too_far { invalid } else { quota || invalid }, "{at}: {error}");
                }
            }
            assert_eq!(file.read_at(&mut [0; 4], at.max(1 << 21)).unwrap(), 0);
            for to in [SeekFrom::Start(at), SeekFrom::Current(i64::MAX), SeekFrom::End(i64::MIN)] {
                let _ = file.seek(to);
                let _ = file.write(b"y");
                let _ = file.read(&mut [0; 4]);
                let _ = file.flush();
            }
            file.discard();
            let mut reader = fs.content("/a").unwrap().reader();
            for to in [SeekFrom::Start(at), SeekFrom::Current(i64::MAX), SeekFrom::End(i64::MIN)] {
                let _ = reader.seek(to);
                let _ = reader.read(&mut [0; 4]);
                std::io::BufRead::consume(&mut reader, usize::MAX);
                let _ = reader.read_to_end(&mut Vec::new());
            }
            assert_eq!(fs.content("/a").unwrap().read_at(&mut [0; 4], at.max(1 << 21)).unwrap(), 0);
        }
        assert_clean(&fs);
    }
    assert_eq!(fs.stats().used_bytes, start);
}

#[test]
fn a_preallocation_that_cannot_be_changes_nothing() {
    let fs = MemFs::with_quota(1 << 20);
    fs.write("/a", "old").unwrap();
    let used = fs.stats();
    for bytes in [1 << 20, i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX] {
        for path in ["/a", "/new"] {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true).preallocate(bytes);
            let kind = kind(options.open(&fs, path));
            assert!(matches!(kind, ErrorKind::QuotaExceeded { .. } | ErrorKind::InvalidInput), "{kind:?}");
        }
    }
    assert_eq!(fs.stats(), used);
    assert_eq!(fs.read("/a").unwrap(), b"old");
    assert_clean(&fs);
}

#[test]
fn reading_into_a_vector_with_room_keeps_its_room() {
    let fs = MemFs::new();
    fs.write("/a", "abc").unwrap();
    let mut out = Vec::with_capacity(1 << 30); // never touched
    out.extend_from_slice(b"before");
    assert_eq!(fs.read_into("/a", &mut out).unwrap(), 3);
    assert_eq!((&*out, out.capacity() >= 1 << 30), (&b"abc"[..], true));
    assert_clean(&fs);
}

// ---- names, paths, patterns ----

#[test]
fn names_are_measured_in_bytes_wherever_their_characters_end() {
    let fs = MemFs::new();
    for filler in ["x", "é", "日", "🦀"] {
        for len in [1, 4, 22, 23, 24, 25, 252, 253, 254, 255, 256, 257, 260] {
            let mut name = filler.repeat(len / filler.len());
            name.extend(std::iter::repeat_n('x', len - name.len()));
            assert_eq!(name.len(), len);
            let path = format!("/{name}");
            let outcome = fs.write(&path, "x");
            if len <= 255 {
                outcome.unwrap();
                assert_eq!(fs.glob(format!("/{}", "?".repeat(name.chars().count()))).unwrap(), [&*path]);
                assert_eq!(fs.read_dir("/").unwrap().next().unwrap().name(), name);
                fs.rename(&path, "/short").unwrap();
                fs.rename("/short", &path).unwrap();
                fs.remove_file(&path).unwrap();
            } else {
                assert_eq!(kind(outcome), ErrorKind::InvalidPath);
            }
        }
    }
    assert_clean(&fs);
}

#[test]
fn paths_of_a_megabyte_are_answered_at_once() {
    let fs = MemFs::new();
    fs.write("/a", "x").unwrap();
    let million = 1 << 20;
    let paths = [
        "x".repeat(million),
        "/".repeat(million),
        "\\".repeat(million),
        "/.".repeat(million / 2),
        "/..".repeat(million / 3),
        "x/../".repeat(million / 5),
        format!("{}{}", "/x".repeat(million / 2), "/..".repeat(million / 2)),
        format!("{}{}/a", "/x".repeat(million / 2), "/..".repeat(million / 2)),
        "\0".repeat(million),
        "日".repeat(million / 3),
        "/x".repeat(million / 2),
    ];
    let started = Instant::now();
    for path in &paths {
        let root_or_a = fs.exists(path);
        if let Err(error) = fs.metadata(path) {
            assert!(!root_or_a);
            assert_eq!(error.kind(), &ErrorKind::InvalidPath);
            let _ = (error.to_string(), format!("{error:?}"));
        }
        let _ = fs.write(path, "x");
        let _ = fs.import_tree([(path, "x"), (path, "y")]);
        let _ = fs.glob(path);
        let _ = fs.transaction(|tx| tx.create_dir_all(path));
    }
    assert!(started.elapsed() < FOR_EVER, "{:?}", started.elapsed());
    assert_clean(&fs);
}

#[test]
fn patterns_of_a_megabyte_are_answered_at_once() {
    let fs = MemFs::new();
    fs.import_tree(
        (0..200).map(|n| (format!("/{}/{}", "a".repeat(n % 100 + 1), "a".repeat(200)), "x")).take(100),
    )
    .unwrap();
    let million = 1 << 20;
    let patterns = [
        "*".repeat(million),
        "?".repeat(million),
        "*?".repeat(million / 2),
        "*a".repeat(120) + "b",
        "**/".repeat(million / 3),
        "**/*/".repeat(million / 5),
        "**/a*/".repeat(million / 6) + "b",
        "*/".repeat(million / 2),
        "[".repeat(million),
        "[]".repeat(million / 2),
        "[!]".repeat(million / 3),
        "[a]".repeat(million / 3),
        format!("[{}]*", "b".repeat(million)),
        format!("*[{}]", "b-z".repeat(million / 3)),
        format!("{}b", "*[a-z]".repeat(127)),
        "[a-".repeat(million / 3),
        "a/../".repeat(million / 5),
        "\0".repeat(million),
        "日*".repeat(million / 4),
    ];
    for pattern in &patterns {
        let started = Instant::now();
        if let Err(error) = fs.glob(pattern) {
            assert_eq!(error.kind(), &ErrorKind::InvalidPattern);
        }
        let took = started.elapsed();
        assert!(took < FOR_EVER, "{took:?} for {:?}...", pattern.chars().take(10).collect::<String>());
    }
    assert_clean(&fs);
}

#[test]
fn the_longest_path_that_there_can_be_takes_time_and_memory_in_proportion() {
    let fs = MemFs::new();
    let path = format!("/{}", "x".repeat(255)).repeat(512);
    let started = Instant::now();
    fs.create_dir_all(&path).unwrap();
    assert!(fs.is_dir(&path));
    assert_clean(&fs);
    let took = started.elapsed();
    assert!(took < FOR_EVER, "{took:?}");
}

/// Many files whose parents are all missing: each parent is looked for once.
#[test]
fn an_import_far_below_what_exists_is_not_quadratic() {
    let fs = MemFs::builder().max_depth(4096).build().unwrap();
    let deep = "/d".repeat(2_000);
    let files: Vec<_> = (0..1_000).map(|n| (format!("{deep}/{n}/f"), "x")).collect();
    let started = Instant::now();
    fs.import_tree(files).unwrap();
    let took = started.elapsed();
    assert_eq!(fs.stats().file_count, 1_000);
    assert!(took < FOR_EVER, "{took:?}");
    assert_clean(&fs);
}

// ---- foreign code that panics, lies or calls back ----

/// A clock that panics at one of its calls, and goes backwards at all of them.
#[derive(Debug, Default)]
struct BadClock {
    calls: AtomicU64,
    /// The call that panics; 0 for none.
    panic_at: AtomicU64,
    /// From there on, all of them.
    for_ever: AtomicBool,
}

impl BadClock {
    fn arm(&self, n: u64, for_ever: bool) {
        self.calls.store(0, SeqCst);
        self.for_ever.store(for_ever, SeqCst);
        self.panic_at.store(n, SeqCst);
    }
}

impl Clock for BadClock {
    fn now(&self) -> SystemTime {
        let call = self.calls.fetch_add(1, SeqCst) + 1;
        let at = self.panic_at.load(SeqCst);
        let strikes = at > 0 && (call == at || self.for_ever.load(SeqCst) && call > at);
        assert!(!strikes, "a clock that panics");
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000).saturating_sub(Duration::from_secs(call))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_secs(1_000_000).saturating_sub(Duration::from_secs(self.calls.load(SeqCst)))
    }
}

/// A bit of everything that changes something.
fn busy_day(fs: &MemFs) -> arcfs::Result<()> {
    fs.create_dir_all("/d/e")?;
    fs.write("/d/f", "1")?;
    fs.append("/d/f", "2")?;
    fs.set_modified("/d/f", SystemTime::now())?;
    let mut file = fs.create("/d/g")?;
    file.write_at(b"text", 0)?;
    let _ = file.flush();
    file.write_at(b"more", 4)?;
    drop(file);
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).atomic(true).preallocate(1000).open(fs, "/d/h")?;
    file.write_at(b"text", 0)?;
    file.commit()?;
    file.close()?;
    OpenOptions::new().write(true).open(fs, "/d/h")?.discard();
    let shared = OpenOptions::new().read(true).shared_lock(true).open(fs, "/d/f")?;
    shared.close()?;
    fs.copy("/d/f", "/d/c")?;
    fs.copy_dir_all("/d", "/d2")?;
    fs.rename("/d2", "/d3")?;
    fs.exchange("/d", "/d3")?;
    fs.transaction(|tx| {
        tx.write("/t", "x")?;
        tx.rename("/t", "/u")
    })?;
    fs.import_tree([("/i/1", "x"), ("/i/2", "y")])?;
    let snapshot = fs.snapshot();
    fs.remove_dir_all("/d")?;
    fs.restore(&snapshot)?;
    fs.copy_from(&snapshot, "/d", "/again")?;
    Ok(())
}

#[test]
fn a_clock_that_panics_leaves_nothing_behind() {
    let clock = Arc::new(BadClock::default());
    let builder = MemFs::builder().clock(Arc::clone(&clock) as Arc<dyn Clock>).lock_timeout(AT_ONCE);
    for for_ever in [false, true] {
        for n in 1.. {
            let fs = builder.clone().build().unwrap();
            clock.arm(n, for_ever);
            let panicked = panics(|| busy_day(&fs).unwrap());
            clock.arm(0, false);
            assert_clean(&fs);
            busy_day(&fs).unwrap();
            assert_clean(&fs);
            if !panicked {
                assert!(n > 15, "only {n} calls asked the clock");
                break;
            }
        }
    }
}

/// A file that is dropped while its thread panics must not panic again, whatever the clock does.
#[test]
fn a_clock_that_panics_does_not_abort_an_unwinding_thread() {
    let clock = Arc::new(BadClock::default());
    let builder = MemFs::builder().clock(Arc::clone(&clock) as Arc<dyn Clock>).lock_timeout(AT_ONCE);
    let fs = builder.build().unwrap();
    fs.write("/read", "x").unwrap();
    assert!(panics(|| {
        let _shared = OpenOptions::new().read(true).shared_lock(true).open(&fs, "/read").unwrap();
        let mut file = fs.create("/a").unwrap();
        file.write_at(b"lost", 0).unwrap();
        clock.arm(1, true);
        panic!("of the user");
    }));
    clock.arm(0, false);
    assert_eq!(fs.read("/a").unwrap(), b"");
    assert_clean(&fs);
}

#[derive(Debug, Default)]
struct BadSource {
    calls: AtomicU64,
    panic_at: AtomicU64,
    says: AtomicU64,
}

impl MemorySource for BadSource {
    fn available(&self) -> Option<u64> {
        let call = self.calls.fetch_add(1, SeqCst) + 1;
        assert!(call != self.panic_at.load(SeqCst), "a source that panics");
        Some(self.says.load(SeqCst)).filter(|says| *says != 1)
    }
}

#[test]
fn a_memory_source_that_panics_or_knows_nothing_leaves_nothing_behind() {
    let source = Arc::new(BadSource::default());
    source.says.store(u64::MAX, SeqCst);
    let guard = MemoryGuard::per_write(GuardAction::Refuse, Duration::ZERO)
        .with_source(Arc::clone(&source) as Arc<dyn MemorySource>);
    let builder = MemFs::builder().memory_guard(guard).lock_timeout(AT_ONCE);
    for n in 1.. {
        source.panic_at.store(0, SeqCst);
        let fs = builder.clone().build().unwrap();
        source.calls.store(0, SeqCst);
        source.panic_at.store(n, SeqCst);
        let panicked = panics(|| busy_day(&fs).unwrap());
        source.panic_at.store(0, SeqCst);
        assert_clean(&fs);
        if !panicked {
            assert!(n > 10);
            break;
        }
    }
    // On threads of the pool that reads the host.
    let host = tempfile::tempdir().unwrap();
    (0..20).for_each(|n| std::fs::write(host.path().join(n.to_string()), "x").unwrap());
    let fs = builder.clone().build().unwrap();
    source.calls.store(0, SeqCst);
    source.panic_at.store(5, SeqCst);
    assert!(panics(|| fs.import_dir(host.path(), "/")));
    source.panic_at.store(0, SeqCst);
    assert_clean(&fs);

    let fs = builder.build().unwrap();
    source.says.store(1, SeqCst); // unknown
    busy_day(&fs).unwrap();
    assert_clean(&fs);
    source.says.store(0, SeqCst);
    assert!(matches!(kind(fs.write("/a", "x")), ErrorKind::MemoryGuard { available: 0, .. }));
    assert_clean(&fs);
}

/// A path that does something whenever it is asked for.
struct Path<F>(F);

impl<F: Fn() -> &'static str> AsRef<str> for Path<F> {
    fn as_ref(&self) -> &str {
        (self.0)()
    }
}

#[test]
fn arguments_may_panic_or_use_the_filesystem_themselves() {
    let fs = MemFs::builder().lock_timeout(AT_ONCE).build().unwrap();
    let calls = Cell::new(0);
    let nosy = || {
        calls.set(calls.get() + 1);
        fs.write(format!("/by-the-way-{}", calls.get()), "x").unwrap();
        let _ = fs.transaction(|tx| tx.create_dir("/made"));
        drop(fs.snapshot());
        ["/a", "/b", "/a/c", "/..", "/d"][calls.get() % 5]
    };
    for _ in 0..10 {
        let _ = fs.write(Path(nosy), "x");
        let _ = fs.append(Path(nosy), "x");
        let _ = fs.rename(Path(nosy), Path(nosy));
        let _ = fs.copy(Path(nosy), Path(nosy));
        let _ = fs.create(Path(nosy));
        let _ = fs.exists(Path(nosy));
        let _ = fs.import_tree([(Path(nosy), "x"), (Path(nosy), "y")]);
        let _ = fs.transaction(|tx| {
            let _ = tx.write(Path(nosy), "x");
            let _ = tx.copy_from(&fs.snapshot(), Path(nosy), Path(nosy));
            tx.import_tree([(Path(nosy), "x"), (Path(nosy), "y")])
        });
    }
    let bad = || -> &'static str { panic!("an argument that panics") };
    assert!(panics(|| fs.write(Path(bad), "x")));
    assert!(panics(|| fs.import_tree([("/ok", "x")].into_iter().map(|entry| (Path(bad), entry.1)))));
    assert!(panics(|| fs.transaction(|tx| {
        tx.write("/never", "x")?;
        tx.write(Path(bad), "x")
    })));
    assert!(!fs.exists("/never"));

    struct Bad;
    impl From<Bad> for Content {
        fn from(_: Bad) -> Self {
            panic!("content that panics")
        }
    }
    assert!(panics(|| fs.write_owned("/never", Bad)));
    assert!(panics(|| fs.import_tree([("/never", Bad)])));
    let endless =
        std::iter::from_fn(|| Some(("/never", if fs.exists("/made") { panic!("mid-way") } else { "" })));
    assert!(panics(|| fs.import_tree(endless)));
    assert!(!fs.exists("/never"));
    assert_clean(&fs);
}

// ---- transactions ----

#[test]
fn a_transaction_that_panics_or_nests_leaves_no_trace() {
    let fs = MemFs::builder().lock_timeout(AT_ONCE).build().unwrap();
    fs.write("/a", "1").unwrap();
    let before = fs.stats();
    assert!(panics(|| fs.transaction::<()>(|tx| {
        tx.write("/b", [0; 100_000])?;
        tx.remove_file("/a")?;
        panic!("of the user")
    })));
    assert_eq!(fs.stats(), before);

    // An inner one on the same path is an operation of its own: the outer one never settles.
    let mut runs = 0_u64;
    let outcome = fs.transaction(|tx| {
        runs += 1;
        tx.append("/a", "outer")?;
        fs.transaction(|inner| inner.append("/a", "inner"))
    });
    assert!(matches!(kind(outcome), ErrorKind::Busy { .. }));
    assert_eq!(fs.read("/a").unwrap().len() as u64, 1 + 5 * runs);
    // Elsewhere it does not disturb.
    fs.transaction(|tx| {
        tx.write("/outer", "x")?;
        fs.transaction(|inner| inner.write("/inner", "x"))
    })
    .unwrap();
    assert!(fs.exists("/outer") && fs.exists("/inner"));

    // A handle that the closure opens, on a path of its own and on the same.
    let handle = RefCell::new(None);
    let outcome = fs.transaction(|tx| {
        tx.write("/a", "x")?;
        *handle.borrow_mut() = Some(writer(&fs, "/a"));
        Ok(())
    });
    assert!(matches!(kind(outcome), ErrorKind::Busy { .. }));
    handle.take().unwrap().discard();
    let outcome = fs.transaction(|tx| {
        let _file = writer(&fs, "/new"); // the transaction does not see it yet
        tx.write("/new", "x")
    });
    assert!(outcome.is_ok() || matches!(kind(outcome), ErrorKind::Busy { .. }));

    // Two that are swapped stay what they are, each for its own filesystem.
    let other = MemFs::new();
    fs.transaction(|a| {
        other.transaction(|b| {
            std::mem::swap(a, b);
            a.write("/in other", "x")?;
            b.write("/in fs", "x")
        })
    })
    .unwrap();
    assert!(fs.exists("/in fs") && other.exists("/in other"));

    // Called from its own clean-up.
    struct Undo<'a>(&'a MemFs);
    impl Drop for Undo<'_> {
        fn drop(&mut self) {
            self.0.write("/undone", "x").unwrap();
            let _ = self.0.transaction(|tx| tx.remove_file("/undone"));
        }
    }
    assert!(panics(|| fs.transaction::<()>(|tx| {
        let _undo = Undo(&fs);
        tx.write("/undone", "y")?;
        panic!("of the user")
    })));
    assert!(!fs.exists("/undone"));
    assert_clean(&fs);
}

// ---- handles ----

#[test]
fn handles_are_misused_without_consequences() {
    let fs = MemFs::builder().lock_timeout(AT_ONCE).build().unwrap();
    fs.create_dir_all("/d/e").unwrap();
    let mut file = writer(&fs, "/d/e/f");
    file.write_at(b"x", 0).unwrap();
    // The same file again in the same thread, with every sort of timeout that ends.
    for timeout in [Duration::ZERO, Duration::from_nanos(1), Duration::from_millis(1)] {
        let mut options = OpenOptions::new();
        let again = options.write(true).lock_timeout(Some(timeout)).open(&fs, "/d/e/f");
        assert!(matches!(kind(again), ErrorKind::Busy { .. }));
    }
    for (outcome, what) in [
        (fs.write("/d/e/f", "y"), "write"),
        (fs.rename("/d", "/x"), "rename of an ancestor"),
        (fs.exchange("/d", "/d/e"), "exchange"),
        (fs.remove_dir_all("/d"), "remove_dir_all"),
        (fs.clear(), "clear"),
        (fs.restore(&fs.snapshot()), "restore"),
        (fs.move_path("/d/e", "/y/z"), "move_path"),
    ] {
        let kind = kind(outcome);
        assert!(matches!(kind, ErrorKind::Busy { .. } | ErrorKind::InvalidInput), "{what}: {kind:?}");
    }
    // Copies of what is above it are not in the way.
    fs.copy_dir_all("/d", "/copy").unwrap();
    assert_eq!(fs.read("/copy/e/f").unwrap(), b"");
    // Closed by another thread, which is not the one that is named as the holder.
    thread::scope(|scope| scope.spawn(move || file.close().unwrap()).join().unwrap());
    assert_eq!(fs.read("/d/e/f").unwrap(), b"x");

    // Dropped by a thread that panics: discarded, though another thread wrote it.
    let mut file = writer(&fs, "/d/e/f");
    file.write_at(b"lost", 0).unwrap();
    let outcome = thread::spawn(move || {
        let _file = file;
        panic!("of the user");
    });
    assert!(outcome.join().is_err());
    assert_eq!(fs.read("/d/e/f").unwrap(), b"x");

    // Closed explicitly while a thread panics: that is a decision, and publishes.
    struct Closes(Option<File>);
    impl Drop for Closes {
        fn drop(&mut self) {
            self.0.take().unwrap().close().unwrap();
        }
    }
    let mut file = writer(&fs, "/d/e/f");
    file.write_at(b"kept", 0).unwrap();
    assert!(panics(|| {
        let _closes = Closes(Some(file));
        panic!("of the user");
    }));
    assert_eq!(fs.read("/d/e/f").unwrap(), b"kept");
    assert_clean(&fs);
}

#[test]
fn shared_locks_and_a_writer_without_patience_agree() {
    let fs = MemFs::builder().lock_timeout(AT_ONCE).build().unwrap();
    fs.write("/a", "x").unwrap();
    let share = || OpenOptions::new().read(true).shared_lock(true).lock_timeout(AT_ONCE).open(&fs, "/a");
    let readers: Vec<_> = (0..1_000).map(|_| share().unwrap()).collect();
    assert!(matches!(kind(fs.write("/a", "y")), ErrorKind::Busy { .. }));
    assert!(matches!(kind(fs.create("/a")), ErrorKind::Busy { .. }));
    assert!(share().is_ok()); // the writer that gave up is not in the way
    assert!(matches!(kind(fs.remove_file("/a")), ErrorKind::Busy { .. }));
    drop(readers);
    fs.write("/a", "y").unwrap();
    thread::scope(|scope| {
        for worker in 0..4 {
            let (fs, share) = (&fs, &share);
            scope.spawn(move || {
                for _ in 0..500 {
                    if worker % 2 == 0 { drop(share()) } else { drop(fs.write("/a", "z")) }
                }
            });
        }
    });
    fs.write("/a", "at the end it is free").unwrap();
    assert_clean(&fs);
}

/// A commit that is refused keeps its draft, and whoever closes without noticing is told again.
#[test]
fn a_timeout_beyond_all_clocks_is_one() {
    let fs = MemFs::builder().lock_timeout(Some(Duration::MAX)).build().unwrap();
    fs.write("/a", "x").unwrap();
    for timeout in [Some(Duration::MAX), Some(Duration::from_secs(u64::MAX)), None] {
        let file = fs.create("/a").unwrap();
        thread::scope(|scope| {
            let waits = scope.spawn(|| {
                OpenOptions::new()
                    .write(true)
                    .lock_timeout(timeout)
                    .open(&fs, "/a")
                    .unwrap()
                    .close()
                    .unwrap();
                fs.write("/a", "y").unwrap();
            });
            thread::yield_now();
            file.close().unwrap();
            waits.join().unwrap();
        });
    }
    fs.transaction(|tx| tx.write("/a", "z")).unwrap();
    assert_clean(&fs);
}

#[test]
fn ten_thousand_handles_are_as_good_as_one() {
    let fs = MemFs::builder().lock_timeout(AT_ONCE).build().unwrap();
    let mut files: Vec<_> = (0..10_000)
        .map(|n| {
            let mut file = writer(&fs, &format!("/{}/{n}", if n < 5_000 { "" } else { "." }));
            file.write_at(b"x", 0).unwrap();
            file
        })
        .collect();
    assert_eq!(fs.stats().open_handles, 10_000);
    assert!(matches!(kind(fs.clear()), ErrorKind::Busy { .. }));
    let half = files.split_off(5_000);
    thread::scope(|scope| {
        scope.spawn(move || drop(half));
        drop(files);
    });
    assert_eq!((fs.stats().open_handles, fs.stats().file_count), (0, 10_000));
    assert_clean(&fs);
}

#[test]
fn what_outlives_its_filesystem_works_and_is_freed_anywhere() {
    let fs = MemFs::builder().max_depth(4096).build().unwrap();
    fs.import_tree((0..3_000).map(|n| (format!("/d/{n}/f"), "x"))).unwrap();
    let snapshot = fs.snapshot();
    let (mut walk, mut list) = (fs.walk("/").unwrap(), fs.read_dir("/d").unwrap());
    let mut export = fs.iter_export_tree("/", ExportOptions::default()).unwrap();
    let mut file = writer(&fs, "/w");
    let (mut reader, content) = (fs.open("/d/1/f").unwrap(), fs.content("/d/2/f").unwrap());
    let (walk_next, list_next) = (walk.next(), list.next());
    assert!(walk_next.is_some() && list_next.is_some() && export.next().is_some());
    drop(fs);
    file.write_at(b"nobody will read this", 0).unwrap();
    file.flush().unwrap();
    assert_eq!(file.metadata().len(), 21);
    file.close().unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!((&*text, content.to_vec().unwrap()), ("x", b"x".to_vec()));
    assert_eq!((walk.count(), list.count(), export.count()), (3_001, 2_999, 2_999));
    let fork = MemFs::from_snapshot(&snapshot, MemFs::builder()).unwrap();
    assert_eq!(snapshot.diff(&fork.snapshot()).count(), 0);
    thread::spawn(move || drop((snapshot, reader, content))).join().unwrap();
    assert_eq!(fork.usage("/").unwrap().files, 3_000);
    assert_clean(&fork);
}

thread_local! {
    static KEPT: RefCell<Vec<Box<dyn std::any::Any>>> = const { RefCell::new(Vec::new()) };
}

/// A thread-local variable of the user is dropped when those of arcfs may be gone already.
#[test]
fn a_filesystem_may_end_with_its_thread() {
    let keep = |thing: Box<dyn std::any::Any>| KEPT.with(|kept| kept.borrow_mut().push(thing));
    let outer = MemFs::new();
    let other = outer.clone();
    let run = move || {
        keep(Box::new(())); // registered first, so dropped last
        let fs = MemFs::builder().max_depth(4096).build().unwrap();
        fs.create_dir_all("/gone/too").unwrap();
        fs.clear().unwrap(); // arcfs has used its own variables by now
        fs.create_dir_all("/d".repeat(4096)).unwrap();
        let mut file = writer(&other, "/last");
        file.write_at(b"words", 0).unwrap();
        keep(Box::new(fs.snapshot()));
        keep(Box::new(fs));
        keep(Box::new(file));
    };
    thread::Builder::new().stack_size(128 << 10).spawn(run).unwrap().join().unwrap();
    assert_eq!(outer.read("/last").unwrap(), b"words");
    assert_clean(&outer);
}

// ---- whole trees ----

#[test]
fn imports_are_judged_whatever_their_order() {
    let fs = MemFs::with_quota(1 << 30);
    let import = |paths: &[&str]| fs.import_tree(paths.iter().map(|path| (*path, "x")));
    for (paths, expected) in [
        (&["/a", "a"][..], ErrorKind::AlreadyExists),
        (&["/a/b", "/a//c/../b/"], ErrorKind::AlreadyExists),
        (&["/a/b", "\\a\\.\\b"], ErrorKind::AlreadyExists),
        (&["/a/b/c", "/a!", "/a"], ErrorKind::NotADirectory),
        (&["/a", "/a/b/c", "/a!"], ErrorKind::NotADirectory),
        (&["/a-b", "/a", "/a.b", "/a/b"], ErrorKind::NotADirectory),
        (&["/x", "/"], ErrorKind::NotADirectory),
        (&["/"], ErrorKind::IsADirectory),
        (&["/x", "/x", "/.."], ErrorKind::InvalidPath),
    ] {
        assert_eq!(kind(import(paths)), expected, "{paths:?}");
        let reversed: Vec<_> = paths.iter().rev().copied().collect();
        assert_eq!(kind(import(&reversed)), expected, "{reversed:?}");
        assert_eq!(fs.stats().used_bytes, 0);
    }
    // Files without parents, in the worst order.
    let deepest = "/d".repeat(511);
    import(&[&format!("{deepest}/f"), "/e/f", "/e!", "/d/f"]).unwrap();
    assert_eq!(kind(import(&[&format!("{deepest}/g/h")])), ErrorKind::InvalidPath);
    // A hundred thousand, mixed.
    let many = (0..100_000_u64).map(|n| n.wrapping_mul(7_919) % 100_000);
    let started = Instant::now();
    fs.import_tree(many.map(|n| (format!("/many/{}/{n}", n % 100), "x"))).unwrap();
    assert!(started.elapsed() < FOR_EVER);
    assert_eq!(fs.usage("/many").unwrap().files, 100_000);
    // Debug output of what is large stays small.
    let (snapshot, mut walk) = (fs.snapshot(), fs.walk("/").unwrap());
    walk.next();
    let mut list = fs.read_dir("/many").unwrap();
    list.next();
    let mut export = fs.iter_export_tree("/", ExportOptions::default()).unwrap();
    export.next();
    let empty = MemFs::new().snapshot();
    let mut diff = snapshot.diff(&empty);
    diff.next();
    let shown = format!("{fs:?}{snapshot:?}{walk:?}{list:?}{export:?}{diff:?}");
    assert!(shown.len() < 20_000, "{} bytes", shown.len());
    let shown = fs.transaction(|tx| {
        tx.remove_dir_all("/many")?;
        tx.import_tree((0..1_000).map(|n| (format!("/more/{n}"), "x")))?;
        Ok(format!("{tx:?}"))
    });
    assert!(shown.unwrap().len() < 2_000);
    drop((snapshot, walk, list, export, diff));
    assert_clean(&fs);
}

#[test]
fn content_goes_anywhere_and_is_charged_once() {
    let fs = MemFs::with_quota(1 << 20);
    let other = MemFs::with_quota(1 << 20);
    let bytes: Vec<u8> = (0..300_000_u32).map(|n| n as u8).collect();
    fs.write("/a", &bytes).unwrap();
    let (node, used) = (fs.stats().node_overhead, fs.stats().used_bytes);
    // Onto itself, again and again.
    for _ in 0..10 {
        fs.write_owned("/a", fs.content("/a").unwrap()).unwrap();
        fs.import_tree([("/a", fs.content("/a").unwrap())]).unwrap();
    }
    assert_eq!((fs.stats().used_bytes, fs.read("/a").unwrap()), (used, bytes.clone()));
    // Shared within, copied from elsewhere.
    let content = fs.content("/a").unwrap();
    fs.import_tree((0..50).map(|n| (format!("/d/{n}"), content.clone()))).unwrap();
    assert_eq!(fs.stats().used_bytes, used + 51 * node);
    other.import_tree([("/1", content.clone()), ("/2", other.content("/1").unwrap_or_default())]).unwrap();
    assert_eq!(other.read("/1").unwrap(), bytes);
    let full = kind(other.import_tree((0..10).map(|n| (format!("/d/{n}"), content.clone()))));
    assert!(matches!(full, ErrorKind::QuotaExceeded { .. }));
    assert!(!other.exists("/d"));
    // An append to what is shared leaves the others as they are.
    fs.append("/d/1", "more").unwrap();
    assert_eq!(fs.read("/d/2").unwrap(), bytes);
    drop(content);
    assert_clean(&fs);
    assert_clean(&other);
}

#[test]
fn a_tree_copied_into_itself_grows_to_its_limits_and_no_further() {
    let fs = MemFs::builder().max_quota(4 << 20).max_depth(20).max_nodes(50_000).build().unwrap();
    fs.write("/f", [1; 10_000]).unwrap();
    let error = (0..).find_map(|n| fs.copy_dir_all("/", format!("/{n}")).err()).unwrap();
    let full = matches!(error.kind(), ErrorKind::QuotaExceeded { .. } | ErrorKind::NodeLimit { .. });
    assert!(full || error.kind() == &ErrorKind::InvalidPath, "{error}");
    let stats = fs.stats();
    assert!(stats.used_bytes <= 4 << 20 && stats.file_count + stats.dir_count <= 50_000);
    assert_eq!(stats.chunk_count, 1);
    assert_eq!(kind(fs.exchange("/0", "/0/../0/f/../..")), ErrorKind::InvalidInput);
    assert!(fs.exchange("/1", "/1/0").is_err());
    assert_clean(&fs);
}

/// Sums that grow with each sharing copy, though nothing is charged for them, end at an error.
#[test]
fn shared_bytes_whose_charges_pass_every_sum_do_no_harm() {
    let builder = MemFs::builder().max_quota(u64::MAX).node_overhead(0).chunk_overhead(u64::MAX / 5);
    let fs = builder.build().unwrap();
    fs.write("/f", "x").unwrap();
    let outcomes: Vec<_> =
        (0..10).map(|n| fs.copy("/f", format!("/{n}")).map_err(|e| e.kind().clone())).collect();
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}"); // they take no room
    let _ = fs.copy_dir_all("/", "/d");
    let _ = fs.copy_from(&fs.snapshot(), "/", "/d");
    let _ = fs.transaction(|tx| {
        let _ = tx.copy_dir_all("/", "/d");
        tx.copy("/f", "/g")
    });
    let _ = fs.import_tree((0..10).map(|n| (format!("/i/{n}"), fs.content("/f").unwrap())));
    let _ = fs.write_owned("/g", fs.content("/f").unwrap());
    let _ = fs.stats();
    let mut file = writer(&fs, "/f");
    let _ = file.write_at(b"y", 0);
    let _ = file.close();
    assert_clean(&fs);
}

#[test]
fn forks_of_forks_share_and_each_pays_for_its_own() {
    for order in 0..6 {
        let quota = 1 << 20;
        let first = MemFs::with_quota(quota);
        first.write("/a", [1; 200_000]).unwrap();
        first.create_dir_all(format!("/{}/y", "long".repeat(20))).unwrap();
        let mut all = vec![first];
        for n in 0..4 {
            let above = all.last().unwrap();
            let fork = MemFs::from_snapshot(&above.snapshot(), MemFs::builder().max_quota(quota)).unwrap();
            assert_eq!(fork.stats().used_bytes, 0);
            fork.write(format!("/own-{n}"), [n; 100_000]).unwrap();
            fork.append("/a", [n; 10]).unwrap();
            all.push(fork);
        }
        // Each takes what all the others have; what is theirs is copied and charged.
        for (n, fs) in all.iter().enumerate() {
            for (m, source) in all.iter().enumerate() {
                let outcome = fs.copy_from(&source.snapshot(), "/", format!("/{n}-{m}"));
                let full =
                    matches!(outcome.as_ref().map_err(Error::kind), Err(ErrorKind::QuotaExceeded { .. }));
                assert!(full || outcome.is_ok());
                let stats = fs.stats();
                assert!(stats.used_bytes <= quota);
            }
        }
        // What one charges comes back to that one, whoever lets go last.
        let snapshots: Vec<_> = all.iter().map(MemFs::snapshot).collect();
        let contents: Vec<_> = all.iter().map(|fs| fs.content("/a").unwrap()).collect();
        for fs in &all {
            fs.clear().unwrap();
        }
        match order % 3 {
            0 => drop((contents, snapshots)),
            1 => drop((snapshots, contents)),
            _ => thread::scope(|scope| {
                scope.spawn(|| drop(snapshots));
                drop(contents);
            }),
        }
        // A fork of the versioned tree keeps what it grew from.
        if order < 3 && cfg!(arcfs_tree = "counted") {
            all.reverse();
        }
        while let Some(fs) = all.pop() {
            assert_clean(&fs);
        }
    }
}

#[test]
fn iterators_stay_at_their_instant_whatever_becomes_of_the_tree() {
    let fs = MemFs::new();
    fs.import_tree((0..2_000).map(|n| (format!("/d/{n}/f"), "x"))).unwrap();
    let (full, used) = (fs.snapshot(), fs.stats().used_bytes);
    let mut walk = fs.walk("/").unwrap();
    walk.next();
    walk.skip_current_dir();
    walk.skip_current_dir();
    assert!(walk.next().is_none() && walk.next().is_none());
    walk.skip_current_dir();
    drop(walk); // it still holds what it walked
    for round in 0..3 {
        let mut walk = fs.walk("/d").unwrap();
        let mut list = fs.read_dir("/d").unwrap();
        let mut export = fs.iter_export_tree("/", ExportOptions::default()).unwrap();
        assert!(walk.next().is_some() && list.next().is_some() && export.next().is_some());
        fs.clear().unwrap();
        let mut diff = full.diff(&fs.snapshot());
        diff.next().unwrap();
        if round == 1 {
            fs.write("/d", "a file now").unwrap();
        }
        fs.restore(&full).unwrap();
        assert_eq!((walk.count(), list.count(), export.count(), diff.count()), (2_000, 1_999, 1_999, 4_000));
        // Nodes that are made anew beside those of the snapshot are charged as those are.
        let most = if cfg!(not(arcfs_tree = "counted")) { 2 * used } else { used };
        assert!((used..=most).contains(&fs.stats().used_bytes), "{:?}", fs.stats());
    }
    drop(full);
    assert_clean(&fs);
}

// ---- times ----

#[test]
fn no_time_panics_wherever_it_comes_from() {
    #[derive(Debug)]
    struct Fixed(SystemTime);
    impl Clock for Fixed {
        fn now(&self) -> SystemTime {
            self.0
        }
        fn elapsed(&self) -> Duration {
            Duration::MAX
        }
    }
    let mut times = vec![SystemTime::UNIX_EPOCH];
    for step in [Duration::from_secs(1 << 62), Duration::from_secs(1 << 40), Duration::from_nanos(1)] {
        let (mut early, mut late) = (SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH);
        for _ in 0..4 {
            early = early.checked_sub(step).unwrap_or(early);
            late = late.checked_add(step).unwrap_or(late);
            times.extend([early, late]);
        }
    }
    // The very first and last that the host can express.
    for direction in [SystemTime::checked_sub, SystemTime::checked_add] {
        let mut time = SystemTime::UNIX_EPOCH;
        for bit in (0..=63).rev() {
            time = direction(&time, Duration::from_secs(1 << bit)).unwrap_or(time);
        }
        times.push(time);
        let more = direction(&time, Duration::from_nanos(999_999_999)).unwrap_or(time);
        times.push(more);
    }
    for time in times {
        let guard = MemoryGuard::per_write(GuardAction::Warn, Duration::MAX);
        let fs = MemFs::builder().clock(Arc::new(Fixed(time))).memory_guard(guard).build().unwrap();
        busy_day(&fs).unwrap();
        for path in ["/", "/d", "/d/f"] {
            fs.set_modified(path, time).unwrap();
            assert_eq!(fs.metadata(path).unwrap().modified(), time);
            let _ = format!("{:?}", fs.metadata(path).unwrap());
        }
        assert_eq!(fs.metadata("/").unwrap().created(), time);
        fs.append("/d/f", "x").unwrap();
        assert!(fs.metadata("/d/f").unwrap().modified() >= time);
        assert_clean(&fs);
    }
}

// ---- the host ----

#[cfg(all(unix, not(arcfs_host = "pathname")))]
#[test]
fn odd_trees_of_the_host_go_in_and_out() {
    use std::fs as host;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};

    let temporary = tempfile::tempdir().unwrap();
    let (from, to) = (temporary.path().join("from"), temporary.path().join("to"));
    host::create_dir_all(from.join("d")).unwrap();
    host::write(from.join("d/ordinary"), "x").unwrap();
    for name in ["\n", " ", "*", "a:b", "..a", "...", "日本", "\u{202e}x", "[!x]", "-rf", "~"] {
        host::write(from.join(name), name).unwrap();
    }
    host::write(from.join(std::ffi::OsStr::from_bytes(b"\xff")), "x").unwrap();
    host::write(from.join("back\\slash"), "x").unwrap();
    symlink("..", from.join("d/up")).unwrap();
    symlink("self", from.join("self")).unwrap();
    symlink("/dev/zero", from.join("zero")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(from.join("socket")).unwrap();
    host::create_dir(from.join("shut")).unwrap();
    host::set_permissions(from.join("shut"), host::Permissions::from_mode(0o000)).unwrap();

    let fs = MemFs::with_quota(1 << 20);
    let report = fs.import_dir(&from, "/in").unwrap();
    assert_eq!(report.files, 12);
    assert!(report.skipped.len() >= 6, "{report:?}");
    assert_eq!(fs.read("/in/\n").unwrap(), b"\n");
    // A file that claims to be larger than any memory is refused before it is read.
    host::File::create(from.join("huge")).unwrap().set_len(1 << 42).unwrap();
    let started = Instant::now();
    assert!(matches!(kind(fs.import_dir(&from, "/in2")), ErrorKind::QuotaExceeded { .. }));
    assert!(started.elapsed() < FOR_EVER && !fs.exists("/in2"));
    host::remove_file(from.join("huge")).unwrap();

    // Out, into what is there already and where it should not follow.
    host::create_dir_all(to.join("-rf")).unwrap();
    host::create_dir_all(temporary.path().join("outside")).unwrap();
    symlink("../outside", to.join("d")).unwrap();
    symlink("../outside/*", to.join("*")).unwrap();
    fs.set_modified("/in/~", SystemTime::UNIX_EPOCH + Duration::from_secs(i64::MAX as u64)).unwrap();
    let report = fs.export_dir("/in", &to).unwrap();
    assert_eq!(host::read_dir(temporary.path().join("outside")).unwrap().count(), 0);
    assert!(report.skipped.iter().any(|skipped| skipped.path.ends_with("d")), "{report:?}");
    assert_eq!(host::read(to.join("*")).unwrap(), b"*");
    // Back in, where a directory meets a file; below a file; nothing to nothing.
    assert_eq!(kind(fs.import_dir(&to, "/in")), ErrorKind::NotADirectory);
    host::remove_dir(to.join("-rf")).unwrap();
    assert!(fs.import_dir(&to, "/in").unwrap().files >= 10);
    assert!(fs.export_dir("/in", to.join("~/below")).is_err());
    assert!(fs.export_dir("/missing", &to).is_err());
    assert!(fs.export_dir("/in", "").is_err() || !host::exists("in").unwrap_or(true));
    assert!(fs.import_dir("", "/x").is_err() && fs.import_dir("/dev/null", "/x").is_err());
    assert!(fs.import_dir("\0", "/x").is_err() && fs.export_dir("/in", "\0").is_err());
    host::set_permissions(from.join("shut"), host::Permissions::from_mode(0o700)).unwrap();
    assert_clean(&fs);
}
