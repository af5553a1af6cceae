//! Whole files: written, replaced, removed, lent, and refused where a limit is reached.

use arcfs_harness::backend::{self, Setup};
use arcfs_harness::store::{Failure, Mode};

use crate::{EXPECTED, assert_content, assert_failed, bytes, expect, on_every_store};

#[test]
fn files_are_written_replaced_and_removed() {
    on_every_store(|store, able| {
        store.create_dir_all("/a/b").expect("made");
        store.create_dir_all("/a/b").expect("there already");
        for (round, size) in [0, 1, 5000, 5000, 300_001, 16, 0, 70_000].into_iter().enumerate() {
            let expected = bytes(size, round as u8);
            let mut given = expected.clone();
            store.write("/a/b/file", &given).expect("written");
            given.fill(0xee); // the bytes are the caller's again
            assert_content(store, "/a/b/file", &expected);
        }
        store.remove("/a/b/file").expect("removed");
        assert_failed(store.read("/a/b/file", &mut Vec::new()));
        assert_failed(store.size("/a/b/file"));
        assert_failed(store.open("/a/b/file", Mode::Read).map(drop));
        if able.updates {
            assert_failed(store.open("/a/b/file", Mode::Update).map(drop));
        }
        if able.lends {
            assert_failed(store.read_shared("/a/b/file", &mut |_| ()));
        }
        assert_eq!(store.remove("/a/b/file").is_err(), able.tells_missing);
        store.write("/a/b/file", b"again").expect("written");
        assert_content(store, "/a/b/file", b"again");
    });
}

#[test]
fn shared_bytes_are_those_of_the_file() {
    on_every_store(|store, able| {
        for size in [0, 1, 4096, 300_001] {
            let expected = bytes(size, 7);
            store.write("/file", &expected).expect("written");
            let mut seen = Vec::new();
            let answer = store.read_shared("/file", &mut |piece| seen.extend_from_slice(piece));
            if expect(able.lends, "lend bytes", answer).is_some() {
                assert!(seen == expected, "{} other bytes instead of {size}", seen.len());
            }
        }
    });
}

#[test]
fn a_limit_is_kept_or_refused() {
    const LIMIT: u64 = 1 << 20;
    const PARTS: u64 = 16;
    for (backend, able) in backend::all().iter().zip(&EXPECTED) {
        println!("{}", backend.name);
        let made = (backend.make)(&Setup { limit: Some(LIMIT) });
        let Some(store) = expect(able.limit, "keep a limit", made) else { continue };
        let part = bytes((LIMIT / PARTS) as usize, 3);
        let mut written = 0;
        let full = loop {
            match store.write(&format!("/{written}"), &part) {
                Ok(()) => written += 1,
                Err(failure) => break failure,
            }
            assert!(store.used().expect("counted") <= LIMIT);
            assert!(written <= PARTS, "more than the limit was written");
        };
        assert!(matches!(full, Failure::Full), "answers {full}");
        assert!(written > PARTS / 2, "only {written} of {PARTS} parts can be used");
        assert_failed(store.read(&format!("/{written}"), &mut Vec::new()));
        let used = store.used().expect("counted");
        store.remove("/0").expect("removed");
        assert!(store.used().expect("counted") < used);
        store.write("/0", &part[..part.len() / 2]).expect("there is room again");

        let mut stream = store.open("/stream", Mode::Create).expect("opened");
        let full = (0..=LIMIT / 10_000).find_map(|_| stream.write(&[5; 10_000]).err());
        assert!(matches!(full, Some(Failure::Full)), "answers {full:?}");
        assert!(store.used().expect("counted") <= LIMIT);
    }
}
