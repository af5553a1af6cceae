//! What a turn measures by default: contended paths, snapshots under load, single calls; short, so that
//! a turn takes a few seconds. Payloads are checked as in the workloads of a whole run.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::backend::{Backend, Setup};
use crate::load::{Choice, Keys, Payload, check_payload, closed};
use crate::store::{Answer, Failure, Store};
use crate::workload::{Extent, Metric, Params, Round, Scope, Workload};

const FILES: u64 = 256;
const PAYLOAD: usize = 4096;

/// The workloads of a turn.
pub fn all() -> Vec<Box<dyn Workload>> {
    vec![Box::new(Contention), Box::new(Consistency), Box::new(Calls)]
}

/// Milliseconds that a loop runs.
fn length(scope: &Scope) -> u64 {
    if scope.extent == Extent::Smoke { 2 } else { 80 }
}

fn path(dir: u64, key: u64) -> String {
    format!("/data/dir{dir:02}/file_{key:06}.bin")
}

/// A store with `dirs` directories of [`FILES`] files. The keys of a directory begin at a thousand times its number.
fn filled(backend: &Backend, dirs: u64) -> Answer<Box<dyn Store>> {
    let store = (backend.make)(&Setup::default())?;
    let mut payload = Payload::new(PAYLOAD);
    for dir in 0..dirs {
        store.create_dir_all(&format!("/data/dir{dir:02}"))?;
        for file in 0..FILES {
            let key = dir * 1000 + file;
            store.write(&path(dir, key), payload.stamp(key, 0))?;
        }
    }
    Ok(store)
}

/// The operation of one thread in a directory: a write, or with the chance of `reads` in a hundred a checked read.
fn worker(store: &dyn Store, dir: u64, seed: u64, reads: u32) -> impl FnMut() -> Answer<()> + '_ {
    let paths: Vec<String> = (0..FILES).map(|file| path(dir, dir * 1000 + file)).collect();
    let mut keys = Keys::new(Choice::Uniform, FILES, seed);
    let mut payload = Payload::new(PAYLOAD);
    let (mut buffer, mut number) = (Vec::with_capacity(PAYLOAD), 0);
    move || {
        let file = keys.next_key();
        let (key, path) = (dir * 1000 + file, &paths[file as usize]);
        if keys.chance(reads) {
            store.read(path, &mut buffer)?;
            check_payload(&buffer, PAYLOAD, key).map(drop)
        } else {
            number += 1;
            store.write(path, payload.stamp(key, number))
        }
    }
}

/// After threads wrote: each file still holds one whole write.
fn check_all(store: &dyn Store, dirs: u64) -> Answer<u64> {
    let mut buffer = Vec::new();
    for dir in 0..dirs {
        for file in 0..FILES {
            let key = dir * 1000 + file;
            store.read(&path(dir, key), &mut buffer)?;
            check_payload(&buffer, PAYLOAD, key)?;
        }
    }
    Ok(dirs * FILES)
}

/// Threads that read and write 4 KiB files.
struct Contention;

impl Workload for Contention {
    fn name(&self) -> &'static str {
        "ab-contention"
    }

    fn about(&self) -> &'static str {
        "threads that read and write 4 KiB files, in directories of their own or in one"
    }

    fn metrics(&self) -> &'static [Metric] {
        const { &[Metric::rate("rate")] }
    }

    fn cells(&self, scope: &Scope) -> Vec<Params> {
        let mut cells = Vec::new();
        for threads in [2, 4] {
            for reads in [50, 0] {
                for directory in ["shared", "own"] {
                    let params = Params::new().number("threads", threads).number("reads", reads);
                    cells.push(params.word("directory", directory).number("ms", length(scope)));
                }
            }
        }
        cells
    }

    fn round(&self, backend: &Backend, params: &Params) -> Answer<Round> {
        let (threads, own) = (params.get("threads"), params.get_word("directory") == "own");
        let dirs = if own { threads } else { 1 };
        let store = filled(backend, dirs)?;
        let reads = params.get("reads") as u32;
        let length = Duration::from_millis(params.get("ms"));
        let done = closed(threads as usize, length, |thread| {
            let dir = if own { thread as u64 } else { 0 };
            Ok(worker(&*store, dir, thread as u64, reads))
        })?;
        let checks = check_all(&*store, dirs)?;
        Ok(Round { checks, ..Round::default() }.value("rate", done.rate))
    }
}

/// Two writers, and a third thread that takes a view every millisecond and walks it.
struct Consistency;

impl Workload for Consistency {
    fn name(&self) -> &'static str {
        "ab-consistency"
    }

    fn about(&self) -> &'static str {
        "two writers at full speed while views are taken every millisecond and walked"
    }

    fn metrics(&self) -> &'static [Metric] {
        const { &[Metric::rate("writes"), Metric::time("view"), Metric::time("walk")] }
    }

    fn cells(&self, scope: &Scope) -> Vec<Params> {
        vec![Params::new().number("writers", 2).number("ms", 2 * length(scope))]
    }

    fn round(&self, backend: &Backend, params: &Params) -> Answer<Round> {
        let writers = params.get("writers");
        let length = Duration::from_millis(params.get("ms"));
        let store = filled(backend, 1)?;
        store.view()?;
        let walker = || -> Answer<(Vec<f64>, Vec<f64>)> {
            let (mut views, mut walks) = (Vec::new(), Vec::new());
            let began = Instant::now();
            while began.elapsed() < length || views.is_empty() {
                std::thread::sleep(Duration::from_millis(1));
                let start = Instant::now();
                let view = store.view()?;
                views.push(start.elapsed().as_nanos() as f64);
                let (start, mut files) = (Instant::now(), 0);
                view.walk(&mut |_, _| files += 1)?;
                walks.push(start.elapsed().as_nanos() as f64);
                if files != FILES {
                    return Err(Failure::failed(format!("a view has {files} files instead of {FILES}")));
                }
            }
            Ok((views, walks))
        };
        let (done, walked) = std::thread::scope(|scope| {
            let walker = scope.spawn(walker);
            let done = closed(writers as usize, length, |thread| Ok(worker(&*store, 0, thread as u64, 0)));
            (done, walker.join().expect("the walker does not panic"))
        });
        let (done, (views, walks)) = (done?, walked?);
        let checks = check_all(&*store, 1)? + views.len() as u64;
        let round = Round { checks, ..Round::default() }.value("writes", done.rate);
        Ok(round.value("view", median(views)).value("walk", median(walks)))
    }
}

/// The median, at least 1 ns.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2].max(1.0)
}

/// Single calls on one thread.
struct Calls;

impl Workload for Calls {
    fn name(&self) -> &'static str {
        "ab-calls"
    }

    fn about(&self) -> &'static str {
        "single calls on one thread: nanoseconds each"
    }

    fn metrics(&self) -> &'static [Metric] {
        const { &[Metric::time("size"), Metric::time("read"), Metric::time("write"), Metric::time("list")] }
    }

    fn cells(&self, scope: &Scope) -> Vec<Params> {
        let calls = if scope.extent == Extent::Smoke { 256 } else { 16_384 };
        vec![Params::new().number("calls", calls)]
    }

    fn round(&self, backend: &Backend, params: &Params) -> Answer<Round> {
        let calls = params.get("calls");
        let store = filled(backend, 4)?;
        let files: Vec<(u64, String)> = (0..4)
            .flat_map(|dir| (0..FILES).map(move |file| dir * 1000 + file))
            .map(|key| (key, path(key / 1000, key)))
            .collect();
        // 389 is prime, so that all files are visited in an order that jumps.
        let place = |call: u64| &files[(call * 389 % files.len() as u64) as usize];
        let each = |calls: u64, operation: &mut dyn FnMut(u64) -> Answer<()>| -> Answer<f64> {
            let start = Instant::now();
            (0..calls).try_for_each(operation)?;
            Ok(start.elapsed().as_nanos() as f64 / calls as f64)
        };
        let mut buffer = Vec::with_capacity(PAYLOAD);
        let mut payload = Payload::new(PAYLOAD);
        let size = each(calls, &mut |call| {
            store.size(&place(call).1).map(|size| assert_eq!(black_box(size), PAYLOAD as u64))
        })?;
        let read = each(calls, &mut |call| {
            let (key, path) = place(call);
            store.read(path, &mut buffer)?;
            check_payload(&buffer, PAYLOAD, *key).map(drop)
        })?;
        let write = each(calls, &mut |call| {
            let (key, path) = place(call);
            store.write(path, payload.stamp(*key, call))
        })?;
        let mut names = 0;
        let lists = calls / 128;
        let list =
            each(lists, &mut |call| store.list(&format!("/data/dir{:02}", call % 4), &mut |_| names += 1))?;
        if names != lists * FILES {
            return Err(Failure::failed(format!("{lists} lists gave {names} names")));
        }
        let checks = calls + lists + check_all(&*store, 4)?;
        let round = Round { checks, ..Round::default() };
        Ok(round.value("size", size).value("read", read).value("write", write).value("list", list))
    }
}
