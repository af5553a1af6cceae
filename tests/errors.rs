//! Every error that the contract names: its kind with all figures, the paths, the operation, the
//! sentence, and that nothing has changed after it.

#[path = "common/state.rs"]
mod state;

use std::error::Error as _;
use std::fmt::Debug;
use std::io::{self, ErrorKind as Io, Read, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use arcfs::ErrorKind::{
    AlreadyExists, DirectoryNotEmpty, InvalidData, InvalidInput, InvalidPath, InvalidPattern, IsADirectory,
    NotADirectory, NotFound, Unsupported,
};
use arcfs::{
    Content, Error, ErrorKind, ExportOptions, File, GuardAction, MemFs, MemFsBuilder, MemoryGuard,
    MemorySource, OpenOptions, Result, Snapshot, Storage, Transaction,
};
use state::State;

const AT_ONCE: Option<Duration> = Some(Duration::ZERO);

// ---- what the tests work on ----

/// `/f` and `/g` are files, `/empty` is an empty directory, `/d` one with the file `/d/f`.
fn sample() -> MemFs {
    sample_with(MemFs::builder())
}

fn sample_with(builder: MemFsBuilder) -> MemFs {
    let fs = builder.lock_timeout(AT_ONCE).build().unwrap();
    fs.create_dir("/empty").unwrap();
    fs.create_dir("/d").unwrap();
    for (path, bytes) in [("/f", "12345"), ("/g", "67"), ("/d/f", "below")] {
        fs.write(path, bytes).unwrap();
    }
    fs
}

/// A handle that holds a path, which need not exist and gets no name by it.
fn hold(fs: &MemFs, path: &str) -> File {
    let mut options = OpenOptions::new();
    options.write(true).create(true).atomic(true).lock_timeout(AT_ONCE).open(fs, path).unwrap()
}

fn share(fs: &MemFs, path: &str) -> File {
    OpenOptions::new().read(true).shared_lock(true).open(fs, path).unwrap()
}

fn no_room(fs: &MemFs) {
    fs.set_max_quota(fs.stats().used_bytes);
}

fn no_nodes(fs: &MemFs) -> ErrorKind {
    let stats = fs.stats();
    let nodes = stats.file_count + stats.dir_count;
    fs.set_max_nodes(nodes);
    ErrorKind::NodeLimit { current: nodes, limit: nodes }
}

/// Memory as a test says.
#[derive(Debug)]
struct Memory(AtomicU64);

impl MemorySource for Memory {
    fn available(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed))
    }
}

/// A sample whose memory guard sees no memory any more, for what `hold` did not take before.
fn short_of_memory<T>(hold: impl FnOnce(&MemFs) -> T) -> (MemFs, T) {
    let memory = Arc::new(Memory(AtomicU64::new(u64::MAX)));
    let guard = MemoryGuard::per_write(GuardAction::Refuse, Duration::ZERO);
    let fs = sample_with(MemFs::builder().memory_guard(guard.with_source(Arc::clone(&memory) as _)));
    let held = hold(&fs);
    memory.0.store(0, Ordering::Relaxed);
    (fs, held)
}

// ---- what the tests check ----

/// An error that left no trace.
#[derive(Debug)]
#[must_use = "it is to be looked at"]
struct Refused(Error);

/// Runs a call that must fail and change nothing that can be seen.
fn refused<T: Debug>(fs: &MemFs, call: impl FnOnce() -> Result<T>) -> Refused {
    let before = State::of(fs);
    let error = call().expect_err("it must be refused");
    assert_eq!(State::of(fs), before, "a refused call left a trace: {error}");
    Refused::of(error)
}

impl Refused {
    fn of(error: Error) -> Self {
        assert_is_a_sentence(&error);
        let text = error.to_string();
        let kind = error.kind().clone();
        let io: io::Error = error.into();
        assert_eq!(io.kind(), io_kind(&kind));
        assert_eq!(io.to_string(), text);
        let error = io.into_inner().expect("the error is kept").downcast::<Error>().expect("as it was");
        assert_eq!((error.kind(), error.to_string()), (&kind, text));
        Self(*error)
    }

    /// An error that came through `std::io`.
    fn of_io<T: Debug>(result: io::Result<T>) -> Self {
        let error = result.expect_err("it must be refused").into_inner().expect("ours");
        Self::of(*error.downcast::<Error>().expect("ours"))
    }

    #[expect(clippy::needless_pass_by_value, reason = "a reference in every chain would read worse")]
    fn kind(self, kind: ErrorKind) -> Self {
        assert_eq!(self.0.kind(), &kind, "{}", self.0);
        self
    }

    fn busy(self) -> Self {
        assert!(matches!(self.0.kind(), ErrorKind::Busy { .. }), "{:?}", self.0);
        self
    }

    fn no_quota(self) -> Self {
        let ErrorKind::QuotaExceeded { requested, available } = *self.0.kind() else {
            panic!("{:?}", self.0)
        };
        assert!(requested > available, "{:?}", self.0);
        self
    }

    fn says(self, words: &str) -> Self {
        assert!(self.0.to_string().contains(words), "{words:?} is not in: {}", self.0);
        self
    }

    /// It names this operation and this one path.
    fn on(self, operation: &str, path: &str) {
        assert_eq!((self.0.operation(), self.0.path(), self.0.other_path()), (operation, Some(path), None));
    }

    /// It names this operation and both paths in the order of the arguments.
    fn between(self, operation: &str, first: &str, second: &str) {
        let named = (self.0.operation(), self.0.path(), self.0.other_path());
        assert_eq!(named, (operation, Some(first), Some(second)), "{}", self.0);
    }

    /// It names this operation, which is not on one path, and some path that says where.
    fn during_root(self, operation: &str) {
        assert_eq!((self.0.operation(), self.0.path().is_some()), (operation, true));
    }

    /// It names this operation, which has no path.
    fn during(self, operation: &str) {
        assert_eq!((self.0.operation(), self.0.path(), self.0.other_path()), (operation, None, None));
    }
}

fn assert_is_a_sentence(error: &Error) {
    let text = error.to_string();
    assert!(text.starts_with(error.operation()) && !error.operation().is_empty(), "{text}");
    for path in [error.path(), error.other_path()].into_iter().flatten() {
        assert!(text.contains(&format!("{path:?}")), "{text}");
    }
    let (_, reason) = text.rsplit_once("\": ").or_else(|| text.split_once(": ")).expect("a reason");
    assert!(
        reason.split(' ').count() >= 2 && !reason.contains("ErrorKind") && !reason.contains('{'),
        "{text}"
    );
}

fn io_kind(kind: &ErrorKind) -> Io {
    match kind {
        NotFound => Io::NotFound,
        AlreadyExists => Io::AlreadyExists,
        IsADirectory => Io::IsADirectory,
        NotADirectory => Io::NotADirectory,
        DirectoryNotEmpty => Io::DirectoryNotEmpty,
        Unsupported => Io::Unsupported,
        InvalidInput | InvalidPath | InvalidPattern => Io::InvalidInput,
        InvalidData => Io::InvalidData,
        ErrorKind::QuotaExceeded { .. } | ErrorKind::NodeLimit { .. } => Io::QuotaExceeded,
        ErrorKind::MemoryGuard { .. } | ErrorKind::AllocationFailed { .. } => Io::OutOfMemory,
        ErrorKind::Busy { .. } => Io::ResourceBusy,
        _ => Io::Other,
    }
}

// ---- calls, so that what holds of all of them is said once ----

type One = (&'static str, fn(&MemFs, &str) -> Result<()>);
type Two = (&'static str, fn(&MemFs, &str, &str) -> Result<()>);
type Look = (&'static str, fn(&Snapshot, &str) -> Result<()>);

/// Calls that make a node at a path whose parent must exist.
const MAKE: &[One] = &[
    ("create_dir", |fs, p| fs.create_dir(p)),
    ("write", |fs, p| fs.write(p, b"new")),
    ("write_owned", |fs, p| fs.write_owned(p, b"new")),
    ("append", |fs, p| fs.append(p, b"new")),
    ("open", |fs, p| fs.create(p).map(drop)),
    ("open", |fs, p| OpenOptions::from_mode("ab")?.open(fs, p).map(drop)),
    ("open", |fs, p| OpenOptions::from_mode("xb")?.open(fs, p).map(drop)),
    ("open", |fs, p| OpenOptions::new().append(true).create(true).atomic(true).open(fs, p).map(drop)),
];

/// Calls that make a node and all that is missing above it.
const MAKE_ALL: &[One] = &[
    ("create_dir_all", |fs, p| fs.create_dir_all(p)),
    ("import_tree", |fs, p| fs.import_tree([(p, "new")])),
];

/// Calls on one path that must exist.
const USE: &[One] = &[
    ("remove_file", |fs, p| fs.remove_file(p)),
    ("remove_dir", |fs, p| fs.remove_dir(p)),
    ("remove_dir_all", |fs, p| fs.remove_dir_all(p)),
    ("metadata", |fs, p| fs.metadata(p).map(drop)),
    ("set_modified", |fs, p| fs.set_modified(p, SystemTime::now())),
    ("read_dir", |fs, p| fs.read_dir(p).map(drop)),
    ("read", |fs, p| fs.read(p).map(drop)),
    ("read_to_string", |fs, p| fs.read_to_string(p).map(drop)),
    ("read_into", |fs, p| fs.read_into(p, &mut Vec::new()).map(drop)),
    ("content", |fs, p| fs.content(p).map(drop)),
    ("walk", |fs, p| fs.walk(p).map(drop)),
    ("usage", |fs, p| fs.usage(p).map(drop)),
    ("export_bytes", |fs, p| fs.export_bytes(p, None).map(drop)),
    ("open", |fs, p| fs.open(p).map(drop)),
    ("open", |fs, p| OpenOptions::from_mode("r+b")?.open(fs, p).map(drop)),
    ("open", |fs, p| OpenOptions::new().read(true).shared_lock(true).open(fs, p).map(drop)),
];

/// Calls that answer with nothing where nothing is.
const EXPORT: &[One] = &[
    ("export_tree", |fs, p| fs.export_tree(p, ExportOptions::default()).map(drop)),
    ("iter_export_tree", |fs, p| fs.iter_export_tree(p, ExportOptions::default()).map(drop)),
];

/// Calls that take a file and nothing else.
const OF_FILES: &[One] = &[
    ("write", |fs, p| fs.write(p, b"new")),
    ("write_owned", |fs, p| fs.write_owned(p, b"new")),
    ("append", |fs, p| fs.append(p, b"new")),
    ("read", |fs, p| fs.read(p).map(drop)),
    ("read_to_string", |fs, p| fs.read_to_string(p).map(drop)),
    ("read_into", |fs, p| fs.read_into(p, &mut Vec::new()).map(drop)),
    ("content", |fs, p| fs.content(p).map(drop)),
    ("export_bytes", |fs, p| fs.export_bytes(p, None).map(drop)),
    ("remove_file", |fs, p| fs.remove_file(p)),
    ("import_tree", |fs, p| fs.import_tree([(p, "new")])),
    ("open", |fs, p| fs.open(p).map(drop)),
    ("open", |fs, p| fs.create(p).map(drop)),
    ("open", |fs, p| OpenOptions::from_mode("ab")?.open(fs, p).map(drop)),
    ("open", |fs, p| OpenOptions::from_mode("xb")?.open(fs, p).map(drop)),
    ("open", |fs, p| OpenOptions::from_mode("r+b")?.open(fs, p).map(drop)),
    ("open", |fs, p| OpenOptions::new().read(true).shared_lock(true).open(fs, p).map(drop)),
];

/// Calls that take a directory and nothing else.
const OF_DIRS: &[One] = &[
    ("remove_dir", |fs, p| fs.remove_dir(p)),
    ("remove_dir_all", |fs, p| fs.remove_dir_all(p)),
    ("read_dir", |fs, p| fs.read_dir(p).map(drop)),
    ("walk", |fs, p| fs.walk(p).map(drop)),
];

const MOVE: &[Two] = &[
    ("rename", |fs, a, b| fs.rename(a, b)),
    ("replace", |fs, a, b| fs.replace(a, b)),
    ("move_path", |fs, a, b| fs.move_path(a, b)),
];

/// `copy_from` takes a snapshot made at the call.
const COPY: &[Two] = &[
    ("copy", |fs, a, b| fs.copy(a, b).map(drop)),
    ("copy_dir_all", |fs, a, b| fs.copy_dir_all(a, b)),
    ("copy_from", |fs, a, b| fs.copy_from(&fs.snapshot(), a, b).map(drop)),
];

const EXCHANGE: &[Two] = &[("exchange", |fs, a, b| fs.exchange(a, b))];

const SNAPSHOT: &[Look] = &[
    ("metadata", |s, p| s.metadata(p).map(drop)),
    ("read_dir", |s, p| s.read_dir(p).map(drop)),
    ("read", |s, p| s.read(p).map(drop)),
    ("read_to_string", |s, p| s.read_to_string(p).map(drop)),
    ("read_into", |s, p| s.read_into(p, &mut Vec::new()).map(drop)),
    ("content", |s, p| s.content(p).map(drop)),
    ("walk", |s, p| s.walk(p).map(drop)),
    ("usage", |s, p| s.usage(p).map(drop)),
    ("export_bytes", |s, p| s.export_bytes(p, None).map(drop)),
];

fn all<T: Copy>(lists: &[&[T]]) -> Vec<T> {
    lists.concat()
}

/// A call that copies the sort of thing that stands at `from`.
fn copies(from: &str) -> Vec<Two> {
    let wrong = if from == "/d" { "copy" } else { "copy_dir_all" };
    COPY.iter().copied().filter(|(operation, _)| *operation != wrong).collect()
}

// ---- paths ----

fn invalid_paths() -> Vec<String> {
    let mut paths = ["/..", "..", "../f", "..\\f", "/f/../../g", "/nul\0", "\0"].map(String::from).to_vec();
    paths.push(format!("/{}", "x".repeat(256)));
    paths.push(format!("/{}/..", "x".repeat(256)));
    paths.push("/x".repeat(513));
    paths
}

#[test]
fn every_call_on_one_path_refuses_an_invalid_one_as_it_was_given() {
    let fs = sample();
    for (operation, call) in all(&[MAKE, MAKE_ALL, USE, EXPORT]) {
        for path in &invalid_paths() {
            refused(&fs, || call(&fs, path)).kind(InvalidPath).on(operation, path);
        }
    }
}

#[test]
fn every_call_on_two_paths_refuses_an_invalid_one_whichever_it_is() {
    let fs = sample();
    for (operation, call) in all(&[MOVE, COPY, EXCHANGE]) {
        for path in &invalid_paths() {
            refused(&fs, || call(&fs, path, "g//")).kind(InvalidPath).between(operation, path, "/g");
            refused(&fs, || call(&fs, "f", path)).kind(InvalidPath).between(operation, "/f", path);
        }
    }
}

#[test]
fn every_call_on_a_snapshot_refuses_an_invalid_path() {
    let snapshot = sample().snapshot();
    for (operation, call) in SNAPSHOT {
        for path in &invalid_paths() {
            Refused::of(call(&snapshot, path).unwrap_err()).kind(InvalidPath).on(operation, path);
        }
    }
}

#[test]
fn questions_answer_no_to_an_invalid_path() {
    let fs = sample();
    let snapshot = fs.snapshot();
    for path in &invalid_paths() {
        assert!(!fs.exists(path) && !fs.is_file(path) && !fs.is_dir(path));
        assert!(!snapshot.exists(path) && !snapshot.is_file(path) && !snapshot.is_dir(path));
    }
}

#[test]
fn an_invalid_path_is_told_what_is_wrong_with_it() {
    let fs = sample();
    refused(&fs, || fs.read("/..")).says("climbs above the root").kind(InvalidPath).on("read", "/..");
    refused(&fs, || fs.read("/a\0")).says("NUL").kind(InvalidPath).on("read", "/a\0");
    let long = format!("/{}", "é".repeat(128));
    refused(&fs, || fs.read(&long)).says("256 bytes").says("255").kind(InvalidPath).on("read", &long);
    let deep = "/x".repeat(513);
    refused(&fs, || fs.read(&deep)).says("513").says("512").kind(InvalidPath).on("read", &deep);
}

#[test]
fn the_longest_component_and_the_deepest_path_are_valid() {
    let fs = MemFs::builder().max_depth(3).build().unwrap();
    fs.write(format!("/{}", "x".repeat(255)), b"").unwrap();
    fs.create_dir_all("/1/2/3").unwrap();
    refused(&fs, || fs.create_dir("/1/2/3/4")).kind(InvalidPath).on("create_dir", "/1/2/3/4");
}

#[test]
fn nothing_gets_deeper_than_allowed_by_moving_or_copying() {
    let fs = MemFs::builder().max_depth(4).build().unwrap();
    fs.create_dir_all("/a/b/c").unwrap();
    fs.create_dir_all("/x/y/z").unwrap();
    for (operation, call) in MOVE {
        refused(&fs, || call(&fs, "/a", "/x/y/a")).kind(InvalidPath).between(operation, "/a", "/x/y/a");
    }
    for (operation, call) in copies("/d") {
        refused(&fs, || call(&fs, "/a", "/x/y/a")).kind(InvalidPath).between(operation, "/a", "/x/y/a");
    }
    refused(&fs, || fs.exchange("/a", "/x/y/z")).kind(InvalidPath).between("exchange", "/a", "/x/y/z");
    refused(&fs, || fs.exchange("/x/y/z", "/a")).kind(InvalidPath).between("exchange", "/x/y/z", "/a");
    fs.rename("/a", "/x/a").unwrap();
}

#[test]
fn a_path_in_an_error_is_normalised() {
    let fs = sample();
    refused(&fs, || fs.read("d//./x/../y\\")).kind(NotFound).on("read", "/d/y");
    refused(&fs, || fs.rename("x/", "//y")).kind(NotFound).between("rename", "/x", "/y");
    let limit = no_nodes(&fs);
    refused(&fs, || fs.create_dir("d//x")).kind(limit.clone()).on("create_dir", "/d/x");
    refused(&fs, || fs.create_dir_all("d//x/y")).kind(limit.clone()).on("create_dir_all", "/d/x/y");
    refused(&fs, || fs.create("d//x")).kind(limit).on("open", "/d/x");
    no_room(&fs);
    refused(&fs, || fs.write("d//f", b"x")).no_quota().on("write", "/d/f");
    refused(&fs, || fs.set_modified("d//no", SystemTime::now())).kind(NotFound).on("set_modified", "/d/no");
}

// ---- existence and kind ----

#[test]
fn what_does_not_exist_is_not_found() {
    let fs = sample();
    for (operation, call) in USE {
        refused(&fs, || call(&fs, "/missing")).kind(NotFound).on(operation, "/missing");
        refused(&fs, || call(&fs, "/no/where")).kind(NotFound).on(operation, "/no/where");
    }
    for (operation, call) in SNAPSHOT {
        Refused::of(call(&fs.snapshot(), "/missing").unwrap_err()).kind(NotFound).on(operation, "/missing");
    }
}

#[test]
fn a_missing_export_is_empty() {
    let fs = sample();
    for path in ["/missing", "/no/where", "/f/below"] {
        assert!(fs.export_tree(path, ExportOptions::default()).unwrap().is_empty());
        assert!(fs.iter_export_tree(path, ExportOptions::default()).unwrap().next().is_none());
    }
}

#[test]
fn a_missing_parent_is_not_found() {
    let fs = sample();
    for (operation, call) in MAKE {
        refused(&fs, || call(&fs, "/no/where")).kind(NotFound).on(operation, "/no/where");
    }
    for (operation, call) in [MOVE[0], MOVE[1], COPY[0], COPY[2]] {
        refused(&fs, || call(&fs, "/f", "/no/where")).kind(NotFound).between(operation, "/f", "/no/where");
    }
    for (operation, call) in copies("/d") {
        refused(&fs, || call(&fs, "/d", "/no/where")).kind(NotFound).between(operation, "/d", "/no/where");
    }
}

#[test]
fn a_file_on_the_way_is_not_a_directory() {
    let fs = sample();
    for (operation, call) in all(&[MAKE, MAKE_ALL, USE]) {
        refused(&fs, || call(&fs, "/f/x")).kind(NotADirectory).on(operation, "/f/x");
        refused(&fs, || call(&fs, "/f/x/y")).kind(NotADirectory).on(operation, "/f/x/y");
    }
    for (operation, call) in all(&[MOVE, COPY, EXCHANGE]) {
        refused(&fs, || call(&fs, "/f/x", "/g")).kind(NotADirectory).between(operation, "/f/x", "/g");
    }
    for (operation, call) in all(&[MOVE, EXCHANGE, &copies("/f")]) {
        refused(&fs, || call(&fs, "/g", "/f/x")).kind(NotADirectory).between(operation, "/g", "/f/x");
    }
    refused(&fs, || fs.copy_dir_all("/d", "/f/x")).kind(NotADirectory).between("copy_dir_all", "/d", "/f/x");
    for (operation, call) in SNAPSHOT {
        Refused::of(call(&fs.snapshot(), "/f/x").unwrap_err()).kind(NotADirectory).on(operation, "/f/x");
    }
}

#[test]
fn a_directory_is_no_file() {
    let fs = sample();
    for (operation, call) in OF_FILES {
        refused(&fs, || call(&fs, "/d")).kind(IsADirectory).on(operation, "/d");
    }
    refused(&fs, || fs.copy("/d", "/new")).kind(IsADirectory).between("copy", "/d", "/new");
}

#[test]
fn a_file_is_no_directory() {
    let fs = sample();
    for (operation, call) in OF_DIRS {
        refused(&fs, || call(&fs, "/f")).kind(NotADirectory).on(operation, "/f");
    }
    refused(&fs, || fs.copy_dir_all("/f", "/new")).kind(NotADirectory).between("copy_dir_all", "/f", "/new");
}

#[test]
fn what_exists_is_not_created_again() {
    let fs = sample();
    for path in ["/d", "/f", "/"] {
        refused(&fs, || fs.create_dir(path)).kind(AlreadyExists).on("create_dir", path);
    }
    refused(&fs, || fs.create_dir_all("/f")).kind(AlreadyExists).on("create_dir_all", "/f");
    refused(&fs, || OpenOptions::from_mode("xb")?.open(&fs, "/f")).kind(AlreadyExists).on("open", "/f");
    fs.create_dir_all("/d").unwrap();
    fs.create_dir_all("/").unwrap();
}

#[test]
fn a_directory_that_is_not_empty_is_not_removed_as_if_it_were() {
    let fs = sample();
    refused(&fs, || fs.remove_dir("/d")).kind(DirectoryNotEmpty).on("remove_dir", "/d");
}

#[test]
fn bytes_that_are_not_text_are_invalid_data() {
    let fs = sample();
    fs.write("/bytes", b"ok \xff").unwrap();
    refused(&fs, || fs.read_to_string("/bytes"))
        .says("byte 3")
        .kind(InvalidData)
        .on("read_to_string", "/bytes");
}

#[test]
fn an_export_larger_than_asked_for_is_invalid_input() {
    let fs = sample();
    let export = |limit| fs.export_bytes("/f", Some(limit));
    refused(&fs, || export(4)).says("5 bytes").says("4").kind(InvalidInput).on("export_bytes", "/f");
    assert_eq!(export(5).unwrap(), b"12345");
    let error = fs.snapshot().export_bytes("/f", Some(0)).unwrap_err();
    Refused::of(error).kind(InvalidInput).on("export_bytes", "/f");
}

// ---- moving, exchanging, copying ----

#[test]
fn the_source_of_a_move_or_copy_must_exist() {
    let fs = sample();
    for (operation, call) in all(&[MOVE, COPY, EXCHANGE]) {
        for to in ["/new", "/f", "/missing"] {
            refused(&fs, || call(&fs, "/missing", to)).kind(NotFound).between(operation, "/missing", to);
        }
    }
    refused(&fs, || fs.exchange("/f", "/missing")).kind(NotFound).between("exchange", "/f", "/missing");
}

#[test]
fn the_destination_of_a_move_or_copy_must_not_exist() {
    let fs = sample();
    for to in ["/f", "/g", "/d", "/empty"] {
        for (operation, call) in [MOVE[0], MOVE[2], COPY[0], COPY[2]] {
            refused(&fs, || call(&fs, "/f", to)).kind(AlreadyExists).between(operation, "/f", to);
        }
        refused(&fs, || fs.copy_dir_all("/d", to)).kind(AlreadyExists).between("copy_dir_all", "/d", to);
    }
    for to in ["/f", "/d", "/empty"] {
        for (operation, call) in [MOVE[0], MOVE[2]] {
            refused(&fs, || call(&fs, "/d", to)).kind(AlreadyExists).between(operation, "/d", to);
        }
    }
    for (operation, call) in copies("/d") {
        refused(&fs, || call(&fs, "/d", "/")).kind(AlreadyExists).between(operation, "/d", "/");
    }
}

#[test]
fn a_replacement_is_of_the_same_sort_and_a_replaced_directory_is_empty() {
    let fs = sample();
    let replace = |a, b| refused(&fs, || fs.replace(a, b));
    replace("/f", "/empty").kind(IsADirectory).between("replace", "/f", "/empty");
    replace("/f", "/d").kind(IsADirectory).between("replace", "/f", "/d");
    replace("/d", "/f").kind(NotADirectory).between("replace", "/d", "/f");
    replace("/empty", "/d").kind(DirectoryNotEmpty).between("replace", "/empty", "/d");
    fs.replace("/f", "/f").unwrap();
    fs.replace("/d", "/d").unwrap();
    fs.replace("/d", "/empty").unwrap();
    assert_eq!(fs.read("/empty/f").unwrap(), b"below");
}

#[test]
fn a_directory_cannot_move_into_itself() {
    let fs = sample();
    fs.create_dir("/d/e").unwrap();
    for (operation, call) in MOVE {
        for to in ["/d/x", "/d/e/x", "/d/e", "/d/f"] {
            refused(&fs, || call(&fs, "/d", to)).kind(InvalidInput).between(operation, "/d", to);
        }
    }
    for (a, b) in [("/d", "/d/e"), ("/d/e", "/d"), ("/d", "/d/f")] {
        refused(&fs, || fs.exchange(a, b)).kind(InvalidInput).between("exchange", a, b);
    }
}

#[test]
fn the_root_is_neither_moved_nor_replaced_nor_exchanged() {
    let fs = sample();
    for (operation, call) in all(&[MOVE, EXCHANGE]) {
        for root in ["/", "", "//", "/d/.."] {
            refused(&fs, || call(&fs, root, "/new")).kind(InvalidInput).between(operation, "/", "/new");
            refused(&fs, || call(&fs, "/f", root)).kind(InvalidInput).between(operation, "/f", "/");
            refused(&fs, || call(&fs, root, root)).kind(InvalidInput).between(operation, "/", "/");
        }
    }
}

#[test]
fn the_root_is_not_removed() {
    let fs = sample();
    for root in ["/", "", "//", "/d/.."] {
        refused(&fs, || fs.remove_file(root)).says("clear").kind(InvalidInput).on("remove_file", "/");
        refused(&fs, || fs.remove_dir(root)).kind(InvalidInput).on("remove_dir", "/");
        refused(&fs, || fs.remove_dir_all(root)).says("clear").kind(InvalidInput).on("remove_dir_all", "/");
    }
}

#[test]
fn a_file_call_on_the_root_says_that_it_is_a_directory() {
    let fs = sample();
    // `remove_file` is one of the calls that remove: those are judged by their argument.
    for (operation, call) in OF_FILES.iter().filter(|(operation, _)| *operation != "remove_file") {
        for root in ["/", "", "//", "/d/.."] {
            refused(&fs, || call(&fs, root)).kind(IsADirectory).on(operation, "/");
        }
    }
    refused(&fs, || fs.copy("/", "/new")).kind(IsADirectory).between("copy", "/", "/new");
}

// ---- held paths ----

#[test]
fn what_is_held_is_not_removed() {
    let fs = sample();
    let held = hold(&fs, "/d/f");
    refused(&fs, || fs.remove_file("/d/f")).busy().says("opened by thread").on("remove_file", "/d/f");
    refused(&fs, || fs.remove_dir_all("/d")).busy().says("\"/d/f\" is open").on("remove_dir_all", "/d");
    refused(&fs, || fs.clear()).busy().says("\"/d/f\" is open").on("clear", "/");
    drop(held);
    let promised = hold(&fs, "/empty/promised");
    refused(&fs, || fs.remove_dir("/empty")).busy().on("remove_dir", "/empty");
    refused(&fs, || fs.create_dir_all("/empty/promised/x")).busy().on("create_dir_all", "/empty/promised/x");
    drop(promised);
    fs.remove_dir("/empty").unwrap();
}

#[test]
fn what_is_held_is_neither_moved_nor_replaced_nor_exchanged() {
    let fs = sample();
    for held in [hold(&fs, "/d/f"), share(&fs, "/g")] {
        let (inside, path) = if held.path() == "/g" { ("/g", "/g") } else { ("/d/f", "/d") };
        for (operation, call) in MOVE {
            refused(&fs, || call(&fs, path, "/new")).busy().between(operation, path, "/new");
            refused(&fs, || call(&fs, inside, "/new")).busy().between(operation, inside, "/new");
        }
        refused(&fs, || fs.exchange(path, "/f")).busy().between("exchange", path, "/f");
        refused(&fs, || fs.exchange("/f", path)).busy().between("exchange", "/f", path);
        refused(&fs, || fs.replace("/f", inside)).busy().between("replace", "/f", inside);
    }
}

#[test]
fn a_promised_path_is_not_taken() {
    let fs = sample();
    let held = hold(&fs, "/promised");
    refused(&fs, || fs.create_dir("/promised")).busy().on("create_dir", "/promised");
    refused(&fs, || fs.create_dir_all("/promised/x")).busy().on("create_dir_all", "/promised/x");
    refused(&fs, || fs.import_tree([("/promised", "x")])).busy().on("import_tree", "/promised");
    for (operation, call) in all(&[MOVE, &copies("/f")]) {
        refused(&fs, || call(&fs, "/f", "/promised")).busy().between(operation, "/f", "/promised");
    }
    for (operation, call) in all(&[MOVE, &copies("/d")]) {
        refused(&fs, || call(&fs, "/d", "/promised")).busy().between(operation, "/d", "/promised");
    }
    drop(held);
    fs.create_dir("/promised").unwrap();
}

#[test]
fn whoever_must_wait_for_a_held_file_says_whom_for() {
    let fs = sample();
    let _held = std::thread::scope(|scope| {
        let opener = std::thread::Builder::new().name("opener".into());
        opener.spawn_scoped(scope, || hold(&fs, "/f")).unwrap().join().unwrap()
    });
    let calls: &[One] = &[
        ("write", |fs, p| fs.write(p, b"x")),
        ("write_owned", |fs, p| fs.write_owned(p, b"x")),
        ("append", |fs, p| fs.append(p, b"x")),
        ("open", |fs, p| fs.create(p).map(drop)),
        ("open", |fs, p| OpenOptions::from_mode("r+b")?.open(fs, p).map(drop)),
        ("open", |fs, p| OpenOptions::from_mode("ab")?.open(fs, p).map(drop)),
        ("open", |fs, p| OpenOptions::new().read(true).shared_lock(true).open(fs, p).map(drop)),
    ];
    for (operation, call) in calls {
        let busy = refused(&fs, || call(&fs, "/f")).busy();
        busy.says("opened by thread \"opener\"").says(" ago").on(operation, "/f");
    }
}

#[test]
fn a_wait_that_was_in_vain_says_how_long_it_was() {
    let fs = sample();
    let _held = hold(&fs, "/f");
    let wait = Duration::from_millis(20);
    let mut options = OpenOptions::from_mode("r+b").unwrap();
    let error = options.lock_timeout(Some(wait)).open(&fs, "/f").unwrap_err();
    let ErrorKind::Busy { waited } = *error.kind() else { panic!("{error:?}") };
    assert!(waited >= wait, "{error}");
    Refused::of(error).on("open", "/f");
}

#[test]
fn what_is_held_is_neither_imported_over_nor_restored_over() {
    let fs = sample();
    let snapshot = fs.snapshot();
    let _held = hold(&fs, "/d/f");
    refused(&fs, || fs.import_tree([("/new", "x"), ("/d/f", "x")])).busy().on("import_tree", "/d/f");
    refused(&fs, || fs.restore(&snapshot)).busy().says("\"/d/f\" is open").on("restore", "/");
    fs.import_tree([("/d/other", "x")]).unwrap();
}

#[test]
fn a_snapshot_is_restored_only_where_it_was_taken() {
    let fs = sample();
    let other = sample().snapshot();
    refused(&fs, || fs.restore(&other)).says("another filesystem").kind(InvalidInput).on("restore", "/");
    let fork = MemFs::from_snapshot(&fs.snapshot(), MemFs::builder()).unwrap();
    let of_fork = fork.snapshot();
    refused(&fs, || fs.restore(&of_fork)).kind(InvalidInput).on("restore", "/");
}

#[test]
fn a_transaction_meets_what_is_held_as_other_calls_do() {
    let fs = sample();
    let _held = (hold(&fs, "/d/f"), hold(&fs, "/promised"));
    type Call = (&'static str, fn(&mut Transaction, &str) -> Result<()>);
    let calls: &[Call] = &[
        ("remove_dir_all", |tx, _| tx.remove_dir_all("d/")),
        ("clear", |tx, _| tx.clear()),
        ("write", |tx, p| tx.write(p, b"x")),
        ("append", |tx, p| tx.append(p, b"x")),
        ("create_dir", |tx, p| tx.create_dir(p)),
        ("create_dir_all", |tx, p| tx.create_dir_all(format!("{p}/x"))),
    ];
    for (operation, call) in calls {
        let busy = refused(&fs, || fs.transaction(|tx| call(tx, "/promised"))).busy();
        let path = match *operation {
            "remove_dir_all" => "/d",
            "clear" => "/",
            "create_dir_all" => "/promised/x",
            _ => "/promised",
        };
        busy.on(operation, path);
    }
    let renamed = refused(&fs, || fs.transaction(|tx| tx.rename("d/", "/x")));
    renamed.busy().between("rename", "/d", "/x");
    let exchanged = refused(&fs, || fs.transaction(|tx| tx.exchange("/f", "/d")));
    exchanged.busy().between("exchange", "/f", "/d");
    let imported = refused(&fs, || fs.transaction(|tx| tx.import_tree([("/d/f", "x")])));
    imported.busy().on("import_tree", "/d/f");
}

// ---- imports ----

#[test]
fn an_import_names_the_entry_that_cannot_be() {
    let fs = sample();
    let import =
        |files: &[(&'static str, &'static str)]| refused(&fs, || fs.import_tree(files.iter().copied()));
    import(&[("/x", "1"), ("/a\0", "2")]).kind(InvalidPath).on("import_tree", "/a\0");
    import(&[("/x", "1"), ("/y", "2"), ("x/", "3")]).kind(AlreadyExists).on("import_tree", "/x");
    import(&[("/x/y", "1"), ("/x", "2")]).kind(NotADirectory).on("import_tree", "/x/y");
    import(&[("/x", "1"), ("/x/y/z", "2")]).kind(NotADirectory).on("import_tree", "/x/y/z");
    import(&[("/x", "1"), ("/f/y", "2")]).kind(NotADirectory).on("import_tree", "/f/y");
    import(&[("/x", "1"), ("/d", "2")]).kind(IsADirectory).on("import_tree", "/d");
    import(&[("/", "1")]).kind(IsADirectory).on("import_tree", "/");
}

#[test]
fn an_import_judges_in_the_promised_order() {
    let fs = sample();
    let import =
        |files: &[(&'static str, &'static str)]| refused(&fs, || fs.import_tree(files.iter().copied()));
    let held = hold(&fs, "/g");
    let limit = no_nodes(&fs);
    let ErrorKind::NodeLimit { current, limit: most } = limit else { unreachable!() };
    fs.set_max_quota(0);
    let all = [
        ("/g", "held"),
        ("/d", "a directory"),
        ("/f/x", "below a file"),
        ("/x", "1"),
        ("/x", "2"),
        ("/..", ""),
    ];
    import(&all).kind(InvalidPath).on("import_tree", "/..");
    import(&all[..5]).kind(AlreadyExists).on("import_tree", "/x");
    import(&all[..4]).kind(NotADirectory).on("import_tree", "/f/x");
    import(&all[..2]).kind(IsADirectory).on("import_tree", "/d");
    import(&[all[0], all[3]]).busy().on("import_tree", "/g");
    import(&[all[3]]).kind(ErrorKind::NodeLimit { current, limit: most }).during_root("import_tree");
    drop(held);
    import(&[all[0]]).no_quota().during_root("import_tree");
}

#[test]
fn an_import_at_the_node_limit_may_replace() {
    let fs = sample();
    no_nodes(&fs);
    fs.import_tree([("/f", "replaced"), ("/d/f", "too")]).unwrap();
    assert_eq!(fs.read("/d/f").unwrap(), b"too");
}

#[test]
fn an_import_of_nothing_does_nothing() {
    let fs = sample();
    let before = State::of(&fs);
    fs.import_tree::<&str, Content>([]).unwrap();
    assert_eq!(State::of(&fs), before);
}

// ---- limits ----

#[test]
fn every_call_that_makes_a_node_meets_the_node_limit() {
    let fs = sample();
    let limit = no_nodes(&fs);
    for (operation, call) in MAKE {
        refused(&fs, || call(&fs, "/new")).kind(limit.clone()).on(operation, "/new");
    }
    refused(&fs, || fs.create_dir_all("/new/er")).kind(limit.clone()).on("create_dir_all", "/new/er");
    refused(&fs, || fs.import_tree([("/new", "")])).kind(limit.clone()).during_root("import_tree");
    refused(&fs, || fs.move_path("/f", "/new/f")).kind(limit.clone()).between("move_path", "/f", "/new/f");
    for (operation, call) in copies("/f") {
        refused(&fs, || call(&fs, "/f", "/new")).kind(limit.clone()).between(operation, "/f", "/new");
    }
    for (operation, call) in copies("/d") {
        refused(&fs, || call(&fs, "/d", "/new")).kind(limit.clone()).between(operation, "/d", "/new");
    }
}

#[test]
fn the_node_limit_counts_what_a_call_makes() {
    let fs = sample(); // the root, two directories, three files
    fs.set_max_nodes(7);
    let limit = ErrorKind::NodeLimit { current: 6, limit: 7 };
    refused(&fs, || fs.copy_dir_all("/d", "/x")).kind(limit.clone()).between("copy_dir_all", "/d", "/x");
    refused(&fs, || fs.create_dir_all("/x/y")).kind(limit.clone()).on("create_dir_all", "/x/y");
    refused(&fs, || fs.import_tree([("/x/y", "")])).kind(limit).during_root("import_tree");
    fs.create_dir("/x").unwrap();
    fs.rename("/x", "/y").unwrap();
    fs.write("/f", b"replaced").unwrap();
}

#[test]
fn a_promised_file_counts_against_the_node_limit() {
    let fs = sample();
    fs.set_max_nodes(7);
    let promised = hold(&fs, "/promised");
    let limit = ErrorKind::NodeLimit { current: 7, limit: 7 };
    refused(&fs, || fs.create_dir("/x")).kind(limit).on("create_dir", "/x");
    drop(promised);
    fs.create_dir("/x").unwrap();
}

#[test]
fn every_call_that_grows_meets_the_quota() {
    let fs = sample();
    no_room(&fs);
    for (operation, call) in MAKE {
        refused(&fs, || call(&fs, "/new")).no_quota().on(operation, "/new");
    }
    let long = format!("/{}", "x".repeat(24));
    refused(&fs, || fs.create_dir_all("/new/er")).no_quota().on("create_dir_all", "/new/er");
    refused(&fs, || fs.import_tree([("/new", "")])).no_quota().during_root("import_tree");
    for (operation, call) in MOVE {
        refused(&fs, || call(&fs, "/f", &long)).no_quota().between(operation, "/f", &long);
    }
    refused(&fs, || fs.move_path("/f", "/new/f")).no_quota().between("move_path", "/f", "/new/f");
    for (operation, call) in copies("/f") {
        refused(&fs, || call(&fs, "/f", "/new")).no_quota().between(operation, "/f", "/new");
    }
    for (operation, call) in copies("/d") {
        refused(&fs, || call(&fs, "/d", "/new")).no_quota().between(operation, "/d", "/new");
    }
}

#[test]
fn a_full_quota_says_what_was_asked_for_and_what_there_was() {
    let fs = MemFs::builder().max_quota(1000).chunk_overhead(128).node_overhead(0).build().unwrap();
    fs.write("/half", [0; 372]).unwrap();
    let kind = ErrorKind::QuotaExceeded { requested: 373 + 128, available: 500 };
    refused(&fs, || fs.write("/more", [0; 373])).says("501").says("500").kind(kind).on("write", "/more");
    fs.write("/more", [0; 372]).unwrap();
    assert_eq!(fs.stats().free_bytes, 0);
}

#[test]
fn what_needs_no_room_works_in_a_full_filesystem() {
    let fs = sample();
    no_nodes(&fs);
    fs.set_max_quota(0);
    fs.rename("/f", "/short").unwrap();
    fs.exchange("/short", "/d").unwrap();
    fs.replace("/d", "/g").unwrap();
    fs.set_modified("/empty", SystemTime::now()).unwrap();
    fs.set_modified("/g", SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(fs.metadata("/g").unwrap().modified(), SystemTime::UNIX_EPOCH);
    fs.append("/g", b"").unwrap();
    let snapshot = fs.snapshot();
    fs.remove_dir_all("/short").unwrap();
    fs.remove_file("/g").unwrap();
    fs.restore(&snapshot).unwrap();
    fs.clear().unwrap();
}

#[test]
fn a_node_limit_that_a_restored_snapshot_exceeds_only_stops_growth() {
    let fs = sample();
    let snapshot = fs.snapshot();
    fs.clear().unwrap();
    fs.set_max_nodes(2);
    fs.restore(&snapshot).unwrap();
    let limit = ErrorKind::NodeLimit { current: 6, limit: 2 };
    refused(&fs, || fs.create_dir("/x")).kind(limit).on("create_dir", "/x");
}

#[test]
fn the_memory_guard_refuses_growth_with_its_figures() {
    let (fs, ()) = short_of_memory(|_| ());
    let error = refused(&fs, || fs.write("/new", [0; 1000]));
    let ErrorKind::MemoryGuard { requested, available: 0 } = *error.0.kind() else { panic!("{error:?}") };
    let stats = fs.stats();
    assert_eq!(requested, 1000 + stats.chunk_overhead + stats.node_overhead);
    error.on("write", "/new");
}

#[test]
fn the_memory_guard_refuses_a_quota_larger_than_memory() {
    let guard = MemoryGuard::at_init(GuardAction::Refuse).with_source(Arc::new(Memory(AtomicU64::new(99))));
    let error = MemFs::builder().max_quota(100).memory_guard(guard).build().unwrap_err();
    Refused::of(error).kind(ErrorKind::MemoryGuard { requested: 100, available: 99 }).during("build");
}

// ---- the order of errors ----

#[test]
fn arguments_are_judged_before_paths() {
    let fs = sample();
    let error = refused(&fs, || OpenOptions::new().open(&fs, "/.."));
    error.kind(InvalidInput).on("open", "/..");
}

#[test]
fn paths_are_judged_before_existence() {
    let fs = sample();
    for (operation, call) in all(&[MOVE, COPY, EXCHANGE]) {
        refused(&fs, || call(&fs, "/missing", "/..")).kind(InvalidPath).between(operation, "/missing", "/..");
    }
}

#[test]
fn existence_and_kind_are_judged_before_limits_and_locks() {
    let (fs, _held) = short_of_memory(|fs| hold(fs, "/g"));
    no_nodes(&fs);
    fs.set_max_quota(0);
    for (operation, call) in MAKE {
        refused(&fs, || call(&fs, "/no/where")).kind(NotFound).on(operation, "/no/where");
        refused(&fs, || call(&fs, "/g/x")).kind(NotADirectory).on(operation, "/g/x");
    }
    refused(&fs, || fs.create_dir("/g")).kind(AlreadyExists).on("create_dir", "/g");
    refused(&fs, || OpenOptions::from_mode("xb")?.open(&fs, "/g")).kind(AlreadyExists).on("open", "/g");
    refused(&fs, || fs.remove_dir("/g")).kind(NotADirectory).on("remove_dir", "/g");
    for (operation, call) in all(&[&MOVE[..1], &MOVE[2..], &copies("/f")]) {
        refused(&fs, || call(&fs, "/f", "/g")).kind(AlreadyExists).between(operation, "/f", "/g");
    }
    refused(&fs, || fs.replace("/d", "/g")).kind(NotADirectory).between("replace", "/d", "/g");
    refused(&fs, || fs.exchange("/g", "/missing")).kind(NotFound).between("exchange", "/g", "/missing");
}

#[test]
fn the_node_limit_is_judged_before_locks() {
    let fs = sample();
    let _held = hold(&fs, "/promised");
    let stats = fs.stats();
    let nodes = stats.file_count + stats.dir_count + 1; // and the promised one
    fs.set_max_nodes(nodes);
    fs.set_max_quota(0);
    let limit = ErrorKind::NodeLimit { current: nodes, limit: nodes };
    refused(&fs, || fs.create_dir("/promised")).kind(limit.clone()).on("create_dir", "/promised");
    for (operation, call) in copies("/f") {
        refused(&fs, || call(&fs, "/f", "/promised")).kind(limit.clone()).between(
            operation,
            "/f",
            "/promised",
        );
    }
    for (operation, call) in copies("/d") {
        refused(&fs, || call(&fs, "/d", "/promised")).kind(limit.clone()).between(
            operation,
            "/d",
            "/promised",
        );
    }
    let _other = hold(&fs, "/g");
    refused(&fs, || fs.move_path("/g", "/x/g")).kind(limit).between("move_path", "/g", "/x/g");
}

#[test]
fn locks_are_judged_before_the_quota() {
    let (fs, _held) = short_of_memory(|fs| [hold(fs, "/g"), hold(fs, "/promised")]);
    fs.set_max_quota(0);
    for (operation, call) in &MAKE[1..6] {
        refused(&fs, || call(&fs, "/g")).busy().on(operation, "/g");
    }
    for (operation, call) in MAKE {
        refused(&fs, || call(&fs, "/promised")).busy().on(operation, "/promised");
    }
    for (operation, call) in all(&[MOVE, &copies("/f")]) {
        refused(&fs, || call(&fs, "/f", "/promised")).busy().between(operation, "/f", "/promised");
    }
    let long = format!("/{}", "x".repeat(24));
    for (operation, call) in MOVE {
        refused(&fs, || call(&fs, "/g", &long)).busy().between(operation, "/g", &long);
    }
}

#[test]
fn the_quota_is_judged_before_the_guard() {
    let (fs, ()) = short_of_memory(|_| ());
    no_room(&fs);
    refused(&fs, || fs.write("/new", b"x")).no_quota().on("write", "/new");
    fs.set_max_quota(1 << 20);
    let error = refused(&fs, || fs.write("/new", b"x"));
    assert!(matches!(error.0.kind(), ErrorKind::MemoryGuard { .. }));
}

// ---- open files ----

#[test]
fn options_that_do_not_go_together_are_invalid_input() {
    let fs = sample();
    let with = |set: fn(&mut OpenOptions) -> &mut OpenOptions| {
        let mut options = OpenOptions::new();
        set(&mut options);
        refused(&fs, || options.open(&fs, "/f")).kind(InvalidInput)
    };
    with(|o| o).says("read").on("open", "/f");
    with(|o| o.append(true).truncate(true)).says("truncate").says("append").on("open", "/f");
    with(|o| o.read(true).create(true)).says("create").on("open", "/f");
    with(|o| o.read(true).create_new(true)).says("create").on("open", "/f");
    with(|o| o.read(true).truncate(true)).says("truncate").on("open", "/f");
    with(|o| o.read(true).preallocate(1)).says("preallocate").on("open", "/f");
    with(|o| o.read(true).atomic(true)).says("atomic").on("open", "/f");
    with(|o| o.read(true).write(true).shared_lock(true)).says("shared_lock").on("open", "/f");
    with(|o| o.append(true).shared_lock(true)).says("shared_lock").on("open", "/f");
    with(|o| o.create(true)).on("open", "/f");
}

#[test]
fn a_mode_is_one_of_five() {
    for mode in ["", "r", "w", "rb+", "br", "w+b", "a+b", "x", "rt", "RB", "rb ", "\0"] {
        let error = OpenOptions::from_mode(mode).unwrap_err();
        Refused::of(error).says(&format!("{mode:?}")).kind(InvalidInput).during("from_mode");
    }
    for mode in ["rb", "wb", "ab", "r+b", "xb"] {
        OpenOptions::from_mode(mode).unwrap();
    }
}

#[test]
fn a_handle_that_only_writes_does_not_read() {
    let fs = sample();
    let mut file = fs.create("/f").unwrap();
    refused(&fs, || file.read_at(&mut [0], 0)).kind(Unsupported).on("read", "/f");
    Refused::of_io(file.read(&mut [0])).kind(Unsupported).on("read", "/f");
}

#[test]
fn a_handle_that_only_reads_does_not_write() {
    let fs = sample();
    let mut file = fs.open("d//f").unwrap();
    refused(&fs, || file.write_at(b"x", 0)).kind(Unsupported).on("write", "/d/f");
    refused(&fs, || file.set_len(0)).kind(Unsupported).on("set_len", "/d/f");
    Refused::of_io(file.write(b"x")).kind(Unsupported).on("write", "/d/f");
    file.commit().unwrap();
    file.flush().unwrap();
    file.close().unwrap();
}

#[test]
fn no_position_is_beyond_what_can_be() {
    let fs = sample();
    let mut file = OpenOptions::from_mode("r+b").unwrap().open(&fs, "/f").unwrap();
    file.seek(SeekFrom::Start(3)).unwrap();
    for to in
        [SeekFrom::Start(1 << 63), SeekFrom::Current(-4), SeekFrom::Current(i64::MAX), SeekFrom::End(-6)]
    {
        Refused::of_io(file.seek(to)).kind(InvalidInput).on("seek", "/f");
        assert_eq!(file.stream_position().unwrap(), 3);
    }
    for at in [u64::MAX, (1 << 63) - 1] {
        refused(&fs, || file.write_at(b"x", at)).kind(InvalidInput).on("write", "/f");
    }
    for len in [u64::MAX, 1 << 63] {
        refused(&fs, || file.set_len(len)).kind(InvalidInput).on("set_len", "/f");
    }
    refused(&fs, || file.set_len((1 << 63) - 1)).no_quota().on("set_len", "/f");
    refused(&fs, || file.write_at(b"x", (1 << 63) - 2)).no_quota().on("write", "/f");
    assert_eq!((file.len(), file.read_at(&mut [0], u64::MAX).unwrap()), (5, 0));
}

#[test]
fn a_write_that_fails_stores_nothing_and_leaves_the_cursor() {
    let fs = sample();
    let mut file = OpenOptions::from_mode("r+b").unwrap().open(&fs, "/f").unwrap();
    file.seek(SeekFrom::Start(2)).unwrap();
    no_room(&fs);
    let before = State::of(&fs);
    Refused::of_io(file.write(&[9; 70_000])).no_quota().on("write", "/f");
    refused(&fs, || file.write_at(&[9; 70_000], 100)).no_quota().on("write", "/f");
    refused(&fs, || file.set_len(70_000)).no_quota().on("set_len", "/f");
    let mut bytes = [0; 8];
    assert_eq!(file.read_at(&mut bytes, 0).unwrap(), 5);
    assert_eq!((&bytes[..5], file.stream_position().unwrap()), (&b"12345"[..], 2));
    assert_eq!(State::of(&fs), before);
    let version = fs.metadata("/f").unwrap();
    file.close().unwrap();
    assert_eq!(fs.metadata("/f").unwrap(), version);
}

#[test]
fn an_unpaid_preallocation_leaves_the_file_as_it_was() {
    let fs = sample();
    let open = |path, bytes| {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).preallocate(bytes).open(&fs, path)
    };
    for bytes in [1 << 30, 1 << 62, u64::MAX] {
        refused(&fs, || open("/f", bytes)).no_quota().on("open", "/f");
        refused(&fs, || open("/new", bytes)).no_quota().on("open", "/new");
    }
    assert_eq!((fs.read("/f").unwrap(), fs.exists("/new")), (b"12345".to_vec(), false));
}

#[test]
fn sequential_storage_refuses_writes_off_the_end() {
    let fs = sample_with(MemFs::builder().storage(Storage::Sequential));
    let mut file = OpenOptions::from_mode("r+b").unwrap().open(&fs, "/f").unwrap();
    for at in [0, 4, 6] {
        refused(&fs, || file.write_at(b"x", at)).says("sequential").kind(Unsupported).on("write", "/f");
    }
    file.write_at(b"6", 5).unwrap();
    file.set_len(3).unwrap();
    file.close().unwrap();
    assert_eq!(fs.read("/f").unwrap(), b"123");
}

#[test]
fn a_file_over_the_promotion_limit_stays_sequential() {
    let fs = sample_with(MemFs::builder().promotion_limit(4));
    let mut file = OpenOptions::from_mode("r+b").unwrap().open(&fs, "/f").unwrap();
    let error = refused(&fs, || file.write_at(b"x", 0));
    error.says("promotion limit of 4").kind(Unsupported).on("write", "/f");
    file.set_len(4).unwrap();
    file.write_at(b"x", 0).unwrap();
    file.close().unwrap();
    assert_eq!(fs.read("/f").unwrap(), b"x234");
}

// ---- patterns, builders, forks ----

#[test]
fn a_malformed_pattern_is_named_with_the_place() {
    let fs = sample();
    for (pattern, at) in
        [("[", 0), ("/a[b", 2), ("[a/b]", 0), ("[a\\b]", 0), ("*/[!", 2), ("[]", 0), ("[!]", 0)]
    {
        let place = format!("byte {at}");
        refused(&fs, || fs.glob(pattern)).says(&place).kind(InvalidPattern).on("glob", pattern);
        let error = fs.snapshot().glob(pattern).unwrap_err();
        Refused::of(error).kind(InvalidPattern).on("glob", pattern);
    }
}

#[test]
fn a_pattern_that_nothing_can_match_matches_nothing() {
    let fs = sample();
    for pattern in
        ["", "/", ".", "/..", "../f", "/d/../f", "\0", "*\0*", &"?".repeat(300), &"/x".repeat(5000)]
    {
        assert_eq!(fs.glob(pattern).unwrap(), [""; 0], "{pattern:?}");
    }
}

#[test]
fn a_builder_refuses_what_cannot_be() {
    let build = |builder: MemFsBuilder| Refused::of(builder.build().unwrap_err()).kind(InvalidInput);
    build(MemFs::builder().max_depth(0)).says("max_depth").during("build");
    build(MemFs::builder().max_depth(4097)).says("4096").during("build");
    build(MemFs::builder().max_depth(usize::MAX)).during("build");
    build(MemFs::builder().max_nodes(0)).says("max_nodes").during("build");
    MemFs::builder().max_depth(1).max_nodes(1).max_quota(0).build().unwrap();
}

#[test]
fn a_fork_cannot_start_over_its_limits() {
    let fs = sample();
    let snapshot = fs.snapshot();
    let fork = |builder: MemFsBuilder| MemFs::from_snapshot(&snapshot, builder);
    let limit = ErrorKind::NodeLimit { current: 6, limit: 5 };
    refused(&fs, || fork(MemFs::builder().max_nodes(5))).kind(limit).during("from_snapshot");
    refused(&fs, || fork(MemFs::builder().max_depth(1))).kind(InvalidInput).during("from_snapshot");
    fork(MemFs::builder().max_nodes(6).max_depth(2).max_quota(0)).unwrap();
}

// ---- the type ----

#[test]
fn an_error_of_the_caller_is_carried_as_it_is() {
    let error = Error::other("not today");
    assert_eq!((error.kind(), error.to_string().as_str()), (&ErrorKind::Other, "not today"));
    assert_eq!(error.source().unwrap().to_string(), "not today");
    let io: io::Error = Error::other(io::Error::from(Io::BrokenPipe)).into();
    assert_eq!(io.kind(), Io::Other);
    let inner = io.get_ref().unwrap().downcast_ref::<Error>().unwrap().source().unwrap();
    assert_eq!(inner.downcast_ref::<io::Error>().unwrap().kind(), Io::BrokenPipe);
}

#[test]
fn an_error_can_go_anywhere() {
    fn check<T: Send + Sync + std::error::Error + 'static>() {}
    check::<Error>();
    assert_eq!(size_of::<Error>(), size_of::<usize>());
}

#[test]
fn absurd_limits_are_errors_and_never_panics() {
    for overhead in [u64::MAX, u64::MAX / 2 + 1, u64::MAX / 2, 1 << 62] {
        let builder = MemFs::builder().max_quota(u64::MAX).chunk_overhead(overhead).node_overhead(overhead);
        let fs = builder.build().unwrap();
        let long = format!("/{}", "x".repeat(200));
        for path in ["/a", &long] {
            let _ = fs.write(path, [1; 200_000]);
            let _ = fs.append(path, [1; 10]);
            let _ = fs.create_dir_all(format!("{path}/x/y/z"));
            let _ = fs.import_tree([(path, vec![0; 70_000]), ("/b", vec![0; 70_000])]);
            let _ = fs.copy(path, "/c");
            let _ = fs.set_modified(path, SystemTime::UNIX_EPOCH);
            for bytes in [0, 1, u64::MAX] {
                let mut options = OpenOptions::new();
                options.write(true).create(true).truncate(true).preallocate(bytes).lock_timeout(AT_ONCE);
                if let Ok(mut file) = options.open(&fs, path) {
                    let _ = file.write_at(&[0; 100_000], 0);
                    let _ = file.write_at(b"x", 5);
                    let _ = file.set_len(1 << 62);
                    let _ = file.set_len(100);
                    let _ = file.close();
                }
            }
        }
        let _ = fs.copy_dir_all("/", "/copy");
        fs.clear().unwrap();
        assert_eq!(fs.stats().used_bytes, 0);
    }
}

#[test]
fn any_time_can_be_set_and_comes_back() {
    let fs = sample();
    let epoch = SystemTime::UNIX_EPOCH;
    let seconds = Duration::from_secs(i64::MAX as u64);
    let just_before = Duration::from_secs(i64::MAX as u64 - 1) + Duration::from_nanos(1);
    let times = [
        Some(epoch),
        epoch.checked_add(seconds + Duration::from_nanos(999_999_999)),
        epoch.checked_sub(seconds),
        epoch.checked_sub(just_before),
        epoch.checked_sub(Duration::from_nanos(1)),
    ];
    for time in times.into_iter().flatten() {
        for path in ["/f", "/d", "/"] {
            fs.set_modified(path, time).unwrap();
            assert_eq!(fs.metadata(path).unwrap().modified(), time, "{time:?}");
        }
    }
}
