//! `arcfs-harness history`.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use crate::compare::table::scaled;
use crate::results::history::{History, Series};
use crate::workload::Better;

/// How many runs a table has room for.
const SHOWN: usize = 5;

/// Shows the results of a directory over the commits they were made from.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The directory with result files.
    #[arg(long, default_value = "results")]
    dir: PathBuf,
    /// Shows all figures of the workloads that match this glob, instead of the first figure of each workload.
    #[arg(long)]
    workload: Option<String>,
}

/// Reads and prints.
///
/// # Errors
/// Where the directory cannot be read, has no results, or no workload matches.
pub fn execute(options: &Options) -> Result<ExitCode, Box<dyn Error + Send + Sync>> {
    let matcher = options.workload.as_deref().map(globset::Glob::new).transpose()?;
    let matcher = matcher.map(|glob| glob.compile_matcher());
    let dir = options.dir.display();
    let history = History::read(&options.dir).map_err(|cause| format!("{dir}: {cause}"))?;
    for (_, why) in &history.skipped {
        eprintln!("warning: skipped, no result: {why}");
    }
    if history.runs.is_empty() {
        return Err(format!("{dir} has no results").into());
    }
    let wanted = |series: &&Series| match &matcher {
        Some(matcher) => series.arcfs && matcher.is_match(&series.key.workload),
        None => series.arcfs && series.main,
    };
    let series: Vec<&Series> = history.series.iter().filter(wanted).collect();
    if series.is_empty() {
        return Err("no run has a figure of arcfs of such a workload".into());
    }
    let shown: Vec<usize> = (history.runs.len().saturating_sub(SHOWN)..history.runs.len()).collect();
    println!("{}\n", runs(&history));
    println!("{}", values(&history, &series, &shown));
    println!("medians; the change is that of the last value against the one before on the same machine");
    Ok(ExitCode::SUCCESS)
}

fn runs(history: &History) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["", "run", "date", "commit", "machine"]);
    for (index, run) in history.runs.iter().enumerate() {
        let commit: String = run.commit.chars().take(10).collect();
        let commit = if run.dirty { format!("{commit} (changed)") } else { commit };
        table.add_row([
            format!("#{}", index + 1),
            run.label.clone(),
            run.date.clone(),
            commit,
            run.machine.clone(),
        ]);
    }
    table
}

fn values(history: &History, series: &[&Series], shown: &[usize]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    let mut header: Vec<String> = ["workload", "parameters", "metric", "backend"].map(str::to_owned).to_vec();
    header.extend(shown.iter().map(|run| format!("#{}", run + 1)));
    header.push("change".to_owned());
    let columns = header.len();
    table.set_header(header);
    for series in series {
        let key = &series.key;
        let mut row =
            vec![key.workload.clone(), key.params.to_string(), key.metric.clone(), key.backend.clone()];
        let value = |run: &usize| {
            series.points[*run].map_or_else(String::new, |point| scaled(point.median, series.unit))
        };
        row.extend(shown.iter().map(value));
        row.push(change(history, series));
        table.add_row(row);
    }
    for column in 4..columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// The last value against the one before, as `12 % worse`.
fn change(history: &History, series: &Series) -> String {
    let last = series.points.iter().rposition(Option::is_some);
    let pair =
        last.and_then(|last| Some((series.points[history.before(series, last)?]?, series.points[last]?)));
    let Some((before, now)) = pair.filter(|(before, now)| before.median > 0.0 && now.median > 0.0) else {
        return String::new();
    };
    let worse = match series.better {
        Better::Lower => now.median / before.median,
        Better::Higher => before.median / now.median,
    };
    match worse {
        worse if worse >= 1.005 => format!("{:.0} % worse", (worse - 1.0) * 100.0),
        worse if worse <= 0.995 => format!("{:.0} % better", (1.0 - worse) * 100.0),
        _ => "same".to_owned(),
    }
}
