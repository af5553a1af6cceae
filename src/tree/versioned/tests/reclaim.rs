//! Exactness: what is alive is what some version needs, after every step; and the bugs that would break it.

use super::super::planted::{Bug, with};
use super::forest::{Forest, Tree};

/// A generator of numbers that look random.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % sides as u64) as usize
    }
}

/// A directory that exists, up to three levels deep.
fn some_dir(tree: &Tree, dice: &mut Dice) -> Vec<String> {
    let mut path = Vec::new();
    let mut at = tree;
    while let Tree::Dir(entries) = at
        && path.len() < 3
    {
        let dirs: Vec<_> = entries.iter().filter(|(_, tree)| matches!(tree, Tree::Dir(_))).collect();
        if dirs.is_empty() || dice.roll(4) == 0 {
            break;
        }
        let (name, below) = dirs[dice.roll(dirs.len())];
        path.push(name.clone());
        at = below;
    }
    path
}

fn some_name(dice: &mut Dice) -> String {
    match dice.roll(12) {
        0 => format!("x{}", dice.roll(20)),
        1 => "n".repeat(1 + dice.roll(255)),
        _ => format!("file_{:04}", dice.roll(300)),
    }
}

fn edit(forest: &mut Forest, dice: &mut Dice) {
    let path = some_dir(&forest.tree, dice);
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let name = some_name(dice);
    let entries = forest.tree.dir(&path).clone();
    let there: Vec<_> = entries.keys().collect();
    match dice.roll(20) {
        0 if path.len() < 3 => forest.create_dir(&path, &format!("dir{}", dice.roll(6))),
        1 => {
            for n in 0..dice.roll(100) as u32 {
                forest.write(&path, &format!("many_{n:04}"), n);
            }
        }
        2 if dice.roll(4) == 0 => forest.clear(&path),
        3..=7 if !there.is_empty() => forest.remove(&path, there[dice.roll(there.len())]),
        8..=9 if !there.is_empty() => {
            let name = there[dice.roll(there.len())];
            let to = some_dir(&forest.tree, dice);
            let to: Vec<&str> = to.iter().map(String::as_str).collect();
            let below = to.starts_with(&path) && to.get(path.len()).is_some_and(|first| first == name);
            let new_name = some_name(dice);
            let is_way = path.starts_with(&to) && path.get(to.len()).is_some_and(|first| *first == new_name);
            if !below && !is_way && (path != to || *name != new_name) {
                forest.rename(&path, name, &to, &new_name);
            }
        }
        _ => forest.write(&path, &name, dice.roll(1000) as u32),
    }
}

fn random_run(seed: u64, steps: usize, with_readers: bool) {
    let (mut forest, mut dice) = (Forest::new(), Dice(seed));
    for _ in 0..steps {
        for _ in 0..=dice.roll(6) {
            edit(&mut forest, &mut dice);
        }
        if dice.roll(5) == 0 {
            forest.abort();
        } else {
            forest.commit();
        }
        match dice.roll(8) {
            0..=1 if forest.snapshots.len() < 12 => forest.keep(),
            2 if !forest.snapshots.is_empty() => {
                let at = dice.roll(forest.snapshots.len());
                forest.drop_kept(at);
            }
            3 if with_readers && forest.readers.len() < 3 => forest.read(dice.roll(2) == 0),
            4 if !forest.readers.is_empty() => {
                let at = dice.roll(forest.readers.len());
                forest.readers.swap_remove(at);
            }
            5 => {
                // Some of it only: what waits is finished another time.
                forest.sweep(1 + dice.roll(20));
            }
            _ => forest.settle(),
        }
        forest.check();
    }
    while !forest.snapshots.is_empty() {
        let at = dice.roll(forest.snapshots.len());
        forest.drop_kept(at);
    }
    forest.readers.clear();
    forest.settle();
    forest.end();
}

const SEEDS: u64 = if cfg!(miri) { 1 } else { 40 };
const STEPS: usize = if cfg!(miri) { 8 } else { 120 };

#[test]
fn what_is_alive_is_what_versions_need() {
    for seed in 0..SEEDS {
        random_run(seed, STEPS, false);
    }
}

#[test]
fn readers_keep_what_they_read() {
    for seed in 1000..1000 + SEEDS {
        random_run(seed, STEPS, true);
    }
}

/// More than one leaf.
const FILES: u32 = if cfg!(miri) { 40 } else { 100 };

/// A directory of files below another one, in a version of its own.
fn planted_forest() -> Forest {
    let mut forest = Forest::new();
    forest.create_dir(&[], "dir");
    forest.create_dir(&["dir"], "below");
    for n in 0..FILES {
        forest.write(&["dir", "below"], &format!("file_{n:03}"), n);
    }
    forest.commit();
    forest.settle();
    forest
}

fn overwrite(forest: &mut Forest, times: u32) {
    for n in 0..if cfg!(miri) { times.min(8) } else { times } {
        forest.write(&["dir", "below"], &format!("file_{:03}", n % FILES), 1000 + n);
        forest.commit();
        forest.sweep(usize::MAX);
    }
}

fn dropping_the_newer_of_two() {
    let mut forest = planted_forest();
    forest.keep();
    overwrite(&mut forest, 3);
    forest.keep();
    overwrite(&mut forest, 100);
    forest.drop_kept(1);
    forest.check();
    forest.drop_kept(0);
    forest.end();
}

fn committing_with_a_snapshot() {
    let mut forest = planted_forest();
    forest.keep();
    overwrite(&mut forest, 10);
    forest.check();
    forest.end();
}

fn overwriting_beside_a_reader(exact: bool) {
    let mut forest = planted_forest();
    forest.read(exact);
    overwrite(&mut forest, 50);
    forest.check();
    forest.readers.clear();
    forest.settle();
    forest.end();
}

fn giving_up() {
    let mut forest = planted_forest();
    forest.keep();
    forest.write(&["dir", "below"], "file_030", 1); // copies the way
    forest.write(&["dir", "below"], "file_031", 2); // edits the copies in place
    forest.create_dir(&["dir"], "new");
    forest.write(&["dir", "new"], "file", 3);
    forest.rename(&["dir"], "below", &["dir", "new"], "moved");
    forest.remove(&["dir", "new", "moved"], "file_000");
    forest.remove(&[], "dir"); // what was born in this version dies with what was not
    forest.abort();
    forest.settle();
    forest.check();
    forest.end();
}

fn removing_a_tree_that_a_snapshot_needs_in_parts() {
    let mut forest = planted_forest();
    forest.keep();
    overwrite(&mut forest, 1);
    forest.remove(&[], "dir");
    forest.commit();
    while forest.sweep(7) {}
    forest.check();
    forest.drop_kept(0);
    forest.end();
}

fn forking() {
    let mut base = planted_forest();
    base.keep();
    let mut fork = Forest::fork(&base.snapshots[0]);
    overwrite(&mut fork, 10);
    fork.keep();
    fork.remove(&["dir", "below"], "file_035");
    fork.commit();
    overwrite(&mut base, 10);
    fork.remove(&[], "dir");
    fork.commit();
    fork.settle();
    fork.check();
    fork.drop_kept(0);
    fork.write(&[], "own", 1);
    fork.abort();
    fork.settle();
    fork.end();
    base.settle();
    base.check();
    base.end();
}

/// Each bug is found by the scenario that works without it.
macro_rules! bugs {
    ($($works:ident, $found:ident: $bug:ident, $scenario:expr, $says:literal;)*) => {$(
        #[test]
        fn $works() {
            $scenario;
        }

        #[test]
        #[should_panic(expected = $says)]
        fn $found() {
            with(Bug::$bug, || $scenario);
        }
    )*};
}

bugs! {
    an_older_snapshot_keeps_what_it_shares, planted_drop_ignores_older:
        DropIgnoresOlder, dropping_the_newer_of_two(), "freed what is still needed";
    the_newest_snapshot_keeps_what_dies, planted_commit_ignores_newest:
        CommitIgnoresNewest, committing_with_a_snapshot(), "freed what is still needed";
    a_reader_keeps_what_dies, planted_ignores_readers:
        IgnoresReaders, overwriting_beside_a_reader(false), "freed what is still needed";
    an_exact_reader_keeps_its_version, planted_ignores_exact_readers:
        IgnoresExact, overwriting_beside_a_reader(true), "freed what is still needed";
    giving_up_frees_what_was_built, planted_abort_forgets_what_was_edited_in_place:
        AbortForgetsBorn, giving_up(), "not exactly what is needed is alive";
    giving_up_brings_back_what_was_replaced, planted_abort_frees_what_was_replaced:
        AbortFreesDead, giving_up(), "freed what is still needed";
    a_fork_owns_what_it_adds, planted_fork_frees_what_it_shares:
        IgnoresFloor, forking(), "freed what is not its own";
    a_snapshot_keeps_parts_of_a_dead_tree, planted_slices_ignore_snapshots:
        SliceIgnoresSnapshots, removing_a_tree_that_a_snapshot_needs_in_parts(), "freed what is still needed";
}

#[test]
fn a_stalled_reader_retains_what_its_version_needs_and_no_more() {
    let mut forest = planted_forest();
    forest.read(true);
    let needed = forest.readers[0].0.objects.len();
    overwrite(&mut forest, if cfg!(miri) { 60 } else { 2000 });
    // All of its version, all of the current one, and what waits for the next search.
    let alive = forest.store.arena().objects();
    assert!(alive <= 4 * needed, "{alive} alive, {needed} needed");
    forest.readers.clear();
    forest.settle();
    forest.end();
}

#[test]
fn a_large_tree_goes_in_slices() {
    let mut forest = Forest::new();
    let (dirs, files) = if cfg!(miri) { (3, 40) } else { (30, 700) };
    for dir in 0..dirs {
        forest.create_dir(&[], &format!("{dir}"));
        for file in 0..files {
            forest.write(&[&format!("{dir}")], &format!("file_{file}"), file);
        }
    }
    forest.commit();
    forest.settle();
    let before = forest.store.arena().objects();
    forest.clear(&[]);
    forest.commit();
    assert!(forest.store.pending() < 10, "it dies as one");
    let mut alive = before;
    let mut slices = 0;
    while forest.sweep(100) {
        let now = forest.store.arena().objects();
        assert!(alive - now.min(alive) <= 200, "{alive} {now}");
        alive = now;
        slices += 1;
    }
    assert!(slices >= before / 200);
    forest.settle();
    assert_eq!(forest.store.arena().objects(), 1);
    forest.end();
}

#[test]
fn a_tree_that_a_snapshot_needs_dies_at_once_and_goes_with_the_snapshot() {
    let mut forest = planted_forest();
    forest.keep();
    forest.remove(&[], "dir");
    forest.commit();
    forest.settle();
    forest.check();
    assert!(forest.store.arena().objects() > 2 * FILES as usize);
    forest.drop_kept(0);
    assert_eq!(forest.store.arena().objects(), 1);
    forest.end();
}

#[test]
fn a_deep_tree_ends_without_recursion() {
    let mut forest = Forest::new();
    forest.grow_deep(if cfg!(miri) { 50 } else { 100_000 });
    forest.commit();
    forest.close();
}

#[test]
fn a_deep_tree_is_given_up_without_recursion() {
    let mut forest = Forest::new();
    forest.grow_deep(if cfg!(miri) { 50 } else { 100_000 });
    forest.abort();
    forest.settle();
    forest.end();
}

#[test]
fn a_deep_tree_goes_in_slices() {
    let mut forest = Forest::new();
    forest.grow_deep(if cfg!(miri) { 50 } else { 100_000 });
    forest.commit();
    forest.clear(&[]);
    forest.commit();
    while forest.sweep(1000) {}
    assert_eq!(forest.store.arena().objects(), 1);
    forest.end();
}

#[test]
fn the_end_frees_what_snapshots_still_listed() {
    let mut forest = planted_forest();
    forest.keep();
    overwrite(&mut forest, 20);
    forest.keep();
    overwrite(&mut forest, 20);
    forest.remove(&[], "dir");
    forest.commit();
    forest.close();
}

#[test]
fn one_version_is_kept_by_several_snapshots() {
    let mut forest = planted_forest();
    let first = forest.store.take().unwrap();
    assert_eq!(forest.store.take().unwrap(), first);
    assert_eq!(forest.store.snapshots(), 1);
    // SAFETY: nobody reads it.
    unsafe { forest.store.drop_snapshot(first) };
    assert_eq!(forest.store.snapshots(), 1);
    // SAFETY: as above.
    unsafe { forest.store.drop_snapshot(first) };
    assert_eq!(forest.store.snapshots(), 0);
    forest.end();
}
