//! `snapshot`: earlier states, by name.

use std::time::SystemTime;

use anstyle::{AnsiColor, Style};
use arcfs::Change;
use arcfs::image::NamedSnapshot;
use serde::Serialize;

use super::{Node, read, tree};
use crate::args::SnapshotCommand;
use crate::failure::{Failure, Outcome};
use crate::output::Out;
use crate::session::{Session, snapshot_of};
use crate::view::View;
use crate::{sizes::Human, times};

pub fn run(session: &mut Session, command: SnapshotCommand, out: &mut Out) -> Outcome {
    match command {
        SnapshotCommand::Save { force, name } => save(session, &name, force, out),
        SnapshotCommand::List { json } => list(session, json.json, out),
        SnapshotCommand::Show { json, name, path } => show(session, &name, path.as_deref(), json.json, out),
        SnapshotCommand::Diff { json, name, other } => diff(session, &name, other.as_deref(), json.json, out),
        SnapshotCommand::Restore { name } => restore(session, &name, out),
        SnapshotCommand::Delete { names } => delete(session, &names, out),
    }
}

fn save(session: &mut Session, name: &str, force: bool, out: &mut Out) -> Outcome {
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(Failure::Message(format!(
            "{name:?} cannot be the name of a snapshot: it needs characters that can be shown"
        )));
    }
    session.change(|image| {
        if !force && image.snapshots.contains_key(name) {
            return Err(Failure::Message(format!(
                "there is a snapshot {name:?} already; --force replaces it"
            )));
        }
        let named = NamedSnapshot { snapshot: image.fs.snapshot(), taken: SystemTime::now() };
        image.snapshots.insert(name.to_owned(), named);
        Ok(())
    })?;
    out.confirm(format_args!("Saved snapshot: {name}"))
}

#[derive(Debug, Serialize)]
struct Listed {
    name: String,
    taken: String,
    version: u64,
    bytes: u64,
    files: u64,
    directories: u64,
}

fn listed(name: &str, named: &NamedSnapshot) -> Outcome<Listed> {
    let usage = named.snapshot.usage("/")?;
    Ok(Listed {
        name: name.to_owned(),
        taken: times::exact(named.taken),
        version: named.snapshot.version(),
        bytes: usage.bytes,
        files: usage.files,
        directories: usage.dirs,
    })
}

fn list(session: &mut Session, json: bool, out: &mut Out) -> Outcome {
    let image = session.image()?;
    let mut all: Vec<_> = image.snapshots.iter().collect();
    all.sort_by_key(|(_, named)| named.taken);
    if json {
        return out.json_list(all.into_iter().map(|(name, named)| listed(name, named)));
    }
    let width = all.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, named) in all {
        let Listed { bytes, files, .. } = listed(name, named)?;
        let taken = times::local(named.taken);
        let plural = if files == 1 { "file" } else { "files" };
        let name = out.name(name).into_owned();
        out.line(format_args!("{name:width$}  {taken}  {files} {plural}, {}", Human(bytes)))?;
    }
    Ok(())
}

fn show(session: &mut Session, name: &str, path: Option<&str>, json: bool, out: &mut Out) -> Outcome {
    let path = path.map(|path| session.path(path));
    let image = session.image()?;
    let snapshot = snapshot_of(image, name)?;
    if json {
        return match (path, image.snapshots.get(name)) {
            (None, Some(named)) => {
                #[derive(Serialize)]
                struct Shown {
                    #[serde(flatten)]
                    figures: Listed,
                    tree: Vec<Node>,
                }
                let tree = tree::nodes(snapshot, "/")?.collect::<Outcome<_>>()?;
                out.json(&Shown { figures: listed(name, named)?, tree })
            }
            (path, _) => out.json_list(tree::nodes(snapshot, path.as_deref().unwrap_or("/"))?),
        };
    }
    match path {
        Some(path) if snapshot.is_file(&path) => read::print(&snapshot.content(&path)?, out),
        Some(path) => {
            snapshot.read_dir(&path)?;
            tree::print(&View::Tree(snapshot.clone()), &path, out)
        }
        None => {
            if let Some(named) = image.snapshots.get(name) {
                let Listed { taken, version, bytes, files, directories, .. } = listed(name, named)?;
                let name = out.name(name).into_owned();
                out.line(format_args!("Snapshot: {name}"))?;
                out.line(format_args!("Taken: {taken}"))?;
                out.line(format_args!("Version: {version}"))?;
                out.line(format_args!("Files: {files}"))?;
                out.line(format_args!("Directories: {directories}"))?;
                out.line(format_args!("Bytes: {bytes}"))?;
                out.line(format_args!(""))?;
            }
            tree::print(&View::Tree(snapshot.clone()), "/", out)
        }
    }
}

fn diff(session: &mut Session, name: &str, other: Option<&str>, json: bool, out: &mut Out) -> Outcome {
    let later = session.view(other)?;
    let earlier = session.view(Some(name))?;
    let changes = later.diff(&earlier).map(|change| match change {
        Change::Created(path) => Ok(("created", '+', AnsiColor::Green, path)),
        Change::Removed(path) => Ok(("removed", '-', AnsiColor::Red, path)),
        Change::Modified(path) => Ok(("modified", '~', AnsiColor::Yellow, path)),
        _ => Err(Failure::message("the snapshots differ in a way that this version cannot show")),
    });
    if json {
        #[derive(Serialize)]
        struct Changed {
            change: &'static str,
            path: String,
        }
        return out
            .json_list(changes.map(|change| change.map(|(change, _, _, path)| Changed { change, path })));
    }
    for change in changes {
        let (_, sign, colour, path) = change?;
        let style = out.style(Style::new().fg_color(Some(colour.into())));
        let path = out.name(&path).into_owned();
        out.line(format_args!("{style}{sign} {path}{style:#}"))?;
    }
    Ok(())
}

fn restore(session: &mut Session, name: &str, out: &mut Out) -> Outcome {
    session.change(|image| {
        let snapshot = snapshot_of(image, name)?.clone();
        Ok(image.fs.restore(&snapshot)?)
    })?;
    out.confirm(format_args!("Restored snapshot: {name}"))
}

fn delete(session: &mut Session, names: &[String], out: &mut Out) -> Outcome {
    session.change(|image| {
        for name in names {
            snapshot_of(image, name)?;
            image.snapshots.remove(name);
        }
        Ok(())
    })?;
    names.iter().try_for_each(|name| out.confirm(format_args!("Deleted snapshot: {name}")))
}
