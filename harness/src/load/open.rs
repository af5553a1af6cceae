//! The open loop, for latency.
//!
//! Operations have intended start times whatever the store does, and latency runs from the intended
//! start to the end, so everything that a stall delays counts (Tene's "coordinated omission"). The
//! schedule is fixed before the first operation; a late one never moves those after it.
//!
//! What the loop itself adds counts too: a thread that the host does not schedule at the intended time
//! looks like a slow store. It spins through the last [`WAKE`] before an operation rather than trust a
//! timer, so threads must not be more than cores.

use std::sync::{Barrier, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::store::Answer;

/// How long before the intended time a sleeping thread is woken to spin.
const WAKE: Duration = Duration::from_micros(200);

/// What a thread of an open loop does again and again.
pub trait Operation {
    /// Decides what comes next and gets it ready, before its time; tells its kind, a small number.
    fn choose(&mut self) -> usize;

    /// Does it. The time of its return is its end.
    ///
    /// # Errors
    /// Whatever went wrong; it ends the loop.
    fn run(&mut self) -> Answer<()>;

    /// Checks the answer. The time that this takes delays later operations, but is not in this one's latency.
    ///
    /// # Errors
    /// What is wrong with the answer; it ends the loop.
    fn check(&mut self) -> Answer<()> {
        Ok(())
    }
}

impl<Op: Operation> Operation for MutexGuard<'_, Op> {
    fn choose(&mut self) -> usize {
        (**self).choose()
    }

    fn run(&mut self) -> Answer<()> {
        (**self).run()
    }

    fn check(&mut self) -> Answer<()> {
        (**self).check()
    }
}

/// A closure as an operation of one kind.
struct Plain<Op>(Op);

impl<Op: FnMut() -> Answer<()>> Operation for Plain<Op> {
    fn choose(&mut self) -> usize {
        0
    }

    fn run(&mut self) -> Answer<()> {
        (self.0)()
    }
}

/// What an open loop did, or the part of it that is of one kind.
#[derive(Debug)]
pub struct Open {
    /// Nanoseconds from the intended start of each operation to its end, of all threads.
    pub latency: Histogram<u64>,
    /// Operations that were not even started when the loop gave up; each is in `latency` with the time
    /// it had waited.
    pub unstarted: u64,
}

impl Open {
    fn new() -> Self {
        Self { latency: histogram(), unstarted: 0 }
    }

    fn add(&mut self, other: &Self) {
        self.latency.add(&other.latency).expect("equal bounds");
        self.unstarted += other.unstarted;
    }
}

/// An empty histogram of nanoseconds up to one minute, with three digits.
///
/// # Panics
/// Never: its bounds are valid.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("valid bounds")
}

/// Runs `threads` threads that together begin `rate` operations per second for `length`, at intended times that do
/// not depend on how fast they are. A store that cannot keep up is given twice the length, then the rest is counted
/// as waiting.
///
/// # Errors
/// The first failure of an operation.
///
/// # Panics
/// Where an operation or `prepare` panics.
pub fn open<Op>(
    threads: usize,
    rate: f64,
    length: Duration,
    prepare: impl Fn(usize) -> Answer<Op> + Sync,
) -> Answer<Open>
where
    Op: FnMut() -> Answer<()>,
{
    let [open] = open_each(threads, rate, length, |thread| prepare(thread).map(Plain))?;
    Ok(open)
}

/// The same for operations of several kinds, each kind counted apart.
///
/// # Errors
/// The first failure of an operation.
///
/// # Panics
/// Where an operation or `prepare` panics, and where an operation is of a kind that is not below `KINDS`.
pub fn open_each<Op: Operation, const KINDS: usize>(
    threads: usize,
    rate: f64,
    length: Duration,
    prepare: impl Fn(usize) -> Answer<Op> + Sync,
) -> Answer<[Open; KINDS]> {
    let start = &Barrier::new(threads);
    // One instant for all: a thread that comes late from the barrier is late, and does not shift its schedule.
    let began = &OnceLock::new();
    let run = |thread: usize| {
        let meet = || {
            if start.wait().is_leader() {
                began.set(Instant::now()).expect("there is one leader");
            }
            start.wait();
        };
        let mut operation = super::prepare_and_meet(|| prepare(thread), meet)?;
        let clock = Since(*began.get().expect("set before the second meeting"));
        Schedule::new(thread, threads, rate, length).follow(&clock, &mut operation)
    };
    let run = &run;
    let parts: Answer<Vec<[Open; KINDS]>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|thread| scope.spawn(move || run(thread))).collect();
        workers.into_iter().map(|worker| worker.join().expect("a worker does not panic")).collect()
    });
    let mut all = std::array::from_fn(|_| Open::new());
    for part in parts? {
        all.iter_mut().zip(&part).for_each(|(all, part)| all.add(part));
    }
    Ok(all)
}

/// The time since the loop began.
trait Clock {
    fn elapsed(&self) -> Duration;

    /// Returns at `due`, or at once where that has passed.
    fn wait_until(&self, due: Duration);
}

struct Since(Instant);

impl Clock for Since {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn wait_until(&self, due: Duration) {
        loop {
            let left = due.saturating_sub(self.elapsed());
            if left.is_zero() {
                return;
            }
            if left > WAKE { std::thread::sleep(left - WAKE) } else { std::hint::spin_loop() }
        }
    }
}

/// When one thread is to start its operations: at `first`, then every `interval` seconds.
struct Schedule {
    first: f64,
    interval: f64,
    count: u64,
    give_up: Duration,
}

impl Schedule {
    /// The part of `thread`: threads take turns at equal distances.
    fn new(thread: usize, threads: usize, rate: f64, length: Duration) -> Self {
        let interval = threads as f64 / rate;
        let first = thread as f64 / rate;
        // Rounded, because 0.2 s × 5000/s must not lose its last operation to the binary form of 0.2.
        let count = (length.as_secs_f64() / interval).round().max(1.0) as u64;
        Self { first, interval, count, give_up: 2 * length }
    }

    /// Computed from the index, so that errors do not add up.
    fn due(&self, index: u64) -> Duration {
        Duration::from_secs_f64(self.first + index as f64 * self.interval)
    }

    fn follow<const KINDS: usize>(
        &self,
        clock: &impl Clock,
        operation: &mut impl Operation,
    ) -> Answer<[Open; KINDS]> {
        let mut all: [Open; KINDS] = std::array::from_fn(|_| Open::new());
        let mut gave_up = None;
        for index in 0..self.count {
            let due = self.due(index);
            let kind = &mut all[operation.choose()];
            gave_up = gave_up.or_else(|| Some(clock.elapsed()).filter(|now| *now >= self.give_up));
            let ended = if let Some(now) = gave_up {
                kind.unstarted += 1;
                now
            } else {
                clock.wait_until(due);
                operation.run()?;
                clock.elapsed()
            };
            kind.latency.saturating_record(ended.saturating_sub(due).as_nanos() as u64);
            if gave_up.is_none() {
                operation.check()?;
            }
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests;
