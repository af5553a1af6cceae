//! What `arcfs read /x` takes with 50,000 files of 1 KiB in the state, against processes that only
//! read the file of the state: into memory as a whole, and block by block into the same 256 KiB, which
//! spares it the page faults. Whole processes, in turns, with a warm page cache.
//!
//! Fails if the median of the first is more than twice that of the second. With `--test`, as CI runs
//! it with the other benches, the state is small and nothing is asserted.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use arcfs::MemFs;
use arcfs::image::save_image_file;

/// Says that this program is to read a file and end, as what it is compared with.
const READ_FILE: &str = "ARCFS_BENCH_READ_FILE";

/// As a whole, or block by block.
const WHOLE: &str = "whole";
const BLOCKS: &str = "blocks";

/// The most that answering may take of what reading takes.
const BOUND: f64 = 2.0;

fn main() {
    if let Some(path) = std::env::var_os(READ_FILE) {
        read_as_told(path.as_ref());
    }
    let test = std::env::args().any(|arg| arg == "--test");
    let (files, rounds) = if test { (500, 3) } else { (50_000, 41) };
    let dir = tempfile::tempdir().expect("a temporary directory");
    let state = dir.path().join("state.arcfs");
    save_image_file(&state, &filled(files), &Default::default()).expect("saved");

    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..=rounds {
        let taken = [answer(&state), read(&state, WHOLE), read(&state, BLOCKS)];
        if round > 0 {
            // The first warms the page cache.
            times.iter_mut().zip(taken).for_each(|(times, time)| times.push(time));
        }
    }
    let mib = std::fs::metadata(&state).expect("there").len() as f64 / f64::from(1 << 20);
    println!("{files} files of 1 KiB, {mib:.1} MiB, medians of {rounds} processes each, in turns:");
    let medians = times.map(|mut times| {
        times.sort();
        (times[times.len() / 2], times[0], times[times.len() - 1])
    });
    let names = ["arcfs read /x", "the file as a whole", "the file in blocks"];
    for (name, (median, least, most)) in names.iter().zip(medians) {
        println!("  {name:20} {median:>9.2?}  ({least:.2?} to {most:.2?})");
    }
    let [answer, whole, blocks] = medians.map(|(median, ..)| median.as_secs_f64());
    let ratio = answer / whole;
    println!("  ratio {ratio:.2} to the whole (at most {BOUND}), {:.2} to the blocks", answer / blocks);
    assert!(test || ratio <= BOUND, "answering takes {ratio:.2} times what reading the file takes");
}

/// A filesystem with `files` files of 1 KiB, no two alike, in directories of 100, and `/x`.
fn filled(files: u64) -> MemFs {
    let fs = MemFs::new();
    let content = |file: u64| {
        let mut state = file.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut bytes = Vec::with_capacity(1024);
        while bytes.len() < 1024 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.extend_from_slice(&state.to_le_bytes());
        }
        bytes
    };
    let all = (0..files).map(|file| (format!("/dir-{:04}/file-{file:06}", file / 100), content(file)));
    fs.import_tree(all).expect("it fits");
    fs.write("/x", b"the answer").expect("it fits");
    fs
}

/// The time of a process that answers out of the state.
fn answer(state: &Path) -> Duration {
    let mut command = Command::new(env!("CARGO_BIN_EXE_arcfs"));
    command.arg("--state").arg(state).args(["read", "/x"]);
    let (time, printed) = timed(command);
    assert_eq!(printed, b"the answer\n");
    time
}

/// The time of a process that reads the file of the state, and does nothing else.
fn read(state: &Path, how: &str) -> Duration {
    let mut command = Command::new(std::env::current_exe().expect("known"));
    command.arg(how).env(READ_FILE, state);
    timed(command).0
}

/// That process.
fn read_as_told(path: &Path) -> ! {
    if std::env::args().any(|arg| arg == WHOLE) {
        assert!(!std::fs::read(path).expect("the state can be read").is_empty());
    } else {
        let mut file = std::fs::File::open(path).expect("the state can be read");
        let mut block = vec![0; 256 << 10];
        while file.read(&mut block).expect("the state can be read") > 0 {}
    }
    // As the command line ends, without giving the memory back first.
    std::process::exit(0)
}

fn timed(mut command: Command) -> (Duration, Vec<u8>) {
    let start = Instant::now();
    let output = command.stdin(Stdio::null()).output().expect("it runs");
    let time = start.elapsed();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (time, output.stdout)
}
