//! Calls in a task beside the same calls of a thread.
//!
//! Target (median): a `read_into` of 4 KiB that runs in the task takes at most 1.2 × the one for
//! threads, the share that it takes of what tokio gives a task included. Compare the two of a group of
//! one run: both move with the machine.
//!
//! `off_task` is what it costs to leave the task and come back, which is what the size from which that
//! is done has to be worth; `turns` is a lock that goes from task to task.

use std::hint::black_box;
use std::time::{Duration, Instant};

use arcfs::asynchronous::AsyncMemFs;
use arcfs::{MemFs, OpenOptions};
use criterion::{Criterion, criterion_group, criterion_main};
use tokio::runtime::{Builder, Runtime};

const PATHS: usize = 256;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime")
}

fn filled() -> (AsyncMemFs, Vec<String>) {
    let fs = MemFs::new();
    let paths: Vec<_> = (0..PATHS).map(|n| format!("/dir{}/file{n:04}", n % 8)).collect();
    fs.import_tree(paths.iter().map(|path| (path, vec![7_u8; 4096]))).expect("fits the quota");
    (fs.into(), paths)
}

fn inline(c: &mut Criterion) {
    let (runtime, (fs, paths)) = (runtime(), filled());
    let mut buffer = Vec::with_capacity(4096);
    let mut group = c.benchmark_group("read_into 4 KiB");
    group.bench_function("thread", |b| {
        let mut next = paths.iter().cycle();
        b.iter(|| {
            fs.as_sync().read_into(next.next().expect("endless"), &mut buffer).expect("exists");
            black_box(&buffer);
        });
    });
    group.bench_function("task", |b| {
        b.iter_custom(|times| {
            runtime.block_on(async {
                let mut next = paths.iter().cycle();
                let start = Instant::now();
                for _ in 0..times {
                    fs.read_into(next.next().expect("endless"), &mut buffer).await.expect("exists");
                    black_box(&buffer);
                }
                start.elapsed()
            })
        });
    });
    group.finish();

    let mut group = c.benchmark_group("write 4 KiB");
    let payload = &[1; 4096][..];
    group.bench_function("thread", |b| {
        let mut next = paths.iter().cycle();
        b.iter(|| fs.as_sync().write(next.next().expect("endless"), payload).expect("fits"));
    });
    group.bench_function("task", |b| {
        b.iter_custom(|times| {
            runtime.block_on(async {
                let mut next = paths.iter().cycle();
                let start = Instant::now();
                for _ in 0..times {
                    fs.write(next.next().expect("endless"), payload).await.expect("fits");
                }
                start.elapsed()
            })
        });
    });
    group.finish();
}

fn elsewhere(c: &mut Criterion) {
    let (runtime, (fs, _)) = (runtime(), filled());
    c.bench_function("off_task", |b| {
        b.iter_custom(|times| {
            runtime.block_on(async {
                let start = Instant::now();
                for _ in 0..times {
                    black_box(fs.off_task(|fs| Ok(fs.version())).await.expect("it answers"));
                }
                start.elapsed()
            })
        });
    });
}

/// Tasks that open the same file one after the other, each waiting for the one before.
fn turns(c: &mut Criterion) {
    const TASKS: u64 = 100;
    let (runtime, (fs, paths)) = (runtime(), filled());
    c.bench_function("turns", |b| {
        b.iter_custom(|times| {
            let turns = times.div_ceil(TASKS);
            let took = runtime.block_on(async {
                let start = Instant::now();
                let tasks: Vec<_> = (0..TASKS)
                    .map(|_| {
                        let (fs, path) = (fs.clone(), paths[0].clone());
                        tokio::spawn(async move {
                            let mut options = OpenOptions::new();
                            options.write(true);
                            for _ in 0..turns {
                                let file = options.open_async(&fs, &path).await.expect("it comes");
                                tokio::task::yield_now().await; // all others come to wait
                                file.close().await.expect("nothing to publish");
                            }
                        })
                    })
                    .collect();
                for task in tasks {
                    task.await.expect("it ends");
                }
                start.elapsed()
            });
            Duration::from_secs_f64(took.as_secs_f64() * times as f64 / (turns * TASKS) as f64)
        });
    });
}

criterion_group!(benches, inline, elsewhere, turns);
criterion_main!(benches);
