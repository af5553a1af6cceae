//! The control: how far cells moved whose code did not change.
//!
//! Rivals run in the same process, in turns with arcfs, and their code is the same in both runs. So what
//! moved them from one run to the other is the machine, and may have moved arcfs as much. For the cells
//! of a workload and a metric, the control gives a *shift*, the median of the rivals' ratios, and a
//! *spread* around it. A cell of arcfs is only as far from the base as its ratio is beyond both.
//!
//! The spread is a root mean square, not a robust one: where some cells are now and then three times
//! slower because two cores are far apart, a robust spread would call just that an outlier. For the same
//! reason a cell must lie beyond what the rivals of its workload did at the furthest. What is robust is
//! how groups lean on each other: a group leans on the median spread of all groups, and the rivals with
//! the same parameters on those of their group, each as if that were [`PRIOR`] cells more.
//!
//! Knows nothing of rounds and verdicts.

use std::collections::BTreeMap;

use super::interval::{PRIOR, median, student_quantile};
use super::pairs::Pairs;
use crate::results::key::Key;
use crate::workload::Params;

/// Fewer rivals than this tell no shift and no spread of their own.
const FEWEST: usize = 3;
/// What is assumed of the spread where there are no rivals at all.
const UNKNOWN: f64 = 0.2;
/// How much further than the furthest rival of its group a cell must lie.
const BEYOND: f64 = 1.25;

/// How the rivals of a workload and a metric moved, in logarithms.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// The median of their ratios.
    pub shift: f64,
    /// The root mean square deviation from it.
    pub spread: f64,
    /// The largest deviation from it.
    pub furthest: f64,
    /// The number of cells.
    pub cells: usize,
}

impl Group {
    fn of(ratios: &[f64]) -> Self {
        let shift = median(ratios);
        let squares: f64 = ratios.iter().map(|ratio| (ratio - shift).powi(2)).sum();
        Self {
            shift,
            spread: (squares / ratios.len() as f64).sqrt(),
            furthest: ratios.iter().map(|ratio| (ratio - shift).abs()).fold(0.0, f64::max),
            cells: ratios.len(),
        }
    }
}

/// How far the machine may have moved a cell, in logarithms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Movement {
    /// How far it moved its neighbours.
    pub shift: f64,
    /// How much further or less far it may have moved this cell.
    pub reach: f64,
}

/// What the rivals of two runs tell.
#[derive(Clone, Debug, Default)]
pub struct Control {
    groups: BTreeMap<(String, String), Group>,
    /// Squared deviations from the group's shift and their number, by workload, metric and parameters.
    cells: BTreeMap<(String, String, Params), (f64, usize)>,
    /// The median spread of the groups.
    usual: f64,
    /// All rivals' cells as one group.
    all: Option<Group>,
}

impl Control {
    /// From the pairs that are not arcfs.
    pub fn of(pairs: &[Pairs]) -> Self {
        let mut ratios: BTreeMap<(String, String), Vec<f64>> = BTreeMap::new();
        let rivals: Vec<(&Key, f64)> = pairs
            .iter()
            .filter(|pairs| !pairs.arcfs)
            .map(|pairs| (&pairs.key, median(&pairs.logs)))
            .collect();
        for (key, ratio) in &rivals {
            ratios.entry((key.workload.clone(), key.metric.clone())).or_default().push(*ratio);
        }
        ratios.retain(|_, ratios| ratios.len() >= FEWEST);
        let groups: BTreeMap<_, _> =
            ratios.into_iter().map(|(key, ratios)| (key, Group::of(&ratios))).collect();
        let mut cells: BTreeMap<(String, String, Params), (f64, usize)> = BTreeMap::new();
        for (key, ratio) in &rivals {
            let group = (key.workload.clone(), key.metric.clone());
            if let Some(known) = groups.get(&group) {
                let (squares, count) = cells.entry((group.0, group.1, key.params.clone())).or_default();
                *squares += (ratio - known.shift).powi(2);
                *count += 1;
            }
        }
        let spreads: Vec<f64> = groups.values().map(|group| group.spread).collect();
        let all: Vec<f64> = rivals.iter().map(|(_, ratio)| *ratio).collect();
        Self {
            usual: if spreads.is_empty() { UNKNOWN } else { median(&spreads) },
            all: (all.len() >= FEWEST).then(|| Group::of(&all)),
            groups,
            cells,
        }
    }

    /// How each workload and metric moved.
    pub fn groups(&self) -> impl Iterator<Item = ((String, String), Group)> {
        self.groups.iter().map(|(key, group)| (key.clone(), *group))
    }

    /// How far the machine may have moved the cell `key`; it was further with the chance `tail` on each side.
    ///
    /// A cell whose workload no rival can do may have moved as the workload that moved most; where no
    /// rival ran at all, a spread of 20 % is assumed.
    pub fn movement(&self, key: &Key, tail: f64) -> Movement {
        let place = (key.workload.clone(), key.metric.clone());
        let Some(group) = self.groups.get(&place) else {
            let Some(all) = self.all else {
                return Movement { shift: 0.0, reach: student_quantile(tail, 1000.0) * UNKNOWN };
            };
            let spread = self.groups.values().map(|group| group.spread).fold(all.spread, f64::max);
            let reach = student_quantile(tail, all.cells as f64) * spread;
            return Movement { shift: all.shift, reach: reach.max(BEYOND * all.furthest) };
        };
        let lean = |spread: f64, squares: f64, count: f64| {
            ((PRIOR * spread * spread + squares) / (PRIOR + count)).sqrt()
        };
        let count = group.cells as f64;
        let wide = lean(self.usual, group.spread.powi(2) * count, count);
        // The shift is itself a median of `count` ratios.
        let unsure = (1.0 + std::f64::consts::FRAC_PI_2 / count).sqrt();
        let mut reach = (BEYOND * group.furthest).max(student_quantile(tail, PRIOR + count) * wide);
        if let Some((squares, cells)) = self.cells.get(&(place.0, place.1, key.params.clone())) {
            let cells = *cells as f64;
            let near = lean(wide, *squares, cells);
            reach = reach.max(student_quantile(tail, PRIOR + cells) * near);
        }
        Movement { shift: group.shift, reach: reach * unsure }
    }
}

#[cfg(test)]
mod tests {
    use super::super::pairs::Of;
    use super::*;
    use crate::workload::Unit;

    fn rival(workload: &str, backend: usize, ratio: f64) -> Pairs {
        Pairs {
            key: Key {
                workload: workload.to_owned(),
                params: Params::new(),
                metric: "total".to_owned(),
                backend: backend.to_string(),
            },
            of: Of::Cell,
            arcfs: false,
            unit: Unit::Nanoseconds,
            logs: vec![ratio.ln(); 3],
            medians: None,
        }
    }

    #[test]
    fn the_shift_is_the_rivals_median_and_the_reach_grows_with_their_spread() {
        let calm: Vec<_> = (0..9).map(|n| rival("calm", n, 1.2)).collect();
        let wild: Vec<_> = (0..9).map(|n| rival("wild", n, if n % 2 == 0 { 1.0 } else { 2.5 })).collect();
        let control = Control::of(&[calm.clone(), wild.clone()].concat());
        let calm = control.movement(&calm[0].key, 1e-5);
        let wild = control.movement(&wild[0].key, 1e-5);
        assert!((calm.shift - 1.2_f64.ln()).abs() < 1e-12, "{calm:?}");
        assert!(wild.reach > calm.reach && wild.reach > 2.5_f64.ln(), "{calm:?} {wild:?}");
    }

    #[test]
    fn without_neighbours_the_widest_counts_and_without_rivals_a_guess() {
        let wild: Vec<_> = (0..9).map(|n| rival("wild", n, if n % 2 == 0 { 1.0 } else { 2.5 })).collect();
        let control = Control::of(&wild);
        let stranger = rival("stranger", 0, 1.0).key;
        assert!(control.movement(&stranger, 1e-5).reach > 2.5_f64.ln());
        let none = Control::of(&[]).movement(&stranger, 1e-5);
        assert!(none.shift.abs() < 1e-12 && none.reach > UNKNOWN);
    }
}
