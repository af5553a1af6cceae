//! Archives that the programs of the host make, where it has them.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use arcfs::{MemFs, import_archive};

use crate::support::*;

/// Runs a program of the host in `dir`; false, and said so, if the host does not have it.
fn run(dir: &Path, command: &[&str]) -> bool {
    match Command::new(command[0]).args(&command[1..]).current_dir(dir).output() {
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
