//! How concurrent commits best take turns, on the production edits and trees: a mutex, a
//! compare-and-swap loop, and combining the edits of all who wait into one publication.
//!
//! Threads are spawned once, start together behind a barrier, and each overwrites files with
//! 4 KiB contents that were built before the commit; the time of a batch is from the first start
//! to the last end. `ARCHITECTURE.md` holds the table and what was concluded from it.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use arcfs::internals::root::{Combining, CompareAndSwap, Graves, Protocol, Publisher, Seed, Serial};
use arcfs::internals::tree::{Edit, Limits, NewDir, NewFile, PutRule, Root, Timestamp};
use arcfs::internals::{Account, Charge, build_content};
use criterion::{BenchmarkId, Criterion, criterion_group};

const LIMITS: Limits = Limits { max_nodes: u64::MAX, max_depth: 512, chunk_overhead: 0 };

struct Shared<P> {
    publisher: Publisher<P>,
    graves: Graves,
    account: Arc<Account>,
}

/// A filesystem core of `dirs` × `files` files.
fn shared<P: Protocol>(dirs: usize, files: usize) -> Arc<Shared<P>> {
    let publisher = Publisher::new(Seed::of(Root::new(Timestamp::default()).tree, 0));
    let shared = Shared { publisher, graves: Graves::default(), account: Account::new() };
    let now = Timestamp::default();
    let mut edits = Vec::new();
    for dir in 0..dirs {
        let path = format!("/dir{dir:02}");
        let new = [NewDir { name: None, charge: Arc::new(Charge::none()) }];
        edits.push(Edit::MakeDirs { path: path.into(), new: new.into(), now });
        edits.extend((0..files).map(|file| put(&shared, dir, file)));
    }
    shared.publisher.commit(&mut edits, &LIMITS, &shared.graves).unwrap_or_else(|_| panic!("a new tree"));
    Arc::new(shared)
}

/// The edit that overwrites one file, as `write` makes it: paid and built beforehand.
fn put<P>(shared: &Shared<P>, dir: usize, file: usize) -> Edit {
    let charge = shared.account.try_reserve(4096, u64::MAX).expect("no limit");
    let content = build_content(&[7; 4096], charge, &shared.account).expect("memory for 4 KiB");
    Edit::Put {
        path: format!("/dir{dir:02}/file_{file:06}").into(),
        name: None,
        file: NewFile::new(content, Charge::none()),
        rule: PutRule::Write,
        now: Timestamp::default(),
    }
}

/// Threads that wait for batches to run.
struct Crew {
    orders: Vec<Sender<u64>>,
    results: std::sync::mpsc::Receiver<(Instant, Instant)>,
    threads: Vec<JoinHandle<()>>,
}

impl Crew {
    fn new<P: Protocol + Send + Sync + 'static>(
        shared: &Arc<Shared<P>>,
        threads: usize,
        dirs: usize,
        files: usize,
    ) -> Self {
        let barrier = Arc::new(Barrier::new(threads));
        let (done, results) = channel();
        let (orders, threads) = (0..threads)
            .map(|thread| {
                let (order, ordered) = channel::<u64>();
                let (shared, barrier, done) = (Arc::clone(shared), Arc::clone(&barrier), done.clone());
                let work = move || {
                    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ (thread as u64 + 1);
                    for batch in ordered {
                        barrier.wait();
                        let start = Instant::now();
                        for _ in 0..batch {
                            state ^= state << 13;
                            state ^= state >> 7;
                            state ^= state << 17;
                            let (dir, file) = (state as usize % dirs, (state >> 20) as usize % files);
                            let mut edits = [put(&shared, dir, file)];
                            let commit = shared.publisher.commit(&mut edits, &LIMITS, &shared.graves);
                            assert!(commit.is_ok(), "the file exists");
                        }
                        done.send((start, Instant::now())).expect("the bench listens");
                    }
                };
                (order, thread::spawn(work))
            })
            .unzip();
        Self { orders, results, threads }
    }

    /// Runs `iterations` commits, shared among the threads; the time per commit times `iterations`.
    fn run(&self, iterations: u64) -> Duration {
        let threads = self.orders.len() as u64;
        let batch = iterations.div_ceil(threads);
        for order in &self.orders {
            order.send(batch).expect("the crew is there");
        }
        let spans: Vec<_> = self.orders.iter().map(|_| self.results.recv().expect("a result")).collect();
        let start = spans.iter().map(|span| span.0).min().expect("a thread");
        let end = spans.iter().map(|span| span.1).max().expect("a thread");
        (end - start).mul_f64(iterations as f64 / (batch * threads) as f64)
    }

    fn dismiss(self) {
        drop(self.orders);
        for thread in self.threads {
            thread.join().expect("the crew does not panic");
        }
    }
}

fn protocol<P: Protocol + Send + Sync + 'static>(c: &mut Criterion, name: &str) {
    for (dirs, files) in [(8, 100), (64, 1000)] {
        let mut group = c.benchmark_group(format!("overwrite 4 KiB, {dirs} x {files} files"));
        group
            .sample_size(20)
            .measurement_time(Duration::from_secs(2))
            .warm_up_time(Duration::from_millis(500));
        for threads in [1, 2, 4, 16] {
            let shared = shared::<P>(dirs, files);
            let crew = Crew::new(&shared, threads, dirs, files);
            group.bench_function(BenchmarkId::new(name, threads), |b| b.iter_custom(|n| crew.run(n)));
            crew.dismiss();
        }
        group.finish();
    }
}

fn protocols(c: &mut Criterion) {
    protocol::<Serial>(c, "mutex");
    protocol::<CompareAndSwap>(c, "compare-and-swap");
    protocol::<Combining>(c, "combining");
}

criterion_group!(benches, protocols);
