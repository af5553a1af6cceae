use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64 as Counter, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::charge::ChunkCharge;
use crate::clock::{Clock, ManualClock};
use crate::memory_guard::{GuardAction, MemoryGuard, MemorySource};
use crate::tree::root::Limits;

fn quota(limit: u64) -> Quota {
    Quota::new(limit, Guard::off())
}

fn kind(result: Result<Charge>) -> ErrorKind {
    result.expect_err("it was granted").kind().clone()
}

fn exceeded_kind(requested: u64, available: u64) -> ErrorKind {
    ErrorKind::QuotaExceeded { requested, available }
}

/// Gives up `charge` when asked, and counts the questions.
#[derive(Default)]
struct Spare {
    charge: Cell<Option<Charge>>,
    asked: Cell<u32>,
    wanted: Cell<u64>,
}

impl Spare {
    fn of(charge: Charge) -> Self {
        Self { charge: Cell::new(Some(charge)), ..Self::default() }
    }
}

impl Relief for Spare {
    fn relieve(&self, wanted: u64) -> bool {
        self.asked.set(self.asked.get() + 1);
        self.wanted.set(wanted);
        self.charge.take().is_some()
    }
}

/// What a commit asks: whether a tree of `current` nodes may become one of `after`.
fn check(limit: &NodeLimit, current: u64, after: u64) -> Result<()> {
    Limits { max_nodes: limit.get(), max_depth: 1, chunk_overhead: 0 }.admit_nodes(current, after)
}

#[test]
fn what_is_reserved_is_used_until_it_is_dropped() {
    let quota = quota(100);
    let first = quota.reserve(60, &NoRelief).unwrap();
    assert_eq!((first.amount(), quota.used(), quota.free(), quota.limit()), (60, 60, 40, 100));
    assert!(first.is_from(quota.account()));

    let second = quota.reserve(40, &NoRelief).unwrap();
    assert_eq!((quota.used(), quota.free()), (100, 0));
    assert_eq!(kind(quota.reserve(1, &NoRelief)), exceeded_kind(1, 0));

    drop(first);
    assert_eq!(kind(quota.reserve(61, &NoRelief)), exceeded_kind(61, 60));
    drop(second);
    assert_eq!(quota.used(), 0);
}

#[test]
fn amounts_near_the_end_of_the_numbers_do_not_wrap() {
    let quota = quota(u64::MAX);
    // A sum that saturated: never granted, whatever is free.
    assert_eq!(kind(quota.reserve(u64::MAX, &NoRelief)), exceeded_kind(u64::MAX, u64::MAX));
    let all = quota.reserve(u64::MAX - 1, &NoRelief).unwrap();
    assert_eq!(kind(quota.reserve(u64::MAX - 1, &NoRelief)), exceeded_kind(u64::MAX - 1, 1));
    assert_eq!(kind(quota.reserve(2, &NoRelief)), exceeded_kind(2, 1));
    drop(all);
    assert_eq!(quota.free(), u64::MAX);
}

#[test]
fn zero_bytes_are_granted_on_a_full_quota_without_asking_anyone() {
    let quota = Quota::new(0, guard_with(Some(0)));
    let spare = Spare::default();
    assert_eq!(quota.reserve(0, &spare).unwrap().amount(), 0);
    assert_eq!(spare.asked.get(), 0);
}

#[test]
fn a_refusal_has_asked_once_and_looked_twice() {
    let quota = quota(100);
    let spare = Spare::of(quota.reserve(30, &NoRelief).unwrap());
    let kept = quota.reserve(60, &NoRelief).unwrap();

    let granted = quota.reserve(35, &spare).unwrap();
    assert_eq!((spare.asked.get(), spare.wanted.get()), (1, 25));
    assert_eq!(quota.used(), 95);

    assert_eq!(kind(quota.reserve(6, &spare)), exceeded_kind(6, 5));
    assert_eq!((spare.asked.get(), spare.wanted.get()), (2, 1));
    drop((kept, granted));
    assert_eq!(quota.used(), 0);
}

#[test]
fn a_relief_that_is_not_enough_still_counts_in_what_was_available() {
    let quota = quota(100);
    let spare = Spare::of(quota.reserve(30, &NoRelief).unwrap());
    let _kept = quota.reserve(60, &NoRelief).unwrap();
    assert_eq!(kind(quota.reserve(50, &spare)), exceeded_kind(50, 40));
    assert_eq!((spare.asked.get(), quota.used()), (1, 60));
}

#[test]
fn relief_is_not_asked_while_there_is_room() {
    let quota = quota(100);
    let spare = Spare::default();
    let _charge = quota.reserve(100, &spare).unwrap();
    assert_eq!(spare.asked.get(), 0);
}

#[test]
fn a_limit_below_use_takes_nothing_away_and_stops_growth() {
    let quota = quota(100);
    let mut charge = quota.reserve(80, &NoRelief).unwrap();
    quota.set_limit(50);
    assert_eq!((quota.used(), quota.free(), quota.limit()), (80, 0, 50));

    let spare = Spare::default();
    assert_eq!(kind(quota.reserve(10, &spare)), exceeded_kind(10, 0));
    assert_eq!(spare.wanted.get(), 40); // 30 too many and 10 more

    drop(charge.split(40));
    assert_eq!((quota.used(), quota.free()), (40, 10));
    charge.merge(quota.reserve(10, &NoRelief).unwrap());
    assert_eq!(kind(quota.reserve(1, &NoRelief)), exceeded_kind(1, 0));

    quota.set_limit(60);
    charge.merge(quota.reserve(10, &NoRelief).unwrap());
    assert_eq!(charge.amount(), 60);
}

#[derive(Debug)]
struct Fixed(Option<u64>);

impl MemorySource for Fixed {
    fn available(&self) -> Option<u64> {
        self.0
    }
}

fn guard_with(available: Option<u64>) -> Guard {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new());
    let guard = MemoryGuard::per_write(GuardAction::Refuse, Duration::from_secs(1))
        .with_source(Arc::new(Fixed(available)));
    Guard::at_build(&guard, 0, &clock).unwrap()
}

#[test]
fn the_guard_has_the_last_word_and_its_refusal_gives_the_charge_back() {
    let quota = Quota::new(100, guard_with(Some(50)));
    assert_eq!(kind(quota.reserve(51, &NoRelief)), ErrorKind::MemoryGuard { requested: 51, available: 50 });
    assert_eq!(quota.used(), 0);

    let _charge = quota.reserve(50, &NoRelief).unwrap();
    assert_eq!(kind(quota.reserve(1, &NoRelief)), ErrorKind::MemoryGuard { requested: 1, available: 0 });
    assert_eq!(quota.used(), 50);
    // What the quota refuses never reaches the guard.
    assert_eq!(kind(quota.reserve(51, &NoRelief)), exceeded_kind(51, 50));
}

#[test]
fn what_the_quota_refuses_takes_nothing_off_the_reading() {
    let quota = Quota::new(40, guard_with(Some(50)));
    assert_eq!(kind(quota.reserve(41, &NoRelief)), exceeded_kind(41, 40));
    quota.set_limit(50);
    let _all = quota.reserve(50, &NoRelief).unwrap();
}

#[test]
fn a_node_limit_refuses_growth_and_nothing_else() {
    let limit = NodeLimit::new(10);
    assert!(check(&limit, 9, 10).is_ok());
    let error = check(&limit, 10, 11).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::NodeLimit { current: 10, limit: 10 });

    limit.set(5);
    assert_eq!(limit.get(), 5);
    assert!(check(&limit, 10, 10).is_ok());
    assert!(check(&limit, 10, 9).is_ok());
    assert_eq!(check(&limit, 4, 6).unwrap_err().kind(), &ErrorKind::NodeLimit { current: 4, limit: 5 });
}

#[test]
fn a_node_limit_has_a_ceiling() {
    assert_eq!(NodeLimit::default().get(), u64::from(u32::MAX));
    let limit = NodeLimit::new(u64::MAX);
    assert_eq!(limit.get(), NodeLimit::CEILING);
    limit.set(1 << 32);
    assert_eq!(limit.get(), NodeLimit::CEILING);
    assert!(check(&limit, NodeLimit::CEILING, NodeLimit::CEILING + 1).is_err());
}

#[cfg(feature = "testing")]
mod faults {
    use super::*;
    use crate::testing::Injected;

    #[test]
    fn an_injected_refusal_looks_like_a_full_quota_and_asks_for_no_relief() {
        let quota = quota(100);
        let _kept = quota.reserve(30, &NoRelief).unwrap();
        let spare = Spare::default();

        let fault = Injected::charge(2);
        let _first = quota.reserve(10, &spare).unwrap();
        let _none = quota.reserve(0, &spare).unwrap(); // not counted
        assert!(!fault.struck());
        assert_eq!(kind(quota.reserve(10, &spare)), exceeded_kind(10, 60));
        assert_eq!((spare.asked.get(), quota.used()), (0, 40));
        assert!(fault.struck());
        let _second = quota.reserve(10, &spare).unwrap();
    }

    #[test]
    fn an_injected_node_fault_strikes_growth_only() {
        let limit = NodeLimit::new(10);
        let _fault = Injected::node(1);
        assert!(check(&limit, 5, 5).is_ok());
        assert!(check(&limit, 5, 4).is_ok());
        assert_eq!(check(&limit, 5, 6).unwrap_err().kind(), &ErrorKind::NodeLimit { current: 5, limit: 10 });
        assert!(check(&limit, 5, 6).is_ok());
    }
}

#[derive(Debug, Clone)]
enum Step {
    Reserve(u64),
    Split(usize, u64),
    Merge(usize, usize),
    Drop(usize),
    ToChunk(usize),
    SplitChunk(usize, u64),
    MergeIntoChunk(usize, usize),
    DropChunk(usize),
    Resize(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..300u64).prop_map(Step::Reserve),
        2 => (any::<usize>(), 0..300u64).prop_map(|(which, amount)| Step::Split(which, amount)),
        2 => (any::<usize>(), any::<usize>()).prop_map(|(to, from)| Step::Merge(to, from)),
        2 => any::<usize>().prop_map(Step::Drop),
        1 => any::<usize>().prop_map(Step::ToChunk),
        1 => (any::<usize>(), 0..300u64).prop_map(|(which, amount)| Step::SplitChunk(which, amount)),
        1 => (any::<usize>(), any::<usize>()).prop_map(|(to, from)| Step::MergeIntoChunk(to, from)),
        1 => any::<usize>().prop_map(Step::DropChunk),
        1 => (0..1500u64).prop_map(Step::Resize),
    ]
}

/// Takes the `which`-th item, wrapped around.
fn take<T>(items: &mut Vec<T>, which: usize) -> Option<T> {
    (!items.is_empty()).then(|| items.swap_remove(which % items.len()))
}

proptest! {
    #[test]
    fn the_account_is_the_sum_of_the_receipts(steps in proptest::collection::vec(step(), 1..80)) {
        let quota = quota(1000);
        let (mut charges, mut chunks) = (Vec::<Charge>::new(), Vec::<ChunkCharge>::new());
        for step in steps {
            let (used, free) = (quota.used(), quota.free());
            match step {
                Step::Reserve(amount) => match quota.reserve(amount, &NoRelief) {
                    Ok(charge) => {
                        prop_assert!(amount <= free);
                        prop_assert_eq!(charge.amount(), amount);
                        charges.push(charge);
                    }
                    Err(error) => {
                        prop_assert!(amount > free);
                        prop_assert_eq!(error.kind(), &exceeded_kind(amount, free));
                    }
                },
                Step::Split(which, amount) => {
                    if let Some(mut charge) = take(&mut charges, which) {
                        let part = charge.split(amount.min(charge.amount()));
                        charges.extend([charge, part]);
                    }
                    prop_assert_eq!(quota.used(), used);
                }
                Step::Merge(to, from) => {
                    if let Some(from) = take(&mut charges, from) {
                        match take(&mut charges, to) {
                            Some(mut to) => {
                                to.merge(from);
                                charges.push(to);
                            }
                            None => charges.push(from),
                        }
                    }
                    prop_assert_eq!(quota.used(), used);
                }
                Step::Drop(which) => drop(take(&mut charges, which)),
                Step::ToChunk(which) => {
                    chunks.extend(take(&mut charges, which).map(|c| ChunkCharge::new(c, quota.account())));
                    prop_assert_eq!(quota.used(), used);
                }
                Step::SplitChunk(which, amount) => {
                    if let Some(mut chunk) = take(&mut chunks, which) {
                        charges.push(chunk.split(amount.min(chunk.amount())));
                        chunks.push(chunk);
                    }
                    prop_assert_eq!(quota.used(), used);
                }
                Step::MergeIntoChunk(to, from) => {
                    if let Some(mut to) = take(&mut chunks, to) {
                        if let Some(from) = take(&mut charges, from) {
                            to.merge(from);
                        }
                        chunks.push(to);
                    }
                    prop_assert_eq!(quota.used(), used);
                }
                Step::DropChunk(which) => drop(take(&mut chunks, which)),
                Step::Resize(limit) => quota.set_limit(limit),
            }
            let sum = charges.iter().map(Charge::amount).sum::<u64>()
                + chunks.iter().map(ChunkCharge::amount).sum::<u64>();
            prop_assert_eq!(quota.used(), sum);
            prop_assert_eq!(quota.account().chunks_alive(), chunks.len() as u64);
        }
        drop((charges, chunks));
        prop_assert_eq!((quota.used(), quota.account().chunks_alive()), (0, 0));
    }
}

/// Runs `work(thread number)` on six threads while `watch` runs over and over on another.
fn under_watch(work: impl Fn(u64) + Sync, watch: impl Fn() + Sync) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            while !done.load(SeqCst) {
                watch();
            }
            watch();
        });
        let work = &work;
        let workers: Vec<_> = (0..6).map(|number| scope.spawn(move || work(number))).collect();
        let results: Vec<_> = workers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        done.store(true, SeqCst);
        watcher.join().expect("the watcher saw something wrong");
        results.into_iter().for_each(|result| result.expect("a worker failed"));
    });
}

#[test]
fn many_threads_never_get_past_the_limit() {
    let quota = quota(1000);
    let granted = Counter::new(0);
    under_watch(
        |number| {
            for round in 0..20_000 {
                let amount = 1 + (round * 37 + number * 101) % 400;
                if let Ok(mut charge) = quota.reserve(amount, &NoRelief) {
                    granted.fetch_add(1, SeqCst);
                    let part = charge.split(amount / 2);
                    drop(charge);
                    drop(part);
                }
            }
        },
        || assert!(quota.used() <= 1000),
    );
    assert_eq!(quota.used(), 0);
    assert!(granted.into_inner() > 0);
}

#[test]
fn a_limit_that_moves_under_load_never_lets_anybody_past_its_maximum() {
    let quota = quota(1000);
    under_watch(
        |number| {
            for round in 0..10_000 {
                if number == 0 {
                    quota.set_limit(if round % 2 == 0 { 200 } else { 1000 });
                } else {
                    let _ = quota.reserve(150, &NoRelief).map(drop);
                }
            }
        },
        || assert!(quota.used() <= 1000),
    );
    assert_eq!(quota.used(), 0);

    quota.set_limit(200);
    under_watch(
        |_| (0..5_000).for_each(|_| drop(quota.reserve(70, &NoRelief))),
        || assert!(quota.used() <= 200),
    );
}

#[test]
fn threads_that_together_fill_the_quota_exactly_all_get_their_part() {
    let quota = quota(600);
    let charges: Vec<Charge> = thread::scope(|scope| {
        let parts: Vec<_> = (0..6).map(|_| scope.spawn(|| quota.reserve(100, &NoRelief).unwrap())).collect();
        parts.into_iter().map(|part| part.join().unwrap()).collect()
    });
    assert_eq!((quota.used(), quota.free()), (600, 0));
    drop(charges);
    assert_eq!(quota.used(), 0);
}
