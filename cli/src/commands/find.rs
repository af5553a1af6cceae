//! `find`: files and directories by pattern.

use super::Node;
use crate::args::{FindArgs, Kind};
use crate::failure::Outcome;
use crate::output::Out;
use crate::paths::{is_within, join, literal_pattern};
use crate::session::Session;

pub fn find(session: &mut Session, args: &FindArgs, out: &mut Out) -> Outcome {
    let (view, start) = (session.view(args.at.at.as_deref())?, session.path(&args.path));
    view.metadata(&start)?;
    // As gitignore has it: a name is found at any depth, what contains a slash is a path.
    let pattern = match args.pattern.starts_with(['/', '\\']) {
        true => args.pattern.clone(),
        false if args.pattern.contains(['/', '\\']) => join(&literal_pattern(&start), &args.pattern),
        false => join(&join(&literal_pattern(&start), "**"), &args.pattern),
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
