use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64 as Counter, Ordering::SeqCst};
use std::sync::{Barrier, Mutex};
use std::thread;

use tracing::field::{Field, Visit};
use tracing::span;

use super::reading::UNKNOWN;
use super::*;
use crate::clock::{ManualClock, SystemClock};

const SECOND: Duration = Duration::from_secs(1);

/// A source that says what it is told to, and counts the readings.
#[derive(Debug)]
struct Told {
    available: Counter,
    readings: Counter,
}

impl Told {
    fn new(available: u64) -> Arc<Self> {
        Arc::new(Self { available: Counter::new(available), readings: Counter::new(0) })
    }

    fn set(&self, available: u64) {
        self.available.store(available, SeqCst);
    }

    fn readings(&self) -> u64 {
        self.readings.load(SeqCst)
    }
}

impl MemorySource for Told {
    fn available(&self) -> Option<u64> {
        self.readings.fetch_add(1, SeqCst);
        let available = self.available.load(SeqCst);
        (available != UNKNOWN).then_some(available)
    }
}

struct Bench {
    clock: Arc<ManualClock>,
    source: Arc<Told>,
}

impl Bench {
    fn new(available: u64) -> Self {
        Self { clock: Arc::new(ManualClock::new()), source: Told::new(available) }
    }

    fn build(&self, guard: MemoryGuard, max_quota: u64) -> Result<Guard> {
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as _;
        Guard::at_build(&guard.with_source(Arc::clone(&self.source) as _), max_quota, &clock)
    }

    /// A guard over writes with an interval of a second.
    fn per_write(available: u64, action: GuardAction) -> (Self, Guard) {
        let bench = Self::new(available);
        let guard = bench.build(MemoryGuard::per_write(action, SECOND), 0).unwrap();
        (bench, guard)
    }
}

fn refused(requested: u64, available: u64) -> ErrorKind {
    ErrorKind::MemoryGuard { requested, available }
}

fn kind<T: fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind().clone()
}

/// What was logged on this thread while `f` ran.
fn logged(f: impl FnOnce()) -> Vec<String> {
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<String>>>);

    struct Text<'a>(&'a mut String);

    impl Visit for Text<'_> {
        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            write!(self.0, " {}={value:?}", field.name()).unwrap();
        }
    }

    impl tracing::Subscriber for Log {
        fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }
        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
        fn event(&self, event: &tracing::Event<'_>) {
            let mut text = event.metadata().level().to_string();
            event.record(&mut Text(&mut text));
            self.0.lock().unwrap().push(text);
        }
        fn enter(&self, _: &span::Id) {}
        fn exit(&self, _: &span::Id) {}
    }

    let log = Log::default();
    tracing::subscriber::with_default(log.clone(), f);
    log.0.lock().unwrap().clone()
}

#[test]
fn off_never_reads_and_lets_everything_pass() {
    let bench = Bench::new(0);
    let guard = bench.build(MemoryGuard::off(), u64::MAX).unwrap();
    guard.admit(u64::MAX).unwrap();
    assert_eq!(bench.source.readings(), 0);
    Guard::off().admit(u64::MAX).unwrap();
    assert_eq!(MemoryGuard::default().mode, Mode::Off);
}

#[test]
fn at_init_refuses_a_quota_that_is_not_available_and_checks_no_writes() {
    let bench = Bench::new(100);
    let guard = MemoryGuard::at_init(GuardAction::Refuse);
    assert_eq!(kind(bench.build(guard.clone(), 101)), refused(101, 100));

    let runtime = bench.build(guard, 100).unwrap();
    runtime.admit(u64::MAX).unwrap();
    assert_eq!(bench.source.readings(), 2);
}

#[test]
fn at_init_with_warn_builds_all_the_same() {
    let bench = Bench::new(100);
    let lines = logged(|| {
        bench.build(MemoryGuard::at_init(GuardAction::Warn), 100).unwrap();
        bench.build(MemoryGuard::at_init(GuardAction::Warn), 101).unwrap().admit(1 << 40).unwrap();
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("WARN"), "{lines:?}");
    assert!(lines[0].contains("requested=101") && lines[0].contains("available=100"), "{lines:?}");
}

#[test]
fn per_write_checks_the_quota_at_build_too() {
    let bench = Bench::new(100);
    let guard = |action| MemoryGuard::per_write(action, SECOND);
    assert_eq!(kind(bench.build(guard(GuardAction::Refuse), 101)), refused(101, 100));
    let lines = logged(|| drop(bench.build(guard(GuardAction::Warn), 101).unwrap()));
    assert_eq!(lines.len(), 1, "{lines:?}");
}

#[test]
fn a_burst_within_one_interval_cannot_exceed_the_reading() {
    let (bench, guard) = Bench::per_write(100, GuardAction::Refuse);
    guard.admit(60).unwrap();
    assert_eq!(kind(guard.admit(41)), refused(41, 40));
    guard.admit(40).unwrap();
    assert_eq!(kind(guard.admit(1)), refused(1, 0));

    bench.clock.advance(SECOND - Duration::from_nanos(1));
    assert_eq!(kind(guard.admit(1)), refused(1, 0));
    assert_eq!(bench.source.readings(), 1);
}

#[test]
fn a_reading_is_replaced_when_it_is_as_old_as_the_interval() {
    let (bench, guard) = Bench::per_write(100, GuardAction::Refuse);
    guard.admit(100).unwrap();
    bench.source.set(30);
    bench.clock.advance(SECOND);
    assert_eq!(kind(guard.admit(31)), refused(31, 30));
    guard.admit(30).unwrap();
    assert_eq!(bench.source.readings(), 2);
}

#[test]
fn an_interval_of_zero_reads_before_each_write_and_an_endless_one_never_again() {
    let bench = Bench::new(10);
    let guard = bench.build(MemoryGuard::per_write(GuardAction::Refuse, Duration::ZERO), 0).unwrap();
    (0..5).for_each(|_| guard.admit(10).unwrap());
    assert_eq!(bench.source.readings(), 6);

    let bench = Bench::new(10);
    let guard = bench.build(MemoryGuard::per_write(GuardAction::Refuse, Duration::MAX), 0).unwrap();
    bench.clock.advance(Duration::from_secs(1 << 33));
    guard.admit(10).unwrap();
    assert_eq!(kind(guard.admit(1)), refused(1, 0));
    assert_eq!(bench.source.readings(), 1);
}

#[test]
fn what_cannot_be_known_is_not_checked() {
    let bench = Bench::new(UNKNOWN);
    bench.build(MemoryGuard::at_init(GuardAction::Refuse), u64::MAX).unwrap();

    let guard = bench.build(MemoryGuard::per_write(GuardAction::Refuse, SECOND), u64::MAX).unwrap();
    guard.admit(u64::MAX).unwrap();
    guard.admit(u64::MAX).unwrap();

    bench.source.set(5);
    bench.clock.advance(SECOND);
    assert_eq!(kind(guard.admit(6)), refused(6, 5));

    bench.source.set(UNKNOWN);
    bench.clock.advance(SECOND);
    guard.admit(u64::MAX).unwrap();
}

#[test]
fn warnings_come_once_per_interval_and_growth_passes() {
    let (bench, guard) = Bench::per_write(100, GuardAction::Warn);
    let lines = logged(|| {
        guard.admit(100).unwrap();
        (0..10).for_each(|_| guard.admit(7).unwrap());
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("requested=7") && lines[0].contains("available=0"), "{lines:?}");

    bench.clock.advance(SECOND);
    assert_eq!(logged(|| guard.admit(100).unwrap()), [""; 0]);
    assert_eq!(logged(|| (0..10).for_each(|_| guard.admit(7).unwrap())).len(), 1);
}

#[test]
fn growth_that_passed_with_a_warning_leaves_nothing_of_the_reading() {
    let (_bench, guard) = Bench::per_write(100, GuardAction::Warn);
    assert_eq!(logged(|| guard.admit(101).unwrap()).len(), 1);
    assert_eq!(guard.gate.unwrap().reading.take(1), Err(0));
}

#[test]
fn one_thread_reads_while_the_others_use_the_old_reading() {
    let (bench, guard) = Bench::per_write(100, GuardAction::Refuse);
    let gate = guard.gate.as_deref().unwrap();
    bench.clock.advance(SECOND);
    let now = nanos(bench.clock.elapsed());
    gate.reading.refresh(now, gate.interval, || {
        // Others meet the reading while it is being replaced: they do not read, they do not wait,
        // and what they take is taken off the new reading too.
        thread::scope(|scope| {
            scope.spawn(|| guard.admit(70).unwrap()).join().unwrap();
            assert_eq!(kind(scope.spawn(|| guard.admit(31)).join().unwrap()), refused(31, 30));
        });
        Some(90)
    });
    assert_eq!(bench.source.readings(), 1); // the one at build
    assert_eq!(kind(guard.admit(21)), refused(21, 20));
    guard.admit(20).unwrap();
}

#[test]
fn more_taken_during_a_refreshment_than_was_found_leaves_nothing() {
    let reading = Reading::new(Some(100), 0);
    reading.refresh(10, 10, || {
        reading.take(80).unwrap();
        Some(30)
    });
    assert_eq!(reading.take(1), Err(0));
    assert!(!reading.is_due(19, 10) && reading.is_due(20, 10));
}

#[test]
fn a_source_that_panics_does_not_keep_the_turn() {
    let reading = Reading::new(Some(100), 0);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        reading.refresh(10, 10, || panic!("no reading today"));
    }));
    assert!(panicked.is_err());
    assert!(reading.is_due(10, 10));
    reading.refresh(10, 10, || Some(7));
    assert_eq!(reading.take(8), Err(7));
}

#[test]
fn a_burst_of_many_threads_gets_exactly_the_reading() {
    let (bench, guard) = Bench::per_write(10_000, GuardAction::Refuse);
    let (granted, start) = (Counter::new(0), Barrier::new(8));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                start.wait();
                for _ in 0..1000 {
                    if guard.admit(7).is_ok() {
                        granted.fetch_add(7, SeqCst);
                    }
                }
            });
        }
    });
    assert_eq!(granted.into_inner(), 10_000 / 7 * 7);
    assert_eq!(bench.source.readings(), 1);
}

#[test]
fn many_threads_that_find_a_reading_due_make_one() {
    for _ in 0..200 {
        let (bench, guard) = Bench::per_write(1 << 40, GuardAction::Refuse);
        bench.clock.advance(SECOND);
        let start = Barrier::new(4);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    start.wait();
                    guard.admit(1).unwrap();
                });
            }
        });
        assert_eq!(bench.source.readings(), 2);
    }
}

#[test]
fn this_machine_can_be_asked_and_never_panics() {
    let available = SystemMemory.available();
    #[cfg(target_os = "linux")]
    assert!(available.is_some_and(|bytes| bytes > 0), "{available:?}");
    let _ = available;

    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let guard = MemoryGuard::per_write(GuardAction::Warn, Duration::ZERO);
    Guard::at_build(&guard, 1, &clock).unwrap().admit(1).unwrap();
}
