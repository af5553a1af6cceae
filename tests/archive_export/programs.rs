//! The programs of others read the archives, where they are on the machine.

use std::fs;
use std::io::{self, Cursor, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use arcfs::{ArchiveOptions, Compression, Content, MemFs, Snapshot};

use crate::support::*;

/// Runs a program; `None`, said aloud, if it is not there.
fn run(program: &str, arguments: &[&str], input: Option<&Path>) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments).env("LC_ALL", "C.UTF-8").env("TZ", "Pacific/Auckland");
    command.stdin(input.map_or(Stdio::null(), |path| fs::File::open(path).expect("there").into()));
    let output = match command.output() {
        Ok(output) => output,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            println!("SKIPPED: {program} is not on this machine");
            return None;
        }
        Err(error) => panic!("{program}: {error}"),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let errors = text(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{program} {arguments:?}: {errors}");
    Some(text(&output.stdout))
}

/// Has a zip checked by other programs.
fn check_zip(path: &Path, entries: usize) {
    let name = path.to_str().expect("UTF-8");
    if let Some(said) = run("unzip", &["-tq", name], None) {
        assert!(said.starts_with("No errors detected"), "{said}");
    }
    if let Some(said) = run("bsdtar", &["-tf", "-"], Some(path)) {
        assert_eq!(said.lines().count(), entries);
    }
    let script = "import sys, zipfile\n\
        z = zipfile.ZipFile(sys.argv[1])\n\
        print(z.testzip(), len(z.infolist()))";
    if let Some(said) = run("python3", &["-c", script, name], None) {
        assert_eq!(said.trim(), format!("None {entries}"));
    }
}

#[test]
fn other_programs_read_them() -> TestResult {
    let snapshot = mixed()?.snapshot();
    let dir = tempfile::tempdir()?;
    let files = expected(&snapshot, "/", Kind::Tar(Compression::None));
    for (kind, name) in KINDS.into_iter().zip(["s.zip", "d.zip", "a.tar", "a.tar.gz", "a.tar.zst"]) {
        let path = dir.path().join(name);
        fs::write(&path, kind.export(&snapshot, ArchiveOptions::new().threads(2))?)?;
        let path_text = path.to_str().expect("UTF-8");
        match kind {
            Kind::Zip(_) => check_zip(&path, files.len()),
            Kind::Tar(compression) => {
                let list = match compression {
                    Compression::Zstd => {
                        run("zstd", &["-tq", path_text], None);
                        run("tar", &["--zstd", "--utc", "--full-time", "-tvf", path_text], None)
                    }
                    _ => run("tar", &["--utc", "--full-time", "-tvf", path_text], None),
                };
                let Some(list) = list else { continue };
                assert_eq!(list.lines().count(), files.len());
                let line = list.lines().find(|line| line.ends_with(" many/05/005")).expect("listed");
                let fields: Vec<_> = line.split_whitespace().collect();
                assert_eq!(fields[..5], ["-rw-r--r--", "0/0", "65", "1970-01-01", "00:00:05"]);
                if compression == Compression::Deflate {
                    run("gzip", &["-t", path_text], None);
                }
                let script = "import sys, tarfile\n\
                    t = tarfile.open(sys.argv[1])\n\
                    for m in t: print(m.name, m.size, m.isdir(), len(t.extractfile(m).read()) if m.isfile() else 0)";
                if compression == Compression::Zstd {
                    continue; // Python knows it from 3.14 on
                }
                let Some(said) = run("python3", &["-c", script, path_text], None) else { continue };
                assert_eq!(said.lines().count(), files.len());
                for line in said.lines() {
                    let mut fields = line.rsplitn(4, ' ');
                    let (read, is_dir) = (fields.next().expect("read"), fields.next().expect("kind"));
                    let (size, name) = (fields.next().expect("size"), fields.next().expect("name"));
                    let name = if is_dir == "True" { format!("{name}/") } else { name.to_owned() };
                    let len = files[&name].0.as_ref().map_or(0, Vec::len);
                    assert_eq!((read.parse(), size.parse()), (Ok(len), Ok(len)), "{name}");
                }
            }
        }
    }
    unpacked_by_others(dir.path(), &snapshot)
}

/// Unpacks a zip and a tar with the programs for them, in another time zone, and compares.
fn unpacked_by_others(dir: &Path, snapshot: &Snapshot) -> TestResult {
    let out = |name: &str| {
        let out = dir.join(name);
        fs::create_dir(&out).expect("new");
        out
    };
    let (unzipped, untarred) = (out("unzipped"), out("untarred"));
    let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    let zip = run("unzip", &["-q", &text(&dir.join("d.zip")), "-d", &text(&unzipped)], None);
    let tar = run("tar", &["-xzf", &text(&dir.join("a.tar.gz")), "-C", &text(&untarred)], None);
    for (there, out, kind) in
        [(zip, unzipped, Kind::Zip(Compression::Deflate)), (tar, untarred, Kind::Tar(Compression::Deflate))]
    {
        if there.is_none() {
            continue;
        }
        for (name, (bytes, time)) in expected(snapshot, "/", kind) {
            let path = out.join(&name);
            let metadata = fs::metadata(&path)?;
            assert_eq!(metadata.modified()?, time, "{name}");
            match bytes {
                Some(bytes) => assert!(fs::read(&path)? == bytes, "{name}"),
                None => assert!(metadata.is_dir()),
            }
        }
    }
    Ok(())
}

#[test]
fn more_than_65535_entries_are_counted_in_zip64() -> TestResult {
    let fs = MemFs::new();
    for count in [65_534, 65_535, 70_000] {
        fs.clear()?;
        fs.import_tree((0..count).map(|n| (format!("/{n}"), Content::default())))?;
        let archive = Kind::Zip(Compression::Deflate).export(&fs.snapshot(), ArchiveOptions::new())?;
        let is_wide = archive[archive.len() - 98..].starts_with(b"PK\x06\x06");
        assert_eq!(is_wide, count >= 65_535);
        assert_eq!(zip::ZipArchive::new(Cursor::new(&archive))?.len(), count);
        if count == 70_000 {
            let dir = tempfile::tempdir()?;
            fs::write(dir.path().join("a.zip"), &archive)?;
            check_zip(&dir.path().join("a.zip"), count);
        }
    }
    Ok(())
}

/// Sizes and offsets above 4 GiB, for real. It takes 4.3 GiB of memory for one file, 13 GB of disk,
/// and minutes.
#[test]
#[ignore = "large and slow"]
fn beyond_4_gib() -> TestResult {
    const LARGE: u64 = (1 << 32) + 12_345;
    let fs = MemFs::with_quota(6 << 30);
    let piece = text(8 << 20, 1);
    let mut file = fs.create("/large")?;
    let mut left = LARGE;
    while left > 0 {
        let n = left.min(piece.len() as u64);
        file.write_all(&piece[..n as usize])?;
        left -= n;
    }
    file.close()?;
    fs.write("/z last", b"behind it")?;
    let dir = tempfile::tempdir()?;
    for kind in [Kind::Zip(Compression::None), Kind::Zip(Compression::Deflate)] {
        let path = dir.path().join("a.zip");
        let options = ArchiveOptions::new().level(1);
        kind.export_to(&fs.snapshot(), io::BufWriter::new(fs::File::create(&path)?), options)?;
        check_zip(&path, 2);
        let mut zip = zip::ZipArchive::new(fs::File::open(&path)?)?;
        assert_eq!(io::copy(&mut zip.by_name("large")?, &mut io::sink())?, LARGE);
        assert_eq!(io::read_to_string(zip.by_name("z last")?)?, "behind it");
    }
    let path = dir.path().join("a.tar");
    fs.export_tar(fs::File::create(&path)?, ArchiveOptions::new())?;
    let said = run("tar", &["-tvf", path.to_str().expect("UTF-8")], None);
    assert!(said.is_none_or(|said| said.contains(&LARGE.to_string())));
    Ok(())
}
