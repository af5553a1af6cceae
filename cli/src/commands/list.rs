//! `ls` and `stat`: what there is, and what is known about it.

use arcfs::Metadata;

use super::{Node, kind};
use crate::args::{At, LsArgs};
use crate::failure::Outcome;
use crate::output::Out;
use crate::paths::base_name;
use crate::session::Session;
use crate::sizes::Human;
use crate::times;
use crate::view::View;

pub fn ls(session: &mut Session, args: &LsArgs, out: &mut Out) -> Outcome {
    let view = session.glance(args.at.at.as_deref())?;
    let paths: Vec<(String, String)> =
        args.paths.iter().map(|given| (given.clone(), session.path(given))).collect();
    if args.json.json {
        let mut nodes = Vec::new();
        for (_, path) in &paths {
            nodes.extend(entries(&view, path)?);
        }
        return out.json_list(nodes.into_iter().map(|(_, path, metadata)| Ok(Node::new(path, &metadata))));
    }
    // Everything is looked up before anything is printed: a path that is missing fails the command.
    let mut lists = Vec::new();
    for (given, path) in &paths {
        lists.push((given, entries(&view, path)?));
    }
    let headed = lists.len() > 1;
    for (number, (given, list)) in lists.into_iter().enumerate() {
        if headed {
            out.text(if number == 0 { "" } else { "\n" })?;
            let given = out.name(given).into_owned();
            out.line(format_args!("{given}:"))?;
        }
        print(&list, args, out)?;
    }
    Ok(())
}

/// Name, path and metadata of the entries of a directory, or of a file itself.
type Entry = (String, String, Metadata);

fn entries(view: &View, path: &str) -> Outcome<Vec<Entry>> {
    let metadata = view.metadata(path)?;
    if metadata.is_file() {
        return Ok(vec![(base_name(path).to_owned(), path.to_owned(), metadata)]);
    }
    let entries = view.read_dir(path)?;
    Ok(entries.iter().map(|entry| (entry.name().into(), entry.path().into(), entry.metadata())).collect())
}

fn print(list: &[Entry], args: &LsArgs, out: &mut Out) -> Outcome {
    let size = |metadata: &Metadata| match args.human {
        true => Human(metadata.len()).to_string(),
        false => metadata.len().to_string(),
    };
    let width = list.iter().map(|(_, _, metadata)| size(metadata).len()).max().unwrap_or(0);
    let style = out.dir_style();
    for (name, _, metadata) in list {
        if args.long {
            let letter = if metadata.is_dir() { 'd' } else { '-' };
            let (size, modified) = (size(metadata), times::local(metadata.modified()));
            out.text(&format!("{letter} {size:>width$} {modified} "))?;
        }
        let name = out.name(name).into_owned();
        if metadata.is_dir() {
            out.line(format_args!("{style}{name}{style:#}/"))?;
        } else {
            out.line(format_args!("{name}"))?;
        }
    }
    Ok(())
}

pub fn stat(session: &mut Session, at: &At, json: bool, paths: &[String], out: &mut Out) -> Outcome {
    let view = session.glance(at.at.as_deref())?;
    let found: Vec<(String, Metadata)> = paths
        .iter()
        .map(|given| session.path(given))
        .map(|path| view.metadata(&path).map(|metadata| (path, metadata)))
        .collect::<Outcome<_>>()?;
    if json {
        return out.json_list(found.into_iter().map(|(path, metadata)| Ok(Node::new(path, &metadata))));
    }
    for (path, metadata) in &found {
        let path = out.name(path).into_owned();
        out.line(format_args!("Path: {path}"))?;
        out.line(format_args!("Type: {}", kind(metadata)))?;
        out.line(format_args!("Size: {}", metadata.len()))?;
        out.line(format_args!("Created: {}", times::exact(metadata.created())))?;
        out.line(format_args!("Modified: {}", times::exact(metadata.modified())))?;
        out.line(format_args!("Generation: {}", metadata.generation()))?;
        out.line(format_args!("Version: {}", metadata.version()))?;
    }
    Ok(())
}
