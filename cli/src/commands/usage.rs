//! `du`, `stats` and `quota`: how much there is, and how much there may be.

use arcfs::{Snapshot, Usage};
use serde::Serialize;

use crate::args::DuArgs;
use crate::failure::Outcome;
use crate::output::Out;
use crate::paths::is_within;
use crate::session::Session;
use crate::sizes::{ByteSize, Human};

#[derive(Debug, Serialize)]
struct Used {
    path: String,
    bytes: u64,
    files: u64,
    directories: u64,
}

pub fn du(session: &mut Session, args: &DuArgs, out: &mut Out) -> Outcome {
    let view = session.view(args.at.at.as_deref())?;
    let mut all = Vec::new();
    for given in &args.paths {
        let path = session.path(given);
        if args.summarize || view.is_file(&path) {
            all.push(used(&view, path)?);
        } else {
            all.extend(below(&view, &path)?);
        }
    }
    if args.json.json {
        return out.json_list(all.into_iter().map(Ok));
    }
    for Used { path, bytes, .. } in &all {
        let path = out.name(path).into_owned();
        match args.human {
            true => out.line(format_args!("{}\t{path}", Human(*bytes)))?,
            false => out.line(format_args!("{bytes}\t{path}"))?,
        }
    }
    Ok(())
}

fn used(view: &Snapshot, path: String) -> Outcome<Used> {
    let Usage { bytes, files, dirs } = view.usage(&path)?;
    Ok(Used { path, bytes, files, directories: dirs })
}

/// Every directory from `path` down, each after those below it, as `du` has them.
fn below(view: &Snapshot, path: &str) -> Outcome<Vec<Used>> {
    let (mut all, mut open) = (Vec::new(), Vec::<String>::new());
    for dir in view.walk(path)? {
        while let Some(done) = open.pop_if(|above| !is_within(&dir.path, above)) {
            all.push(used(view, done)?);
        }
        open.push(dir.path);
    }
    while let Some(done) = open.pop() {
        all.push(used(view, done)?);
    }
    Ok(all)
}

pub fn stats(session: &mut Session, json: bool, out: &mut Out) -> Outcome {
    let image = session.image()?;
    let (stats, snapshots) = (image.fs.stats(), image.snapshots.len() as u64);
    // `open_handles` is always 0 here, and `snapshots` are those with names.
    let figures = [
        ("used_bytes", stats.used_bytes),
        ("quota_bytes", stats.quota_bytes),
        ("free_bytes", stats.free_bytes),
        ("payload_bytes", stats.payload_bytes),
        ("pinned_bytes", stats.pinned_bytes),
        ("file_count", stats.file_count),
        ("dir_count", stats.dir_count),
        ("chunk_count", stats.chunk_count),
        ("chunk_overhead", stats.chunk_overhead),
        ("node_overhead", stats.node_overhead),
        ("snapshots", snapshots),
        ("version", image.fs.version()),
    ];
    if json {
        let figures: serde_json::Map<_, _> =
            figures.into_iter().map(|(name, figure)| (name.to_owned(), figure.into())).collect();
        return out.json(&figures);
    }
    figures.into_iter().try_for_each(|(name, figure)| out.line(format_args!("{name}: {figure}")))
}

pub fn quota(session: &mut Session, json: bool, bytes: Option<ByteSize>, out: &mut Out) -> Outcome {
    if let Some(ByteSize(bytes)) = bytes {
        session.change(|image| {
            image.fs.set_max_quota(bytes);
            Ok(())
        })?;
        out.done();
    }
    let stats = session.image()?.fs.stats();
    let (used, quota, free) = (stats.used_bytes, stats.quota_bytes, stats.free_bytes);
    if json {
        #[derive(Serialize)]
        struct Quota {
            quota_bytes: u64,
            used_bytes: u64,
            free_bytes: u64,
        }
        return out.json(&Quota { quota_bytes: quota, used_bytes: used, free_bytes: free });
    }
    if bytes.is_some() {
        return out.confirm(format_args!("Set quota: {quota} bytes ({})", Human(quota)));
    }
    out.line(format_args!("Quota: {quota} bytes ({})", Human(quota)))?;
    out.line(format_args!("Used: {used} bytes ({})", Human(used)))?;
    out.line(format_args!("Free: {free} bytes ({})", Human(free)))
}
