//! `find`: files and directories by pattern.

use super::Node;
use crate::args::{FindArgs, Kind};
use crate::failure::{Failure, Outcome};
use crate::output::Out;
use crate::paths::{is_within, join, literal_pattern};
use crate::session::Session;

pub fn find(session: &mut Session, args: &FindArgs, out: &mut Out) -> Outcome {
    let (view, start) = (session.view(args.at.at.as_deref())?, session.path(&args.path));
    view.metadata(&start)?;
    // As gitignore has it: a name is found at any depth, what contains a slash is a path.
    let given = tidy(&args.pattern)?;
    let pattern = match args.pattern.starts_with(['/', '\\']) {
        true => given,
        false if args.pattern.contains(['/', '\\']) => join(&literal_pattern(&start), &given),
        false => join(&join(&literal_pattern(&start), "**"), &given),
    };
    let mut found = Vec::new();
    for path in view.glob(&pattern)? {
        let metadata = view.metadata(&path)?;
        let wanted = match args.kind {
            None => true,
            Some(Kind::File) => metadata.is_file(),
            Some(Kind::Dir) => metadata.is_dir(),
        };
        if wanted && is_within(&path, &start) {
            found.push((path, metadata));
        }
    }
    if args.json.json {
        return out.json_list(found.into_iter().map(|(path, metadata)| Ok(Node::new(path, &metadata))));
    }
    for (path, _) in &found {
        let path = out.name(path).into_owned();
        out.line(format_args!("{path}"))?;
    }
    Ok(())
}

/// A pattern without `.`, which no name matches.
fn tidy(pattern: &str) -> Outcome<String> {
    let parts = || pattern.split(['/', '\\']);
    if parts().any(|part| part == "..") {
        return Err(Failure::Message(format!(
            "the pattern {pattern:?} cannot climb; give the directory to look in as PATH"
        )));
    }
    let kept: Vec<&str> = parts().filter(|&part| part != ".").collect();
    if kept.iter().all(|part| part.is_empty()) {
        return Err(Failure::Message(format!("the pattern {pattern:?} has no name; '*' finds everything")));
    }
    Ok(kept.join("/"))
}
