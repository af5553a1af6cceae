//! What every store must do, checked on every backend through the trait that workloads use.

mod files;
mod pieces;
mod threads;
mod trees;

use std::collections::BTreeSet;

use arcfs_harness::backend::{self, Backend, Setup, Side};
use arcfs_harness::store::{Answer, Failure, Mode, OpenFile, Store};

/// What a backend can do. An ability that is not here must answer `Cannot` with a sentence.
#[derive(Clone, Copy)]
struct Abilities {
    name: &'static str,
    /// It may be missing on a machine, and then says so when it is made.
    may_be_absent: bool,
    limit: bool,
    /// `read_shared`.
    lends: bool,
    /// `Mode::Update` and `write_at`.
    updates: bool,
    views: bool,
    whole_writes: bool,
    /// Has directories that exist without files.
    directories: bool,
    /// Removing a missing file fails.
    tells_missing: bool,
}

const MAP: Abilities = Abilities {
    name: "",
    may_be_absent: false,
    limit: false,
    lends: false,
    updates: true,
    views: true,
    whole_writes: true,
    directories: false,
    tells_missing: true,
};
const ARCFS: Abilities = Abilities { limit: true, directories: true, ..MAP };
const DIRECTORY: Abilities =
    Abilities { may_be_absent: true, views: false, whole_writes: false, directories: true, ..MAP };

const EXPECTED: [Abilities; 10] = [
    Abilities { name: "arcfs-calls", lends: true, updates: false, ..ARCFS },
    Abilities { name: "arcfs-handles", ..ARCFS },
    Abilities { name: "tempfile-disk", ..DIRECTORY },
    Abilities { name: "tempfile-memory", ..DIRECTORY },
    Abilities { name: "map-mutex", ..MAP },
    Abilities { name: "map-rwlock", ..MAP },
    Abilities { name: "dashmap", lends: true, views: false, ..MAP },
    Abilities { name: "vfs-memory", views: false, whole_writes: false, directories: true, ..MAP },
    Abilities { name: "object-store", lends: true, updates: false, tells_missing: false, ..MAP },
    Abilities { name: "imbl-arcswap", lends: true, ..MAP },
];

/// Runs `check` on an empty store of every backend that is there.
fn on_every_store(check: impl Fn(&dyn Store, &Abilities)) {
    for (backend, abilities) in backend::all().iter().zip(&EXPECTED) {
        println!("{}", backend.name);
        match (backend.make)(&Setup::default()) {
            Ok(store) => check(&*store, abilities),
            Err(Failure::Cannot(why)) => {
                assert!(abilities.may_be_absent, "{} is absent: {why}", backend.name);
                assert_sentence(why);
                println!("  absent: {why}");
            }
            Err(failure) => panic!("{}: {failure}", backend.name),
        }
    }
}

#[track_caller]
fn assert_sentence(why: &str) {
    assert!(why.len() > 10 && why.contains(' ') && why.trim() == why, "not a sentence: {why:?}");
}

/// Checks that an ability is there, or that the store says why not; gives what it answers.
#[track_caller]
fn expect<T>(able: bool, what: &str, answer: Answer<T>) -> Option<T> {
    match answer {
        Ok(value) => {
            assert!(able, "can {what}, which the table does not say");
            Some(value)
        }
        Err(Failure::Cannot(why)) => {
            assert!(!able, "cannot {what}: {why}");
            assert_sentence(why);
            None
        }
        Err(failure) => panic!("{what}: {failure}"),
    }
}

#[track_caller]
fn assert_failed<T>(answer: Answer<T>) {
    match answer {
        Err(Failure::Failed(_)) => {}
        Err(other) => panic!("answers {other} instead of failing"),
        Ok(_) => panic!("does not fail"),
    }
}

#[track_caller]
fn assert_content(store: &dyn Store, path: &str, expected: &[u8]) {
    let mut out = b"what was in the buffer before".to_vec();
    store.read(path, &mut out).unwrap_or_else(|failure| panic!("{path}: {failure}"));
    assert!(out == expected, "{path} has {} other bytes instead of {}", out.len(), expected.len());
    assert_eq!(store.size(path).expect("there"), expected.len() as u64);
}

fn listing(store: &dyn Store, path: &str) -> Vec<String> {
    let mut names = Vec::new();
    store.list(path, &mut |name| names.push(name.to_owned())).expect("listed");
    names.sort();
    names
}

/// Bytes that differ between neighbours, blocks and seeds.
fn bytes(size: usize, seed: u8) -> Vec<u8> {
    (0..size).map(|at| (at % 251) as u8 ^ (at / 251) as u8 ^ seed).collect()
}

#[test]
fn the_table_has_every_backend_once() {
    let backends = backend::all();
    let names: Vec<_> = backends.iter().map(|backend| backend.name).collect();
    assert_eq!(names, EXPECTED.map(|abilities| abilities.name));
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    for Backend { name, about, side, .. } in backends {
        assert_eq!(side == Side::Arcfs, name.starts_with("arcfs-"));
        assert_sentence(about);
    }
}

#[test]
fn abilities_are_those_of_the_table() {
    on_every_store(|store, able| {
        store.write("/file", b"bytes").expect("written");
        expect(able.lends, "lend bytes", store.read_shared("/file", &mut |_| ()));
        expect(able.updates, "update", store.open("/file", Mode::Update).and_then(OpenFile::close));
        expect(able.views, "show one instant", store.view().map(drop));
        expect(able.limit, "count bytes", store.used());
        assert_eq!(store.whole_writes(), able.whole_writes);
    });
}
