//! The memory of file contents, beside the plain structure that does the same.
//!
//! What is measured depends on whether memory is fresh, so each case runs in processes of its own, the
//! cases in turns, and the least and the median over all processes are printed: the first pass of a process, which
//! meets fresh memory, and the later ones, which meet what the passes before gave back.
//!
//! Targets: a 16 MiB stream in 64 KiB pieces at most 0.5 × a fresh `Vec<u8>` that grows and 1.0 × one
//! that is used again; 512 MiB in 1 MiB pieces, written and read, at most 0.4 × a `Vec<u8>`; random
//! writes of 4 KiB into 64 MiB with a snapshot held at most 3 × writes into a plain `Vec<u8>`.

use std::collections::HashMap;
use std::hint::black_box;
use std::io::{Read, Write};
use std::process::Command;
use std::sync::{Arc, RwLock};
use std::time::Instant;

use arcfs::{MemFs, OpenOptions};

const PAGE: usize = 4096;
const MIB: usize = 1 << 20;
/// Processes of each case.
const ROUNDS: usize = 5;

/// What a pass took, in nanoseconds, by what is measured.
type Times = Vec<(&'static str, u64)>;

/// A case: its name, its passes in a process, and one pass.
type Case = (&'static str, usize, fn() -> Times);

const CASES: &[Case] = &[
    ("16 MiB by 64 KiB, arcfs", 9, || stream(16 * MIB, 64 << 10)),
    ("16 MiB by 64 KiB, Vec", 9, || vec_stream(16 * MIB, 64 << 10)),
    ("16 MiB by 4 KiB, arcfs", 9, || stream(16 * MIB, PAGE)),
    ("16 MiB by 4 KiB, Vec", 9, || vec_stream(16 * MIB, PAGE)),
    ("512 MiB by 1 MiB, arcfs", 2, || stream(512 * MIB, MIB)),
    ("512 MiB by 1 MiB, Vec", 2, || vec_stream(512 * MIB, MIB)),
    ("300 x 4 KiB, arcfs", 9, || files(300)),
    ("300 x 4 KiB, HashMap", 9, || map(300)),
    ("10,000 x 4 KiB, arcfs", 3, || files(10_000)),
    ("10,000 x 4 KiB, HashMap", 3, || map(10_000)),
    ("4096 random, snapshot held, arcfs", 5, || random(4096)),
    ("16384 random, snapshot held, arcfs", 5, || random(16_384)),
    ("4096 random after others, arcfs", 5, || random_again(4096)),
    ("4096 random, Vec", 5, || vec_random(4096)),
    ("16384 random, Vec", 5, || vec_random(16_384)),
];

fn timed(what: &'static str, times: &mut Times, work: impl FnOnce()) {
    let start = Instant::now();
    work();
    times.push((what, start.elapsed().as_nanos() as u64));
}

fn new() -> MemFs {
    MemFs::with_quota(4 << 30)
}

fn stream(len: usize, piece: usize) -> Times {
    let (mut times, mut bytes) = (Times::new(), vec![7; piece]);
    let fs = new();
    timed("write", &mut times, || {
        let mut file = fs.create("/stream").expect("free");
        (0..len / piece).for_each(|_| file.write_all(&bytes).expect("fits"));
        file.close().expect("published");
    });
    timed("read", &mut times, || {
        let mut file = fs.open("/stream").expect("exists");
        (0..len / piece).for_each(|_| file.read_exact(black_box(&mut bytes)).expect("all there"));
    });
    timed("drop", &mut times, || drop(fs));
    times
}

fn vec_stream(len: usize, piece: usize) -> Times {
    let (mut times, mut bytes) = (Times::new(), vec![7; piece]);
    let mut vec = Vec::new();
    let write = |vec: &mut Vec<u8>| (0..len / piece).for_each(|_| vec.extend_from_slice(black_box(&bytes)));
    timed("write", &mut times, || write(&mut vec));
    timed("write, reused", &mut times, || {
        vec.clear();
        write(&mut vec);
    });
    timed("read", &mut times, || {
        vec.chunks(piece).for_each(|chunk| black_box(&mut bytes).copy_from_slice(chunk));
    });
    timed("drop", &mut times, || drop(vec));
    times
}

/// Numbers below `count` in an order that jumps.
fn jumps(count: usize) -> impl Iterator<Item = usize> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize % count
    })
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("/file{number:06}")).collect()
}

/// The largest and the fifth largest of what single writes took.
fn worst(times: &mut Times, mut each: Vec<u64>) {
    each.sort_unstable();
    times.extend([("worst write", each[each.len() - 1]), ("5th worst write", each[each.len() - 5])]);
}

fn files(count: usize) -> Times {
    let (mut times, names, bytes) = (Times::new(), names(count), [7; PAGE]);
    let fs = new();
    let mut each = Vec::with_capacity(count);
    timed("write", &mut times, || {
        for name in &names {
            let start = Instant::now();
            fs.write(name, bytes).expect("fits");
            each.push(start.elapsed().as_nanos() as u64);
        }
    });
    timed("read", &mut times, || {
        jumps(count).take(count).for_each(|at| drop(black_box(fs.read(&names[at]).expect("exists"))));
    });
    worst(&mut times, each);
    timed("drop", &mut times, || drop(fs));
    times
}

fn map(count: usize) -> Times {
    let (mut times, names, bytes) = (Times::new(), names(count), [7; PAGE]);
    let map: RwLock<HashMap<String, Arc<[u8]>>> = RwLock::default();
    let mut each = Vec::with_capacity(count);
    timed("write", &mut times, || {
        for name in &names {
            let start = Instant::now();
            map.write().expect("sound").insert(name.clone(), Arc::from(bytes));
            each.push(start.elapsed().as_nanos() as u64);
        }
    });
    timed("read", &mut times, || {
        jumps(count).take(count).for_each(|at| {
            drop(black_box(map.read().expect("sound")[&names[at]].to_vec()));
        });
    });
    worst(&mut times, each);
    timed("drop", &mut times, || drop(map));
    times
}

/// A file of 64 MiB.
fn pages() -> MemFs {
    let fs = new();
    fs.write("/pages", vec![1; 64 * MIB]).expect("fits");
    fs
}

fn random(writes: usize) -> Times {
    random_on(&pages(), writes)
}

/// As `random`, on a file that was written so before.
fn random_again(writes: usize) -> Times {
    let fs = pages();
    random_on(&fs, 16_384);
    random_on(&fs, 16_384);
    random_on(&fs, writes)
}

fn random_on(fs: &MemFs, writes: usize) -> Times {
    let (mut times, page) = (Times::new(), [9_u8; PAGE]);
    let snapshot = fs.snapshot();
    let used = fs.stats().used_bytes;
    timed("write", &mut times, || {
        let mut file = OpenOptions::new().write(true).open(fs, "/pages").expect("exists");
        for at in jumps(64 * MIB / PAGE).take(writes) {
            file.write_at(black_box(&page), (at * PAGE) as u64).expect("fits");
        }
        file.close().expect("published");
    });
    times.push(("bytes charged more", fs.stats().used_bytes - used));
    drop(snapshot);
    times
}

fn vec_random(writes: usize) -> Times {
    let (mut times, page) = (Times::new(), [9_u8; PAGE]);
    let mut vec = vec![1_u8; 64 * MIB];
    timed("write", &mut times, || {
        for at in jumps(64 * MIB / PAGE).take(writes) {
            vec[at * PAGE..][..PAGE].copy_from_slice(black_box(&page));
        }
    });
    black_box(&vec);
    times
}

/// Page faults of this process so far; 0 where nothing tells.
fn faults() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    after_name.split_whitespace().nth(7).and_then(|field| field.parse().ok()).unwrap_or(0)
}

/// Prints what the passes of one case take: `first` or `again`, what, and nanoseconds.
fn child(number: usize) {
    let (_, passes, run) = CASES[number];
    for pass in 0..passes {
        let before = faults();
        let mut times = run();
        times.push(("page faults", faults() - before));
        for (what, value) in times {
            println!("{}\t{what}\t{value}", if pass == 0 { "first" } else { "again" });
        }
    }
}

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, number] = &arguments[..]
        && flag == "--case"
    {
        return child(number.parse().expect("a number"));
    }
    let rounds = if arguments.iter().any(|argument| argument == "--test") { 1 } else { ROUNDS };
    arguments.retain(|argument| !argument.starts_with("--"));
    let chosen = |name: &str| arguments.iter().all(|part| name.contains(part.as_str()));
    let this = std::env::current_exe().expect("runs from a file");
    let mut all: Vec<((usize, String), Vec<u64>)> = Vec::new();
    for _ in 0..rounds {
        for number in (0..CASES.len()).filter(|&number| chosen(CASES[number].0)) {
            let output = Command::new(&this).args(["--case", &number.to_string()]).output().expect("runs");
            assert!(output.status.success(), "{}: {output:?}", CASES[number].0);
            for line in String::from_utf8(output.stdout).expect("text").lines() {
                let (what, value) = line.rsplit_once('\t').expect("three fields");
                let value = value.parse().expect("a number");
                match all.iter_mut().find(|(key, _)| (key.0, &*key.1) == (number, what)) {
                    Some((_, values)) => values.push(value),
                    None => all.push(((number, what.into()), vec![value])),
                }
            }
        }
    }
    all.sort_by_key(|((number, _), _)| *number);
    for ((number, what), mut values) in all {
        values.sort_unstable();
        let (least, median) = (values[0], values[values.len() / 2]);
        println!("{:<36} {:<24} {least:>14} {median:>14}", CASES[number].0, what.replace('\t', " "));
    }
}
