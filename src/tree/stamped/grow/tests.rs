//! Plans of random histories, in which trees come back and directories move: each tree is what was planned, all is
//! owed once, and what fails leaves nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::{Growth, grow};
use crate::charge::{Account, Charge};
use crate::content::Content;
use crate::error::ErrorKind;
use crate::memory_guard::Guard;
use crate::quota::Quota;
use crate::tree::meta::{DirMeta, FileMeta, Timestamp};
use crate::tree::name::{INLINE, Name};
use crate::tree::node::{Dir, NodeRef, Totals};
use crate::tree::plan::{DirPlan, Entries, FilePlan, Place, Plan, Planned};
use crate::tree::stamped::versions::Payment;

const NODE: u64 = 192;
const CHUNK: u64 = 112;
const NAMES: [&str; 5] =
    ["a", "b", "c", "a name that is longer than 23 bytes", "another name longer than 23 bytes"];
/// Files that are in no tree, so that anything may be made again.
const SPARE: u32 = 10_000;

/// A node as it is to be, with the version that placed it and the number of its name.
#[derive(Debug, Clone, PartialEq)]
enum Spec {
    File(u32),
    Dir { receipt: u32, entries: BTreeMap<&'static str, (Spec, u64, Option<u32>)> },
}

type Below = BTreeMap<&'static str, (Spec, u64, Option<u32>)>;

#[derive(Debug, Clone)]
enum Op {
    File(Vec<usize>),
    Dir(Vec<usize>),
    Remove(Vec<usize>),
    Move(Vec<usize>, Vec<usize>),
    /// An earlier tree once more.
    Back(usize),
}

/// Trees in turn.
#[derive(Default)]
struct History {
    trees: Vec<Below>,
    files: u32,
    receipts: u32,
    longs: Vec<&'static str>,
}

/// The directory at a path, as far as there are directories.
fn dir<'b>(mut at: &'b mut Below, path: &[usize]) -> &'b mut Below {
    for step in path {
        let name = NAMES[*step];
        if !matches!(at.get(name), Some((Spec::Dir { .. }, ..))) {
            break;
        }
        let Some((Spec::Dir { entries, .. }, ..)) = at.get_mut(name) else { unreachable!() };
        at = entries;
    }
    at
}

impl History {
    fn bind(&mut self, tree: &mut Below, path: &[usize], spec: Spec) {
        let (name, parent) = path.split_last().expect("not the root");
        let name = NAMES[*name];
        let long = (name.len() > INLINE).then(|| {
            self.longs.push(name);
            self.longs.len() as u32 - 1
        });
        dir(tree, parent).insert(name, (spec, self.trees.len() as u64, long));
    }

    fn apply(&mut self, op: &Op) {
        let mut tree = self.trees.last().cloned().unwrap_or_default();
        match op {
            Op::File(path) => {
                self.files += 1;
                self.bind(&mut tree, path, Spec::File(self.files - 1));
            }
            Op::Dir(path) => {
                self.receipts += 1;
                let spec = Spec::Dir { receipt: self.receipts - 1, entries: Below::new() };
                self.bind(&mut tree, path, spec);
            }
            Op::Remove(path) => {
                let (name, parent) = path.split_last().expect("not the root");
                dir(&mut tree, parent).remove(NAMES[*name]);
            }
            Op::Move(from, to) => {
                let (name, parent) = from.split_last().expect("not the root");
                if let Some((spec, ..)) = dir(&mut tree, parent).remove(NAMES[*name]) {
                    self.bind(&mut tree, to, spec);
                }
            }
            Op::Back(at) => tree = self.trees.get(*at).cloned().unwrap_or_default(),
        }
        self.trees.push(tree);
    }

    /// The plan of it and the roots, with what is charged for all that is in some tree.
    fn plan(&self, shared: bool, account: &Arc<Account>, spare: u32) -> (Plan<'static>, Vec<u32>, u64) {
        let file = |number: u32| FilePlan {
            content: Content::default(),
            meta: FileMeta { generation: number.into(), ..FileMeta::default() },
            payer: (number % 3 == 2 && number < self.files).then(|| number - 2),
        };
        let mut plan = Plan {
            longs: self.longs.clone(),
            receipts: self.receipts as usize,
            files: (0..self.files + spare).map(file).collect(),
            dirs: Vec::new(),
            node_overhead: NODE,
            chunk_overhead: CHUNK,
            purse: account.try_reserve(1 << 40, u64::MAX).expect("no limit"),
        };
        let mut known: Vec<(Spec, u32)> = Vec::new();
        let mut seen = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let roots = self.trees.iter().map(|tree| add(&mut plan, &mut known, &mut seen, None, tree, shared));
        let roots = roots.collect();
        let names = seen.2.iter().map(|number| Name::cost(self.longs[*number as usize], CHUNK)).sum::<u64>();
        let cost = (seen.0.len() + seen.1.len()) as u64 * NODE + names;
        (plan, roots, cost)
    }
}

type Seen = (BTreeSet<u32>, BTreeSet<u32>, BTreeSet<u32>);

fn add(
    plan: &mut Plan<'static>,
    known: &mut Vec<(Spec, u32)>,
    seen: &mut Seen,
    receipt: Option<u32>,
    below: &Below,
    shared: bool,
) -> u32 {
    let spec = Spec::Dir { receipt: receipt.unwrap_or(u32::MAX), entries: below.clone() };
    if let Some((_, number)) = known.iter().find(|(known, _)| *known == spec) {
        return *number;
    }
    let (mut entries, mut totals) = (Vec::new(), Totals::default());
    for (name, (spec, placed, long)) in below {
        let node = match spec {
            Spec::File(number) => {
                seen.0.insert(plan.files[*number as usize].payer.unwrap_or(*number));
                Planned::File(*number)
            }
            Spec::Dir { receipt, entries } => {
                seen.1.insert(*receipt);
                Planned::Dir(add(plan, known, seen, Some(*receipt), entries, shared))
            }
        };
        seen.2.extend(*long);
        let added = plan.totals_of(node).unwrap().with_name_charged(Name::cost(name, CHUNK));
        let height = totals.height.max(added.height);
        totals = totals.exchanged(&Totals::default(), &added).unwrap();
        totals.height = height;
        entries.push((*name, Place { node, placed: *placed, long: *long }));
    }
    let entries = if shared {
        Entries::Shared(entries.into_iter().collect())
    } else {
        Entries::Listed(entries.into_boxed_slice())
    };
    let number = plan.dirs.len() as u32;
    let meta = DirMeta { listed: number.into(), ..DirMeta::new(Timestamp::default()) };
    plan.dirs.push(DirPlan { entries, totals, meta, receipt, base: None });
    known.push((spec, number));
    number
}

fn assert_is(dir: &Dir, plan: &Plan<'_>, number: u32) {
    let planned = &plan.dirs[number as usize];
    assert_eq!((dir.totals, dir.meta.listed), (planned.totals, u64::from(number)));
    assert_eq!(dir.entries.len(), planned.entries.len());
    for ((name, entry), (text, place)) in dir.entries.iter().zip(planned.entries.iter()) {
        assert_eq!((name.as_str(), entry.placed), (text, place.placed));
        match (entry.node, place.node) {
            (NodeRef::File(file), Planned::File(number)) => {
                assert_eq!(file.meta.generation, u64::from(number));
            }
            (NodeRef::Dir(below), Planned::Dir(number)) => assert_is(below, plan, number),
            _ => panic!("a file is a directory, or the reverse"),
        }
    }
}

fn quota() -> Quota {
    Quota::new(u64::MAX, Guard::off())
}

fn payment(quota: &Quota) -> Payment {
    Payment { account: Some(Arc::clone(quota.account())), chunk_overhead: CHUNK }
}

fn op() -> impl Strategy<Value = Op> {
    let path = || prop::collection::vec(0..NAMES.len(), 1..4);
    prop_oneof![
        4 => path().prop_map(Op::File),
        4 => path().prop_map(Op::Dir),
        2 => path().prop_map(Op::Remove),
        4 => (path(), path()).prop_map(|(from, to)| Op::Move(from, to)),
        1 => (0..30_usize).prop_map(Op::Back),
    ]
}

/// What a node of the plan with a payer shares with that one: they may not both be in one tree.
fn is_a_tree(below: &Below, seen: &mut BTreeSet<u32>) -> bool {
    below.values().all(|(spec, ..)| match spec {
        Spec::File(number) => seen.insert(if number % 3 == 2 { number - 2 } else { *number }),
        Spec::Dir { entries, .. } => is_a_tree(entries, seen),
    })
}

proptest! {
    #[test]
    fn every_tree_is_what_was_planned_and_all_is_owed_once(
        ops in prop::collection::vec(op(), 1..30),
        shared in any::<bool>(),
        order in any::<prop::sample::Index>(),
    ) {
        let mut history = History::default();
        ops.iter().for_each(|op| history.apply(op));
        history.trees.retain(|tree| is_a_tree(tree, &mut BTreeSet::new()));
        prop_assume!(!history.trees.is_empty());
        let quota = quota();
        let (plan, roots, cost) = history.plan(shared, quota.account(), SPARE);
        let (again, ..) = history.plan(shared, &Account::new(), 0);
        let (versions, mut trees) = grow(plan, &roots, 7, payment(&quota), &quota).unwrap();
        prop_assert_eq!(quota.used(), cost);
        prop_assert_eq!(versions.load().version, 7);
        for (tree, root) in trees.iter().zip(&roots) {
            assert_is(tree, &again, *root);
        }
        // The others stay as they are, whichever goes.
        let mut left: Vec<u32> = roots.clone();
        while !trees.is_empty() {
            let at = order.index(trees.len());
            drop((trees.remove(at), left.remove(at)));
            versions.sweep();
            prop_assert!(quota.used() <= cost);
            trees.iter().zip(&left).for_each(|(tree, root)| assert_is(tree, &again, *root));
        }
        assert_is(&versions.load().tree, &again, *roots.last().unwrap());
        drop(versions);
        prop_assert_eq!(quota.used(), 0);
    }
}

/// A history with everything in it.
fn history() -> History {
    let mut history = History::default();
    for op in [
        Op::Dir(vec![0]),
        Op::File(vec![0, 1]),
        Op::Dir(vec![0, 3]),
        Op::File(vec![0, 3, 4]),
        Op::Move(vec![0, 3], vec![4]),
        Op::Move(vec![4], vec![0, 2]),
        Op::Move(vec![0], vec![1]),
        Op::Remove(vec![1, 1]),
        Op::Back(3),
        Op::Dir(vec![2]),
        Op::Move(vec![0], vec![2, 0]),
    ] {
        history.apply(&op);
    }
    history.trees.remove(history.trees.len() - 2); // so that a directory goes into one that is new
    history
}

#[test]
fn a_directory_that_moved_is_not_made_again() {
    let mut history = History::default();
    [
        Op::Dir(vec![0]),
        Op::Dir(vec![0, 1]),
        Op::File(vec![0, 1, 2]),
        Op::Move(vec![0], vec![4]),
        Op::Dir(vec![0]),
        Op::Move(vec![4], vec![0, 2]),
    ]
    .iter()
    .for_each(|op| history.apply(op));
    history.trees.remove(4); // so that it goes into one that is new
    let quota = quota();
    let (plan, roots, _) = history.plan(true, quota.account(), 0);
    let (_versions, trees) = grow(plan, &roots, 7, payment(&quota), &quota).unwrap();
    let below = |tree: &Dir, name: &str| {
        let top = tree.entries.get(name).unwrap().node.as_dir().unwrap();
        (top.receipt_object(), std::ptr::from_ref(top.entries.get("b").unwrap().node.as_dir().unwrap()))
    };
    assert_eq!(below(&trees[2], "a"), below(&trees[3], NAMES[4]));
    let into = trees[4].entries.get("a").unwrap().node.as_dir().unwrap();
    assert_eq!(below(&trees[2], "a"), below(into, "c"));
}

#[test]
fn trees_that_take_turns_are_charged_for_what_they_take() {
    let mut history = History::default();
    history.apply(&Op::Dir(vec![0]));
    (0..2).for_each(|name| history.apply(&Op::File(vec![0, name])));
    let full = history.trees.len() - 1;
    for _ in 0..20 {
        history.apply(&Op::Remove(vec![0]));
        history.apply(&Op::Back(full));
    }
    let quota = quota();
    let (plan, roots, cost) = history.plan(false, quota.account(), 0);
    let spare = plan.files.len() + plan.dirs.len();
    let (versions, trees) = grow(plan, &roots, 7, payment(&quota), &quota).unwrap();
    let again = 20 * 3 - spare as u64; // a directory and two files each time
    assert_eq!(quota.used(), cost + again * NODE);
    drop((versions, trees));
    assert_eq!(quota.used(), 0);

    let (plan, roots, _) = history.plan(false, quota.account(), 0);
    quota.set_limit(quota.used() + 3 * NODE);
    let error = grow(plan, &roots, 7, payment(&quota), &quota).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::QuotaExceeded { .. }), "{error}");
    assert_eq!(quota.used(), 0);
}

#[test]
fn memory_that_is_short_at_any_moment_leaves_nothing() {
    let history = history();
    for fails in 0.. {
        let quota = quota();
        let (plan, roots, _) = history.plan(true, quota.account(), 0);
        let mut growth = Growth::new(&plan, CHUNK, &quota).unwrap();
        growth.store().arena_mut().fails_in = Some(fails);
        let outcome = roots.iter().try_for_each(|root| {
            growth.advance(*root)?;
            growth.keep()
        });
        if let Err(error) = &outcome {
            assert!(matches!(error.kind(), ErrorKind::AllocationFailed { .. }), "{error}");
        }
        // Taken apart here rather than dropped, to look at the memory.
        let store = growth.store.take().unwrap();
        // SAFETY: nobody has got any version.
        let (arena, _) = unsafe { store.end(Some(super::Value::directory(growth.root.tree.0))) };
        assert_eq!((arena.objects(), arena.live()), (0, 0), "the allocation after {fails} failed");
        drop(growth);
        drop(plan);
        assert_eq!(quota.used(), 0);
        if outcome.is_ok() {
            assert!(fails > 50, "{fails}");
            return;
        }
    }
}

#[test]
fn a_purse_with_nothing_in_it_pays_for_an_empty_tree() {
    let mut history = History::default();
    history.apply(&Op::Remove(vec![0]));
    let quota = quota();
    let (mut plan, roots, cost) = history.plan(false, quota.account(), 0);
    assert_eq!(cost, 0);
    plan.purse = Charge::none();
    let (versions, trees) = grow(plan, &roots, 0, payment(&quota), &quota).unwrap();
    assert!(versions.load().tree.entries.is_empty() && trees.len() == 1);
    assert_eq!(quota.used(), 0);
}
