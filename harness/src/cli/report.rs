//! `arcfs-harness report FILE...`: tables and charts of result files, without measuring anything.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::{Execution, print};
use crate::report::{self, NamedRun};
use crate::results::file;

/// Writes a page of Markdown with charts for each result file, without measuring anything.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Result files, such as results/baseline.json.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The directory for the pages; it is created [default: beside each file].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Also replaces what stands between `<!-- begin NAME -->` and `<!-- end NAME -->` in this
    /// document; takes one FILE. NAME is that of a workload, or machine, reading, backends, parameters.
    #[arg(long, value_name = "DOCUMENT", conflicts_with = "print")]
    embed: Option<PathBuf>,
    /// The directory of the charts as links in the document write it, such as results/.
    #[arg(long, value_name = "PREFIX", default_value = "", hide_default_value = true, requires = "embed")]
    links: String,
    /// Prints the tables instead of writing anything.
    #[arg(long, conflicts_with = "out")]
    print: bool,
}

/// Reads every file before anything is written, so that a bad one leaves no half of a set.
///
/// # Errors
/// Where a file cannot be read or is no result file, two files would have one page, or a page cannot be
/// written.
pub fn execute(options: &Options) -> Execution {
    let mut pages: Vec<(PathBuf, String)> = Vec::new();
    let mut runs = Vec::new();
    for path in &options.files {
        runs.push(file::read(path)?);
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let beside = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let page = (options.out.clone().unwrap_or_else(|| beside.to_owned()), name);
        if pages.contains(&page) {
            return Err(
                format!("two files would both be written to {}.md", page.0.join(page.1).display()).into()
            );
        }
        pages.push(page);
    }
    for (run, (dir, name)) in runs.iter().zip(&pages) {
        if options.print {
            print(&format!("{name}\n{}", report::terminal(run)))?;
        } else {
            for path in report::write(run, name, dir)? {
                print(&path.display().to_string())?;
            }
        }
    }
    if let Some(document) = &options.embed {
        let ([run], [(_, name)]) = (runs.as_slice(), pages.as_slice()) else {
            return Err("--embed takes one result file".into());
        };
        let with_path = |error: &dyn std::fmt::Display| format!("{}: {error}", document.display());
        let text = fs::read_to_string(document).map_err(|error| with_path(&error))?;
        let links = if options.links.is_empty() || options.links.ends_with('/') {
            options.links.clone()
        } else {
            format!("{}/", options.links)
        };
        let text =
            report::embed(&text, &links, &NamedRun { name, run }).map_err(|error| with_path(&error))?;
        fs::write(document, text).map_err(|error| with_path(&error))?;
        print(&document.display().to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}
