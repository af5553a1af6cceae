//! Time is injected: operations advance a clock of their own, so every latency is known exactly.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::store::Failure;

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A clock that only operations and waiting move.
#[derive(Default)]
struct Fake(Cell<Duration>);

impl Clock for &Fake {
    fn elapsed(&self) -> Duration {
        self.0.get()
    }

    fn wait_until(&self, due: Duration) {
        self.0.set(self.0.get().max(due));
    }
}

/// Operations that take `usual`, and the one of index `stalled` takes `stall`; odd ones are of kind 1.
struct Stalls<'a> {
    clock: &'a Fake,
    usual: Duration,
    stalled: u64,
    stall: Duration,
    chosen: u64,
    run: u64,
    checked: u64,
}

impl<'a> Stalls<'a> {
    fn new(clock: &'a Fake, usual: Duration, stalled: u64, stall: Duration) -> Self {
        Self { clock, usual, stalled, stall, chosen: 0, run: 0, checked: 0 }
    }
}

impl Operation for Stalls<'_> {
    fn choose(&mut self) -> usize {
        self.chosen += 1;
        ((self.chosen - 1) % 2) as usize
    }

    fn run(&mut self) -> Answer<()> {
        let length = if self.chosen - 1 == self.stalled { self.stall } else { self.usual };
        self.clock.0.set(self.clock.0.get() + length);
        self.run += 1;
        Ok(())
    }

    fn check(&mut self) -> Answer<()> {
        self.checked += 1;
        Ok(())
    }
}

/// Operations that took `latency`, within the three digits of a histogram.
fn count_at(open: &[Open], latency: Duration) -> u64 {
    open.iter().map(|open| open.latency.count_at(latency.as_nanos() as u64)).sum()
}

#[test]
fn a_stall_delays_everything_behind_it() {
    let clock = Fake::default();
    // 100 operations, one every millisecond, each of 0.1 ms; the eleventh takes 20 ms.
    let schedule = Schedule::new(0, 1, 1000.0, ms(100));
    let mut operation = Stalls::new(&clock, Duration::from_micros(100), 10, ms(20));
    let open: [Open; 2] = schedule.follow(&&clock, &mut operation).expect("nothing fails");

    assert_eq!((operation.run, operation.checked), (100, 100));
    assert_eq!(open.each_ref().map(|open| open.latency.len()), [50, 50]);
    assert_eq!(open.each_ref().map(|open| open.unstarted), [0, 0]);
    // The k-th after the stalled one is due k ms later and starts 20 ms + (k - 1) * 0.1 ms after it began.
    assert_eq!(count_at(&open, ms(20)), 1);
    for k in 1..=22 {
        let latency = ms(20) + Duration::from_micros(100) * k - ms(u64::from(k));
        assert!(count_at(&open, latency) >= 1, "operation {k} behind the stall");
    }
    let queued: u64 =
        open.iter().map(|open| open.latency.len() - open.latency.count_between(0, 110_000)).sum();
    assert_eq!(queued, 23, "the stalled one and those that waited for it");
    // A closed loop would have recorded one slow operation of a hundred: a 95th percentile of 0.1 ms.
    let mut all = histogram();
    open.iter().for_each(|open| all.add(&open.latency).expect("equal bounds"));
    assert!(all.value_at_quantile(0.95) > 10_000_000);
}

#[test]
fn a_store_that_cannot_keep_up_has_its_waiting_counted() {
    let clock = Fake::default();
    // 100 operations due in 100 ms, each of 4 ms: 50 are started in the 200 ms until the loop gives up.
    let schedule = Schedule::new(0, 1, 1000.0, ms(100));
    let mut operation = Stalls::new(&clock, ms(4), u64::MAX, ms(0));
    let open: [Open; 2] = schedule.follow(&&clock, &mut operation).expect("nothing fails");

    assert_eq!((operation.run, operation.checked, operation.chosen), (50, 50, 100));
    assert_eq!(open.each_ref().map(|open| open.unstarted), [25, 25]);
    assert_eq!(open.each_ref().map(|open| open.latency.len()), [50, 50]);
    // The first operation that was not started was due at 50 ms and had waited 150 ms; the last one 101 ms.
    let slow = open.iter().map(|open| open.latency.count_between(100_000_000, 152_000_000)).sum::<u64>();
    assert!(slow >= 50, "{slow}");
    assert_eq!(open[1].latency.min(), histogram_value(ms(4 + 3)));
}

/// The value under which a histogram reports `latency`.
fn histogram_value(latency: Duration) -> u64 {
    let mut one = histogram();
    one.saturating_record(latency.as_nanos() as u64);
    one.min()
}

#[test]
fn the_schedule_does_not_drift_and_threads_take_turns() {
    let parts: Vec<Schedule> = (0..3).map(|thread| Schedule::new(thread, 3, 3000.0, ms(10_000))).collect();
    assert!(parts.iter().all(|part| part.count == 10_000));
    for (thread, part) in parts.iter().enumerate() {
        for index in [0, 1, 9_999] {
            let wanted = (index * 3 + thread as u64) * 1_000_000_000 / 3000;
            assert!((part.due(index).as_nanos() as u64).abs_diff(wanted) <= 1, "{thread} {index}");
        }
    }
    // Neither rounding direction loses an operation.
    assert_eq!(Schedule::new(0, 1, 5000.0, ms(200)).count, 1000);
    assert_eq!(Schedule::new(0, 2, 1.0, ms(1)).count, 1);
}

#[test]
fn checking_is_not_part_of_the_latency() {
    struct SlowCheck<'a>(&'a Fake);
    impl Operation for SlowCheck<'_> {
        fn choose(&mut self) -> usize {
            0
        }
        fn run(&mut self) -> Answer<()> {
            Ok(())
        }
        fn check(&mut self) -> Answer<()> {
            self.0.0.set(self.0.0.get() + Duration::from_micros(900));
            Ok(())
        }
    }
    let clock = Fake::default();
    let [open] =
        Schedule::new(0, 1, 1000.0, ms(10)).follow(&&clock, &mut SlowCheck(&clock)).expect("nothing fails");
    assert_eq!((open.latency.len(), open.latency.max()), (10, 0));
}

#[test]
fn every_thread_runs_its_share_and_real_time_is_at_least_what_was_intended() {
    let ran = AtomicU64::new(0);
    let prepare = |_| {
        Ok(|| {
            ran.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
    };
    let began = Instant::now();
    let open = open(2, 20_000.0, ms(10), prepare).expect("nothing fails");
    assert_eq!(open.latency.len(), 200);
    assert_eq!(ran.into_inner() + open.unstarted, 200);
    assert!(began.elapsed() >= Schedule::new(1, 2, 20_000.0, ms(10)).due(99));
}

#[test]
fn a_failing_check_is_the_answer() {
    struct Wrong;
    impl Operation for Wrong {
        fn choose(&mut self) -> usize {
            0
        }
        fn run(&mut self) -> Answer<()> {
            Ok(())
        }
        fn check(&mut self) -> Answer<()> {
            Err(Failure::failed("wrong"))
        }
    }
    let answer: Answer<[Open; 1]> = open_each(2, 1000.0, ms(5), |_| Ok(Wrong));
    assert!(answer.is_err());
}

#[test]
#[should_panic(expected = "a worker does not panic")]
fn a_panic_in_preparation_is_passed_on() {
    let prepare = |thread| {
        assert_ne!(thread, 1, "this thread has nothing to do");
        Ok(|| Ok(()))
    };
    drop(open(2, 1000.0, ms(2), prepare));
}
