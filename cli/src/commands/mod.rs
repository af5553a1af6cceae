//! What each command does. One module for each family; this one says which.

mod export;
mod find;
mod import;
mod list;
mod names;
mod read;
mod snapshots;
mod tree;
mod usage;
mod write;

use arcfs::{Metadata, Skipped, SkippedEntry};
use serde::Serialize;

use crate::args::Command;
use crate::failure::Outcome;
use crate::output::Out;
use crate::session::Session;
use crate::times;

/// Runs one command.
///
/// What it changed is saved before anything is said about it. If that cannot be said, it is a warning.
///
/// # Errors
///
/// Why it failed; the state is the one before then.
pub fn run(session: &mut Session, command: Command, out: &mut Out) -> Outcome {
    out.telling(|out| run_one(session, command, out))
}

fn run_one(session: &mut Session, command: Command, out: &mut Out) -> Outcome {
    match command {
        Command::Init(args) => write::init(session, &args, out),
        Command::Tree(args) => tree::tree(session, &args, out),
        Command::Ls(args) => list::ls(session, &args, out),
        Command::Mkdir { parents, paths } => write::mkdir(session, &paths, parents, out),
        Command::Touch { paths } => write::touch(session, &paths, out),
        Command::Write(args) => write::write(session, args, out),
        Command::Append(args) => write::append(session, args, out),
        Command::Read { at, raw, path } => read::read(session, &at, &path, raw, out),
        Command::Cat { at, paths } => read::cat(session, &at, &paths, out),
        Command::Cp { recursive, sources, dest } => names::cp(session, &sources, &dest, recursive, out),
        Command::Mv { sources, dest } => names::mv(session, &sources, &dest, out),
        Command::Rename { source, dest } => names::rename(session, &source, &dest, out),
        Command::Rm { recursive, force, paths } => names::rm(session, &paths, recursive, force, out),
        Command::Rmdir { paths } => names::rmdir(session, &paths, out),
        Command::Find(args) => find::find(session, &args, out),
        Command::Du(args) => usage::du(session, &args, out),
        Command::Stat { at, json, paths } => list::stat(session, &at, json.json, &paths, out),
        Command::Stats { json } => usage::stats(session, json.json, out),
        Command::Dump { at, json_state, path } => read::dump(session, &at, &path, json_state, out),
        Command::Import(args) => import::import(session, &args, out),
        Command::Export(args) => export::export(session, &args, out),
        Command::Snapshot(command) => snapshots::run(session, command, out),
        Command::Quota { json, bytes } => usage::quota(session, json.json, bytes, out),
    }
}

/// A file or directory as programs read it.
#[derive(Debug, Serialize)]
struct Node {
    path: String,
    #[serde(rename = "type")]
    kind: &'static str,
    size: u64,
    created: String,
    modified: String,
    generation: u64,
    version: u64,
}

impl Node {
    fn new(path: impl Into<String>, metadata: &Metadata) -> Self {
        Self {
            path: path.into(),
            kind: kind(metadata),
            size: metadata.len(),
            created: times::exact(metadata.created()),
            modified: times::exact(metadata.modified()),
            generation: metadata.generation(),
            version: metadata.version(),
        }
    }
}

/// Something that an import or an export left out, as programs read it.
#[derive(Debug, Serialize)]
struct LeftOut {
    /// Its path on the host, or its name in an archive.
    name: String,
    reason: String,
    /// The same for people.
    #[serde(skip)]
    text: String,
}

impl From<&Skipped> for LeftOut {
    fn from(skipped: &Skipped) -> Self {
        let name = skipped.path.to_string_lossy().into_owned();
        Self { name, reason: skipped.reason.to_string(), text: skipped.to_string() }
    }
}

impl From<&SkippedEntry> for LeftOut {
    fn from(skipped: &SkippedEntry) -> Self {
        let name = skipped.name.clone();
        Self { name, reason: skipped.reason.to_string(), text: skipped.to_string() }
    }
}

/// What an import or an export did, as programs read it.
#[derive(Debug, Serialize)]
struct Transfer<'t> {
    source: &'t str,
    destination: &'t str,
    files: u64,
    bytes: u64,
    /// Files of an import that were left as they are, because that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<u64>,
    left_out: &'t [LeftOut],
}

fn kind(metadata: &Metadata) -> &'static str {
    if metadata.is_dir() { "directory" } else { "file" }
}
