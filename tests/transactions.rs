//! Transactions, through the public API alone.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant, SystemTime};

use arcfs::testing::{assert_tree_eq, mem_fs};
use arcfs::{Error, ErrorKind, MemFs, Result, Transaction};

fn sample() -> MemFs {
    mem_fs! { "a" => "a", "b" => "b", "d/f" => "f", "d/g" => "g", "d/sub/deep" => "deep", "e/" }
}

/// Runs `body` in a transaction, and `disturb` on the filesystem once, at the end of the first run.
/// Answers how often the body ran.
#[track_caller]
fn runs(
    fs: &MemFs,
    disturb: impl Fn(&MemFs) -> Result<()>,
    mut body: impl FnMut(&mut Transaction) -> Result<()>,
) -> u32 {
    let mut runs = 0;
    fs.transaction(|tx| {
        runs += 1;
        body(tx)?;
        if runs == 1 {
            disturb(fs)?;
        }
        tx.write("/mark", runs.to_string()) // so that there is something to publish
    })
    .unwrap();
    assert_eq!(fs.read_to_string("/mark").unwrap(), runs.to_string());
    runs
}

/// What reads, and what disturbs it.
type Body<'a> = &'a dyn Fn(&mut Transaction) -> Result<()>;
type Disturb<'a> = &'a dyn Fn(&MemFs) -> Result<()>;

#[track_caller]
fn conflicts(read: Body<'_>, disturb: Disturb<'_>) {
    assert_eq!(runs(&sample(), disturb, read), 2, "a conflict was missed");
}

#[track_caller]
fn undisturbed(read: Body<'_>, disturb: Disturb<'_>) {
    assert_eq!(runs(&sample(), disturb, read), 1, "a conflict was seen where there is none");
}

/// Whatever the answer was, it was given.
fn done<T>(_: T) -> Result<()> {
    Ok(())
}

fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind().clone()
}

#[test]
fn it_sees_its_own_writes_and_nobody_else_does() {
    let fs = sample();
    fs.transaction(|tx| {
        tx.write("/new", b"1")?;
        tx.append("/new", b"2")?;
        tx.create_dir_all("/x/y")?;
        tx.remove_file("/a")?;
        assert_eq!(tx.read("/new")?, b"12");
        assert_eq!(tx.read_to_string("/new")?, "12");
        assert_eq!(tx.content("/new")?.to_vec()?, b"12");
        let mut out = Vec::new();
        assert_eq!(tx.read_into("/new", &mut out)?, 2);
        assert!(tx.is_dir("/x/y") && !tx.exists("/a") && tx.is_file("/new") && !tx.exists("/.."));
        assert_eq!(tx.metadata("/new")?.generation(), 2);
        assert_eq!(tx.glob("/x/**")?, ["/x/y"]);
        assert_eq!(tx.usage("/x")?.dirs, 2);
        assert_eq!(tx.walk("/x")?.count(), 2);
        assert_eq!(tx.read_dir("/")?.count(), 5);
        assert!(!fs.exists("/new") && fs.exists("/a") && !fs.exists("/x"));
        Ok(())
    })
    .unwrap();
    assert!(fs.exists("/new") && !fs.exists("/a") && fs.is_dir("/x/y"));
    assert_eq!(fs.metadata("/new").unwrap().generation(), 2);
}

#[test]
fn a_publication_is_one_version_and_reading_is_none() {
    let fs = sample();
    let before = fs.version();
    fs.transaction(|tx| {
        assert_eq!(tx.version(), before);
        tx.read_dir("/")?;
        tx.glob("**")?;
        tx.replace("/a", "/a")?;
        tx.exchange("/a", "/a")?;
        tx.append("/a", b"")?;
        tx.create_dir_all("/d/sub")?;
        tx.import_tree::<&str, &str>([])
    })
    .unwrap();
    assert_eq!(fs.version(), before);
    fs.transaction(|tx| {
        tx.write("/1", b"")?;
        tx.write("/2", b"")?;
        tx.create_dir("/3")
    })
    .unwrap();
    assert_eq!(fs.version(), before + 1);
    for path in ["/1", "/2", "/3"] {
        assert_eq!(fs.metadata(path).unwrap().version(), before + 1);
    }
}

#[test]
fn an_error_or_a_panic_leaves_no_trace() {
    let fs = sample();
    let (stats, version, before) = (fs.stats(), fs.version(), fs.snapshot());
    let everything = |tx: &mut Transaction| -> Result<()> {
        tx.write("/big", [7; 200_000])?;
        tx.create_dir_all("/a very long name that must be paid for/another long one to pay for")?;
        tx.remove_dir_all("/d")?;
        tx.copy("/a", "/copy")?;
        tx.rename("/b", "/a name of more than twenty-three bytes")?;
        tx.set_modified("/a", SystemTime::UNIX_EPOCH)?;
        tx.import_tree([("/i/1", "1"), ("/i/2", "2")])
    };
    let error = fs.transaction(|tx| {
        everything(tx)?;
        Err::<(), _>(Error::other("changed my mind"))
    });
    let error = error.unwrap_err();
    assert_eq!((error.kind(), error.operation(), error.path()), (&ErrorKind::Other, "", None));
    assert_eq!(error.to_string(), "changed my mind");

    let panicked = catch_unwind(AssertUnwindSafe(|| {
        fs.transaction(|tx| -> Result<()> {
            everything(tx)?;
            panic!("half-way");
        })
    }));
    assert!(panicked.is_err());
    assert!(fs.snapshot().same_as(&before));
    drop(before);
    assert_eq!((fs.stats(), fs.version()), (stats, version));
    fs.transaction(everything).unwrap(); // and nothing is broken
    assert!(fs.exists("/i/2") && !fs.exists("/d"));
}

#[test]
fn a_call_that_fails_changes_nothing_and_the_transaction_goes_on() {
    let fs = sample();
    fs.transaction(|tx| {
        assert_eq!(kind(tx.create_dir("/a")), ErrorKind::AlreadyExists);
        assert_eq!(kind(tx.create_dir("/no/d")), ErrorKind::NotFound);
        assert_eq!(kind(tx.create_dir("/")), ErrorKind::AlreadyExists);
        assert_eq!(kind(tx.create_dir_all("/a/b/c")), ErrorKind::NotADirectory);
        assert_eq!(kind(tx.remove_file("/d")), ErrorKind::IsADirectory);
        assert_eq!(kind(tx.remove_dir("/d")), ErrorKind::DirectoryNotEmpty);
        assert_eq!(kind(tx.remove_dir_all("/")), ErrorKind::InvalidInput);
        assert_eq!(kind(tx.rename("/a", "/b")), ErrorKind::AlreadyExists);
        assert_eq!(kind(tx.rename("/d", "/d/sub/x")), ErrorKind::InvalidInput);
        assert_eq!(kind(tx.replace("/e", "/d")), ErrorKind::DirectoryNotEmpty);
        assert_eq!(kind(tx.exchange("/a", "/no")), ErrorKind::NotFound);
        assert_eq!(kind(tx.move_path("/a", "/b/x")), ErrorKind::NotADirectory);
        assert_eq!(kind(tx.copy("/d", "/x")), ErrorKind::IsADirectory);
        assert_eq!(kind(tx.copy_dir_all("/a", "/x")), ErrorKind::NotADirectory);
        assert_eq!(kind(tx.write("/", b"")), ErrorKind::IsADirectory);
        assert_eq!(kind(tx.append("/d", b"")), ErrorKind::IsADirectory);
        assert_eq!(kind(tx.read("/d")), ErrorKind::IsADirectory);
        assert_eq!(kind(tx.read_dir("/a")), ErrorKind::NotADirectory);
        assert_eq!(kind(tx.walk("/no")), ErrorKind::NotFound);
        assert_eq!(kind(tx.glob("[")), ErrorKind::InvalidPattern);
        assert_eq!(kind(tx.metadata("/a/b")), ErrorKind::NotADirectory);
        assert_eq!(kind(tx.set_modified("/no", SystemTime::now())), ErrorKind::NotFound);
        assert_eq!(kind(tx.import_tree([("/new", "1"), ("/a/x", "2")])), ErrorKind::NotADirectory);
        assert_eq!(kind(tx.write("/..", b"")), ErrorKind::InvalidPath);
        assert!(!tx.exists("/new"));
        tx.write("/after", b"1")
    })
    .unwrap();
    assert_eq!(fs.read("/after").unwrap(), b"1");
}

#[test]
fn errors_name_the_same_as_those_of_the_filesystem() {
    let fs = sample();
    let named = |error: Error| {
        let own = |path: Option<&str>| path.map(str::to_owned);
        (error.kind().clone(), error.operation(), own(error.path()), own(error.other_path()))
    };
    fs.transaction(|tx| {
        macro_rules! same {
            ($($call:ident($($arg:expr),*)),* $(,)?) => {$(
                assert_eq!(
                    named(tx.$call($($arg),*).map(drop).unwrap_err()),
                    named(fs.$call($($arg),*).map(drop).unwrap_err()),
                );
            )*};
        }
        let snapshot = fs.snapshot();
        same!(
            create_dir("a"),
            create_dir("/../x"),
            create_dir_all("/a/x"),
            remove_file("//d/"),
            remove_dir("/d"),
            remove_dir("/"),
            remove_dir_all("/no"),
            rename("/a", "//b"),
            rename("/", "/x"),
            rename("/a", "/.."),
            rename("/..", "/a"),
            rename("/a", "/no/x"),
            rename("/d", "/d/x"),
            replace("/a", "/d"),
            replace("/d", "/a"),
            replace("/e", "/d"),
            exchange("/a", "/"),
            exchange("/", "/a"),
            exchange("/no", "/a"),
            exchange("/a", "/no"),
            exchange("/d", "/d/f"),
            move_path("/no", "/x/y"),
            move_path("/a", "/b/x"),
            move_path("/a", "/b"),
            move_path("/a", "/a"),
            move_path("/no", "/no/x"),
            copy("/a", "/b"),
            copy("/a", "/no/b"),
            copy("/d", "/x"),
            copy("/no", "/x"),
            copy_dir_all("/d", "/a/x"),
            copy_dir_all("/d", "/"),
            copy_from(&snapshot, "/no", "/x"),
            copy_from(&snapshot, "/a", "/b"),
            copy_from(&snapshot, "/a", "/no/x"),
            metadata("/no"),
            set_modified("/no", SystemTime::now()),
            read_dir("/a"),
            read_dir("/.."),
            read("/d"),
            read_to_string("/no"),
            read_into("/no", &mut Vec::new()),
            content("/d"),
            write("/d", "x"),
            write("/no/x", ""),
            write_owned("/", vec![1]),
            append("/a/x", "x"),
            walk("/a"),
            glob("[a"),
            usage("/no"),
            import_tree([("/x", "1"), ("x", "2")]),
            import_tree([("/x", "1"), ("/x/y", "2")]),
            import_tree([("/d", "1")]),
            import_tree([("/a/b", "1")]),
            import_tree([("/../b", "1")]),
        );
        Ok(())
    })
    .unwrap();
    let error = fs.rename("/a", "/no/x").unwrap_err();
    assert_eq!((error.path(), error.other_path()), (Some("/a"), Some("/no/x")));
    let error = fs.copy("/a", "/no/x").unwrap_err();
    assert_eq!((error.path(), error.other_path()), (Some("/a"), Some("/no/x")));
    let error = fs.exchange("/a", "/").unwrap_err();
    assert_eq!((error.path(), error.other_path()), (Some("/a"), Some("/")));
    let error = fs.copy("/a", "/..").unwrap_err();
    assert_eq!((error.path(), error.other_path()), (Some("/a"), Some("/..")));
}

#[test]
fn a_file_that_was_read_and_has_changed_is_a_conflict() {
    let write: Disturb<'_> = &|fs| fs.write("/a", "other");
    let reads: [Body<'_>; 9] = [
        &|tx| tx.read("/a").map(drop),
        &|tx| tx.content("/a").map(drop),
        &|tx| tx.metadata("/a").map(drop),
        &|tx| tx.usage("/a").map(drop),
        &|tx| done(tx.exists("/a")),
        &|tx| tx.copy("/a", "/copy").map(drop),
        &|tx| tx.append("/a", "x"),
        &|tx| tx.set_modified("/a", SystemTime::UNIX_EPOCH),
        &|tx| done(tx.create_dir("/a").unwrap_err()),
    ];
    for read in reads {
        conflicts(read, write);
        undisturbed(read, &|fs| fs.write("/b", "other"));
    }
    conflicts(&|tx| tx.read("/a").map(drop), &|fs| fs.exchange("/a", "/b"));
    conflicts(&|tx| tx.read("/a").map(drop), &|fs| fs.set_modified("/a", SystemTime::UNIX_EPOCH));
    conflicts(&|tx| tx.read("/d/f").map(drop), &|fs| {
        fs.rename("/d", "/moved").and(fs.create_dir("/d")).and(fs.write("/d/f", "f"))
    });
    undisturbed(&|tx| tx.read("/d/f").map(drop), &|fs| fs.write("/d/g", "other"));
    undisturbed(&|tx| tx.read("/d/f").map(drop), &|fs| fs.rename("/d", "/m").and(fs.rename("/m", "/d")));
}

#[test]
fn an_absence_that_was_read_and_has_ended_is_a_conflict() {
    conflicts(&|tx| done(tx.exists("/new")), &|fs| fs.create_dir("/new"));
    conflicts(&|tx| done(tx.read("/new")), &|fs| fs.write("/new", ""));
    conflicts(&|tx| done(tx.is_file("/x/y/z")), &|fs| fs.create_dir_all("/x/y"));
    conflicts(&|tx| done(tx.is_file("/a/y/z")), &|fs| fs.remove_file("/a"));
    conflicts(&|tx| tx.write("/new", "1"), &|fs| fs.write("/new", "2"));
    conflicts(&|tx| tx.create_dir_all("/x/y"), &|fs| fs.create_dir("/x"));
    conflicts(&|tx| tx.import_tree([("/x/y", "")]), &|fs| fs.create_dir("/x"));
    conflicts(&|tx| done(tx.remove_file("/new")), &|fs| fs.write("/new", ""));
    undisturbed(&|tx| done(tx.exists("/new")), &|fs| fs.create_dir("/newer"));
    // An error of another kind is another answer.
    conflicts(&|tx| done(tx.read("/e/x/y")), &|fs| fs.remove_dir("/e").and(fs.write("/e", "")));
}

#[test]
fn of_a_directory_only_what_was_read_counts() {
    let is_dir: Body<'_> = &|tx| done(tx.is_dir("/d"));
    undisturbed(is_dir, &|fs| fs.write("/d/new", ""));
    conflicts(is_dir, &|fs| fs.remove_dir_all("/d"));
    conflicts(is_dir, &|fs| fs.exchange("/d", "/a"));

    let metadata: Body<'_> = &|tx| tx.metadata("/d").map(drop);
    conflicts(metadata, &|fs| fs.write("/d/new", ""));
    conflicts(metadata, &|fs| fs.set_modified("/d", SystemTime::UNIX_EPOCH));
    conflicts(&|tx| tx.clear().and(tx.metadata("/").map(drop)), &|fs| {
        fs.set_modified("/", SystemTime::UNIX_EPOCH)
    });
    undisturbed(metadata, &|fs| fs.write("/d/f", "other"));
    undisturbed(metadata, &|fs| fs.write("/d/sub/new", ""));

    let list: Body<'_> = &|tx| tx.read_dir("/d").map(drop);
    conflicts(list, &|fs| fs.write("/d/new", ""));
    conflicts(list, &|fs| fs.remove_file("/d/f"));
    conflicts(list, &|fs| fs.write("/d/f", "other"));
    conflicts(list, &|fs| fs.set_modified("/d/sub", SystemTime::UNIX_EPOCH));
    undisturbed(list, &|fs| fs.write("/d/sub/deep", "other"));
    undisturbed(list, &|fs| fs.write("/e/new", ""));

    let reads: [Body<'_>; 4] = [
        &|tx| tx.walk("/d").map(drop),
        &|tx| tx.usage("/d").map(drop),
        &|tx| tx.copy_dir_all("/d", "/copy"),
        &|tx| tx.copy_dir_all("/d", "/d/copy"),
    ];
    for read in reads {
        conflicts(read, &|fs| fs.write("/d/sub/deep", "other"));
        conflicts(read, &|fs| fs.write("/d/sub/new", ""));
        undisturbed(read, &|fs| fs.write("/a", "other"));
        undisturbed(read, &|fs| fs.set_modified("/", SystemTime::UNIX_EPOCH));
    }
}

#[test]
fn a_glob_counts_where_it_looked() {
    let glob = |pattern: &'static str| move |tx: &mut Transaction| tx.glob(pattern).map(drop);
    conflicts(&glob("/d/*"), &|fs| fs.write("/d/new", ""));
    conflicts(&glob("/d/*/x"), &|fs| fs.write("/d/sub/x", ""));
    conflicts(&glob("/e/*"), &|fs| fs.write("/e/new", ""));
    conflicts(&glob("/x/y/*"), &|fs| fs.create_dir_all("/x"));
    conflicts(&glob("/a/*"), &|fs| fs.remove_file("/a").and(fs.write("/a/x", "").or(fs.create_dir("/a"))));
    conflicts(&glob("**/deep"), &|fs| fs.remove_file("/d/sub/deep"));
    undisturbed(&glob("/d/*"), &|fs| fs.write("/d/sub/deep", "other"));
    undisturbed(&glob("/d/sub"), &|fs| fs.write("/d/new", ""));
    undisturbed(&glob("/d/s*"), &|fs| fs.write("/e/new", ""));

    let many = sample();
    many.import_tree((0..400).map(|i| (format!("/many/{i}/f"), ""))).unwrap();
    let all = |tx: &mut Transaction| tx.glob("/many/*/*").map(drop);
    assert_eq!(runs(&many, |fs| fs.write("/many/399/new", ""), all), 2);
    assert_eq!(runs(&many, |fs| fs.write("/d/new", ""), all), 1);
}

#[test]
fn what_decided_an_error_counts_as_read() {
    conflicts(&|tx| done(tx.remove_dir("/d/sub")), &|fs| fs.remove_file("/d/sub/deep"));
    conflicts(&|tx| done(tx.replace("/e", "/d/sub")), &|fs| fs.remove_file("/d/sub/deep"));
    let fs = mem_fs! { in MemFs::builder().max_depth(4).build().unwrap(); "d/1/2/3/", "e/" };
    let too_deep = |tx: &mut Transaction| done(tx.rename("/d", "/e/d").map_err(|error| error.kind().clone()));
    assert_eq!(runs(&fs, |fs| fs.remove_dir("/d/1/2/3"), too_deep), 2);
    assert_tree_eq!(fs, { "e/d/1/2/", "mark" => "2" });
}

#[test]
fn what_others_did_where_nothing_was_read_is_met_by_another_run() {
    // A directory that is to be removed got an entry; something became too deep to be moved.
    let fs = sample();
    let mut answers = Vec::new();
    let count = runs(
        &fs,
        |fs| fs.write("/e/new", ""),
        |tx| {
            answers.push(tx.remove_dir("/e").map_err(|error| error.kind().clone()));
            Ok(())
        },
    );
    assert_eq!((count, answers), (2, vec![Ok(()), Err(ErrorKind::DirectoryNotEmpty)]));
    assert_tree_eq!(fs, mem_fs! { in sample(); "e/new" => "", "mark" => "2" });
}

#[test]
fn own_writes_do_not_conflict_with_themselves() {
    let fs = sample();
    let count = runs(
        &fs,
        |fs| fs.write("/b", "other"),
        |tx| {
            for round in 0..3 {
                tx.write("/a", round.to_string())?;
                tx.read("/a")?;
                tx.create_dir("/new")?;
                tx.write("/new/x", "1")?;
                tx.read_dir("/new")?;
                tx.walk("/new")?;
                tx.metadata("/new")?;
                tx.rename("/new/x", "/d/x")?;
                tx.read_dir("/d")?;
                tx.usage("/d")?;
                tx.rename("/d/x", "/x")?;
                tx.remove_file("/x")?;
                tx.remove_dir("/new")?;
            }
            Ok(())
        },
    );
    assert_eq!(count, 1);
    assert_tree_eq!(fs, mem_fs! { in sample(); "a" => "2", "b" => "other", "mark" => "1" });
}

#[test]
fn what_was_moved_is_read_where_it_came_from() {
    conflicts(&|tx| tx.rename("/d", "/m").and(tx.read("/m/f").map(drop)), &|fs| fs.write("/d/f", "other"));
    conflicts(&|tx| tx.rename("/d", "/m").and(tx.read_dir("/m").map(drop)), &|fs| fs.write("/d/new", ""));
    conflicts(&|tx| tx.rename("/d", "/m").and(tx.walk("/").map(drop)), &|fs| fs.write("/d/sub/new", ""));
    conflicts(&|tx| tx.rename("/d/sub", "/e/s").and(tx.walk("/e").map(drop)), &|fs| {
        fs.write("/d/sub/new", "")
    });
    conflicts(&|tx| tx.rename("/d/sub", "/e/s").and(tx.read_dir("/e").map(drop)), &|fs| {
        fs.write("/d/sub/new", "")
    });
    conflicts(&|tx| tx.exchange("/d", "/e").and(done(tx.read("/e/f"))), &|fs| fs.remove_file("/d/f"));
    conflicts(&|tx| tx.exchange("/d", "/e").and(done(tx.exists("/d/x"))), &|fs| fs.write("/e/x", ""));
    conflicts(&|tx| tx.move_path("/d", "/p/q").and(done(tx.exists("/p/q/x"))), &|fs| fs.write("/d/x", ""));
    // The name that it had is not the one that others read or write below.
    undisturbed(&|tx| tx.rename("/d", "/m").and(tx.read("/m/f").map(drop)), &|fs| fs.write("/d/g", "other"));
}

#[test]
fn a_moved_directory_takes_along_what_others_put_there() {
    let fs = sample();
    let count = runs(
        &fs,
        |fs| fs.write("/d/new", "theirs").and(fs.write("/d/f", "theirs")),
        |tx| {
            tx.rename("/d", "/m")?;
            tx.write("/m/own", "own")
        },
    );
    assert_eq!(count, 1);
    assert_tree_eq!(fs, {
        "a" => "a", "b" => "b", "e/", "mark" => "1",
        "m/f" => "theirs", "m/g" => "g", "m/new" => "theirs", "m/own" => "own", "m/sub/deep" => "deep",
    });
}

#[test]
fn removing_takes_away_what_others_put_there() {
    let fs = sample();
    assert_eq!(runs(&fs, |fs| fs.write("/d/new", ""), |tx| tx.remove_dir_all("/d")), 1);
    assert_tree_eq!(fs, { "a" => "a", "b" => "b", "e/", "mark" => "1" });
    assert_eq!(runs(&fs, |fs| fs.write("/other", ""), Transaction::clear), 1);
    assert_tree_eq!(fs, { "mark" => "1" });
    let counted = runs(
        &fs,
        |fs| fs.write("/other", ""),
        |tx| {
            tx.clear()?;
            tx.read_dir("/")?;
            assert!(!tx.exists("/other"));
            Ok(())
        },
    );
    assert_eq!(counted, 1);
}

#[test]
fn chains_of_moves_end_where_they_should() {
    let fs = sample();
    let before = fs.metadata("/d/sub/deep").unwrap();
    fs.transaction(|tx| {
        tx.exchange("/a", "/d")?; // a: dir, d: file a
        tx.rename("/a/sub", "/s")?;
        tx.exchange("/s", "/b")?; // s: file b, b: dir sub
        tx.move_path("/b", "/x/y/z")?;
        tx.replace("/d", "/s")?; // s: file a
        tx.rename("/a", "/x/y/z/old")?;
        tx.replace("/e", "/e")?;
        assert_eq!(tx.read("/x/y/z/deep")?, b"deep");
        tx.rename("/x/y", "/y")?;
        tx.copy_dir_all("/y", "/x/again")?;
        tx.remove_dir_all("/y/z/old")?;
        Ok(())
    })
    .unwrap();
    assert_tree_eq!(fs, {
        "e/", "s" => "a", "y/z/deep" => "deep",
        "x/again/z/deep" => "deep", "x/again/z/old/f" => "f", "x/again/z/old/g" => "g",
    });
    let after = fs.metadata("/y/z/deep").unwrap();
    assert_eq!((after.created(), after.modified()), (before.created(), before.modified()));
}

#[test]
fn the_files_that_it_publishes_are_as_it_saw_them() {
    let fs = sample();
    fs.write("/a", "1").unwrap();
    let before = fs.metadata("/a").unwrap();
    let seen = fs
        .transaction(|tx| {
            tx.write("/a", "2")?;
            tx.write("/a", "3")?;
            tx.write("/new", "")?;
            tx.set_modified("/b", SystemTime::UNIX_EPOCH)?;
            tx.append("/b", "more")?;
            tx.set_modified("/b", SystemTime::UNIX_EPOCH)?;
            ["/a", "/new", "/b"].map(|path| tx.metadata(path)).into_iter().collect::<Result<Vec<_>>>()
        })
        .unwrap();
    for (path, seen) in ["/a", "/new", "/b"].into_iter().zip(&seen) {
        let now = fs.metadata(path).unwrap();
        let of = |metadata: &arcfs::Metadata| {
            (metadata.len(), metadata.created(), metadata.modified(), metadata.generation())
        };
        assert_eq!(of(&now), of(seen), "{path}");
    }
    assert_eq!((seen[0].generation(), seen[0].created()), (before.generation() + 2, before.created()));
    assert_eq!((seen[1].generation(), seen[2].modified()), (0, SystemTime::UNIX_EPOCH));
    assert_eq!(fs.read_to_string("/b").unwrap(), "bmore");
}

#[test]
fn at_one_path_a_version_never_comes_again_with_other_content() {
    let fs = sample();
    let mut seen = std::collections::HashMap::new();
    let mut look = |version, content: Vec<u8>| {
        let known = seen.entry(version).or_insert_with(|| content.clone());
        assert_eq!(*known, content, "version {version}");
    };
    for round in 0..20 {
        fs.transaction(|tx| {
            look(tx.metadata("/a")?.version(), tx.read("/a")?);
            tx.write("/a", format!("{round} first"))?;
            look(tx.metadata("/a")?.version(), tx.read("/a")?);
            tx.write("/other", "")?;
            tx.write("/a", format!("{round} second"))?;
            look(tx.metadata("/a")?.version(), tx.read("/a")?);
            tx.exchange("/a", "/b")?;
            look(tx.metadata("/a")?.version(), tx.read("/a")?);
            if round % 3 == 0 { Err(Error::other("no")) } else { Ok(()) }
        })
        .unwrap_or_else(|error| assert_eq!(error.kind(), &ErrorKind::Other));
        look(fs.metadata("/a").unwrap().version(), fs.read("/a").unwrap());
        fs.write("/a", format!("{round} third")).unwrap();
        look(fs.metadata("/a").unwrap().version(), fs.read("/a").unwrap());
    }
}

#[test]
fn no_increment_is_lost() {
    const THREADS: u64 = 4;
    const TIMES: u64 = 200;
    let fs = mem_fs! { "n" => "0" };
    let runs = std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (fs, runs) = (&fs, &runs);
            scope.spawn(move || {
                for _ in 0..TIMES {
                    fs.transaction(|tx| {
                        runs.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        let n: u64 = tx.read_to_string("/n")?.parse().map_err(Error::other)?;
                        tx.write("/n", (n + 1).to_string())?;
                        tx.append(format!("/log of {thread}"), "x")
                    })
                    .unwrap();
                }
            });
        }
    });
    assert_eq!(fs.read_to_string("/n").unwrap(), (THREADS * TIMES).to_string());
    assert_eq!(fs.metadata("/n").unwrap().generation(), THREADS * TIMES);
    for thread in 0..THREADS {
        assert_eq!(fs.metadata(format!("/log of {thread}")).unwrap().len(), TIMES);
    }
    assert!(runs.into_inner() >= THREADS * TIMES);
    fs.clear().unwrap();
    assert_eq!(fs.stats().used_bytes, 0);
}

#[test]
fn transfers_keep_the_sum_at_every_instant() {
    const ACCOUNTS: u64 = 8;
    let fs = MemFs::new();
    fs.import_tree((0..ACCOUNTS).map(|i| (format!("/bank/{i}"), "100"))).unwrap();
    let number = |text: String| text.parse::<i64>().map_err(Error::other);
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let fs = &fs;
            scope.spawn(move || {
                let mut random = 88_172_645_463_325_252_u64 + thread;
                for _ in 0..150 {
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    let (from, to) = (random % ACCOUNTS, (random >> 20) % ACCOUNTS);
                    fs.transaction(|tx| {
                        let (from, to) = (format!("/bank/{from}"), format!("/bank/{to}"));
                        let left = number(tx.read_to_string(&from)?)? - 5;
                        tx.write(&from, left.to_string())?;
                        let right = number(tx.read_to_string(&to)?)? + 5;
                        tx.write(&to, right.to_string())
                    })
                    .unwrap();
                }
            });
        }
        for _ in 0..100 {
            let sum = fs.transaction(|tx| {
                let entries = tx.read_dir("/bank")?;
                entries.map(|entry| number(tx.read_to_string(entry.path())?)).sum::<Result<i64>>()
            });
            assert_eq!(sum.unwrap(), 800);
        }
    });
}

#[test]
fn who_is_always_disturbed_gives_up_when_the_time_is_over() {
    let timeout = Duration::from_millis(30);
    let fs = MemFs::builder().lock_timeout(Some(timeout)).build().unwrap();
    let (runs, started) = (Cell::new(0), Instant::now());
    let error = fs.transaction(|tx| {
        runs.set(runs.get() + 1);
        let _ = tx.exists("/a");
        fs.append("/a", "x")?;
        tx.write("/b", "")
    });
    let error = error.unwrap_err();
    let ErrorKind::Busy { waited } = *error.kind() else { panic!("{error}") };
    assert!(waited >= timeout && started.elapsed() >= waited && runs.get() > 1);
    assert_eq!(error.operation(), "transaction");
    assert!(!fs.exists("/b"));

    let fs = MemFs::builder().lock_timeout(Some(Duration::ZERO)).build().unwrap();
    runs.set(0);
    let outcome = fs.transaction(|tx| {
        runs.set(runs.get() + 1);
        fs.append("/a", "x")?;
        tx.write("/a", "")
    });
    assert!(matches!(kind(outcome), ErrorKind::Busy { .. }));
    assert_eq!(runs.get(), 1);
}

#[test]
fn a_held_path_is_busy_at_once() {
    let fs = sample();
    let at_once = ErrorKind::Busy { waited: Duration::ZERO };
    let file = fs.create("/d/f").unwrap();
    fs.transaction(|tx| {
        assert_eq!(kind(tx.write("/d/f", "")), at_once);
        assert_eq!(kind(tx.append("/d/f", "x")), at_once);
        assert_eq!(kind(tx.remove_file("/d/f")), at_once);
        assert_eq!(kind(tx.remove_dir_all("/d")), at_once);
        assert_eq!(kind(tx.rename("/d", "/x")), at_once);
        assert_eq!(kind(tx.exchange("/d", "/e")), at_once);
        assert_eq!(kind(tx.replace("/a", "/d/f")), at_once);
        assert_eq!(kind(tx.clear()), at_once);
        assert_eq!(kind(tx.import_tree([("/d/f", "")])), at_once);
        assert_eq!(tx.read("/d/f")?, b"");
        tx.write("/d/new", "beside it")
    })
    .unwrap();
    drop(file);
    assert!(fs.exists("/d/new"));

    // Opened between the run and the commit.
    let file = Cell::new(None);
    let outcome = fs.transaction(|tx| {
        tx.rename("/d", "/x")?;
        file.set(Some(fs.open_for_append("/d/f")?));
        Ok(())
    });
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.operation(), error.path()), (&at_once, "transaction", Some("/d/f")));
    assert!(fs.exists("/d/f") && !fs.exists("/x"));
}

/// Opening a file so that it stays what it is.
trait OpenForAppend {
    fn open_for_append(&self, path: &str) -> Result<arcfs::File>;
}

impl OpenForAppend for MemFs {
    fn open_for_append(&self, path: &str) -> Result<arcfs::File> {
        arcfs::OpenOptions::new().append(true).open(self, path)
    }
}

#[test]
fn where_the_quota_ends_nothing_is_left() {
    let fs = MemFs::with_quota(100_000);
    fs.write("/a", [1; 40_000]).unwrap();
    let before = fs.stats();
    let outcome = fs.transaction(|tx| {
        tx.write("/b", [2; 40_000])?;
        tx.write("/c", [3; 40_000])
    });
    let error = outcome.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::QuotaExceeded { .. }), "{error}");
    assert_eq!((error.operation(), error.path()), ("write", Some("/c")));
    assert_eq!(fs.stats(), before);
    // One that takes it calmly goes on with what fits, and what it replaced itself is back at once.
    fs.transaction(|tx| {
        for _ in 0..10 {
            tx.write("/b", [2; 20_000])?;
        }
        assert!(tx.write("/c", [3; 90_000]).is_err());
        tx.write("/c", [3; 1000])
    })
    .unwrap();
    assert_eq!(fs.stats().payload_bytes, 61_000);
    fs.transaction(Transaction::clear).unwrap();
    assert_eq!(fs.stats().used_bytes, 0);
}

#[test]
fn released_bytes_are_back_when_the_call_returns() {
    let fs = MemFs::new();
    fs.import_tree((0..3000).map(|i| (format!("/t/{}/{i}", i % 7), "bytes"))).unwrap();
    fs.transaction(|tx| {
        assert_eq!(tx.usage("/t")?.files, 3000);
        assert_eq!(tx.walk("/t")?.count(), 8);
        tx.remove_dir_all("/t")
    })
    .unwrap();
    let stats = fs.stats();
    assert_eq!((stats.used_bytes, stats.chunk_count, stats.pinned_bytes), (0, 0, 0));
}

#[test]
fn the_node_limit_counts_its_own_nodes_and_those_of_others() {
    let fs = MemFs::builder().max_nodes(4).build().unwrap();
    let outcome = fs.transaction(|tx| {
        tx.create_dir_all("/1/2/3")?;
        assert!(matches!(kind(tx.write("/4", "")), ErrorKind::NodeLimit { current: 4, limit: 4 }));
        assert!(matches!(kind(tx.import_tree([("/x/y", "")])), ErrorKind::NodeLimit { .. }));
        tx.remove_dir_all("/1/2")?;
        tx.import_tree([("/x/y", "")])
    });
    outcome.unwrap();
    assert_tree_eq!(fs, { "1/", "x/y" => "" });
    let outcome = fs.transaction(|tx| {
        tx.remove_file("/x/y")?;
        tx.write("/x/z", "")?;
        fs.set_max_nodes(2);
        Ok(())
    });
    outcome.unwrap(); // no more than there were
    fs.set_max_nodes(5);
    let outcome = fs.transaction(|tx| {
        tx.write("/5", "")?;
        fs.write("/other", "")
    });
    let error = outcome.unwrap_err();
    assert_eq!(
        (error.kind(), error.operation()),
        (&ErrorKind::NodeLimit { current: 5, limit: 5 }, "transaction")
    );
}

#[test]
fn trees_come_in_from_outside_and_out_of_snapshots() {
    let deep = "/x".repeat(600);
    let fs = sample();
    let other = mem_fs! {
        in MemFs::builder().max_depth(1000).build().unwrap();
        "foreign" => &[9; 1000], format!("{deep}/"),
    };
    let (own, foreign) = (fs.snapshot(), other.snapshot());
    fs.transaction(|tx| {
        tx.import_tree([("/a", "replaced"), ("/i/j/k", "made")])?;
        assert_eq!(tx.copy_from(&own, "/d", "/again")?, 6);
        assert_eq!(tx.copy_from(&foreign, "/foreign", "/i/foreign")?, 1000);
        assert_eq!(kind(tx.copy_from(&foreign, "/x", "/deep")), ErrorKind::InvalidPath);
        assert_eq!(tx.copy_from(&foreign, &deep, "/empty")?, 0);
        assert_eq!(tx.read("/again/sub/deep")?, b"deep");
        tx.append("/again/sub/deep", "er")
    })
    .unwrap();
    let expected = mem_fs! {
        in sample();
        "a" => "replaced", "i/j/k" => "made", "i/foreign" => &[9; 1000], "empty/",
        "again/f" => "f", "again/g" => "g", "again/sub/deep" => "deeper",
    };
    assert_tree_eq!(fs, expected);
    assert_eq!(fs.metadata("/a").unwrap().generation(), 0);
}

#[test]
fn calls_on_the_filesystem_inside_are_operations_of_their_own() {
    let fs = sample();
    fs.transaction(|tx| {
        fs.write("/outside", "1")?;
        assert!(!tx.exists("/elsewhere"));
        fs.transaction(|inner| inner.write("/inner", "2"))?;
        tx.write("/own", "3")
    })
    .unwrap();
    assert_tree_eq!(fs, mem_fs! { in sample(); "inner" => "2", "outside" => "1", "own" => "3" });
}
