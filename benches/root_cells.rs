//! What it costs to read the published root and to publish the next: `ArcSwap`, the version cell, and
//! `crossbeam-epoch`, each with a root of its own that says which version it is.
//!
//! Four questions: a load by itself; a store after so many other threads have loaded once and
//! sleep; a whole commit of the engine and a read of it, with the cell that it was built with
//! (`--cfg arcfs_root_cell`), after so many have read; and a reader and a writer at full speed side by side. Each figure is the median of rounds in
//! which the cells take turns, since a machine changes its mind between them. How long a cache line
//! takes from one thread to another and back is measured before and after each round of the last: on
//! virtual processors that differs by the hour, and with it everything else.
//!
//! `cargo bench --features internals --bench root_cells`, with a part of a question's name to ask only that
//! one; `-- --loads N CELL` does nothing but N loads, for a tool that counts instructions.
#![allow(unsafe_code, reason = "the roots of the version cell and of the epochs are freed by hand")]

use std::hint::{black_box, spin_loop};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use arcfs::MemFs;
use arcfs::internals::root::{VersionCell, Versioned};
use crossbeam_epoch::{self as epoch, Atomic, Owned};

/// As large as the root of a filesystem.
struct Root {
    version: u64,
    _rest: [u64; 7],
}

impl Root {
    fn new(version: u64) -> Self {
        Self { version, _rest: [version; 7] }
    }
}

impl Versioned for Root {
    fn version(&self) -> u64 {
        self.version
    }
}

trait Cell: Send + Sync {
    /// Reads the version in the published root.
    fn load(&self) -> u64;
    /// Publishes the next root and frees what may be freed. By one thread at a time.
    fn store(&self, version: u64);
}

struct Swap(ArcSwap<Root>);

impl Cell for Swap {
    fn load(&self) -> u64 {
        self.0.load().version
    }

    fn store(&self, version: u64) {
        self.0.store(Arc::new(Root::new(version)));
    }
}

/// Looks for readers once for each `EVERY` roots that died.
struct Slots<const EVERY: usize, const EXACT: bool> {
    cell: VersionCell<Root>,
    dead: Mutex<Vec<Dead>>,
}

struct Dead {
    death: u64,
    root: NonNull<Root>,
}

// SAFETY: it owns what it points to.
unsafe impl Send for Dead {}

impl<const EVERY: usize, const EXACT: bool> Slots<EVERY, EXACT> {
    fn boxed() -> Box<dyn Cell> {
        let root = NonNull::from(Box::leak(Box::new(Root::new(0))));
        // SAFETY: freed by the watermark, or at the end.
        let cell = unsafe { VersionCell::new(root, 0) };
        Box::new(Self { cell, dead: Mutex::default() })
    }
}

impl<const EVERY: usize, const EXACT: bool> Cell for Slots<EVERY, EXACT> {
    #[inline]
    fn load(&self) -> u64 {
        let pin = self.cell.pin();
        if EXACT {
            pin.announce_exactly();
        }
        pin.version
    }

    fn store(&self, version: u64) {
        let mut dead = self.dead.lock().unwrap();
        let root = self.cell.root();
        dead.push(Dead { death: version, root });
        let next = NonNull::from(Box::leak(Box::new(Root::new(version))));
        // SAFETY: under the lock; versions only grow; freed by the watermark.
        unsafe { self.cell.publish(next, version) };
        if dead.len() >= EVERY {
            let watermark = self.cell.low_watermark();
            dead.retain(|dead| {
                let free = dead.death <= watermark;
                if free {
                    // SAFETY: nobody reads what died by the watermark.
                    drop(unsafe { Box::from_raw(dead.root.as_ptr()) });
                }
                !free
            });
        }
    }
}

impl<const EVERY: usize, const EXACT: bool> Drop for Slots<EVERY, EXACT> {
    fn drop(&mut self) {
        let root = self.cell.root();
        self.dead.get_mut().unwrap().push(Dead { death: 0, root });
        for dead in self.dead.get_mut().unwrap().drain(..) {
            // SAFETY: there are no pins any more.
            drop(unsafe { Box::from_raw(dead.root.as_ptr()) });
        }
    }
}

struct Epochs(Atomic<Root>);

impl Cell for Epochs {
    fn load(&self) -> u64 {
        let guard = epoch::pin();
        // SAFETY: never null, and deferred while the guard lives.
        unsafe { self.0.load(Ordering::Acquire, &guard).deref() }.version
    }

    fn store(&self, version: u64) {
        let guard = epoch::pin();
        let old = self.0.swap(Owned::new(Root::new(version)), Ordering::AcqRel, &guard);
        // SAFETY: nobody can come to have it any more.
        unsafe { guard.defer_destroy(old) };
    }
}

impl Drop for Epochs {
    fn drop(&mut self) {
        // SAFETY: the only one that has it.
        drop(unsafe { std::mem::take(&mut self.0).into_owned() });
    }
}

type Make = fn() -> Box<dyn Cell>;

const CELLS: [(&str, Make); 5] = [
    ("ArcSwap", || Box::new(Swap(ArcSwap::from_pointee(Root::new(0))))),
    ("version cell", Slots::<1, false>::boxed),
    ("version cell, exact", Slots::<1, true>::boxed),
    ("version cell, every 64", Slots::<64, false>::boxed),
    ("crossbeam-epoch", || Box::new(Epochs(Atomic::new(Root::new(0))))),
];

fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

fn report(what: &str, cell: &str, samples: &mut [f64]) {
    let middle = median(samples);
    let (least, most) = (samples[0], samples[samples.len() - 1]);
    println!("{what:32} {cell:24} {middle:8.1} ns  ({least:.1} to {most:.1})");
}

/// Nanoseconds for each of `n` calls.
fn each(n: u64, mut call: impl FnMut(u64)) -> f64 {
    let start = Instant::now();
    (0..n).for_each(&mut call);
    start.elapsed().as_nanos() as f64 / n as f64
}

struct Effort {
    rounds: usize,
    calls: u64,
    beside: Duration,
}

/// A load by itself. The calls are not virtual: the compiler sees each cell as the engine would.
fn loads(effort: &Effort) {
    fn run<C: Cell>(cell: &C, calls: u64) -> f64 {
        each(calls, |_| {
            black_box(black_box(cell).load());
        })
    }
    fn slots<const EXACT: bool>() -> Slots<1, EXACT> {
        let root = NonNull::from(Box::leak(Box::new(Root::new(0))));
        // SAFETY: freed when the cell is.
        Slots { cell: unsafe { VersionCell::new(root, 0) }, dead: Mutex::default() }
    }
    let (swap, epochs) = (Swap(ArcSwap::from_pointee(Root::new(0))), Epochs(Atomic::new(Root::new(0))));
    let (coarse, exact) = (slots::<false>(), slots::<true>());
    let mut samples = [const { Vec::new() }; 4];
    for _ in 0..effort.rounds {
        samples[0].push(run(&swap, effort.calls));
        samples[1].push(run(&coarse, effort.calls));
        samples[2].push(run(&exact, effort.calls));
        samples[3].push(run(&epochs, effort.calls));
    }
    for (cell, samples) in
        ["ArcSwap", "version cell", "version cell, exact", "crossbeam-epoch"].iter().zip(&mut samples)
    {
        report("load", cell, samples);
    }
}

/// Loads and nothing else, for tools that count.
fn count(cell: &str, calls: u64) {
    let run = |load: &mut dyn FnMut(u64) -> u64| {
        black_box(load(calls));
    };
    match cell {
        "none" => run(&mut |n| (0..n).map(black_box).fold(0, u64::wrapping_add)),
        "swap" => {
            let cell = Swap(ArcSwap::from_pointee(Root::new(0)));
            run(&mut |n| (0..n).map(|i| black_box(i) + cell.load()).fold(0, u64::wrapping_add));
        }
        "slots" => {
            let root = NonNull::from(Box::leak(Box::new(Root::new(0))));
            // SAFETY: freed when the cell is.
            let cell = unsafe { VersionCell::new(root, 0) };
            let cell = Slots::<1, false> { cell, dead: Mutex::default() };
            run(&mut |n| (0..n).map(|i| black_box(i) + cell.load()).fold(0, u64::wrapping_add));
        }
        "epoch" => {
            let cell = Epochs(Atomic::new(Root::new(0)));
            run(&mut |n| (0..n).map(|i| black_box(i) + cell.load()).fold(0, u64::wrapping_add));
        }
        _ => panic!("cells are none, swap, slots and epoch"),
    }
}

/// A store after `sleepers` other threads have loaded once. They stay, so each count has threads of its
/// own and the smallest comes first; no cell forgets a thread.
fn stores(effort: &Effort) {
    let cells = CELLS.map(|(name, make)| (name, Arc::<dyn Cell>::from(make()), AtomicU64::new(0)));
    let mut asleep = 0;
    let (wake, mut sleepers) = (Arc::new(Barrier::new(65)), Vec::new());
    for wanted in [0, 1, 4, 16, 64] {
        let (loaded, is_loaded) = channel();
        for _ in asleep..wanted {
            let (cells, wake, loaded) =
                (cells.each_ref().map(|cell| Arc::clone(&cell.1)), Arc::clone(&wake), loaded.clone());
            sleepers.push(thread::spawn(move || {
                for cell in &cells {
                    black_box(cell.load());
                }
                loaded.send(()).expect("the bench waits");
                wake.wait();
            }));
        }
        (asleep..wanted).for_each(|_| is_loaded.recv().expect("a sleeper"));
        asleep = wanted;
        let mut samples = [const { Vec::new() }; CELLS.len()];
        for _ in 0..effort.rounds {
            for ((_, cell, version), samples) in cells.iter().zip(&mut samples) {
                samples.push(each(effort.calls / 4, |_| {
                    cell.store(version.fetch_add(1, Ordering::Relaxed) + 1);
                }));
            }
        }
        for ((name, ..), samples) in CELLS.iter().zip(&mut samples) {
            report(&format!("store, {wanted} have loaded"), name, samples);
        }
    }
    wake.wait();
    for sleeper in sleepers {
        sleeper.join().expect("a sleeper");
    }
}

/// `write` of four bytes and `read` of them, after so many other threads have read once. One cell a
/// build: to compare two, run two builds in turns.
fn commits(effort: &Effort) {
    let cell = if cfg!(arcfs_root_cell = "slots") { "version cell" } else { "ArcSwap" };
    let fs = Arc::new(MemFs::new());
    fs.import_tree((0..800).map(|file| (format!("/dir{}/file{file:06}", file % 8), "text")))
        .expect("a new tree");
    let (wake, mut sleepers) = (Arc::new(Barrier::new(65)), Vec::new());
    for wanted in [0, 1, 4, 16, 64] {
        while sleepers.len() < wanted {
            let (fs, wake, (loaded, is_loaded)) = (Arc::clone(&fs), Arc::clone(&wake), channel());
            sleepers.push(thread::spawn(move || {
                assert!(fs.exists("/dir1/file000001"));
                loaded.send(()).expect("the bench waits");
                wake.wait();
            }));
            is_loaded.recv().expect("a sleeper");
        }
        let (mut writes, mut reads) = (Vec::new(), Vec::new());
        for _ in 0..effort.rounds {
            writes
                .push(each(effort.calls / 10, |_| fs.write("/dir1/file000001", b"next").expect("no limit")));
            reads.push(each(effort.calls / 10, |_| drop(black_box(fs.read("/dir1/file000001")))));
        }
        report(&format!("write 4 B, {wanted} have read"), cell, &mut writes);
        report(&format!("read 4 B, {wanted} have read"), cell, &mut reads);
    }
    wake.wait();
    for sleeper in sleepers {
        sleeper.join().expect("a sleeper");
    }
}

/// Nanoseconds for a cache line to go to another thread and come back, halved.
fn ping_pong() -> f64 {
    const TURNS: u64 = 20_000;
    let turn = AtomicU64::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            for want in (1..2 * TURNS).step_by(2) {
                wait_for(&turn, want);
                turn.store(want + 1, Ordering::Release);
            }
        });
        wait_for_start(&turn);
        each(TURNS - 1, |_| {
            let now = turn.load(Ordering::Relaxed);
            turn.store(now + 1, Ordering::Release);
            wait_for(&turn, now + 2);
        }) / 2.0
    })
}

fn wait_for_start(turn: &AtomicU64) {
    turn.store(1, Ordering::Release);
    wait_for(turn, 2);
}

fn wait_for(turn: &AtomicU64, want: u64) {
    let mut spins = 0_u32;
    while turn.load(Ordering::Acquire) != want {
        spins += 1;
        if spins.is_multiple_of(10_000) { thread::yield_now() } else { spin_loop() }
    }
}

/// Readers and perhaps a writer at full speed: nanoseconds for each load of a reader, and for each store.
fn side_by_side(cell: &dyn Cell, readers: usize, writers: usize, time: Duration) -> (f64, f64) {
    let (start, stop) = (Barrier::new(readers + writers), AtomicBool::new(false));
    thread::scope(|scope| {
        let threads: Vec<_> = (0..readers + writers)
            .map(|thread| {
                let (start, stop) = (&start, &stop);
                scope.spawn(move || {
                    start.wait();
                    let (began, mut calls) = (Instant::now(), 0_u64);
                    loop {
                        for _ in 0..64 {
                            calls += 1;
                            if thread < readers {
                                black_box(cell.load());
                            } else {
                                cell.store(calls);
                            }
                        }
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                    }
                    began.elapsed().as_nanos() as f64 / calls as f64
                })
            })
            .collect();
        thread::sleep(time);
        stop.store(true, Ordering::Relaxed);
        let each: Vec<f64> = threads.into_iter().map(|thread| thread.join().expect("it runs")).collect();
        let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
        (mean(&each[..readers]), mean(&each[readers..]))
    })
}

fn together(effort: &Effort) {
    for (readers, writers) in [(2, 0), (1, 1)] {
        let mut samples = CELLS.map(|(name, _)| (name, Vec::new(), Vec::new()));
        let mut lines = Vec::new();
        for _ in 0..effort.rounds {
            lines.push(ping_pong());
            for ((_, make), (_, loads, stores)) in CELLS.iter().zip(&mut samples) {
                let (load, store) = side_by_side(&*make(), readers, writers, effort.beside);
                loads.push(load);
                stores.push(store);
            }
            lines.push(ping_pong());
        }
        report(&format!("{readers} readers, {writers} writers"), "(a cache line's way)", &mut lines);
        for (name, loads, stores) in &mut samples {
            report(&format!("{readers} readers, {writers} writers: load"), name, loads);
            if writers > 0 {
                report(&format!("{readers} readers, {writers} writers: store"), name, stores);
            }
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [_, n, cell, ..] =
        &arguments[arguments.iter().position(|a| a == "--loads").unwrap_or(arguments.len())..]
    {
        return count(cell, n.parse().expect("a number of loads"));
    }
    let effort = if arguments.iter().any(|argument| argument == "--test") {
        Effort { rounds: 1, calls: 1000, beside: Duration::from_millis(1) }
    } else {
        Effort { rounds: 51, calls: 200_000, beside: Duration::from_millis(20) }
    };
    let filter = arguments.iter().find(|argument| !argument.starts_with("--"));
    for (name, ask) in
        [("load", loads as fn(&Effort)), ("store", stores), ("engine", commits), ("together", together)]
    {
        if filter.is_none_or(|filter| name.contains(filter.as_str())) {
            ask(&effort);
        }
    }
}
