//! Large files, one thread.

use std::hint::black_box;
use std::io::{Read, Seek, SeekFrom, Write};

use arcfs::{MemFs, OpenOptions, Storage};

use crate::files::PAGE;
use crate::measure::{Jumps, Size, Table, each, nanoseconds};

const MIB: usize = 1 << 20;

fn stream(fs: &MemFs, piece: &[u8], count: usize) {
    let mut file = fs.create("/stream").expect("possible");
    (0..count).for_each(|_| file.write_all(piece).expect("fits"));
    file.close().expect("published");
}

fn grow(bytes: &mut Vec<u8>, piece: &[u8], count: usize) {
    (0..count).for_each(|_| bytes.extend_from_slice(piece));
}

pub fn rows(table: &mut Table) {
    let piece = vec![7; 64 << 10];
    let count = table.size.of(16 * MIB / piece.len());
    table.row(
        "16 MiB stream in 64 KiB, new filesystem | growing Vec",
        0.5,
        || {
            let fs = MemFs::new();
            nanoseconds(|| stream(&fs, &piece, count))
        },
        || {
            let mut bytes = Vec::new();
            nanoseconds(|| grow(&mut bytes, &piece, count))
        },
    );
    let (fs, mut bytes) = (MemFs::new(), Vec::new());
    table.row(
        "16 MiB stream in 64 KiB, again | reused Vec",
        1.0,
        || nanoseconds(|| stream(&fs, &piece, count)),
        || {
            bytes.clear();
            nanoseconds(|| grow(&mut bytes, &piece, count))
        },
    );
    random(table);
    large(table);
}

/// Random 4 KiB writes into 64 MiB, a snapshot held.
fn random(table: &mut Table) {
    let name = "random 4 KiB into 64 MiB, snapshot held | Vec";
    if !table.wants(name) {
        return;
    }
    let pages = table.size.of(16 * 1024);
    let writes = pages / 4;
    let fs = MemFs::builder().max_quota(1 << 30).storage(Storage::RandomAccess).build().expect("possible");
    fs.write("/random", vec![1; pages * PAGE.len()]).expect("fits");
    let mut options = OpenOptions::new();
    options.write(true);
    let mut bytes = vec![1; pages * PAGE.len()];
    table.row(
        name,
        3.0,
        || {
            let _held = fs.snapshot();
            let (mut jumps, mut file) = (Jumps::new(3), options.open(&fs, "/random").expect("exists"));
            let taken = each(writes, |_| {
                let at = jumps.below(pages) * PAGE.len();
                file.write_at(&PAGE, at as u64).expect("fits");
            });
            file.close().expect("published");
            taken
        },
        || {
            let mut jumps = Jumps::new(3);
            each(writes, |_| {
                let at = jumps.below(pages) * PAGE.len();
                black_box(&mut bytes)[at..at + PAGE.len()].copy_from_slice(&PAGE);
            })
        },
    );
}

/// 512 MiB in pieces of 1 MiB, written and read.
fn large(table: &mut Table) {
    let (piece, mut buffer) = (vec![7; MIB], vec![0; MIB]);
    let count = if table.size == Size::Smoke { 4 } else { 512 };
    let ours = |piece: &[u8], buffer: &mut [u8]| {
        let fs = MemFs::with_quota(2 << 30);
        nanoseconds(|| {
            stream(&fs, piece, count);
            let mut file = fs.open("/stream").expect("exists");
            (0..count).for_each(|_| file.read_exact(buffer).expect("as written"));
        })
    };
    let mut again = buffer.clone();
    table.row(
        "512 MiB stream in 1 MiB, write + read | growing Vec",
        0.4,
        || ours(&piece, &mut buffer),
        || {
            let mut bytes = Vec::new();
            nanoseconds(|| {
                grow(&mut bytes, &piece, count);
                for from in bytes.chunks_exact(MIB) {
                    again.copy_from_slice(black_box(from));
                }
            })
        },
    );
    for (place, dir) in [("disk", std::env::temp_dir()), ("memory", "/dev/shm".into())] {
        let name = format!("512 MiB stream in 1 MiB, write + read | tempfile, {place}");
        if !dir.is_dir() {
            println!("{name}: there is no {}", dir.display());
            continue;
        }
        table.row(
            &name,
            0.6,
            || ours(&piece, &mut buffer),
            || {
                let mut file = tempfile::tempfile_in(&dir).expect("a temporary file");
                nanoseconds(|| {
                    (0..count).for_each(|_| file.write_all(&piece).expect("there is room"));
                    file.seek(SeekFrom::Start(0)).expect("possible");
                    (0..count).for_each(|_| file.read_exact(&mut again).expect("as written"));
                })
            },
        );
    }
}
