//! Archives that lie, are damaged or mean harm: each is stopped, named, and leaves nothing behind.

#[path = "common/archives.rs"]
mod archives;
#[path = "common/state.rs"]
mod state;

use std::io::{Cursor, Read, Write};

use arcfs::{
    Archive, ArchiveReport, ErrorKind, ImportOptions, MemFs, OnConflict, Result, import_archive,
    import_archive_streaming,
};
use archives::*;
use state::State;

type TestResult = std::result::Result<(), Box<dyn std::error::Error>>;

fn options() -> ImportOptions {
    ImportOptions::new()
}

/// A filesystem that has something in it.
fn furnished() -> MemFs {
    let fs = MemFs::with_quota(1 << 20);
    fs.import_tree([("/keep/this", "as it is"), ("/a", "and this")]).unwrap();
    fs
}

/// Imports in one step, and if that fails, makes sure that nothing else happened.
fn import(fs: &MemFs, bytes: impl Into<Vec<u8>>, options: ImportOptions) -> Result<ArchiveReport> {
    let before = State::of(fs);
    let outcome = import_archive(fs, bytes.into(), "/to", options);
    if let Err(error) = &outcome {
        assert_eq!(State::of(fs), before, "{error}");
        assert_eq!(error.operation(), "import_archive");
    }
    outcome
}

/// As `import`, entry by entry, into an empty filesystem that must have nothing charged once it is
/// cleared.
fn stream(bytes: impl Into<Vec<u8>>, options: ImportOptions) -> Result<ArchiveReport> {
    let fs = MemFs::with_quota(1 << 20);
    let outcome = import_archive_streaming(&fs, bytes.into(), "/to", options);
    fs.clear().unwrap();
    assert_eq!(fs.stats().used_bytes, 0);
    outcome
}

/// The kind and the entry of the error that both ways of importing end with.
#[track_caller]
fn fails(bytes: &[u8], kind: &ErrorKind, entry: &str, told: &str) {
    for error in [import(&furnished(), bytes, options()).unwrap_err(), stream(bytes, options()).unwrap_err()]
    {
        assert_eq!((error.kind(), error.path()), (kind, Some(entry)), "{error}");
        assert!(error.to_string().contains(told), "{error}");
    }
}

// ---- names ----

const TRAVERSALS: &[&str] = &[
    "../evil",
    "../../../../../../etc/passwd",
    "a/../../evil",
    "a/b/../../../evil",
    "..",
    "a/..",
    "../",
    "/evil",
    "//evil",
    "/../evil",
    "/a/../../evil",
    "./../evil",
    ".//..//evil",
    r"..\evil",
    r"a\..\..\evil",
    r"a/..\../evil",
    r"\evil",
    r"\\server\share\evil",
    r"..\..\windows\system32\evil.dll",
];

#[test]
fn no_name_leads_out_of_the_destination() {
    for name in TRAVERSALS {
        let zip =
            raw_zip(b"", &[RawEntry::stored(b"good", b"1"), RawEntry::stored(name.as_bytes(), b"evil")]);
        let tar = tar_of(&[member(b"good", b'0', b"1"), member(name.as_bytes(), b'0', b"evil")]);
        let record = pax("path", name);
        let pax = tar_of(&[member(b"x", b'x', record.as_bytes()), member(b"harmless", b'0', b"evil")]);
        let long = [name.as_bytes(), b"\0"].concat();
        let gnu = tar_of(&[member(b"././@LongLink", b'L', &long), member(b"harmless", b'0', b"evil")]);
        for bytes in [zip, tar, pax, gnu] {
            fails(&bytes, &ErrorKind::InvalidPath, name, "reroot");
            for dest in ["/", "/to", "/to/below"] {
                let fs = furnished();
                import_archive(
                    &fs,
                    bytes.clone(),
                    dest,
                    options().reroot(true).on_conflict(OnConflict::Skip),
                )
                .unwrap();
                let dest = if dest == "/" { "" } else { dest };
                for path in fs.glob("**").unwrap() {
                    let ours = path.starts_with("/keep") || path == "/a" || "/to/below".starts_with(&*path);
                    assert!(ours || path.starts_with(&format!("{dest}/")), "{name:?} made {path:?}");
                }
                assert_eq!(fs.read("/keep/this").unwrap(), b"as it is");
                assert_eq!(fs.read("/a").unwrap(), b"and this");
            }
        }
    }
}

#[test]
fn names_that_no_filesystem_holds_are_errors() {
    let long = "n".repeat(256);
    let deep = "d/".repeat(600) + "f";
    for (name, told) in [("nul\0byte", "NUL"), (&long, "shorten"), (&deep, "components")] {
        let zip = raw_zip(b"", &[RawEntry::stored(name.as_bytes(), b"")]);
        fails(&zip, &ErrorKind::InvalidPath, name, told);
    }
    for name in [&long, &deep] {
        let tar = tar_of(&[member(b"x", b'x', pax("path", name).as_bytes()), member(b"f", b'0', b"")]);
        fails(&tar, &ErrorKind::InvalidPath, name, "");
    }
    let shallow = MemFs::builder().max_depth(3).build().unwrap();
    let error = import(&shallow, deflated(&[("a/b", b""), ("a/b/c", b"")]), options()).unwrap_err();
    assert_eq!((error.kind(), error.path()), (&ErrorKind::InvalidPath, Some("a/b/c")));
}

#[test]
fn a_link_is_never_followed() -> TestResult {
    // The usual trick: a link that leads out, and a file below it.
    let tar = tar_of(&[member(b"link", b'2', b""), member(b"link/evil", b'0', b"1")]);
    let fs = furnished();
    import(&fs, tar, options())?;
    assert_eq!(fs.glob("/to/**")?, ["/to/link", "/to/link/evil"]);
    assert!(fs.is_dir("/to/link"));
    Ok(())
}

// ---- sizes that lie; see archive_bombs.rs for sizes that are real ----

#[test]
fn sizes_that_are_lies_allocate_nothing() {
    // Exabytes, in both formats, and nothing behind them.
    let mut huge = header(b"huge", b'0', 0);
    huge[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0]);
    let tar = tar_of(&[with_checksum(huge)]);
    let pax_tar = tar_of(&[
        member(b"x", b'x', pax("size", "1152921504606846976").as_bytes()),
        member(b"huge", b'0', b""),
    ]);
    let mut sparse = header(b"huge", b'S', 0);
    sparse[257..265].copy_from_slice(b"ustar  \0");
    sparse[483..495].copy_from_slice(&[0x80, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0]);
    let sparse = tar_of(&[with_checksum(sparse)]);
    let mut entry = RawEntry::stored(b"huge", b"");
    (entry.size, entry.method) = (0xffff_fffe, 8);
    // The zeros of a file with holes are real: only the quota stops them.
    let error = import(&furnished(), sparse, options()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::QuotaExceeded { .. }), "{error}");
    for bytes in [tar, pax_tar, raw_zip(b"", &[entry])] {
        let error = import(&furnished(), &bytes[..], options()).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::QuotaExceeded { .. }), "{error}");
        let boundless = MemFs::with_quota(u64::MAX);
        let error = import(&boundless, &bytes[..], options()).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::InvalidData), "{error}");
    }
    for size in ["9223372036854775807", "18446744073709551615", "99999999999999999999", "-1", "1e9"] {
        let bytes = tar_of(&[member(b"x", b'x', pax("size", size).as_bytes()), member(b"huge", b'0', b"")]);
        let error = import(&MemFs::with_quota(u64::MAX), bytes, options()).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::InvalidData, "{error}");
    }
}

#[test]
fn windows_that_are_too_large_are_not_supported() {
    let tar = tar_of_files(&[("a", &vec![7; 1 << 20])]);
    let mut wide = zstd::Encoder::new(Vec::new(), 1).unwrap();
    wide.window_log(28).unwrap();
    wide.write_all(&tar).unwrap();
    let zst = wide.finish().unwrap();
    // In xz it is one number in the header of the block, which has a checksum.
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(0)).unwrap();
    xz.write_all(&tar).unwrap();
    let mut xz = xz.finish().unwrap();
    assert_eq!(xz[12..16], [2, 0, 0x21, 1]);
    xz[16] = 32; // 256 MiB
    let mut crc = flate2::Crc::new();
    crc.update(&xz[12..20]);
    xz[20..24].copy_from_slice(&crc.sum().to_le_bytes());
    for bytes in [zst, xz] {
        for error in [
            import(&furnished(), &bytes[..], options()).unwrap_err(),
            stream(&bytes[..], options()).unwrap_err(),
        ] {
            assert_eq!(error.kind(), &ErrorKind::Unsupported, "{error}");
            assert!(error.to_string().contains("128 MiB; pack it"), "{error}");
        }
    }
}

#[test]
fn a_source_that_fails_is_no_damaged_zip() {
    /// Can be read until the list of a zip is looked for among its end.
    struct Failing(Cursor<Vec<u8>>, u64);
    impl Read for Failing {
        fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
            if self.0.position() == self.1 {
                return Err(std::io::Error::other("the disk is gone"));
            }
            self.0.read(buf)
        }
    }
    impl std::io::Seek for Failing {
        fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
            self.0.seek(to)
        }
    }
    // What looks like an end record farther on does not hide that another could not be looked into.
    let inner = raw_zip(b"", &[RawEntry::stored(b"inner", b"1")]);
    let mut zip = raw_zip(b"", &[RawEntry::stored(b"outer", &inner)]);
    let list = u32::from_le_bytes(*zip[zip.len() - 6..].first_chunk().unwrap());
    zip.extend(b"nothing");
    let len = zip.len();
    zip[len - 9..len - 7].copy_from_slice(&7_u16.to_le_bytes());
    let source = arcfs::ArchiveSource::reader(Failing(Cursor::new(zip), u64::from(list)));
    let error = import_archive(&MemFs::new(), source, "/", options()).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Other, "{error}");
    assert!(error.to_string().contains("cannot be read"), "{error}");
}

#[test]
fn headers_without_end_are_not_read_into_memory() {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gz.write_all(&header(b"././@LongLink", b'L', 1 << 32)).unwrap();
    gz.write_all(&vec![b'n'; 64 << 20]).unwrap();
    let long_name = gz.finish().unwrap();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gz.write_all(&header(b"x", b'x', 1 << 32)).unwrap();
    gz.write_all(&vec![b'9'; 64 << 20]).unwrap();
    for bytes in [long_name, gz.finish().unwrap()] {
        let error = import(&furnished(), bytes, options()).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::InvalidData);
        assert!(error.to_string().contains("extended header"), "{error}");
    }
}

#[test]
fn nodes_without_end_stop_at_the_quota_before_they_are_published() {
    // Empty files cost their names and nodes only; a quarter of a million do not fit.
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for n in 0..50_000 {
        gz.write_all(&header(format!("{n}").as_bytes(), b'0', 0)).unwrap();
    }
    gz.write_all(&[0; 1024]).unwrap();
    let bytes = gz.finish().unwrap();
    let error = import(&furnished(), &bytes[..], options()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::QuotaExceeded { .. }), "{error}");
    let fs = MemFs::builder().max_nodes(100).build().unwrap();
    let error = import(&fs, bytes, options()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NodeLimit { limit: 100, .. }), "{error}");
}

#[test]
fn names_without_end_stop_at_the_quota() {
    // A name of 800 kB, of which little is left: what is kept of it until the end is charged.
    let long = |n: u32| pax("path", &("./".repeat(400_000) + &n.to_string()));
    let members = |kind| -> Vec<_> {
        (0..3).flat_map(|n| [member(b"x", b'x', long(n).as_bytes()), header(b"short", kind, 0)]).collect()
    };
    for kind in [b'0', b'2'] {
        let tar = gzip(&tar_of(&members(kind)));
        let skip = || options().on_conflict(OnConflict::Skip);
        let error = import(&furnished(), &tar[..], skip()).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::QuotaExceeded { .. }), "{error}");
        let report = import(&MemFs::new(), tar, skip()).unwrap();
        assert_eq!(report.files + report.skipped.len() as u64, 3);
    }
}

#[test]
fn zeros_without_end_behind_a_tar_are_not_read() {
    let bytes = zstd::encode_all(&vec![0; 64 << 20][..], 3).unwrap();
    let error = import(&furnished(), bytes, options()).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::InvalidData);
    assert!(error.to_string().contains("follow the end"), "{error}");
}

// ---- damage ----

#[test]
fn entries_of_a_zip_that_cannot_be_read_are_named() {
    let with = |change: &dyn Fn(&mut RawEntry)| {
        let mut entry = RawEntry::stored(b"d/wrong", b"some bytes");
        change(&mut entry);
        raw_zip(b"", &[RawEntry::stored(b"right", b"1"), entry])
    };
    for flags in [1, 1 | 8, 1 << 6, 1 << 13] {
        let zip = with(&|entry| entry.flags = flags);
        fails(&zip, &ErrorKind::Unsupported, "d/wrong", "encrypted");
    }
    for (method, name) in [(9, "deflate64"), (14, "LZMA"), (1, "shrink"), (99, "AES"), (77, "method 77")] {
        fails(&with(&|entry| entry.method = method), &ErrorKind::Unsupported, "d/wrong", name);
    }
    for (told, change) in [
        ("checksum", &(|entry: &mut RawEntry| entry.crc ^= 1) as &dyn Fn(&mut RawEntry)),
        ("two lengths", &|entry| entry.size += 1),
        ("overlaps", &|entry| entry.packed = 1000),
        ("another name", &|entry| entry.local_name = b"d/other".to_vec()),
        ("something else", &|entry| entry.at = Some(37)),
        ("same place", &|entry| entry.at = Some(0)),
        ("", &|entry| entry.method = 8),
        ("", &|entry| entry.method = 12),
        ("", &|entry| entry.method = 93),
        ("", &|entry| entry.method = 95),
    ] {
        let bytes = with(change);
        for error in
            [import(&furnished(), &bytes[..], options()).unwrap_err(), stream(bytes, options()).unwrap_err()]
        {
            assert_eq!(error.kind(), &ErrorKind::InvalidData, "{error}");
            // Of two entries in one place, neither is right.
            assert!(matches!(error.path(), Some("d/wrong")) || told == "same place", "{error}");
            assert!(error.to_string().contains(told), "{error}");
        }
    }
}

#[test]
fn entries_of_a_zip_may_not_overlap() {
    // Many entries, all of one and the same data.
    let mut entries = vec![RawEntry::stored(b"a", &[7; 5000])];
    for n in 0..50 {
        let mut again = RawEntry::stored(b"a", b"");
        (again.size, again.packed, again.at) = (5000, 5000, Some(0));
        again.name = format!("a{n}").into_bytes();
        entries.push(again);
    }
    let error = import(&furnished(), raw_zip(b"", &entries), options()).unwrap_err();
    assert_eq!((error.kind(), error.path()), (&ErrorKind::InvalidData, Some("a")), "{error}");

    // One within the stored data of another.
    let inner = raw_zip(b"", &[RawEntry::stored(b"inner", b"12345")]);
    let mut within = RawEntry::stored(b"inner", b"12345");
    within.data = Vec::new();
    within.at = Some(30 + 5);
    let zip = raw_zip(b"", &[RawEntry::stored(b"outer", &inner), within]);
    let error = import(&furnished(), zip, options()).unwrap_err();
    assert_eq!((error.kind(), error.path()), (&ErrorKind::InvalidData, Some("outer")), "{error}");
}

#[test]
fn a_list_that_does_not_add_up_is_damaged() {
    let zip = raw_zip(b"", &[RawEntry::stored(b"a", b"1"), RawEntry::stored(b"b", b"2")]);
    let end = zip.len() - 22;
    for (at, value) in [(8, 1), (10, 3), (12, 1), (16, 1)] {
        let mut wrong = zip.clone();
        wrong[end + at] = value;
        if at <= 10 {
            (wrong[end + 8], wrong[end + 10]) = (value, value);
        }
        let outcome = import(&furnished(), wrong, options());
        assert!(matches!(outcome.unwrap_err().kind(), ErrorKind::InvalidData | ErrorKind::Unsupported));
    }
}

/// The usual small archives of each format, with what they hold.
fn samples() -> Vec<Vec<u8>> {
    let text = "a line of text\n".repeat(20);
    let entries: &[(&str, &[u8])] = &[("d/", b""), ("d/a", text.as_bytes()), ("b", b"1"), ("none", b"")];
    let tar = tar_of_files(entries);
    vec![
        deflated(entries),
        zip_of(entries, zip::CompressionMethod::Stored),
        zip_of(entries, zip::CompressionMethod::Zstd),
        gzip(&tar),
        zstd::encode_all(&tar[..], 1).unwrap(),
        tar,
    ]
}

#[test]
fn an_archive_that_is_cut_off_is_an_error_or_ends_between_entries() {
    for bytes in samples() {
        let whole = {
            let fs = furnished();
            import(&fs, &bytes[..], options()).unwrap();
            fs.glob("/to/**").unwrap()
        };
        for len in 0..bytes.len() {
            let fs = furnished();
            let cut = import(&fs, &bytes[..len], options());
            let streamed = stream(&bytes[..len], options());
            assert_eq!(cut.is_ok(), streamed.is_ok(), "{len}");
            if cut.is_ok() {
                // A plain tar need not say where it ends; and of its end, half is enough.
                let ended = len % 512 == 0 || len > bytes.len() - 512;
                assert!(bytes[257..].starts_with(b"ustar") && ended, "{len}");
                assert!(fs.glob("/to/**").unwrap().iter().all(|path| whole.contains(path)));
            }
        }
    }
}

#[test]
fn no_changed_byte_does_more_than_change_names_times_or_plain_bytes() {
    for bytes in samples() {
        for at in 0..bytes.len() {
            for flip in [1, 0x20, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[at] ^= flip;
                let fs = furnished();
                if import(&fs, changed, options()).is_ok() {
                    assert_eq!(fs.read("/keep/this").unwrap(), b"as it is");
                }
                fs.clear().unwrap();
                assert_eq!(fs.stats().used_bytes, 0);
            }
        }
    }
}

#[test]
fn damaged_compressed_tars_are_found_out_even_where_all_entries_could_be_read() {
    let tar = tar_of_files(&[("a", b"1")]);
    let mut gz = gzip(&tar);
    let crc = gz.len() - 8;
    gz[crc] ^= 1;
    let mut bz = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bz.write_all(&tar).unwrap();
    let mut bz = bz.finish().unwrap();
    let crc = bz.len() - 3;
    bz[crc] ^= 0x10;
    for bytes in [gz, bz] {
        let error = import(&furnished(), bytes, options()).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::InvalidData, "{error}");
    }
}

#[test]
fn tars_that_stop_making_sense_are_damaged() {
    let file = || member(b"a", b'0', b"1");
    let mut checksum = file();
    checksum[0] ^= 1;
    let extension_at_end = tar_of(&[file(), member(b"x", b'x', pax("path", "b").as_bytes())]);
    let bad_pax = tar_of(&[member(b"x", b'x', b"99 path=b\n"), file()]);
    let mut bad_size = header(b"a", b'0', 0);
    bad_size[124..136].copy_from_slice(b"not a number");
    let bad_size = tar_of(&[with_checksum(bad_size)]);
    for bytes in [tar_of(&[file(), checksum]), extension_at_end, bad_pax, bad_size] {
        let error = import(&furnished(), bytes, options()).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::InvalidData, "{error}");
    }
    let volume = tar_of(&[member(b"a", b'M', b"1")]);
    let error = import(&furnished(), volume, options()).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Unsupported, "{error}");
}

#[test]
fn sparse_maps_that_are_lies_are_damaged_or_too_many() {
    let map = |records: &[String], data: &[u8]| {
        tar_of(&[member(b"x", b'x', records.concat().as_bytes()), member(b"s", b'0', data)])
    };
    let size = || pax("GNU.sparse.size", "3000");
    let many = vec!["0"; 140_000].join(",");
    for (bytes, kind) in [
        (map(&[size(), pax("GNU.sparse.map", "0,512,100,512")], &[1; 1024]), ErrorKind::InvalidData),
        (map(&[size(), pax("GNU.sparse.map", "0,512")], &[1; 1024]), ErrorKind::InvalidData),
        (map(&[size(), pax("GNU.sparse.map", "0,512,9000,512")], &[1; 1024]), ErrorKind::InvalidData),
        (map(&[size(), pax("GNU.sparse.map", "0,512,")], &[1; 512]), ErrorKind::InvalidData),
        (map(&[size(), pax("GNU.sparse.map", "0")], &[1; 512]), ErrorKind::InvalidData),
        (map(&[pax("GNU.sparse.map", "0,512")], &[1; 512]), ErrorKind::InvalidData),
        (map(&[size(), pax("GNU.sparse.map", &many)], b""), ErrorKind::Unsupported),
        (
            map(&[size(), pax("GNU.sparse.major", "1")], &[b"999999999\n", &[0; 502][..]].concat()),
            ErrorKind::Unsupported,
        ),
        (map(&[size(), pax("GNU.sparse.major", "1")], b"no map"), ErrorKind::InvalidData),
        (map(&[size(), pax("GNU.sparse.major", "1")], &[b'1'; 1024]), ErrorKind::InvalidData),
        (map(&[size(), pax("GNU.sparse.major", "1")], b""), ErrorKind::InvalidData),
    ] {
        let error = import(&furnished(), bytes, options()).unwrap_err();
        assert_eq!(error.kind(), &kind, "{error}");
    }
}

#[test]
fn an_entry_that_failed_has_no_end() -> TestResult {
    let mut wrong = RawEntry::stored(b"wrong", b"some bytes");
    wrong.crc ^= 1;
    let mut archive = Archive::open(raw_zip(b"", &[wrong, RawEntry::stored(b"right", b"1")]))?;
    let mut entry = archive.next_entry()?.unwrap();
    let mut bytes = Vec::new();
    assert!(entry.read_to_end(&mut bytes).is_err());
    assert!(entry.read(&mut [0]).is_err(), "an end would make the bytes look right");
    // The others can still be had.
    let mut text = String::new();
    archive.next_entry()?.unwrap().read_to_string(&mut text)?;
    assert_eq!(text, "1");
    assert!(archive.next_entry()?.is_none());
    Ok(())
}

// ---- the corpora of the fuzz targets ----

/// Small archives, right and wrong, by the name of the target and of the file.
fn corpus() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let text = "a line of text\n".repeat(20);
    let entries: &[(&str, &[u8])] = &[("d/", b""), ("d/a", text.as_bytes()), ("b", b"1"), ("none", b"")];
    let stored = |name: &[u8], data: &[u8]| RawEntry::stored(name, data);
    let zip_with = |change: &dyn Fn(&mut RawEntry)| {
        let mut entry = stored(b"x", b"12345");
        change(&mut entry);
        raw_zip(b"", &[stored(b"right", b"1"), entry])
    };
    let method = |method| zip_of(entries, method);
    let deflated = deflated(entries);
    let mut zips = vec![
        ("empty", raw_zip(b"", &[])),
        ("stored", method(zip::CompressionMethod::Stored)),
        ("zstd", method(zip::CompressionMethod::Zstd)),
        ("bzip2", method(zip::CompressionMethod::Bzip2)),
        ("xz", method(zip::CompressionMethod::Xz)),
        ("prefix", raw_zip(b"#!/bin/sh\n", &[stored(b"a", b"1")])),
        ("twice", raw_zip(b"", &[stored(b"a", b"1"), stored(b"a", b"22")])),
        ("file_and_dir", raw_zip(b"", &[stored(b"a", b"1"), stored(b"a/b", b"22")])),
        ("climbs", raw_zip(b"", &[stored(b"a/../../b", b"1")])),
        ("absolute", raw_zip(b"", &[stored(b"/etc/passwd", b"1")])),
        ("cp437", raw_zip(b"", &[stored(b"Gr\x81\xe1e", b"")])),
        ("encrypted", zip_with(&|entry| entry.flags = 1)),
        ("crc", zip_with(&|entry| entry.crc ^= 1)),
        ("size", zip_with(&|entry| entry.size = 1 << 31)),
        ("overlap", zip_with(&|entry| entry.at = Some(0))),
        ("method", zip_with(&|entry| entry.method = 9)),
        ("link", zip_with(&|entry| entry.mode = 0o120_777)),
        (
            "zip64",
            zip_with(&|entry| {
                entry.extra = vec![1, 0, 16, 0, 5, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0];
                (entry.size, entry.packed) = (0xffff_ffff, 0xffff_ffff);
            }),
        ),
        ("cut", deflated[..deflated.len() - 30].to_vec()),
    ];
    zips.push(("deflated", deflated));
    let tar = tar_of_files(&entries[..2]);
    let pax_records = [pax("path", "Grüße"), pax("mtime", "-1.5"), pax("comment", "a\nb")].concat();
    let sparse = [pax("GNU.sparse.size", "3000"), pax("GNU.sparse.map", "100,3,2000,2")].concat();
    let in_data = [pax("GNU.sparse.major", "1"), pax("GNU.sparse.realsize", "9")].concat();
    let mut map = b"1\n3\n2\n".to_vec();
    map.resize(512, 0);
    map.extend(b"ab");
    let mut huge = header(b"huge", b'0', 0);
    huge[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0]);
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(0)).unwrap();
    xz.write_all(&tar).unwrap();
    let mut bz2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bz2.write_all(&tar).unwrap();
    let tars = vec![
        ("xz", xz.finish().unwrap()),
        ("bz2", bz2.finish().unwrap()),
        (
            "dir_after",
            tar_of(&[member(b"d/e/a", b'0', b"1"), member(b"d/e", b'5', b""), member(b"d", b'5', b"")]),
        ),
        ("empty", vec![0; 1024]),
        ("plain", tar.clone()),
        ("gz", gzip(&tar)),
        ("zst", zstd::encode_all(&tar[..], 1).unwrap()),
        ("gz_twice", [gzip(&tar[..600]), gzip(&tar[600..])].concat()),
        ("gz_cut", {
            let gz = gzip(&tar);
            gz[..gz.len() - 9].to_vec()
        }),
        ("cut", tar[..1200].to_vec()),
        ("pax", tar_of(&[member(b"x", b'x', pax_records.as_bytes()), member(b"a", b'0', b"1")])),
        ("pax_wrong", tar_of(&[member(b"x", b'x', b"99 a=b\n"), member(b"a", b'0', b"1")])),
        ("long", tar_of(&[member(b"L", b'L', &[b'n'; 250]), member(b"a", b'0', b"1")])),
        ("sparse", tar_of(&[member(b"x", b'x', sparse.as_bytes()), member(b"s", b'0', b"abcde")])),
        ("sparse_in_data", tar_of(&[member(b"x", b'x', in_data.as_bytes()), member(b"s", b'0', &map)])),
        ("links", tar_of(&[member(b"l", b'2', b""), member(b"l/a", b'0', b"1"), member(b"h", b'1', b"")])),
        ("climbs", tar_of(&[member(b"../../a", b'0', b"1")])),
        ("absolute", tar_of(&[member(b"/a", b'0', b"1")])),
        ("twice", tar_of(&[member(b"a", b'0', b"1"), member(b"a", b'0', b"22")])),
        ("file_and_dir", tar_of(&[member(b"a/b", b'0', b"1"), member(b"a", b'0', b"22")])),
        ("not_utf8", tar_of(&[member(b"\xff", b'0', b"1")])),
        ("huge", tar_of(&[with_checksum(huge)])),
        ("ends_in_zip", member(b"a.zip", b'0', &raw_zip(b"", &[stored(b"a", b"1")]))),
    ];
    let of = |target| move |(name, bytes)| (target, name, bytes);
    zips.into_iter().map(of("archive_zip")).chain(tars.into_iter().map(of("archive_tar"))).collect()
}

fn corpus_dir(target: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

#[test]
fn the_corpora_are_small_and_leave_nothing_where_they_fail() -> TestResult {
    let writes = std::env::var_os("ARCFS_WRITE_CORPUS").is_some();
    for (target, name, made) in corpus() {
        let path = corpus_dir(target).join(name);
        if writes {
            std::fs::create_dir_all(corpus_dir(target))?;
            std::fs::write(&path, made)?;
        }
        let bytes = std::fs::read(&path)
            .map_err(|error| format!("{target}/{name}: {error}; ARCFS_WRITE_CORPUS=1 writes it"))?;
        assert!(bytes.len() < 4096, "{target}/{name} has {} bytes", bytes.len());
        let _ = import(&furnished(), bytes, options());
    }
    Ok(())
}
