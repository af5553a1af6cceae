//! `cp`, `mv`, `rename`, `rm` and `rmdir`: what changes names.

use std::collections::BTreeSet;

use arcfs::{Error, Result, Transaction};

use crate::failure::Outcome;
use crate::output::Out;
use crate::paths::{base_name, is_within, join};
use crate::session::Session;

/// What goes where.
struct Moves<'p> {
    /// As typed.
    sources: &'p [String],
    dest: &'p str,
    /// As meant.
    from: Vec<String>,
    to: String,
}

impl<'p> Moves<'p> {
    fn new(session: &Session, sources: &'p [String], dest: &'p str) -> Self {
        let from = sources.iter().map(|source| session.path(source)).collect();
        Self { sources, dest, from, to: session.path(dest) }
    }

    /// Hands on each source with the path that it is to have: in the destination if that is a
    /// directory, else the destination itself. Two that are to have the same path are refused: the
    /// second would replace the first, which is then nowhere.
    fn each(
        &self,
        tx: &mut Transaction,
        mut act: impl FnMut(&mut Transaction, &str, &str) -> Result<()>,
    ) -> Result<()> {
        let slash = self.dest.ends_with(['/', '\\']);
        let mut taken = BTreeSet::new();
        for from in &self.from {
            if tx.is_dir(&self.to) {
                let name = base_name(from);
                if !taken.insert(name) {
                    return Err(Error::other(format!(
                        "{from:?} would replace what another source of the same name has just become in {:?}; \
                         give one of them another name",
                        self.to
                    )));
                }
                act(tx, from, &join(&self.to, name))?;
            } else if self.from.len() > 1 || (slash && tx.is_file(from)) {
                return Err(Error::other(format!("{:?} is not a directory", self.to)));
            } else {
                act(tx, from, &self.to)?;
            }
        }
        Ok(())
    }

    /// Says what was done.
    fn confirm(&self, done: &str, out: &mut Out) -> Outcome {
        let dest = self.dest;
        self.sources.iter().try_for_each(|source| out.confirm(format_args!("{done} {source} to {dest}")))
    }
}

pub fn cp(session: &mut Session, sources: &[String], dest: &str, recursive: bool, out: &mut Out) -> Outcome {
    let moves = Moves::new(session, sources, dest);
    session.change(|image| {
        Ok(image.fs.transaction(|tx| moves.each(tx, |tx, from, to| copy(tx, from, to, recursive)))?)
    })?;
    moves.confirm("Copied", out)
}

fn copy(tx: &mut Transaction, from: &str, to: &str, recursive: bool) -> Result<()> {
    let to = to.strip_suffix('/').filter(|dir| !dir.is_empty()).unwrap_or(to);
    if tx.metadata(from)?.is_file() {
        if from == to {
            return Err(Error::other(format!("{from:?} and {to:?} are the same file")));
        }
        return copy_file(tx, from, to);
    }
    if !recursive {
        return Err(Error::other(format!("{from:?} is a directory; copy it with -r")));
    }
    if !tx.exists(to) {
        return tx.copy_dir_all(from, to);
    }
    if is_within(to, from) || is_within(from, to) {
        return Err(Error::other(format!("{from:?} cannot be merged into {to:?}: one is within the other")));
    }
    let below = |path: &str| join(to, path.strip_prefix(from).unwrap_or(path).trim_start_matches('/'));
    for dir in tx.walk(from)? {
        let target = below(&dir.path);
        tx.create_dir_all(&target)?;
        for name in &dir.files {
            copy_file(tx, &join(&dir.path, name.as_ref()), &join(&target, name.as_ref()))?;
        }
    }
    Ok(())
}

/// Copies a file, sharing its bytes. What it replaces was written to; a new one is but a copy.
fn copy_file(tx: &mut Transaction, from: &str, to: &str) -> Result<()> {
    if tx.exists(to) {
        let content = tx.content(from)?;
        return tx.write_owned(to, content);
    }
    tx.copy(from, to).map(drop)
}

pub fn mv(session: &mut Session, sources: &[String], dest: &str, out: &mut Out) -> Outcome {
    let moves = Moves::new(session, sources, dest);
    session.change(|image| {
        Ok(image.fs.transaction(|tx| moves.each(tx, |tx, from, to| tx.replace(from, to)))?)
    })?;
    moves.confirm("Moved", out)
}

pub fn rename(session: &mut Session, source: &str, dest: &str, out: &mut Out) -> Outcome {
    let (from, to) = (session.path(source), session.path(dest));
    session.change(|image| Ok(image.fs.rename(&from, &to)?))?;
    out.confirm(format_args!("Renamed {source} to {dest}"))
}

pub fn rm(session: &mut Session, given: &[String], recursive: bool, force: bool, out: &mut Out) -> Outcome {
    let paths: Vec<String> = given.iter().map(|path| session.path(path)).collect();
    let removed = session.change(|image| {
        Ok(image.fs.transaction(|tx| {
            let mut removed = Vec::new();
            for path in &paths {
                removed.push(if tx.is_dir(path) {
                    if !recursive {
                        return Err(Error::other(format!("{path:?} is a directory; remove it with -r")));
                    }
                    tx.remove_dir_all(path)?;
                    Some("directory")
                } else if force && !tx.exists(path) {
                    None
                } else {
                    tx.remove_file(path)?;
                    Some("file")
                });
            }
            Ok(removed)
        })?)
    })?;
    for (path, kind) in given.iter().zip(removed) {
        if let Some(kind) = kind {
            out.confirm(format_args!("Removed {kind}: {path}"))?;
        }
    }
    Ok(())
}

pub fn rmdir(session: &mut Session, given: &[String], out: &mut Out) -> Outcome {
    let paths: Vec<String> = given.iter().map(|path| session.path(path)).collect();
    session.change(|image| {
        Ok(image.fs.transaction(|tx| paths.iter().try_for_each(|path| tx.remove_dir(path)))?)
    })?;
    given.iter().try_for_each(|path| out.confirm(format_args!("Removed directory: {path}")))
}
