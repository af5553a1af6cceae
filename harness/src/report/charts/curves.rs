//! Charts of lines from the columns of a workload: latency, threads, growth.

use super::Head;
use super::axis::Axis;
use super::lines::{Grid, Line, Panel, Point, on_top_last};
use super::palette::Style;
use crate::report::tables::{grouped, value_of};
use crate::report::view::{Column, View};
use crate::report::{format, tables};
use crate::results::schema::Latency;
use crate::workload::{Unit, Value};

/// Latency over the percentile, one panel for each metric.
pub fn latency(view: &View<'_>, styles: &[Style], head: &Head<'_>, columns: &[&Column<'_>]) -> String {
    let all: Vec<(f64, f64)> = columns
        .iter()
        .flat_map(|column| (0..view.backends.len()).filter_map(|backend| column.latency(backend)))
        .flat_map(curve)
        .collect();
    let y = Axis::log_if_positive(all.iter().map(|(_, time)| *time), Unit::Nanoseconds);
    let panel = |column: &&Column<'_>| {
        let line = |backend: usize| {
            let points = column.latency(backend).map(curve).unwrap_or_default();
            let point = |(x, y): (f64, f64)| Point { x, y, range: None, marked: is_named(x) };
            let points = points.into_iter().map(point).collect();
            Line { name: view.backends[backend], style: styles[backend], points }
        };
        Panel {
            title: column.metric.strip_suffix("-p99").unwrap_or(column.metric).to_owned(),
            lines: on_top_last((0..view.backends.len()).map(line).collect()),
            y: y.clone(),
            y_title: "latency, less is better".to_owned(),
        }
    };
    let grid = Grid {
        title: head.title,
        subtitle: head.subtitle.to_owned(),
        x_title: "percentile of operations",
        x: Axis::nines(all.iter().map(|(quantile, _)| *quantile)),
        panels: columns.iter().map(panel).collect(),
        columns: columns.len().min(2),
        height: 320,
        legend: legend(view, styles),
    };
    grid.draw()
}

/// The part of a distribution that the axis can show: from the median to the last quantile below 1.
fn curve(latency: &Latency) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = latency.curve.iter().map(|(x, y)| (*x, *y as f64)).collect();
    points.push((0.5, latency.p50 as f64));
    points.retain(|(quantile, time)| (0.5..1.0).contains(quantile) && *time > 0.0);
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    points.dedup_by(|next, kept| next.0 == kept.0);
    points
}

/// Whether a quantile is one of those on the axis, which have markers.
fn is_named(quantile: f64) -> bool {
    let nines = -(1.0 - quantile).log10();
    quantile == 0.5 || (nines - nines.round()).abs() < 1e-3
}

/// A metric over a parameter, one panel for each combination of the parameters in `facets`.
pub fn sweep(
    view: &View<'_>,
    styles: &[Style],
    head: &Head<'_>,
    columns: &[&Column<'_>],
    over: &str,
    facets: &[&str],
) -> String {
    let counts: Vec<u64> = counts(columns, over);
    let first = columns[0];
    let values = || columns.iter().flat_map(|column| column.figures()).flat_map(|(_, f)| [f.min, f.max]);
    let y = if over == "files" {
        Axis::log_if_positive(values(), first.unit)
    } else {
        Axis::of_lines(values(), first.unit)
    };
    let key = |column: &&Column<'_>| {
        let facets =
            facets.iter().filter_map(|name| Some(format::parameter(name, value_of(column.params, name)?)));
        facets.collect::<Vec<_>>().join(", ")
    };
    let panels = grouped(columns.iter().copied(), key).into_iter().map(|(title, columns)| {
        let line = |backend: usize| {
            let point = |column: &&Column<'_>| {
                let (x, figure) = (count(column, over)?, column.figure(backend)?);
                let range = Some((figure.min, figure.max));
                Some(Point { x: x as f64, y: figure.median, range, marked: true })
            };
            let mut points: Vec<_> = columns.iter().filter_map(point).collect();
            points.sort_by(|a, b| a.x.total_cmp(&b.x));
            Line { name: view.backends[backend], style: styles[backend], points }
        };
        let lines = on_top_last((0..view.backends.len()).map(line).collect());
        Panel { title, lines, y: y.clone(), y_title: tables::metric_in_words(first) }
    });
    let panels: Vec<_> = panels.collect();
    let width = match panels.len() {
        1 => 1,
        2 | 4 => 2,
        _ => 3,
    };
    let grid = Grid {
        title: head.title,
        subtitle: head.subtitle.to_owned(),
        x_title: over,
        x: Axis::counts(&counts),
        columns: width,
        height: if width == 1 { 380 } else { 230 },
        panels,
        legend: legend(view, styles),
    };
    grid.draw()
}

/// The values of a parameter that are counts above 0, in rising order.
pub fn counts(columns: &[&Column<'_>], name: &str) -> Vec<u64> {
    let mut counts: Vec<_> = columns.iter().filter_map(|column| count(column, name)).collect();
    counts.sort_unstable();
    counts.dedup();
    counts
}

fn count(column: &Column<'_>, name: &str) -> Option<u64> {
    match value_of(column.params, name) {
        Some(Value::Number(count)) if *count > 0 => Some(*count),
        _ => None,
    }
}

fn legend<'view>(view: &'view View<'_>, styles: &[Style]) -> Vec<(&'view str, Style)> {
    view.backends.iter().copied().zip(styles.iter().copied()).collect()
}
