//! Figures over commits. The points come from whoever has read the runs; this module only draws them.

use crate::report::format;
use crate::workload::Unit;

use super::axis::Axis;
use super::lines::{Grid, Line, Panel, Point, on_top_last};
use super::palette;

/// Runs of one machine in order, with what is drawn over them.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// What is written under each run, such as its short commit.
    pub runs: Vec<String>,
    /// The machine.
    pub machine: String,
    /// The lines. Those of equal `figure` share a plot.
    pub trends: Vec<Trend>,
}

/// One figure of one backend over the runs.
#[derive(Clone, Debug)]
pub struct Trend {
    /// What is drawn: workload, metric and parameters.
    pub figure: String,
    /// The unit of the values.
    pub unit: Unit,
    /// The backend.
    pub backend: String,
    /// Whether the backend is arcfs.
    pub arcfs: bool,
    /// Median, smallest and largest sample by run; `None` where the run has no figure.
    pub points: Vec<Option<(f64, f64, f64)>>,
}

/// The SVG of a timeline.
///
/// # Panics
/// Never: every backend that is looked up was listed before.
pub fn draw<'run>(title: &'run str, timeline: &'run Timeline) -> String {
    let mut backends: Vec<(&str, bool)> = Vec::new();
    for series in &timeline.trends {
        if !backends.iter().any(|(name, _)| *name == series.backend) {
            backends.push((&series.backend, series.arcfs));
        }
    }
    let styles = palette::styles(backends.iter().copied());
    let figures =
        crate::report::tables::grouped(&timeline.trends, |series| (series.figure.clone(), series.unit));
    let panels = figures.into_iter().map(|((figure, unit), series)| {
        let line = |trend: &'run Trend| {
            let place = backends.iter().position(|(name, _)| *name == trend.backend).expect("listed above");
            let points = trend.points.iter().take(timeline.runs.len()).enumerate();
            let points = points.filter_map(|(run, point)| {
                let (y, min, max) = (*point).filter(|(y, _, _)| y.is_finite())?;
                Some(Point { x: run as f64, y, range: Some((min, max)), marked: true })
            });
            Line { name: &trend.backend, style: styles[place], points: points.collect() }
        };
        let values = series.iter().flat_map(|series| series.points.iter().flatten());
        let values = values.flat_map(|(median, min, max)| [*median, *min, *max]);
        let y = Axis::of_lines(values, unit);
        Panel {
            title: figure,
            lines: on_top_last(series.iter().copied().map(line).collect()),
            y,
            y_title: format::name(unit).to_owned(),
        }
    });
    let grid = Grid {
        title,
        subtitle: format!(
            "medians, whiskers from the smallest sample to the largest; runs on {}",
            timeline.machine
        ),
        x_title: "commit of the run, oldest first; + with changes",
        x: Axis::names(timeline.runs.iter().cloned()),
        panels: panels.collect(),
        columns: 1,
        height: 220,
        legend: backends.iter().map(|(name, _)| *name).zip(styles.iter().copied()).collect(),
    };
    grid.draw()
}
