//! Instructions of the calls that programs make all the time, on one thread, counted by callgrind.
//!
//! `arcfs-harness gate` runs this and compares the counts with `harness/instructions.json`. Each count
//! is the whole of one function here: many operations on a filesystem that was made before, and that is
//! dropped after. What could make a count differ from run to run is kept out or made small:
//!
//! * valgrind switches address randomisation off, but seeds of hash tables may still differ by process:
//!   thousands of operations over many paths average over where they land;
//! * glibc picks its `memcpy` by the processor that it sees; [`TUNABLES`] leaves it only the one that
//!   every x86-64 has, so that machines agree (a `memcpy` with AVX2 makes `read_into_4k` 17 % shorter;
//!   on other targets the variable means nothing).
//!
//! Wall time, contention, cache misses: nothing here knows of them.
#![allow(missing_docs)] // the macros make public items

use std::hint::black_box;
use std::io::{Read, Write};

use arcfs::{MemFs, OpenOptions};
use gungraun::prelude::*;
use gungraun::{Callgrind, main};

/// Takes from glibc all variants of its string functions that depend on the processor.
const TUNABLES: &str = "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX2,-AVX,-AVX_Fast_Unaligned_Load,-ERMS,-FSRM,\
    -SSE4_2,-SSE4_1,-SSSE3,-BMI1,-BMI2,-RTM,-Fast_Unaligned_Copy,-Prefer_ERMS,-Prefer_FSRM";

const DIRS: usize = 16;
const FILES: usize = 64;
const PAYLOAD: usize = 4096;

/// A filesystem of `DIRS` × `FILES` files of 4 KiB, their paths in an order that jumps, and buffers.
struct Tree {
    fs: MemFs,
    paths: Vec<String>,
    payload: Vec<u8>,
    buffer: Vec<u8>,
}

fn tree() -> Tree {
    let fs = MemFs::with_quota(1 << 30);
    let payload = vec![7; PAYLOAD];
    let path = |dir: usize, file: usize| format!("/data/dir{dir:02}/file_{file:06}.bin");
    let mut paths: Vec<_> = (0..DIRS).flat_map(|dir| (0..FILES).map(move |file| path(dir, file))).collect();
    fs.import_tree(paths.iter().map(|path| (path, &payload[..]))).expect("fits the quota");
    // Fisher and Yates, driven by a fixed xorshift.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for last in (1..paths.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        paths.swap(last, (state % (last as u64 + 1)) as usize);
    }
    let mut tree = Tree { fs, paths, payload, buffer: vec![0; PAYLOAD] };
    // What is only done at the first call of its kind is no part of the counts.
    for path in &tree.paths[..8] {
        tree.fs.write(path, &tree.payload).expect("fits the quota");
        tree.fs.read_into(path, &mut tree.buffer).expect("exists");
        tree.fs.open(path).expect("exists").close().expect("a reader closes");
    }
    tree.buffer.resize(PAYLOAD, 0);
    tree
}

/// A tree whose files are empty, to append to.
fn emptied() -> Tree {
    let tree = tree();
    tree.paths.iter().for_each(|path| tree.fs.write(path, b"").expect("fits the quota"));
    tree
}

#[library_benchmark(setup = tree)]
#[bench::x1024()]
fn metadata(tree: Tree) -> Tree {
    for path in &tree.paths {
        black_box(tree.fs.metadata(path).expect("exists"));
    }
    tree
}

#[library_benchmark(setup = tree)]
#[bench::x1024()]
fn exists(tree: Tree) -> Tree {
    for path in &tree.paths {
        assert!(tree.fs.exists(path));
    }
    tree
}

#[library_benchmark(setup = tree)]
#[bench::x1024()]
fn content(tree: Tree) -> Tree {
    for path in &tree.paths {
        black_box(tree.fs.content(path).expect("exists"));
    }
    tree
}

#[library_benchmark(setup = tree)]
#[bench::x1024()]
fn read_into_4k(mut tree: Tree) -> Tree {
    for path in &tree.paths {
        tree.fs.read_into(path, &mut tree.buffer).expect("exists");
        black_box(&tree.buffer);
    }
    tree
}

#[library_benchmark(setup = tree)]
#[bench::x1024()]
fn write_4k(mut tree: Tree) -> Tree {
    for path in &tree.paths {
        tree.payload[0] = tree.payload[0].wrapping_add(1);
        tree.fs.write(path, &tree.payload).expect("fits the quota");
    }
    tree
}

#[library_benchmark(setup = tree)]
#[bench::x1024()]
fn open_write_4k_close(mut tree: Tree) -> Tree {
    let mut options = OpenOptions::new();
    options.write(true);
    for path in &tree.paths {
        tree.payload[0] = tree.payload[0].wrapping_add(1);
        let mut file = options.open(&tree.fs, path).expect("exists");
        file.write_all(&tree.payload).expect("fits the quota");
        file.close().expect("published");
    }
    tree
}

#[library_benchmark(setup = tree)]
#[bench::x1024()]
fn open_read_4k_close(mut tree: Tree) -> Tree {
    for path in &tree.paths {
        let mut file = tree.fs.open(path).expect("exists");
        file.read_exact(&mut tree.buffer).expect("has 4 KiB");
        black_box(&tree.buffer);
        file.close().expect("a reader closes");
    }
    tree
}

#[library_benchmark(setup = tree)]
#[bench::x1024()]
fn snapshot(tree: Tree) -> Tree {
    for _ in &tree.paths {
        black_box(tree.fs.snapshot());
    }
    tree
}

#[library_benchmark(setup = emptied)]
#[bench::x1024()]
fn append_256(tree: Tree) -> Tree {
    for path in &tree.paths {
        tree.fs.append(path, &tree.payload[..256]).expect("fits the quota");
    }
    tree
}

#[library_benchmark(setup = tree)]
#[bench::x1024()]
fn create_and_remove(tree: Tree) -> Tree {
    for path in &tree.paths {
        // Beside files that are there: /data/dir07/file_000023.bin is followed by file_000023.bin~.
        let new = format!("{path}~");
        tree.fs.write(&new, b"").expect("fits the quota");
        tree.fs.remove_file(&new).expect("exists");
    }
    tree
}

#[library_benchmark(setup = tree)]
#[bench::x8_of_1024_files()]
fn walk(tree: Tree) -> Tree {
    for _ in 0..8 {
        let files: usize = tree.fs.walk("/").expect("exists").map(|dir| dir.files.len()).sum();
        assert_eq!(files, tree.paths.len());
    }
    tree
}

#[library_benchmark(setup = tree)]
#[bench::x4_of_1_mib()]
fn stream(mut tree: Tree) -> Tree {
    let mut piece = vec![0; 64 << 10];
    for round in 0..4 {
        let mut file = tree.fs.create("/data/stream").expect("fits the quota");
        for _ in 0..16 {
            piece[0] = round;
            file.write_all(&piece).expect("fits the quota");
        }
        file.close().expect("published");
        let mut file = tree.fs.open("/data/stream").expect("exists");
        for _ in 0..16 {
            file.read_exact(&mut piece).expect("has 1 MiB");
        }
        file.close().expect("a reader closes");
    }
    tree.buffer.clear();
    tree
}

library_benchmark_group!(
    name = single_thread,
    benchmarks = [
        metadata,
        exists,
        content,
        read_into_4k,
        write_4k,
        open_write_4k_close,
        open_read_4k_close,
        snapshot,
        append_256,
        create_and_remove,
        walk,
        stream
    ]
);

main!(
    config = LibraryBenchmarkConfig::default()
        .env("GLIBC_TUNABLES", TUNABLES)
        .tool(Callgrind::with_args(["--cache-sim=no"])),
    library_benchmark_groups = single_thread
);
