//! Small files, one thread.

use std::hint::black_box;
use std::io::{Read, Write};
use std::sync::{Arc, Barrier};
use std::thread;

use arcfs::{MemFs, OpenOptions};
use dashmap::DashMap;

use crate::measure::{Jumps, Size, Table, each, in_fresh_process, nanoseconds};

pub type Map = DashMap<String, Arc<[u8]>>;

pub const PAGE: [u8; 4096] = [7; 4096];

/// `dirs` × `files` files of 4 KiB in both, and their paths in an order that jumps.
pub fn both(dirs: usize, files: usize) -> (MemFs, Map, Vec<String>) {
    let path = |dir, file| format!("/data/dir{dir:02}/file_{file:06}.bin");
    let mut paths: Vec<_> = (0..dirs).flat_map(|dir| (0..files).map(move |file| path(dir, file))).collect();
    let (fs, map) = (MemFs::with_quota(4 << 30), Map::new());
    fs.import_tree(paths.iter().map(|path| (path, &PAGE[..]))).expect("fits the quota");
    for path in &paths {
        map.insert(path.clone(), PAGE[..].into());
    }
    let mut jumps = Jumps::new(1);
    for last in (1..paths.len()).rev() {
        paths.swap(last, jumps.below(last + 1));
    }
    (fs, map, paths)
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("/files/{number:06}.bin")).collect()
}

/// As `small-files` of the harness: into one directory, then read in the same order.
fn write_and_read(count: usize, side: &str, random: bool) -> f64 {
    let names = names(count);
    let mut order: Vec<usize> = (0..count).collect();
    let mut jumps = Jumps::new(2);
    for last in (1..count).rev().filter(|_| random) {
        order.swap(last, jumps.below(last + 1));
    }
    let mut buffer = Vec::with_capacity(PAGE.len());
    if side == "arcfs" {
        let fs = MemFs::with_quota(1 << 30);
        fs.create_dir_all("/files").expect("new");
        nanoseconds(|| {
            names.iter().for_each(|name| fs.write(name, PAGE).expect("fits"));
            order.iter().for_each(|at| _ = fs.read_into(&names[*at], &mut buffer).expect("exists"));
        })
    } else {
        let map = Map::new();
        nanoseconds(|| {
            for name in &names {
                map.insert(name.clone(), PAGE[..].into());
            }
            for at in &order {
                let content = Arc::clone(&map.get(names[*at].as_str()).expect("exists"));
                buffer.clear();
                buffer.extend_from_slice(&content);
            }
        })
    }
}

/// What a process of its own does.
pub fn fresh(job: &str, side: &str) -> f64 {
    let count = job.parse().expect("a number of files");
    write_and_read(count, side, true)
}

pub fn rows(table: &mut Table) {
    let (size, few) = (table.size, 300);
    let many = size.of(10_000).to_string();
    table.row(
        "300 x 4 KiB write + read | DashMap",
        1.2,
        || write_and_read(few, "arcfs", false),
        || write_and_read(few, "map", false),
    );
    table.row(
        "10,000 x 4 KiB write + random read, fresh | DashMap",
        0.7,
        || in_fresh_process(&many, "arcfs"),
        || in_fresh_process(&many, "map"),
    );
    for (dirs, files) in [(8, 100), (64, 1000)] {
        let names = ["metadata", "open + write + close", "open + read + close", "commit after 64 readers"];
        if names.iter().any(|name| table.wants(name)) {
            one_tree(table, dirs, if size == Size::Smoke { 4 } else { files });
        }
    }
}

fn one_tree(table: &mut Table, dirs: usize, files: usize) {
    let (fs, map, paths) = both(dirs, files);
    let (calls, what) = (table.size.of(100_000), format!("{dirs} x {files}"));
    let path = |at: usize| paths[at % paths.len()].as_str();
    table.row(
        &format!("metadata, {what} | DashMap::get"),
        2.0,
        || each(calls, |at| _ = black_box(fs.metadata(path(at)).expect("exists"))),
        || each(calls, |at| _ = black_box(map.get(path(at)).expect("exists").len())),
    );
    let mut reuse = OpenOptions::new();
    reuse.write(true);
    let mut buffer = Vec::new();
    table.row(
        &format!("open + write + close, {what} | write"),
        2.5,
        || {
            each(calls / 4, |at| {
                let mut file = reuse.open(&fs, path(at)).expect("exists");
                file.write_all(&PAGE).expect("fits");
                file.close().expect("published");
            })
        },
        || each(calls / 4, |at| fs.write(path(at), PAGE).expect("fits")),
    );
    table.row(
        &format!("open + read + close, {what} | read"),
        1.5,
        || {
            each(calls, |at| {
                let mut file = fs.open(path(at)).expect("exists");
                buffer.clear();
                file.read_to_end(&mut buffer).expect("readable");
                file.close().expect("a reader closes");
            })
        },
        || {
            let mut buffer = Vec::new();
            each(calls, |at| _ = fs.read_into(path(at), &mut buffer).expect("exists"))
        },
    );
    if !table.wants("commit after 64 readers") {
        return;
    }
    // Each commits in a filesystem of its own, of which one was read by threads that still live.
    let (read, fresh) = (both(dirs, files), both(dirs, files));
    let (done, end) = (Barrier::new(65), Barrier::new(65));
    thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                assert!(read.0.exists(&read.2[0]));
                done.wait();
                end.wait();
            });
        }
        done.wait();
        table.row(
            &format!("commit after 64 readers, {what} | without"),
            1.2,
            || each(calls / 4, |at| read.0.write(path(at), b"").expect("fits")),
            || each(calls / 4, |at| fresh.0.write(path(at), b"").expect("fits")),
        );
        end.wait();
    });
}
