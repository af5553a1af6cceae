//! Models of the byte counter, the quota over it and the memory guard's reading.
#![cfg(arcfs_loom)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64 as Counter, Ordering::SeqCst};
use std::time::Duration;

use arcfs::internals::breaks::Break;
use arcfs::internals::{Account, Charge, Guard, ManualClock, NoRelief, Quota, Reading, Relief};
use arcfs::{Clock, GuardAction, MemoryGuard, MemorySource};
use arcfs_loom_tests::{expect_model_to_fail, model};
use loom::thread;

/// The model under its name, and again with the mistake that it must notice.
macro_rules! claims {
    ($($(#[$doc:meta])* $name:ident, unless $mistake:ident, $f:ident;)*) => {$(
        $(#[$doc])*
        #[test]
        fn $name() {
            model($f);
            expect_model_to_fail(Break::$mistake, $f);
        }
    )*};
}

claims! {
    used_is_never_above_the_limit, unless ReserveAddsFirst, two_that_do_not_fit_watched;
    a_failed_reservation_never_disturbs_one_that_fits, unless ReserveAddsFirst, one_that_fits_and_one_that_cannot;
    of_two_that_do_not_fit_exactly_one_wins, unless ReserveStoresBlindly, two_that_do_not_fit;
    nothing_is_used_after_all_receipts_are_dropped, unless GiveBackStoresBlindly, split_merged_and_dropped;
    what_another_thread_gives_back_is_found_at_the_second_look, unless GiveBackStoresBlindly, relief_by_another_thread;
    a_lowered_limit_binds_all_who_read_it, unless QuotaChecksThenActs, limit_lowered;
    a_raised_limit_lets_nobody_past_what_he_read, unless QuotaChecksThenActs, limit_raised;
    takings_never_exceed_the_reading, unless GuardTakesBlindly, two_takings;
    takings_during_a_refreshment_are_not_forgotten, unless GuardInstallsBlindly, taking_during_refreshment;
    who_finds_a_young_reading_finds_its_bytes, unless GuardPublishesRelaxed, young_reading;
    a_reading_falls_due_once, unless GuardRefreshesUnchecked, due_for_two;
    a_refusal_by_the_guard_leaves_nothing_reserved, unless GuardTakesBlindly, two_writes_under_guard;
}

fn quota(limit: u64) -> Arc<Quota> {
    Arc::new(Quota::new(limit, Guard::off()))
}

/// Runs both on threads of their own and returns what they say.
fn both<A: 'static, B: 'static>(a: impl FnOnce() -> A + 'static, b: impl FnOnce() -> B + 'static) -> (A, B) {
    let (a, b) = (thread::spawn(a), thread::spawn(b));
    (a.join().unwrap(), b.join().unwrap())
}

fn two_that_do_not_fit_watched() {
    let quota = quota(10);
    let (q1, q2) = (Arc::clone(&quota), Arc::clone(&quota));
    let first = thread::spawn(move || drop(q1.account().try_reserve(6, 10)));
    let second = thread::spawn(move || drop(q2.account().try_reserve(7, 10)));
    for _ in 0..2 {
        assert!(quota.used() <= 10);
    }
    first.join().unwrap();
    second.join().unwrap();
    assert_eq!(quota.used(), 0);
}

fn one_that_fits_and_one_that_cannot() {
    let account = Account::new();
    let (a1, a2) = (Arc::clone(&account), Arc::clone(&account));
    let (fits, cannot) = both(move || a1.try_reserve(10, 10), move || a2.try_reserve(11, 10).map(drop));
    assert_eq!(fits.map(|charge| charge.amount()), Ok(10));
    assert!(cannot.is_err());
    assert_eq!(account.used(), 0);
}

fn two_that_do_not_fit() {
    let quota = quota(10);
    let (q1, q2) = (Arc::clone(&quota), Arc::clone(&quota));
    let (first, second) = both(move || q1.reserve(6, &NoRelief).ok(), move || q2.reserve(7, &NoRelief).ok());
    assert!(first.is_some() != second.is_some());
    assert_eq!(quota.used(), first.as_ref().or(second.as_ref()).map_or(0, Charge::amount));
    drop((first, second));
    assert_eq!(quota.used(), 0);
}

fn split_merged_and_dropped() {
    let quota = quota(10);
    let mut shared = quota.reserve(4, &NoRelief).unwrap();
    let part = shared.split(1);
    let q = Arc::clone(&quota);
    both(
        move || {
            let mut own = q.reserve(5, &NoRelief).unwrap();
            own.merge(part);
            drop(own.split(2));
        },
        move || drop(shared),
    );
    assert_eq!(quota.used(), 0);
}

/// Drops its receipt when it is asked.
struct Spare(std::cell::Cell<Option<Charge>>);

impl Relief for Spare {
    fn relieve(&self, _: u64) -> bool {
        self.0.take().is_some()
    }
}

fn relief_by_another_thread() {
    let quota = quota(10);
    let spare = Spare(std::cell::Cell::new(Some(quota.reserve(6, &NoRelief).unwrap())));
    let other = quota.reserve(4, &NoRelief).unwrap();
    let q = Arc::clone(&quota);
    let (granted, ()) = both(move || q.reserve(6, &spare).unwrap(), move || drop(other));
    assert_eq!(quota.used(), 6);
    drop(granted);
    assert_eq!(quota.used(), 0);
}

fn limit_lowered() {
    let quota = quota(8);
    let (q1, q2) = (Arc::clone(&quota), Arc::clone(&quota));
    let read_then_reserve = |quota: &Quota| (quota.limit(), quota.reserve(4, &NoRelief).ok());
    let first = thread::spawn(move || {
        q1.set_limit(4);
        read_then_reserve(&q1)
    });
    let second = thread::spawn(move || read_then_reserve(&q2));
    let ((own, first), (seen, second)) = (first.join().unwrap(), second.join().unwrap());
    assert_eq!(own, 4);
    // Both under the lowered limit: there is room for one.
    if seen == 4 {
        assert!(first.is_some() != second.is_some());
    }
    assert!(first.is_some() || second.is_some());
}

fn limit_raised() {
    let quota = quota(4);
    let (q1, q2) = (Arc::clone(&quota), Arc::clone(&quota));
    let reserve_then_read = |quota: &Quota| (quota.reserve(4, &NoRelief).ok(), quota.limit());
    let (first, second) =
        (thread::spawn(move || reserve_then_read(&q1)), thread::spawn(move || reserve_then_read(&q2)));
    quota.set_limit(8);
    let (first, second) = (first.join().unwrap(), second.join().unwrap());
    // Who was granted the second four saw the raised limit, and keeps seeing it.
    if let ((Some(_a), limit_a), (Some(_b), limit_b)) = (&first, &second) {
        assert_eq!(limit_a.max(limit_b), &8);
    }
}

fn two_takings() {
    let reading = Arc::new(Reading::new(Some(10), 0));
    let (r1, r2) = (Arc::clone(&reading), Arc::clone(&reading));
    let (first, second) = both(move || r1.take(6).is_ok(), move || r2.take(7).is_ok());
    assert!(first != second);
    assert_eq!(reading.take(10), Err(if first { 4 } else { 3 }));
}

fn taking_during_refreshment() {
    let reading = Arc::new(Reading::new(Some(10), 0));
    let (r1, r2) = (Arc::clone(&reading), Arc::clone(&reading));
    let taken = Arc::new(Counter::new(0));
    let seen = Arc::clone(&taken);
    let (taken_before, ()) = both(
        move || {
            // What was taken before the reading began is in the reading; what comes later is not.
            let mut before = 0;
            r1.refresh(5, 5, || {
                before = seen.load(SeqCst);
                thread::yield_now();
                Some(10 - before)
            });
            before
        },
        move || {
            r2.take(6).unwrap();
            taken.store(6, SeqCst);
        },
    );
    let left = reading.take(u64::MAX - 1).unwrap_err();
    assert!(left <= 4, "{left} left although 6 of 10 are taken, {taken_before} before the reading");
}

fn young_reading() {
    let reading = Arc::new(Reading::new(Some(0), 0));
    let (r1, r2) = (Arc::clone(&reading), Arc::clone(&reading));
    // Both on threads of their own: with the reader on the main thread loom 0.7.2 does not come to
    // the order in which the mistake shows.
    both(
        move || r1.refresh(5, 5, || Some(10)),
        move || {
            if !r2.is_due(5, 5) {
                assert_eq!(r2.take(10), Ok(()));
            }
        },
    );
}

/// Says how often it was asked.
#[derive(Debug)]
struct Memory {
    available: u64,
    readings: Counter,
}

impl MemorySource for Memory {
    fn available(&self) -> Option<u64> {
        self.readings.fetch_add(1, SeqCst);
        Some(self.available)
    }
}

fn guard(available: u64) -> (Guard, Arc<Memory>, Arc<ManualClock>) {
    let memory = Arc::new(Memory { available, readings: Counter::new(0) });
    let manual = Arc::new(ManualClock::new());
    let clock: Arc<dyn Clock> = Arc::clone(&manual) as _;
    let choice = MemoryGuard::per_write(GuardAction::Refuse, Duration::from_secs(1))
        .with_source(Arc::clone(&memory) as _);
    (Guard::at_build(&choice, 0, &clock).unwrap(), memory, manual)
}

fn due_for_two() {
    let (guard, memory, clock) = guard(10);
    clock.advance(Duration::from_secs(1));
    let guard = Arc::new(guard);
    let other = Arc::clone(&guard);
    both(move || guard.admit(4).unwrap(), move || other.admit(4).unwrap());
    assert_eq!(memory.readings.load(SeqCst), 2); // at build, and once for both
}

fn two_writes_under_guard() {
    let quota = Arc::new(Quota::new(100, guard(10).0));
    let (q1, q2) = (Arc::clone(&quota), Arc::clone(&quota));
    let (first, second) = both(move || q1.reserve(6, &NoRelief).ok(), move || q2.reserve(7, &NoRelief).ok());
    assert!(first.is_some() != second.is_some());
    assert_eq!(quota.used(), if first.is_some() { 6 } else { 7 });
    drop((first, second));
    assert_eq!(quota.used(), 0);
}
