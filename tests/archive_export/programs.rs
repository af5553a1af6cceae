//! The programs of others read the archives, where they are on the machine.

use std::fs;
use std::io::{self, Cursor, Seek, Write};
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

/// A file of the host that has holes where zeros are written, so that gigabytes of them take no room.
#[cfg(all(unix, feature = "internals"))]
struct Sparse(fs::File);

#[cfg(all(unix, feature = "internals"))]
impl Write for Sparse {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        const ZEROS: [u8; 4096] = [0; 4096];
        let bytes = &bytes[..bytes.len().min(ZEROS.len())];
        if bytes == &ZEROS[..bytes.len()] {
            self.0.seek_relative(bytes.len() as i64)?;
            Ok(bytes.len())
        } else {
            self.0.write(bytes)
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        let len = self.0.stream_position()?;
        self.0.set_len(len) // zeros at the end
    }
}

/// Sizes and offsets above 4 GiB, for real, of zeros that take neither memory nor disk.
#[cfg(all(unix, feature = "internals"))]
#[test]
fn beyond_4_gib() -> TestResult {
    const PIECE: usize = 65_536;
    const TIMES: usize = 65_536 + 1;
    let fs = MemFs::new();
    fs.write("/large", [0; PIECE])?;
    let large = arcfs::internals::repeat_content(&fs.content("/large")?, TIMES);
    let len = large.len();
    assert!(len > 1 << 32);
    fs.write_owned("/large", large)?;
    fs.write("/z last", b"behind it")?;
    let mut once = flate2::Crc::new();
    once.update(&[0; PIECE]);
    let mut crc = flate2::Crc::new();
    (0..TIMES).for_each(|_| crc.combine(&once));

    let dir = tempfile::tempdir()?;
    let path = dir.path().join("an archive");
    let (name, is_listed) = (path.to_str().expect("UTF-8"), |said: &str| said.contains(&len.to_string()));
    let options = || ArchiveOptions::new().compression(Compression::None);
    let summary = fs.export_zip(Sparse(fs::File::create(&path)?), options())?;
    assert_eq!(fs::metadata(&path)?.len(), summary.written);
    let mut zip = zip::ZipArchive::new(fs::File::open(&path)?)?;
    let entry = zip.by_name("large")?;
    assert_eq!((entry.size(), entry.compressed_size(), entry.crc32()), (len, len, crc.sum()));
    drop(entry);
    let last = zip.by_name("z last")?;
    assert!(last.data_start().is_some_and(|start| start > len));
    assert_eq!(io::read_to_string(last)?, "behind it");
    assert!(run("unzip", &["-v", name], None).is_none_or(|said| is_listed(&said)));
    assert!(run("bsdtar", &["-tvf", name], None).is_none_or(|said| is_listed(&said)));
    let script = "import sys, zipfile\n\
        z = zipfile.ZipFile(sys.argv[1])\n\
        print(z.getinfo('large').file_size, z.read('z last').decode())";
    let said = run("python3", &["-c", script, name], None);
    assert!(said.is_none_or(|said| said.trim() == format!("{len} behind it")));

    fs.export_tar(Sparse(fs::File::create(&path)?), options())?;
    let said = run("tar", &["-tvf", name], None);
    assert!(said.is_none_or(|said| is_listed(&said) && said.contains("z last")));
    Ok(())
}
