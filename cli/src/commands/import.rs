//! `import`: in from the host.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use arcfs::archive::{ImportOptions, OnConflict, import_archive};
use arcfs::{HostOptions, MemFs, OpenOptions, SkipReason, Skipped};

use super::write::{not_the_script, standard_input};
use super::{LeftOut, Transfer};
use crate::archives;
use crate::args::{Conflict, ImportArgs};
use crate::failure::{Attempt, Failure, Outcome, remark};
use crate::json_state::{self, State};
use crate::output::Out;
use crate::paths::{base_name, join};
use crate::progress::Progress;
use crate::session::Session;
use crate::sizes::Human;

/// What an import brought.
#[derive(Debug, Default)]
struct Brought {
    files: u64,
    bytes: u64,
    /// What was left out because it exists, as was asked for.
    kept: u64,
    /// What was left out because it has to be.
    left_out: Vec<LeftOut>,
    /// How many of those should have been brought.
    missing: usize,
    /// Where a single file came to, if that is not what was named.
    path: Option<String>,
}

pub fn import(session: &mut Session, args: &ImportArgs, out: &mut Out) -> Outcome {
    let from_stdin = args.source.as_os_str() == "-";
    let unpack =
        args.unpack || (!args.file && !args.json_state && !from_stdin && archives::is_archive(&args.source));
    let is_dir = !from_stdin && args.source.is_dir();
    if is_dir && (args.unpack || args.file || args.json_state) {
        return Err(Failure::Message(format!("{:?} is a directory of the host, not a file", args.source)));
    }
    let whole_tree = is_dir || unpack || args.json_state;
    if from_stdin && !whole_tree && args.dest.is_none() {
        return Err(Failure::message("standard input needs a path to go to: import - DEST"));
    }
    if !unpack && (args.strip_components > 0 || args.reroot) {
        return Err(Failure::message("--strip-components and --reroot are for archives"));
    }
    if (is_dir || args.json_state) && args.on_conflict != Conflict::Overwrite {
        return Err(Failure::message("--on-conflict error and skip are for files and archives"));
    }
    let dest = session.path(args.dest.as_deref().unwrap_or("."));
    // Read before the state is locked; see there.
    let memfs = args.json_state.then(|| memfs_state(session, args, from_stdin)).transpose()?;
    let input = (from_stdin && memfs.is_none()).then(|| standard_input(session, "-")).transpose()?;
    let brought = {
        let progress = Progress::new("Importing", out);
        session.change(|image| {
            if is_dir {
                directory(&image.fs, &args.source, &dest, &progress)
            } else if unpack {
                archive(&image.fs, args, input, &dest, &progress)
            } else if let Some(state) = memfs {
                let (files, bytes) = json_state::bring(&image.fs, state, &dest)?;
                Ok(Brought { files, bytes, ..Brought::default() })
            } else {
                file(&image.fs, args, input, &dest, &progress)
            }
        })?
    };
    let Brought { files, bytes, kept, left_out, missing, path } = brought;
    let source = args.source.display();
    if args.json.json {
        let (source, destination) = (&source.to_string(), &path.unwrap_or(dest));
        let (kept, left_out) = (Some(kept), &left_out);
        out.done();
        out.json(&Transfer { source, destination, files, bytes, kept, left_out })?;
    } else {
        let plural = if files == 1 { "file" } else { "files" };
        let note = if kept > 0 { format!(", {kept} existed and were kept") } else { String::new() };
        out.confirm(format_args!("Imported {files} {plural}, {}, from {source}{note}", Human(bytes)))?;
    }
    complain_about(&left_out, missing)
}

fn directory(fs: &MemFs, host: &Path, dest: &str, progress: &Progress) -> Outcome<Brought> {
    let tell = progress.teller();
    let options = HostOptions::new().progress(move |done| tell(done.bytes, Some(done.total_bytes)));
    let report = fs.import_dir_with(host, dest, options)?;
    let mut brought = Brought { files: report.files, bytes: report.bytes, ..Brought::default() };
    for skipped in &report.skipped {
        brought.left_out.push(skipped.into());
        brought.missing += usize::from(!is_expected(&skipped.reason));
    }
    Ok(brought)
}

/// Whether nobody can have meant to bring it: links and devices are nothing that could be here.
fn is_expected(reason: &SkipReason) -> bool {
    matches!(reason, SkipReason::SymbolicLink | SkipReason::Special)
}

/// How much of what an export left out is missing now.
pub fn missing(skipped: &[Skipped]) -> usize {
    skipped.iter().filter(|skipped| !matches!(skipped.reason, SkipReason::TimeNotKept(_))).count()
}

/// Says what was left out, of which so many entries are missing now.
pub fn complain_about(left_out: &[LeftOut], missing: usize) -> Outcome {
    left_out.iter().for_each(|entry| remark(&format!("Left out {}", entry.text)));
    if missing > 0 { Err(Failure::Incomplete { left_out: missing }) } else { Ok(()) }
}

fn archive(
    fs: &MemFs,
    args: &ImportArgs,
    input: Option<Vec<u8>>,
    dest: &str,
    progress: &Progress,
) -> Outcome<Brought> {
    let tell = progress.teller();
    let options = ImportOptions::new()
        .on_conflict(match args.on_conflict {
            Conflict::Error => OnConflict::Error,
            Conflict::Overwrite => OnConflict::Overwrite,
            Conflict::Skip => OnConflict::Skip,
        })
        .strip_components(args.strip_components)
        .reroot(args.reroot)
        .progress(move |done| tell(done.source_bytes, done.total_source_bytes));
    let report = match input {
        Some(bytes) => import_archive(fs, bytes, dest, options)?,
        None => import_archive(fs, args.source.as_path(), dest, options)?,
    };
    let mut brought = Brought { files: report.files, bytes: report.bytes, ..Brought::default() };
    for skipped in &report.skipped {
        match skipped.reason {
            SkipReason::Exists => brought.kept += 1,
            ref reason => {
                brought.left_out.push(skipped.into());
                brought.missing += usize::from(!is_expected(reason));
            }
        }
    }
    Ok(brought)
}

/// How many bytes of JSON one byte of content can be at most: `\u0007`.
const ESCAPED: u64 = 6;

fn memfs_state(session: &mut Session, args: &ImportArgs, from_stdin: bool) -> Outcome<State> {
    let most = session.image()?.fs.stats().quota_bytes.saturating_mul(ESCAPED);
    if from_stdin {
        not_the_script(session)?;
        return json_state::read(io::stdin().lock(), most);
    }
    let file = File::open(&args.source).attempt(|| format!("cannot read {:?}", args.source))?;
    json_state::read(file, most)
}

fn file(
    fs: &MemFs,
    args: &ImportArgs,
    input: Option<Vec<u8>>,
    dest: &str,
    progress: &Progress,
) -> Outcome<Brought> {
    let given_as_dir = args.dest.as_deref().is_none_or(|given| given.ends_with(['/', '\\']));
    let dest = if given_as_dir || fs.is_dir(dest) {
        let name = args.source.file_name().and_then(|name| name.to_str()).filter(|_| input.is_none());
        let name = name.ok_or_else(|| {
            Failure::Message(format!("{:?} has no name that a file could have here; name one", args.source))
        })?;
        join(dest, base_name(name))
    } else {
        dest.to_owned()
    };
    if fs.exists(&dest) {
        match args.on_conflict {
            Conflict::Overwrite => {}
            Conflict::Skip => return Ok(Brought { kept: 1, path: Some(dest), ..Brought::default() }),
            Conflict::Error => return Err(Failure::Message(format!("{dest:?} exists already"))),
        }
    }
    let bytes = match input {
        Some(bytes) => {
            let len = bytes.len() as u64;
            fs.write_owned(&dest, bytes)?;
            len
        }
        None => from_host(fs, &args.source, &dest, progress)?,
    };
    Ok(Brought { files: 1, bytes, path: Some(dest), ..Brought::default() })
}

/// Reads a file of the host block by block, so that the quota stops one that does not fit.
fn from_host(fs: &MemFs, source: &Path, dest: &str, progress: &Progress) -> Outcome<u64> {
    let unreadable = || format!("cannot read {source:?}");
    let mut from = File::open(source).attempt(unreadable)?;
    let metadata = from.metadata().attempt(unreadable)?;
    let tell = progress.teller();
    let mut to = OpenOptions::new().write(true).create(true).truncate(true).atomic(true).open(fs, dest)?;
    let (mut block, mut done) = (vec![0; 256 << 10], 0);
    loop {
        let n = match from.read(&mut block) {
            Ok(0) => break,
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error).attempt(unreadable),
        };
        to.write_at(&block[..n], done)?;
        done += n as u64;
        // One that grows, or of which the host does not say how long it is, has no known end.
        tell(done, Some(metadata.len()).filter(|len| *len >= done));
    }
    to.close()?;
    if let Ok(modified) = metadata.modified() {
        fs.set_modified(dest, modified)?;
    }
    Ok(done)
}
