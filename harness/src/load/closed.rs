//! The closed loop, for throughput.
//!
//! Each thread starts an operation when its last one ends, so a slow store is asked less often and a
//! stall is counted once: right for throughput, wrong for latency. The loop knows nothing of what an
//! operation does, and does not time operations one by one.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::store::Answer;

/// What a closed loop did.
#[derive(Clone, Debug)]
pub struct Closed {
    /// Operations of each thread.
    pub operations: Vec<u64>,
    /// From the start of the first thread to the end of the last one.
    pub window: Duration,
    /// Operations of all threads per second of [`window`](Self::window).
    ///
    /// Not the sum of rates that each thread measures for itself: where threads are more than cores, a
    /// thread's own window begins when it is first scheduled, so that its waiting is left out.
    pub rate: f64,
}

impl Closed {
    fn new(parts: &[Part]) -> Self {
        let operations: Vec<u64> = parts.iter().map(|part| part.operations).collect();
        let began = parts.iter().map(|part| part.began).min();
        let ended = parts.iter().map(|part| part.ended).max();
        let window = began.zip(ended).map_or(Duration::ZERO, |(began, ended)| ended - began);
        let all = operations.iter().sum::<u64>() as f64;
        let rate = if window.is_zero() { 0.0 } else { all / window.as_secs_f64() };
        Self { operations, window, rate }
    }
}

/// What one thread of a closed loop did.
struct Part {
    operations: u64,
    began: Instant,
    ended: Instant,
}

/// Runs `threads` threads in closed loops for `length`; each finishes the operation that it is in.
/// `prepare` makes each thread's operation, on that thread, before the clock starts.
///
/// # Errors
/// The first failure of an operation.
///
/// # Panics
/// Where an operation or `prepare` panics.
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
        let meet = || {
            start.wait();
        };
        let mut operation = super::prepare_and_meet(|| prepare(thread), meet)?;
        let (began, mut operations) = (Instant::now(), 0_u64);
        while !stop.load(Ordering::Relaxed) {
            operation()?;
            operations += 1;
        }
        Ok(Part { operations, began, ended: Instant::now() })
    };
    let run = &run;
    let parts: Answer<Vec<Part>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|thread| scope.spawn(move || run(thread))).collect();
        start.wait();
        std::thread::sleep(length);
        stop.store(true, Ordering::Relaxed);
        workers.into_iter().map(|worker| worker.join().expect("a worker does not panic")).collect()
    });
    Ok(Closed::new(&parts?))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;
    use crate::store::Failure;

    #[test]
    fn the_rate_covers_the_time_in_which_a_thread_was_not_scheduled() {
        let zero = Instant::now();
        let part = |operations, began: u64, ended: u64| Part {
            operations,
            began: zero + Duration::from_millis(began),
            ended: zero + Duration::from_millis(ended),
        };
        let closed = Closed::new(&[part(500, 0, 90), part(100, 80, 100)]);
        assert_eq!(closed.operations, [500, 100]);
        assert_eq!(closed.window, Duration::from_millis(100));
        // The sum of the threads' own rates would be 10,556.
        assert!((closed.rate - 6000.0).abs() < 1e-6, "{}", closed.rate);
    }

    #[test]
    fn every_operation_of_every_thread_is_counted() {
        let counted = AtomicU64::new(0);
        let closed = closed(3, Duration::from_millis(2), |_| {
            Ok(|| {
                counted.fetch_add(1, Ordering::Relaxed);
                Ok(())
            })
        });
        let closed = closed.expect("nothing fails");
        assert_eq!(closed.operations.len(), 3);
        assert_eq!(closed.operations.iter().sum::<u64>(), counted.into_inner());
        let rate = closed.operations.iter().sum::<u64>() as f64 / closed.window.as_secs_f64();
        assert!((closed.rate / rate - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_failure_of_one_thread_is_the_answer() {
        let failing = |thread: usize| {
            let mut left = 10;
            Ok(move || {
                left -= u64::from(thread == 1);
                if left == 0 { Err(Failure::failed("the tenth")) } else { Ok(()) }
            })
        };
        // Tried again, because nothing says that a thread comes to its tenth operation in a millisecond.
        assert!((0..1000).any(|_| closed(2, Duration::from_millis(1), failing).is_err()));
    }

    #[test]
    fn a_thread_that_cannot_prepare_holds_up_nobody() {
        let prepare = |thread| if thread == 1 { Err(Failure::Full) } else { Ok(|| Ok(())) };
        assert!(matches!(closed(3, Duration::from_millis(1), prepare), Err(Failure::Full)));
    }

    #[test]
    #[should_panic(expected = "a worker does not panic")]
    fn a_panic_in_preparation_is_passed_on() {
        let prepare = |thread| {
            assert_ne!(thread, 1, "this thread has nothing to do");
            Ok(|| Ok(()))
        };
        drop(closed(2, Duration::from_millis(1), prepare));
    }
}
