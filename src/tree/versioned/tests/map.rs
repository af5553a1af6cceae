//! The map against `BTreeMap`, many versions at once, with hostile names.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::planted::{Bug, with};
use super::super::{Lone, Map, OutOfMemory, Value};

type Model = BTreeMap<String, u32>;

#[derive(Debug, Clone)]
enum Op {
    Insert(String, u32),
    Overwrite(String, u32),
    Remove(String),
    /// Removes about one in so many of the entries there are.
    Thin(usize),
    /// Inserts a family of names.
    Family(String, usize),
    Commit,
    Keep,
    Forget(usize),
}

/// Names that a search by eight bytes behind a common prefix may trip over.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (0..400u32).prop_map(|n| format!("file_{n:06}.bin")),
        4 => (0..400u32).prop_map(|n| format!("a_long_common_prefix/{n:04}").replace('/', ":")),
        2 => (0..60u32).prop_map(|n| format!("a_long_c{n}")),
        2 => (1..256usize).prop_map(|n| "x".repeat(n)),
        2 => (1..240usize, 0..3u32).prop_map(|(n, end)| format!("{}{end}", "x".repeat(n))),
        2 => "[ab]{1,12}",
        2 => "[\u{1}\u{2}\u{7f}]{1,20}",
        1 => "[äßж漢🦀]{1,12}",
        1 => "README_[0-9].md|x17|zz|\u{1}|~{1,255}",
        1 => proptest::collection::vec(prop_oneof![Just('\u{1}'), Just('a'), Just('é'), Just('\u{10ffff}')], 1..60)
            .prop_map(String::from_iter),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        20 => (name(), any::<u32>()).prop_map(|(name, number)| Op::Insert(name, number)),
        6 => (name(), any::<u32>()).prop_map(|(name, number)| Op::Overwrite(name, number)),
        10 => name().prop_map(Op::Remove),
        1 => (1..6usize).prop_map(Op::Thin),
        2 => (name(), 1..120usize).prop_map(|(name, count)| Op::Family(name, count)),
        6 => Just(Op::Commit),
        2 => Just(Op::Keep),
        1 => (0..8usize).prop_map(Op::Forget),
    ]
}

fn family(base: &str, count: usize) -> impl Iterator<Item = String> {
    let cut = (0..=base.len().min(200)).rev().find(|at| base.is_char_boundary(*at)).unwrap_or(0);
    let base = base[..cut].to_owned();
    (0..count).map(move |member| format!("{base}{:03}_{}", member * 7 % 1000, member % 3))
}

fn apply(lone: &mut Lone, model: &mut Model, versions: &mut Vec<Model>, op: &Op) -> Result<(), OutOfMemory> {
    match op {
        Op::Insert(name, n) => {
            let old = lone.insert(name, *n)?;
            assert_eq!(old, model.insert(name.clone(), *n).map(Value::number), "insert {name:?}");
        }
        Op::Overwrite(name, n) => {
            let there = lone.overwrite(name, *n)?;
            let slot = model.get_mut(name);
            assert_eq!(there, slot.is_some(), "overwrite {name:?}");
            if let Some(slot) = slot {
                *slot = *n;
            }
        }
        Op::Remove(name) => {
            let old = lone.remove(name)?;
            assert_eq!(old, model.remove(name).map(Value::number), "remove {name:?}");
        }
        Op::Thin(step) => {
            for name in model.keys().step_by(*step).cloned().collect::<Vec<_>>() {
                assert!(lone.remove(&name)?.is_some(), "remove {name:?}");
                model.remove(&name);
            }
        }
        Op::Family(base, count) => {
            for (n, name) in family(base, *count).enumerate() {
                let old = lone.insert(&name, n as u32)?;
                assert_eq!(old, model.insert(name, n as u32).map(Value::number));
            }
        }
        Op::Commit => lone.commit()?,
        Op::Keep => {
            lone.commit()?;
            if versions.len() < 8 {
                lone.keep()?;
                versions.push(model.clone());
            }
        }
        Op::Forget(at) => {
            lone.commit()?;
            if *at < versions.len() {
                lone.forget(*at);
                versions.swap_remove(*at);
            }
        }
    }
    Ok(())
}

fn same(map: &Map, model: &Model) {
    assert_eq!(map.len(), model.len());
    assert_eq!(map.is_empty(), model.is_empty());
    let entries = map.iter().map(|(name, value)| (name.as_str(), value));
    assert!(entries.eq(model.iter().map(|(name, n)| (name.as_str(), Value::number(*n)))));
}

fn same_around(map: &Map, model: &Model, name: &str) {
    assert_eq!(
        map.get(name).map(|(name, value)| (name.as_str(), value)),
        model.get_key_value(name).map(|(name, n)| (name.as_str(), Value::number(*n)))
    );
    let expected =
        model.range::<str, _>((std::ops::Bound::Excluded(name), std::ops::Bound::Unbounded)).take(3);
    assert!(
        map.iter_after(name)
            .take(3)
            .map(|(name, _)| name.as_str())
            .eq(expected.map(|(name, _)| name.as_str())),
        "after {name:?}"
    );
    let expected =
        model.range::<str, _>((std::ops::Bound::Included(name), std::ops::Bound::Unbounded)).take(3);
    assert!(
        map.iter_from(name)
            .take(3)
            .map(|(name, _)| name.as_str())
            .eq(expected.map(|(name, _)| name.as_str())),
        "from {name:?}"
    );
}

fn same_changes(newer: &Map, older: &Map, new: &Model, old: &Model) {
    let mut expected = BTreeMap::new();
    for name in new.keys().chain(old.keys()) {
        let (old, new) = (old.get(name).map(|n| Value::number(*n)), new.get(name).map(|n| Value::number(*n)));
        if old != new {
            expected.insert(name.as_str(), (old, new));
        }
    }
    let changes = newer.changes_since(older).map(|change| (change.name.as_str(), (change.old, change.new)));
    assert!(changes.eq(expected), "{older:?} to {newer:?}");
}

fn run(ops: &[Op], probes: &[String]) {
    let (mut lone, mut model, mut versions) = (Lone::new(), Model::new(), Vec::new());
    for op in ops {
        apply(&mut lone, &mut model, &mut versions, op).unwrap();
        lone.check().unwrap();
        if let Op::Insert(name, _) | Op::Overwrite(name, _) | Op::Remove(name) | Op::Family(name, _) = op {
            same_around(lone.map(), &model, name);
        }
    }
    same(lone.map(), &model);
    for name in probes.iter().chain(model.keys()) {
        same_around(lone.map(), &model, name);
    }
    for (at, version) in versions.iter().enumerate() {
        same(lone.version(at), version);
        same_changes(lone.map(), lone.version(at), &model, version);
        same_changes(lone.version(at), lone.version(0), version, &versions[0]);
    }
    // All that is left is what the versions reach, and nothing is when they are gone.
    lone.commit().unwrap();
    while lone.kept() > 0 {
        lone.forget(0);
    }
    let tally = lone.check().unwrap();
    assert_eq!(lone.arena().objects(), tally.entries + tally.leaves + tally.inner);
    assert_eq!(lone.arena().live(), tally.bytes);
    for name in model.keys() {
        lone.remove(name).unwrap();
    }
    lone.commit().unwrap();
    assert_eq!((lone.arena().objects(), lone.arena().live()), (0, 0));
    lone.trim();
    assert_eq!(lone.arena().reserved(), 0);
}

/// Fewer under Miri, which is a thousand times slower.
const CASES: u32 = if cfg!(miri) { 2 } else { 256 };
const OPS: usize = if cfg!(miri) { 24 } else { 160 };

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn versioned_map_is_a_btreemap(
        ops in proptest::collection::vec(op(), 1..OPS),
        probes in proptest::collection::vec(name(), 0..20),
    ) {
        run(&ops, &probes);
    }

    #[test]
    fn versioned_map_filled_in_order_is_a_btreemap(
        names in proptest::collection::btree_set(name(), 0..if cfg!(miri) { 40 } else { 1500 }),
        probes in proptest::collection::vec(name(), 0..20),
    ) {
        let model: Model = names.into_iter().zip(0..).collect();
        let mut lone = Lone::new();
        lone.fill(model.iter().map(|(name, n)| (name.as_str(), *n))).unwrap();
        let tally = lone.check().unwrap();
        prop_assert!(tally.leaves <= model.len().div_ceil(32));
        same(lone.map(), &model);
        for name in probes.iter().chain(model.keys()) {
            same_around(lone.map(), &model, name);
        }
    }

    #[test]
    fn versioned_map_survives_short_memory(
        ops in proptest::collection::vec(op(), 1..OPS / 2),
        fails in 0..40u64,
    ) {
        let (mut lone, mut model, mut versions) = (Lone::new(), Model::new(), Vec::new());
        for op in &ops {
            // An operation of several steps may have done some of them.
            let mut attempts = fails;
            loop {
                let single = !matches!(op, Op::Thin(_) | Op::Family(..));
                let before = single.then(|| model.clone());
                if single {
                    lone.fail_in(Some(attempts));
                }
                let done = apply(&mut lone, &mut model, &mut versions, op);
                lone.fail_in(None);
                lone.check().unwrap();
                if done.is_ok() {
                    break;
                }
                assert_eq!(Some(&model), before.as_ref());
                same(lone.map(), &model);
                attempts += 1;
            }
        }
        same(lone.map(), &model);
        lone.commit().unwrap();
        while lone.kept() > 0 {
            same(lone.version(0), &versions[0]);
            versions.swap_remove(0);
            lone.forget(0);
        }
        let tally = lone.check().unwrap();
        prop_assert_eq!(lone.arena().objects(), tally.entries + tally.leaves + tally.inner);
    }
}

/// The numbers below `count`, in another order.
fn shuffled(count: u32) -> impl Iterator<Item = u32> {
    let round = count.next_power_of_two();
    (0..round).map(move |n| n.wrapping_mul(2_654_435_761) % round).filter(move |n| *n < count)
}

#[test]
fn appending_in_order_fills_leaves() {
    for in_one_version in [true, false] {
        let mut lone = Lone::new();
        let count = if cfg!(miri) { 200 } else { 10_000 };
        for n in 0..count {
            lone.insert(&format!("file_{n:06}"), n).unwrap();
            if !in_one_version {
                lone.commit().unwrap();
            }
        }
        let tally = lone.check().unwrap();
        assert_eq!(tally.leaves, (count as usize).div_ceil(32));
    }
}

#[test]
fn memory_follows_removals() {
    let mut lone = Lone::new();
    let count = if cfg!(miri) { 150 } else { 20_000 };
    for n in shuffled(count) {
        lone.insert(&format!("file_{n:06}"), n).unwrap();
    }
    lone.commit().unwrap();
    let full = lone.check().unwrap();
    // Nine in ten go, not in order.
    for n in shuffled(count).filter(|n| n % 10 != 3) {
        lone.remove(&format!("file_{n:06}")).unwrap();
        lone.commit().unwrap();
    }
    let thin = lone.check().unwrap();
    assert!(thin.bytes <= full.bytes / 8, "{full:?} {thin:?}");
    assert!(thin.leaves <= thin.entries.div_ceil(10), "{thin:?}");
    assert_eq!(lone.arena().live(), thin.bytes);
}

#[test]
fn outliers_keep_their_nodes_apart() {
    let mut lone = Lone::new();
    let count = if cfg!(miri) { 150 } else { 5_000 };
    for n in shuffled(count) {
        lone.insert(&format!("a_long_common_prefix_{n:06}.bin"), n).unwrap();
        if n % 25 == 0 {
            lone.insert(&format!("README_{n}.md"), n).unwrap();
            lone.insert(&format!("x{n}"), n).unwrap();
            lone.insert(&format!("a_long_common_but_{n}"), n).unwrap();
        }
    }
    let tally = lone.check().unwrap();
    assert!(tally.wide > 0 && (cfg!(miri) || tally.wide * 4 < tally.leaves + tally.inner), "{tally:?}");
    for n in 0..count {
        let name = format!("a_long_common_prefix_{n:06}.bin");
        assert_eq!(lone.get(&name).map(|(_, value)| value), Some(Value::number(n)));
        assert!(lone.get(&name[..n as usize % name.len()]).is_none());
    }
}

#[test]
fn a_difference_skips_what_is_shared() {
    let mut lone = Lone::new();
    let count = if cfg!(miri) { 200 } else { 100_000 };
    let names: Vec<_> = (0..count).map(|n| format!("file_{n:06}")).collect();
    lone.fill(names.iter().map(String::as_str).zip(0..)).unwrap();
    lone.commit().unwrap();
    let old = lone.keep().unwrap();
    assert_eq!(lone.changes_since(old).count(), 0);
    lone.overwrite("file_000077", 1).unwrap();
    lone.remove("file_000100").unwrap();
    lone.insert("file_000100x", 2).unwrap();
    let changed: Vec<_> = lone.changes_since(old).map(|change| change.name.as_str()).collect();
    assert_eq!(changed, ["file_000077", "file_000100", "file_000100x"]);
}

#[test]
fn the_longest_and_shortest_names() {
    let mut lone = Lone::new();
    for n in 1..=255 {
        lone.insert(&"n".repeat(n), n as u32).unwrap();
        if n % 50 < 5 || !cfg!(miri) {
            lone.check().unwrap();
        }
    }
    for n in 1..=255 {
        assert_eq!(lone.get(&"n".repeat(n)).unwrap().1, Value::number(n as u32));
    }
    assert!(lone.get("").is_none());
    assert!(lone.get(&"n".repeat(256)).is_none());
    assert!(lone.iter_after("").next().unwrap().0.as_str() == "n");
}

#[test]
#[should_panic(expected = "a name has 1 to 255 bytes")]
fn a_name_that_is_too_long_is_a_mistake_of_the_caller() {
    let _ = Lone::new().insert(&"n".repeat(256), 0);
}

/// Whether a kept version stays as it was while the current one is edited.
fn kept_version_stays() {
    let mut lone = Lone::new();
    for n in 0..100 {
        lone.insert(&format!("{n:03}"), n).unwrap();
    }
    lone.commit().unwrap();
    let kept = lone.keep().unwrap();
    lone.overwrite("050", 1000).unwrap();
    let before = lone.version(kept).get("050").unwrap().1;
    assert_eq!(before, Value::number(50), "a published node was written");
}

#[test]
fn published_nodes_are_not_written() {
    kept_version_stays();
}

#[test]
#[should_panic(expected = "a published node was written")]
fn planted_edits_published_nodes() {
    with(Bug::EditsPublished, kept_version_stays);
}
