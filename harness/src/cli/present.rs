//! Showing a run to people: answers of a smoke run as a matrix, warnings.

use std::fmt::Write as _;

use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;

use crate::results::samples::{self, Warning};
use crate::results::schema::{Cell, Run};

/// More warnings than this are only counted.
const WARNINGS: usize = 12;

/// Which backend answered which workload, and why others did not.
pub fn answers(run: &Run, workloads: &[&str], backends: &[&str]) -> String {
    let mut table = table();
    table.set_header(std::iter::once("workload").chain(backends.iter().copied()));
    let mut reasons: Vec<&str> = Vec::new();
    for workload in workloads {
        let row = backends.iter().map(|backend| {
            let cells =
                run.cells.iter().filter(|cell| cell.workload == *workload && cell.backend == *backend);
            answer(&cells.collect::<Vec<_>>(), &mut reasons)
        });
        table.add_row(std::iter::once((*workload).to_owned()).chain(row.collect::<Vec<_>>()));
    }
    let mut text = table.trim_fmt();
    for (index, reason) in reasons.iter().enumerate() {
        let _infallible = write!(text, "\n({}) {reason}", index + 1);
    }
    text
}

/// The answer of one backend in all cells of a workload, with the numbers of the reasons for empty ones.
fn answer<'run>(cells: &[&'run Cell], reasons: &mut Vec<&'run str>) -> String {
    let mut word = None;
    let mut numbers: Vec<usize> = Vec::new();
    for reason in cells.iter().filter_map(|cell| cell.empty.as_deref()) {
        let kind = reason.split_once(':').map_or(reason, |(kind, _)| kind);
        if kind.starts_with("failed") {
            word = Some("FAILED");
        }
        word = word.or(Some(kind));
        let number = reasons.iter().position(|known| *known == reason).unwrap_or_else(|| {
            reasons.push(reason);
            reasons.len() - 1
        });
        if !numbers.contains(&(number + 1)) {
            numbers.push(number + 1);
        }
    }
    if word != Some("FAILED") && cells.iter().any(|cell| !cell.samples.is_empty()) {
        word = Some("ok");
    }
    let numbers: String = numbers.iter().map(|number| format!(" ({number})")).collect();
    format!("{}{numbers}", word.unwrap_or("no cells"))
}

/// The warnings of a run, as lines.
pub fn warnings(run: &Run) -> Vec<String> {
    let warnings = samples::warnings(run);
    let mut lines: Vec<String> =
        warnings.iter().take(WARNINGS).map(|warning: &Warning| format!("warning: {warning}")).collect();
    if warnings.len() > WARNINGS {
        lines.push(format!("warning: and {} more such warnings", warnings.len() - WARNINGS));
    }
    lines
}

fn table() -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN);
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::schema::{Meta, VERSION};
    use crate::workload::{Better, Params, Unit};

    fn cell(workload: &str, backend: &str, empty: Option<&str>) -> Cell {
        let sample = empty.is_none().then_some(1234.56);
        Cell {
            workload: workload.to_owned(),
            params: Params::new(),
            metric: "write".to_owned(),
            backend: backend.to_owned(),
            arcfs: false,
            unit: Unit::Nanoseconds,
            better: Better::Lower,
            samples: sample.into_iter().collect(),
            median: sample,
            min: sample,
            max: sample,
            latency: None,
            checks: 1,
            empty: empty.map(str::to_owned),
        }
    }

    #[test]
    fn the_matrix_says_for_each_pair_what_came_of_it() {
        let cells = vec![
            cell("a", "x", None),
            cell("a", "y", None),
            cell("a", "y", Some("cannot: has no view")),
            cell("a", "z", Some("cannot: has no view")),
            cell("b", "x", None),
            cell("b", "x", Some("failed in round 1: wrong bytes")),
            cell("b", "y", Some("left out: takes hours")),
        ];
        let run = Run { schema: VERSION, meta: Meta::default(), cells };
        let text = answers(&run, &["a", "b"], &["x", "y", "z"]);
        let lines: Vec<String> =
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(lines[2], "| a | ok | ok (1) | cannot (1) |");
        assert_eq!(lines[3], "| b | FAILED (2) | left out (3) | no cells |");
        assert_eq!(
            lines[4..],
            ["(1) cannot: has no view", "(2) failed in round 1: wrong bytes", "(3) left out: takes hours"]
        );
    }
}
