//! Tables: which figures stand beside each other, with backends as rows.
//!
//! A workload of few columns is one table. One of many is split: the parameter that grows (threads,
//! files) runs across, and each other combination has a table of its own. The module knows neither
//! Markdown nor terminals.

use crate::results::schema::Latency;
use crate::workload::{Better, Params, Unit, Value};

use super::format;
use super::view::{Column, View, Work};

/// Columns that are readable beside each other.
const WIDE: usize = 6;
/// Columns in a table across which a parameter runs.
const WIDEST: usize = 8;

/// The tables of a workload.
#[derive(Debug)]
pub struct Section {
    /// The name of the workload.
    pub name: String,
    /// Parameters that all its cells share, as a phrase.
    pub common: String,
    /// The names of its metrics.
    pub metrics: Vec<String>,
    /// In order.
    pub tables: Vec<Table>,
    /// Reasons of empty entries; [`Entry::Empty`] counts them from 0.
    pub notes: Vec<String>,
    /// Figures in all, and how many of them are noisy.
    pub noisy: (usize, usize),
}

/// A table with a row for each backend.
#[derive(Debug)]
pub struct Table {
    /// What all its figures share; may be empty.
    pub heading: String,
    /// The heads of the columns after the first.
    pub columns: Vec<String>,
    /// A backend's name with one entry for each column.
    pub rows: Vec<(String, Vec<Entry>)>,
}

/// One place of a table.
#[derive(Debug)]
pub enum Entry {
    /// A figure, ready to print.
    Figure {
        /// With its unit.
        value: String,
        /// How far the samples lie around it.
        spread: Option<String>,
        /// Its ratio to the reference.
        ratio: Option<String>,
        /// Whether it is the best of the column, or cannot be told from the best.
        best: bool,
        /// Whether its spread makes small differences meaningless.
        noisy: bool,
    },
    /// No figure, for the reason in that note.
    Empty(usize),
}

/// The tables of all workloads, in the order of the run.
pub fn sections(view: &View<'_>) -> Vec<Section> {
    view.workloads.iter().map(|work| section(view, work)).collect()
}

/// The names of parameters that are not the same in all columns.
pub fn varying<'run>(columns: &[&Column<'run>]) -> Vec<&'run str> {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in columns.iter().flat_map(|column| column.params.iter()) {
        let value = |column: &Column<'run>| value_of(column.params, name);
        if !names.contains(&name) && columns.iter().any(|column| value(column) != value(columns[0])) {
            names.push(name);
        }
    }
    names
}

/// The value of a parameter, where it is there.
pub fn value_of<'run>(params: &'run Params, name: &str) -> Option<&'run Value> {
    params.iter().find(|(own, _)| *own == name).map(|(_, value)| value)
}

/// A metric's name with an arrow in the direction of improvement.
pub fn metric(column: &Column<'_>) -> String {
    let arrow = match column.better {
        Better::Lower => '↓',
        Better::Higher => '↑',
    };
    format!("{} {arrow}", column.metric)
}

/// The same in words, for whoever has not read what the arrows mean.
pub fn metric_in_words(column: &Column<'_>) -> String {
    let direction = match column.better {
        Better::Lower => "less",
        Better::Higher => "more",
    };
    format!("{}, {direction} is better", column.metric)
}

/// A metric's name with the parameters that are not the same in all of `others`.
pub fn metric_with_params(metric: &str, params: &Params, others: &[&Params]) -> String {
    let differs = |name: &str| others.iter().any(|other| value_of(other, name) != value_of(params, name));
    let own = format::parameters(params, differs);
    if own.is_empty() { metric.to_owned() } else { format!("{metric} ({own})") }
}

/// Items in groups of equal keys, groups in the order of their first item.
pub fn grouped<T, K: PartialEq>(
    items: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> K,
) -> Vec<(K, Vec<T>)> {
    let mut groups: Vec<(K, Vec<T>)> = Vec::new();
    for item in items {
        let key = key(&item);
        match groups.iter_mut().find(|(own, _)| *own == key) {
            Some((_, group)) => group.push(item),
            None => groups.push((key, vec![item])),
        }
    }
    groups
}

fn section(view: &View<'_>, work: &Work<'_>) -> Section {
    let all: Vec<_> = work.columns.iter().collect();
    let varying = varying(&all);
    let common = format::parameters(all[0].params, |name| !varying.contains(&name));
    let figures = || all.iter().flat_map(|column| column.figures());
    let noisy = figures().filter(|(_, figure)| figure.is_noisy()).count();
    let metrics = grouped(&all, |column| column.metric).into_iter().map(|(name, _)| name.to_owned());
    let mut section = Section {
        name: work.name.to_owned(),
        common,
        metrics: metrics.collect(),
        tables: Vec::new(),
        notes: Vec::new(),
        noisy: (figures().count(), noisy),
    };
    // A column of reasons alone tells nothing, unless there is nothing else.
    let is_measured = |column: &&&Column<'_>| column.figures().next().is_some() || column.has_latency();
    let measured: Vec<_> = all.iter().filter(is_measured).copied().collect();
    let told = if measured.is_empty() { all } else { measured };
    let (latencies, plain): (Vec<_>, Vec<_>) = told.into_iter().partition(|column| column.has_latency());
    for column in latencies {
        let table = latency_table(view, column, &varying, &mut section.notes);
        section.tables.push(table);
    }
    for columns in layout(&plain, &varying) {
        let table = plain_table(view, &columns, &varying, &mut section.notes);
        section.tables.push(table);
    }
    section
}

/// Which columns share a table.
fn layout<'view, 'run>(
    columns: &[&'view Column<'run>],
    varying: &[&'run str],
) -> Vec<Vec<&'view Column<'run>>> {
    if columns.len() <= WIDE {
        return if columns.is_empty() { Vec::new() } else { vec![columns.to_vec()] };
    }
    let across = across(columns, varying);
    let rest = |column: &Column<'run>| {
        let others = column.params.iter().filter(|(name, _)| Some(*name) != across);
        others.map(|(name, value)| (name.to_owned(), value.clone())).collect::<Vec<_>>()
    };
    let mut tables = Vec::new();
    for (_, of_metric) in grouped(columns.iter().copied(), |column| column.metric) {
        let groups = grouped(of_metric, |column| rest(column)).into_iter().map(|(_, group)| group);
        // Combinations with one column each share tables, which get equal widths.
        let (single, several): (Vec<_>, Vec<_>) = groups.partition(|group| group.len() == 1);
        let single = single.concat();
        let pieces = single.len().div_ceil(WIDE).max(1);
        let width = single.len().div_ceil(pieces).max(1);
        tables.extend(several.iter().flat_map(|group| group.chunks(WIDEST)).map(<[_]>::to_vec));
        tables.extend(single.chunks(width).map(<[_]>::to_vec));
    }
    tables
}

/// The parameter that runs across: the number with the most values, else the word.
fn across<'run>(columns: &[&Column<'run>], varying: &[&'run str]) -> Option<&'run str> {
    let weight = |name: &&&str| {
        let values = columns.iter().filter_map(|column| value_of(column.params, name));
        let values: Vec<_> = grouped(values, |value| (*value).clone());
        let number = matches!(values.first(), Some((Value::Number(_), _)));
        (number && values.len() > 1, values.len())
    };
    // The first of equals, so that the order of parameters decides and not the search.
    varying.iter().rev().max_by_key(weight).copied()
}

fn plain_table(view: &View<'_>, columns: &[&Column<'_>], vary: &[&str], notes: &mut Vec<String>) -> Table {
    let here = varying(columns);
    let one_metric = columns.iter().all(|column| column.metric == columns[0].metric);
    let shared = format::parameters(columns[0].params, |name| vary.contains(&name) && !here.contains(&name));
    let head = |column: &&Column<'_>| {
        let own = format::parameters(column.params, |name| here.contains(&name));
        match (one_metric && !own.is_empty(), own.is_empty()) {
            (true, _) => own,
            (false, true) => metric(column),
            (false, false) => format!("{} ({own})", metric(column)),
        }
    };
    let heading = match (one_metric && !here.is_empty(), shared.is_empty()) {
        (true, true) => metric(columns[0]),
        (true, false) => format!("{}: {shared}", metric(columns[0])),
        (false, _) => shared,
    };
    let best: Vec<_> = columns.iter().map(|column| column.best()).collect();
    let entry = |index: usize, backend: usize, notes: &mut Vec<String>| {
        let column = columns[index];
        match column.figure(backend) {
            None => Entry::Empty(note(notes, column.reason(backend))),
            Some(figure) => Entry::Figure {
                value: format::figure(figure.median, column.unit),
                spread: figure.spread().map(format::spread),
                ratio: column.ratio(backend, view.reference).map(format::ratio),
                best: best[index].contains(&backend),
                noisy: figure.is_noisy(),
            },
        }
    };
    let rows = (0..view.backends.len()).map(|backend| {
        let entries = (0..columns.len()).map(|index| entry(index, backend, notes)).collect();
        (view.backends[backend].to_owned(), entries)
    });
    Table { heading, rows: rows.collect(), columns: columns.iter().map(head).collect() }
}

/// Percentiles of single operations as columns, after the metric by round.
fn latency_table(view: &View<'_>, column: &Column<'_>, vary: &[&str], notes: &mut Vec<String>) -> Table {
    type Quantile = (&'static str, fn(&Latency) -> u64);
    const QUANTILES: [Quantile; 5] = [
        ("p50 ↓", |latency| latency.p50),
        ("p90 ↓", |latency| latency.p90),
        ("p99 ↓", |latency| latency.p99),
        ("p99.9 ↓", |latency| latency.p99_9),
        ("max ↓", |latency| latency.max),
    ];
    let own = format::parameters(column.params, |name| vary.contains(&name));
    let mut table = plain_table(view, &[column], &[], notes);
    table.heading = if own.is_empty() { metric(column) } else { format!("{}: {own}", metric(column)) };
    table.columns = vec!["by round".to_owned()];
    for (name, quantile) in QUANTILES {
        table.columns.push(name.to_owned());
        let values = (0..view.backends.len()).map(|backend| column.latency(backend).map(quantile));
        let values: Vec<_> = values.collect();
        let least = values.iter().flatten().min().filter(|_| values.iter().flatten().count() > 1);
        for (backend, (_, row)) in table.rows.iter_mut().enumerate() {
            row.push(match values[backend] {
                None => Entry::Empty(note(notes, column.reason(backend))),
                Some(value) => Entry::Figure {
                    value: format::figure(value as f64, Unit::Nanoseconds),
                    spread: None,
                    ratio: None,
                    best: Some(&value) == least,
                    noisy: false,
                },
            });
        }
    }
    table.columns.push("operations".to_owned());
    for (backend, (_, row)) in table.rows.iter_mut().enumerate() {
        row.push(match column.latency(backend) {
            None => Entry::Empty(note(notes, column.reason(backend))),
            Some(latency) => Entry::Figure {
                value: format::grouped(latency.count),
                spread: None,
                ratio: None,
                best: false,
                noisy: false,
            },
        });
    }
    table
}

/// The place of a reason among the notes. The subject of the sentence is the backend of the row.
pub fn note(notes: &mut Vec<String>, reason: &str) -> usize {
    notes.iter().position(|note| note == reason).unwrap_or_else(|| {
        notes.push(reason.to_owned());
        notes.len() - 1
    })
}
