//! What is computed from samples: median, spread, percentiles, and whether they can be compared.
//!
//! A run has few rounds, so nothing here assumes a distribution. Two rules decide on warnings:
//!
//! * **Noisy**: the middle half of the samples spans more than [`NOISY`] of their median. The figure
//!   stands, but its digits mean little.
//! * **Indistinct**: of two backends in the same cell, neither was ahead in at least [`DISTINCT`] of all
//!   pairs of samples (the effect size A of Vargha and Delaney, 2000). Which of the two is ahead is then
//!   chance: equal stores pass this bar in 15 % of comparisons of five rounds and 20 % of three.

use std::fmt;

use hdrhistogram::Histogram;

use super::key::Key;
use super::schema::{Cell, Latency, Run};

/// The relative spread above which samples are noisy.
pub const NOISY: f64 = 0.25;

/// The share of pairs in which one backend must be ahead for a comparison to mean something.
pub const DISTINCT: f64 = 0.8;

/// Fewer samples cannot tell two backends apart.
const FEWEST: usize = 3;

/// The middle and the spread of samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// The median.
    pub median: f64,
    /// The smallest sample.
    pub min: f64,
    /// The largest sample.
    pub max: f64,
    /// The range of the middle half of the samples, as a share of the median.
    pub relative_spread: f64,
}

/// Summarises samples; `None` where there are none.
pub fn summary(samples: &[f64]) -> Option<Summary> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (&min, &max) = (sorted.first()?, sorted.last()?);
    let median = quantile(&sorted, 0.5);
    let range = quantile(&sorted, 0.75) - quantile(&sorted, 0.25);
    let relative_spread = if range == 0.0 { 0.0 } else { (range / median).abs() };
    Some(Summary { median, min, max, relative_spread })
}

/// The median of samples; `None` where there are none.
pub fn median(samples: &[f64]) -> Option<f64> {
    summary(samples).map(|summary| summary.median)
}

/// A quantile of sorted samples, straight between the two that are nearest.
fn quantile(sorted: &[f64], quantile: f64) -> f64 {
    let position = quantile * (sorted.len() - 1) as f64;
    let (below, share) = (position as usize, position.fract());
    let above = (below + 1).min(sorted.len() - 1);
    if share == 0.0 { sorted[below] } else { sorted[below] * (1.0 - share) + sorted[above] * share }
}

/// The share of pairs in which the sample of `a` is smaller than that of `b`; equal ones count half.
/// 0.5 where a side has no samples.
pub fn smaller_share(a: &[f64], b: &[f64]) -> f64 {
    let pairs = a.len() * b.len();
    if pairs == 0 {
        return 0.5;
    }
    let points = a.iter().flat_map(|a| b.iter().map(move |b| a.total_cmp(b))).map(|order| match order {
        std::cmp::Ordering::Less => 1.0,
        std::cmp::Ordering::Equal => 0.5,
        std::cmp::Ordering::Greater => 0.0,
    });
    points.sum::<f64>() / pairs as f64
}

/// Whether the samples say which of two backends is ahead.
pub fn are_distinct(a: &[f64], b: &[f64]) -> bool {
    a.len().min(b.len()) >= FEWEST && !tie(a, b)
}

/// Whether neither of two backends is ahead in enough pairs, however few the samples are.
pub fn tie(a: &[f64], b: &[f64]) -> bool {
    smaller_share(a, b).max(smaller_share(b, a)) < DISTINCT
}

/// Whether the samples are so far apart that the digits of their median mean little.
pub fn is_noisy(samples: &[f64]) -> bool {
    summary(samples).is_some_and(|summary| summary.relative_spread > NOISY)
}

/// Percentiles of a histogram of nanoseconds, and its curve; `None` where nothing was recorded.
///
/// The curve has ten points for each further nine of the quantile (0, 0.1 … 0.9, 0.91 … 0.99, 0.991 …),
/// as far as the number of operations supports them; a quantile of 1 is [`Latency::max`].
pub fn latency(histogram: &Histogram<u64>) -> Option<Latency> {
    if histogram.is_empty() {
        return None;
    }
    let at = |quantile| histogram.value_at_quantile(quantile);
    let tails =
        (0..12).flat_map(|nines| (1..=10_u64).rev().map(move |tenths| (tenths, 10_u64.pow(nines + 1))));
    let supported =
        tails.take_while(|(tenths, of)| u128::from(*tenths) * u128::from(histogram.len()) >= u128::from(*of));
    let curve = supported
        .filter(|(tenths, of)| *tenths < 10 || *of == 10)
        .map(|(tenths, of)| ((of - tenths) as f64 / of as f64, at((of - tenths) as f64 / of as f64)))
        .collect();
    Some(Latency {
        count: histogram.len(),
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        p99_9: at(0.999),
        max: histogram.max(),
        curve,
    })
}

/// What a reader has to know before using the figures.
#[derive(Clone, Debug, PartialEq)]
pub enum Warning {
    /// The samples of a cell are noisy.
    Noisy {
        /// The cell.
        cell: String,
        /// Its backend.
        backend: String,
        /// The range of the middle half of its samples, as a share of the median.
        relative_spread: f64,
    },
    /// Two backends cannot be told apart in a cell.
    Indistinct {
        /// The cell.
        cell: String,
        /// A backend of arcfs.
        arcfs: String,
        /// A rival.
        rival: String,
    },
    /// There were too few rounds to tell backends apart.
    FewRounds {
        /// The number of rounds.
        rounds: usize,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Noisy { cell, backend, relative_spread } => write!(
                f,
                "{cell}: {backend} is noisy, half of its samples span {:.0} % of their median",
                relative_spread * 100.0
            ),
            Self::Indistinct { cell, arcfs, rival } => {
                write!(f, "{cell}: {arcfs} and {rival} cannot be told apart, their samples overlap")
            }
            Self::FewRounds { rounds } => {
                write!(f, "{rounds} round(s) are too few to compare backends; at least {FEWEST} are needed")
            }
        }
    }
}

/// The warnings of a run: noisy cells, and cells in which arcfs and a rival cannot be told apart.
pub fn warnings(run: &Run) -> Vec<Warning> {
    let measured: Vec<&Cell> = run.cells.iter().filter(|cell| !cell.samples.is_empty()).collect();
    if let Some(warning) = few_rounds(run) {
        return vec![warning];
    }
    let noisy = measured.iter().filter_map(|cell| {
        let relative_spread = summary(&cell.samples)?.relative_spread;
        (relative_spread > NOISY).then(|| Warning::Noisy {
            cell: Key::of(cell).figure(),
            backend: cell.backend.clone(),
            relative_spread,
        })
    });
    let mut warnings: Vec<Warning> = noisy.collect();
    for group in measured.chunk_by(|a, b| is_same_figure(a, b)) {
        let (ours, rivals): (Vec<&Cell>, Vec<&Cell>) = group.iter().copied().partition(|cell| cell.arcfs);
        for arcfs in ours {
            let indistinct = rivals.iter().filter(|rival| !are_distinct(&arcfs.samples, &rival.samples));
            warnings.extend(indistinct.map(|rival| Warning::Indistinct {
                cell: Key::of(arcfs).figure(),
                arcfs: arcfs.backend.clone(),
                rival: rival.backend.clone(),
            }));
        }
    }
    warnings
}

/// That the rounds of a run were too few to compare anything, where they were.
pub fn few_rounds(run: &Run) -> Option<Warning> {
    let rounds = run.cells.iter().map(|cell| cell.samples.len()).max().filter(|rounds| *rounds > 0)?;
    (rounds < FEWEST).then_some(Warning::FewRounds { rounds })
}

/// Whether two cells differ in the backend only.
fn is_same_figure(a: &Cell, b: &Cell) -> bool {
    a.workload == b.workload && a.params == b.params && a.metric == b.metric
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::histogram;
    use crate::results::schema::{Meta, VERSION};
    use crate::workload::{Better, Params, Unit};

    #[test]
    fn medians_and_quartiles_of_few_samples() {
        assert_eq!(summary(&[]), None);
        let one = summary(&[7.0]).expect("a sample");
        assert_eq!((one.median, one.min, one.max, one.relative_spread), (7.0, 7.0, 7.0, 0.0));
        assert_eq!(median(&[4.0, 1.0]), Some(2.5));
        let five = summary(&[5.0, 100.0, 1.0, 2.0, 4.0]).expect("samples");
        assert_eq!((five.median, five.min, five.max), (4.0, 1.0, 100.0));
        assert_eq!(five.relative_spread, 0.75, "the quartiles are 2 and 5");
        assert_eq!(summary(&[0.0, 0.0]).expect("samples").relative_spread, 0.0);
    }

    #[test]
    fn one_outlier_does_not_hide_a_difference_and_overlap_does() {
        let fast = [10.0, 10.0, 11.0, 10.0, 90.0];
        let slow = [20.0, 21.0, 20.0, 22.0, 20.0];
        assert_eq!(smaller_share(&fast, &slow), 0.8);
        assert!(are_distinct(&fast, &slow) && are_distinct(&slow, &fast), "whichever side is ahead");
        assert!(!are_distinct(&[10.0, 21.0, 10.0, 10.0, 90.0], &slow));
        assert!(!are_distinct(&slow, &slow));
        assert!(!are_distinct(&fast[..2], &slow), "two samples are too few");
    }

    #[test]
    fn the_bar_is_passed_by_chance_as_often_as_documented() {
        // Every way in which 2n ranks fall to two equal stores is as likely.
        let share_of = |n: usize| {
            let ways = (0_u32..1 << (2 * n)).filter(|ways| ways.count_ones() as usize == n);
            let passes = ways.clone().filter(|ways| {
                let (a, b): (Vec<_>, Vec<_>) = (0..2 * n).partition(|rank| ways & (1 << rank) != 0);
                let samples =
                    |ranks: Vec<usize>| ranks.into_iter().map(|rank| rank as f64).collect::<Vec<_>>();
                are_distinct(&samples(a), &samples(b))
            });
            passes.count() as f64 / ways.count() as f64
        };
        assert_eq!((share_of(3) * 100.0).round(), 20.0);
        assert_eq!((share_of(5) * 100.0).round(), 15.0);
    }

    #[test]
    fn percentiles_come_from_the_histogram_and_the_curve_ends_where_it_must() {
        assert_eq!(latency(&histogram()), None);
        let mut histogram = histogram();
        (1..=1000).for_each(|value| histogram.record(value).expect("in bounds"));
        let latency = latency(&histogram).expect("recorded");
        assert_eq!((latency.count, latency.p50, latency.p90, latency.p99), (1000, 500, 900, 990));
        assert_eq!((latency.p99_9, latency.max), (999, 1000));
        assert_eq!(latency.curve.first(), Some(&(0.0, 1)));
        assert_eq!(latency.curve.last(), Some(&(0.999, 999)), "one operation in a thousand is the last");
        assert_eq!(latency.curve.len(), 28);
        assert!(latency.curve.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1));
    }

    fn cell(backend: &str, arcfs: bool, samples: &[f64]) -> Cell {
        let summary = summary(samples).expect("samples");
        Cell {
            workload: "fake".to_owned(),
            params: Params::new().number("threads", 2),
            metric: "write".to_owned(),
            backend: backend.to_owned(),
            arcfs,
            unit: Unit::Nanoseconds,
            better: Better::Lower,
            samples: samples.to_vec(),
            median: Some(summary.median),
            min: Some(summary.min),
            max: Some(summary.max),
            latency: None,
            checks: 1,
            empty: None,
        }
    }

    #[test]
    fn a_run_warns_of_noise_and_of_backends_that_overlap() {
        let cells = vec![
            cell("arcfs", true, &[10.0, 11.0, 12.0]),
            cell("same", false, &[11.5, 10.5, 11.0]),
            cell("slow", false, &[100.0, 200.0, 300.0]),
        ];
        let run = Run { schema: VERSION, meta: Meta::default(), cells };
        let found: Vec<String> = warnings(&run).iter().map(Warning::to_string).collect();
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(
            found[0],
            "fake threads=2 write: slow is noisy, half of its samples span 50 % of their median"
        );
        assert!(found[1].contains("arcfs and same cannot be told apart"), "{}", found[1]);
    }
}
