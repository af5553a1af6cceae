//! Charts: which ones a run has, what they are called, and how each is drawn as SVG.
//!
//! * a column with latencies of single operations: latency over the percentile, for each combination
//!   of parameters;
//! * a rate at several numbers of `threads`: rate over threads, panels for `mix` and `sharing`;
//! * a metric at several numbers of `files`: cost over files, with logarithmic axes;
//! * the rest of a workload, where it is not too much to look at: bars.
//!
//! What is in no chart is in the tables, such as a metric that is zero on every backend. An empty cell is
//! drawn nowhere.

mod axis;
mod bars;
mod canvas;
mod curves;
mod history;
mod lines;
mod palette;

pub use history::{Timeline, Trend, draw as timeline};

use super::tables::{grouped, varying};
use super::view::{Column, View, Work};
use super::{format, text};
use crate::workload::Unit;

/// Panels of bars in one chart.
const PANELS: usize = 6;
/// Parameters that get a panel each in a chart over threads.
const FACETS: [&str; 2] = ["mix", "sharing"];

/// A chart that can be drawn.
#[derive(Debug)]
pub struct Chart<'view> {
    view: &'view View<'view>,
    workload: &'view str,
    title: String,
    subtitle: String,
    file: String,
    kind: Kind,
    columns: Vec<&'view Column<'view>>,
}

/// What stands over a chart.
#[derive(Clone, Copy, Debug)]
struct Head<'a> {
    /// What it shows.
    title: &'a str,
    /// The parameters of all of it.
    subtitle: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bars,
    Latency,
    Threads,
    Growth,
}

impl Chart<'_> {
    /// The name of the workload that it shows.
    pub fn workload(&self) -> &str {
        self.workload
    }

    /// What it shows.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The name of its file without the ending; unique in a run.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Its SVG.
    pub fn svg(&self) -> String {
        let is_arcfs = |backend: usize| {
            let cells = self.view.workloads.iter().flat_map(|work| &work.columns);
            cells.filter_map(|column| column.cells[backend]).any(|cell| cell.arcfs)
        };
        let backends = self.view.backends.iter().enumerate();
        let styles = palette::styles(backends.map(|(backend, name)| (*name, is_arcfs(backend))));
        let (head, columns) =
            (Head { title: &self.title, subtitle: &self.subtitle }, self.columns.as_slice());
        match self.kind {
            Kind::Bars => bars::draw(self.view, &styles, &head, columns),
            Kind::Latency => curves::latency(self.view, &styles, &head, columns),
            Kind::Threads => curves::sweep(self.view, &styles, &head, columns, "threads", &FACETS),
            Kind::Growth => curves::sweep(self.view, &styles, &head, columns, "files", &[]),
        }
    }
}

/// The charts of a run, in the order of its workloads.
pub fn charts<'view>(view: &'view View<'view>) -> Vec<Chart<'view>> {
    let mut charts: Vec<Chart<'view>> = Vec::new();
    for work in &view.workloads {
        for (kind, columns) in plan(work) {
            let title = title(work, kind, &columns);
            let stem = text::slug(&title);
            let stem = if stem.is_empty() { "chart".to_owned() } else { stem };
            let taken = |file: &String| charts.iter().any(|chart| chart.file == *file);
            let numbered = (2..).map(|number| format!("{stem}-{number}"));
            let file = [stem.clone()].into_iter().chain(numbered).find(|file| !taken(file));
            let file = file.expect("some number is free");
            let vary = varying(&work.columns.iter().collect::<Vec<_>>());
            let subtitle = format::parameters(columns[0].params, |name| !vary.contains(&name));
            charts.push(Chart { view, workload: work.name, title, subtitle, file, kind, columns });
        }
    }
    charts
}

type Columns<'view> = Vec<&'view Column<'view>>;

fn plan<'view>(work: &'view Work<'view>) -> Vec<(Kind, Columns<'view>)> {
    let mut plan = Vec::new();
    // That all is zero is seen in a table at a glance, and in no chart.
    let measured = work
        .columns
        .iter()
        .filter(|column| column.figures().any(|(_, figure)| figure.min != 0.0 || figure.max != 0.0));
    let curved = |column: &&Column<'_>| {
        let mut latencies = (0..column.cells.len()).filter_map(|backend| column.latency(backend));
        latencies.any(|latency| latency.p50 > 0)
    };
    let (latencies, mut rest): (Columns<'_>, Columns<'_>) = measured.partition(curved);
    for (_, columns) in grouped(latencies, |column| column.params) {
        plan.push((Kind::Latency, columns));
    }
    let rate = |column: &&Column<'_>| column.unit == Unit::OperationsPerSecond;
    rest = sweeps(Kind::Threads, "threads", &FACETS, rest, rate, &mut plan);
    rest = sweeps(Kind::Growth, "files", &[], rest, |_| true, &mut plan);
    if rest.len() <= PANELS {
        // Panels of a chart have one axis for each unit, so what is no share of the same thing stands apart.
        let alike = grouped(rest, |column| (column.unit, column.better));
        plan.extend(alike.into_iter().map(|(_, columns)| (Kind::Bars, columns)));
    } else if plan.iter().all(|(kind, _)| *kind == Kind::Latency) {
        for (_, columns) in grouped(rest, |column| column.metric) {
            plan.extend(columns.chunks(PANELS).map(|chunk| (Kind::Bars, chunk.to_vec())));
        }
    }
    plan
}

/// Takes the groups of columns that differ in `over` out of `columns`, and gives the others back.
fn sweeps<'view>(
    kind: Kind,
    over: &str,
    facets: &[&str],
    columns: Columns<'view>,
    wanted: impl Fn(&&Column<'_>) -> bool,
    plan: &mut Vec<(Kind, Columns<'view>)>,
) -> Columns<'view> {
    let others = |column: &&Column<'_>, without: &[&str]| {
        let kept = column.params.iter().filter(|(name, _)| *name != over && !without.contains(name));
        let kept = kept.map(|(name, value)| (name.to_owned(), value.clone())).collect::<Vec<_>>();
        (column.metric.to_owned(), column.unit, kept)
    };
    let lines = grouped(columns, |column| others(column, &[])).into_iter().map(|(_, line)| line);
    let (swept, rest): (Vec<_>, Vec<_>) =
        lines.partition(|line| wanted(&line[0]) && curves::counts(line, over).len() > 1);
    for (_, charted) in grouped(swept.concat(), |column| others(column, facets)) {
        plan.push((kind, charted));
    }
    rest.concat()
}

fn title(work: &Work<'_>, kind: Kind, columns: &[&Column<'_>]) -> String {
    let name = work.name;
    let all: Vec<_> = work.columns.iter().collect();
    let (vary, here) = (varying(&all), varying(columns));
    let own = |hidden: &[&str]| {
        let shown = |name: &str| vary.contains(&name) && !here.contains(&name) && !hidden.contains(&name);
        let own = format::parameters(columns[0].params, shown);
        if own.is_empty() { own } else { format!(" ({own})") }
    };
    let metric = columns[0].metric;
    match kind {
        Kind::Bars if columns.iter().all(|column| column.metric == metric) => {
            format!("{name}: {metric}{}", own(&[]))
        }
        Kind::Bars => format!("{name}{}", own(&[])),
        Kind::Latency => format!("{name}: percentiles{}", own(&[])),
        Kind::Threads => format!("{name}: {metric} over threads{}", own(&FACETS)),
        Kind::Growth => format!("{name}: {metric} over files{}", own(&[])),
    }
}
