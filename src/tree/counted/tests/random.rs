//! Random edits of random trees, against the model.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::Index;

use super::model::{Held, Model, No};
use super::support::*;
use crate::charge::Account;
use crate::path;
use crate::tree::check::check_consistent;
use crate::tree::copy::copy_cost;
use crate::tree::counted::apply::{apply, apply_in_place};
use crate::tree::counted::copy::copy_tree;
use crate::tree::diff::{Change, Diff};
use crate::tree::edit::{Create, Edit, Hold, PutRule, Removal};
use crate::tree::held::Tree;
use crate::tree::lookup::{find, find_dir};
use crate::tree::metadata::Metadata;
use crate::tree::node::NewDir;
use crate::tree::node::{NewFile, NodeRef};
use crate::tree::root::{Limits, Root};

#[derive(Debug, Clone)]
enum Op {
    MakeDirs { at: Pick, levels: usize, paid: bool },
    Put { at: Pick, len: usize, rule: u8, paid: bool },
    Copy { from: Pick, to: Pick, paid: bool },
    Remove { at: Pick, what: Removal },
    Clear,
    Move { from: Pick, to: Pick, replace: bool, paid: bool },
    Exchange { a: Pick, b: Pick },
    SetModified { at: Pick, time: u64, paid: bool },
    Hold { at: Pick, shared: bool, create: Create, truncate: bool, atomic: bool, paid: bool },
    Release { at: Pick, publish: Option<usize>, keep: bool, paid: bool },
}

/// A path, chosen when the edit is planned, so that most edits find something.
#[derive(Debug, Clone)]
enum Pick {
    Any(String),
    Existing(Index),
    /// A name in an existing directory.
    In(Index, &'static str),
    Held(Index),
}

impl Pick {
    fn of(&self, model: &Model) -> String {
        let choose = |paths: Vec<&String>, index: &Index| match paths.len() {
            0 => "/a".to_owned(),
            len => paths[index.index(len)].clone(),
        };
        match self {
            Pick::Any(path) => path.clone(),
            Pick::Existing(index) => choose(model.items.keys().filter(|path| *path != "/").collect(), index),
            Pick::In(index, name) => {
                let dirs = model.items.iter().filter(|(_, item)| item.content.is_none());
                path::join(&choose(dirs.map(|(path, _)| path).collect(), index), name)
            }
            Pick::Held(index) => choose(model.held.keys().collect(), index),
        }
    }
}

fn some_name() -> impl Strategy<Value = &'static str> {
    let long = "a name of more than twenty-three bytes";
    prop_oneof![4 => Just("a"), 4 => Just("b"), 2 => Just("a!"), 2 => Just("\u{e9}"), 2 => Just(long)]
}

fn some_pick() -> impl Strategy<Value = Pick> {
    let wild = prop::collection::vec(some_name(), 1..=4);
    prop_oneof![
        2 => wild.prop_map(|names| Pick::Any(format!("/{}", names.join("/")))),
        5 => any::<Index>().prop_map(Pick::Existing),
        5 => (any::<Index>(), some_name()).prop_map(|(dir, name)| Pick::In(dir, name)),
        1 => any::<Index>().prop_map(Pick::Held),
    ]
}

/// Where nothing is, most of the time.
fn new_pick() -> impl Strategy<Value = Pick> {
    prop_oneof![
        4 => (any::<Index>(), some_name()).prop_map(|(dir, name)| Pick::In(dir, name)),
        1 => some_pick(),
    ]
}

fn some_op() -> impl Strategy<Value = Op> {
    let (at, new) = (some_pick, new_pick);
    let paid = || prop::bool::weighted(0.95);
    let root = || Just(Pick::Any("/".to_owned()));
    let what = prop_oneof![Just(Removal::File), Just(Removal::EmptyDir), Just(Removal::Tree)];
    let create = prop_oneof![Just(Create::Never), Just(Create::IfMissing), Just(Create::New)];
    let held = prop_oneof![3 => any::<Index>().prop_map(Pick::Held), 1 => at()];
    prop_oneof![
        8 => (new(), paid()).prop_map(|(at, paid)| Op::MakeDirs { at, levels: 1, paid }),
        3 => (at(), 1..=4_usize, paid()).prop_map(|(at, levels, paid)| Op::MakeDirs { at, levels, paid }),
        8 => (at(), 0..3_usize, 0..6_u8, paid())
            .prop_map(|(at, len, rule, paid)| Op::Put { at, len, rule, paid }),
        2 => (at(), new(), paid()).prop_map(|(from, to, paid)| Op::Copy { from, to, paid }),
        2 => (at(), what).prop_map(|(at, what)| Op::Remove { at, what }),
        1 => prop::bool::weighted(0.1).prop_map(|clear| match clear {
            true => Op::Clear,
            false => Op::Put { at: Pick::Any("/a".into()), len: 1, rule: 5, paid: true },
        }),
        6 => (at(), at(), any::<bool>(), paid())
            .prop_map(|(from, to, replace, paid)| Op::Move { from, to, replace, paid }),
        4 => (at(), at()).prop_map(|(a, b)| Op::Exchange { a, b }),
        2 => (prop_oneof![3 => at(), 1 => root()], 0..40_u64, paid())
            .prop_map(|(at, time, paid)| Op::SetModified { at, time, paid }),
        3 => (at(), any::<[bool; 3]>(), create, paid())
            .prop_map(|(at, [shared, truncate, atomic], create, paid)| match shared {
                true => Op::Hold { at, shared, create: Create::Never, truncate: false, atomic: false, paid },
                false => Op::Hold { at, shared, create, truncate, atomic, paid },
            }),
        5 => (held, prop::option::of(0..3_usize), prop::bool::weighted(0.2), paid())
            .prop_map(|(at, publish, keep, paid)| Op::Release { at, publish, keep, paid }),
    ]
}

/// One step of a run.
#[derive(Debug, Clone)]
enum Step {
    /// A batch of edits, applied as one.
    Batch(Vec<Op>),
    /// Going back to the n-th of the older roots that the run keeps.
    Restore(Index),
}

fn some_steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => prop::collection::vec(some_op(), 1..2).prop_map(Step::Batch),
        3 => prop::collection::vec(some_op(), 2..4).prop_map(Step::Batch),
        1 => any::<Index>().prop_map(Step::Restore),
    ];
    prop::collection::vec(step, 1..100)
}

struct Run {
    account: Arc<Account>,
    limits: Limits,
    root: Root,
    model: Model,
    /// Roots that something keeps, each with what it must still be at the end.
    kept: Vec<(Root, Model)>,
    /// What was seen at a path under a version.
    seen: HashMap<(String, u64), Looks>,
}

/// What a user sees of a node, beside times.
#[derive(Clone)]
struct Looks {
    content: Option<crate::content::Content>,
    entries: Vec<(String, bool)>,
}

impl Run {
    /// The edit that an operation plans on the root of the run; `None` if it is not to be planned.
    fn plan(&self, op: &Op, now: u64) -> Option<Edit> {
        let account = &self.account;
        let named = |at: &str, paid: bool| if paid { long_name(account, at) } else { None };
        let now = at(now);
        let to_path = |pick: Pick| pick.of(&self.model);
        let edit = match op.clone() {
            Op::MakeDirs { at, levels, paid } => {
                let path = to_path(at);
                let levels = levels.min(path::depth(&path));
                let new_dir = |level| NewDir {
                    name: named(path::ancestor(&path, levels - 1 - level), paid),
                    charge: Arc::new(pay(account, NODE)),
                };
                Edit::MakeDirs { new: (0..levels).map(new_dir).collect(), path: path.into(), now }
            }
            Op::Put { at, len, rule, paid } => {
                let at = to_path(at);
                let base = match find(&self.root.tree, &at).map(|at| at.found) {
                    Ok(NodeRef::File(file)) => Some(file.content.clone()),
                    _ => None,
                };
                let mut new = content(len);
                let rule = match rule {
                    0 => PutRule::Create,
                    1 => PutRule::Keep,
                    2 => PutRule::Import { modified: super::support::at(3), replace: len % 2 == 0 },
                    3 => {
                        if let (0, Some(base)) = (len, &base) {
                            new = base.clone(); // nothing was appended
                        }
                        PutRule::Append { base }
                    }
                    _ => PutRule::Write,
                };
                let mut file = new_file(account, new);
                if matches!(rule, PutRule::Keep) {
                    let file = file.get_mut().expect("not shared");
                    (file.meta.created, file.meta.modified) = (now, now);
                }
                Edit::Put { name: named(&at, paid), path: at.into(), file, rule, now }
            }
            Op::Copy { from, to, paid } => {
                let (from, to) = (to_path(from), to_path(to));
                let dir = find_dir(&self.root.tree, &from).ok()?;
                let mut purse = pay(account, copy_cost(dir, NODE, CHUNK));
                let tree = copy_tree(dir, NODE, CHUNK, now, &mut |n| purse.split(n), &mut |c| Ok(c.clone()))
                    .expect("copies");
                assert_eq!(purse.amount(), 0, "the cost is exact");
                Edit::Graft { name: named(&to, paid), path: to.into(), tree, now }
            }
            Op::Remove { at, what } => Edit::Remove { path: to_path(at).into(), what, now },
            Op::Clear => Edit::Clear { now },
            Op::Move { from, to, replace, paid } => {
                let (from, to) = (to_path(from), to_path(to));
                // Only an absent name is paid for.
                let absent = find(&self.root.tree, &to).is_err();
                Edit::Move {
                    name: named(&to, paid && absent),
                    from: from.into(),
                    to: to.into(),
                    replace,
                    now,
                }
            }
            Op::Exchange { a, b } => Edit::Exchange { a: to_path(a).into(), b: to_path(b).into(), now },
            Op::SetModified { at, time, paid } => Edit::SetModified {
                path: to_path(at).into(),
                // Every other version that brings a node brings no receipt for it.
                file: paid.then(|| {
                    if time % 2 == 0 { new_file(account, content(0)) } else { NewFile::same_content(None) }
                }),
                time: super::support::at(time),
            },
            Op::Hold { at, shared, create, truncate, atomic, paid } => {
                let at = to_path(at);
                let (name, path) = (named(&at, paid), at.into());
                let blank = paid.then(|| new_file(account, content(0)));
                Edit::Hold(Hold { name, path, shared, create, truncate, atomic, blank, now, base: None })
            }
            Op::Release { at, publish, keep, paid } => {
                let at = to_path(at);
                let shared = matches!(self.model.held.get(&at), Some(Held::Shared(_)));
                let publish = publish.filter(|_| !shared).map(|len| new_file(account, content(len)));
                Edit::Release { name: named(&at, paid), path: at.into(), publish, keep: keep && !shared, now }
            }
        };
        Some(edit)
    }

    fn batch(&mut self, ops: &[Op], now: u64) -> Result<(), TestCaseError> {
        // Several holds in one batch could be of any sort by the time they are released.
        let ops = if ops.iter().any(|op| matches!(op, Op::Hold { .. })) { &ops[..1] } else { ops };
        let before = self.account.used();
        let mut edits: Vec<Edit> = ops.iter().filter_map(|op| self.plan(op, now)).collect();
        if edits.iter().any(|edit| path::depth(edit.path()) > self.limits.max_depth)
            || edits
                .iter()
                .any(|edit| matches!(edit, Edit::Move { to, .. } if path::depth(to) > self.limits.max_depth))
            || edits.iter().any(
                |edit| matches!(edit, Edit::Exchange { b, .. } if path::depth(b) > self.limits.max_depth),
            )
        {
            return Ok(()); // no operation plans beyond the limit
        }
        let mut expected = self.model.clone();
        let answer = expected.apply(&edits, &self.limits);
        match apply(&self.root, &mut edits, &self.limits) {
            Err(refusal) => {
                prop_assert_eq!(Err(No::from(refusal)), answer, "of {:?}", ops);
                drop(edits);
                prop_assert_eq!(self.account.used(), before, "what the edits had was not given back");
            }
            Ok(applied) => {
                prop_assert_eq!(Ok(()), answer, "of {:?}", ops);
                let lost = files(&self.root.tree).difference(&files(&applied.root.tree)).count() as u64;
                prop_assert!(applied.detached >= lost, "{} detached, {lost} lost", applied.detached);
                self.same_in_place(&mut edits, &applied.root)?;
                let older = std::mem::replace(&mut self.root, applied.root);
                self.kept.push((older, std::mem::replace(&mut self.model, expected)));
                self.check()?;
            }
        }
        Ok(())
    }

    /// A transaction sees after each edit what the commit of them all publishes.
    fn same_in_place(&self, edits: &mut [Edit], outcome: &Root) -> Result<(), TestCaseError> {
        let mut private = self.root.clone();
        for edit in edits {
            if let Err(refusal) = apply_in_place(&mut private, edit, &self.limits) {
                // It counts nodes after each edit, the commit only after the last.
                let refusal = No::from(refusal);
                let of_nodes = matches!(refusal, No::Failed(crate::ErrorKind::NodeLimit { .. }));
                prop_assert!(of_nodes, "{refusal:?}");
                return Ok(());
            }
            prop_assert_eq!(check_consistent(&private, CHUNK), Ok(()));
        }
        prop_assert_eq!(paths(&private.tree), paths(&outcome.tree));
        Ok(())
    }

    fn restore(&mut self, index: &Index) -> Result<(), TestCaseError> {
        if self.kept.is_empty() {
            return Ok(());
        }
        let (older, then) = &self.kept[index.index(self.kept.len())];
        let (mut expected, tree) = (self.model.clone(), older.tree.clone());
        let answer = expected.restore(then);
        // What a restore brings back is refused by no limit.
        let limits = Limits { max_nodes: 1, ..self.limits };
        match apply(&self.root, &mut [Edit::Restore { tree, purse: crate::charge::Charge::none() }], &limits)
        {
            Err(refusal) => prop_assert_eq!(Err(No::from(refusal)), answer),
            Ok(applied) => {
                prop_assert_eq!(Ok(()), answer);
                let older = std::mem::replace(&mut self.root, applied.root);
                self.kept.push((older, std::mem::replace(&mut self.model, expected)));
                self.check()?;
            }
        }
        Ok(())
    }

    fn check(&mut self) -> Result<(), TestCaseError> {
        agree(&self.root, &self.model)?;
        for (path, item) in &self.model.items {
            let at = find(&self.root.tree, path).expect("there");
            let looks = match at.found {
                NodeRef::Dir(dir) => Looks {
                    content: None,
                    entries: dir
                        .entries
                        .iter()
                        .map(|(name, entry)| (name.to_string(), matches!(entry.node, NodeRef::Dir(_))))
                        .collect(),
                },
                NodeRef::File(file) => Looks { content: Some(file.content.clone()), entries: Vec::new() },
            };
            let before = self.seen.entry((path.clone(), item.version)).or_insert_with(|| looks.clone());
            let same = match (&before.content, &looks.content) {
                (None, None) => before.entries == looks.entries,
                (Some(a), Some(b)) => a.ptr_eq(b),
                _ => false,
            };
            prop_assert!(same, "version {} came again at {path}", item.version);
        }
        let (older, _) = self.kept.last().expect("just kept");
        check_diff(&self.root.tree, &older.tree)?;
        let (oldest, _) = &self.kept[0];
        check_diff(&self.root.tree, &oldest.tree)?;
        check_diff(&oldest.tree, &self.root.tree)
    }
}

fn files(tree: &Tree) -> BTreeSet<usize> {
    nodes(tree).into_iter().filter_map(|(_, node)| Some(std::ptr::from_ref(node.as_file()?).addr())).collect()
}

/// The root is consistent, and reads as the model says.
fn agree(root: &Root, model: &Model) -> Result<(), TestCaseError> {
    prop_assert_eq!(check_consistent(root, CHUNK), Ok(()));
    prop_assert_eq!(root.version, model.version);
    prop_assert_eq!(root.nodes(), model.nodes());
    let mut expected: Vec<&String> = model.items.keys().filter(|path| *path != "/").collect();
    expected.sort_by(|a, b| path::compare(a, b));
    prop_assert!(paths(&root.tree).iter().eq(expected));
    let held: Vec<String> = root.holds.iter().map(|(path, _)| path.to_owned()).collect();
    let mut expected: Vec<String> = model.held.keys().cloned().collect();
    expected.sort_by(|a, b| path::compare(a, b));
    prop_assert_eq!(held, expected);
    for (path, item) in &model.items {
        let at = find(&root.tree, path).expect("there");
        let metadata = Metadata::of(at);
        let len = item.content.as_ref().map_or(0, crate::content::Content::len);
        prop_assert_eq!((metadata.len(), metadata.is_file()), (len, item.content.is_some()), "{}", path);
        prop_assert_eq!(metadata.is_dir(), item.content.is_none());
        prop_assert_eq!(metadata.created(), item.created.into(), "created, {}", path);
        prop_assert_eq!(metadata.modified(), item.modified.into(), "modified, {}", path);
        prop_assert_eq!(metadata.generation(), item.generation, "generation, {}", path);
        prop_assert_eq!(metadata.version(), item.version, "version, {}", path);
        if let (NodeRef::File(file), Some(content)) = (at.found, &item.content) {
            prop_assert!(file.content.ptr_eq(content), "{}", path);
        }
    }
    Ok(())
}

/// The diff is in tree order, exact, and leads from the older to the newer tree.
fn check_diff(newer: &Tree, older: &Tree) -> Result<(), TestCaseError> {
    let mut listing: BTreeMap<String, NodeRef<'_>> = nodes(older).into_iter().collect();
    let new: BTreeMap<String, NodeRef<'_>> = nodes(newer).into_iter().collect();
    let mut last: Option<(String, u8)> = None;
    let mut at_or_after = |path: &str, rank: u8| {
        let (before, here) = (last.take(), (path.to_owned(), rank));
        last = Some(here);
        before.is_none_or(|(before, was)| match path::compare(&before, path) {
            std::cmp::Ordering::Less => true,
            std::cmp::Ordering::Equal => was < rank,
            // All that was below a removed directory comes before what took its place.
            std::cmp::Ordering::Greater => rank == 2 && was == 1 && path::starts_with(&before, path),
        })
    };
    for change in Diff::new(newer.clone(), older.clone()) {
        match change {
            Change::Removed(path) => {
                prop_assert!(at_or_after(&path, 1), "order at {path}");
                let old = listing.remove(&path);
                prop_assert!(old.is_some(), "{} was not there", path);
                let kept = new.get(&path).is_some_and(|new| {
                    matches!(
                        (new, old.expect("some")),
                        (NodeRef::Dir(_), NodeRef::Dir(_)) | (NodeRef::File(_), NodeRef::File(_))
                    )
                });
                prop_assert!(!kept, "{} is not removed", path);
            }
            Change::Created(path) => {
                prop_assert!(at_or_after(&path, 2), "order at {path}");
                let node = new.get(&path).copied();
                prop_assert!(node.is_some(), "{} is not there", path);
                prop_assert!(listing.insert(path, node.expect("some")).is_none());
            }
            Change::Modified(path) => {
                prop_assert!(at_or_after(&path, 1), "order at {path}");
                match (new.get(&path), listing.get(&path)) {
                    (Some(NodeRef::File(new)), Some(NodeRef::File(old))) => {
                        prop_assert!(!new.content.ptr_eq(&old.content));
                    }
                    other => prop_assert!(false, "modified: {other:?}"),
                }
                listing.insert(path.clone(), new[&path]);
            }
        }
    }
    prop_assert!(listing.keys().eq(new.keys()));
    for (path, node) in &listing {
        if let (NodeRef::File(a), NodeRef::File(b)) = (node, &new[path]) {
            prop_assert!(a.content.ptr_eq(&b.content), "{path} was left out");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]
    #[test]
    fn edits_do_what_the_model_does(
        steps in some_steps(),
        nows in prop::collection::vec(0..30_u64, 100),
        max_nodes in 4..40_u64,
        max_depth in 2..6_usize,
    ) {
        let account = Account::new();
        let mut run = Run {
            account: Arc::clone(&account),
            limits: Limits { max_nodes, max_depth, chunk_overhead: CHUNK },
            root: Root::new(at(5)),
            model: Model::new(at(5)),
            kept: Vec::new(),
            seen: HashMap::new(),
        };
        for (step, now) in steps.iter().zip(nows) {
            match step {
                Step::Batch(ops) => run.batch(ops, now)?,
                Step::Restore(index) => run.restore(index)?,
            }
        }
        for (root, model) in &run.kept {
            agree(root, model)?;
        }
        drop(run);
        prop_assert_eq!(account.used(), 0);
    }
}
