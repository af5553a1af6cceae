//! A process that saves is killed at random moments, 200 times: the file is always an image that was
//! saved whole, and never an earlier one than was seen before.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use arcfs::{MemFs, load_image_file, save_image_file};

const KILLS: u64 = 200;
const AS_SAVER: &str = "ARCFS_IMAGE_KILL";
const FILES: u64 = 100;

fn main() -> ExitCode {
    if let Ok(path) = std::env::var(AS_SAVER) {
        save_for_ever(Path::new(&path));
    }
    if std::env::args().any(|argument| argument == "--list") {
        println!("a_killed_save_leaves_the_old_image_or_the_new_one: test");
        return ExitCode::SUCCESS;
    }
    a_killed_save_leaves_the_old_image_or_the_new_one();
    ExitCode::SUCCESS
}

/// The state of so many saves: each file says which.
fn fill(fs: &MemFs, generation: u64) {
    let bytes: Vec<u8> = generation.to_le_bytes().into_iter().cycle().take(8000).collect();
    fs.import_tree((0..FILES).map(|file| (format!("/d{}/{file}", file % 7), &bytes))).unwrap();
}

fn generation_of(fs: &MemFs) -> u64 {
    let bytes = fs.read("/d0/0").unwrap();
    assert_eq!(bytes.len(), 8000);
    for file in 0..FILES {
        assert!(fs.read(format!("/d{}/{file}", file % 7)).unwrap() == bytes, "half of one state");
    }
    u64::from_le_bytes(*bytes.first_chunk().unwrap())
}

fn save_for_ever(path: &Path) -> ! {
    let fs = load_image_file(path).unwrap().fs;
    print!("+");
    std::io::stdout().flush().unwrap();
    for generation in generation_of(&fs) + 1.. {
        fill(&fs, generation);
        save_image_file(path, &fs, &BTreeMap::new()).unwrap();
    }
    unreachable!("it is killed before that");
}

fn a_killed_save_leaves_the_old_image_or_the_new_one() {
    let host = tempfile::tempdir().unwrap();
    let path: PathBuf = host.path().join("state.arcfs");
    let fs = MemFs::new();
    fill(&fs, 0);
    let before = Instant::now();
    save_image_file(&path, &fs, &BTreeMap::new()).unwrap();
    let longest = 4 * before.elapsed().as_micros() as u64 + 1;

    let (mut last, mut moved, started) = (0, 0, Instant::now());
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for kill in 1..=KILLS {
        let mut saver = Command::new(std::env::current_exe().unwrap())
            .env(AS_SAVER, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut loaded = [0];
        saver.stdout.take().unwrap().read_exact(&mut loaded).unwrap();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        std::thread::sleep(Duration::from_micros(random % longest));
        saver.kill().unwrap();
        let status = saver.wait().unwrap();
        assert!(!status.success() && status.code().is_none(), "it ended by itself: {status}");
        let generation = generation_of(&load_image_file(&path).unwrap().fs);
        assert!(generation >= last, "state {generation} after {last}, at kill {kill}");
        moved += u64::from(generation > last);
        last = generation;
    }
    let left = std::fs::read_dir(host.path()).unwrap().count() - 1;
    println!(
        "{KILLS} kills in {:?}: {last} saves, {moved} kills later than one, {left} in the middle",
        started.elapsed()
    );
    assert!(moved > 0 && left > 0, "no kill met a save: {moved}, {left}");
}
