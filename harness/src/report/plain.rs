//! A table of plain text, for a terminal or a page: what is neither figures of a run nor its meta data.

use std::fmt;
use std::fmt::Write as _;
use std::ops::Range;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use super::text;

/// A table; as text it is for a terminal.
#[derive(Clone, Debug)]
pub struct PlainTable {
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
    numbers: Range<usize>,
}

impl PlainTable {
    /// A table without rows; the columns in `numbers` stand to the right.
    pub fn new<S: Into<String>>(heads: impl IntoIterator<Item = S>, numbers: Range<usize>) -> Self {
        Self { heads: heads.into_iter().map(Into::into).collect(), rows: Vec::new(), numbers }
    }

    /// Adds a row with an entry for each column.
    pub fn push(&mut self, row: impl Into<Vec<String>>) {
        self.rows.push(row.into());
    }

    /// It in Markdown.
    pub fn markdown(&self) -> String {
        let line = |cells: &[String]| {
            let cells: Vec<_> = cells.iter().map(|cell| text::markdown(cell)).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let mut out = line(&self.heads);
        let rule = |column| if self.numbers.contains(&column) { "---:" } else { "---" };
        let rules: Vec<_> = (0..self.heads.len()).map(rule).collect();
        let _infallible = writeln!(out, "|{}|", rules.join("|"));
        self.rows.iter().for_each(|row| out += &line(row));
        out
    }
}

impl fmt::Display for PlainTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |row: &Vec<String>| row.iter().map(|cell| text::plain(cell)).collect::<Vec<_>>();
        let mut table = Table::new();
        table.load_style(NOTHING);
        table.set_header(plain(&self.heads));
        self.rows.iter().for_each(|row| {
            table.add_row(plain(row));
        });
        for column in self.numbers.clone() {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        f.write_str(&table.trim_fmt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_harmless_in_both_forms() {
        let mut table = PlainTable::new(["name", "value"], 1..2);
        table.push(["a|b\u{1b}[31m".to_owned(), "7".to_owned()]);
        assert!(!table.to_string().contains('\u{1b}'));
        assert_eq!(table.to_string().lines().count(), 2);
        assert_eq!(table.markdown(), "| name | value |\n|---|---:|\n| a&#124;b\u{fffd}\\[31m | 7 |\n");
    }
}
