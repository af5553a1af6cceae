//! Everything that keeps versions, and everything that frees them, at once: `arcfs-stress [seconds] [seed]`.
//!
//! Threads write, rename, copy, remove and restore; others read without a snapshot, take snapshots and drop them in
//! any order, keep iterators and hand them to each other, grow forks of forks. What a snapshot showed when it was
//! taken it shows when it is dropped. In the end nothing is charged.
//!
//! It is meant to be run under the sanitizers of addresses and of leaks (`scripts/test asan`), which see what was
//! freed too early or never.

mod keep;
mod random;
mod work;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;
use std::{env, process, thread};

use arcfs::MemFs;
use random::Random;

/// What all threads share.
#[derive(Debug)]
pub struct Shared {
    fs: MemFs,
    over: AtomicBool,
    turns: [AtomicU64; ROLES.len()],
}

impl Shared {
    /// Whether to go on; counts a turn of a role.
    fn goes_on(&self, role: usize) -> bool {
        self.turns[role].fetch_add(1, Ordering::Relaxed);
        !self.over.load(Ordering::Relaxed)
    }
}

/// One thread's part: until the time is over.
type Role = fn(&Shared, usize, &mut Random);

const ROLES: [(&str, Role); 8] = [
    ("writes", work::write),
    ("writes", work::write),
    ("transactions", work::transact),
    ("restores", work::restore),
    ("reads", keep::read),
    ("reads", keep::read),
    ("snapshots", keep::snapshots),
    ("forks", keep::forks),
];

fn main() {
    let mut args = env::args().skip(1);
    let mut number = |default: u64| args.next().map_or(Some(default), |arg| arg.parse().ok());
    let (Some(seconds), Some(seed)) = (number(10), number(1)) else {
        eprintln!("usage: arcfs-stress [seconds] [seed]");
        process::exit(2);
    };
    let fs = MemFs::with_quota(4 << 20);
    work::begin(&fs);
    let shared = Shared { fs, over: AtomicBool::new(false), turns: Default::default() };
    thread::scope(|scope| {
        for (role, (name, act)) in ROLES.iter().enumerate() {
            let shared = &shared;
            let mut random = Random::new(seed.wrapping_mul(64).wrapping_add(role as u64));
            let thread = thread::Builder::new().name((*name).to_owned());
            thread.spawn_scoped(scope, move || act(shared, role, &mut random)).expect("a thread");
        }
        let (send, receive) = mpsc::sync_channel(4);
        let (shared, mut random) = (&shared, Random::new(seed));
        scope.spawn(move || keep::begin_iterators(shared, &send, &mut random));
        scope.spawn(move || keep::end_iterators(&receive));
        thread::sleep(Duration::from_secs(seconds));
        shared.over.store(true, Ordering::Relaxed);
    });
    shared.fs.clear().expect("nothing is open");
    let stats = shared.fs.stats();
    assert_eq!((stats.used_bytes, stats.chunk_count, stats.snapshots), (0, 0, 0), "something is kept");
    for ((name, _), turns) in ROLES.iter().zip(&shared.turns) {
        println!("{name}: {}", turns.load(Ordering::Relaxed));
    }
}
