//! Reading and writing result files.
//!
//! A file is written beside its place and renamed, so it is whole or not there. Reading accepts nothing
//! that this build could misunderstand: another schema, cells that contradict themselves.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::key::Key;
use super::samples;
use super::schema::{Cell, Latency, Run, VERSION};

/// Why a result file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused.
    #[error("cannot {operation} {}{}", path.display(), advice(cause))]
    Io {
        /// What was tried: "read", "write", "create the directory".
        operation: &'static str,
        /// On which path.
        path: PathBuf,
        /// What it answered.
        #[source]
        cause: io::Error,
    },
    /// The file exists, and replacing it was not asked for.
    #[error("{} exists already: choose another --name, or replace it with --force", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The path is that of a directory, a device or the like.
    #[error("{} is no regular file, so no results go there", path.display())]
    NoFile {
        /// The path.
        path: PathBuf,
    },
    /// The file is no JSON, or ends in the middle.
    #[error("{} {}", path.display(), if cause.is_eof() { "ends in the middle: it was not copied whole" } else { "is not JSON" })]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        #[source]
        cause: serde_json::Error,
    },
    /// The file is JSON, but not one of ours.
    #[error("{} is JSON, but no result file of arcfs-harness: {problem}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is missing.
        problem: &'static str,
    },
    /// The file has another schema than this build.
    #[error("{} has schema {found}, this build knows {VERSION}: {}", path.display(), if *found > u64::from(VERSION) { "update the harness" } else { "run the benchmark again" })]
    Schema {
        /// The file.
        path: PathBuf,
        /// The version it has.
        found: u64,
    },
    /// A field is missing or has the wrong type.
    #[error("{}: {place} does not follow schema {VERSION}", path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// Where in the file, such as `cells[3] (contention …)`.
        place: String,
        /// What is wrong with it.
        #[source]
        cause: serde_json::Error,
    },
    /// A cell contradicts itself or another one.
    #[error("{}: {place}: {problem}", path.display())]
    Inconsistent {
        /// The file.
        path: PathBuf,
        /// Where in the file.
        place: String,
        /// The contradiction.
        problem: String,
    },
}

/// What a person can do about it.
fn advice(cause: &io::Error) -> &'static str {
    use io::ErrorKind as Kind;
    match cause.kind() {
        Kind::StorageFull | Kind::QuotaExceeded => ": free some space, or choose another directory",
        Kind::PermissionDenied | Kind::ReadOnlyFilesystem => ": choose a directory that you may write to",
        Kind::NotFound => ": check the path",
        Kind::NotADirectory | Kind::AlreadyExists => ": a part of the path is a file, not a directory",
        Kind::FileTooLarge => ": files may not become that large here (ulimit -f)",
        _ => "",
    }
}

/// More cells than this come from no run: the fullest has some 10,000. Reports take time for each.
const MOST_CELLS: usize = 50_000;

/// Reads a result file and checks it.
///
/// # Errors
/// [`Error`] for whatever is no whole and consistent result file of this schema.
pub fn read(path: &Path) -> Result<Run, Error> {
    let text =
        std::fs::read(path).map_err(|cause| Error::Io { operation: "read", path: path.to_owned(), cause })?;
    let value: Value =
        serde_json::from_slice(&text).map_err(|cause| Error::Syntax { path: path.to_owned(), cause })?;
    let run = parse(path, value)?;
    if run.cells.len() > MOST_CELLS {
        let problem = "it has more cells than any run";
        return Err(Error::Foreign { path: path.to_owned(), problem });
    }
    check(path, &run)?;
    Ok(run)
}

/// Takes the parts apart one by one, so that an error can say in which it is.
fn parse(path: &Path, mut value: Value) -> Result<Run, Error> {
    let foreign = |problem| Error::Foreign { path: path.to_owned(), problem };
    let field = |place: String| move |cause| Error::Field { path: path.to_owned(), place, cause };
    let fields = value.as_object_mut().ok_or_else(|| foreign("it is no object"))?;
    let found = fields.get("schema").and_then(Value::as_u64).ok_or_else(|| foreign("it names no schema"))?;
    if found != u64::from(VERSION) {
        return Err(Error::Schema { path: path.to_owned(), found });
    }
    let meta = fields.remove("meta").ok_or_else(|| foreign("it has no field meta"))?;
    let meta = serde_json::from_value(meta).map_err(field("meta".to_owned()))?;
    let Some(Value::Array(listed)) = fields.remove("cells") else {
        return Err(foreign("it has no list of cells"));
    };
    let mut cells = Vec::with_capacity(listed.len());
    for (index, cell) in listed.into_iter().enumerate() {
        let mut place = format!("cells[{index}]");
        for name in ["workload", "metric", "backend"] {
            if let Some(Value::String(word)) = cell.get(name) {
                let _infallible = write!(place, " {word}");
            }
        }
        cells.push(serde_json::from_value(cell).map_err(field(place))?);
    }
    Ok(Run { schema: VERSION, meta, cells })
}

/// Checks that all cells agree with themselves and no two are the same.
fn check(path: &Path, run: &Run) -> Result<(), Error> {
    let mut seen = std::collections::BTreeSet::new();
    for (index, cell) in run.cells.iter().enumerate() {
        let key = Key::of(cell);
        let place = format!("cells[{index}] {key}");
        let problem = contradiction(cell, run.meta.rounds)
            .or_else(|| (!seen.insert(key)).then(|| "the same cell is there twice".to_owned()));
        if let Some(problem) = problem {
            return Err(Error::Inconsistent { path: path.to_owned(), place, problem });
        }
    }
    Ok(())
}

/// What a cell says that cannot be.
fn contradiction(cell: &Cell, rounds: usize) -> Option<String> {
    if let Some(sample) = cell.samples.iter().find(|sample| !sample.is_finite()) {
        return Some(format!("a sample is {sample}"));
    }
    let summary = samples::summary(&cell.samples);
    for (name, stored, expected) in [
        ("median", cell.median, summary.map(|summary| summary.median)),
        ("min", cell.min, summary.map(|summary| summary.min)),
        ("max", cell.max, summary.map(|summary| summary.max)),
    ] {
        let agree = match (stored, expected) {
            (Some(stored), Some(expected)) => (stored - expected).abs() <= expected.abs() * 1e-9,
            (stored, expected) => stored.is_none() && expected.is_none(),
        };
        if !agree {
            let show = |value: Option<f64>| value.map_or("nothing".to_owned(), |value| value.to_string());
            return Some(format!("{name} is {}, its samples give {}", show(stored), show(expected)));
        }
    }
    match (cell.samples.len(), &cell.empty) {
        (0, None) => return Some("it has neither samples nor a reason for having none".to_owned()),
        (1.., Some(_)) => return Some("it has samples and a reason for having none".to_owned()),
        (count @ 1.., None) if rounds > 0 && count != rounds => {
            return Some(format!("it has {count} samples of {rounds} rounds"));
        }
        _ => {}
    }
    let latency = cell.latency.as_ref()?;
    (!is_ascending(latency)).then(|| "its latencies are not in ascending order".to_owned())
}

fn is_ascending(latency: &Latency) -> bool {
    let Latency { count, p50, p90, p99, p99_9, max, curve } = latency;
    *count > 0
        && [p50, p90, p99, p99_9, max].is_sorted()
        && curve.iter().all(|(quantile, _)| (0.0..=1.0).contains(quantile))
        && curve.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1)
}

/// Writes a result file, replacing one that is there.
///
/// # Errors
/// [`Error::Inconsistent`] where `run` could not be read back, [`Error::NoFile`], [`Error::Io`].
pub fn write(path: &Path, run: &Run) -> Result<(), Error> {
    store(path, run, true)
}

/// Writes a result file where none is.
///
/// # Errors
/// [`Error::Exists`] where there is one, and those of [`write()`].
pub fn write_new(path: &Path, run: &Run) -> Result<(), Error> {
    store(path, run, false)
}

fn store(path: &Path, run: &Run, replace: bool) -> Result<(), Error> {
    check(path, run)?;
    if path.symlink_metadata().is_ok_and(|metadata| !metadata.is_file()) {
        return Err(Error::NoFile { path: path.to_owned() });
    }
    let failed = |cause| Error::Io { operation: "write", path: path.to_owned(), cause };
    let text = text(run).map_err(|cause| failed(cause.into()))?;
    if replace {
        return overwrite(path, text.as_bytes()).map_err(failed);
    }
    match filled(path, text.as_bytes()).map_err(failed)?.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            Err(Error::Exists { path: path.to_owned() })
        }
        Err(error) => Err(failed(error.error)),
    }
}

/// Writes a file beside its place and renames it, so that it is whole or not there.
///
/// # Errors
/// What the operating system answers.
pub fn overwrite(path: &Path, content: &[u8]) -> io::Result<()> {
    filled(path, content)?.persist(path).map(drop).map_err(|error| error.error)
}

/// A temporary file beside `path` with `content`, which is on the disk.
fn filled(path: &Path, content: &[u8]) -> io::Result<tempfile::NamedTempFile> {
    let mut file = beside(path)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// A temporary file in the directory of `path`, with the permissions of any other new file.
fn beside(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    builder.prefix(".arcfs-harness-").suffix(".tmp");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(directory.unwrap_or(Path::new(".")))
}

/// The JSON of a run: one line for each field of the meta data and each cell, so that differences and
/// searches show whole ones.
fn text(run: &Run) -> Result<String, serde_json::Error> {
    let Value::Object(meta) = serde_json::to_value(&run.meta)? else {
        unreachable!("a structure is an object");
    };
    let meta: Vec<String> = meta.iter().map(|(name, value)| format!("\n    \"{name}\": {value}")).collect();
    let cells = run.cells.iter().map(|cell| Ok(format!("\n    {}", serde_json::to_string(cell)?)));
    let cells = cells.collect::<Result<Vec<_>, serde_json::Error>>()?;
    Ok(format!(
        "{{\n  \"schema\": {},\n  \"meta\": {{{}\n  }},\n  \"cells\": [{}\n  ]\n}}\n",
        run.schema,
        meta.join(","),
        cells.join(",")
    ))
}

/// Creates `directory` where it is missing, and finds out whether files can be written there, so that
/// nobody waits for a run whose results have no place.
///
/// # Errors
/// [`Error::Io`].
pub fn prepare(directory: &Path) -> Result<(), Error> {
    let failed = |operation| move |cause| Error::Io { operation, path: directory.to_owned(), cause };
    std::fs::create_dir_all(directory).map_err(failed("create the directory"))?;
    let mut probe = beside(&directory.join("probe")).map_err(failed("write to"))?;
    // More than a block: some filesystems have room for names when they have none for content.
    probe.write_all(&[b' '; 1 << 14]).and_then(|()| probe.as_file().sync_all()).map_err(failed("write to"))
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
