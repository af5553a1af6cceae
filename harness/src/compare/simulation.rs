//! Runs made of known noise, to count how often a comparison is wrong. Every test is seeded.
//!
//! A cell of a run is `base × drift × luck × mode × noise`: drift is one factor for the run and one for
//! each workload in it, luck one for each cell in a run, mode makes some cells of contended workloads
//! about three times slower for the whole run or for single rounds, noise is new in each round.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Normal};

use super::pairs::Of;
use super::{Comparison, Rules, Verdict, compare};
use crate::results::schema::{Cell, Meta, Run, VERSION};
use crate::workload::{Better, Params, Unit};

/// How noisy the machine is.
#[derive(Clone, Copy)]
struct Noise {
    /// From round to round.
    within: f64,
    /// Of a cell from run to run.
    luck: f64,
    /// Of a run and of its workloads.
    drift: f64,
    /// The chance that a cell of a contended workload is in the far mode for a whole run.
    far: f64,
    /// The same for a single round.
    far_round: f64,
}

const CALM: Noise = Noise { within: 0.05, luck: 0.03, drift: 0.2, far: 0.0, far_round: 0.0 };
const USUAL: Noise = Noise { within: 0.1, luck: 0.05, drift: 0.2, far: 0.2, far_round: 0.1 };
const WILD: Noise = Noise { within: 0.2, luck: 0.1, drift: 0.2, far: 0.4, far_round: 0.3 };

/// Workload, its metrics, its cells for each backend, whether it is contended.
const WORKLOADS: [(&str, usize, u64, bool); 8] = [
    ("small-files", 3, 1, false),
    ("stream", 3, 1, false),
    ("random-access", 3, 1, false),
    ("many-files", 3, 1, false),
    ("deep", 1, 1, false),
    ("contention", 1, 12, true),
    ("consistency", 3, 1, true),
    ("scale", 6, 3, false),
];
const BACKENDS: usize = 11;

fn normal(random: &mut StdRng, sigma: f64) -> f64 {
    Normal::new(0.0, sigma).expect("sigma is positive").sample(random)
}

/// What a cell is, by its place; the same in every run.
fn scale(workload: usize, metric: usize, cell: u64, backend: usize) -> f64 {
    1_000.0 * (1 + workload + 3 * metric + backend) as f64 * (1 + cell) as f64
}

fn run(random: &mut StdRng, noise: Noise, rounds: usize, slowed: impl Fn(&str, u64) -> f64) -> Run {
    let mut cells = Vec::new();
    let of_run = random.random_range(-noise.drift..noise.drift);
    for (index, (workload, metrics, count, contended)) in WORKLOADS.into_iter().enumerate() {
        let drift = of_run + random.random_range(-noise.drift..noise.drift) / 2.0;
        for (metric, cell, backend) in
            (0..metrics).flat_map(|m| (0..count).flat_map(move |c| (0..BACKENDS).map(move |b| (m, c, b))))
        {
            let arcfs = backend < 2;
            // Rivals have no snapshots, so nothing of that workload is controlled by its neighbours.
            if workload == "consistency" && !arcfs {
                continue;
            }
            let higher = contended;
            let luck = normal(random, noise.luck);
            let far = contended && random.random_bool(noise.far);
            let slower = if arcfs { slowed(workload, cell).ln() } else { 0.0 };
            let samples = (0..rounds).map(|_| {
                let far = far || (contended && random.random_bool(noise.far_round));
                let mode = if far { 3.15_f64.ln() } else { 0.0 };
                let worse = drift + luck + mode + slower + normal(random, noise.within);
                let worse = if higher { -worse } else { worse };
                scale(index, metric, cell, backend) * worse.exp()
            });
            cells.push(Cell {
                workload: workload.to_owned(),
                params: Params::new().number("cell", cell),
                metric: format!("m{metric}"),
                backend: format!("b{backend}"),
                arcfs,
                unit: if higher { Unit::OperationsPerSecond } else { Unit::Nanoseconds },
                better: if higher { Better::Higher } else { Better::Lower },
                samples: samples.collect(),
                median: None,
                min: None,
                max: None,
                latency: None,
                checks: 0,
                empty: None,
            });
        }
    }
    Run { schema: VERSION, meta: Meta::default(), cells }
}

fn compared(seed: u64, noise: Noise, rounds: usize, slowed: impl Fn(&str, u64) -> f64) -> Comparison {
    let random = &mut StdRng::seed_from_u64(seed);
    let base = run(random, noise, rounds, |_, _| 1.0);
    let new = run(random, noise, rounds, slowed);
    compare(&base, &new, &Rules::separate(0.05))
}

fn regressed(noise: Noise, rounds: usize, runs: u64, slowed: impl Fn(&str, u64) -> f64 + Copy) -> u64 {
    (0..runs).map(|seed| u64::from(compared(seed, noise, rounds, slowed).regressed())).sum()
}

#[test]
fn of_a_thousand_comparisons_of_equal_builds_none_accuses() {
    for (noise, rounds, runs) in
        [(CALM, 5, 300), (USUAL, 3, 200), (USUAL, 5, 300), (WILD, 5, 200), (WILD, 3, 100)]
    {
        assert_eq!(regressed(noise, rounds, runs, |_, _| 1.0), 0);
    }
}

#[test]
#[ignore = "minutes: ten thousand comparisons"]
fn of_ten_thousand_comparisons_of_equal_builds_fewer_than_ten_accuse() {
    let accused: Vec<u64> = [(CALM, 5), (USUAL, 3), (USUAL, 5), (WILD, 3), (WILD, 5)]
        .into_iter()
        .map(|(noise, rounds)| regressed(noise, rounds, 2_000, |_, _| 1.0))
        .collect();
    assert!(accused.iter().sum::<u64>() < 10, "{accused:?}");
    assert!(accused.iter().all(|accused| *accused < 4), "{accused:?}");
}

#[test]
fn an_engine_twice_as_slow_is_caught() {
    for (noise, rounds) in [(CALM, 3), (CALM, 5), (USUAL, 3), (USUAL, 5), (WILD, 5)] {
        assert_eq!(regressed(noise, rounds, 30, |_, _| 2.0), 30, "{} and {rounds}", noise.within);
    }
}

#[test]
fn an_engine_slower_by_half_is_caught() {
    for (noise, rounds) in [(CALM, 3), (CALM, 5), (USUAL, 5)] {
        let caught = regressed(noise, rounds, 30, |_, _| 1.5);
        assert!(caught >= 29, "{caught} of 30 with {} and {rounds}", noise.within);
    }
}

#[test]
fn one_slow_workload_is_caught_and_named() {
    for seed in 0..20 {
        let comparison =
            compared(seed, CALM, 5, |workload, _| if workload == "many-files" { 2.0 } else { 1.0 });
        let accused: Vec<_> =
            comparison.judged.iter().filter(|judged| judged.verdict == Verdict::Regression).collect();
        assert!(!accused.is_empty(), "seed {seed}");
        assert!(accused.iter().all(|judged| judged.pairs.key.workload == "many-files"), "seed {seed}");
    }
}

#[test]
fn what_noise_hides_in_each_cell_shows_in_their_mean() {
    let caught = (0..20).filter(|seed| {
        let comparison =
            compared(*seed, USUAL, 5, |workload, _| if workload == "contention" { 3.0 } else { 1.0 });
        let accused = comparison.judged.iter().filter(|judged| judged.verdict == Verdict::Regression);
        accused.filter(|judged| matches!(judged.pairs.of, Of::Mean(_))).count() > 0
    });
    assert!(caught.count() >= 18);
}

#[test]
fn an_improvement_is_no_regression() {
    let comparison = compared(1, CALM, 5, |_, _| 0.5);
    assert!(!comparison.regressed());
    assert!(comparison.count(Verdict::Improvement) > 0);
}

#[test]
fn turns_find_a_small_slowdown_and_accuse_no_equal_builds() {
    // In turns, drift and luck reach both sides of a pair, or even out over the pairs.
    let turns = |seed, slowed: f64| {
        let random = &mut StdRng::seed_from_u64(seed);
        let noise = Noise { luck: 1e-9, drift: 1e-9, far: 0.0, ..USUAL };
        let base = run(random, noise, 30, |_, _| 1.0);
        let new = run(random, noise, 30, |_, _| slowed);
        compare(&base, &new, &Rules::interleaved(0.05)).regressed()
    };
    assert_eq!((0..300).filter(|seed| turns(*seed, 1.0)).count(), 0);
    assert_eq!((0..20).filter(|seed| turns(*seed, 1.3)).count(), 20);
}

#[test]
fn a_comparison_with_itself_is_all_the_same() {
    let random = &mut StdRng::seed_from_u64(7);
    let base = run(random, WILD, 5, |_, _| 1.0);
    let comparison = compare(&base, &base.clone(), &Rules::separate(0.05));
    assert_eq!(comparison.count(Verdict::Same), comparison.judged.len());
    assert!(comparison.only_base.is_empty() && comparison.only_new.is_empty());
}
