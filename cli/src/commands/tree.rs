//! `tree`: a directory and everything below it.

use arcfs::{Snapshot, WalkDir};

use super::Node;
use crate::args::TreeArgs;
use crate::failure::{Failure, Outcome};
use crate::output::Out;
use crate::paths::{base_name, join};
use crate::session::Session;
use crate::view::View;

pub fn tree(session: &mut Session, args: &TreeArgs, out: &mut Out) -> Outcome {
    let path = session.path(&args.path);
    if args.json.json {
        let view = session.view(args.at.at.as_deref())?;
        view.read_dir(&path)?; // as without JSON: a file has no tree
        return out.json_list(nodes(&view, &path)?);
    }
    let view = session.glance(args.at.at.as_deref())?;
    match view.read_dir(&path) {
        Ok(_) => print(&view, &path, out),
        Err(Failure::Engine(error)) if !args.strict => {
            // As memfs has it: the answer is a tree of one line, and the exit code 0.
            let name = out.name(shown_name(&path)).into_owned();
            out.line(format_args!("{name}"))?;
            out.line(format_args!("    Error: {error}"))
        }
        Err(failure) => Err(failure),
    }
}

/// The last component, or the root.
fn shown_name(path: &str) -> &str {
    match base_name(path) {
        "" => "/",
        name => name,
    }
}

/// What is still to print: the lowest entry comes next.
enum Step {
    Dir { path: String, depth: usize },
    File { name: String, depth: usize },
}

/// Prints a directory: directories first, then files, each sorted. Depth costs no stack.
pub fn print(view: &View, path: &str, out: &mut Out) -> Outcome {
    let style = out.dir_style();
    let mut steps = vec![Step::Dir { path: path.to_owned(), depth: 0 }];
    while let Some(step) = steps.pop() {
        let (path, depth) = match step {
            Step::Dir { path, depth } => (path, depth),
            Step::File { name, depth } => {
                let name = out.name(&name).into_owned();
                out.line(format_args!("{:width$}{name}", "", width = 4 * depth))?;
                continue;
            }
        };
        let name = out.name(shown_name(&path)).into_owned();
        out.line(format_args!("{:width$}{style}{name}{style:#}", "", width = 4 * depth))?;
        let (mut dirs, mut files) = (Vec::new(), Vec::new());
        for entry in view.read_dir(&path)? {
            if entry.metadata().is_dir() {
                dirs.push(Step::Dir { path: entry.path().to_owned(), depth: depth + 1 });
            } else {
                files.push(Step::File { name: entry.name().to_owned(), depth: depth + 1 });
            }
        }
        steps.extend(files.into_iter().rev());
        steps.extend(dirs.into_iter().rev());
    }
    Ok(())
}

/// One list of everything at and below a path, not lists within lists, which few programs read to any
/// depth.
pub fn nodes<'v>(view: &'v Snapshot, path: &str) -> Outcome<impl Iterator<Item = Outcome<Node>> + use<'v>> {
    let (file, dirs) = match view.is_file(path) {
        true => (Some(path.to_owned()), None),
        false => (None, Some(view.walk(path)?)),
    };
    let below = dirs.into_iter().flatten().flat_map(|WalkDir { path, dirs: _, files }| {
        let files: Vec<String> = files.iter().map(|name| join(&path, name.as_ref())).collect();
        std::iter::once(path).chain(files)
    });
    Ok(file.into_iter().chain(below).map(|path| {
        let metadata = view.metadata(&path)?;
        Ok(Node::new(path, &metadata))
    }))
}
