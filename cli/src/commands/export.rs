//! `export`: out to the host.

use std::io::IsTerminal;
use std::path::Path;

use arcfs::archive::ArchiveOptions;
use arcfs::{HostOptions, Snapshot};

use super::{LeftOut, Transfer, import, read};
use crate::args::{ExportArgs, Format};
use crate::failure::{Attempt, Failure, Outcome};
use crate::output::Out;
use crate::paths::base_name;
use crate::progress::Progress;
use crate::session::Session;
use crate::sizes::Human;
use crate::{archives, host};

pub fn export(session: &mut Session, args: &ExportArgs, out: &mut Out) -> Outcome {
    let view = session.view(args.at.at.as_deref())?;
    let source = session.path(&args.source);
    let is_file = view.metadata(&source)?.is_file();
    let to_stdout = args.dest.as_os_str() == "-";
    if to_stdout && args.json.json {
        return Err(Failure::message(
            "--json answers on standard output, where the export goes; name a file",
        ));
    }
    if let Some(format) = format(args, &source, is_file)? {
        return match to_stdout {
            true => archive_to_stdout(&view, &source, format, args, out),
            false => archive_to_file(&view, &source, format, args, out),
        };
    }
    if args.level.is_some() {
        return Err(Failure::message("--level is for archives; name one, or say which with --format"));
    }
    match (is_file, to_stdout) {
        (true, true) => read::print(&view.content(&source)?, out),
        (false, true) => Err(Failure::message(
            "a directory goes to standard output as an archive; say which with --format",
        )),
        (true, false) => file_to_host(&view, &source, args, out),
        (false, false) => directory_to_host(&view, &source, args, out),
    }
}

/// The kind of archive that is asked for, if one is.
///
/// # Errors
///
/// The name asks for a kind that cannot be written.
fn format(args: &ExportArgs, source: &str, is_file: bool) -> Outcome<Option<Format>> {
    let Some(name) = args.dest.file_name().filter(|_| args.format.is_none() && !args.dest.is_dir()) else {
        return Ok(args.format);
    };
    let source = base_name(source).as_ref();
    if let Some(compression) = archives::only_read(name)
        && !(is_file && archives::only_read(source) == Some(compression))
    {
        return Err(Failure::Message(format!(
            "{:?} is the name of an archive compressed with {compression}, which can be read but not written; \
             name one that ends in .tar.zst, .tar.gz, .tar or .zip, or say with --format what to write",
            args.dest
        )));
    }
    let format = archives::format_of(name);
    Ok(format.filter(|_| !(is_file && archives::format_of(source) == format)))
}

fn options(source: &str, args: &ExportArgs, progress: &Progress) -> ArchiveOptions {
    let tell = progress.teller();
    let options = ArchiveOptions::new()
        .prefix(source)
        .only_dirty(args.only_dirty)
        .progress(move |done| tell(done.bytes, Some(done.total_bytes)));
    match args.level {
        Some(level) => options.level(level),
        None => options,
    }
}

fn archive_to_file(
    view: &Snapshot,
    source: &str,
    format: Format,
    args: &ExportArgs,
    out: &mut Out,
) -> Outcome {
    let summary = {
        let progress = Progress::new("Exporting", out);
        let options = options(source, args, &progress);
        host::write_file(&args.dest, None, |to| archives::write(view, format, options, to))?
    };
    Done { files: summary.files, bytes: summary.bytes, left_out: &[] }.tell(source, &args.dest, args, out)
}

fn archive_to_stdout(
    view: &Snapshot,
    source: &str,
    format: Format,
    args: &ExportArgs,
    out: &mut Out,
) -> Outcome {
    if std::io::stdout().is_terminal() {
        return Err(Failure::message("an archive is not for a terminal; name a file, or a pipe"));
    }
    let progress = Progress::new("Exporting", out);
    let options = options(source, args, &progress);
    archives::write(view, format, options, out.stream()).map(drop).map_err(|failure| match failure {
        // The engine wraps the error of the pipe.
        Failure::Engine(error) if is_closed_pipe(&error) => Failure::ClosedPipe,
        failure => failure,
    })
}

/// Whether an error of the engine is that of a pipe that nobody reads any more.
fn is_closed_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .filter_map(|error| error.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

fn file_to_host(view: &Snapshot, source: &str, args: &ExportArgs, out: &mut Out) -> Outcome {
    let (content, metadata) = (view.content(source)?, view.metadata(source)?);
    if args.only_dirty && metadata.generation() == 0 {
        return Done { files: 0, bytes: 0, left_out: &[] }.tell(source, &args.dest, args, out);
    }
    let into_directory = args.dest.is_dir() || args.dest.as_os_str().as_encoded_bytes().ends_with(b"/");
    let dest = if into_directory { args.dest.join(base_name(source)) } else { args.dest.clone() };
    {
        let progress = Progress::new("Exporting", out);
        let tell = progress.teller();
        host::write_file(&dest, Some(metadata.modified()), |to| {
            let mut done = 0;
            for chunk in content.chunks() {
                let chunk = chunk?;
                to.write_all(&chunk).attempt(|| format!("cannot write {dest:?}"))?;
                done += chunk.len() as u64;
                tell(done, Some(content.len()));
            }
            Ok(())
        })?;
    }
    Done { files: 1, bytes: content.len(), left_out: &[] }.tell(source, &dest, args, out)
}

fn directory_to_host(view: &Snapshot, source: &str, args: &ExportArgs, out: &mut Out) -> Outcome {
    if args.only_dirty {
        return Err(Failure::message("--only-dirty is for archives and single files"));
    }
    let report = {
        let progress = Progress::new("Exporting", out);
        let tell = progress.teller();
        let options = HostOptions::new().progress(move |done| tell(done.bytes, Some(done.total_bytes)));
        view.export_dir_with(source, &args.dest, options)?
    };
    let left_out: Vec<LeftOut> = report.skipped.iter().map(LeftOut::from).collect();
    let done = Done { files: report.files, bytes: report.bytes, left_out: &left_out };
    done.tell(source, &args.dest, args, out)?;
    import::complain_about(&left_out, import::missing(&report.skipped))
}

/// What an export wrote.
struct Done<'d> {
    files: u64,
    bytes: u64,
    left_out: &'d [LeftOut],
}

impl Done<'_> {
    fn tell(self, source: &str, to: &Path, args: &ExportArgs, out: &mut Out) -> Outcome {
        let (Self { files, bytes, left_out }, to) = (self, to.display());
        if args.json.json {
            let destination = &to.to_string();
            out.done();
            return out.json(&Transfer { source, destination, files, bytes, kept: None, left_out });
        }
        let plural = if files == 1 { "file" } else { "files" };
        out.confirm(format_args!("Exported {files} {plural}, {}, to {to}", Human(bytes)))
    }
}
