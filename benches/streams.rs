//! Large files: streams and random access, each beside the plain structure that does the same.
//!
//! Targets (median): a 16 MiB stream in 64 KiB writes and reads at most 1.3 × pushing the same
//! chunks on a `Vec<Arc<[u8]>>` and reading them; random 4 KiB reads and writes in 16 MiB at most
//! 1.5 × a plain `Vec<u8>`.

use std::hint::black_box;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use arcfs::{MemFs, OpenOptions, Storage};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const STREAM: usize = 16 << 20;
const PIECE: usize = 64 << 10;
const PAGE: usize = 4096;

/// Offsets of pages in a fixed order that jumps.
fn offsets() -> impl Iterator<Item = usize> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state as usize % (STREAM / PAGE)) * PAGE
    })
}

fn stream(c: &mut Criterion) {
    let mut group = c.benchmark_group("16 MiB stream in 64 KiB pieces");
    group.throughput(Throughput::Bytes(2 * STREAM as u64)).sample_size(30);
    let mut piece = vec![1_u8; PIECE];
    group.bench_function("arcfs", |b| {
        let fs = MemFs::new();
        let mut buffer = vec![0; PIECE];
        b.iter(|| {
            let mut file = fs.create("/stream").expect("free");
            for _ in 0..STREAM / PIECE {
                piece[0] = piece[0].wrapping_add(1);
                file.write_all(&piece).expect("fits the quota");
            }
            file.close().expect("published");
            let mut file = fs.open("/stream").expect("exists");
            for _ in 0..STREAM / PIECE {
                file.read_exact(&mut buffer).expect("all there");
                black_box(&buffer);
            }
        });
    });
    group.bench_function("Vec<Arc<[u8]>>", |b| {
        let mut chunks: Vec<Arc<[u8]>> = Vec::new();
        let mut buffer = vec![0; PIECE];
        b.iter(|| {
            chunks.clear();
            for _ in 0..STREAM / PIECE {
                piece[0] = piece[0].wrapping_add(1);
                chunks.push(Arc::from(&piece[..]));
            }
            for chunk in &chunks {
                buffer.copy_from_slice(chunk);
                black_box(&buffer);
            }
        });
    });
    group.finish();
}

fn random(c: &mut Criterion) {
    let mut group = c.benchmark_group("random 4 KiB reads and writes in 16 MiB");
    group.throughput(Throughput::Bytes(2 * PAGE as u64));
    let mut page = vec![1_u8; PAGE];
    group.bench_function("arcfs", |b| {
        let fs = MemFs::builder().storage(Storage::RandomAccess).build().expect("valid");
        fs.write("/pages", vec![0; STREAM]).expect("fits the quota");
        let mut file = OpenOptions::new().read(true).write(true).open(&fs, "/pages").expect("exists");
        let mut offsets = offsets();
        let mut next = move || offsets.next().expect("endless") as u64;
        b.iter(|| {
            page[0] = page[0].wrapping_add(1);
            file.write_at(&page, next()).expect("fits the quota");
            file.read_at(&mut page, next()).expect("all there");
        });
    });
    group.bench_function("arcfs, with a cursor", |b| {
        let fs = MemFs::builder().storage(Storage::RandomAccess).build().expect("valid");
        fs.write("/pages", vec![0; STREAM]).expect("fits the quota");
        let mut file = OpenOptions::new().read(true).write(true).open(&fs, "/pages").expect("exists");
        let mut offsets = offsets();
        let mut next = move || SeekFrom::Start(offsets.next().expect("endless") as u64);
        b.iter(|| {
            page[0] = page[0].wrapping_add(1);
            file.seek(next()).expect("inside");
            file.write_all(&page).expect("fits the quota");
            file.seek(next()).expect("inside");
            file.read_exact(&mut page).expect("all there");
        });
    });
    group.bench_function("Vec<u8>", |b| {
        let mut bytes = vec![0_u8; STREAM];
        let mut offsets = offsets();
        let mut next = move || offsets.next().expect("endless");
        b.iter(|| {
            page[0] = page[0].wrapping_add(1);
            let at = next();
            bytes[at..at + PAGE].copy_from_slice(&page);
            let at = next();
            page.copy_from_slice(black_box(&bytes[at..at + PAGE]));
        });
    });
    group.finish();
}

criterion_group!(benches, stream, random);
criterion_main!(benches);
