//! What is allocated against what is charged: nothing leaks, and the quota is honest.
//!
//! What counts as allocated is what came from the allocator of the process, and the blocks of contents:
//! these lie in slabs that are mapped, of which `ContentMemory` tells what is in use. What of the slabs
//! is not in use has tests of its own.
//!
//! Every allocation of this process is counted, so the tests run one after the other in a process
//! of their own. Beside what they check they print what one file, one directory and one chunk take:
//! the defaults of `chunk_overhead` and `node_overhead` are set from that.

#![allow(unsafe_code, reason = "a global allocator is unsafe to implement; this one only counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt;
use std::io::Write;
use std::sync::Barrier;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use arcfs::{Content, ContentMemory, ExportOptions, MemFs, OpenOptions, Storage};

// ---- counting ----

/// Counts the bytes that are allocated, as asked for and as an allocator hands them out.
struct Counting;

static ASKED: AtomicI64 = AtomicI64::new(0);
static TAKEN: AtomicI64 = AtomicI64::new(0);
/// Bytes asked for since the start, whatever has come back.
static EVER: AtomicI64 = AtomicI64::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What an allocation takes with a header of 8 bytes and blocks in steps of 16, 32 at least.
fn taken(size: usize) -> i64 {
    (size + 8).next_multiple_of(16).max(32) as i64
}

fn count(size: usize, sign: i64) {
    ASKED.fetch_add(sign * size as i64, Ordering::Relaxed);
    EVER.fetch_add(size as i64 * i64::from(sign > 0), Ordering::Relaxed);
    TAKEN.fetch_add(sign * taken(size), Ordering::Relaxed);
}

// SAFETY: every call is handed to the system's allocator as it came; counting touches two atomics
// and allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller of this promises.
        let pointer = unsafe { System.alloc(layout) };
        if !pointer.is_null() {
            count(layout.size(), 1);
        }
        pointer
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller of this promises.
        let pointer = unsafe { System.alloc_zeroed(layout) };
        if !pointer.is_null() {
            count(layout.size(), 1);
        }
        pointer
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        // SAFETY: as the caller of this promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as the caller of this promises.
        let moved = unsafe { System.realloc(pointer, layout, size) };
        if !moved.is_null() {
            count(layout.size(), -1);
            count(size, 1);
        }
        moved
    }
}

/// Bytes allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Live {
    /// As asked for.
    asked: i64,
    /// As an allocator hands them out.
    taken: i64,
}

impl Live {
    /// After all slabs without blocks, and what is noted of them, have gone.
    fn now() -> Self {
        ContentMemory::trim();
        let memory = ContentMemory::now();
        // Where slabs come from the allocator, they were counted whole.
        let slabs = if cfg!(all(target_os = "linux", not(arcfs_blocks = "portable"))) {
            0
        } else {
            memory.reserved() as i64
        };
        let blocks = memory.used() as i64 - slabs;
        Self { asked: ASKED.load(Ordering::Relaxed) + blocks, taken: TAKEN.load(Ordering::Relaxed) + blocks }
    }

    /// What is allocated more than at `start`.
    fn since(start: Self) -> Self {
        let now = Self::now();
        Self { asked: now.asked - start.asked, taken: now.taken - start.taken }
    }

    fn per(self, count: usize) -> Share {
        Share { asked: self.asked as f64 / count as f64, taken: self.taken as f64 / count as f64 }
    }
}

#[derive(Debug, Clone, Copy)]
struct Share {
    asked: f64,
    taken: f64,
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:7.1} asked for, {:7.1} taken", self.asked, self.taken)
    }
}

/// Whether `a` and `b` differ by at most `percent` of the smaller one.
fn assert_within(percent: i64, a: i64, b: i64, what: &str) {
    let difference = (a - b).abs();
    assert!(difference * 100 <= percent * a.min(b), "{what}: {a} and {b} differ by more than {percent} %");
}

// ---- what is measured ----

const FILES: usize = 10_000;

fn unlimited() -> MemFs {
    MemFs::with_quota(u64::MAX - 1)
}

/// Numbers from 0 on, each once, in an order without pattern.
fn shuffled(count: usize) -> Vec<usize> {
    let mut numbers: Vec<_> = (0..count).collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for at in (1..count).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        numbers.swap(at, (state % (at as u64 + 1)) as usize);
    }
    numbers
}

fn name(number: usize) -> String {
    format!("/of16bytes_{number:06}")
}

fn print(what: &str, share: Share) {
    println!("    {what:<44} {share}");
}

fn measure(what: &str, count: usize, make: impl FnOnce(&MemFs)) -> Share {
    let fs = unlimited();
    let start = Live::now();
    make(&fs);
    let share = Live::since(start).per(count);
    print(what, share);
    share
}

fn prints_what_things_take() {
    assert_eq!(name(7).len(), 1 + 16);
    for count in [1_000, FILES, 100_000] {
        measure(&format!("empty file, {count}, names in random order"), count, |fs| {
            shuffled(count).into_iter().for_each(|number| fs.write(name(number), b"").unwrap());
        });
        measure(&format!("empty file, {count}, names in sorted order"), count, |fs| {
            (0..count).for_each(|number| fs.write(name(number), b"").unwrap());
        });
        measure(&format!("empty file, {count}, imported at once"), count, |fs| {
            fs.import_tree((0..count).map(|number| (name(number), ""))).unwrap();
        });
    }
    for each in [1, 4, 10, 20, 30, 100] {
        measure(&format!("empty file, {each} in a directory, with it"), FILES, |fs| {
            for dir in 0..FILES / each {
                fs.create_dir(name(dir)).unwrap();
                (0..each).for_each(|file| fs.write(name(dir) + &name(file), b"").unwrap());
            }
        });
    }
    measure("empty directory, names in random order", FILES, |fs| {
        shuffled(FILES).into_iter().for_each(|number| fs.create_dir(name(number)).unwrap());
    });
    measure("directory with one directory in it", 4_000, |fs| {
        for top in 0..20 {
            fs.create_dir_all(name(top) + &"/d".repeat(199)).unwrap();
        }
    });
    measure("file of one byte, names in random order", FILES, |fs| {
        shuffled(FILES).into_iter().for_each(|number| fs.write(name(number), b"x").unwrap());
    });
    for chunks in [1, 2, 3, 16, 1000] {
        let bytes = vec![1; chunks * 65_536];
        let files = (2_000 / chunks).clamp(1, 100);
        let fs = unlimited();
        (0..files).for_each(|number| fs.write(name(number), b"").unwrap());
        let start = Live::now();
        (0..files).for_each(|number| fs.write(name(number), &bytes).unwrap());
        let live = Live::since(start);
        let payload = (files * bytes.len()) as i64;
        let beside = Live { asked: live.asked - payload, taken: live.taken - payload };
        print(&format!("chunk beside its bytes, {chunks} in a file"), beside.per(files * chunks));
    }
    let long = |number| format!("/{}{number:06}", "x".repeat(94));
    let start = Live::now();
    let short_names = unlimited();
    shuffled(FILES).into_iter().for_each(|number| short_names.write(name(number), b"").unwrap());
    let short = Live::since(start).per(FILES);
    let start = Live::now();
    let long_names = unlimited();
    shuffled(FILES).into_iter().for_each(|number| long_names.write(long(number), b"").unwrap());
    let live = Live::since(start).per(FILES);
    let beside = Share { asked: live.asked - short.asked - 100.0, taken: live.taken - short.taken - 100.0 };
    print("name of 100 bytes beside its bytes", beside);
}

// ---- what is checked ----

/// Runs `scenario` once to warm up, and once more, after which as much must be allocated as before.
fn assert_leaves_nothing(what: &str, mut scenario: impl FnMut()) {
    scenario();
    let start = Live::now();
    scenario();
    assert_eq!(Live::since(start), Live { asked: 0, taken: 0 }, "{what} leaves something behind");
}

/// Makes `parking_lot` allocate what it keeps for ever: a table of those who sleep, made when a thread
/// has to sleep for the first time, which in most runs none does. It has room for five threads.
fn sleep_once() {
    let lock = parking_lot::Mutex::new(());
    let _held = lock.lock();
    assert!(lock.try_lock_for(Duration::from_millis(1)).is_none());
}

/// A call that is refused.
type Refused = fn(&MemFs) -> arcfs::Result<()>;

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).lock_timeout(Some(Duration::ZERO));
    options
}

/// `/d/f` is held, `/f` and `/large` are not, and there is hardly any room.
fn crowded() -> (MemFs, arcfs::File) {
    let fs = MemFs::new();
    fs.import_tree([("/f", vec![1; 10]), ("/large", vec![2; 200_000]), ("/d/f", vec![3; 70_000])]).unwrap();
    let held = options().open(&fs, "/d/f").unwrap();
    fs.set_max_quota(fs.stats().used_bytes + 1000);
    fs.set_max_nodes(6);
    (fs, held)
}

const REFUSED: &[(&str, Refused)] = &[
    ("an invalid path", |fs| fs.write("/..", b"")),
    ("a missing parent", |fs| fs.write(format!("/no/{}", "x".repeat(99)), [0; 5000])),
    ("a write over a directory", |fs| fs.write("/d", [0; 5000])),
    ("a write without room", |fs| fs.write("/f", [0; 5000])),
    ("a write of many chunks without room", |fs| fs.write_owned("/f", vec![0; 500_000])),
    ("an append without room", |fs| fs.append("/large", [0; 5000])),
    ("a write to a held file", |fs| options().open(fs, "/d/f").map(drop)),
    ("a node too many", |fs| fs.create_dir_all("/a/b/c/d")),
    ("a copy of too many nodes", |fs| fs.copy_dir_all("/", "/d/copy")),
    ("a foreign copy without room", |fs| {
        let other = MemFs::new();
        other.import_tree([("/d/a", vec![0; 100_000]), ("/d/b", vec![0; 100_000])])?;
        fs.set_max_nodes(100);
        let copied = fs.copy_from(&other.snapshot(), "/d", "/copy");
        fs.set_max_nodes(6);
        copied.map(drop)
    }),
    ("a long name without room", |fs| {
        fs.set_max_quota(0);
        let renamed = fs.rename("/f", format!("/{}", "x".repeat(99)));
        fs.set_max_quota(fs.stats().used_bytes + 1000);
        renamed
    }),
    ("a move of what is held", |fs| fs.move_path("/d", "/e")),
    ("an import below a file", |fs| fs.import_tree([("/new", vec![0; 5000]), ("/f/x", vec![0; 5000])])),
    ("an import without room", |fs| fs.import_tree([("/f", vec![0; 500_000])])),
    ("an import of too many nodes", |fs| fs.import_tree((0..100).map(|n| (name(n), "text")))),
    ("an import over a held file", |fs| fs.import_tree([("/d/f", "text")])),
    ("a restore while a file is held", |fs| fs.restore(&fs.snapshot())),
    ("a fork over its limit", |fs| {
        MemFs::from_snapshot(&fs.snapshot(), MemFs::builder().max_nodes(2)).map(drop)
    }),
    ("a preallocation without room", |fs| {
        options().truncate(true).preallocate(1 << 30).open(fs, "/f").map(drop)
    }),
    ("a handle that runs out of room", |fs| {
        let mut file = options().open(fs, "/f")?;
        file.write_at(&[4; 300], 5)?;
        let written = file.write_at(&[5; 70_000], 100_000).map(drop);
        file.discard();
        written
    }),
    ("an overwrite that runs out of room", |fs| {
        let mut file = options().open(fs, "/large")?;
        let written = file.write_at(b"x", 70_000).map(drop);
        file.close()?;
        written
    }),
    ("a transaction that ends in an error", |fs| {
        fs.transaction(|tx| {
            tx.move_path("/f", "/d/g")?;
            tx.append("/d/g", [1; 100])?;
            tx.write("/large", [0; 5000])
        })
    }),
    ("a transaction on a held file", |fs| {
        fs.transaction(|tx| tx.append("/f", "x").and(tx.write("/d/f", "x")))
    }),
    ("bytes that are not text", |fs| {
        fs.write("/f", [0xff])?;
        fs.read_to_string("/f").map(drop)
    }),
    ("a malformed pattern", |fs| fs.glob("/a*/[b").map(drop)),
];

fn every_refused_call_gives_back_its_memory() {
    for (what, call) in REFUSED {
        let (fs, held) = crowded();
        assert_leaves_nothing(what, || drop(call(&fs).expect_err(what)));
        drop(held);
    }
}

#[cfg(feature = "testing")]
fn every_injected_failure_gives_back_its_memory() {
    use arcfs::testing::{Fault, Injected};

    let foreign = MemFs::new();
    foreign.import_tree([("/d/a", vec![0; 100_000]), ("/d/b", vec![0; 100_000])]).unwrap();
    let foreign = foreign.snapshot();
    type Call<'a> = &'a dyn Fn(&MemFs) -> arcfs::Result<()>;
    let calls: &[Call<'_>] = &[
        &|fs| fs.write("/large", vec![1; 300_000]),
        &|fs| fs.write_owned("/new", vec![1; 300_000]),
        &|fs| fs.append("/large", vec![1; 100_000]),
        &|fs| fs.copy_from(&foreign, "/d", "/copy").map(drop),
        &|fs| fs.import_tree([("/a/b", vec![1; 100_000]), ("/a/c", vec![2; 10])]),
        &|fs| options().open(fs, "/large")?.write_at(&[1; 100_000], 50_000).map(drop),
        &|fs| options().create(true).preallocate(100_000).open(fs, "/new").map(drop),
        &|fs| fs.export_tree("/", ExportOptions::default()).map(drop),
    ];
    for call in calls {
        for fault in [Fault::Charge, Fault::Node, Fault::Allocation] {
            for n in 1.. {
                let fs = MemFs::new();
                fs.write("/large", vec![3; 200_000]).unwrap();
                let mut struck = false;
                // A failed call must leave nothing; one that found another way has done its work.
                let mut failed = || {
                    let fault = Injected::new(fault, n);
                    let outcome = call(&fs);
                    struck = fault.struck();
                    outcome.is_err()
                };
                if failed() {
                    assert_leaves_nothing("an injected failure", || assert!(failed()));
                }
                if !struck {
                    break;
                }
            }
        }
    }
}

/// A bit of everything, all of it dropped in the end.
fn a_life() {
    let fs = MemFs::new();
    let other = MemFs::builder().storage(Storage::RandomAccess).build().unwrap();
    for number in 0..300 {
        let bytes = vec![number as u8; number * 997 % 150_000];
        fs.create_dir_all(format!("/d{}/e", number % 7)).unwrap();
        fs.write(format!("/d{}/e{}", number % 7, name(number)), &bytes).unwrap();
        fs.append(format!("/d{}/log", number % 7), &bytes[..bytes.len().min(100)]).unwrap();
        other.write(format!("/{}{number}", "long".repeat(10)), &bytes).unwrap();
    }
    let before = fs.snapshot();
    let mut file = options().open(&fs, "/d3/log").unwrap();
    file.write_all(&[9; 100_000]).unwrap();
    file.write_at(&[8; 10], 5).unwrap();
    file.set_len(200_000).unwrap();
    file.flush().unwrap();
    file.write_all(&[7; 10]).unwrap();
    let reading = fs.open("/d3/log").unwrap();
    fs.copy_dir_all("/d1", "/d2/copied").unwrap();
    fs.copy_from(&other.snapshot(), "/", "/other").unwrap();
    fs.exchange("/d4", "/d5").unwrap();
    fs.set_modified("/d4", SystemTime::now()).unwrap();
    fs.rename("/d6", format!("/{}", "x".repeat(200))).unwrap();
    let content = fs.content("/d0/log").unwrap();
    let mut walk = fs.walk("/").unwrap();
    walk.next();
    let mut exported = fs.iter_export_tree("/d2", ExportOptions::default()).unwrap();
    exported.next();
    let fork = MemFs::from_snapshot(&before, MemFs::builder()).unwrap();
    fork.write("/only here", b"x").unwrap();
    assert_eq!(fork.snapshot().diff(&before).count(), 1);
    fs.remove_dir_all("/other").unwrap();
    fs.transaction(|tx| {
        tx.write(format!("/{}", "y".repeat(99)), vec![1; 100_000])?;
        assert!(tx.read("/missing").is_err() && tx.usage("/").is_ok());
        tx.move_path("/d0", "/moved/d0")
    })
    .unwrap();
    let _ =
        fs.transaction(|tx| tx.write("/gone", vec![1; 100_000]).and(Err::<(), _>(arcfs::Error::other("no"))));
    drop(file);
    fs.restore(&before).unwrap();
    // All four at once, so that what is kept for each thread is the same each time: none comes when
    // another has ended, and none begins to read while another writes. And joined, which waits for
    // what a thread frees as it ends.
    let together = Barrier::new(4);
    let in_thread = &|thread: usize| {
        assert!(fs.is_dir("/"));
        together.wait();
        fs.write(format!("/thread{thread}"), vec![1; 100_000]).unwrap();
        together.wait();
    };
    std::thread::scope(|scope| {
        let threads = [0, 1, 2, 3].map(|thread| scope.spawn(move || in_thread(thread)));
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    assert!(fs.glob("/**/log").unwrap().len() >= 7);
    drop(other);
    drop(fs);
    assert!(content.len() + reading.len() > 0 && before.exists("/d3/log"));
    drop((walk, exported, fork, before, content, reading));
}

fn a_whole_life_gives_back_its_memory() {
    assert_leaves_nothing("a whole life", a_life);
}

fn an_emptied_filesystem_takes_what_a_new_one_does() {
    let fs = unlimited();
    fs.write("/warm", b"").unwrap();
    fs.clear().unwrap();
    let start = Live::now();
    for round in 0..3 {
        shuffled(FILES).into_iter().for_each(|number| fs.write(name(number), [1; 100]).unwrap());
        let snapshot = fs.snapshot();
        if round == 1 {
            shuffled(FILES).into_iter().for_each(|number| fs.remove_file(name(number)).unwrap());
        } else {
            fs.clear().unwrap();
        }
        drop(snapshot);
        assert_eq!((fs.stats().used_bytes, fs.stats().chunk_count), (0, 0));
        let left = Live::since(start).taken;
        // The versioned tree keeps some memory for the next nodes.
        let kept = if cfg!(not(arcfs_tree = "counted")) { 1 << 20 } else { 4096 };
        assert!(left <= kept, "{left} bytes are left");
    }
}

/// Lengths from 4 KiB on: most of them small, some of many chunks.
fn length(number: usize) -> usize {
    let spread = number.wrapping_mul(2_654_435_761) % 12_288;
    4096 + if number.is_multiple_of(100) { spread * 50 } else { spread }
}

fn assert_honest(percent: i64, fs: &MemFs, start: Live, what: &str) {
    let (used, live) = (fs.stats().used_bytes as i64, Live::since(start));
    println!("    {what:<44} used {used}, asked for {}, taken {}", live.asked, live.taken);
    assert_within(percent, used, live.taken, what);
    assert_within(percent, used, live.asked, what);
}

fn the_quota_of_a_mixed_tree_is_within_a_tenth_of_its_memory() {
    let bytes = vec![7; 4096 + 12_288 * 50];
    let path = |number: usize| format!("/dir{}/sub{}{}", number % 40, number % 7, name(number));
    let start = Live::now();
    let fs = unlimited();
    for number in shuffled(FILES) {
        fs.create_dir_all(format!("/dir{}/sub{}", number % 40, number % 7)).unwrap();
        fs.write(path(number), &bytes[..length(number)]).unwrap();
    }
    assert_honest(10, &fs, start, "mixed tree, written");
    let snapshot = fs.snapshot();
    for number in (0..FILES).step_by(3) {
        fs.write(path(number), &bytes[..length(number + 1)]).unwrap();
    }
    assert_honest(10, &fs, start, "mixed tree, a third written again, snapshot");
    drop(snapshot);
    assert_honest(10, &fs, start, "mixed tree, snapshot dropped");
    for number in (0..FILES).step_by(5) {
        let mut file = options().open(&fs, path(number)).unwrap();
        file.write_at(&[1; 100], 2000).unwrap();
        file.write_at(&[2; 5000], file.len()).unwrap();
        file.close().unwrap();
    }
    assert_honest(10, &fs, start, "mixed tree, a fifth edited by handles");
    for number in (0..FILES).step_by(2) {
        fs.remove_file(path(number)).unwrap();
    }
    assert_honest(10, &fs, start, "mixed tree, half removed");
    fs.copy_dir_all("/dir1", "/copy").unwrap();
    fs.import_tree(
        (0..FILES).step_by(2).map(|number| (path(number), Content::from(&bytes[..length(number)]))),
    )
    .unwrap();
    assert_honest(10, &fs, start, "mixed tree, half imported again");
    drop(bytes);
}

/// What slabs have beside blocks is little while a filesystem grows, and bounded when it has shrunk.
fn slabs_are_little_more_than_their_blocks() {
    const MIB: u64 = 1 << 20;
    let bytes = vec![7; 4096 + 12_288 * 50];
    ContentMemory::trim();
    let start = ContentMemory::now();
    let fs = unlimited();
    let beside = |what: &str| {
        let now = ContentMemory::now();
        let (used, reserved) = (now.used() - start.used(), now.reserved() - start.reserved());
        println!("    {what:<44} blocks {used}, slabs {reserved}");
        (used, reserved)
    };
    (0..FILES).for_each(|number| fs.write(name(number), &bytes[..length(number)]).unwrap());
    let (used, reserved) = beside("mixed files, written");
    assert!(used < fs.stats().used_bytes * 21 / 20);
    assert!(reserved <= used + used / 20 + 4 * MIB, "{reserved} bytes are reserved for {used}");
    for round in 1..10 {
        (0..FILES).for_each(|number| fs.write(name(number), &bytes[..length(number + round)]).unwrap());
    }
    let (used, reserved) = beside("mixed files, written ten times");
    assert!(reserved <= used + used / 8 + 20 * MIB, "{reserved} bytes are reserved for {used}");
    for number in (0..FILES).filter(|number| number % 10 > 0) {
        fs.remove_file(name(number)).unwrap();
    }
    beside("mixed files, nine of ten removed");
    (0..FILES).for_each(|number| fs.write(name(number), &bytes[..length(number)]).unwrap());
    let (used, reserved) = beside("mixed files, written again");
    assert!(reserved <= used + used / 8 + 20 * MIB, "{reserved} bytes are reserved for {used}");
    drop(fs);
    let (used, reserved) = beside("nothing");
    assert!(used == 0 && reserved <= 18 * MIB, "{reserved} bytes are kept");
    ContentMemory::trim();
    assert_eq!(ContentMemory::now(), start, "all of it goes back on demand");
}

/// A file that shares parts of its chunks with what was before is charged what it keeps of them: all of each.
fn files_written_at_random_are_charged_what_they_keep() {
    const LEN: u64 = 16 << 20;
    let start = Live::now();
    let fs = unlimited();
    fs.write("/pages", vec![1; LEN as usize]).unwrap();
    let before = fs.stats().used_bytes;
    let mut snapshots = vec![fs.snapshot()];
    let mut pages = shuffled((LEN / 4096) as usize).into_iter().map(|page| page as u64 * 4096);
    for count in [10, 500, 1000, 2000] {
        let mut file = OpenOptions::new().write(true).open(&fs, "/pages").unwrap();
        for page in pages.by_ref().take(count) {
            file.write_at(&[2; 4096], page).unwrap();
        }
        assert_honest(10, &fs, start, &format!("{count} pages of a draft"));
        file.close().unwrap();
        assert_honest(10, &fs, start, &format!("{count} pages written at random"));
        snapshots.push(fs.snapshot());
        if count == 500 {
            let more = fs.stats().used_bytes - before;
            assert!(more < 510 * (4096 + 1024), "510 pages of 4 KiB take {more} bytes");
        }
    }
    drop(snapshots);
    assert_honest(10, &fs, start, "without snapshots");
    assert!(fs.stats().used_bytes <= 2 * before, "a file is charged for at most twice its bytes");
    let mut file = OpenOptions::new().write(true).open(&fs, "/pages").unwrap();
    (0..LEN).step_by(65_536).for_each(|at| assert_eq!(file.write_at(&[3; 65_536], at).unwrap(), 65_536));
    file.close().unwrap();
    assert_eq!(fs.stats().used_bytes, before, "what is written anew whole keeps nothing of what was");
}

fn open_drafts_are_charged_what_they_take() {
    let start = Live::now();
    let fs = unlimited();
    let mut files: Vec<_> = (0..100).map(|number| fs.create(name(number)).unwrap()).collect();
    for file in &mut files {
        file.write_all(&[1; 300_000]).unwrap();
    }
    assert_honest(10, &fs, start, "a hundred drafts of 300,000 bytes");
    drop(files);
    assert_honest(10, &fs, start, "a hundred files of 300,000 bytes");
}

fn the_quota_of_empty_files_is_within_a_quarter_of_their_memory() {
    let assert_charged = |what: &str, make: &dyn Fn(&MemFs)| {
        let start = Live::now();
        let fs = unlimited();
        make(&fs);
        let (used, live) = (fs.stats().used_bytes as i64, Live::since(start));
        assert_eq!(used, FILES as i64 * fs.stats().node_overhead as i64);
        println!("    {what:<44} used {used}, taken {}", live.taken);
        assert_within(25, used, live.taken, what);
    };
    assert_charged("empty files in random order", &|fs| {
        shuffled(FILES).into_iter().for_each(|number| fs.write(name(number), b"").unwrap());
    });
    assert_charged("empty files in sorted order", &|fs| {
        (0..FILES).for_each(|number| fs.write(name(number), b"").unwrap());
    });
    assert_charged("empty files, imported", &|fs| {
        fs.import_tree((0..FILES).map(|number| (name(number), ""))).unwrap();
    });
}

fn times_set_without_room_take_one_node_a_file() {
    let start = Live::now();
    let fs = unlimited();
    (0..FILES).for_each(|number| fs.write(name(number), b"").unwrap());
    let (used, live) = (fs.stats().used_bytes, Live::since(start).taken);
    let set_all = |secs| {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(secs);
        (0..FILES).for_each(|number| fs.set_modified(name(number), time).unwrap());
        assert_eq!((fs.stats().used_bytes, fs.stats().pinned_bytes), (used, 0));
        (Live::since(start).taken - live) / FILES as i64
    };
    assert_eq!(set_all(1), 0, "with room, each version takes the place of the one before");
    fs.set_max_quota(used);
    let per_file = set_all(2);
    let least = i64::from(cfg!(arcfs_tree = "counted")); // there the newest version owes it
    assert!((least..=96).contains(&per_file), "{per_file} bytes a file");
    assert_eq!(set_all(3), per_file, "one version pays, however many follow it");
    fs.set_max_quota(u64::MAX - 1);
    assert_eq!(set_all(4), 0);
    fs.clear().unwrap();
    assert_eq!(fs.stats().used_bytes, 0);
}

/// A call that makes directories down to a path.
type Deepens = fn(&MemFs, &str) -> arcfs::Result<()>;

const DEEPENING: &[(&str, Deepens)] = &[
    ("create_dir_all", |fs, deepest| fs.create_dir_all(deepest)),
    ("import_tree", |fs, deepest| fs.import_tree([(format!("{deepest}/f"), "text")])),
    ("move_path", |fs, deepest| fs.move_path("/file", format!("{deepest}/f"))),
    ("create_dir_all in a transaction", |fs, deepest| fs.transaction(|tx| tx.create_dir_all(deepest))),
    ("move_path in a transaction", |fs, deepest| {
        fs.transaction(|tx| tx.move_path("/file", format!("{deepest}/f")))
    }),
    ("import_tree in a transaction", |fs, deepest| {
        fs.transaction(|tx| tx.import_tree([(format!("{deepest}/f"), "text")]))
    }),
];

/// What a chain of missing directories takes on the way must grow with its length, not faster.
fn making_a_deep_chain_takes_as_much_as_the_chain() {
    let name = format!("/{}", "n".repeat(255));
    for (what, call) in DEEPENING {
        let ever = |levels: usize| {
            let fs = MemFs::builder().max_depth(4096).build().unwrap();
            fs.write("/file", b"").unwrap();
            let deepest = name.repeat(levels);
            let start = EVER.load(Ordering::Relaxed);
            call(&fs, &deepest).unwrap();
            let ever = EVER.load(Ordering::Relaxed) - start;
            assert!(fs.is_dir(&deepest));
            ever
        };
        let (half, whole) = (ever(2040), ever(4080));
        println!("    {what:<44} {half} bytes for 2040 levels, {whole} for 4080");
        assert!(whole < half * 5 / 2, "{what} is not linear");
    }
}

/// Runs the tests one after the other; there is no harness, whose threads would be counted too.
fn main() {
    let tests: &[(&str, fn())] = &[
        ("every_refused_call_gives_back_its_memory", every_refused_call_gives_back_its_memory),
        #[cfg(feature = "testing")]
        ("every_injected_failure_gives_back_its_memory", every_injected_failure_gives_back_its_memory),
        ("a_whole_life_gives_back_its_memory", a_whole_life_gives_back_its_memory),
        ("an_emptied_filesystem_takes_what_a_new_one_does", an_emptied_filesystem_takes_what_a_new_one_does),
        (
            "the_quota_of_a_mixed_tree_is_within_a_tenth_of_its_memory",
            the_quota_of_a_mixed_tree_is_within_a_tenth_of_its_memory,
        ),
        ("slabs_are_little_more_than_their_blocks", slabs_are_little_more_than_their_blocks),
        (
            "files_written_at_random_are_charged_what_they_keep",
            files_written_at_random_are_charged_what_they_keep,
        ),
        ("open_drafts_are_charged_what_they_take", open_drafts_are_charged_what_they_take),
        (
            "the_quota_of_empty_files_is_within_a_quarter_of_their_memory",
            the_quota_of_empty_files_is_within_a_quarter_of_their_memory,
        ),
        ("times_set_without_room_take_one_node_a_file", times_set_without_room_take_one_node_a_file),
        ("making_a_deep_chain_takes_as_much_as_the_chain", making_a_deep_chain_takes_as_much_as_the_chain),
        ("prints_what_things_take", prints_what_things_take),
    ];
    sleep_once();
    let mut failed = 0;
    for (name, test) in tests {
        let passed = std::panic::catch_unwind(test).is_ok();
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        failed += usize::from(!passed);
    }
    println!("\ntest result: {} passed; {failed} failed", tests.len() - failed);
    std::process::exit(i32::from(failed > 0));
}
