//! Archives of all formats, as they should be, into a filesystem.

#[path = "common/archives.rs"]
mod archives;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Cursor, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use arcfs::{
    Archive, ArchiveFormat, ArchiveFormats, ArchiveInput, ArchiveProbe, ArchiveReader, ArchiveReport,
    ArchiveSource, Content, EntryInfo, EntryKind, ErrorKind, ImportLimits, ImportOptions, MemFs, OnConflict,
    Result, SkipReason, import_archive, import_archive_streaming,
};
use archives::*;
use proptest::prelude::*;
use zip::CompressionMethod;

type TestResult = std::result::Result<(), Box<dyn std::error::Error>>;

/// What `header` in a tar and `zip_of` set as the time of everything.
fn usual_time() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

fn options() -> ImportOptions {
    ImportOptions::new()
}

/// All files with their bytes, and the paths of all directories that have nothing in them.
fn tree(fs: &MemFs) -> BTreeMap<String, Option<Vec<u8>>> {
    let mut tree = BTreeMap::new();
    for path in fs.glob("**").unwrap() {
        let bytes = fs.is_file(&path).then(|| fs.read(&path).unwrap());
        if bytes.is_some() || fs.read_dir(&path).unwrap().count() == 0 {
            tree.insert(path, bytes);
        }
    }
    tree
}

/// Both ways of importing, each into a filesystem of its own.
fn both(
    make: impl Fn() -> MemFs,
    import: impl Fn(&MemFs, &dyn Fn(&MemFs, Vec<u8>, &str, ImportOptions) -> Result<ArchiveReport>),
) {
    import(&make(), &|fs, bytes, dest, options| import_archive(fs, bytes, dest, options));
    import(&make(), &|fs, bytes, dest, options| import_archive_streaming(fs, bytes, dest, options));
}

fn long_text() -> Vec<u8> {
    (0..30_000).flat_map(|line| format!("line {line} of a text\n").into_bytes()).collect()
}

fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(|_| step()).collect()
}

// ---- formats ----

const XZ: &str = "fd377a585a000004e6d6b4460200210116000000742fe5a3e007ff00525d00308b8a87c40ef297a4f8753d\
c5a9edd997a998262f269ccbe2a3f7fb1c1528bea407f18c815ea5383048ef8f35b549bf8d6ab03b2982f76c2baec714b9c37143fb04994e\
03cede48bceadd5b1967bd2a8200000000f78bb5c3b62c01b500016e8010000000fa5d5410b1c467fb020000000004595a";

fn from_hex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn every_format_is_found_by_content_and_read_whole() {
    let (text, noise) = (long_text(), noise(200_000));
    let entries: &[(&str, &[u8])] =
        &[("empty/", b""), ("text", &text), ("d/e/noise", &noise), ("none", b""), ("small", b"12345")];
    let tar = tar_of_files(entries);
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(&tar).unwrap();
    let methods = [
        CompressionMethod::Stored,
        CompressionMethod::Deflated,
        CompressionMethod::Bzip2,
        CompressionMethod::Zstd,
        CompressionMethod::Xz,
    ];
    let mut archives: Vec<_> = methods.iter().map(|method| ("zip", zip_of(entries, *method))).collect();
    archives.push(("tar.gz", gzip(&tar)));
    archives.push(("tar.gz", [gzip(&tar[..70_001]), gzip(&tar[70_001..])].concat()));
    archives.push(("tar.zst", zstd::encode_all(&tar[..], 1).unwrap()));
    archives.push(("tar.bz2", bzip2.finish().unwrap()));
    archives.push(("tar", tar));
    let expected = BTreeMap::from([
        ("/to/empty".to_string(), None),
        ("/to/text".to_string(), Some(text.clone())),
        ("/to/d/e/noise".to_string(), Some(noise.clone())),
        ("/to/none".to_string(), Some(vec![])),
        ("/to/small".to_string(), Some(b"12345".to_vec())),
    ]);
    for (format, bytes) in archives {
        both(MemFs::new, |fs, import| {
            let report = import(fs, bytes.clone(), "/to", options()).unwrap();
            assert_eq!(report.format, format);
            assert_eq!((report.files, report.dirs, report.overwritten), (4, 1, 0));
            assert_eq!(report.bytes, (text.len() + noise.len() + 5) as u64);
            assert!(report.skipped.is_empty());
            assert_eq!(tree(fs), expected, "{format}");
            for path in ["/to/empty", "/to/text", "/to/d/e/noise"] {
                assert_eq!(fs.metadata(path).unwrap().modified(), usual_time(), "{format} {path}");
                assert_eq!(fs.metadata(path).unwrap().generation(), 0);
            }
        });
    }
}

#[test]
fn xz_of_another_program_is_read() -> TestResult {
    let fs = MemFs::new();
    // The tar in it ends at a whole block, without the zeros that most have.
    let report = import_archive(&fs, from_hex(XZ), "/", options())?;
    assert_eq!((report.format.as_str(), report.files), ("tar.xz", 1));
    assert_eq!(fs.read("/a.txt")?, b"packed by xz\n");
    assert_eq!(fs.metadata("/a.txt")?.modified(), usual_time());
    Ok(())
}

#[test]
fn empty_archives_bring_an_empty_directory() -> TestResult {
    for (format, bytes) in [
        ("zip", deflated(&[])),
        ("tar", vec![0; 1024]),
        ("tar", vec![0; 10240]),
        ("tar.gz", gzip(&[0; 1024])),
    ] {
        let fs = MemFs::new();
        let report = import_archive(&fs, bytes, "/to/here", options())?;
        assert_eq!((report.format.as_str(), report.files, report.dirs), (format, 0, 0));
        assert_eq!(fs.glob("**")?, ["/to", "/to/here"]);
    }
    Ok(())
}

#[test]
fn a_zip_may_stand_behind_a_program() -> TestResult {
    let program = [&b"#!/bin/sh\nexec unzip $0\n"[..], &noise(3000)].concat();
    // Places counted from the beginning of the zip, and from the beginning of the file.
    let unshifted = raw_zip(&program, &[RawEntry::stored(b"a", b"1"), RawEntry::stored(b"b", b"2")]);
    let mut zip = zip::ZipWriter::new({
        let mut file = Cursor::new(program.clone());
        file.set_position(program.len() as u64);
        file
    });
    zip.start_file("a", zip::write::SimpleFileOptions::default())?;
    zip.write_all(b"1")?;
    zip.start_file("b", zip::write::SimpleFileOptions::default())?;
    zip.write_all(b"2")?;
    zip.set_comment("with a comment, and PK\u{5}\u{6} in it")?;
    let shifted = zip.finish()?.into_inner();
    assert!(shifted.starts_with(&program));
    for bytes in [unshifted, shifted] {
        let fs = MemFs::new();
        let report = import_archive(&fs, bytes, "/", options())?;
        assert_eq!((report.format.as_str(), report.files), ("zip", 2));
        assert_eq!((fs.read("/a")?, fs.read("/b")?), (b"1".to_vec(), b"2".to_vec()));
    }
    Ok(())
}

#[test]
fn large_zips_are_read_by_their_wide_numbers() -> TestResult {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let wide = zip::write::SimpleFileOptions::default().large_file(true);
    zip.start_file("wide", wide)?;
    zip.write_all(&long_text())?;
    let fs = MemFs::new();
    import_archive(&fs, zip.finish()?.into_inner(), "/", options())?;
    assert_eq!(fs.read("/wide")?, long_text());

    // More entries than two bytes can count; behind a prefix, too.
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for entry in 0..66_000 {
        zip.start_file(format!("{}/{entry}", entry % 100), stored)?;
    }
    let bytes = zip.finish()?.into_inner();
    for bytes in [bytes.clone(), [&b"prefix"[..], &bytes].concat()] {
        let fs = MemFs::new();
        let report = import_archive(&fs, bytes, "/", options())?;
        assert_eq!(report.files, 66_000);
        assert!(fs.is_file("/99/65999"));
    }
    Ok(())
}

#[test]
fn a_zip_that_uses_its_wide_numbers_where_it_need_not_is_read() -> TestResult {
    let mut entry = RawEntry::stored(b"wide", b"12345");
    entry.extra = vec![1, 0, 16, 0];
    entry.extra.extend(5_u64.to_le_bytes());
    entry.extra.extend(5_u64.to_le_bytes());
    (entry.size, entry.packed) = (0xffff_ffff, 0xffff_ffff);
    let fs = MemFs::new();
    import_archive(&fs, raw_zip(b"", &[entry.clone()]), "/", options())?;
    assert_eq!(fs.read("/wide")?, b"12345");

    entry.extra.truncate(12);
    let error = import_archive(&fs, raw_zip(b"", &[entry]), "/2", options()).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::InvalidData);
    Ok(())
}

#[test]
fn a_tar_that_ends_in_a_zip_is_a_tar() -> TestResult {
    let inner = deflated(&[("inside", b"of the zip")]);
    // Without the zeros at its end, the last bytes are those of the zip.
    let tar = member(b"last.zip", b'0', &inner);
    let padded = inner.len().next_multiple_of(512) - inner.len();
    for bytes in [tar_of(std::slice::from_ref(&tar)), tar.clone(), gzip(&tar)] {
        let fs = MemFs::new();
        let report = import_archive(&fs, bytes, "/", options())?;
        assert!(report.format.starts_with("tar"));
        assert_eq!(fs.read("/last.zip")?, inner);
    }
    // Its last block cut, it is a damaged tar, and still no zip.
    let cut = tar[..tar.len() - padded].to_vec();
    let error = import_archive(&MemFs::new(), cut, "/", options()).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::InvalidData);
    Ok(())
}

#[test]
fn every_age_of_tar_is_read() -> TestResult {
    let long = format!("{}/{}", "d".repeat(120), "f".repeat(200));
    let mut old = header(b"old", 0, 3);
    old[257..265].fill(0);
    let old_dir = {
        with_checksum({
            let mut dir = header(b"old_dir/", 0, 0);
            dir[257..265].fill(0);
            dir
        })
    };
    let mut prefixed = header(b"name", b'0', 1);
    prefixed[345..351].copy_from_slice(b"prefix");
    let mut gnu = header(b"cut off", b'0', 1);
    gnu[257..265].copy_from_slice(b"ustar  \0");
    let mut wide_size = header(b"wide", b'0', 0);
    wide_size[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    let pax_headers = [
        pax("path", "Grüße"),
        pax("mtime", "1234567890.123456789"),
        pax("size", "2"),
        pax("comment", "a\nb"),
    ];
    let block = |bytes: &[u8]| [bytes, &vec![0; 512 - bytes.len()]].concat();
    let tar = tar_of(&[
        with_checksum(old),
        block(b"old"),
        old_dir,
        with_checksum(prefixed),
        block(b"p"),
        member(b"././@LongLink", b'L', &[long.as_bytes(), b"\0"].concat()),
        with_checksum(gnu),
        block(b"g"),
        with_checksum(wide_size),
        block(b"22"),
        member(b"pax_global_header", b'g', pax("comment", "of all").as_bytes()),
        member(b"PaxHeaders/x", b'x', pax_headers.concat().as_bytes()),
        header(b"another name", b'0', 0),
        block(b"px"),
        member(b"contiguous", b'7', b"c"),
    ]);
    for bytes in [tar.clone(), gzip(&tar)] {
        let fs = MemFs::new();
        let report = import_archive(&fs, bytes, "/", options())?;
        assert_eq!((report.files, report.dirs), (6, 1));
        assert_eq!(fs.read("/old")?, b"old");
        assert!(fs.is_dir("/old_dir"));
        assert_eq!(fs.read("/prefix/name")?, b"p");
        assert_eq!(fs.read(format!("/{long}"))?, b"g");
        assert_eq!(fs.read("/wide")?, b"22");
        assert_eq!(fs.read("/Grüße")?, b"px");
        let exact = SystemTime::UNIX_EPOCH + Duration::new(1_234_567_890, 123_456_789);
        assert_eq!(fs.metadata("/Grüße")?.modified(), exact);
        assert_eq!(fs.read("/contiguous")?, b"c");
    }
    Ok(())
}

#[test]
fn holes_of_sparse_files_are_filled() -> TestResult {
    let mut expected = vec![0; 3000];
    expected[512..514].copy_from_slice(b"ab");
    expected[2048..2050].copy_from_slice(b"cd");
    let data = {
        let mut data = vec![0; 1024];
        data[..2].copy_from_slice(b"ab");
        data[512..514].copy_from_slice(b"cd");
        data
    };
    // The old way: the map in the header, two pieces of a block each.
    let mut old = header(b"old", b'S', 1024);
    old[257..265].copy_from_slice(b"ustar  \0");
    for (at, number) in [(386, 512), (398, 512), (410, 2048), (422, 512)] {
        old[at..at + 11].copy_from_slice(format!("{number:011o}").as_bytes());
    }
    old[483..494].copy_from_slice(format!("{:011o}", 3000).as_bytes());
    // The three ways of pax.
    let v00 = [
        pax("GNU.sparse.size", "3000"),
        pax("GNU.sparse.numblocks", "2"),
        pax("GNU.sparse.offset", "512"),
        pax("GNU.sparse.numbytes", "512"),
        pax("GNU.sparse.offset", "2048"),
        pax("GNU.sparse.numbytes", "512"),
    ];
    let v01 = [
        pax("GNU.sparse.size", "3000"),
        pax("GNU.sparse.map", "512,512,2048,512"),
        pax("GNU.sparse.name", "v01"),
    ];
    let v10 = [
        pax("GNU.sparse.major", "1"),
        pax("GNU.sparse.minor", "0"),
        pax("GNU.sparse.name", "v10"),
        pax("path", "GNUSparseFile.1/v10"),
        pax("GNU.sparse.realsize", "3000"),
    ];
    let mut in_data = b"2\n512\n512\n2048\n512\n".to_vec();
    in_data.resize(512, 0);
    in_data.extend(&data);
    let tar = tar_of(&[
        with_checksum(old),
        data.clone(),
        member(b"x", b'x', v00.concat().as_bytes()),
        member(b"v00", b'0', &data),
        member(b"x", b'x', v01.concat().as_bytes()),
        member(b"GNUSparseFile.1/v01", b'0', &data),
        member(b"x", b'x', v10.concat().as_bytes()),
        member(b"GNUSparseFile.1/v10", b'0', &in_data),
        member(b"after", b'0', b"!"),
    ]);
    let fs = MemFs::new();
    import_archive(&fs, tar, "/", options())?;
    for path in ["/old", "/v00", "/v01", "/v10"] {
        assert_eq!(fs.read(path)?, expected, "{path}");
    }
    assert_eq!(fs.read("/after")?, b"!");
    Ok(())
}

#[test]
fn names_and_times_of_zips_come_from_the_best_field() -> TestResult {
    let mut dos = RawEntry::stored(b"Gr\x81\xe1e", b"");
    dos.extra = vec![0x55, 0x54, 5, 0, 1, 1, 0, 0, 0];
    let mut utf8 = RawEntry::stored("日本".as_bytes(), b"");
    utf8.flags = 1 << 11;
    let plain = RawEntry::stored(b"1980", b"");
    let fs = MemFs::new();
    import_archive(&fs, raw_zip(b"", &[dos, utf8, plain]), "/", options())?;
    let after = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    assert_eq!(fs.metadata("/Grüße")?.modified(), after(1));
    assert!(fs.is_file("/日本"));
    assert_eq!(fs.metadata("/1980")?.modified(), after(315_532_800));
    Ok(())
}

/// Runs a program of the host in `dir`; false, and said so, if the host does not have it.
#[cfg(unix)]
fn run(dir: &std::path::Path, command: &[&str]) -> bool {
    match std::process::Command::new(command[0]).args(&command[1..]).current_dir(dir).output() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            eprintln!("SKIPPED: this host has no {}", command[0]);
            false
        }
        output => {
            let output = output.unwrap();
            let told = String::from_utf8_lossy(&output.stderr);
            // A tar or zip that lacks a compression or an option says so.
            if !output.status.success() {
                eprintln!("SKIPPED: {command:?}: {told}");
            }
            output.status.success()
        }
    }
}

#[test]
#[cfg(unix)]
fn archives_of_other_programs_are_read() -> TestResult {
    const PYTHON: &str = "import shutil; shutil.make_archive('../made', 'FORMAT', '.')";
    let host = tempfile::tempdir()?;
    let from = host.path().join("from");
    fs::create_dir_all(from.join("empty"))?;
    fs::create_dir_all(from.join("d/Grüße"))?;
    fs::write(from.join("d/text"), long_text())?;
    fs::write(from.join("d/Grüße/noise"), noise(100_000))?;
    fs::write(from.join("d/none"), b"")?;
    fs::write(from.join("n".repeat(90)), b"a long name")?;
    let holes = fs::File::create(from.join("holes"))?;
    holes.set_len(3 << 20)?;
    std::os::unix::fs::FileExt::write_all_at(&holes, b"data", 1 << 20)?;
    std::os::unix::fs::FileExt::write_all_at(&holes, b"more", (2 << 20) + 77)?;
    let expected = MemFs::new();
    expected.import_dir(&from, "/")?;

    let python = |format| PYTHON.replace("FORMAT", format);
    let (zip, tar, xz) = (python("zip"), python("tar"), python("xztar"));
    let mut commands: Vec<(&str, Vec<&str>)> = vec![
        ("made.zip", vec!["zip", "-r", "../made.zip", "."]),
        ("made.zip", vec!["zip", "-r", "-0", "../made.zip", "."]),
        ("made.zip", vec!["python3", "-c", &zip]),
        ("made.tar", vec!["python3", "-c", &tar]),
        ("made.tar.xz", vec!["python3", "-c", &xz]),
    ];
    for format in ["--format=v7", "--format=oldgnu", "--format=ustar", "--format=posix"] {
        commands.push(("made", vec!["tar", "-cf", "../made", format, "."]));
    }
    for packing in ["--gzip", "--bzip2", "--xz", "--zstd"] {
        commands.push(("made", vec!["tar", "-cf", "../made", packing, "."]));
    }
    for version in ["--sparse-version=0.0", "--sparse-version=0.1", "--sparse-version=1.0"] {
        commands.push(("made", vec!["tar", "-cSf", "../made", "--format=posix", version, "."]));
    }
    commands.push(("made", vec!["tar", "-cSf", "../made", "--format=gnu", "."]));
    for (made, command) in commands {
        let made = host.path().join(made);
        let _ = fs::remove_file(&made);
        if !run(&from, &command) {
            continue;
        }
        let fs = MemFs::new();
        let report =
            import_archive(&fs, &made, "/", options()).map_err(|error| format!("{command:?}: {error}"))?;
        assert!(report.skipped.is_empty(), "{command:?}: {:?}", report.skipped);
        assert_eq!(tree(&fs), tree(&expected), "{command:?}");
        for path in fs.glob("**")? {
            let [ours, theirs] = [&fs, &expected].map(|fs| fs.metadata(&path).unwrap().modified());
            let apart = ours.duration_since(theirs).or_else(|_| theirs.duration_since(ours))?;
            // Zips of Python have local times, two seconds apart.
            let exact = if command[0] == "python3" && made.ends_with("made.zip") { 86_400 } else { 2 };
            assert!(apart < Duration::from_secs(exact), "{command:?} {path}: {apart:?}");
        }
    }
    Ok(())
}

#[test]
fn what_is_no_archive_is_told_with_the_formats_tried() {
    for bytes in [&b""[..], b"a", b"some text that is not an archive", &noise(5000), &[0; 511], &[0; 600]] {
        let error = Archive::open(bytes).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::InvalidData);
        let told = error.to_string();
        assert!(told.contains("tried: zip, tar, tar.gz, tar.zst, tar.bz2, tar.xz"), "{told}");
    }
    let error = Archive::open(gzip(b"only a text")).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::InvalidData);
    assert!(error.to_string().contains("tar"), "{error}");
    let error = Archive::open_with(b"text".to_vec(), &ArchiveFormats::none()).unwrap_err();
    assert!(error.to_string().contains("tried: none"), "{error}");
}

// ---- sources ----

/// A reader that gives a few bytes at a time, and stops to be interrupted.
struct Halting<R>(R, bool);

impl<R: Read> Read for Halting<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let n = buf.len().min(100);
        self.0.read(&mut buf[..n])
    }
}

#[test]
fn every_source_gives_the_same() -> TestResult {
    let bytes = deflated(&[("a", &long_text())]);
    let host = tempfile::tempdir()?;
    let path = host.path().join("archive without an ending");
    fs::write(&path, &bytes)?;
    let text = path.to_str().unwrap();
    let other = MemFs::new();
    other.write("/archive", &bytes)?;
    let mut moved = fs::File::open(&path)?;
    moved.read_exact(&mut [0; 10])?;
    let sources: Vec<ArchiveSource> = vec![
        text.into(),
        text.to_owned().into(),
        (&*path).into(),
        path.clone().into(),
        (&path).into(),
        fs::File::open(&path)?.into(),
        moved.into(),
        bytes.clone().into(),
        (&bytes[..]).into(),
        bytes::Bytes::from(bytes.clone()).into(),
        Content::from(bytes.clone()).into(),
        other.content("/archive")?.into(),
        other.open("/archive")?.into(),
        Cursor::new(bytes.clone()).into(),
        ArchiveSource::reader(io::BufReader::new(Cursor::new(bytes.clone()))),
    ];
    for source in sources {
        let told = format!("{source:?}");
        let fs = MemFs::new();
        import_archive(&fs, source, "/", options())?;
        assert_eq!(fs.read("/a")?, long_text(), "{told}");
    }

    let tar = tar_of_files(&[("a", &long_text()), ("b", b"1")]);
    for bytes in [tar.clone(), gzip(&tar)] {
        let fs = MemFs::new();
        let stream = ArchiveSource::stream(Halting(Cursor::new(bytes), false));
        import_archive(&fs, stream, "/", options().filter(|path| path != "/a"))?;
        assert_eq!(fs.glob("**")?, ["/b"]);
    }
    let error = Archive::open(ArchiveSource::stream(Cursor::new(bytes))).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Unsupported);
    Ok(())
}

#[test]
fn a_host_that_refuses_is_told_with_its_path() -> TestResult {
    let host = tempfile::tempdir()?;
    let missing = host.path().join("missing.zip");
    let error = import_archive(&MemFs::new(), &missing, "/", options()).unwrap_err();
    assert_eq!((error.kind(), error.path()), (&ErrorKind::NotFound, missing.to_str()));
    assert_eq!(error.operation(), "import_archive");
    let error = import_archive(&MemFs::new(), host.path(), "/", options()).unwrap_err();
    assert_eq!((error.kind(), error.path()), (&ErrorKind::IsADirectory, host.path().to_str()));
    Ok(())
}

/// A source that fails after some bytes.
struct Failing(Cursor<Vec<u8>>, usize);

impl Read for Failing {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = buf.len().min(self.1);
        if n == 0 {
            return Err(io::Error::new(io::ErrorKind::ConnectionReset, "the cable was cut"));
        }
        let n = self.0.read(&mut buf[..n])?;
        self.1 -= n;
        Ok(n)
    }
}

#[test]
fn errors_of_the_source_are_not_taken_for_damage() {
    let tar = tar_of_files(&[("a", &noise(100_000))]);
    let zst = zstd::encode_all(&tar[..], 1).unwrap();
    for bytes in [tar.clone(), gzip(&tar), zst] {
        for part in [100, 5000, 70_000] {
            let fs = MemFs::new();
            let source = ArchiveSource::stream(Failing(Cursor::new(bytes.clone()), part));
            let error = import_archive(&fs, source, "/", options()).unwrap_err();
            assert_eq!(error.kind(), &ErrorKind::Other, "{error}");
            assert!(error.to_string().contains("the cable was cut"), "{error}");
            assert_eq!(fs.stats().used_bytes, 0);
        }
    }
}

// ---- conflicts ----

#[test]
fn files_that_stand_there_are_kept_replaced_or_an_error() {
    let zip = deflated(&[("a", b"new a"), ("b", b"new b"), ("d/c", b"new c")]);
    let tar = tar_of_files(&[("a", b"new a"), ("b", b"new b"), ("d/c", b"new c")]);
    let make = || {
        let fs = MemFs::new();
        fs.import_tree([("/b", "old b"), ("/d/other", "old")]).unwrap();
        fs
    };
    for bytes in [zip, tar] {
        both(make, |fs, import| {
            let created = fs.metadata("/b").unwrap().created();
            let error = import(fs, bytes.clone(), "/", options()).unwrap_err();
            assert_eq!((error.kind(), error.path()), (&ErrorKind::AlreadyExists, Some("/b")));
            assert_eq!(fs.read("/b").unwrap(), b"old b");
            let _ = fs.remove_file("/a"); // streaming has brought it

            let report = import(fs, bytes.clone(), "/", options().on_conflict(OnConflict::Skip)).unwrap();
            assert_eq!((report.files, report.overwritten, report.bytes), (2, 0, 10));
            assert_eq!(report.skipped.len(), 1);
            assert_eq!(report.skipped[0].name, "b");
            assert!(matches!(report.skipped[0].reason, SkipReason::Exists));
            assert_eq!(fs.read("/b").unwrap(), b"old b");

            let report =
                import(fs, bytes.clone(), "/", options().on_conflict(OnConflict::Overwrite)).unwrap();
            assert_eq!((report.files, report.overwritten, report.skipped.len()), (3, 3, 0));
            assert_eq!(fs.read("/b").unwrap(), b"new b");
            assert_eq!(fs.read("/d/other").unwrap(), b"old");
            assert_eq!(fs.metadata("/b").unwrap().created(), created);
        });
    }
}

#[test]
fn several_entries_of_one_name_are_told_apart() {
    let stored = |name: &str, bytes: &[u8]| RawEntry::stored(name.as_bytes(), bytes);
    let zip = raw_zip(
        b"",
        &[stored("a", b"first"), stored("b", b"1"), stored("./a", b"2nd"), stored("a", b"last!!")],
    );
    let tar = tar_of_files(&[("a", b"first"), ("b", b"1"), ("./a", b"2nd"), ("a", b"last!!")]);
    for bytes in [zip, tar] {
        both(MemFs::new, |fs, import| {
            let error = import(fs, bytes.clone(), "/", options()).unwrap_err();
            assert_eq!((error.kind(), error.path()), (&ErrorKind::AlreadyExists, Some("/a")));
            fs.clear().unwrap();
            let report =
                import(fs, bytes.clone(), "/", options().on_conflict(OnConflict::Overwrite)).unwrap();
            assert_eq!(fs.read("/a").unwrap(), b"last!!");
            assert_eq!((report.files, report.overwritten, report.bytes), (4, 2, 15));
            fs.clear().unwrap();
            let report = import(fs, bytes.clone(), "/", options().on_conflict(OnConflict::Skip)).unwrap();
            assert_eq!(fs.read("/a").unwrap(), b"first");
            let names: Vec<_> = report.skipped.iter().map(|entry| &*entry.name).collect();
            assert_eq!(names, ["./a", "a"]);
        });
    }
}

#[test]
fn a_file_and_a_directory_never_share_a_place() {
    use ErrorKind::{IsADirectory, NotADirectory};
    let fs_with = |path: &str| {
        let fs = MemFs::new();
        if path.ends_with('/') {
            fs.create_dir_all(path).unwrap();
        } else {
            fs.write(path, b"old").unwrap();
        }
        fs
    };
    let conflicts = [OnConflict::Error, OnConflict::Overwrite, OnConflict::Skip];
    for (before, entries, kind, path) in [
        ("/x/", &["x"][..], IsADirectory, "/x"),
        ("/x", &["x/y"], NotADirectory, "/x/y"),
        ("/x", &["x/"], NotADirectory, "/x"),
        ("/x", &["x/y/"], NotADirectory, "/x/y"),
        ("/z/", &["x/y", "x"], IsADirectory, "/x"),
        ("/z/", &["x/", "x"], IsADirectory, "/x"),
        ("/z/", &["x/y/z/", "x/y"], IsADirectory, "/x/y"),
        ("/z/", &["x", "x/y"], NotADirectory, "/x/y"),
        ("/z/", &["x", "x!", "x/y/z"], NotADirectory, "/x/y/z"),
        ("/z/", &["x", "x/"], NotADirectory, "/x"),
        ("/z/", &["x", "x/y/"], NotADirectory, "/x/y"),
    ] {
        let entries: Vec<_> = entries.iter().map(|name| (*name, &b""[..])).collect();
        for bytes in [deflated(&entries), tar_of_files(&entries)] {
            for conflict in conflicts {
                both(
                    || fs_with(before),
                    |fs, import| {
                        let state = tree(fs);
                        let options = options().on_conflict(conflict);
                        let error = import(fs, bytes.clone(), "/", options).unwrap_err();
                        assert_eq!((error.kind(), error.path()), (&kind, Some(path)), "{entries:?} {error}");
                        if error.operation() == "import_archive" {
                            assert_eq!(tree(fs), state);
                        }
                    },
                );
            }
        }
    }
}

#[test]
fn the_destination_is_made_or_is_a_directory() -> TestResult {
    let zip = deflated(&[("a", b"1")]);
    let fs = MemFs::new();
    fs.write("/file", b"")?;
    for dest in ["/file", "/file/below"] {
        let error = import_archive(&fs, zip.clone(), dest, options()).unwrap_err();
        assert_eq!((error.kind(), error.path()), (&ErrorKind::NotADirectory, Some(dest)));
    }
    let error = import_archive(&fs, zip.clone(), "/..", options()).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::InvalidPath);
    import_archive(&fs, zip, "x//y/../z", options())?;
    assert_eq!(fs.read("/x/z/a")?, b"1");
    Ok(())
}

#[test]
fn a_held_file_is_not_replaced() -> TestResult {
    let fs = MemFs::new();
    fs.write("/a", b"old")?;
    let held = fs.create("/a")?;
    let zip = deflated(&[("a", b"new"), ("b", b"new")]);
    both(
        || fs.clone(),
        |fs, import| {
            let error =
                import(fs, zip.clone(), "/", options().on_conflict(OnConflict::Overwrite)).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Busy { .. }), "{error}");
            assert!(!fs.exists("/b"));
            // What stays is not in the way.
            import(fs, zip.clone(), "/", options().on_conflict(OnConflict::Skip)).unwrap();
            fs.remove_file("/b").unwrap();
        },
    );
    drop(held);
    Ok(())
}

// ---- options ----

#[test]
fn entries_are_stripped_filtered_and_rerooted() -> TestResult {
    let bytes =
        tar_of_files(&[("top/", b""), ("top/src/a.rs", b"a"), ("top/src/b.txt", b"b"), ("top/x/", b"")]);
    let fs = MemFs::new();
    let options = ImportOptions::new().strip_components(1).filter(|path| path.ends_with(".rs"));
    let report = import_archive(&fs, bytes, "/d", options)?;
    assert_eq!(fs.glob("**")?, ["/d", "/d/src", "/d/src/a.rs"]);
    assert_eq!((report.files, report.dirs, report.skipped.len()), (1, 0, 0));

    let bytes = tar_of_files(&[("/etc/passwd", b"1"), ("../../up", b"2")]);
    let error = import_archive(&fs, bytes.clone(), "/r", ImportOptions::new()).unwrap_err();
    assert_eq!((error.kind(), error.path()), (&ErrorKind::InvalidPath, Some("/etc/passwd")));
    import_archive(&fs, bytes, "/r", ImportOptions::new().reroot(true))?;
    assert_eq!(fs.glob("/r/**")?, ["/r/etc", "/r/etc/passwd", "/r/up"]);
    Ok(())
}

#[test]
fn what_is_not_wanted_is_not_looked_into() -> TestResult {
    // It is encrypted, and its checksum is wrong, and nobody asks.
    let mut secret = RawEntry::stored(b"secret", b"12345");
    (secret.flags, secret.crc) = (1, 0);
    let zip = raw_zip(b"", &[secret, RawEntry::stored(b"open", b"1")]);
    let fs = MemFs::new();
    import_archive(&fs, zip, "/", options().filter(|path| path != "/secret"))?;
    assert_eq!(fs.glob("**")?, ["/open"]);
    Ok(())
}

#[test]
fn links_and_devices_are_listed_and_left_out() -> TestResult {
    let mut link = RawEntry::stored(b"zip link", b"target");
    link.mode = 0o120_777;
    let mut pipe = RawEntry::stored(b"zip pipe", b"");
    pipe.mode = 0o010_644;
    let zip = raw_zip(b"", &[link, pipe, RawEntry::stored(b"file", b"1")]);
    let tar = tar_of(&[
        member(b"hard", b'1', b""),
        member(b"soft", b'2', b""),
        member(b"char", b'3', b""),
        member(b"block", b'4', b""),
        member(b"fifo", b'6', b""),
        member(b"vendor", b'Z', b"some data that is not for us"),
        member(b"\xff\xfe", b'0', b"in another encoding"),
        member(b"file", b'0', b"1"),
    ]);
    let reasons = |report: &ArchiveReport| -> Vec<String> {
        report.skipped.iter().map(|entry| format!("{} {:?}", entry.name, entry.reason)).collect()
    };
    for (bytes, expected) in [
        (zip, &["zip link SymbolicLink", "zip pipe Special"][..]),
        (
            tar,
            &[
                "hard HardLink",
                "soft SymbolicLink",
                "char Special",
                "block Special",
                "fifo Special",
                "vendor Special",
                "\u{fffd}\u{fffd} NotUtf8",
            ],
        ),
    ] {
        both(MemFs::new, |fs, import| {
            let report = import(fs, bytes.clone(), "/", options()).unwrap();
            assert_eq!(reasons(&report), expected);
            assert_eq!(fs.glob("**").unwrap(), ["/file"]);
            assert_eq!(fs.read("/file").unwrap(), b"1");
        });
    }
    Ok(())
}

#[test]
fn limits_stop_an_import() {
    let entries: &[(&str, &[u8])] = &[("a", &[7; 60_000]), ("b", &[7; 60_000]), ("c", b"")];
    let limits = ImportLimits::default();
    let tar = tar_of_files(entries);
    for bytes in [deflated(entries), tar.clone(), gzip(&tar)] {
        for (limits, told) in [
            (ImportLimits { entry_bytes: 59_999, ..limits }, "entry_bytes"),
            (ImportLimits { total_bytes: 119_999, ..limits }, "total_bytes"),
            (ImportLimits { entries: 2, ..limits }, "entries"),
        ] {
            both(MemFs::new, |fs, import| {
                let error = import(fs, bytes.clone(), "/", options().limits(limits)).unwrap_err();
                assert_eq!(error.kind(), &ErrorKind::InvalidInput, "{error}");
                assert!(error.to_string().contains(told), "{error}");
                if error.operation() == "import_archive" {
                    assert_eq!(fs.stats().used_bytes, 0);
                }
            });
        }
        let exact = ImportLimits {
            entry_bytes: 60_000,
            total_bytes: 120_000,
            entries: 3,
            ratio: 2000,
            passed_bytes: 0,
        };
        both(MemFs::new, |fs, import| drop(import(fs, bytes.clone(), "/", options().limits(exact)).unwrap()));
    }
    let large: &[(&str, &[u8])] = &[("a", &[7; 200_000])];
    for bytes in [deflated(large), gzip(&tar_of_files(large))] {
        let limits = ImportLimits { ratio: 50, ..limits };
        let error = import_archive(&MemFs::new(), bytes, "/", options().limits(limits)).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains("ratio"), "{error}");
    }
}

#[test]
fn what_became_of_each_entry_is_told() -> TestResult {
    use arcfs::EntryFate::{Directory, Overwritten, Skipped, Written};
    let entries: &[(&str, &[u8])] = &[("d/", b""), ("d/a", b"1"), ("there", b"2"), ("d/b", b"3")];
    for bytes in [deflated(entries), tar_of_files(entries)] {
        for (conflict, there) in
            [(OnConflict::Overwrite, (Some("/to/there"), Overwritten)), (OnConflict::Skip, (None, Skipped))]
        {
            let furnished = || {
                let fs = MemFs::new();
                fs.import_tree([("/to/there", "old")]).unwrap();
                fs
            };
            both(furnished, |fs, import| {
                let told = Arc::new(Mutex::new(Vec::new()));
                let note = Arc::clone(&told);
                let options = options().on_conflict(conflict).on_entry(move |entry| {
                    let path = entry.path.map(str::to_owned);
                    note.lock().unwrap().push((entry.name.to_owned(), path, entry.fate));
                });
                import(fs, bytes.clone(), "/to", options).unwrap();
                let told = told.lock().unwrap();
                let mut told: Vec<_> =
                    told.iter().map(|(name, path, fate)| (&**name, path.as_deref(), *fate)).collect();
                told.sort_by_key(|(name, ..)| *name);
                assert_eq!(
                    told,
                    [
                        ("d/", Some("/to/d"), Directory),
                        ("d/a", Some("/to/d/a"), Written),
                        ("d/b", Some("/to/d/b"), Written),
                        ("there", there.0, there.1),
                    ]
                );
            });
        }
    }
    Ok(())
}

#[test]
fn times_of_directories_survive_what_comes_into_them() -> TestResult {
    let entries: &[(&str, &[u8])] =
        &[("d/", b""), ("d/e/", b""), ("d/e/a", b"1"), ("d/b", b"2"), ("implied/c", b"3")];
    for bytes in [deflated(entries), tar_of_files(entries)] {
        both(MemFs::new, |fs, import| {
            import(fs, bytes.clone(), "/", options()).unwrap();
            for path in ["/d", "/d/e", "/d/e/a"] {
                assert_eq!(fs.metadata(path).unwrap().modified(), usual_time(), "{path}");
            }
            assert_ne!(fs.metadata("/implied").unwrap().modified(), usual_time());
        });
        // What stands there already is not the archive's.
        let fs = MemFs::new();
        fs.create_dir("/d")?;
        import_archive(&fs, bytes, "/", options())?;
        assert_ne!(fs.metadata("/d")?.modified(), usual_time());
    }
    Ok(())
}

#[test]
fn many_entries_are_unpacked_beside_each_other_and_none_is_mixed_up() -> TestResult {
    let texts: Vec<_> = (0..300).map(|n| format!("text {n} ").repeat(n * 7)).collect();
    let names: Vec<_> = (0..300).map(|n| format!("{}/{n}", n % 7)).collect();
    let entries: Vec<_> = names.iter().zip(&texts).map(|(name, text)| (&**name, text.as_bytes())).collect();
    let fs = MemFs::new();
    let report = import_archive(&fs, deflated(&entries), "/", options())?;
    assert_eq!(report.files, 300);
    for (name, text) in names.iter().zip(&texts) {
        assert_eq!(fs.read_to_string(format!("/{name}"))?, *text);
    }
    Ok(())
}

#[test]
fn directories_that_are_listed_after_what_is_in_them_get_their_times() {
    let dated = |path: &str, seconds: u64| {
        let mut dir = header(path.as_bytes(), b'5', 0);
        dir[136..147].copy_from_slice(format!("{seconds:011o}").as_bytes());
        with_checksum(dir)
    };
    let tar = tar_of(&[
        member(b"d/e/a", b'0', b"1"),
        dated("d/e", 1000),
        dated("d", 1),
        dated("d", 2000),
        dated("x/y", 3000),
        dated("x", 4000),
        dated("there", 5000),
    ]);
    let after = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let furnished = || {
        let fs = MemFs::new();
        fs.create_dir_all("/to/there").unwrap();
        fs
    };
    both(furnished, |fs, import| {
        let before = fs.metadata("/to/there").unwrap().modified();
        import(fs, tar.clone(), "/to", options()).unwrap();
        for (path, seconds) in [("/to/d/e", 1000), ("/to/d", 2000), ("/to/x/y", 3000), ("/to/x", 4000)] {
            assert_eq!(fs.metadata(path).unwrap().modified(), after(seconds), "{path}");
        }
        assert_eq!(fs.metadata("/to/there").unwrap().modified(), before, "it is not the archive's");
    });
}

#[test]
fn directories_get_their_times_also_where_a_later_entry_fails() {
    let tar = tar_of(&[member(b"d/", b'5', b""), member(b"d/a", b'0', b"1"), member(b"../x", b'0', b"1")]);
    let fs = MemFs::new();
    assert!(import_archive_streaming(&fs, tar, "/", options()).is_err());
    assert_eq!(fs.metadata("/d").unwrap().modified(), usual_time());
    assert_eq!(fs.read("/d/a").unwrap(), b"1");
}

#[test]
fn times_of_directories_are_not_given_to_what_stands_there_instead() {
    let tar = tar_of(&[member(b"d/", b'5', b""), member(b"e/", b'5', b""), member(b"f/", b'5', b"")]);
    let fs = MemFs::new();
    let other = fs.clone();
    let meddle = move |done: arcfs::ImportProgress| {
        if done.entries == 3 && other.is_dir("/d") {
            other.remove_dir("/d").unwrap();
            other.write("/d", b"a file").unwrap();
            other.remove_dir("/e").unwrap();
        }
    };
    let report = import_archive_streaming(&fs, tar, "/", options().progress(meddle)).unwrap();
    assert_eq!(report.dirs, 3);
    assert_ne!(fs.metadata("/d").unwrap().modified(), usual_time());
    assert_eq!(fs.metadata("/f").unwrap().modified(), usual_time());
    assert!(!fs.exists("/e"));
}

#[test]
fn what_is_there_already_is_not_paid_for_again() {
    let names: Vec<_> = (0..100).map(|n| format!("directory {n}/")).collect();
    let entries: Vec<_> = names.iter().map(|name| (&**name, &b""[..])).collect();
    let tar = tar_of_files(&entries);
    let fs = MemFs::new();
    import_archive(&fs, tar.clone(), "/", options()).unwrap();
    fs.set_max_quota(fs.stats().used_bytes + 4000);
    import_archive(&fs, tar, "/", options()).unwrap();
}

// ---- formats of one's own ----

/// Lines of `name: text`, after a first line that says so.
struct Lines;

struct LinesReader {
    lines: std::vec::IntoIter<String>,
    bytes: Cursor<Vec<u8>>,
    fails: bool,
}

impl ArchiveFormat for Lines {
    fn name(&self) -> &str {
        "lines"
    }
    fn detect(&self, probe: &ArchiveProbe<'_>) -> io::Result<bool> {
        Ok(probe.head().starts_with(b"LINES\n"))
    }
    fn open(&self, mut input: ArchiveInput) -> io::Result<Box<dyn ArchiveReader>> {
        let mut text = String::new();
        input.read_to_string(&mut text)?;
        let lines: Vec<_> = text.lines().skip(1).map(str::to_owned).collect();
        Ok(Box::new(LinesReader { lines: lines.into_iter(), bytes: Cursor::default(), fails: false }))
    }
}

impl ArchiveReader for LinesReader {
    fn next_entry(&mut self) -> io::Result<Option<EntryInfo>> {
        let Some(line) = self.lines.next() else { return Ok(None) };
        let (name, text) = line.split_once(": ").ok_or_else(|| io::Error::other("a line has no colon"))?;
        self.fails = text == "fails";
        self.bytes = Cursor::new(text.as_bytes().to_vec());
        Ok(Some(EntryInfo::new(name, EntryKind::File)))
    }
}

impl Read for LinesReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.fails {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "this one cannot be read"));
        }
        self.bytes.read(buf)
    }
}

#[test]
fn a_format_of_ones_own_joins_the_others() -> TestResult {
    let formats = ArchiveFormats::default().with(Lines);
    assert_eq!(formats.names()[..2], ["lines", "zip"]);
    let long = "x".repeat(200_000);
    let bytes = format!("LINES\na: 1\nd/b: {long}\n").into_bytes();
    both(MemFs::new, |fs, import| {
        assert!(import(fs, bytes.clone(), "/", options()).is_err());
        let report = import(fs, bytes.clone(), "/", options().formats(formats.clone())).unwrap();
        assert_eq!((report.format.as_str(), report.files), ("lines", 2));
        assert_eq!(fs.read_to_string("/d/b").unwrap(), long);
        // The built-in ones are there as before.
        import(fs, deflated(&[("z", b"1")]), "/", options().formats(formats.clone())).unwrap();

        let limits = ImportLimits { entry_bytes: 150_000, ..ImportLimits::default() };
        let limited = options().formats(formats.clone()).limits(limits).on_conflict(OnConflict::Overwrite);
        let error = import(fs, bytes.clone(), "/", limited).unwrap_err();
        assert_eq!((error.kind(), error.path()), (&ErrorKind::InvalidInput, Some("d/b")));
    });
    for (text, kind) in
        [("LINES\na: fails\n", ErrorKind::Unsupported), ("LINES\nno\n", ErrorKind::InvalidData)]
    {
        let error = import_archive(&MemFs::new(), text.as_bytes(), "/", options().formats(formats.clone()));
        assert_eq!(error.unwrap_err().kind(), &kind);
    }
    Ok(())
}

/// Takes everything for its own.
struct Everything;

impl ArchiveFormat for Everything {
    fn name(&self) -> &str {
        "everything"
    }
    fn detect(&self, _: &ArchiveProbe<'_>) -> io::Result<bool> {
        Ok(true)
    }
    fn open(&self, input: ArchiveInput) -> io::Result<Box<dyn ArchiveReader>> {
        Lines.open(input)
    }
}

#[test]
fn the_format_added_last_is_asked_first() -> TestResult {
    let formats = ArchiveFormats::default().with(Everything).with(Lines);
    let archive = Archive::open_with(b"LINES\n".to_vec(), &formats)?;
    assert_eq!(archive.format(), "lines");
    let archive = Archive::open_with(tar_of_files(&[]), &formats)?;
    assert_eq!(archive.format(), "everything");
    Ok(())
}

// ---- races ----

/// Changes a filesystem when its archive is being read.
struct Meddling<F>(Cursor<Vec<u8>>, Option<F>);

impl<F: FnOnce()> Read for Meddling<F> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.0.read(buf)?;
        // At the very end everything has been looked at once.
        if n == 0
            && let Some(meddle) = self.1.take()
        {
            meddle();
        }
        Ok(n)
    }
}

fn import_meddled(
    fs: &MemFs,
    conflict: OnConflict,
    meddle: impl FnOnce(&MemFs) + Send + 'static,
) -> Result<ArchiveReport> {
    let tar = gzip(&tar_of_files(&[("a", b"new a"), ("d/b", b"new b")]));
    let other = fs.clone();
    let source = ArchiveSource::stream(Meddling(Cursor::new(tar), Some(move || meddle(&other))));
    import_archive(fs, source, "/", ImportOptions::new().on_conflict(conflict))
}

#[test]
fn what_appears_meanwhile_is_a_conflict_like_any_other() -> TestResult {
    let appear = |fs: &MemFs| fs.write("/a", b"quicker").unwrap();
    let fs = MemFs::new();
    let error = import_meddled(&fs, OnConflict::Error, appear).unwrap_err();
    assert_eq!((error.kind(), error.path()), (&ErrorKind::AlreadyExists, Some("/a")));
    assert_eq!(fs.glob("**")?, ["/a"]);

    let report = import_meddled(&MemFs::new(), OnConflict::Overwrite, appear)?;
    assert_eq!((report.files, report.overwritten), (2, 1));

    let fs = MemFs::new();
    let report = import_meddled(&fs, OnConflict::Skip, appear)?;
    assert_eq!((report.files, report.bytes, report.skipped.len()), (1, 5, 1));
    assert_eq!(report.skipped[0].name, "a");
    assert_eq!((fs.read("/a")?, fs.read("/d/b")?), (b"quicker".to_vec(), b"new b".to_vec()));

    for conflict in [OnConflict::Error, OnConflict::Overwrite, OnConflict::Skip] {
        let fs = MemFs::new();
        let error = import_meddled(&fs, conflict, |fs| fs.write("/d", b"a file").unwrap()).unwrap_err();
        assert_eq!((error.kind(), error.path()), (&ErrorKind::NotADirectory, Some("/d/b")));
        assert_eq!(fs.glob("**")?, ["/d"]);
        let fs = MemFs::new();
        let error = import_meddled(&fs, conflict, |fs| fs.create_dir_all("/d/b").unwrap()).unwrap_err();
        assert_eq!((error.kind(), error.path()), (&ErrorKind::IsADirectory, Some("/d/b")));
        assert!(!fs.exists("/a"));
    }
    Ok(())
}

#[test]
fn an_import_holds_out_against_a_writer_beside_it() -> TestResult {
    let names: Vec<_> = (0..200).map(|n| format!("d{}/f{n}", n % 10)).collect();
    let entries: Vec<_> = names.iter().map(|name| (&**name, name.as_bytes())).collect();
    let (zip, fs) = (deflated(&entries), MemFs::new());
    let (stop, writes) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let n = writes.fetch_add(1, Ordering::Relaxed);
                fs.create_dir_all(format!("/to/d{}", n % 10)).unwrap();
                fs.write(format!("/to/d{}/f{}", n % 10, n % 40), b"by the writer").unwrap();
                let _ = fs.remove_dir_all(format!("/to/d{}", (n + 5) % 10));
            }
        });
        for round in 0..20 {
            let options = options().on_conflict(OnConflict::Overwrite);
            let before = fs.version();
            let report = import_archive(&fs, zip.clone(), "/to", options).unwrap();
            assert_eq!(report.files, 200, "{round}");
            assert!(fs.version() > before);
        }
        stop.store(true, Ordering::Relaxed);
    });
    fs.clear()?;
    assert_eq!(fs.stats().used_bytes, 0);
    Ok(())
}

#[test]
fn an_import_is_seen_as_a_whole() -> TestResult {
    let names: Vec<_> = (0..100).map(|n| format!("f{n}")).collect();
    let entries: Vec<_> = names.iter().map(|name| (&**name, &b"1"[..])).collect();
    let (zip, fs, stop) = (deflated(&entries), MemFs::new(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let seen = fs.snapshot().usage("/").unwrap().files;
                assert!(seen == 0 || seen == 100, "{seen}");
            }
        });
        for _ in 0..50 {
            import_archive(&fs, zip.clone(), "/", options()).unwrap();
            fs.clear().unwrap();
        }
        stop.store(true, Ordering::Relaxed);
    });
    Ok(())
}

// ---- any tree ----

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c]{1,2}", "[ -~&&[^/\\\\.]]{1,30}", "[äöü日本]{1,60}"]
}

fn any_tree() -> impl Strategy<Value = BTreeMap<String, Vec<u8>>> {
    let path = prop::collection::vec(any_name(), 1..6).prop_map(|names| names.join("/"));
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        (0..200_000_usize, any::<u8>()).prop_map(|(len, byte)| vec![byte; len]),
    ];
    prop::collection::btree_map(path, bytes, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_tree_comes_out_as_it_went_in(tree in any_tree()) {
        // Files below files are for other tests.
        let below = |path: &str| tree.keys().any(|other| path.starts_with(&format!("{other}/")));
        let files: BTreeMap<_, _> = tree.iter().filter(|(path, _)| !below(path)).collect();
        let entries: Vec<_> = files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
        let mut tar = tar::Builder::new(Vec::new());
        for (path, bytes) in &entries {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            tar.append_data(&mut header, path, *bytes).unwrap();
        }
        let tar = tar.into_inner().unwrap();
        for bytes in [deflated(&entries), tar.clone(), gzip(&tar), zstd::encode_all(&tar[..], 1).unwrap()] {
            for streaming in [false, true] {
                let fs = MemFs::new();
                let import = if streaming { import_archive_streaming } else { import_archive };
                let report = import(&fs, bytes.clone(), "/to", options()).unwrap();
                prop_assert_eq!(report.files, entries.len() as u64);
                for (path, bytes) in &entries {
                    prop_assert_eq!(&fs.read(format!("/to/{path}")).unwrap(), bytes);
                }
                prop_assert_eq!(fs.usage("/").unwrap().files, entries.len() as u64);
            }
        }
    }
}
