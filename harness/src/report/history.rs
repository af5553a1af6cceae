//! Runs over commits, as tables and charts.
//!
//! Figures of different machines stand in one table and never in one line of a chart.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::charts::{Timeline, Trend, timeline};
use super::tables::grouped;
use super::{Error, PlainTable, create, format, put, text};
use crate::results::history::{History, Series};
use crate::workload::Better;

/// The name of the page, and of the directory of its charts.
pub const NAME: &str = "history";
/// Runs that a table has room for.
const SHOWN: usize = 5;
/// Plots in a chart.
const PLOTS: usize = 6;

/// The runs, numbered.
pub fn runs(history: &History) -> PlainTable {
    let mut table = PlainTable::new(["", "run", "date", "commit", "machine"], 0..0);
    for (index, run) in history.runs.iter().enumerate() {
        let commit: String = run.commit.chars().take(10).collect();
        let commit = if run.dirty { format!("{commit} (changed)") } else { commit };
        let number = format!("#{}", index + 1);
        table.push([number, run.label.clone(), run.date.clone(), commit, run.machine.clone()]);
    }
    table
}

/// The medians of the last runs, and how the last of them changed.
pub fn values(history: &History, series: &[&Series]) -> PlainTable {
    let count = history.runs.len();
    let shown: Vec<usize> = (count.saturating_sub(SHOWN)..count).collect();
    let heads = ["workload", "parameters", "metric", "backend"].map(str::to_owned).into_iter();
    let heads = heads.chain(shown.iter().map(|run| format!("#{}", run + 1))).chain(["change".to_owned()]);
    let mut table = PlainTable::new(heads, 4..5 + shown.len());
    for series in series {
        let key = &series.key;
        let mut row =
            vec![key.workload.clone(), key.params.to_string(), key.metric.clone(), key.backend.clone()];
        let value = |run: &usize| {
            series.points[*run].map_or_else(String::new, |point| format::figure(point.median, series.unit))
        };
        row.extend(shown.iter().map(value));
        row.push(change(history, series));
        table.push(row);
    }
    table
}

/// What the tables do not say themselves.
pub const READING: &str =
    "medians; the change is that of the last value against the one before on the same machine";

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

/// Writes `<dir>/history.md` and charts in `<dir>/history/` for these series, and gives their paths.
///
/// # Errors
/// [`Error::Write`] with the path and the cause.
pub fn write(history: &History, series: &[&Series], dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let pictures = dir.join(NAME);
    create(&pictures)?;
    let mut written = Vec::new();
    let mut page = format!("# History\n\n{}\nIn tables: {READING}.\n", runs(history).markdown());
    for (workload, series) in grouped(series.iter().copied(), |series| &series.key.workload) {
        let _infallible = write!(page, "\n## {}\n", text::markdown(workload));
        for (file, title, svg) in pictures_of(history, workload, &series) {
            let path = pictures.join(format!("{file}.svg"));
            put(&path, &svg)?;
            written.push(path);
            let _infallible = write!(page, "\n![{}]({NAME}/{file}.svg)\n", text::markdown(&title));
        }
        let _infallible = write!(page, "\n{}", values(history, &series).markdown());
    }
    // The page comes last: where it is, its pictures are.
    let path = dir.join(format!("{NAME}.md"));
    put(&path, &page)?;
    written.push(path);
    Ok(written)
}

/// The charts of a workload as file, title and SVG: its series on the machine of the newest run.
fn pictures_of(history: &History, workload: &str, series: &[&Series]) -> Vec<(String, String, String)> {
    let Some(machine) = history.runs.last().map(|run| &run.machine) else { return Vec::new() };
    let kept: Vec<usize> =
        (0..history.runs.len()).filter(|run| history.runs[*run].machine == *machine).collect();
    let name = |run: &usize| {
        let run = &history.runs[*run];
        let commit: String = run.commit.chars().take(7).collect();
        let name = if commit.is_empty() { run.label.clone() } else { commit };
        if run.dirty { format!("{name}+") } else { name }
    };
    let runs: Vec<String> = kept.iter().map(name).collect();
    let line = |series: &&Series| {
        let points =
            kept.iter().map(|run| series.points[*run].map(|point| (point.median, point.min, point.max)));
        let parameters = format::parameters(&series.key.params, |_| true);
        let colon = if parameters.is_empty() { "" } else { ": " };
        let direction = match series.better {
            Better::Lower => "less",
            Better::Higher => "more",
        };
        let metric = &series.key.metric;
        Trend {
            figure: format!("{metric}{colon}{parameters} ({direction} is better)"),
            unit: series.unit,
            backend: series.key.backend.clone(),
            arcfs: series.arcfs,
            points: points.collect(),
        }
    };
    let figures = grouped(series.iter().map(line), |line| line.figure.clone());
    let is_drawn = |lines: &[Trend]| lines.iter().any(|line| line.points.iter().any(Option::is_some));
    let figures: Vec<_> = figures.into_iter().filter(|(_, lines)| is_drawn(lines)).collect();
    let stem = match text::slug(workload) {
        stem if stem.is_empty() => "chart".to_owned(),
        stem => stem,
    };
    let parts = figures.len().div_ceil(PLOTS);
    let picture = |(index, part): (usize, &[(String, Vec<Trend>)])| {
        let (file, title) = if parts == 1 {
            (stem.clone(), workload.to_owned())
        } else {
            (format!("{stem}-{}", index + 1), format!("{workload}, {} of {parts}", index + 1))
        };
        let trends = part.iter().flat_map(|(_, lines)| lines.clone()).collect();
        let drawn = Timeline { runs: runs.clone(), machine: machine.clone(), trends };
        let svg = timeline(&title, &drawn);
        (file, title, svg)
    };
    figures.chunks(PLOTS).enumerate().map(picture).collect()
}
