//! The cells of a run in the order of tables: workloads, columns, backends.
//!
//! It decides what counts as a figure and which is best, by the rules of [`crate::results::samples`]. It
//! knows nothing of how they are shown.

use std::collections::BTreeMap;

use crate::results::samples;
use crate::results::schema::{Cell, Latency, Run};
use crate::workload::{Better, Params, Unit};

/// A run, sorted.
#[derive(Debug)]
pub struct View<'run> {
    /// Every backend, in the order in which the run first names it.
    pub backends: Vec<&'run str>,
    /// The index of the backend that ratios are taken to: the first that is arcfs.
    pub reference: Option<usize>,
    /// The workloads with their columns, in the order of the run.
    pub workloads: Vec<Work<'run>>,
}

/// A workload's cells.
#[derive(Debug)]
pub struct Work<'run> {
    /// Its name.
    pub name: &'run str,
    /// One for each metric with parameters.
    pub columns: Vec<Column<'run>>,
}

/// The cells of all backends for one metric with one set of parameters.
#[derive(Debug)]
pub struct Column<'run> {
    /// The parameters.
    pub params: &'run Params,
    /// The name of the metric.
    pub metric: &'run str,
    /// Its unit.
    pub unit: Unit,
    /// Which direction is an improvement.
    pub better: Better,
    /// By the index of the backend; `None` where the run has no cell at all.
    pub cells: Vec<Option<&'run Cell>>,
}

/// What a cell measured. A cell without one is empty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure<'run> {
    /// The median of the samples.
    pub median: f64,
    /// The smallest sample.
    pub min: f64,
    /// The largest sample.
    pub max: f64,
    /// The samples by round.
    pub samples: &'run [f64],
}

impl<'run> Figure<'run> {
    /// The figure of a cell, where it has one that is a number.
    pub fn of(cell: &'run Cell) -> Option<Self> {
        let median = cell.median.filter(|median| median.is_finite())?;
        let or_median = |value: Option<f64>| value.filter(|value| value.is_finite()).unwrap_or(median);
        let (min, max) = (or_median(cell.min), or_median(cell.max));
        Some(Self { median, min: min.min(median), max: max.max(median), samples: &cell.samples })
    }

    /// How far the samples lie from the median at most, as a share of it; `None` with fewer than two
    /// samples, or around 0.
    pub fn spread(&self) -> Option<f64> {
        let far = (self.max - self.median).max(self.median - self.min);
        let share = far / self.median.abs();
        (self.samples.len() > 1 && share.is_finite()).then_some(share)
    }

    /// Whether the digits of the median mean little.
    pub fn is_noisy(&self) -> bool {
        samples::is_noisy(self.samples)
    }

    /// Whether the samples do not say which of the two is ahead.
    fn ties(&self, other: &Self) -> bool {
        samples::tie(self.samples, other.samples)
    }
}

impl<'run> View<'run> {
    /// Sorts the cells of a run.
    pub fn new(run: &'run Run) -> Self {
        let mut backends: Vec<&str> = Vec::new();
        for cell in &run.cells {
            if !backends.contains(&&*cell.backend) {
                backends.push(&cell.backend);
            }
        }
        let is_arcfs = |name: &&str| run.cells.iter().any(|cell| cell.backend == *name && cell.arcfs);
        let reference = backends.iter().position(is_arcfs);
        let mut workloads: Vec<Work<'_>> = Vec::new();
        let mut places = BTreeMap::new();
        for cell in &run.cells {
            let place = workloads.iter().position(|work| work.name == cell.workload).unwrap_or_else(|| {
                workloads.push(Work { name: &cell.workload, columns: Vec::new() });
                workloads.len() - 1
            });
            let columns = &mut workloads[place].columns;
            let key = (place, &cell.params, &cell.metric, cell.unit as u8, cell.better as u8);
            let place = *places.entry(key).or_insert_with(|| {
                columns.push(Column {
                    params: &cell.params,
                    metric: &cell.metric,
                    unit: cell.unit,
                    better: cell.better,
                    cells: vec![None; backends.len()],
                });
                columns.len() - 1
            });
            let backend = backends.iter().position(|name| *name == cell.backend).expect("listed above");
            columns[place].cells[backend].get_or_insert(cell);
        }
        Self { backends, reference, workloads }
    }
}

impl<'run> Column<'run> {
    /// The figure of a backend.
    pub fn figure(&self, backend: usize) -> Option<Figure<'run>> {
        Figure::of(self.cells[backend]?)
    }

    /// The latencies of a backend's single operations.
    pub fn latency(&self, backend: usize) -> Option<&Latency> {
        self.cells[backend]?.latency.as_ref()
    }

    /// All figures with the index of their backend.
    pub fn figures(&self) -> impl Iterator<Item = (usize, Figure<'run>)> {
        (0..self.cells.len()).filter_map(|backend| Some((backend, self.figure(backend)?)))
    }

    /// The backends with the best median, and those that cannot be told from the best; none where
    /// fewer than two have a figure.
    pub fn best(&self) -> Vec<usize> {
        let figures: Vec<_> = self.figures().collect();
        let order = |a: &f64, b: &f64| match self.better {
            Better::Lower => a.total_cmp(b),
            Better::Higher => b.total_cmp(a),
        };
        let Some((_, best)) = figures.iter().min_by(|a, b| order(&a.1.median, &b.1.median)) else {
            return Vec::new();
        };
        if figures.len() < 2 {
            return Vec::new();
        }
        figures
            .iter()
            .filter(|(_, figure)| figure == best || figure.ties(best))
            .map(|(backend, _)| *backend)
            .collect()
    }

    /// The backend's median divided by that of the reference; `None` for the reference itself.
    pub fn ratio(&self, backend: usize, reference: Option<usize>) -> Option<f64> {
        let reference = reference.filter(|reference| *reference != backend)?;
        let ratio = self.figure(backend)?.median / self.figure(reference)?.median;
        ratio.is_finite().then_some(ratio)
    }

    /// Why a backend has no figure.
    pub fn reason(&self, backend: usize) -> &str {
        match self.cells[backend] {
            None => "was not run",
            Some(cell) => cell.empty.as_deref().unwrap_or("gave no value; the result file has no reason"),
        }
    }

    /// Whether latencies of single operations were taken.
    pub fn has_latency(&self) -> bool {
        (0..self.cells.len()).any(|backend| self.latency(backend).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(samples: &[f64]) -> Figure<'_> {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        Figure { median: sorted[sorted.len() / 2], min: sorted[0], max: sorted[sorted.len() - 1], samples }
    }

    #[test]
    fn spread_and_noise() {
        let check = |samples: &[f64], spread, noisy| {
            assert_eq!((figure(samples).spread(), figure(samples).is_noisy()), (spread, noisy));
        };
        check(&[10.0, 12.0, 10.0], Some(0.2), false);
        check(&[8.0, 4.0, 9.0], Some(0.5), true);
        check(&[10.0, 10.0, 30.0, 11.0, 10.0], Some(2.0), false);
        check(&[10.0], None, false);
        check(&[0.0, 0.0, 0.0], None, false);
    }

    #[test]
    fn a_tie_is_where_samples_do_not_say_who_is_ahead() {
        let steady = figure(&[9.0, 10.0, 11.0]);
        assert!(steady.ties(&figure(&[9.5, 10.5, 12.0])));
        assert!(!steady.ties(&figure(&[10.5, 30.0, 50.0])));
        assert!(!steady.ties(&figure(&[12.0, 13.0, 14.0])));
        assert!(!figure(&[1.0]).ties(&figure(&[2.0])));
    }
}
