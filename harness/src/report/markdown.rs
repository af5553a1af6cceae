//! A run as a page of Markdown, as GitHub shows it. It knows the names of charts, not how they are drawn.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::results::samples::{self, NOISY};
use crate::results::schema::{Meta, Run};

use super::charts::Chart;
use super::tables::{Entry, Section, Table, grouped};
use super::{NamedRun, format, glossary, text};

/// Tables of a workload that are shown before the rest is folded.
const UNFOLDED: usize = 6;

/// The whole page.
pub fn page(
    named: &NamedRun<'_>,
    sections: &[Section],
    charts: &[Chart<'_>],
    reference: Option<&str>,
) -> String {
    let mut out = format!("# {}\n\n", text::markdown(named.name));
    out += &meta(&named.run.meta);
    if let Some(warning) = samples::few_rounds(named.run) {
        let _ = write!(out, "\n**Not for conclusions:** {warning}.\n");
    }
    out += &reading(reference);
    out += "\n## Backends\n";
    out += &backends(named.run);
    for section in sections {
        let _ = write!(out, "\n## {}\n", text::markdown(&section.name));
        out += &self::section(section, "", named.name, charts);
    }
    out += "\n## Parameters\n";
    out += &parameters(named.run);
    out
}

/// What the backends of the run are.
pub fn backends(run: &Run) -> String {
    let names = grouped(&run.cells, |cell| &cell.backend).into_iter().map(|(name, _)| name.as_str());
    explained("backend", names, glossary::backend)
}

/// What the parameters of the run are.
pub fn parameters(run: &Run) -> String {
    let names: BTreeSet<&str> =
        run.cells.iter().flat_map(|cell| cell.params.iter()).map(|(name, _)| name).collect();
    explained("parameter", names, glossary::parameter)
}

/// A table of names with what they mean.
fn explained<'run>(
    what: &str,
    names: impl IntoIterator<Item = &'run str>,
    meaning: impl Fn(&str) -> Option<&'static str>,
) -> String {
    let mut out = format!("\n| {what} | |\n|---|---|\n");
    for name in names {
        let meaning = meaning(name).unwrap_or("unknown to this version of the harness");
        let _ = writeln!(out, "| {} | {} |", text::markdown(name), text::markdown(meaning));
    }
    out
}

/// The charts and tables of a workload, without its heading. Links to charts begin with `directory`.
pub fn section(section: &Section, directory: &str, name: &str, charts: &[Chart<'_>]) -> String {
    let mut out = String::new();
    if let Some(about) = glossary::workload(&section.name) {
        let _ = write!(out, "\n{}\n", text::markdown(&about));
    }
    if !section.common.is_empty() {
        let _ = write!(out, "\nIn all of it: {}.\n", text::markdown(&section.common));
    }
    let meaning = |metric: &String| Some((metric.clone(), glossary::metric(&section.name, metric)?));
    for (index, (metric, meaning)) in section.metrics.iter().filter_map(meaning).enumerate() {
        let gap = if index == 0 { "\n" } else { "" };
        let _ = writeln!(out, "{gap}- **{}**: {}", text::markdown(&metric), text::markdown(meaning));
    }
    for chart in charts.iter().filter(|chart| chart.workload() == section.name) {
        let (title, name) = (text::markdown(chart.title()), text::link(name));
        let _ = write!(out, "\n![{title}]({directory}{name}/{}.svg)\n", chart.file());
    }
    out += &tables(section);
    out
}

/// The tables of a workload with their notes.
fn tables(section: &Section) -> String {
    let mut out = String::new();
    let (shown, folded) = if section.tables.len() > UNFOLDED + 1 {
        section.tables.split_at(UNFOLDED)
    } else {
        (&section.tables[..], &[][..])
    };
    shown.iter().for_each(|shown| out += &table(shown));
    if !folded.is_empty() {
        let _ = write!(out, "\n<details><summary>{} more tables</summary>\n", folded.len());
        folded.iter().for_each(|folded| out += &table(folded));
        out += "\n</details>\n";
    }
    for (index, note) in section.notes.iter().enumerate() {
        out += if index == 0 { "\n" } else { "<br>\n" };
        let _ = write!(out, "<sup>{}</sup> {}", index + 1, text::markdown(note));
    }
    if !section.notes.is_empty() {
        out.push('\n');
    }
    let (figures, noisy) = section.noisy;
    if noisy > 0 {
        let _ = write!(
            out,
            "\n**Noisy:** in {noisy} of {figures} figures, marked \\~, half of the samples span more than {} % of their \
             median: smaller differences mean nothing there.\n",
            NOISY * 100.0
        );
    }
    out
}

fn table(table: &Table) -> String {
    let mut out = String::new();
    if !table.heading.is_empty() {
        let _ = write!(out, "\n**{}**\n", text::markdown(&table.heading));
    }
    let heads: Vec<_> = table.columns.iter().map(|head| text::markdown(head)).collect();
    let _ = write!(out, "\n| | {} |\n|---|{}\n", heads.join(" | "), "---:|".repeat(heads.len()));
    for (name, entries) in &table.rows {
        let entries: Vec<_> = entries.iter().map(entry).collect();
        let _ = writeln!(out, "| {} | {} |", text::markdown(name), entries.join(" | "));
    }
    out
}

fn entry(entry: &Entry) -> String {
    // A figure is not torn from its unit by the end of a line.
    let tight = |text: &str| text.replace(' ', "\u{a0}");
    match entry {
        Entry::Empty(note) => format!("– <sup>{}</sup>", note + 1),
        Entry::Figure { value, spread, ratio, best, noisy } => {
            let mut out = if *best { format!("**{}**", tight(value)) } else { tight(value) };
            if let Some(spread) = spread {
                let _ = write!(out, " {}{}", if *noisy { "\\~" } else { "" }, tight(spread));
            }
            if let Some(ratio) = ratio {
                let _ = write!(out, " · {}", tight(ratio));
            }
            out
        }
    }
}

/// What was measured, where and when.
pub fn meta(meta: &Meta) -> String {
    let dirty = if meta.dirty { ", with changes that were not committed" } else { "" };
    let memory = format::figure(meta.memory as f64, crate::workload::Unit::Bytes);
    let extent = meta.extent.map(|extent| format!("{extent:?}").to_lowercase()).unwrap_or_default();
    let rivals = meta.rivals.iter().map(|(name, version)| format!("{name} {version}"));
    let rows = [
        ("commit", if meta.commit.is_empty() { String::new() } else { format!("{}{dirty}", meta.commit) }),
        ("date", meta.date.clone()),
        ("processor", meta.cpu.clone()),
        ("logical processors", if meta.cores == 0 { String::new() } else { meta.cores.to_string() }),
        ("memory", if meta.memory == 0 { String::new() } else { memory }),
        ("kernel", meta.kernel.clone()),
        ("compiler", meta.rustc.clone()),
        ("profile", meta.profile.clone()),
        ("arguments", meta.args.join(" ")),
        ("extent", extent),
        ("rounds", meta.rounds.to_string()),
        ("rivals", rivals.collect::<Vec<_>>().join(", ")),
    ];
    let mut out = String::from("| measured | |\n|---|---|\n");
    for (name, value) in rows {
        let value = if value.is_empty() { "unknown".to_owned() } else { text::markdown(&value) };
        let _ = writeln!(out, "| {name} | {value} |");
    }
    out
}

/// What the signs in tables mean.
pub fn reading(reference: Option<&str>) -> String {
    let ratio = match reference {
        Some(name) => format!(" `· 2.00×` is the ratio of its median to that of {}.", text::markdown(name)),
        None => String::new(),
    };
    format!(
        "\nA figure is the median of all rounds. ↓ less is better, ↑ more is better. `±3 %`: every round lies \
         within 3 % of the median.{ratio} **Bold**: the best, and what the samples cannot tell from it. \\~ noisy: \
         half of the samples span more than {} % of the median. – no figure, for the reason in the note. \
         Percentiles are of single operations of all rounds. In charts, bars and points are medians, whiskers \
         reach from the smallest sample to the largest, and a backend without a figure is not drawn.\n",
        NOISY * 100.0
    )
}
