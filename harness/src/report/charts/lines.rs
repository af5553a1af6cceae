//! Panels of lines side by side under one legend: what latency, threads, growth and history share.

use plotters::style::BLACK;

use super::axis::Axis;
use super::canvas::{Align, Canvas, Frame, TEXT, WIDTH, cut, picture};
use super::palette::Style;
use crate::report::text;

/// One line.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// Its name in the legend.
    pub name: &'a str,
    /// How it is drawn.
    pub style: Style,
    /// In the order of x. Where there is no figure there is no point.
    pub points: Vec<Point>,
}

/// A point with the range of its samples.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    /// Across.
    pub x: f64,
    /// Upwards.
    pub y: f64,
    /// The smallest and the largest sample, where they are drawn.
    pub range: Option<(f64, f64)>,
    /// Whether a marker is drawn.
    pub marked: bool,
}

/// A plot.
#[derive(Clone, Debug)]
pub struct Panel<'a> {
    /// Over the plot.
    pub title: String,
    /// The lines, those to be on top last.
    pub lines: Vec<Line<'a>>,
    /// The axis upwards.
    pub y: Axis,
    /// The title of the axis upwards.
    pub y_title: String,
}

/// Panels in a grid. Those of one row have the same axis upwards.
#[derive(Debug)]
pub struct Grid<'a> {
    /// Of the chart.
    pub title: &'a str,
    /// What applies to all of it.
    pub subtitle: String,
    /// The title of the axes across.
    pub x_title: &'a str,
    /// The axes across.
    pub x: Axis,
    /// The plots, row by row.
    pub panels: Vec<Panel<'a>>,
    /// The number of panels in a row.
    pub columns: usize,
    /// The height of a plot.
    pub height: i32,
    /// Every name with its style; those without a line anywhere are listed under the plots.
    pub legend: Vec<(&'a str, Style)>,
}

impl Grid<'_> {
    /// The SVG.
    pub fn draw(&self) -> String {
        // The first pass finds the height.
        let mut height = 0;
        picture(1, |canvas| height = self.paint(canvas));
        picture(height, |canvas| {
            self.paint(canvas);
        })
    }

    /// Gives where the drawing ends. Panels beside each other have one axis upwards, labelled at the left
    /// of each row; under the last panel of each column is the axis across.
    fn paint(&self, canvas: &Canvas<'_>) -> i32 {
        const LEFT: i32 = 100;
        const FOOT: i32 = 44;
        let drawn = |name: &str| {
            let lines = self.panels.iter().flat_map(|panel| &panel.lines);
            lines.filter(|line| !line.points.is_empty()).any(|line| line.name == name)
        };
        let (shown, absent): (Vec<_>, Vec<_>) =
            self.legend.iter().copied().partition(|(name, _)| drawn(name));
        let top = canvas.title(self.title, &self.subtitle);
        let top = canvas.legend(top, shown);
        let head = if self.panels.iter().all(|panel| panel.title.is_empty()) { 10 } else { 26 };
        let columns = self.columns as i32;
        // The widest labels across are those of percentiles, which have two columns.
        let gap = if columns == 2 { 56 } else { 34 };
        let plot = (WIDTH - LEFT - gap * columns) / columns;
        let mut bottom = top;
        for (index, panel) in self.panels.iter().enumerate() {
            let (column, row) = ((index % self.columns) as i32, (index / self.columns) as i32);
            let is_lowest = index + self.columns >= self.panels.len();
            let from = (LEFT + column * (plot + gap), top + row * (head + self.height + 16) + head);
            let to = (from.0 + plot, from.1 + self.height);
            let frame = Frame { from, to, x: self.x.clone(), y: panel.y.clone() };
            let title = cut(&panel.title, TEXT + 1, plot + gap);
            let middle = i32::midpoint(from.0, to.0);
            canvas.text(&title, (middle, from.1 - head / 2), TEXT + 1, BLACK, Align::Middle);
            frame.draw(canvas, is_lowest.then_some(self.x_title), (column == 0).then_some(&*panel.y_title));
            panel.lines.iter().for_each(|line| line.draw(canvas, &frame));
            bottom = bottom.max(to.1 + if is_lowest { FOOT } else { 0 });
        }
        canvas.remark((20, bottom), &absent_remark(absent.into_iter().map(|(name, _)| name))) + 10
    }
}

impl Line<'_> {
    fn draw(&self, canvas: &Canvas<'_>, frame: &Frame) {
        for point in &self.points {
            if let Some((low, high)) = point.range.filter(|(low, high)| high > low) {
                let ((x, low), (_, high)) = (frame.at(point.x, low), frame.at(point.x, high));
                canvas.line(&[(x, low), (x, high)], self.style.color, 1);
                canvas.line(&[(x - 3, low), (x + 3, low)], self.style.color, 1);
                canvas.line(&[(x - 3, high), (x + 3, high)], self.style.color, 1);
            }
        }
        let pixels: Vec<_> = self.points.iter().map(|point| frame.at(point.x, point.y)).collect();
        if pixels.len() > 1 {
            canvas.line(&pixels, self.style.color, self.style.width + 1);
        }
        for (point, pixel) in self.points.iter().zip(&pixels) {
            if point.marked {
                canvas.marker(*pixel, self.style);
            }
        }
    }
}

/// Says who is not drawn.
pub fn absent_remark<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.into_iter().map(text::plain).collect();
    if names.is_empty() { String::new() } else { format!("No figure: {}", names.join(", ")) }
}

/// Backends in the order in which lines are drawn: arcfs, listed first in results, comes to lie on top.
pub fn on_top_last<T>(mut lines: Vec<T>) -> Vec<T> {
    lines.reverse();
    lines
}
