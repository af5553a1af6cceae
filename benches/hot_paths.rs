//! Single-thread costs of the calls that programs make all the time.
//!
//! Targets (median, on a two-core machine): `metadata` three directories deep in 64 × 1000 files
//! 150 ns; `content` 200 ns, `read` of 4 KiB 450 ns; `write` of 4 KiB to an existing file of
//! 8 × 100 1.5 µs; open + write 4 KiB + close 2.5 µs; open + read 4 KiB + close 0.8 µs;
//! `snapshot` 60 ns.

use std::hint::black_box;
use std::io::{Read, Write};

use arcfs::{MemFs, OpenOptions};
use criterion::{Criterion, criterion_group, criterion_main};

/// A filesystem of `dirs` × `files` files of 4 KiB, and their paths in an order that jumps.
fn tree(dirs: usize, files: usize) -> (MemFs, Vec<String>) {
    let fs = MemFs::with_quota(2 << 30);
    let payload = vec![7_u8; 4096];
    let path = |dir: usize, file: usize| format!("/data/dir{dir:02}/file_{file:06}.bin");
    let paths = (0..dirs).flat_map(|dir| (0..files).map(move |file| path(dir, file)));
    fs.import_tree(paths.clone().map(|path| (path, &payload[..]))).expect("fits the quota");
    let mut paths: Vec<_> = paths.collect();
    shuffle(&mut paths);
    (fs, paths)
}

/// Fisher and Yates, driven by a fixed xorshift, so that every run visits the same order.
fn shuffle<T>(items: &mut [T]) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for last in (1..items.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        items.swap(last, (state % (last as u64 + 1)) as usize);
    }
}

fn reads(c: &mut Criterion) {
    let (fs, paths) = tree(64, 1000);
    let mut next = paths.iter().cycle();
    let mut next = move || &**next.next().expect("there are paths");
    c.bench_function("metadata, 64 x 1000 files", |b| b.iter(|| fs.metadata(next()).expect("exists").len()));
    c.bench_function("exists, 64 x 1000 files", |b| b.iter(|| fs.exists(next())));
    c.bench_function("content of 4 KiB, 64 x 1000 files", |b| {
        b.iter(|| black_box(fs.content(next()).expect("exists")).len());
    });
    let (fs, paths) = tree(8, 100);
    let mut next = paths.iter().cycle();
    let mut next = move || &**next.next().expect("there are paths");
    c.bench_function("metadata, 8 x 100 files", |b| b.iter(|| fs.metadata(next()).expect("exists").len()));
    c.bench_function("content of 4 KiB, 8 x 100 files", |b| {
        b.iter(|| black_box(fs.content(next()).expect("exists")).len());
    });
    c.bench_function("read of 4 KiB, 8 x 100 files", |b| b.iter(|| fs.read(next()).expect("exists").len()));
    let mut buffer = Vec::new();
    c.bench_function("read_into of 4 KiB, 8 x 100 files", |b| {
        b.iter(|| fs.read_into(next(), &mut buffer).expect("exists"));
    });
    c.bench_function("open + read 4 KiB + close, 8 x 100 files", |b| {
        b.iter(|| {
            let mut file = fs.open(next()).expect("exists");
            buffer.clear();
            buffer.resize(4096, 0);
            file.read_exact(&mut buffer).expect("has 4 KiB");
            file.close().expect("a reader closes");
        });
    });
    c.bench_function("snapshot", |b| b.iter(|| fs.snapshot()));
}

fn writes(c: &mut Criterion) {
    for (dirs, files) in [(8, 100), (64, 1000)] {
        let (fs, paths) = tree(dirs, files);
        let mut next = paths.iter().cycle();
        let mut next = move || &**next.next().expect("there are paths");
        let mut payload = vec![1_u8; 4096];
        c.bench_function(&format!("write of 4 KiB, {dirs} x {files} files"), |b| {
            b.iter(|| {
                payload[0] = payload[0].wrapping_add(1);
                fs.write(next(), &payload).expect("fits the quota");
            });
        });
        let mut options = OpenOptions::new();
        options.write(true).truncate(false);
        c.bench_function(&format!("open + write 4 KiB + close, {dirs} x {files} files"), |b| {
            b.iter(|| {
                payload[0] = payload[0].wrapping_add(1);
                let mut file = options.open(&fs, next()).expect("exists");
                file.write_all(&payload).expect("fits the quota");
                file.close().expect("published");
            });
        });
    }
    let fs = MemFs::new();
    fs.create_dir_all("/a/b").expect("new");
    c.bench_function("create + remove of an empty file", |b| {
        b.iter(|| {
            fs.write("/a/b/c", b"").expect("fits the quota");
            fs.remove_file("/a/b/c").expect("exists");
        });
    });
}

criterion_group!(benches, reads, writes);
criterion_main!(benches);
