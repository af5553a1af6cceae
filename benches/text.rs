//! Lines of text, beside `BufRead::lines` of the standard library over the same bytes.
//!
//! Target: iterating the lines of 8 MiB of UTF-8 of mixed lengths takes at most 3 × `BufReader::lines`,
//! by the medians of runs in turns, which are printed first.

use std::hint::black_box;
use std::io::{BufRead, BufReader, Cursor};
use std::time::{Duration, Instant};

use arcfs::{MemFs, TextFile, TextOptions};
use criterion::{Criterion, Throughput, criterion_group};

const SIZE: usize = 8 << 20;

/// Lines of 0 to 200 bytes, some of which are not ASCII.
fn sample() -> String {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut text = String::with_capacity(SIZE + 400);
    while text.len() < SIZE {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let words = state % 20;
        for word in 0..words {
            text.push_str(if (state >> word) & 15 == 0 { "日本語 " } else { "some word " });
        }
        text.push('\n');
    }
    text
}

/// The bytes of `/utf8` and `/sjis`, and how many lines both have.
fn filesystem() -> (MemFs, usize) {
    let text = sample();
    let fs = MemFs::new();
    fs.write("/utf8", &text).expect("fits the quota");
    let mut sjis = sjis().open(fs.create("/sjis").expect("free"));
    sjis.write_str(&text).expect("fits the quota");
    sjis.close().expect("published");
    (fs, text.lines().count())
}

fn sjis() -> TextOptions {
    TextOptions::new().encoding("shift_jis").expect("a label")
}

fn std_lines(bytes: &[u8]) -> usize {
    BufReader::new(Cursor::new(bytes)).lines().inspect(|line| assert!(black_box(line).is_ok())).count()
}

fn std_reuse(bytes: &[u8]) -> usize {
    let (mut reader, mut line, mut count) = (BufReader::new(Cursor::new(bytes)), String::new(), 0);
    while reader.read_line(&mut line).expect("UTF-8") > 0 {
        black_box(&line);
        line.clear();
        count += 1;
    }
    count
}

fn lines(fs: &MemFs) -> usize {
    let mut text = fs.open_text("/utf8").expect("exists");
    text.lines().inspect(|line| assert!(black_box(line).is_ok())).count()
}

fn reuse(fs: &MemFs) -> usize {
    let (mut text, mut line, mut count) = (fs.open_text("/utf8").expect("exists"), String::new(), 0);
    while text.read_line(&mut line).expect("UTF-8") > 0 {
        black_box(&line);
        line.clear();
        count += 1;
    }
    count
}

fn lines_of_sjis(fs: &MemFs) -> usize {
    let mut text = sjis().open(fs.open("/sjis").expect("exists"));
    text.lines().inspect(|line| assert!(black_box(line).is_ok())).count()
}

/// Runs all in turns, and prints the medians and what they are of the first of their kind.
fn ratios() {
    const BOUND: f64 = 3.0;
    const ROUNDS: usize = 31;
    let (fs, count) = filesystem();
    let bytes = fs.read("/utf8").expect("exists");
    let over_cursor = || TextFile::new(Cursor::new(&bytes[..])).lines().count();
    let runs: [(&str, usize, &dyn Fn() -> usize); 6] = [
        ("BufReader::lines", 0, &|| std_lines(&bytes)),
        ("TextFile::lines", 0, &|| lines(&fs)),
        ("TextFile::lines over a Cursor", 0, &over_cursor),
        ("TextFile::lines of Shift_JIS", 0, &|| lines_of_sjis(&fs)),
        ("BufReader::read_line", 4, &|| std_reuse(&bytes)),
        ("TextFile::read_line", 4, &|| reuse(&fs)),
    ];
    let mut times = [const { Vec::new() }; 6];
    for _ in 0..ROUNDS {
        for ((name, _, run), times) in runs.iter().zip(&mut times) {
            let start = Instant::now();
            assert_eq!(run(), count, "{name}");
            times.push(start.elapsed());
        }
    }
    let medians = times.map(|mut times: Vec<Duration>| {
        times.sort();
        times[ROUNDS / 2]
    });
    for ((name, base, _), median) in runs.iter().zip(&medians) {
        let ratio = median.as_secs_f64() / medians[*base].as_secs_f64();
        println!("{name:32} {median:>10.2?}  {ratio:.2} x {}", runs[*base].0);
        assert!(ratio <= BOUND || name.contains("Shift_JIS"), "{name} takes too long"); // those are other bytes
    }
}

fn line_iteration(c: &mut Criterion) {
    let (fs, _) = filesystem();
    let bytes = fs.read("/utf8").expect("exists");
    let mut group = c.benchmark_group("lines of 8 MiB");
    group.throughput(Throughput::Bytes(bytes.len() as u64)).sample_size(20);
    group.bench_function("arcfs, lines", |b| b.iter(|| lines(&fs)));
    group.bench_function("std, lines", |b| b.iter(|| std_lines(&bytes)));
    group.bench_function("arcfs, read_line", |b| b.iter(|| reuse(&fs)));
    group.bench_function("std, read_line", |b| b.iter(|| std_reuse(&bytes)));
    group.bench_function("arcfs, lines of Shift_JIS", |b| b.iter(|| lines_of_sjis(&fs)));
    group.finish();
}

criterion_group!(benches, line_iteration);

fn main() {
    // Once of one alone, for whoever counts instructions.
    match std::env::var("ARCFS_BENCH_ONCE").as_deref() {
        Ok("arcfs") => return assert!(lines(&filesystem().0) > 0),
        Ok("std") => return assert!(std_lines(&filesystem().0.read("/utf8").expect("exists")) > 0),
        Ok(_) => return assert!(filesystem().1 > 0),
        Err(_) => {}
    }
    let has = |name: &str| std::env::args().any(|arg| arg == name);
    if has("--bench") && !has("--test") {
        ratios();
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}
