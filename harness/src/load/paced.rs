//! Loops: closed for throughput, open for latency.
//!
//! In a closed loop each thread starts an operation when its last one ends, so a slow store is asked
//! less often and a stall is counted once: right for throughput, wrong for latency. In an open loop
//! operations have intended start times whatever the store does, and latency runs from the intended
//! start to the end, so everything that a stall delays counts (Tene's "coordinated omission").

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::store::Answer;

/// What a closed loop did.
#[derive(Clone, Debug)]
pub struct Closed {
    /// Operations of each thread.
    pub operations: Vec<u64>,
    /// Operations of all threads per second, the sum of each thread's own rate.
    pub rate: f64,
}

/// What an open loop did.
#[derive(Debug)]
pub struct Open {
    /// Nanoseconds from the intended start of each operation to its end, of all threads.
    pub latency: Histogram<u64>,
    /// Operations that were not even started when the loop gave up; each is in `latency` with the time it had waited.
    pub unstarted: u64,
}

/// An empty histogram of nanoseconds up to one minute, with three digits.
///
/// # Panics
/// Never: its bounds are valid.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("valid bounds")
}

/// Runs `threads` threads in closed loops for `length`. `prepare` makes each thread's operation before the clock starts.
///
/// # Errors
/// The first failure of an operation.
///
/// # Panics
/// Where an operation panics.
pub fn closed<Op>(
    threads: usize,
    length: Duration,
    prepare: impl Fn(usize) -> Answer<Op> + Sync,
) -> Answer<Closed>
where
    Op: FnMut() -> Answer<()>,
{
    // Relaxed: the flag publishes nothing, and a thread that sees it late only works a little longer.
    let stop = &AtomicBool::new(false);
    let start = &Barrier::new(threads + 1);
    let run = |thread| {
        let prepared = prepare(thread);
        start.wait();
        let mut operation = prepared?;
        let (began, mut operations) = (Instant::now(), 0_u64);
        while !stop.load(Ordering::Relaxed) {
            operation()?;
            operations += 1;
        }
        Ok((operations, operations as f64 / began.elapsed().as_secs_f64()))
    };
    let run = &run;
    let results: Answer<Vec<(u64, f64)>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|thread| scope.spawn(move || run(thread))).collect();
        start.wait();
        std::thread::sleep(length);
        stop.store(true, Ordering::Relaxed);
        workers.into_iter().map(|worker| worker.join().expect("a worker does not panic")).collect()
    });
    let results = results?;
    let rate = results.iter().map(|(_, rate)| rate).sum();
    Ok(Closed { operations: results.into_iter().map(|(operations, _)| operations).collect(), rate })
}

/// Runs `threads` threads that together begin `rate` operations per second for `length`, at intended times that do
/// not depend on how fast they are. A store that cannot keep up is given twice the length, then the rest is counted
/// as waiting.
///
/// # Errors
/// The first failure of an operation.
///
/// # Panics
/// Where an operation panics.
pub fn open<Op>(
    threads: usize,
    rate: f64,
    length: Duration,
    prepare: impl Fn(usize) -> Answer<Op> + Sync,
) -> Answer<Open>
where
    Op: FnMut() -> Answer<()>,
{
    let start = &Barrier::new(threads);
    let interval = threads as f64 / rate;
    let count = (length.as_secs_f64() / interval).max(1.0) as u64;
    let run = |thread: usize| {
        let prepared = prepare(thread);
        start.wait();
        let mut operation = prepared?;
        let mut latency = histogram();
        let began = Instant::now();
        let intended = |index: u64| {
            began + Duration::from_secs_f64((index as f64 + thread as f64 / threads as f64) * interval)
        };
        let mut unstarted = 0;
        for index in 0..count {
            let due = intended(index);
            if unstarted == 0 && began.elapsed() < 2 * length {
                wait_until(due);
                operation()?;
            } else {
                unstarted += 1;
            }
            latency.saturating_record(due.elapsed().as_nanos() as u64);
        }
        Ok((latency, unstarted))
    };
    let run = &run;
    let results: Answer<Vec<(Histogram<u64>, u64)>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|thread| scope.spawn(move || run(thread))).collect();
        workers.into_iter().map(|worker| worker.join().expect("a worker does not panic")).collect()
    });
    let (mut latency, mut unstarted) = (histogram(), 0);
    for (part, left) in results? {
        latency.add(part).expect("equal bounds");
        unstarted += left;
    }
    Ok(Open { latency, unstarted })
}

/// Sleeps while the time is far, then spins, because a sleeping thread wakes tens of microseconds late.
fn wait_until(due: Instant) {
    const WAKE: Duration = Duration::from_micros(200);
    loop {
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        if left > WAKE { std::thread::sleep(left - WAKE) } else { std::hint::spin_loop() }
    }
}
