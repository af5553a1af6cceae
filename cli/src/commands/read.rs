//! `read`, `cat` and `dump`: what files hold.

use arcfs::{Content, ExportOptions};

use crate::args::At;
use crate::failure::Outcome;
use crate::json_state;
use crate::output::Out;
use crate::session::Session;

pub fn read(session: &mut Session, at: &At, path: &str, raw: bool, out: &mut Out) -> Outcome {
    let view = session.glance(at.at.as_deref())?;
    print(&view.content(&session.path(path))?, out)?;
    if raw { Ok(()) } else { out.bytes(b"\n") }
}

pub fn cat(session: &mut Session, at: &At, paths: &[String], out: &mut Out) -> Outcome {
    let view = session.glance(at.at.as_deref())?;
    let contents = paths.iter().map(|path| view.content(&session.path(path))).collect::<Outcome<Vec<_>>>()?;
    contents.iter().try_for_each(|content| print(content, out))
}

/// Prints some content, chunk by chunk.
pub fn print(content: &Content, out: &mut Out) -> Outcome {
    for chunk in content.chunks() {
        out.bytes(&chunk?)?;
    }
    Ok(())
}

pub fn dump(session: &mut Session, at: &At, path: &str, state: bool, out: &mut Out) -> Outcome {
    let (view, path) = (session.view(at.at.as_deref())?, session.path(path));
    view.metadata(&path)?; // a path that is missing is an error, not an empty answer
    if state {
        return json_state::write(&view, &path, out.stream());
    }
    let files = view.iter_export_tree(&path, ExportOptions::default())?;
    json_state::write_texts(files, out.stream())
}
