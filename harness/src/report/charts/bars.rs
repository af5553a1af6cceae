//! Horizontal bars: one panel for each column of a workload, one bar for each backend with a figure.

use plotters::style::BLACK;

use super::Head;
use super::axis::Axis;
use super::canvas::{Align, Canvas, Frame, TEXT, WIDTH, cut, picture, width};
use super::lines::absent_remark;
use super::palette::Style;
use crate::report::view::{Column, Figure, View};
use crate::report::{format, tables};

const ROW: i32 = 20;

/// The SVG of the columns under each other. Panels of one unit have one axis, so that they compare.
pub fn draw(view: &View<'_>, styles: &[Style], head: &Head<'_>, columns: &[&Column<'_>]) -> String {
    let longest = view.backends.iter().map(|name| width(name, TEXT)).max().unwrap_or(0);
    let left = 20 + longest.clamp(60, 220) + 8;
    let vary = tables::varying(columns);
    let absent: Vec<_> = columns.iter().map(|column| absent(view, column)).collect();
    let same = absent.iter().all(|other| *other == absent[0]);
    let body = |canvas: &Canvas<'_>| {
        let mut top = canvas.title(head.title, head.subtitle);
        for (column, absent) in columns.iter().zip(&absent) {
            top = panel(canvas, view, styles, (left, top), column, &vary, &axis(columns, column));
            if !same {
                top = canvas.remark((left, top), absent) + 8;
            }
        }
        if same { canvas.remark((20, top), &absent[0]) + 8 } else { top }
    };
    let mut height = 0;
    picture(1, |canvas| height = body(canvas));
    picture(height, |canvas| {
        body(canvas);
    })
}

fn axis(columns: &[&Column<'_>], column: &Column<'_>) -> Axis {
    let same = columns.iter().filter(|other| other.unit == column.unit);
    let figures = same.flat_map(|column| column.figures());
    Axis::of_bars(figures.flat_map(|(_, figure)| [figure.min, figure.max]), column.unit)
}

fn panel(
    canvas: &Canvas<'_>,
    view: &View<'_>,
    styles: &[Style],
    (left, top): (i32, i32),
    column: &Column<'_>,
    vary: &[&str],
    axis: &Axis,
) -> i32 {
    let figures: Vec<_> = column.figures().collect();
    let own = format::parameters(column.params, |name| vary.contains(&name));
    let metric = tables::metric_in_words(column);
    let head = if own.is_empty() { metric } else { format!("{own}: {metric}") };
    canvas.text(&cut(&head, TEXT + 1, WIDTH - left - 10), (left, top + 12), TEXT + 1, BLACK, Align::Left);
    let from = (left, top + 26);
    let to = (WIDTH - 120, from.1 + figures.len() as i32 * ROW + 4);
    let frame = Frame { from, to, x: axis.clone(), y: Axis::rows(figures.len()) };
    frame.draw(canvas, Some(format::name(column.unit)), None);
    for (row, (backend, figure)) in figures.iter().enumerate() {
        let middle = from.1 + 2 + row as i32 * ROW + ROW / 2;
        let name = cut(view.backends[*backend], TEXT, left - 26);
        canvas.text(&name, (left - 8, middle), TEXT, BLACK, Align::Right);
        bar(canvas, &frame, middle, figure, styles[*backend]);
        let noisy = if figure.is_noisy() { "~ " } else { "" };
        let value = format!("{noisy}{}", format::figure(figure.median, column.unit));
        let end = frame.at(figure.max, 0.0).0;
        canvas.text(&value, (end + 7, middle), TEXT, BLACK, Align::Left);
    }
    to.1 + 48
}

fn absent(view: &View<'_>, column: &Column<'_>) -> String {
    let absent = (0..view.backends.len()).filter(|backend| column.figure(*backend).is_none());
    absent_remark(absent.map(|backend| view.backends[backend]))
}

fn bar(canvas: &Canvas<'_>, frame: &Frame, middle: i32, figure: &Figure<'_>, style: Style) {
    let base = frame.from.0 + (f64::from(frame.to.0 - frame.from.0) * frame.x.base()).round() as i32;
    let end = frame.at(figure.median, 0.0).0;
    let (from, to) = (base.min(end), base.max(end).max(base.min(end) + 1));
    canvas.bar((from, middle - ROW / 2 + 3), (to, middle + ROW / 2 - 3), style.fill());
    let (low, high) = (frame.at(figure.min, 0.0).0, frame.at(figure.max, 0.0).0);
    if high > low {
        canvas.line(&[(low, middle), (high, middle)], BLACK, 1);
        canvas.line(&[(low, middle - 3), (low, middle + 3)], BLACK, 1);
        canvas.line(&[(high, middle - 3), (high, middle + 3)], BLACK, 1);
    }
}
