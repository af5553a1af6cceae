//! The image of 50,000 files of 1 KiB, in a warm page cache. Target: a process that answers one read out
//! of it takes at most twice as long as one that reads the file with `std::fs::read`.
//!
//! Each way is measured as a process of its own, which is what a command is, and within this one,
//! where pages that were freed are used again.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

use arcfs::{ImageReader, MemFs, NamedSnapshot, load_image_file, save_image, save_image_file};
use criterion::{Criterion, criterion_group};

const FILES: usize = 50_000;
const WANTED: &str = "/dir25/file_025025.bin";

/// A name, and what it does with the file at a path.
type Way = (&'static str, fn(&Path));

/// Ways to get one file; the name asks a child process for one.
const WAYS: [Way; 3] = [
    ("std::fs::read of the image", |path| {
        black_box(std::fs::read(path).expect("was saved"));
    }),
    ("ImageReader::open, one read", |path| {
        let image = ImageReader::open(path).expect("was saved");
        assert_eq!(image.read(WANTED).expect("is in it").len(), 1024);
    }),
    ("load_image_file, one read", |path| {
        let image = load_image_file(path).expect("was saved");
        assert_eq!(image.fs.read(WANTED).expect("is in it").len(), 1024);
        std::mem::forget(image); // as a command that ends does
    }),
];

fn sample() -> MemFs {
    let fs = MemFs::with_quota(1 << 30);
    let files = (0..FILES).map(|file| {
        let bytes: Vec<u8> = (0..1024_u32).map(|at| (at ^ file as u32) as u8).collect();
        (format!("/dir{:02}/file_{file:06}.bin", file % 50), bytes)
    });
    fs.import_tree(files).expect("fits the quota");
    fs
}

/// The same, changed in one file at a time, with a snapshot after each change.
fn save_with_snapshots(path: &Path) {
    let (fs, mut snapshots) = (sample(), BTreeMap::new());
    for number in 0..200 {
        fs.write(format!("/dir{:02}/file_{number:06}.bin", number % 50), b"changed").expect("fits");
        snapshots.insert(number.to_string(), NamedSnapshot::new(fs.snapshot()));
    }
    let summary = save_image_file(path, &fs, &snapshots).expect("can be saved");
    println!("with 200 snapshots it has {} bytes", summary.bytes);
}

fn image(c: &mut Criterion) {
    let host = tempfile::tempdir().expect("a directory for the image");
    let path = host.path().join("state.arcfs");
    let fs = sample();
    let summary = save_image_file(&path, &fs, &BTreeMap::new()).expect("can be saved");
    println!("the image has {} bytes", summary.bytes);

    let mut group = c.benchmark_group("50,000 files of 1 KiB, a process");
    group.sample_size(20);
    for (name, _) in WAYS {
        group.bench_function(name, |b| b.iter(|| child(name, &path)));
    }
    group.finish();

    let mut group = c.benchmark_group("50,000 files of 1 KiB");
    group.sample_size(20);
    for (name, way) in &WAYS[..2] {
        group.bench_function(*name, |b| b.iter(|| way(&path)));
    }
    group.bench_function("load_image_file and drop", |b| {
        b.iter(|| load_image_file(&path).expect("was saved"));
    });
    group.bench_function("load_image of a stream", |b| {
        let bytes = std::fs::read(&path).expect("was saved");
        b.iter(|| arcfs::load_image(&bytes[..]).expect("was saved"));
    });
    let many = host.path().join("snapshots.arcfs");
    save_with_snapshots(&many);
    group.bench_function("load_image_file, 200 snapshots, each of one more change", |b| {
        b.iter(|| load_image_file(&many).expect("was saved"));
    });
    group.bench_function("save_image into nothing", |b| {
        b.iter(|| save_image(std::io::sink(), &fs, &BTreeMap::new()).expect("can be saved"));
    });
    group.bench_function("save_image_file", |b| {
        b.iter(|| save_image_file(&path, &fs, &BTreeMap::new()).expect("can be saved"));
    });
    group.finish();
}

const AS_CHILD: &str = "ARCFS_IMAGE_BENCH";

/// Runs one way in a process of its own.
fn child(name: &str, path: &Path) {
    let me = std::env::current_exe().expect("this program has a path");
    let status = Command::new(me).env(AS_CHILD, name).arg(path).status().expect("it can be run");
    assert!(status.success());
}

criterion_group!(benches, image);

fn main() {
    if let Ok(asked) = std::env::var(AS_CHILD) {
        let path = PathBuf::from(std::env::args_os().nth(1).expect("the path of the image"));
        let (_, way) = WAYS.iter().find(|(name, _)| *name == asked).expect("a way that there is");
        way(&path);
        exit(0); // nothing is freed
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}
