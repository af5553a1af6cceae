//! `init`, `mkdir`, `touch`, `write` and `append`: what makes something.

use std::io::{self, Read};
use std::time::SystemTime;

use arcfs::{ErrorKind, MemFs};

use crate::args::{ContentArgs, InitArgs};
use crate::failure::{Attempt, Failure, Outcome, remark};
use crate::output::Out;
use crate::session::Session;
use crate::state::empty;

pub fn init(session: &mut Session, args: &InitArgs, out: &mut Out) -> Outcome {
    let mut builder = MemFs::builder();
    if let Some(quota) = args.quota {
        builder = builder.max_quota(quota.0);
    }
    if let Some(nodes) = args.max_nodes {
        builder = builder.max_nodes(nodes);
    }
    let kept = session.replace(empty(builder.build()?))?;
    session.set_cwd("/".into());
    out.confirm(format_args!("Initialized new filesystem"))?;
    if let Some(old) = kept.filter(|_| !out.is_quiet()) {
        remark(&format!("The state that was there is kept as {}", old.display()));
    }
    Ok(())
}

pub fn mkdir(session: &mut Session, paths: &[String], parents: bool, out: &mut Out) -> Outcome {
    let dirs: Vec<String> = paths.iter().map(|path| session.path(path)).collect();
    session.change(|image| {
        for dir in &dirs {
            if parents { image.fs.create_dir_all(dir)? } else { image.fs.create_dir(dir)? }
        }
        Ok(())
    })?;
    paths.iter().try_for_each(|path| out.confirm(format_args!("Created directory: {path}")))
}

pub fn touch(session: &mut Session, paths: &[String], out: &mut Out) -> Outcome {
    let files: Vec<String> = paths.iter().map(|path| session.path(path)).collect();
    let created = session.change(|image| {
        let now = SystemTime::now();
        let touch = |file: &String| -> Outcome<bool> {
            match image.fs.set_modified(file, now) {
                Ok(()) => Ok(false),
                Err(error) if *error.kind() == ErrorKind::NotFound => {
                    Ok(image.fs.write(file, b"").map(|()| true)?)
                }
                Err(error) => Err(error.into()),
            }
        };
        files.iter().map(touch).collect::<Outcome<Vec<bool>>>()
    })?;
    paths.iter().zip(created).try_for_each(|(path, created)| match created {
        true => out.confirm(format_args!("Created file: {path}")),
        false => out.confirm(format_args!("Touched: {path}")),
    })
}

pub fn write(session: &mut Session, args: ContentArgs, out: &mut Out) -> Outcome {
    let (path, given) = (session.path(&args.path), args.path.clone());
    let content = content(session, args)?;
    session.change(|image| Ok(image.fs.write(&path, content)?))?;
    out.confirm(format_args!("Wrote to: {given}"))
}

pub fn append(session: &mut Session, args: ContentArgs, out: &mut Out) -> Outcome {
    let (path, given) = (session.path(&args.path), args.path.clone());
    let content = content(session, args)?;
    session.change(|image| Ok(image.fs.append(&path, content)?))?;
    out.confirm(format_args!("Appended to: {given}"))
}

/// The bytes to write: those given, or standard input.
fn content(session: &mut Session, args: ContentArgs) -> Outcome<Vec<u8>> {
    if args.content == "-" {
        return standard_input(session, &args.path);
    }
    Ok(args.content.into_encoded_bytes())
}

/// Reads standard input to its end. Done before the state is locked: others need not wait for it.
/// No more is read than what cannot fit, so that an endless one is an error and not the end of the
/// machine's memory.
pub fn standard_input(session: &mut Session, path: &str) -> Outcome<Vec<u8>> {
    not_the_script(session)?;
    let quota = session.image()?.fs.stats().quota_bytes;
    let mut bytes = Vec::new();
    io::stdin()
        .lock()
        .take(quota.saturating_add(1))
        .read_to_end(&mut bytes)
        .attempt(|| "cannot read standard input".into())?;
    if bytes.len() as u64 > quota {
        return Err(Failure::Message(format!(
            "standard input for {path:?} has more bytes than the quota of {quota}; raise it with `arcfs quota BYTES`"
        )));
    }
    Ok(bytes)
}

/// Refuses standard input where commands come from it.
pub fn not_the_script(session: &Session) -> Outcome {
    match session.reads_commands {
        true => Err(Failure::message(
            "both path and content required: standard input is where the shell reads its commands",
        )),
        false => Ok(()),
    }
}
