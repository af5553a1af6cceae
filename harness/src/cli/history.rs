//! `arcfs-harness history`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{Execution, complain, print, select};
use crate::report::history as page;
use crate::results::history::{History, Series};

/// Shows how the figures of arcfs changed over the result files of a directory.
///
/// Prints tables, and writes a page with charts, history.md, beside the results.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The directory with result files.
    #[arg(long, value_name = "DIR", default_value = "results")]
    dir: PathBuf,
    /// Shows all figures of workloads whose name matches, instead of the first figure of each; may be
    /// repeated.
    #[arg(long, value_name = "GLOB")]
    workload: Vec<String>,
    /// The directory for the page; it is created [default: beside the results].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Prints the tables and writes nothing.
    #[arg(long, conflicts_with = "out")]
    print: bool,
}

/// Reads, prints and draws.
///
/// # Errors
/// Where the directory cannot be read, has no results, no workload matches, or the page cannot be written.
pub fn execute(options: &Options) -> Execution {
    let dir = options.dir.display();
    let history = History::read(&options.dir)
        .map_err(|cause| format!("cannot read results of the directory {dir}: {cause}"))?;
    for (_, why) in &history.skipped {
        complain(&format!("warning: skipped: {why}"));
    }
    if history.runs.is_empty() {
        return Err(format!("{dir} has no results; `arcfs-harness run` makes them").into());
    }
    let ours: Vec<&Series> = history.series.iter().filter(|series| series.arcfs).collect();
    let series: Vec<&Series> = if options.workload.is_empty() {
        ours.into_iter().filter(|series| series.main).collect()
    } else {
        let mut names: Vec<&str> = ours.iter().map(|series| &*series.key.workload).collect();
        names.sort_unstable();
        names.dedup();
        let chosen =
            select::select("workload with a figure of arcfs", names, |name| name, &options.workload)?;
        ours.into_iter().filter(|series| chosen.contains(&&*series.key.workload)).collect()
    };
    if series.is_empty() {
        return Err(format!("the results in {dir} have no figure of arcfs").into());
    }
    let (runs, values) = (page::runs(&history), page::values(&history, &series));
    print(&format!("{runs}\n\n{values}\n\n{}", page::READING))?;
    if !options.print {
        for path in page::write(&history, &series, options.out.as_deref().unwrap_or(&options.dir))? {
            complain(&format!("wrote {}", path.display()));
        }
    }
    Ok(ExitCode::SUCCESS)
}
