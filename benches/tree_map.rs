//! The map of a directory against a persistent and a mutable one, and the whole path of a commit.
//!
//! Every write is a version of its own that is published and whose predecessor is freed, except in `BTreeMap`, which
//! has no versions. Targets: an overwrite at most a fifth of `imbl`'s, a look-up at most 1.2 × that of `BTreeMap`.

#![allow(unsafe_code, reason = "the store is driven as the engine will do it")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::ptr::NonNull;
use std::time::Duration;

use arcfs::internals::versioned::{Arena, Directory, Kinds, Lone, Map, Object, Store, Value};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

/// Names in an order that looks random; `outliers` shorten the prefix that the others have in common.
fn names(count: usize, outliers: bool) -> Vec<String> {
    let round = count.next_power_of_two();
    let order = (0..round).map(|n| n.wrapping_mul(2_654_435_761) % round).filter(|n| *n < count);
    order
        .map(|n| match n % 25 {
            3 if outliers => format!("README_{n}.md"),
            7 if outliers => format!("x{n}"),
            _ if outliers => format!("a_common_prefix__{n:06}.bin"),
            _ => format!("file_{n:06}.bin"),
        })
        .collect()
}

fn maps(c: &mut Criterion) {
    for (kind, outliers) in [("", false), (", outliers", true)] {
        for count in [10, 100, 1_000, 10_000, 100_000] {
            let names = names(count, outliers);
            let mut group = c.benchmark_group(format!("{count} names{kind}"));
            group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(800));

            let mut lone = Lone::new();
            let mut imbl: imbl::OrdMap<String, u32> = imbl::OrdMap::new();
            let mut btree: BTreeMap<String, u32> = BTreeMap::new();
            for (name, n) in names.iter().zip(0..) {
                lone.insert(name, n).expect("there is memory");
                lone.commit().expect("there is memory");
                imbl.insert(name.clone(), n);
                btree.insert(name.clone(), n);
            }
            let tally = lone.check().expect("it is sound");
            eprintln!(
                "{count}{kind}: {:.1} bytes an entry in use, {:.1} reserved, {tally:?}",
                lone.arena().live() as f64 / count as f64,
                lone.arena().reserved() as f64 / count as f64
            );
            let absent: Vec<_> = names.iter().map(|name| format!("{name}~")).collect();

            let mut turn = (0..count).cycle();
            let mut next = || turn.next().expect("it is endless");
            group.bench_function(BenchmarkId::new("hit", "versioned"), |b| {
                b.iter(|| lone.get(&names[next()]));
            });
            group.bench_function(BenchmarkId::new("hit", "imbl"), |b| b.iter(|| imbl.get(&names[next()])));
            group.bench_function(BenchmarkId::new("hit", "BTreeMap"), |b| {
                b.iter(|| btree.get(&names[next()]));
            });
            group.bench_function(BenchmarkId::new("miss", "versioned"), |b| {
                b.iter(|| lone.get(&absent[next()]));
            });
            group.bench_function(BenchmarkId::new("miss", "imbl"), |b| b.iter(|| imbl.get(&absent[next()])));
            group.bench_function(BenchmarkId::new("miss", "BTreeMap"), |b| {
                b.iter(|| btree.get(&absent[next()]));
            });
            group.bench_function(BenchmarkId::new("overwrite", "versioned"), |b| {
                b.iter(|| {
                    lone.overwrite(&names[next()], 1).expect("there is memory");
                    lone.commit().expect("there is memory");
                });
            });
            group.bench_function(BenchmarkId::new("overwrite", "imbl"), |b| {
                b.iter(|| {
                    let mut newer = imbl.clone();
                    *newer.get_mut(&names[next()]).expect("it is there") = 1;
                    imbl = newer;
                });
            });
            group.bench_function(BenchmarkId::new("overwrite", "BTreeMap"), |b| {
                b.iter(|| *btree.get_mut(&names[next()]).expect("it is there") = 1);
            });
            group.bench_function(BenchmarkId::new("insert and remove", "versioned"), |b| {
                b.iter(|| {
                    let name = &absent[next()];
                    lone.insert(name, 1).expect("there is memory");
                    lone.commit().expect("there is memory");
                    lone.remove(name).expect("there is memory");
                    lone.commit().expect("there is memory");
                });
            });
            group.bench_function(BenchmarkId::new("insert and remove", "imbl"), |b| {
                b.iter(|| {
                    let name = &absent[next()];
                    let mut newer = imbl.clone();
                    newer.insert(name.clone(), 1);
                    imbl = newer;
                    let mut newer = imbl.clone();
                    newer.remove(name);
                    imbl = newer;
                });
            });
            group.bench_function(BenchmarkId::new("insert and remove", "BTreeMap"), |b| {
                b.iter(|| {
                    let name = &absent[next()];
                    btree.insert(name.clone(), 1);
                    btree.remove(name);
                });
            });
            group.finish();
        }
    }
}

#[repr(C)]
struct File {
    birth: u64,
    rest: [u64; 7],
}

#[repr(C)]
struct Dir {
    birth: u64,
    entries: Map,
    rest: [u64; 5],
}

struct Sorts;

impl Kinds for Sorts {
    type File = File;
    type Directory = Dir;
    type Remains = ();
}

// SAFETY: the birth is the first field, and the block is given back.
unsafe impl Object<()> for File {
    unsafe fn free(this: NonNull<Self>, arena: &mut Arena, (): &mut ()) {
        // SAFETY: as the caller warrants.
        unsafe { arena.free(this.cast(), size_of::<Self>()) };
    }
}

// SAFETY: as above.
unsafe impl Object<()> for Dir {
    unsafe fn free(this: NonNull<Self>, arena: &mut Arena, (): &mut ()) {
        // SAFETY: as the caller warrants.
        unsafe { arena.free(this.cast(), size_of::<Self>()) };
    }
}

// SAFETY: its entries are files and directories of one store.
unsafe impl Directory<()> for Dir {
    fn entries(&self) -> &Map {
        &self.entries
    }
}

fn make_dir(store: &mut Store<Sorts>, entries: Map) -> NonNull<Dir> {
    let dir = store.arena_mut().alloc(size_of::<Dir>()).expect("there is memory").cast::<Dir>();
    // SAFETY: the block is ours and large enough.
    unsafe { dir.write(Dir { birth: store.version() + 1, entries, rest: [0; 5] }) };
    dir
}

/// The directory, copied if it is published.
///
/// # Safety
///
/// It is replaced by what is returned.
unsafe fn own(store: &mut Store<Sorts>, dir: NonNull<Dir>) -> NonNull<Dir> {
    // SAFETY: as the caller warrants.
    unsafe {
        if dir.as_ref().birth == store.version() + 1 {
            return dir;
        }
        let new = make_dir(store, dir.as_ref().entries.alias());
        store.kill(Value::directory(dir)).expect("there is memory");
        new
    }
}

/// Writes `/top/dir/name` as one commit, and frees what it replaced each 64 commits.
fn write(store: &mut Store<Sorts>, root: &mut NonNull<Dir>, dir: &str, name: &str) {
    // SAFETY: nobody reads; what is edited was made one's own.
    unsafe {
        let file = store.arena_mut().alloc(size_of::<File>()).expect("there is memory").cast::<File>();
        file.write(File { birth: store.version() + 1, rest: [0; 7] });
        *root = own(store, *root);
        let mut at = *root;
        for name in ["top", dir] {
            let slot: *mut Value = {
                let entries = &mut (*at.as_ptr()).entries;
                entries.get_mut(&mut store.edit(), name).expect("there is memory").expect("it is there")
            };
            at = own(store, (*slot).object());
            *slot = Value::directory(at);
        }
        let old = (*at.as_ptr()).entries.insert(&mut store.edit(), name, Value::file(file));
        if let Some(old) = old.expect("there is memory") {
            store.kill(old).expect("there is memory");
        }
        store.prepare().expect("there is memory");
        store.commit();
        if store.version().is_multiple_of(64) {
            store.sweep(&[], usize::MAX);
        }
    }
}

/// The published directories, as a filesystem over `imbl` has them.
#[derive(Clone)]
struct Shared(imbl::OrdMap<String, Either>);

#[derive(Clone)]
enum Either {
    Dir(std::sync::Arc<Shared>),
    File(#[expect(dead_code, reason = "it is only shared")] std::sync::Arc<[u64; 8]>),
}

fn write_shared(root: &arc_swap::ArcSwap<Shared>, dir: &str, name: &str) {
    fn put(at: &Shared, path: &[&str]) -> Shared {
        let mut at = at.clone();
        let new = match path {
            [_] => Either::File(std::sync::Arc::new([0; 8])),
            _ => match at.0.get(path[0]) {
                Some(Either::Dir(dir)) => Either::Dir(std::sync::Arc::new(put(dir, &path[1..]))),
                _ => unreachable!("it is a directory"),
            },
        };
        *at.0.get_mut(path[0]).expect("it is there") = new;
        at
    }
    let new = put(&root.load(), &["top", dir, name]);
    root.store(std::sync::Arc::new(new));
}

fn paths(c: &mut Criterion) {
    for (dirs, files) in [(8, 100), (64, 1000)] {
        let mut group = c.benchmark_group(format!("write without content, {dirs} x {files}"));
        let dir_names: Vec<_> = (0..dirs).map(|n| format!("dir{n}")).collect();
        let file_names = names(files, false);
        let total = dirs * files;
        let round = total.next_power_of_two();
        let mut order =
            (0..round).cycle().map(|n| n.wrapping_mul(2_654_435_761) % round).filter(|n| *n < total);
        let mut pick = || {
            let n = order.next().expect("it is endless");
            (dir_names[n % dirs].as_str(), file_names[n / dirs].as_str())
        };

        let mut store = Store::<Sorts>::new(0);
        // SAFETY: nobody reads.
        let mut root = unsafe {
            let mut top = Map::new();
            for dir in &dir_names {
                let dir_object = make_dir(&mut store, Map::new());
                top.insert(&mut store.edit(), dir, Value::directory(dir_object)).expect("there is memory");
            }
            let top = make_dir(&mut store, top);
            let mut entries = Map::new();
            entries.insert(&mut store.edit(), "top", Value::directory(top)).expect("there is memory");
            make_dir(&mut store, entries)
        };
        for _ in 0..total {
            let (dir, name) = pick();
            write(&mut store, &mut root, dir, name);
        }
        group.bench_function("versioned", |b| {
            b.iter(|| {
                let (dir, name) = pick();
                write(&mut store, &mut root, black_box(dir), black_box(name));
            });
        });
        let snapshot = store.take().expect("there is memory");
        group.bench_function("versioned, a snapshot held", |b| {
            b.iter(|| {
                let (dir, name) = pick();
                write(&mut store, &mut root, black_box(dir), black_box(name));
            });
        });
        // SAFETY: nobody reads.
        unsafe {
            store.drop_snapshot(snapshot);
            store.end(Some(Value::directory(root)));
        }

        let file = || Either::File(std::sync::Arc::new([0; 8]));
        let dir = || Shared(file_names.iter().map(|name| (name.clone(), file())).collect());
        let all = dir_names.iter().map(|name| (name.clone(), Either::Dir(std::sync::Arc::new(dir()))));
        let top = Either::Dir(std::sync::Arc::new(Shared(all.collect())));
        let shared = arc_swap::ArcSwap::from_pointee(Shared(imbl::ordmap! { "top".to_owned() => top }));
        group.bench_function("imbl and ArcSwap", |b| {
            b.iter(|| {
                let (dir, name) = pick();
                write_shared(&shared, black_box(dir), black_box(name));
            });
        });
        group.finish();
    }
}

criterion_group!(benches, maps, paths);
criterion_main!(benches);
