//! Models of publication: how commits replace the root, what readers see of it, and when the bytes
//! of a large tree come back. They run the production engine, edits and trees included.
//!
//! ```text
//! RUSTFLAGS="--cfg arcfs_loom" \
//!     cargo test --release --target-dir target/loom -p arcfs-loom-tests --test commit
//! ```
//!
//! What they do not show: anything beyond the bound on preemptions; anything inside `ArcSwap`,
//! whose atomics loom cannot see, and for which a mutex stands in (`src/root/counted/cell.rs`), so that the
//! models check what is done with the cell and not the cell; orders that only differ in who drops an
//! `Arc` when, for those counts are `std`'s and loom does not see them either; anything about time.
//!
//! A bound is not exhaustive, but most of these models end of themselves: without one they explore
//! no more, or little more.
#![cfg(arcfs_loom)]

use std::sync::Arc;

use arcfs::internals::breaks::Break;
use arcfs::internals::root::{Combining, CompareAndSwap, Graves, Protocol, Publisher, Seed, Serial};
use arcfs::internals::tree::{
    Dir, Edit, Limits, NewDir, NewFile, NodeRef, PutRule, Refusal, Removal, Root, Seen, Timestamp, Tree, find,
};
use arcfs::internals::{Charge, Guard, NoRelief, Quota};
use arcfs::{ErrorKind, MemFs};
use arcfs_loom_tests::models;
use loom::sync::atomic::{
    AtomicBool,
    Ordering::{Acquire, Release},
};
use loom::thread;

models! {
    two_creations_are_both_visible within 5 breaks with
        CommitWithoutTurn: "an update was lost", CommitLoadsBeforeTurn: "an update was lost";
    three_appends_are_all_in_the_file within 3 breaks with
        CommitWithoutTurn: "an update was lost", AppendIgnoresBase: "an update was lost";
    of_two_that_create_the_same_one_does within 5 breaks with
        CommitLoadsBeforeTurn: "both created it";
    each_edit_takes_effect_once within 5 breaks with
        CommitPublishesEachEdit: "took effect twice", CommitIgnoresExpectations: "an increment was lost";
    comparing_and_swapping_takes_effect_once within 5 breaks with
        CellSwapsBlindly: "an increment was lost", CommitIgnoresExpectations: "an increment was lost";
    combining_takes_effect_once within 5 breaks with
        CombiningServesTwice: "took effect twice", CommitIgnoresExpectations: "an increment was lost";
    transactions_lose_no_increment within 3 breaks with
        CommitIgnoresExpectations: "an increment was lost", CommitWithoutTurn: "an increment was lost";
    a_reader_sees_no_state_between_two_edits within 5 breaks with
        CommitPublishesEachEdit: "half a commit";
    what_was_reported_is_there within 5 breaks with
        CommitLoadsBeforeTurn: "not there any more";
    versions_grow_strictly within 5 breaks with
        CommitWithoutTurn: "one version for two roots";
    a_refused_commit_leaves_no_trace within 5 breaks with
        CommitPublishesEachEdit: "a refused commit left something";
    a_restore_and_two_writes_have_an_order within 5 breaks with
        CommitLoadsBeforeTurn: "no order explains";
    a_large_tree_is_freed_when_its_last_reader_is_gone within 3 breaks with
        GravesBuryTwice: "bytes never came back";
    a_reader_does_not_free_a_large_tree within 5 breaks with
        GravesFreeHeld: "a reader freed a large tree";
    a_refused_charge_waits_for_a_sweep_under_way within 5 breaks with
        GravesForgetCount: "refused although the bytes were coming back",
        GravesCountRelaxed: "refused although the bytes were coming back",
        GravesDoNotWait: "refused although the bytes were coming back";
}

/// A filesystem in which only bytes are charged, so that a model has few steps.
fn tiny() -> MemFs {
    MemFs::builder().node_overhead(0).chunk_overhead(0).build().unwrap()
}

/// Runs `a` on another thread and `b` on this one; returns what they say.
fn both<S: Clone + 'static, A: 'static, B>(
    shared: &S,
    a: impl FnOnce(&S) -> A + 'static,
    b: impl FnOnce(&S) -> B,
) -> (A, B) {
    let other = shared.clone();
    let a = thread::spawn(move || a(&other));
    let b = b(shared);
    (a.join().unwrap(), b)
}

fn two_creations_are_both_visible() {
    let fs = tiny();
    both(&fs, |fs| fs.write("/a", b"").unwrap(), |fs| fs.create_dir("/b").unwrap());
    assert!(fs.is_file("/a") && fs.is_dir("/b"), "an update was lost");
}

fn three_appends_are_all_in_the_file() {
    let fs = tiny();
    let append = |fs: &MemFs| fs.append("/a", b"1").unwrap();
    let third = thread::spawn({
        let fs = fs.clone();
        move || append(&fs)
    });
    both(&fs, append, append);
    third.join().unwrap();
    assert_eq!(fs.read("/a").unwrap(), b"111", "an update was lost");
    assert_eq!(fs.stats().used_bytes, 3);
}

fn of_two_that_create_the_same_one_does() {
    let fs = tiny();
    let create = |fs: &MemFs| fs.create_dir("/a");
    let (one, other) = both(&fs, create, create);
    assert!(one.is_ok() || other.is_ok());
    let refused = one.and(other).expect_err("both created it");
    assert_eq!(refused.kind(), &ErrorKind::AlreadyExists);
}

/// A root, its publisher and its graves, without a filesystem around them.
struct Bare<P> {
    publisher: Publisher<P>,
    graves: Graves,
}

const NO_LIMITS: Limits = Limits { max_nodes: u64::MAX, max_depth: 10, chunk_overhead: 0 };

impl<P: Protocol> Bare<P> {
    fn new() -> Arc<Self> {
        let publisher = Publisher::new(Seed::of(Root::new(Timestamp::default()).tree, 0));
        Arc::new(Self { publisher, graves: Graves::default() })
    }

    fn tree(&self) -> Tree {
        self.publisher.load().tree.clone()
    }

    fn commit(&self, edits: &mut [Edit]) -> Result<u64, Refusal> {
        self.publisher.commit(edits, &NO_LIMITS, &self.graves)
    }
}

fn put(path: &str, content: &str) -> Edit {
    Edit::Put {
        path: path.into(),
        name: None,
        file: NewFile::new(content.into(), Charge::none()),
        rule: PutRule::Write,
        now: Timestamp::default(),
    }
}

fn remove(path: &str) -> Edit {
    Edit::Remove { path: path.into(), what: Removal::File, now: Timestamp::default() }
}

fn text(tree: &Tree, path: &str) -> String {
    match find(tree, path).map(|at| at.found) {
        Ok(NodeRef::File(file)) => String::from_utf8(file.content.to_vec().unwrap()).unwrap(),
        _ => String::new(),
    }
}

/// What a transaction does that notes down who increments a counter, and then increments it.
fn increment<P: Protocol>(bare: &Bare<P>, who: &str) {
    loop {
        let tree = bare.tree();
        let count = text(&tree, "/count");
        let noted = put(&format!("/{who} at {}", count.len()), "");
        let seen = Edit::Expect { path: "/count".into(), seen: Seen::node_at(&tree, "/count") };
        match bare.commit(&mut [noted, seen, put("/count", &format!("{count}I"))]) {
            Ok(_) => return,
            Err(Refusal::Stale) => {}
            Err(refusal) => panic!("{refusal:?}"),
        }
    }
}

fn two_increments<P: Protocol + 'static>() {
    let bare = Bare::<P>::new();
    both(&bare, |bare| increment(bare, "one"), |bare| increment(bare, "other"));
    let tree = bare.tree();
    let count = text(&tree, "/count").len();
    assert!(count >= 2, "an increment was lost");
    assert!(count <= 2 && tree.entries.len() <= 3, "an edit took effect twice");
}

fn each_edit_takes_effect_once() {
    two_increments::<Serial>();
}

fn comparing_and_swapping_takes_effect_once() {
    two_increments::<CompareAndSwap>();
}

fn combining_takes_effect_once() {
    two_increments::<Combining>();
}

/// Against each other, and beside somebody who touches nothing that they read.
fn transactions_lose_no_increment() {
    let fs = tiny();
    fs.write("/count", b"I").unwrap();
    let increment = |fs: &MemFs| {
        fs.transaction(|tx| {
            let count = tx.read("/count")?;
            tx.write("/count", [&count[..], b"I"].concat())
        })
        .unwrap();
    };
    let bystander = thread::spawn({
        let fs = fs.clone();
        move || fs.create_dir("/d").unwrap()
    });
    both(&fs, increment, increment);
    bystander.join().unwrap();
    assert_eq!(fs.read("/count").unwrap(), b"III", "an increment was lost");
    assert!(fs.is_dir("/d"), "an update was lost");
    assert_eq!(fs.stats().used_bytes, 3);
}

fn a_reader_sees_no_state_between_two_edits() {
    let fs = tiny();
    fs.import_tree([("/a", "old"), ("/b", "old")]).unwrap();
    both(
        &fs,
        |fs| fs.import_tree([("/a", "new"), ("/b", "new")]).unwrap(),
        |fs| {
            let snapshot = fs.snapshot();
            assert_eq!(snapshot.read("/a").unwrap(), snapshot.read("/b").unwrap(), "half a commit");
        },
    );
}

/// Whoever hears, by whatever way, that a call has returned sees what it did; and whoever sees the
/// second of two things that one thread did sees the first.
fn what_was_reported_is_there() {
    let fs = tiny();
    let reported = Arc::new(AtomicBool::new(false));
    let writer = thread::spawn({
        let (fs, reported) = (fs.clone(), reported.clone());
        move || {
            fs.create_dir("/a").unwrap();
            reported.store(true, Release);
            fs.create_dir("/b").unwrap();
        }
    });
    let bystander = thread::spawn({
        let fs = fs.clone();
        move || fs.create_dir("/c").unwrap()
    });
    let heard = reported.load(Acquire);
    let seen = fs.snapshot();
    assert!(seen.exists("/a") || !heard, "what was reported is not there any more");
    assert!(seen.exists("/a") || !seen.exists("/b"), "what was there is not there any more");
    writer.join().unwrap();
    bystander.join().unwrap();
}

fn versions_grow_strictly() {
    let bare = Bare::<Serial>::new();
    let commit = |bare: &Bare<Serial>, path: &str| bare.commit(&mut [put(path, "")]).unwrap();
    let (a, (b, before, after)) = both(
        &bare,
        move |bare| commit(bare, "/a"),
        |bare| {
            let before = bare.publisher.load().version;
            let own = commit(bare, "/b");
            (own, before, bare.publisher.load().version)
        },
    );
    assert_ne!(a, b, "one version for two roots");
    assert!(before < b && b <= after, "a version went back");
    assert_eq!(bare.publisher.load().version, 2);
}

/// One commit moves `/a` to `/b` by hand; no root ever has both, or none. The other moves it to `/c`.
fn a_refused_commit_leaves_no_trace() {
    let bare = Bare::<Serial>::new();
    bare.commit(&mut [put("/a", "")]).unwrap();
    let (by_hand, at_once) = both(
        &bare,
        |bare| bare.commit(&mut [put("/b", ""), remove("/a")]),
        |bare| {
            let (from, to, now) = ("/a".into(), "/c".into(), Timestamp::default());
            bare.commit(&mut [Edit::Move { from, to, name: None, replace: false, now }])
        },
    );
    let (moved_to, refusal) = match (by_hand, at_once) {
        (Ok(_), Err(refusal)) => ("/b", refusal),
        (Err(refusal), Ok(_)) => ("/c", refusal),
        both => panic!("one of the two finds it gone: {both:?}"),
    };
    assert!(matches!(refusal, Refusal::Failed(error) if error.kind() == &ErrorKind::NotFound));
    let tree = bare.tree();
    assert!(find(&tree, moved_to).is_ok());
    assert_eq!(tree.entries.len(), 1, "a refused commit left something");
}

fn a_restore_and_two_writes_have_an_order() {
    let fs = tiny();
    let empty = fs.snapshot();
    both(
        &fs,
        |fs| {
            fs.write("/a", b"1").unwrap();
            fs.write("/b", b"2").unwrap();
        },
        move |fs| fs.restore(&empty).unwrap(),
    );
    let left = (fs.exists("/a"), fs.exists("/b"));
    assert_ne!(left, (true, false), "no order explains what is left");
    assert_eq!(fs.version(), 3, "no order explains the version");
    assert_eq!(fs.stats().used_bytes, u64::from(left.0) + u64::from(left.1));
}

/// Removed, brought back and removed again, while two read it.
fn a_large_tree_is_freed_when_its_last_reader_is_gone() {
    let fs = tiny();
    fs.import_tree([("/d/file", "1")]).unwrap();
    let snapshot = fs.snapshot();
    fs.remove_dir_all("/d").unwrap();
    fs.restore(&snapshot).unwrap();
    let remover = thread::spawn({
        let fs = fs.clone();
        move || fs.remove_dir_all("/d").unwrap()
    });
    both(
        &fs,
        |_| drop(snapshot),
        |fs| {
            let bytes = fs.snapshot().read("/d/file").unwrap_or_default();
            assert!(bytes.is_empty() || bytes == b"1", "half a payload");
        },
    );
    remover.join().unwrap();
    fs.set_max_quota(1);
    assert!(fs.write("/file", b"2").is_ok(), "bytes never came back");
    assert_eq!(fs.stats().used_bytes, 1);
}

fn a_reader_does_not_free_a_large_tree() {
    let quota = Arc::new(Quota::new(10, Guard::off()));
    let bare = Bare::<Serial>::new();
    let charge = quota.reserve(10, &NoRelief).unwrap();
    let new = [NewDir { name: None, charge: Arc::new(charge) }];
    let dir = Edit::MakeDirs { path: "/d".into(), new: new.into(), now: Timestamp::default() };
    bare.commit(&mut [dir, put("/d/1", ""), put("/d/2", "")]).unwrap();
    let reader = bare.publisher.load();
    both(
        &bare,
        |bare| {
            let what = Removal::Tree;
            bare.commit(&mut [Edit::Remove { path: "/d".into(), what, now: Timestamp::default() }]).unwrap();
        },
        |bare| bare.graves.sweep(),
    );
    drop(reader);
    assert_eq!(quota.used(), 10, "a reader freed a large tree");
    bare.graves.sweep();
    assert_eq!(quota.used(), 0);
}

fn a_refused_charge_waits_for_a_sweep_under_way() {
    let shared = Arc::new((Quota::new(1, Guard::off()), Graves::default()));
    let charge = shared.0.reserve(1, &NoRelief).unwrap();
    shared.1.bury(&Tree::new(Dir::new(Timestamp::default(), Some(Arc::new(charge)))));
    let (_, granted) =
        both(&shared, |shared| shared.1.glance(), |shared| shared.0.reserve(1, &shared.1).is_ok());
    assert!(granted, "refused although the bytes were coming back");
}
