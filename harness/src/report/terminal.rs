//! Tables for a terminal. It decides widths and nothing else; the figures come from [`super::tables`].

use std::fmt::Write as _;

use comfy_table::{CellAlignment, Table as Grid, presets};

use crate::results::samples::NOISY;

use super::tables::{Entry, Section, Table};
use super::text;

/// Tables of a workload that are printed; the page in Markdown has all.
const PRINTED: usize = 6;

/// Workloads that people look for first.
const FIRST: [&str; 7] =
    ["small-files", "stream", "random-access", "large-stream", "many-files", "deep-read", "contention"];

/// All sections within `width` columns.
pub fn tables(sections: &[Section], width: usize) -> String {
    let rank =
        |section: &&Section| FIRST.iter().position(|name| *name == section.name).unwrap_or(FIRST.len());
    let mut sorted: Vec<_> = sections.iter().collect();
    sorted.sort_by_key(rank);
    let mut out = String::new();
    for section in sorted {
        let colon = if section.common.is_empty() { "" } else { ": " };
        let title = text::plain(&format!("{}{colon}{}", section.name, section.common));
        let _ = write!(out, "\n{title}\n{}\n", "=".repeat(title.chars().count()));
        for table in section.tables.iter().take(PRINTED) {
            print(table, width, &mut out);
        }
        if section.tables.len() > PRINTED {
            let _ = writeln!(out, "({} more tables in the report)", section.tables.len() - PRINTED);
        }
        for (index, note) in section.notes.iter().enumerate() {
            let _ = writeln!(out, "[{}] {}", index + 1, text::plain(note));
        }
        let (figures, noisy) = section.noisy;
        if noisy > 0 {
            let _ = writeln!(
                out,
                "~ in {noisy} of {figures} figures half of the samples span more than {} % of the median.",
                NOISY * 100.0
            );
        }
    }
    out
}

/// One table, as several where it is wider than the terminal.
fn print(table: &Table, width: usize, out: &mut String) {
    if !table.heading.is_empty() {
        let _ = writeln!(out, "\n{}", text::plain(&table.heading));
    }
    let cells: Vec<Vec<String>> =
        table.rows.iter().map(|(_, entries)| entries.iter().map(entry).collect()).collect();
    let heads: Vec<_> = table.columns.iter().map(|head| text::plain(head)).collect();
    let names: Vec<_> = table.rows.iter().map(|(name, _)| text::plain(name)).collect();
    let length = |text: &String| text.chars().count();
    let first = names.iter().map(length).max().unwrap_or(0);
    // Two blanks and a rule around each column.
    let need = |column: usize| {
        cells.iter().map(|row| length(&row[column])).chain([length(&heads[column])]).max().unwrap_or(0) + 3
    };
    let mut start = 0;
    while start < heads.len() {
        let mut end = start + 1;
        let mut used = first + 4 + need(start);
        while end < heads.len() && used + need(end) <= width {
            used += need(end);
            end += 1;
        }
        let mut grid = Grid::new();
        grid.load_style(presets::UTF8_FULL_CONDENSED);
        grid.set_header([String::new()].into_iter().chain(heads[start..end].iter().cloned()));
        for (name, row) in names.iter().zip(&cells) {
            grid.add_row([name.clone()].into_iter().chain(row[start..end].iter().cloned()));
        }
        for column in grid.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let _ = writeln!(out, "{grid}");
        start = end;
    }
}

fn entry(entry: &Entry) -> String {
    match entry {
        Entry::Empty(note) => format!("– [{}]", note + 1),
        Entry::Figure { value, spread, best, noisy, .. } => {
            let star = if *best { "* " } else { "" };
            let spread = spread.as_ref().map(|spread| format!(" {spread}")).unwrap_or_default();
            format!("{star}{value}{spread}{}", if *noisy { " ~" } else { "" })
        }
    }
}
