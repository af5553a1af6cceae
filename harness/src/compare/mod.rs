//! Comparison of two runs: which cells of arcfs changed, and for which the data cannot say.
//!
//! A comparison goes in four steps, one module each:
//!
//! 1. [`admission`]: may these runs be compared at all (schema, machine, build, arguments)?
//! 2. [`pairs`]: cells are matched by name, and their rounds make pairs, each the logarithm of
//!    `new / base`, turned so that above 0 is worse; the mean over the cells of a workload is one more
//!    pair list, because a slowdown that noise hides in each cell shows in their mean.
//! 3. [`interval`] gives the median of the pairs its interval, from the pairs alone.
//! 4. [`control`] moves that interval by how far the rivals moved, whose code did not change, and widens
//!    it by how differently they did.
//!
//! A cell regressed only where its whole interval is beyond the threshold. The chance that a
//! comparison of equal builds accuses anything is held for the whole family of cells (Bonferroni),
//! not for each cell. Two runs minutes apart differ in ways that no statistic of one run shows: the
//! clock of the processor, which cores the host gave, how memory was laid out. Those reach the rivals
//! as well, so the rivals measure them.
//!
//! What this does not know: how results are read or printed, and what a workload does.

pub mod admission;
pub mod control;
pub mod interval;
pub mod pairs;
#[cfg(test)]
mod simulation;
pub mod table;

use std::collections::BTreeMap;

use crate::results::key::Key;
use crate::results::schema::Run;
use control::Control;
use interval::{Interval, Pool};
use pairs::{Matched, Pairs};

/// How a comparison judges.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Changes up to this share are of no interest: 0.05 is 5 %.
    pub threshold: f64,
    /// The chance that equal builds are told apart anywhere in one comparison.
    pub family: f64,
    /// Where the control comes from.
    pub drift: Drift,
}

/// What may lie between the two runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drift {
    /// They ran one after the other: rivals tell how much the machine moved.
    Measured,
    /// They ran in turns, so whatever moves reaches both sides.
    Interleaved,
}

impl Rules {
    /// For two runs at different times.
    pub fn separate(threshold: f64) -> Self {
        Self { threshold, family: 0.001, drift: Drift::Measured }
    }

    /// For two builds that ran in turns.
    pub fn interleaved(threshold: f64) -> Self {
        Self { drift: Drift::Interleaved, ..Self::separate(threshold) }
    }
}

/// What is said of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The whole interval is beyond the threshold on the worse side.
    Regression,
    /// The whole interval is beyond the threshold on the better side.
    Improvement,
    /// The ratio is beyond the threshold, the interval is not: too noisy to tell.
    Uncertain,
    /// The ratio is within the threshold.
    Same,
}

/// A cell of arcfs, or the mean of several, with what is said of it. Ratios above 1 are worse.
#[derive(Clone, Debug)]
pub struct Judged {
    /// What was compared.
    pub pairs: Pairs,
    /// The median of the paired ratios.
    pub paired: f64,
    /// The same with the rivals' shift taken out.
    pub ratio: f64,
    /// The interval of that ratio, widened by the control.
    pub interval: (f64, f64),
    /// The interval from the pairs alone.
    pub unwidened: (f64, f64),
    /// The conclusion.
    pub verdict: Verdict,
}

/// The outcome of a comparison.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Every cell of arcfs that both runs have, and the means over their workloads.
    pub judged: Vec<Judged>,
    /// How the rivals moved, by workload and metric, as `(key, shift, spread, cells)`; the shift is a ratio, the
    /// spread the relative standard deviation around it.
    pub control: Vec<((String, String), f64, f64, usize)>,
    /// Cells that only the base has a value for.
    pub only_base: Vec<Key>,
    /// Cells that only the new run has a value for.
    pub only_new: Vec<Key>,
    /// Cells of arcfs that have no ratio, with the reason.
    pub no_ratio: Vec<(Key, &'static str)>,
    /// The smallest number of pairs of a cell that was judged.
    pub fewest_pairs: usize,
}

impl Comparison {
    /// How many were judged so.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.judged.iter().filter(|judged| judged.verdict == verdict).count()
    }

    /// Whether anything regressed.
    pub fn regressed(&self) -> bool {
        self.count(Verdict::Regression) > 0
    }
}

/// Compares two runs. Whether they may be compared was asked before, of [`admission`].
pub fn compare(base: &Run, new: &Run, rules: &Rules) -> Comparison {
    let Matched { pairs: cells, only_base, only_new, no_ratio } = pairs::matched(base, new);
    let means = pairs::means(&cells);
    let tests = cells.iter().chain(&means).filter(|pairs| pairs.arcfs).count();
    let tail = rules.family / 2.0 / tests.max(1) as f64;
    let control = Control::of(&cells);
    let mut judged = judge(&cells, &control, tail, rules);
    judged.extend(judge(&means, &Control::of(&means), tail, rules));
    if rules.drift == Drift::Measured {
        confirm(&mut judged, (1.0 + rules.threshold).ln());
    }
    let fewest_pairs = judged.iter().map(|judged| judged.pairs.logs.len()).min().unwrap_or(0);
    let control = control.groups().map(|(key, group)| (key, group.shift.exp(), group.spread, group.cells));
    Comparison { judged, control: control.collect(), only_base, only_new, no_ratio, fewest_pairs }
}

/// Fewer pairs than this do not show on their own that a cell of arcfs moved.
const SPEAKS_FOR_ITSELF: usize = 10;

/// Takes back a verdict from few pairs that the same cell of no other arcfs backend leans towards.
///
/// Some cells have two modes, by where their nodes came to lie in the caches: reading at depth 50 takes
/// 0.63 or 1.1 ms from round to round of one build. Three rounds of one run can all be fast, and three of
/// the next all slow, while every rival is calm. Both backends run the same engine, so what made it slower
/// shows in both; their layouts do not move together.
fn confirm(judged: &mut [Judged], limit: f64) {
    let leanings: Vec<(Key, f64)> =
        judged.iter().map(|judged| (judged.pairs.key.clone(), judged.ratio.ln())).collect();
    for one in judged.iter_mut().filter(|one| one.pairs.logs.len() < SPEAKS_FOR_ITSELF) {
        let own = &one.pairs.key;
        let twins = leanings.iter().filter(|(key, _)| {
            (&key.workload, &key.params, &key.metric) == (&own.workload, &own.params, &own.metric)
                && key.backend != own.backend
        });
        let mut lean = twins.map(|(_, ratio)| *ratio);
        let confirmed = match one.verdict {
            Verdict::Regression => lean.any(|ratio| ratio > limit),
            Verdict::Improvement => lean.any(|ratio| ratio < -limit),
            Verdict::Uncertain | Verdict::Same => true,
        };
        if !confirmed {
            one.verdict = Verdict::Uncertain;
        }
    }
}

fn judge(all: &[Pairs], control: &Control, tail: f64, rules: &Rules) -> Vec<Judged> {
    let mut pools: BTreeMap<(&str, &str), Pool> = BTreeMap::new();
    for pairs in all {
        pools.entry(pairs.key.group()).or_default().add(&pairs.logs);
    }
    let limit = (1.0 + rules.threshold).ln();
    let arcfs = all.iter().filter(|pairs| pairs.arcfs);
    arcfs
        .map(|pairs| {
            let own = Interval::of_median(&pairs.logs, &pools[&pairs.key.group()], tail);
            let centre = interval::median(&pairs.logs);
            let (shift, reach) = match rules.drift {
                Drift::Interleaved => (0.0, 0.0),
                Drift::Measured => {
                    let movement = control.movement(&pairs.key, tail);
                    (movement.shift, movement.reach)
                }
            };
            let low = own.low.min(centre - reach) - shift;
            let high = own.high.max(centre + reach) - shift;
            let verdict = match centre - shift {
                _ if low > limit => Verdict::Regression,
                _ if high < -limit => Verdict::Improvement,
                centre if centre.abs() > limit => Verdict::Uncertain,
                _ => Verdict::Same,
            };
            Judged {
                pairs: pairs.clone(),
                paired: centre.exp(),
                ratio: (centre - shift).exp(),
                interval: (low.exp(), high.exp()),
                unwidened: (own.low.exp(), own.high.exp()),
                verdict,
            }
        })
        .collect()
}
