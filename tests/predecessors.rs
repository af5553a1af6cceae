//! Defects that were found in the filesystem whose users arcfs serves, and that it must not have.
//! Each test carries the number of the defect. Where one was about time or memory, the test asserts
//! what makes it impossible: charges, shared bytes, calls that return.

use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use arcfs::{Clock, Content, ErrorKind, ExportOptions, MemFs, OpenOptions, Storage, SystemClock};

fn read_write(fs: &MemFs, path: &str) -> arcfs::File {
    OpenOptions::from_mode("r+b").unwrap().open(fs, path).unwrap()
}

/// What is charged once everything has been removed.
fn charged_when_empty(fs: &MemFs) -> u64 {
    fs.clear().unwrap();
    fs.stats().used_bytes
}

/// Files, directories and bytes as a walk finds them.
fn counted(fs: &MemFs) -> (u64, u64, u64) {
    let (mut files, mut dirs, mut bytes) = (0, 0, 0);
    for dir in fs.walk("/").unwrap() {
        dirs += 1;
        files += dir.files.len() as u64;
        for file in &dir.files {
            bytes += fs.metadata(format!("{}/{file}", dir.path)).unwrap().len();
        }
    }
    (files, dirs, bytes)
}

fn assert_sums_are_true(fs: &MemFs) {
    let stats = fs.stats();
    assert_eq!((stats.file_count, stats.dir_count, stats.payload_bytes), counted(fs));
}

/// A clock that stops the thread which asks it in the middle of its call, once it is told to.
#[derive(Debug)]
struct Trap {
    system: SystemClock,
    armed: Mutex<Option<(Sender<()>, Receiver<()>)>>,
}

impl Clock for Trap {
    fn now(&self) -> SystemTime {
        let armed = self.armed.lock().unwrap().take();
        if let Some((stopped, go_on)) = armed {
            stopped.send(()).unwrap();
            let _ = go_on.recv();
        }
        self.system.now()
    }

    fn elapsed(&self) -> Duration {
        self.system.elapsed()
    }
}

/// Stops one call in its middle, runs `meanwhile`, lets the call go on, and returns the filesystem.
fn with_a_call_stopped(stopped_call: impl FnOnce(&MemFs) + Send, meanwhile: impl FnOnce(&MemFs)) -> MemFs {
    let trap = Arc::new(Trap { system: SystemClock::new(), armed: Mutex::new(None) });
    let fs = MemFs::builder().clock(Arc::clone(&trap) as _).build().unwrap();
    fs.import_tree([("/d/a", "1"), ("/d/b", "22"), ("/e/f/g", "333")]).unwrap();
    let (stopped, is_stopped) = channel();
    let (go_on, may_go_on) = channel();
    *trap.armed.lock().unwrap() = Some((stopped, may_go_on));
    thread::scope(|scope| {
        let call = scope.spawn(|| stopped_call(&fs));
        is_stopped.recv().unwrap();
        meanwhile(&fs);
        go_on.send(()).unwrap();
        call.join().unwrap();
    });
    fs
}

#[test]
fn defect_01_a_directory_does_not_vanish_into_itself() {
    let fs = MemFs::new();
    fs.import_tree([("/a/b/c", "data")]).unwrap();
    let used = fs.stats().used_bytes;
    for to in ["/a/x", "/a/b/x", "/a/b/c/x", "/a/b"] {
        assert!(
            fs.rename("/a", to).is_err() && fs.move_path("/a", to).is_err() && fs.replace("/a", to).is_err()
        );
    }
    assert_eq!((fs.read("/a/b/c").unwrap(), fs.stats().used_bytes), (b"data".to_vec(), used));
    assert_sums_are_true(&fs);
    assert_eq!(charged_when_empty(&fs), 0);
}

#[test]
fn defect_02_an_import_does_not_replace_a_directory() {
    let fs = MemFs::new();
    fs.import_tree([("/d/f", "data")]).unwrap();
    let used = fs.stats().used_bytes;
    let error = fs.import_tree([("/d", "a file")]).unwrap_err();
    assert_eq!((error.kind(), fs.stats().used_bytes), (&ErrorKind::IsADirectory, used));
    assert_eq!(fs.read("/d/f").unwrap(), b"data");
    assert_eq!(charged_when_empty(&fs), 0);
}

#[test]
fn defect_03_an_import_below_a_file_is_an_error_that_leaves_nothing() {
    let fs = MemFs::new();
    fs.write("/f", b"data").unwrap();
    let before = fs.stats();
    for files in [
        vec![("/f/x", "below a file")],
        vec![("/a", "1"), ("/a/b", "2")],
        vec![("/a/b", "2"), ("/a", "1")],
        vec![("/a/b/c/d", "1"), ("/new", "2"), ("/a/b", "3")],
    ] {
        assert_eq!(fs.import_tree(files).unwrap_err().kind(), &ErrorKind::NotADirectory);
        assert_eq!((fs.stats(), fs.exists("/a")), (before, false));
    }
    assert_eq!(charged_when_empty(&fs), 0);
}

#[test]
fn defect_04_the_root_is_the_root_however_it_is_written() {
    let fs = MemFs::new();
    fs.write("/f", b"").unwrap();
    for root in ["", "/", "//", "///", "\\", "/.", "//.", "/f/.."] {
        assert_eq!(fs.import_tree([(root, "x")]).unwrap_err().kind(), &ErrorKind::IsADirectory, "{root:?}");
        assert_eq!(fs.remove_dir_all(root).unwrap_err().kind(), &ErrorKind::InvalidInput, "{root:?}");
        assert_eq!(fs.rename(root, "/x").unwrap_err().kind(), &ErrorKind::InvalidInput, "{root:?}");
    }
    let names: Vec<_> = fs.read_dir("//").unwrap().map(|entry| entry.name().to_string()).collect();
    assert_eq!(names, ["f"]);
    for (round, same) in ["//a", "a", "//a//b/..", "\\a/"].into_iter().enumerate() {
        fs.write(same, [round as u8]).unwrap();
        assert_eq!((fs.read("/a").unwrap(), fs.stats().file_count), (vec![round as u8], 2));
    }
}

#[test]
fn defect_05_what_was_imported_does_not_change_with_what_it_came_from() {
    let fs = MemFs::new();
    let mut buffer = b"as it was".to_vec();
    fs.import_tree([("/copied", Content::from(&buffer)), ("/taken", Content::from(buffer.clone()))]).unwrap();
    buffer.fill(b'x');
    fs.import_tree([("/text", "text")]).unwrap();
    assert_eq!(fs.read("/copied").unwrap(), b"as it was");
    assert_eq!(fs.read("/taken").unwrap(), b"as it was");
    assert_eq!(fs.read_to_string("/text").unwrap(), "text");
}

#[test]
fn defect_06_copies_are_charged_exactly_and_give_all_back() {
    for storage in [Storage::Auto, Storage::Sequential, Storage::RandomAccess] {
        let fs = MemFs::builder().storage(storage).build().unwrap();
        fs.create_dir("/d").unwrap();
        let mut file = fs.create("/d/ten").unwrap();
        for piece in 0..10 {
            file.write_all(&[piece; 1000]).unwrap();
            file.flush().unwrap();
        }
        file.close().unwrap();
        let (used, node) = (fs.stats().used_bytes, fs.stats().node_overhead);
        fs.copy_dir_all("/d", "/copy").unwrap();
        assert_eq!(fs.stats().used_bytes, used + 2 * node, "bytes are shared, nodes are not");
        fs.remove_dir_all("/d").unwrap();
        assert_eq!(fs.read("/copy/ten").unwrap().len(), 10_000);
        assert_eq!(fs.stats().used_bytes, used, "the copy now pays for the bytes");
        fs.import_tree([("/i/1", vec![1; 100]), ("/i/2", vec![2; 100])]).unwrap();
        fs.remove_dir_all("/i").unwrap();
        assert_eq!(fs.stats().used_bytes, used);
        fs.remove_dir_all("/copy").unwrap();
        assert_eq!(fs.stats().used_bytes, 0, "{storage:?}");
    }
}

#[test]
fn defect_06_the_copy_of_a_file_that_became_random_access_is_charged() {
    let fs = MemFs::new();
    fs.create_dir("/d").unwrap();
    fs.write("/d/f", [1; 100]).unwrap();
    let mut file = read_write(&fs, "/d/f");
    file.write_at(&[2; 10], 5).unwrap();
    file.close().unwrap();
    fs.copy_dir_all("/d", "/copy").unwrap();
    fs.remove_dir_all("/d").unwrap();
    let stats = fs.stats();
    assert_eq!(stats.used_bytes, 100 + stats.chunk_overhead + 2 * stats.node_overhead);
    let mut file = read_write(&fs, "/copy/f");
    file.write_at(&[3; 10], 50).unwrap();
    file.close().unwrap();
    assert_eq!(charged_when_empty(&fs), 0);
}

#[test]
fn defect_06_a_write_that_could_not_make_a_file_random_access_gives_all_back() {
    let fs = MemFs::new();
    fs.write("/f", vec![1; 300_000]).unwrap();
    let used = fs.stats().used_bytes;
    fs.set_max_quota(used + 100);
    let mut file = read_write(&fs, "/f");
    assert!(file.write_at(&[2; 200_000], 0).is_err());
    assert_eq!(fs.stats().used_bytes, used);
    file.close().unwrap();
    assert_eq!((fs.stats().used_bytes, fs.read("/f").unwrap()), (used, vec![1; 300_000]));
    assert_eq!(charged_when_empty(&fs), 0);
}

#[test]
fn defect_07_a_failed_copy_or_preallocation_leaves_no_file() {
    let fs = MemFs::new();
    fs.write("/f", b"old").unwrap();
    let foreign = MemFs::new();
    foreign.write("/large", vec![0; 1 << 20]).unwrap();
    fs.set_max_quota(fs.stats().used_bytes + 100);
    assert!(fs.copy("/f", "/copy").is_err());
    assert!(fs.copy_from(&foreign.snapshot(), "/large", "/copy").is_err());
    for path in ["/copy", "/f"] {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).preallocate(1 << 20);
        assert!(options.open(&fs, path).is_err());
    }
    assert_eq!((fs.exists("/copy"), fs.read("/f").unwrap()), (false, b"old".to_vec()));
    assert_eq!((fs.stats().file_count, fs.stats().open_handles), (1, 0));
}

#[test]
fn defect_08_nothing_waits_for_a_handle_that_this_thread_has_open() {
    let fs = MemFs::builder().lock_timeout(None).build().unwrap();
    fs.import_tree([("/d/f", "published"), ("/d/g", "other")]).unwrap();
    let mut file = read_write(&fs, "/d/f");
    file.write_at(b"DRAFT", 0).unwrap();
    fs.copy("/d/f", "/copy").unwrap();
    fs.copy_dir_all("/d", "/copied").unwrap();
    assert_eq!(fs.read("/copy").unwrap(), b"published");
    assert_eq!(fs.export_bytes("/copied/f", None).unwrap(), b"published");
    assert_eq!(fs.export_tree("/", ExportOptions::default()).unwrap()["/d/f"], b"published");
    assert_eq!(fs.iter_export_tree("/d", ExportOptions::default()).unwrap().count(), 2);
    assert!(matches!(fs.rename("/d", "/x").unwrap_err().kind(), ErrorKind::Busy { .. }));
    file.close().unwrap();
}

#[test]
fn defect_08_whoever_waits_for_a_file_keeps_nobody_else_waiting() {
    let fs = MemFs::builder().lock_timeout(None).build().unwrap();
    fs.write("/f", b"1").unwrap();
    let holder = read_write(&fs, "/f");
    thread::scope(|scope| {
        let waiting = [
            scope.spawn(|| fs.write("/f", b"2").unwrap()),
            scope.spawn(|| fs.append("/f", b"3").unwrap()),
            scope.spawn(|| drop(read_write(&fs, "/f"))),
        ];
        for round in 0..100 {
            fs.write("/other", b"4").unwrap();
            fs.create_dir_all(format!("/d/{round}")).unwrap();
            assert_eq!(fs.read("/f").unwrap(), b"1");
            fs.remove_dir_all("/d").unwrap();
        }
        holder.close().unwrap();
        waiting.into_iter().for_each(|thread| thread.join().unwrap());
    });
    assert!(fs.metadata("/f").unwrap().generation() >= 2);
}

#[test]
fn defect_09_readers_need_nothing_that_a_stopped_call_has() {
    with_a_call_stopped(
        |fs| fs.import_tree([("/new/1", "1"), ("/new/2", "2")]).unwrap(),
        |fs| {
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        assert_eq!(fs.read("/e/f/g").unwrap(), b"333");
                        assert_eq!(fs.metadata("/d/b").unwrap().len(), 2);
                        assert_eq!(fs.glob("**").unwrap().len(), 6);
                        assert_eq!(fs.walk("/").unwrap().count(), 4);
                        assert_eq!(fs.snapshot().usage("/").unwrap().bytes, 6);
                        assert!(!fs.exists("/new"));
                    });
                }
            });
        },
    );
}

#[test]
fn defect_09_writers_need_nothing_that_a_stopped_call_has() {
    let fs = with_a_call_stopped(
        |fs| fs.write("/d/a", b"stopped").unwrap(),
        |fs| {
            fs.write("/d/a", b"meanwhile").unwrap();
            fs.rename("/d/b", "/d/c").unwrap();
            assert_eq!(fs.read("/d/a").unwrap(), b"meanwhile");
        },
    );
    assert_eq!(
        (fs.read("/d/a").unwrap(), fs.metadata("/d/a").unwrap().generation()),
        (b"stopped".to_vec(), 2)
    );
}

#[test]
fn defect_11_emptying_a_large_file_needs_room_for_one_node() {
    let fs = MemFs::new();
    fs.write("/large", vec![7; 8 << 20]).unwrap();
    let stats = fs.stats();
    assert_eq!(stats.chunk_count, 128);
    fs.set_max_quota(stats.used_bytes + stats.node_overhead);
    let file = fs.create("/large").unwrap();
    let emptied = fs.stats();
    assert_eq!((emptied.chunk_count, emptied.used_bytes), (0, stats.node_overhead));
    file.close().unwrap();
}

#[test]
fn defect_12_becoming_random_access_needs_no_second_copy() {
    let fs = MemFs::new();
    fs.write("/large", vec![7; 8 << 20]).unwrap();
    let stats = fs.stats();
    let page = 4096 + stats.chunk_overhead;
    fs.set_max_quota(stats.used_bytes + page + stats.node_overhead);
    let mut file = read_write(&fs, "/large");
    file.write_at(b"x", 4 << 20).unwrap();
    assert_eq!(fs.stats().free_bytes, 0, "one page is made anew, all else is shared");
    file.close().unwrap();
    assert_eq!(fs.stats().used_bytes, stats.used_bytes + page, "the chunk stays whole for the rest of it");
    assert_eq!(fs.read("/large").unwrap().iter().position(|byte| *byte == b'x'), Some(4 << 20));
}

#[test]
fn defect_13_bytes_can_be_had_without_a_copy() {
    let fs = MemFs::new();
    fs.write("/one", vec![1; 1000]).unwrap();
    fs.write("/many", vec![2; 200_000]).unwrap();
    let pointers = |path: &str| -> Vec<_> {
        let content = fs.content(path).unwrap();
        content.chunks().map(|chunk| chunk.unwrap().as_ptr()).collect()
    };
    assert_eq!(pointers("/one"), pointers("/one"));
    assert_eq!(pointers("/many"), pointers("/many"));
    let bytes = fs.content("/one").unwrap().to_bytes().unwrap();
    assert_eq!(vec![bytes.as_ptr()], pointers("/one"));
    let used = fs.stats().used_bytes;
    fs.copy("/many", "/again").unwrap();
    assert_eq!(pointers("/again"), pointers("/many"));
    assert_eq!(fs.stats().used_bytes, used + fs.stats().node_overhead);
}

#[test]
fn defect_13_a_vector_that_is_given_away_is_not_copied() {
    let fs = MemFs::new();
    let bytes = vec![1; 1000];
    let pointer = bytes.as_ptr();
    fs.write_owned("/owned", bytes).unwrap();
    let chunk = fs.content("/owned").unwrap().chunks().next().unwrap().unwrap();
    assert_eq!(chunk.as_ptr(), pointer);
}

#[test]
fn defect_14_many_small_appends_make_few_chunks() {
    const PIECE: &[u8] = b"ten bytes\n";
    let (calls, handle) = (MemFs::new(), MemFs::new());
    let mut file = handle.create("/log").unwrap();
    for _ in 0..20_000 {
        calls.append("/log", PIECE).unwrap();
        file.write_all(PIECE).unwrap();
    }
    file.close().unwrap();
    for (fs, most) in [(&calls, 32), (&handle, 4)] {
        let stats = fs.stats();
        assert!(stats.chunk_count <= most, "{stats:?}");
        assert!(stats.used_bytes <= 200_000 + most * stats.chunk_overhead + stats.node_overhead, "{stats:?}");
        assert_eq!(fs.read("/log").unwrap(), PIECE.repeat(20_000));
    }
}

#[test]
fn defect_17_no_operation_recurses_by_depth() {
    let deep = || {
        let fs = MemFs::builder().max_depth(4096).build().unwrap();
        let bottom = "/d".repeat(3000);
        fs.create_dir_all(&bottom).unwrap();
        fs.write(format!("{bottom}/f"), b"x").unwrap();
        assert_eq!(fs.walk("/").unwrap().count(), 3001);
        assert_eq!(fs.glob("/**/f").unwrap().len(), 1);
        fs.rename("/d", "/e").unwrap();
        fs.copy_dir_all("/e", "/copy").unwrap();
        assert_eq!(fs.export_tree("/", ExportOptions::default()).unwrap().len(), 2);
        fs.remove_dir_all("/e").unwrap();
        fs.remove_dir_all("/copy").unwrap();
        assert_eq!(fs.stats().used_bytes, 0);
    };
    thread::Builder::new().stack_size(256 << 10).spawn(deep).unwrap().join().unwrap();
}

#[test]
fn defect_18_a_glob_yields_each_path_once_however_many_stars_it_has() {
    let fs = MemFs::new();
    fs.import_tree([("/a/b/c/d/f.txt", "1"), ("/a/b/f.txt", "2"), ("/f.txt", "3")]).unwrap();
    let all = ["/a", "/a/b", "/a/b/c", "/a/b/c/d", "/a/b/c/d/f.txt", "/a/b/f.txt", "/f.txt"];
    assert_eq!(fs.glob("/**").unwrap(), all);
    assert_eq!(fs.glob("**/**/**").unwrap(), all);
    let texts = ["/a/b/c/d/f.txt", "/a/b/f.txt", "/f.txt"];
    for stars in 1..30 {
        assert_eq!(fs.glob("/**".repeat(stars) + "/*.txt").unwrap(), texts);
    }
    // Between each two stars a part that everything matches: ways to match without number.
    let deep = MemFs::new();
    deep.create_dir_all("/a".repeat(200)).unwrap();
    assert_eq!(deep.glob("/**/*".repeat(100)).unwrap().len(), 101);
    assert_eq!(deep.glob("/**/*".repeat(100) + "/b").unwrap(), [""; 0]);
}

#[test]
fn defect_19_figures_are_kept_and_not_counted() {
    let fs = with_a_call_stopped(
        |fs| fs.write("/d/a", b"1").unwrap(),
        |fs| {
            let before = fs.stats();
            assert_eq!((before.file_count, before.dir_count, before.payload_bytes), (3, 4, 6));
            fs.copy_dir_all("/d", "/e/d").unwrap();
            let after = fs.stats();
            assert_eq!((after.file_count, after.dir_count, after.payload_bytes), (5, 5, 9));
            fs.remove_dir_all("/e").unwrap();
            fs.exchange("/d/a", "/d/b").unwrap();
            assert_sums_are_true(fs);
        },
    );
    assert_sums_are_true(&fs);
}

#[test]
fn a_handle_reads_what_it_wrote_and_where_it_wants() {
    // What defects 11 to 14 must not have been bought with.
    let fs = MemFs::new();
    fs.write("/f", vec![1; 200_000]).unwrap();
    let mut file = read_write(&fs, "/f");
    file.seek(SeekFrom::Start(65_530)).unwrap();
    file.write_all(&[2; 20]).unwrap();
    file.seek(SeekFrom::Current(-30)).unwrap();
    let mut bytes = [0; 40];
    file.read_exact(&mut bytes).unwrap();
    assert_eq!(bytes, [[1; 10], [2; 10], [2; 10], [1; 10]].concat()[..]);
    file.close().unwrap();
}
