//! What is in an archive: all that the snapshot has, and the same bytes whoever makes it.

use std::io::{Cursor, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use arcfs::{ArchiveOptions, Compression, ErrorKind, MemFs};
use proptest::prelude::*;

use crate::support::*;

#[test]
fn every_archive_holds_what_the_snapshot_has() -> TestResult {
    let snapshot = mixed()?.snapshot();
    for kind in KINDS {
        let archive = kind.export(&snapshot, ArchiveOptions::new())?;
        let (found, expected) = (kind.read(&archive)?, expected(&snapshot, "/", kind));
        assert!(found == expected, "{kind:?}: {:?} and {:?}", found.keys(), expected.keys());
        let below = kind.export(&snapshot, ArchiveOptions::new().prefix("src/"))?;
        assert!(kind.read(&below)? == self::expected(&snapshot, "/src", kind), "{kind:?}");
    }
    Ok(())
}

#[test]
fn entries_come_in_tree_order() -> TestResult {
    let fs = MemFs::new();
    fs.import_tree([("/b", ""), ("/a!", ""), ("/a/c", ""), ("/a/b/c", "")])?;
    let zip = Kind::Zip(Compression::Deflate).export(&fs.snapshot(), ArchiveOptions::new())?;
    let zip = zip::ZipArchive::new(Cursor::new(zip))?;
    let names: Vec<_> =
        (0..zip.len()).map(|at| zip.name_for_index(at).expect("there").expect("UTF-8")).collect();
    assert_eq!(names, ["a/", "a/b/", "a/b/c", "a/c", "a!", "b"]);
    Ok(())
}

#[test]
fn the_bytes_do_not_depend_on_threads_or_on_how_content_is_laid_out() -> TestResult {
    let fs = mixed()?;
    let other = MemFs::from_snapshot(&fs.snapshot(), MemFs::builder().max_quota(1 << 30))?;
    // The same bytes in other chunks, at the same times.
    for (path, content) in fs.iter_export_tree("/", Default::default())? {
        let (bytes, time) = (content.to_vec()?, fs.metadata(&path)?.modified());
        let mut file = other.create(&path)?;
        bytes.chunks(7001).try_for_each(|piece| file.write_all(piece))?;
        file.close()?;
        other.set_modified(&path, time)?;
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(8).build()?;
    for kind in KINDS {
        let of = |fs: &MemFs, threads| {
            let options = ArchiveOptions::new().threads(threads);
            pool.install(|| kind.export(&fs.snapshot(), options))
        };
        let first = of(&fs, 1)?;
        for threads in [0, 1, 2, 4, 7] {
            assert!(of(&fs, threads)? == first, "{kind:?} with {threads} threads");
            assert!(of(&other, threads)? == first, "{kind:?} with {threads} threads, laid out otherwise");
        }
    }
    for level in 1..=9 {
        let of = |threads| {
            let options = ArchiveOptions::new().prefix("/src").level(level).threads(threads);
            Kind::Zip(Compression::Deflate).export(&fs.snapshot(), options)
        };
        let first = of(1)?;
        assert!(of(3)? == first, "level {level}");
        let kind = Kind::Zip(Compression::Deflate);
        assert!(kind.read(&first)? == expected(&fs.snapshot(), "/src", kind), "level {level}");
    }
    Ok(())
}

#[test]
fn blocks_lose_little_against_one_stream() -> TestResult {
    let fs = MemFs::new();
    let bytes = text(20 * BLOCK, 1);
    fs.write("/a", &bytes)?;
    let archive = Kind::Zip(Compression::Deflate).export(&fs.snapshot(), ArchiveOptions::new())?;
    let mut whole = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(6));
    whole.write_all(&bytes)?;
    let whole = whole.finish()?.len();
    assert!(archive.len() < whole + whole / 200, "{} against {whole}", archive.len());
    Ok(())
}

#[test]
fn a_small_file_has_its_size_before_its_bytes_and_a_stored_one_of_any_length() -> TestResult {
    let fs = MemFs::new();
    fs.write("/a", text(BLOCK, 1))?;
    fs.write("/noise", noise(1000, 1))?;
    let archive = Kind::Zip(Compression::Deflate).export(&fs.snapshot(), ArchiveOptions::new())?;
    let mut rest = &archive[..];
    // This reader never looks at the directory at the end.
    let first = zip::read::read_zipfile_from_stream(&mut rest)?.expect("an entry");
    assert_eq!(
        (&*first.name()?, first.size(), first.compression()),
        ("a", BLOCK as u64, zip::CompressionMethod::Deflated)
    );
    drop(first);
    let second = zip::read::read_zipfile_from_stream(&mut rest)?.expect("an entry");
    assert_eq!((&*second.name()?, second.compression()), ("noise", zip::CompressionMethod::Stored));
    drop(second);

    fs.write("/a", text(3 * BLOCK, 1))?;
    let archive = Kind::Zip(Compression::None).export(&fs.snapshot(), ArchiveOptions::new())?;
    let mut rest = &archive[..];
    let mut first = zip::read::read_zipfile_from_stream(&mut rest)?.expect("an entry");
    let mut bytes = Vec::new();
    first.read_to_end(&mut bytes)?;
    assert_eq!(bytes, text(3 * BLOCK, 1));
    Ok(())
}

#[test]
fn times_survive_as_exactly_as_the_archive_can_say() -> TestResult {
    let fs = MemFs::new();
    let times = [
        at(0, 0),
        at(0, 1),
        at(1, 999_999_999),
        at(-1, 0),
        at(-2, 500_000_000),
        at(315_532_799, 0), // before DOS
        at(1_700_000_001, 0),
        at(1_700_000_002, 120_000_000),
        at(i64::from(i32::MAX), 7),
        at(i64::from(i32::MIN), 0),
    ];
    for (number, time) in times.iter().enumerate() {
        fs.write(format!("/f{number}"), b"1")?;
        fs.set_modified(format!("/f{number}"), *time)?;
        fs.create_dir(format!("/d{number}"))?;
        fs.set_modified(format!("/d{number}"), *time)?;
    }
    for kind in KINDS {
        let tree = kind.read(&kind.export(&fs.snapshot(), ArchiveOptions::new())?)?;
        for (number, time) in times.iter().enumerate() {
            assert_eq!(tree[&format!("f{number}")].1, kind.keeps(*time), "{kind:?}");
            assert_eq!(tree[&format!("d{number}/")].1, kind.keeps(*time), "{kind:?}");
        }
    }

    // Beyond what the field of zip for Unix can say there is that of NTFS; tar says anything.
    let far = at(i64::from(i32::MAX) + 1, 0);
    fs.set_modified("/f0", far)?;
    let snapshot = fs.snapshot();
    let zip = Kind::Zip(Compression::None).export(&snapshot, ArchiveOptions::new().prefix("/f0"))?;
    let mut zip = zip::ZipArchive::new(Cursor::new(zip))?;
    let entry = zip.by_index(0)?;
    let ticks = entry.extra_data_fields().find_map(|field| match field {
        zip::ExtraField::Ntfs(ntfs) => Some(ntfs.mtime()),
        _ => None,
    });
    assert_eq!(ticks, Some((11_644_473_600 + (1 << 31)) * 10_000_000));
    for far in [far, at(1 << 33, 5), at(1 << 40, 0), at(-1 << 40, 1)] {
        fs.set_modified("/f0", far)?;
        let kind = Kind::Tar(Compression::None);
        let tar = kind.export(&fs.snapshot(), ArchiveOptions::new().prefix("/f0"))?;
        assert_eq!(kind.read(&tar)?["f0"].1, far);
    }
    Ok(())
}

#[test]
fn names_of_any_length_go_into_a_tar_and_up_to_64_kib_into_a_zip() -> TestResult {
    let fs = MemFs::builder().max_depth(400).build()?;
    let name = |len: usize| "n".repeat(len);
    for len in [99, 100, 101, 154, 155, 156, 254, 255] {
        fs.write(format!("/{}", name(len)), b"1")?;
        for below in [1, 99, 100, 101, 255] {
            fs.create_dir_all(format!("/dir/{}/{}", name(len), name(below)))?;
            fs.write(format!("/dir/{}/f{}", name(len), name(below - 1)), b"2")?;
        }
    }
    fs.write(format!("/{}", "ä".repeat(127)), b"3")?;
    for kind in KINDS {
        let archive = kind.export(&fs.snapshot(), ArchiveOptions::new())?;
        assert!(kind.read(&archive)? == expected(&fs.snapshot(), "/", kind), "{kind:?}");
    }

    let deep = format!("/{}", vec!["m".repeat(255); 256].join("/")); // 65,535 bytes without the first
    fs.clear()?;
    fs.create_dir_all(&deep[..deep.len() - 256]).expect("made");
    fs.write(&deep, b"4").expect("written");
    for kind in KINDS {
        let archive = kind.export(&fs.snapshot(), ArchiveOptions::new()).expect("exported");
        assert!(kind.read(&archive)? == expected(&fs.snapshot(), "/", kind), "{kind:?}");
    }
    fs.remove_file(&deep).expect("removed");
    fs.create_dir(&deep).expect("made"); // one byte more in an archive
    let tar = Kind::Tar(Compression::Zstd);
    let archive = tar.export(&fs.snapshot(), ArchiveOptions::new()).expect("exported");
    assert!(tar.read(&archive)? == expected(&fs.snapshot(), "/", tar));
    for kind in [Kind::Zip(Compression::None), Kind::Zip(Compression::Deflate)] {
        let error = kind.export(&fs.snapshot(), ArchiveOptions::new()).expect_err("too long");
        assert_eq!(error.kind(), &ErrorKind::InvalidInput);
        assert!(error.to_string().contains("write a tar"), "{error}");
    }
    Ok(())
}

#[test]
fn deep_and_wide_trees_go_in_whole() -> TestResult {
    let fs = MemFs::new();
    let deep = "/d".repeat(511);
    fs.create_dir_all(&deep)?;
    fs.write(format!("{deep}/f"), b"at the bottom")?;
    fs.import_tree((0..20_000).map(|n| (format!("/wide/{n:05}"), format!("{n}"))))?;
    for kind in KINDS {
        let archive = kind.export(&fs.snapshot(), ArchiveOptions::new().threads(2))?;
        assert!(kind.read(&archive)? == expected(&fs.snapshot(), "/", kind), "{kind:?}");
    }
    Ok(())
}

#[test]
fn an_archive_is_of_one_instant_whatever_happens_meanwhile() -> TestResult {
    let fs = MemFs::new();
    for n in 0..200 {
        fs.write(format!("/{n:03}"), text(20_000, n))?;
    }
    let snapshot = fs.snapshot();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) && n < 500_000 {
                fs.write(format!("/{:03}", n % 200), b"new").expect("fits");
                fs.create_dir_all(format!("/more/{n}")).expect("fits");
                n += 1;
            }
        });
        for kind in KINDS {
            let archive = kind.export(&snapshot, ArchiveOptions::new().threads(2)).expect("written");
            assert!(kind.read(&archive).expect("valid") == expected(&snapshot, "/", kind));
            // Of the live filesystem: no file is half of one and half of the other.
            let mut live = Vec::new();
            fs.export_tar(&mut live, ArchiveOptions::new()).expect("written");
            for (name, (bytes, _)) in read_tar(&live[..]).expect("valid") {
                let Some(bytes) = bytes else { continue };
                let seed = name.parse().expect("a number");
                assert!(bytes == b"new" || bytes == text(20_000, seed));
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    Ok(())
}

/// The names on the way to a node; its length and a seed for its bytes if it is a file; its time.
type Planned = (Vec<String>, Option<(usize, u64)>, i64, u32);

fn trees() -> impl Strategy<Value = Vec<Planned>> {
    let name = prop_oneof![8 => "[a-e]{1,2}", 1 => "[ -.0-~]{1,40}", 1 => "\\PC{1,8}", 1 => "[x-z]{90,120}"];
    let usable = |name: &String| name != "." && name != ".." && !name.contains(['/', '\\', '\0']);
    let name = name.prop_filter("a name", usable);
    let len = prop_oneof![3 => 0..2000_usize, 1 => BLOCK - 2..BLOCK + 2, 1 => 0..3 * BLOCK];
    let node = prop::option::weighted(0.8, (len, any::<u64>()));
    let entry =
        (prop::collection::vec(name, 1..5), node, -10_000_000_000..10_000_000_000_i64, 0..1_000_000_000_u32);
    prop::collection::vec(entry, 0..25)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn any_tree_comes_back(entries in trees(), threads in 1..4_usize, kind in 0..KINDS.len()) {
        let (fs, kind) = (MemFs::new(), KINDS[kind]);
        for (names, node, seconds, nanos) in entries {
            let path = format!("/{}", names.join("/"));
            let parent = path.rfind('/').map(|at| &path[..at]).unwrap_or_default();
            // What meets a file in its way is left out.
            let made = match node {
                Some((len, seed)) => fs.create_dir_all(parent).and_then(|()| {
                    fs.write(&path, if seed % 3 == 0 { noise(len, seed) } else { text(len, seed) })
                }),
                None => fs.create_dir_all(&path),
            };
            if made.is_ok() {
                // Within what a zip can say.
                let in_zip = i64::from(i32::MIN)..=i64::from(i32::MAX);
                let seconds = if matches!(kind, Kind::Zip(_)) && !in_zip.contains(&seconds) { 1 } else { seconds };
                fs.set_modified(&path, at(seconds, nanos))?;
            }
        }
        let snapshot = fs.snapshot();
        let archive = kind.export(&snapshot, ArchiveOptions::new().threads(threads))?;
        prop_assert!(kind.read(&archive)? == expected(&snapshot, "/", kind));
    }
}
