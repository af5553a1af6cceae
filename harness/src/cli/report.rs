//! `arcfs-harness report FILE...`: tables and charts of result files, without measuring anything.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::report;
use crate::results::file;

/// Writes a page of Markdown with charts for each result file.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Result files, such as results/baseline.json.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The directory for the pages; by default each is beside its file.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Prints the tables instead of writing anything.
    #[arg(long, conflicts_with = "out")]
    print: bool,
}

/// Reads every file before anything is written, so that a bad one leaves no half of a set.
///
/// # Errors
/// Where a file cannot be read or is no result file, two files would have one page, or a page cannot be
/// written.
pub fn execute(options: &Options) -> Result<ExitCode, Box<dyn Error + Send + Sync>> {
    let mut pages: Vec<(PathBuf, String)> = Vec::new();
    let mut runs = Vec::new();
    for path in &options.files {
        runs.push(file::read(path)?);
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let beside = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let page = (options.out.clone().unwrap_or_else(|| beside.to_owned()), name);
        if pages.contains(&page) {
            return Err(format!("two files would both be written to {}.md", page.0.join(page.1).display()).into());
        }
        pages.push(page);
    }
    for (run, (dir, name)) in runs.iter().zip(&pages) {
        if options.print {
            println!("{name}\n{}", report::terminal(run));
        } else {
            report::write(run, name, dir)?.iter().for_each(|path| println!("{}", path.display()));
        }
    }
    Ok(ExitCode::SUCCESS)
}
