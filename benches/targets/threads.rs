//! Threads against each other.

use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::files::{Map, PAGE, both};
use crate::measure::{Jumps, Size, Table, each};

/// Wall nanoseconds for each of `calls` that so many threads share.
fn together(threads: usize, calls: usize, call: impl Fn(usize) + Sync) -> f64 {
    let start = Barrier::new(threads);
    let work = |number: usize| {
        let mut jumps = Jumps::new(number as u64 + 1);
        start.wait();
        let begun = Instant::now();
        (0..calls / threads).for_each(|_| call(jumps.below(usize::MAX)));
        (begun, Instant::now())
    };
    let times: Vec<_> = thread::scope(|scope| {
        let work = &work;
        let running: Vec<_> = (0..threads).map(|number| scope.spawn(move || work(number))).collect();
        running.into_iter().map(|thread| thread.join().expect("it ends")).collect()
    });
    let begun = times.iter().map(|time| time.0).min().expect("one thread");
    let ended = times.iter().map(|time| time.1).max().expect("one thread");
    (ended - begun).as_nanos() as f64 / calls as f64
}

/// Runs `work` while another thread does the other thing over and over.
fn beside<T>(other: impl Fn() + Sync, work: impl FnOnce() -> T) -> T {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                other();
            }
        });
        let done = work();
        stop.store(true, Ordering::Relaxed);
        done
    })
}

pub fn rows(table: &mut Table) {
    if !["overwrite", "snapshots", "beside a writer"].iter().any(|name| table.wants(name)) {
        return;
    }
    let files = if table.size == Size::Smoke { 4 } else { 1000 };
    let (fs, map, paths) = both(64, files);
    let calls = table.size.of(60_000);
    let path = |at: usize| paths[at % paths.len()].as_str();
    let write = |at| fs.write(path(at), PAGE).expect("fits");
    let insert = |at| drop(map.insert(path(at).to_owned(), PAGE[..].into()));
    let what = format!("64 x {files}");
    for threads in [1, 2, 4, 16] {
        table.row(
            &format!("overwrite 4 KiB, {what}, {threads} threads | DashMap"),
            1.2,
            || together(threads, calls, write),
            || together(threads, calls, insert),
        );
    }
    for threads in [2, 4, 16] {
        table.row(
            &format!("overwrite 4 KiB, {what}, {threads} threads | one"),
            1.0,
            || together(threads, calls, write),
            || together(1, calls, write),
        );
    }
    table.row(
        &format!("overwrite with snapshots, {what} | without"),
        1.15,
        || {
            let _held = fs.snapshot();
            let each_millisecond = || {
                drop(black_box(fs.snapshot()));
                thread::sleep(Duration::from_millis(1));
            };
            beside(each_millisecond, || together(1, calls, write))
        },
        || together(1, calls, write),
    );
    let jumping = |call: &dyn Fn(usize)| {
        let mut jumps = Jumps::new(9);
        each(calls, |_| call(jumps.below(usize::MAX)))
    };
    table.row(
        &format!("metadata beside a writer, {what} | DashMap::get"),
        2.0,
        || beside(|| write(1), || jumping(&|at| _ = black_box(fs.metadata(path(at)).expect("exists")))),
        || beside(|| insert(1), || jumping(&|at| _ = black_box(len_of(&map, path(at))))),
    );
    table.row(
        &format!("metadata p99.9 beside a writer, {what} | idle"),
        1.5,
        || {
            beside(
                || write(1),
                || slow_call(calls, |at| _ = black_box(fs.metadata(path(at)).expect("exists"))),
            )
        },
        || slow_call(calls, |at| _ = black_box(fs.metadata(path(at)).expect("exists"))),
    );
}

fn len_of(map: &Map, path: &str) -> usize {
    map.get(path).expect("exists").len()
}

/// What one of a thousand calls takes at least.
fn slow_call(calls: usize, call: impl Fn(usize)) -> f64 {
    let mut jumps = Jumps::new(9);
    let mut times: Vec<u128> = (0..calls)
        .map(|_| {
            let (at, start) = (jumps.below(usize::MAX), Instant::now());
            call(at);
            start.elapsed().as_nanos()
        })
        .collect();
    times.sort_unstable();
    times[calls - 1 - calls / 1000] as f64
}
