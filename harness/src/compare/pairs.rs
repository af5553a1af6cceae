//! Matching: cells of two runs by name, their rounds by number, and the mean over the cells of a group.
//!
//! Knows nothing of intervals and verdicts.

use std::collections::BTreeMap;

use crate::results::key::Key;
use crate::results::schema::{Cell, Run};
use crate::workload::{Better, Params, Unit};

/// What a list of pairs is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// One cell.
    Cell,
    /// The geometric mean over this many cells of a workload, which differ in their parameters.
    Mean(usize),
}

/// The pairs of a cell that both runs have.
#[derive(Clone, Debug)]
pub struct Pairs {
    /// Its name; of a mean, without parameters.
    pub key: Key,
    /// One cell, or a mean.
    pub of: Of,
    /// Whether it is arcfs; the others are the control.
    pub arcfs: bool,
    /// The unit of the values.
    pub unit: Unit,
    /// The logarithm of `new / base` of each round; above 0 is worse.
    pub logs: Vec<f64>,
    /// The medians of base and new; of a mean, nothing.
    pub medians: Option<(f64, f64)>,
}

/// The cells of two runs.
#[derive(Clone, Debug, Default)]
pub struct Matched {
    /// Cells with values in both.
    pub pairs: Vec<Pairs>,
    /// Cells with values in the base only.
    pub only_base: Vec<Key>,
    /// Cells with values in the new run only.
    pub only_new: Vec<Key>,
    /// Cells of arcfs with values in both, whose ratio means nothing, with the reason.
    pub no_ratio: Vec<(Key, &'static str)>,
}

/// Matches the cells of two runs, in the order of the new one.
pub fn matched(base: &Run, new: &Run) -> Matched {
    let with_values = |run: &Run| -> BTreeMap<Key, Cell> {
        let cells = run.cells.iter().filter(|cell| !cell.samples.is_empty());
        cells.map(|cell| (Key::of(cell), cell.clone())).collect()
    };
    let mut old = with_values(base);
    let mut matched = Matched::default();
    for cell in new.cells.iter().filter(|cell| !cell.samples.is_empty()) {
        let key = Key::of(cell);
        let Some(before) = old.remove(&key) else {
            matched.only_new.push(key);
            continue;
        };
        match logs(&before, cell) {
            Ok(logs) => {
                let medians =
                    (super::interval::median(&before.samples), super::interval::median(&cell.samples));
                matched.pairs.push(Pairs {
                    key,
                    of: Of::Cell,
                    arcfs: cell.arcfs,
                    unit: cell.unit,
                    logs,
                    medians: Some(medians),
                });
            }
            Err(why) if cell.arcfs => matched.no_ratio.push((key, why)),
            Err(_) => {}
        }
    }
    matched.only_base = old.into_keys().collect();
    matched
}

/// The paired logarithms of two cells, or why there are none.
fn logs(base: &Cell, new: &Cell) -> Result<Vec<f64>, &'static str> {
    if matches!(new.unit, Unit::Share | Unit::Exponent) {
        return Err("a share or an exponent has no meaningful ratio");
    }
    if base.unit != new.unit || base.better != new.better {
        return Err("the two runs give it in different units");
    }
    let usable = |value: &f64| value.is_finite() && *value > 0.0;
    if !base.samples.iter().chain(&new.samples).all(usable) {
        return Err("a value is zero or below, or no number");
    }
    let sign = match new.better {
        Better::Lower => 1.0,
        Better::Higher => -1.0,
    };
    let pairs = base.samples.iter().zip(&new.samples);
    Ok(pairs.map(|(base, new)| sign * (new / base).ln()).collect())
}

/// The mean of the pairs of each backend over the cells of a workload that differ in their parameters,
/// round by round, where there are at least two.
pub fn means(cells: &[Pairs]) -> Vec<Pairs> {
    let mut groups: BTreeMap<(&str, &str, &str), Vec<&Pairs>> = BTreeMap::new();
    for cell in cells {
        let Key { workload, metric, backend, .. } = &cell.key;
        groups.entry((workload, metric, backend)).or_default().push(cell);
    }
    groups.retain(|_, cells| cells.len() > 1);
    let mean = |((workload, metric, backend), cells): ((&str, &str, &str), Vec<&Pairs>)| {
        let rounds = cells.iter().map(|cell| cell.logs.len()).min().unwrap_or(0);
        let round =
            |index: usize| cells.iter().map(|cell| cell.logs[index]).sum::<f64>() / cells.len() as f64;
        Pairs {
            key: Key {
                workload: workload.to_owned(),
                params: Params::new(),
                metric: metric.to_owned(),
                backend: backend.to_owned(),
            },
            of: Of::Mean(cells.len()),
            arcfs: cells[0].arcfs,
            unit: cells[0].unit,
            logs: (0..rounds).map(round).collect(),
            medians: None,
        }
    };
    groups.into_iter().map(mean).collect()
}
