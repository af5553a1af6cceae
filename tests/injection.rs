//! Every grant of quota, of nodes and of payload memory fails once in every growing operation, and
//! each failure leaves everything as it was.
//!
//! For n = 1, 2, ... the n-th grant fails, until the operation no longer asks for so many.

#[cfg(feature = "archive")]
#[path = "common/archives.rs"]
mod archives;
#[path = "common/state.rs"]
mod state;

use std::cell::OnceCell;
use std::io::{Read, Seek, SeekFrom, Write};
use std::time::{Duration, SystemTime};

use arcfs::testing::{Fault, Injected, assert_tree_eq, mem_fs};
use arcfs::{
    Content, Error, ErrorKind, ExportOptions, File, MemFs, OpenOptions, Result, Snapshot, Storage,
    Transaction,
};
use state::State;

const LONG: &str = "a name that is longer than twenty-three bytes";

/// The operation asked for more grants than any should.
const TOO_MANY: u64 = 10_000;

/// How many grants of each sort an operation asked for.
#[derive(Debug, PartialEq, Eq)]
struct Grants {
    charges: u64,
    nodes: u64,
    allocations: u64,
}

fn grants(charges: u64, nodes: u64, allocations: u64) -> Grants {
    Grants { charges, nodes, allocations }
}

fn fill(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

/// Files of no, one and several chunks, directories, and a long name.
fn sample() -> MemFs {
    sample_of(Storage::Auto)
}

fn sample_of(storage: Storage) -> MemFs {
    let fs = mem_fs! {
        in MemFs::builder().storage(storage).build().unwrap();
        "large" => fill(200_000),
        "small" => fill(5),
        "none" => "",
        "d/f" => fill(70_000),
        "d/e/g" => fill(9),
        format!("d/{LONG}") => "long",
    };
    fs.append("/small", b"more").unwrap();
    fs
}

/// Whether the error is the one that the fault makes.
fn is_of(error: &Error, fault: Fault) -> bool {
    matches!(
        (error.kind(), fault),
        (ErrorKind::QuotaExceeded { .. }, Fault::Charge)
            | (ErrorKind::NodeLimit { .. }, Fault::Node)
            | (ErrorKind::AllocationFailed { .. }, Fault::Allocation)
    )
}

/// Every path can be opened for writing at once: no lock and no hold was left behind.
fn assert_nothing_is_held(fs: &MemFs) {
    let mut options = OpenOptions::new();
    options.write(true).create(true).atomic(true).lock_timeout(Some(Duration::ZERO));
    for path in ["/large", "/small", "/none", "/d/f", "/d/e/g", "/new", "/x"] {
        match options.open(fs, path) {
            Ok(file) => file.discard(),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Lets every grant of `run` fail once; after each failure the filesystem must be as before, and so
/// must be whatever `more` sees. It is asked before each attempt and after it, and may look at locks,
/// which changes the version.
fn fail_each<W, M: PartialEq + std::fmt::Debug>(
    make: impl Fn() -> W,
    fs: impl Fn(&W) -> &MemFs,
    more: impl Fn(&mut W) -> M,
    run: impl Fn(&mut W, &dyn Fn()) -> Result<()>,
) -> Grants {
    let count = |fault| {
        let mut world = make();
        let mut before = (more(&mut world), State::of(fs(&world)));
        for n in 1..TOO_MANY {
            let armed = OnceCell::new();
            let outcome = run(&mut world, &|| armed.set(Injected::new(fault, n)).expect("armed once"));
            let struck = armed.into_inner().expect("armed").struck();
            match outcome {
                Ok(()) if !struck => return n - 1,
                Ok(()) => {
                    // It found another way. Begin anew, so that the next failure meets the same.
                    world = make();
                }
                Err(error) => {
                    assert!(struck && is_of(&error, fault), "{fault:?} {n}: {error}");
                    let state = State::of(fs(&world));
                    assert_eq!((more(&mut world), state), before, "{fault:?} {n}: {error}");
                }
            }
            before = (more(&mut world), State::of(fs(&world)));
        }
        panic!("{fault:?}: no end");
    };
    grants(count(Fault::Charge), count(Fault::Node), count(Fault::Allocation))
}

/// For an operation on a filesystem that has no handle open.
fn fail_call(make: impl Fn() -> MemFs, run: impl Fn(&MemFs) -> Result<()>) -> Grants {
    fail_each(
        make,
        |fs| fs,
        |fs| assert_nothing_is_held(fs),
        |fs, arm| {
            arm();
            run(fs)
        },
    )
}

/// An open handle and its filesystem.
struct Opened {
    fs: MemFs,
    file: File,
}

impl Opened {
    /// The draft as its writer sees it, and the cursor.
    fn draft(&mut self) -> (u64, u64, Vec<u8>) {
        let mut bytes = vec![0; self.file.len() as usize];
        let mut done = 0;
        while done < bytes.len() {
            done += self.file.read_at(&mut bytes[done..], done as u64).unwrap();
        }
        (self.file.len(), self.file.stream_position().unwrap(), bytes)
    }
}

/// For an operation on a handle that reads and writes, opened and prepared.
fn fail_handle(
    storage: Storage,
    open: impl Fn(&MemFs) -> File,
    run: impl Fn(&mut File) -> Result<()>,
) -> Grants {
    fail_each(
        || {
            let fs = sample_of(storage);
            let file = open(&fs);
            Opened { fs, file }
        },
        |world| &world.fs,
        Opened::draft,
        |world, arm| {
            arm();
            run(&mut world.file)
        },
    )
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).lock_timeout(Some(Duration::ZERO));
    options
}

/// The error of ours in one of `std::io`.
fn ours<T>(result: std::io::Result<T>) -> Result<T> {
    result.map_err(|error| *error.into_inner().unwrap().downcast::<Error>().unwrap())
}

fn foreign() -> Snapshot {
    sample().snapshot()
}

// ---- calls ----

#[test]
fn write() {
    assert_eq!(fail_call(sample, |fs| fs.write("/new", fill(200_000))), grants(1, 1, 4));
    assert_eq!(fail_call(sample, |fs| fs.write("/large", fill(100_000))), grants(1, 0, 2));
    assert_eq!(fail_call(sample, |fs| fs.write(format!("/{LONG}"), fill(10))), grants(1, 1, 1));
    assert_eq!(fail_call(sample, |fs| fs.write("/new", b"")), grants(1, 1, 0));
}

#[test]
fn write_owned() {
    assert_eq!(fail_call(sample, |fs| fs.write_owned("/new", fill(200_000))), grants(1, 1, 4));
    assert_eq!(fail_call(sample, |fs| fs.write_owned("/new", fill(1000))), grants(1, 1, 0));
    assert_eq!(fail_call(sample, |fs| fs.write_owned("/new", Content::from(&fill(1000)))), grants(1, 1, 1));
    assert_eq!(fail_call(sample, |fs| fs.write_owned("/new", fs.content("/large")?)), grants(1, 1, 0));
    let foreign = foreign().content("/large").unwrap();
    assert_eq!(fail_call(sample, |fs| fs.write_owned("/new", foreign.clone())), grants(1, 1, 4));
}

#[test]
fn append() {
    assert_eq!(fail_call(sample, |fs| fs.append("/new", fill(200_000))), grants(1, 1, 4));
    // The first charge is for joining small pieces, and without it they stay as they are.
    assert!(fail_call(sample, |fs| fs.append("/small", fill(10))).charges >= 1);
    assert!(fail_call(sample, |fs| fs.append("/large", fill(100_000))).allocations >= 2);
    assert_eq!(fail_call(sample, |fs| fs.append("/none", fill(10))), grants(1, 0, 1));
}

#[test]
fn set_modified() {
    assert_eq!(fail_call(sample, |fs| fs.set_modified("/large", SystemTime::UNIX_EPOCH)), grants(1, 0, 0));
    assert_eq!(fail_call(sample, |fs| fs.set_modified("/d", SystemTime::UNIX_EPOCH)), grants(0, 0, 0));
    // Without a charge of its own, the next version shares that of the one before.
    let fs = sample();
    let used = fs.stats().used_bytes;
    let snapshot = fs.snapshot();
    for secs in [1, 2, 3] {
        let fault = Injected::charge(1);
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(secs);
        fs.set_modified("/large", time).unwrap();
        assert!(fault.struck());
        assert_eq!(fs.metadata("/large").unwrap().modified(), time);
        assert_eq!((fs.stats().used_bytes, fs.stats().pinned_bytes), (used, 0));
    }
    fs.set_modified("/large", SystemTime::UNIX_EPOCH).unwrap();
    // In the versioned tree the newest of the versions that share a charge owes it, and it is gone.
    let first = if cfg!(not(arcfs_tree = "counted")) { 0 } else { fs.stats().node_overhead };
    assert_eq!(fs.stats().used_bytes, used + first);
    drop(snapshot);
    assert_eq!(fs.stats().used_bytes, used);
    fs.clear().unwrap();
    assert_eq!(fs.stats().used_bytes, 0);
}

#[test]
fn create_dir() {
    assert_eq!(fail_call(sample, |fs| fs.create_dir("/new")), grants(1, 1, 0));
    assert_eq!(fail_call(sample, |fs| fs.create_dir(format!("/{LONG}"))), grants(1, 1, 0));
}

#[test]
fn create_dir_all() {
    let deep = format!("/new/er/{LONG}/and/newer");
    assert_eq!(fail_call(sample, |fs| fs.create_dir_all(&deep)), grants(1, 1, 0));
    assert_eq!(fail_call(sample, |fs| fs.create_dir_all("/d/e")), grants(0, 0, 0));
}

#[test]
fn copy() {
    assert_eq!(fail_call(sample, |fs| fs.copy("/large", "/new").map(drop)), grants(1, 1, 0));
    assert_eq!(fail_call(sample, |fs| fs.copy("/large", format!("/{LONG}")).map(drop)), grants(1, 1, 0));
}

#[test]
fn copy_dir_all() {
    assert_eq!(fail_call(sample, |fs| fs.copy_dir_all("/d", "/new")), grants(1, 1, 0));
    assert_eq!(fail_call(sample, |fs| fs.copy_dir_all("/", "/d/new")), grants(1, 1, 0));
}

#[test]
fn copy_from_its_own_snapshot() {
    let copy = |from: &'static str| {
        fail_call(sample, move |fs| fs.copy_from(&fs.snapshot(), from, "/new").map(drop))
    };
    assert_eq!(copy("/large"), grants(1, 1, 0));
    assert_eq!(copy("/d"), grants(1, 1, 0));
}

#[test]
fn copy_from_a_foreign_snapshot() {
    let foreign = foreign();
    let copy = |from: &'static str| fail_call(sample, |fs| fs.copy_from(&foreign, from, "/new").map(drop));
    assert_eq!(copy("/large"), grants(1, 1, 4));
    assert_eq!(copy("/d"), grants(1, 1, 4));
    assert_eq!(foreign.read("/large").unwrap(), fill(200_000));
}

#[test]
fn rename_and_replace() {
    for to in [format!("/{LONG}"), format!("/d/e/{LONG}")] {
        assert_eq!(fail_call(sample, |fs| fs.rename("/large", &to)), grants(1, 0, 0));
        assert_eq!(fail_call(sample, |fs| fs.replace("/large", &to)), grants(1, 0, 0));
    }
    assert_eq!(fail_call(sample, |fs| fs.rename("/d", "/new")), grants(0, 0, 0));
    assert_eq!(fail_call(sample, |fs| fs.replace("/large", format!("/d/{LONG}"))), grants(0, 0, 0));
    assert_eq!(fail_call(sample, |fs| fs.exchange("/large", "/d")), grants(0, 0, 0));
}

#[test]
fn move_path() {
    assert_eq!(fail_call(sample, |fs| fs.move_path("/d", "/new/er/d")), grants(1, 1, 0));
    assert_eq!(fail_call(sample, |fs| fs.move_path("/d", format!("/new/{LONG}/{LONG}"))), grants(1, 1, 0));
    assert_eq!(fail_call(sample, |fs| fs.move_path("/d", "/new")), grants(0, 0, 0));
}

#[test]
fn import_tree() {
    let files =
        || [("/large", fill(70_000)), ("/new/a", fill(1000)), ("/new/b", fill(150_000)), ("/x", vec![])];
    // One that fits a chunk is still copied: the import keeps it in case it must try again.
    assert_eq!(fail_call(sample, |fs| fs.import_tree(files())), grants(1, 1, 6));
    assert_eq!(fail_call(sample, |fs| fs.import_tree([("/large", ""), ("/d/f", "")])), grants(1, 0, 0));
    let long = [(format!("/{LONG}/{LONG}"), "text"), (format!("/d/{LONG}"), "text")];
    assert_eq!(fail_call(sample, |fs| fs.import_tree(long.clone())), grants(1, 1, 4));
}

/// Every growing call in one transaction: whichever of its grants fails, nothing of it is left.
#[test]
fn transaction() {
    let foreign = foreign();
    let asked = fail_call(sample, |fs| {
        fs.transaction(|tx| {
            tx.create_dir_all(format!("/new/{LONG}"))?;
            tx.write("/new/a", fill(100_000))?;
            tx.append("/new/a", fill(10))?;
            tx.append("/large", fill(70_000))?;
            tx.copy("/large", "/new/copy")?;
            tx.copy_dir_all("/d", "/new/d")?;
            tx.copy_from(&foreign, "/large", "/new/foreign")?;
            tx.rename("/small", format!("/new/{LONG}/{LONG}"))?;
            tx.move_path("/none", "/moved/far/none")?;
            tx.set_modified("/large", SystemTime::UNIX_EPOCH)?;
            tx.import_tree([("/imported/a", "text"), ("/large", "replaced")])?;
            tx.write_owned("/x", fill(10))?;
            tx.remove_file("/x")
        })
    });
    assert!(asked.charges >= 12 && asked.nodes >= 8 && asked.allocations >= 8, "{asked:?}");
}

/// Where the closure goes on after a failed call, all of the others take effect and nothing of it.
#[test]
fn a_transaction_goes_on_after_a_call_that_failed() {
    let calls: [fn(&mut Transaction) -> Result<()>; 5] = [
        |tx| tx.write("/large", fill(200_000)),
        |tx| tx.create_dir_all("/a/b/c"),
        |tx| tx.copy_dir_all("/d", "/copy"),
        |tx| tx.import_tree([("/i/a", fill(70_000)), ("/i/b", fill(10))]),
        |tx| tx.move_path("/d", format!("/{LONG}/{LONG}")),
    ];
    for call in calls {
        for fault in [Fault::Charge, Fault::Node, Fault::Allocation] {
            for n in 1.. {
                let fs = sample();
                let (used, nodes) = (fs.stats().used_bytes, fs.stats().dir_count);
                let failed = fs.transaction(|tx| {
                    let injected = Injected::new(fault, n);
                    let outcome = call(tx);
                    assert!(outcome.is_ok() || injected.struck());
                    drop(injected);
                    tx.remove_file("/none")?;
                    Ok(outcome.is_err())
                });
                if !failed.unwrap() {
                    break;
                }
                let expected = sample();
                expected.remove_file("/none").unwrap();
                assert_tree_eq!(fs, expected, "{fault:?} {n}");
                let stats = fs.stats();
                assert_eq!((stats.used_bytes, stats.dir_count), (used - stats.node_overhead, nodes));
            }
        }
    }
}

#[test]
fn what_gives_back_asks_for_nothing() {
    let removes: [fn(&MemFs) -> Result<()>; 4] = [
        |fs| fs.remove_file("/large"),
        |fs| fs.remove_dir_all("/d"),
        |fs| fs.clear(),
        |fs| {
            drop(fs.snapshot());
            Ok(())
        },
    ];
    for remove in removes {
        assert_eq!(fail_call(sample, remove), grants(0, 0, 0));
    }
}

#[test]
fn restore() {
    let restored = fail_each(
        || {
            let fs = sample();
            let snapshot = fs.snapshot();
            fs.clear().unwrap();
            fs.write("/large", b"later").unwrap();
            (fs, snapshot)
        },
        |(fs, _)| fs,
        |_| (),
        |(fs, snapshot), arm| {
            arm();
            fs.restore(snapshot)
        },
    );
    assert_eq!(restored, grants(u64::from(cfg!(not(arcfs_tree = "counted"))), 0, 0));
}

#[test]
fn from_snapshot() {
    let forked = fail_call(sample, |fs| {
        let fork = MemFs::from_snapshot(&fs.snapshot(), MemFs::builder().max_quota(0))?;
        assert_eq!(fork.read("/d/e/g").unwrap_or_else(|_| fill(9)), fill(9));
        Ok(())
    });
    assert_eq!((forked.charges, forked.nodes), (0, 0));
}

#[test]
fn reads() {
    assert_eq!(fail_call(sample, |fs| fs.read("/large").map(drop)), grants(0, 0, 1));
    assert_eq!(fail_call(sample, |fs| fs.read_to_string("/d/e/g").map(drop)), grants(0, 0, 1));
    assert_eq!(fail_call(sample, |fs| fs.export_bytes("/large", None).map(drop)), grants(0, 0, 1));
    assert_eq!(fail_call(sample, |fs| fs.content("/large")?.to_bytes().map(drop)), grants(0, 0, 1));
    let export = fail_call(sample, |fs| fs.export_tree("/", ExportOptions::default()).map(drop));
    assert_eq!(export, grants(0, 0, 5));
}

/// On one thread: faults are armed for the thread that asks.
#[cfg(feature = "archive")]
#[test]
fn archives_out() {
    use arcfs::{ArchiveOptions, Compression};

    let options = |compression| ArchiveOptions::new().threads(1).compression(compression);
    for compression in [Compression::None, Compression::Deflate] {
        let zip = |fs: &MemFs| fs.export_zip(std::io::sink(), options(compression)).map(drop);
        let asked = fail_call(sample, zip);
        assert_eq!((asked.charges, asked.nodes), (0, 0));
        assert_eq!(asked.allocations > 0, compression == Compression::Deflate);
    }
    for compression in [Compression::None, Compression::Deflate, Compression::Zstd] {
        let tar = |fs: &MemFs| fs.export_tar(std::io::sink(), options(compression)).map(drop);
        let asked = fail_call(sample, tar);
        assert_eq!((asked.charges, asked.nodes), (0, 0));
        assert_eq!(asked.allocations > 0, compression != Compression::None);
    }
}

// ---- opening ----

#[test]
fn open_in_every_mode() {
    let open = |mode: &'static str, path: &'static str| {
        fail_call(sample, move |fs| OpenOptions::from_mode(mode)?.open(fs, path).map(drop))
    };
    assert_eq!(open("rb", "/large"), grants(0, 0, 0));
    assert_eq!(open("r+b", "/large"), grants(0, 0, 0));
    assert_eq!(open("ab", "/large"), grants(0, 0, 0));
    assert_eq!(open("wb", "/large"), grants(1, 0, 0));
    for mode in ["wb", "ab", "xb"] {
        assert_eq!(open(mode, "/new"), grants(1, 1, 0));
    }
    let shared = |fs: &MemFs| OpenOptions::new().read(true).shared_lock(true).open(fs, "/large").map(drop);
    assert_eq!(fail_call(sample, shared), grants(0, 0, 0));
}

#[test]
fn open_atomic_or_with_room_or_with_a_long_name() {
    let open = |set: fn(&mut OpenOptions) -> &mut OpenOptions, path: &str| {
        fail_call(sample, |fs| set(&mut options()).open(fs, path).map(File::discard))
    };
    let long = format!("/{LONG}");
    assert_eq!(open(|o| o.create(true), &long), grants(1, 1, 0));
    assert_eq!(open(|o| o.create(true).atomic(true), "/new"), grants(1, 1, 0));
    assert_eq!(open(|o| o.create(true).atomic(true), &long), grants(1, 1, 0));
    assert_eq!(open(|o| o.atomic(true), "/large"), grants(0, 0, 0));
    assert_eq!(open(|o| o.atomic(true).truncate(true), "/large"), grants(1, 0, 0));
    assert_eq!(open(|o| o.preallocate(1 << 20), "/large"), grants(1, 0, 0));
    assert_eq!(open(|o| o.preallocate(1 << 20).truncate(true), "/large"), grants(1, 0, 0));
    assert_eq!(open(|o| o.preallocate(1 << 20).create(true), &long), grants(1, 1, 0));
    assert_eq!(open(|o| o.preallocate(1 << 20).create(true).atomic(true), &long), grants(1, 1, 0));
}

// ---- handles ----

/// Handles on which an operation is tried: fresh, with a draft, published once, with reserved room.
fn handles() -> Vec<fn(&MemFs) -> File> {
    fn wrote(mut file: File) -> File {
        file.write_at(&fill(100), 10).unwrap();
        file.seek(SeekFrom::Start(7)).unwrap();
        file
    }
    fn flushed(file: File) -> File {
        let mut file = wrote(file);
        file.commit().unwrap();
        file
    }
    vec![
        |fs| options().open(fs, "/large").unwrap(),
        |fs| options().open(fs, "/none").unwrap(),
        |fs| options().create(true).open(fs, "/new").unwrap(),
        |fs| options().create(true).atomic(true).open(fs, "/new").unwrap(),
        |fs| wrote(options().open(fs, "/large").unwrap()),
        |fs| wrote(options().open(fs, "/small").unwrap()),
        |fs| flushed(options().open(fs, "/large").unwrap()),
        |fs| flushed(options().atomic(true).create(true).open(fs, "/new").unwrap()),
        |fs| options().preallocate(300_000).open(fs, "/large").unwrap(),
        |fs| flushed(options().preallocate(300_000).open(fs, "/large").unwrap()),
        |fs| wrote(options().truncate(true).preallocate(150_000).open(fs, "/large").unwrap()),
    ]
}

fn fail_on_every_handle(run: impl Fn(&mut File) -> Result<()>) {
    for storage in [Storage::Auto, Storage::RandomAccess] {
        for open in handles() {
            fail_handle(storage, open, &run);
        }
    }
}

#[test]
fn a_write_at_the_start() {
    fail_on_every_handle(|file| file.write_at(&fill(100_000), 0).map(drop));
}

#[test]
fn a_write_at_the_end() {
    fail_on_every_handle(|file| file.write_at(&fill(100_000), file.len()).map(drop));
    fail_on_every_handle(|file| file.write_at(&fill(3), file.len()).map(drop));
}

#[test]
fn a_write_after_a_gap() {
    fail_on_every_handle(|file| file.write_at(&fill(10), 400_000).map(drop));
}

#[test]
fn a_write_of_one_byte() {
    fail_on_every_handle(|file| file.write_at(b"x", 50).map(drop));
}

#[test]
fn a_write_through_std_moves_the_cursor_only_if_it_succeeds() {
    fail_on_every_handle(|file| ours(file.write_all(&fill(70_000))));
}

#[test]
fn set_len() {
    for len in [0, 5, 60, 65_536, 70_000, 199_999, 500_000] {
        fail_on_every_handle(|file| file.set_len(len));
    }
}

#[test]
fn an_append_through_a_handle() {
    for path in ["/large", "/small", "/none"] {
        let mut options = OpenOptions::new();
        options.read(true).append(true);
        let open = |fs: &MemFs| options.open(fs, path).unwrap();
        fail_handle(Storage::Auto, open, |file| ours(file.write_all(&fill(80_000))));
        fail_handle(Storage::Auto, open, |file| ours(file.write_all(&fill(3))));
    }
}

/// What the contract promises: bytes are charged when written, so publication needs nothing.
#[test]
fn publishing_asks_for_nothing() {
    let publish: [fn(File) -> Result<()>; 4] = [
        |mut file| file.commit(),
        |mut file| ours(file.flush()),
        File::close,
        |file| {
            drop(file);
            Ok(())
        },
    ];
    let writes: [fn(&mut File); 5] = [
        |file| assert!(file.write_at(&fill(100_000), 0).unwrap() > 0),
        |file| assert!(file.write_at(&fill(100), 90_000).unwrap() > 0),
        |file| file.set_len(10).unwrap(),
        |file| file.set_len(300_000).unwrap(),
        |_| (),
    ];
    for publish in publish {
        for write in writes {
            for open in handles() {
                let published = fail_each(
                    sample,
                    |fs| fs,
                    |_| (),
                    |fs, arm| {
                        let mut file = open(fs);
                        write(&mut file);
                        arm();
                        publish(file)
                    },
                );
                // Memory may be asked for, to make the last chunk exact; it is done without, too.
                assert_eq!((published.charges, published.nodes), (0, 0));
            }
        }
    }
}

/// A failed allocation does not eat the room that was reserved at open.
#[test]
fn reserved_room_survives_a_failed_write() {
    for truncate in [false, true] {
        let fs = sample();
        let mut file = options().truncate(truncate).preallocate(300_000).open(&fs, "/large").unwrap();
        fs.set_max_quota(fs.stats().used_bytes);
        for n in 1..=3 {
            let _fault = Injected::allocation(n);
            let error = file.write_at(&fill(300_000), 0).unwrap_err();
            assert!(is_of(&error, Fault::Allocation), "{error}");
        }
        file.write_at(&fill(300_000), 0).unwrap();
        file.close().unwrap();
        assert_eq!(fs.read("/large").unwrap(), fill(300_000));
    }
}

#[test]
fn a_failed_write_leaves_a_handle_that_works() {
    let fs = sample();
    let mut file = options().open(&fs, "/large").unwrap();
    let _fault = Injected::allocation(2);
    assert!(file.write_all(&fill(200_000)).is_err());
    file.write_all(b"fine").unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    let mut bytes = [0; 6];
    file.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, &[&b"fine"[..], &fill(6)[4..]].concat()[..]);
    file.close().unwrap();
    fs.clear().unwrap();
    assert_eq!((fs.stats().used_bytes, fs.stats().chunk_count), (0, 0));
}

// ---- archives ----

#[cfg(feature = "archive")]
mod archive_faults {
    use super::*;
    use arcfs::{ImportOptions, OnConflict, import_archive, import_archive_streaming};
    use archives::{deflated, gzip, tar_of_files};

    /// A directory, a file of several chunks, a replaced one, and a long name.
    fn samples() -> [Vec<u8>; 3] {
        let (large, long) = (fill(150_000), format!("new/{LONG}"));
        let entries: &[(&str, &[u8])] =
            &[("new/e/", b""), ("new/large", &large), ("small", b"1"), (&long, b"2")];
        let tar = tar_of_files(entries);
        [deflated(entries), gzip(&tar), tar]
    }

    fn options() -> ImportOptions {
        ImportOptions::new().on_conflict(OnConflict::Overwrite)
    }

    /// Faults strike on the thread that asks for them: all is done by one.
    fn on_one_thread(run: impl FnOnce() + Send) {
        rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(run);
    }

    #[test]
    fn import_archive_at_once() {
        on_one_thread(|| {
            for bytes in samples() {
                let run = |fs: &MemFs| import_archive(fs, bytes.clone(), "/", options()).map(drop);
                // For each entry what it is and what is in it, and what only the plan knows: parents.
                assert_eq!(fail_call(sample, run), grants(8, 1, 5));
            }
        });
    }

    #[test]
    fn the_last_entry_of_a_stream() {
        on_one_thread(|| {
            for entries in [deflated(&[("new/f", &fill(70_000))]), tar_of_files(&[("new/f", &fill(70_000))])]
            {
                let run =
                    |fs: &MemFs| import_archive_streaming(fs, entries.clone(), "/", options()).map(drop);
                // What the directory takes that is remembered for its time, the content, the nodes.
                assert_eq!(fail_call(sample, run), grants(3, 1, 2));
            }
        });
    }
}
