//! Many threads at once: nothing is lost or torn, the quota is never passed, nobody starves.

use std::io::{Read, Write};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use arcfs::{ErrorKind, File, MemFs, OpenOptions, Snapshot};

/// Nobody waits as long as this unless something is wrong.
const FAR_TOO_LONG: Duration = Duration::from_secs(60);

fn patient() -> MemFs {
    MemFs::builder().lock_timeout(Some(FAR_TOO_LONG)).build().unwrap()
}

fn shared(fs: &MemFs, path: &str) -> File {
    OpenOptions::new().read(true).shared_lock(true).open(fs, path).unwrap()
}

/// A whole value: who wrote it and when, over and over, so that a torn one is seen.
fn value(thread: usize, cycle: usize) -> Vec<u8> {
    let word = ((thread as u64) << 32 | cycle as u64).to_le_bytes();
    word.repeat(1 + (thread * 31 + cycle * 7) % 500)
}

/// Which value it is; panics if it is none.
fn whole(bytes: &[u8]) -> (usize, usize) {
    let (words, rest) = bytes.as_chunks::<8>();
    assert!(rest.is_empty() && !words.is_empty(), "{} bytes are no value", bytes.len());
    let word = u64::from_le_bytes(words[0]);
    let (thread, cycle) = ((word >> 32) as usize, (word & 0xffff_ffff) as usize);
    assert!(bytes == value(thread, cycle), "a value of thread {thread}, cycle {cycle} is torn");
    (thread, cycle)
}

/// Sets a flag when it goes, also when it goes because of a panic.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

// ---- cycles ----

const THREADS: usize = 50;
const CYCLES: usize = 1000;

/// What all snapshots of such a run must show: whole values only, in the sums too.
fn assert_whole(snapshot: &Snapshot) {
    let (mut files, mut bytes) = (0, 0);
    for dir in snapshot.walk("/").unwrap() {
        for file in &dir.files {
            let content = snapshot.read(format!("{}/{file}", dir.path)).unwrap();
            whole(&content);
            files += 1;
            bytes += content.len() as u64;
        }
    }
    let usage = snapshot.usage("/").unwrap();
    assert_eq!((usage.files, usage.bytes), (files, bytes));
}

/// Runs `cycle` a thousand times in each of fifty threads, while snapshots are taken and looked at.
fn run_cycles(fs: &MemFs, cycle: impl Fn(usize, usize) + Sync) {
    let (done, start) = (AtomicBool::new(false), Barrier::new(THREADS + 1));
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            start.wait();
            let mut version = 0;
            loop {
                let last = done.load(Ordering::Relaxed);
                let snapshot = fs.snapshot();
                assert!(snapshot.version() >= version);
                version = snapshot.version();
                assert_whole(&snapshot);
                if last {
                    break;
                }
            }
        });
        let writers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (start, cycle) = (&start, &cycle);
                scope.spawn(move || {
                    start.wait();
                    (0..CYCLES).for_each(|at| cycle(thread, at));
                })
            })
            .collect();
        let finished = Done(&done);
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        drop(finished);
        watcher.join().unwrap();
    });
    assert_whole(&fs.snapshot());
    fs.clear().unwrap();
    let stats = fs.stats();
    assert_eq!((stats.used_bytes, stats.chunk_count, stats.open_handles, stats.snapshots), (0, 0, 0, 0));
}

#[test]
fn threads_in_directories_of_their_own_read_what_they_wrote() {
    let fs = patient();
    run_cycles(&fs, |thread, cycle| {
        let dir = format!("/{thread}");
        fs.create_dir_all(&dir).unwrap();
        let path = format!("{dir}/{}", cycle % 10);
        fs.write(&path, value(thread, cycle)).unwrap();
        assert_eq!(whole(&fs.read(&path).unwrap()), (thread, cycle));
        if cycle % 10 == 9 {
            fs.remove_dir_all(&dir).unwrap();
            assert!(!fs.exists(&path));
        }
    });
}

#[test]
fn threads_in_one_directory_read_what_they_wrote() {
    let fs = patient();
    fs.create_dir("/shared").unwrap();
    run_cycles(&fs, |thread, cycle| {
        let path = format!("/shared/{thread}-{}", cycle % 5);
        if cycle % 2 == 0 {
            fs.write(&path, value(thread, cycle)).unwrap();
        } else {
            let mut options = OpenOptions::new();
            let mut file =
                options.write(true).create(true).atomic(true).truncate(true).open(&fs, &path).unwrap();
            file.write_all(&value(thread, cycle)).unwrap();
            file.close().unwrap();
        }
        assert_eq!(whole(&fs.read(&path).unwrap()), (thread, cycle));
        if cycle % 7 == 0 {
            fs.remove_file(&path).unwrap();
            assert!(!fs.exists(&path));
        }
    });
}

#[test]
fn threads_on_the_same_files_read_whole_values() {
    let fs = patient();
    run_cycles(&fs, |thread, cycle| {
        let path = format!("/{}", (thread + cycle) % 3);
        fs.write(&path, value(thread, cycle)).unwrap();
        let (_, seen) = whole(&fs.read(&path).unwrap());
        assert!(seen < CYCLES);
    });
}

// ---- counting under a lock ----

#[test]
fn no_update_under_a_lock_is_lost() {
    const WRITERS: usize = 8;
    const ROUNDS: usize = 200;
    let fs = patient();
    fs.write("/count", 0_u64.to_le_bytes()).unwrap();
    thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    let mut file = OpenOptions::from_mode("r+b").unwrap().open(&fs, "/count").unwrap();
                    let mut bytes = [0; 8];
                    file.read_at(&mut bytes, 0).unwrap();
                    file.write_at(&(u64::from_le_bytes(bytes) + 1).to_le_bytes(), 0).unwrap();
                    file.close().unwrap();
                }
            });
        }
    });
    let count = u64::from_le_bytes(fs.read("/count").unwrap().try_into().unwrap());
    assert_eq!(count, (WRITERS * ROUNDS) as u64);
    assert_eq!(fs.metadata("/count").unwrap().generation(), count + 1);
}

#[test]
fn no_append_is_lost() {
    const WRITERS: usize = 8;
    const ROUNDS: usize = 500;
    let fs = patient();
    thread::scope(|scope| {
        for thread in 0..WRITERS {
            let fs = &fs;
            scope.spawn(move || (0..ROUNDS).for_each(|_| fs.append("/log", [thread as u8; 3]).unwrap()));
        }
    });
    let log = fs.read("/log").unwrap();
    let (entries, rest) = log.as_chunks::<3>();
    assert!(rest.is_empty() && entries.iter().all(|entry| entry.iter().all(|byte| *byte == entry[0])));
    for thread in 0..WRITERS {
        assert_eq!(entries.iter().filter(|entry| entry[0] == thread as u8).count(), ROUNDS);
    }
}

// ---- the edge of the quota ----

#[test]
fn the_quota_is_never_passed_at_its_edge() {
    const LIMIT: u64 = 300_000;
    const WRITERS: usize = 12;
    let fs = MemFs::with_quota(LIMIT);
    let (done, refused, written) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let count = |outcome: Result<(), ErrorKind>| match outcome {
        Ok(()) => drop(written.fetch_add(1, Ordering::Relaxed)),
        Err(ErrorKind::QuotaExceeded { requested, available }) => {
            assert!(requested > available && available <= LIMIT);
            refused.fetch_add(1, Ordering::Relaxed);
        }
        Err(other) => panic!("{other:?}"),
    };
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let stats = fs.stats();
                assert!(stats.used_bytes <= LIMIT, "{stats:?}");
                assert_eq!(stats.used_bytes + stats.free_bytes, LIMIT);
            }
        });
        let writers: Vec<_> = (0..WRITERS)
            .map(|thread| {
                let (fs, count) = (&fs, &count);
                scope.spawn(move || {
                    for cycle in 0..500 {
                        let path = format!("/{thread}-{}", cycle % 3);
                        let bytes = vec![thread as u8; (thread * 7919 + cycle * 104_729) % 90_000];
                        let kind = |error: arcfs::Error| error.kind().clone();
                        match cycle % 4 {
                            0 => count(fs.append(&path, &bytes).map_err(kind)),
                            1 => {
                                let written = fs.create(&path).and_then(|mut file| {
                                    file.write_at(&bytes, 0)?;
                                    file.close()
                                });
                                count(written.map_err(kind));
                            }
                            _ => count(fs.write(&path, &bytes).map_err(kind)),
                        }
                        if cycle % 5 == 0 && fs.exists(&path) {
                            fs.remove_file(&path).unwrap();
                        }
                    }
                })
            })
            .collect();
        let finished = Done(&done);
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        drop(finished);
        watcher.join().unwrap();
    });
    assert!(refused.into_inner() > 0 && written.into_inner() > 0);
    let stats = fs.stats();
    let sum: u64 =
        fs.snapshot().iter_export_tree("/", Default::default()).unwrap().map(|(_, file)| file.len()).sum();
    assert_eq!((stats.payload_bytes, stats.pinned_bytes), (sum, 0));
    fs.clear().unwrap();
    assert_eq!((fs.stats().used_bytes, fs.stats().chunk_count), (0, 0));
}

#[test]
fn of_two_writers_for_the_last_room_one_wins() {
    let fs = MemFs::builder().max_quota(1000).chunk_overhead(0).node_overhead(0).build().unwrap();
    for _ in 0..500 {
        let start = Barrier::new(2);
        let won = thread::scope(|scope| {
            let writers = ["/a", "/b"].map(|path| {
                let (fs, start) = (&fs, &start);
                scope.spawn(move || {
                    start.wait();
                    fs.write(path, [1; 501]).is_ok()
                })
            });
            writers.map(|writer| writer.join().unwrap())
        });
        assert_eq!(won.into_iter().filter(|won| *won).count(), 1);
        assert_eq!(fs.stats().used_bytes, 501);
        fs.clear().unwrap();
    }
}

// ---- fairness ----

/// Readers take the shared lock over and over, always overlapping, and stop only when the writer has
/// had its turn: if it starved, its wait would end in an error.
#[test]
fn a_writer_gets_its_turn_while_readers_keep_coming() {
    const READERS: usize = 4;
    const TURNS: usize = 20;
    let fs = patient();
    fs.write("/f", value(0, 0)).unwrap();
    let (done, start) = (AtomicBool::new(false), Barrier::new(READERS + 1));
    thread::scope(|scope| {
        let readers: Vec<_> = (0..READERS)
            .map(|_| {
                scope.spawn(|| {
                    // The next one is open before the last one is closed, where no writer waits in
                    // between; where one does, the new reader queues behind it.
                    let mut held = Some(shared(&fs, "/f"));
                    start.wait();
                    let mut streamed = 0;
                    while !done.load(Ordering::Relaxed) {
                        let mut file = held.take().unwrap_or_else(|| shared(&fs, "/f"));
                        let mut next = OpenOptions::new();
                        next.read(true).shared_lock(true).lock_timeout(Some(Duration::ZERO));
                        held = next.open(&fs, "/f").ok();
                        let mut bytes = Vec::new();
                        let mut piece = [0; 64];
                        while let n @ 1.. = file.read(&mut piece).unwrap() {
                            bytes.extend_from_slice(&piece[..n]);
                        }
                        whole(&bytes);
                        file.close().unwrap();
                        streamed += 1;
                    }
                    streamed
                })
            })
            .collect();
        let writer = scope.spawn(|| {
            let _finished = Done(&done);
            start.wait();
            for turn in 1..=TURNS {
                let mut file = OpenOptions::from_mode("wb").unwrap().open(&fs, "/f").unwrap();
                file.write_all(&value(1, turn)).unwrap();
                file.close().unwrap();
                fs.write("/f", value(2, turn)).unwrap();
            }
        });
        writer.join().unwrap();
        assert!(readers.into_iter().map(|reader| reader.join().unwrap()).sum::<u64>() > 0);
    });
    assert_eq!(fs.metadata("/f").unwrap().generation(), 1 + 3 * TURNS as u64);
}

/// To try is not to wait: not for a writer who is ahead, who may wait for the one that tries.
#[test]
fn whoever_tries_beside_a_shared_lock_is_not_kept_waiting_by_a_writer() {
    let fs = patient();
    fs.write("/f", b"old").unwrap();
    let mut trial = OpenOptions::new();
    trial.read(true).shared_lock(true).lock_timeout(Some(Duration::ZERO));
    let held = shared(&fs, "/f");
    thread::scope(|scope| {
        let writer = scope.spawn(|| fs.write("/f", b"new").unwrap());
        // At first there is room beside this thread's own lock; from the writer's arrival on, none.
        while trial.open(&fs, "/f").is_ok() {
            thread::yield_now();
        }
        drop(held);
        writer.join().unwrap();
    });
    assert_eq!(fs.read("/f").unwrap(), b"new");
    trial.open(&fs, "/f").unwrap();
}

/// A handle that only reads takes no lock: a writer never waits for it, and it sees what was.
#[test]
fn readers_without_a_lock_stream_one_version_while_writers_replace_it() {
    let fs = patient();
    fs.write("/f", value(0, 0)).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let mut bytes = Vec::new();
                    fs.open("/f").unwrap().read_to_end(&mut bytes).unwrap();
                    whole(&bytes);
                }
            });
        }
        let _finished = Done(&done);
        let kept: Vec<_> = (1..200)
            .map(|cycle| {
                fs.write("/f", value(1, cycle)).unwrap();
                fs.open("/f").unwrap()
            })
            .collect();
        for (at, mut file) in kept.into_iter().enumerate() {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            assert_eq!(whole(&bytes), (1, at + 1));
        }
    });
    assert_eq!(fs.stats().open_handles, 0);
}

// ---- everything at once ----

/// Renames, exchanges, copies and removals of the same few names: every snapshot has both files or
/// their copies, whole, and nothing else.
#[test]
fn names_in_motion_never_lose_a_file() {
    let fs = patient();
    fs.import_tree([("/a/x", value(1, 1)), ("/b/x", value(2, 2))]).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watchers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        let snapshot = fs.snapshot();
                        assert_whole(&snapshot);
                        let mut found: Vec<_> = snapshot
                            .glob("/**/x")
                            .unwrap()
                            .iter()
                            .map(|path| whole(&snapshot.read(path).unwrap()))
                            .collect();
                        found.sort_unstable();
                        found.dedup();
                        assert_eq!(found, [(1, 1), (2, 2)]);
                    }
                })
            })
            .collect();
        let movers: Vec<_> = (0..6)
            .map(|thread| {
                let fs = &fs;
                scope.spawn(move || {
                    for _ in 0..2000 {
                        // Whether it works depends on the others; that nothing is lost does not.
                        let _ = match thread {
                            0 => fs.rename("/a", "/c"),
                            1 => fs.rename("/c", "/a"),
                            2 => fs.exchange("/a", "/b"),
                            3 => fs.exchange("/b", "/c"),
                            4 => fs.copy_dir_all("/b", "/copy"),
                            _ => fs.remove_dir_all("/copy"),
                        };
                    }
                })
            })
            .collect();
        let finished = Done(&done);
        movers.into_iter().for_each(|mover| mover.join().unwrap());
        drop(finished);
        watchers.into_iter().for_each(|watcher| watcher.join().unwrap());
    });
    fs.clear().unwrap();
    assert_eq!((fs.stats().used_bytes, fs.stats().chunk_count), (0, 0));
}
