//! How costs grow with the number of files: a fit of `cost = c · n^k`.
//!
//! The fit is a line through the logarithms by least squares, over the medians of the cells that differ
//! in the number of files alone. It knows nothing of rounds, so its standard error tells how far the
//! medians are from a line and not how far samples are from their median. A cost that jumps where a
//! cache ends is no power of n; the error says so, and so does a look at the points.

use std::collections::BTreeMap;

use super::schema::{Cell, Run};
use crate::workload::{Params, Unit, Value};

/// The parameter that is n.
pub const SIZE: &str = "files";
/// Fewer different sizes than this make no growth.
pub const LEAST_SIZES: usize = 3;

/// Sizes with costs.
type Points = Vec<(f64, f64)>;

/// A fitted power law.
#[derive(Clone, Debug, PartialEq)]
pub struct Growth {
    /// The name of the workload.
    pub workload: String,
    /// Its parameters but for the size.
    pub params: Params,
    /// The name of the metric.
    pub metric: String,
    /// The name of the backend.
    pub backend: String,
    /// The unit of the cost.
    pub unit: Unit,
    /// The points of the fit, `(n, median)`, by size. Cells without a positive median are not among them:
    /// they have no logarithm.
    pub points: Vec<(f64, f64)>,
    /// `k`: 0 is constant, 1 linear.
    pub exponent: f64,
    /// The standard error of `k`.
    pub standard_error: f64,
    /// `c`: the cost that the fit gives for one file.
    pub constant: f64,
    /// The share of the variance of the logarithms that the fit explains. `None` where the cost does not vary;
    /// near 0 also for a good fit of a constant cost with noise, so look at the standard error first.
    pub r_squared: Option<f64>,
}

impl Growth {
    /// The cost that the fit gives for `n` files.
    pub fn at(&self, n: f64) -> f64 {
        self.constant * n.powf(self.exponent)
    }
}

/// The growth of every metric of every backend that has at least [`LEAST_SIZES`] sizes, in the order of the cells.
pub fn growth(run: &Run) -> Vec<Growth> {
    let mut groups: Vec<(&Cell, Params, Points)> = Vec::new();
    let mut index = BTreeMap::new();
    for cell in &run.cells {
        let Some((size, params)) = split(&cell.params) else { continue };
        let Some(median) = cell.median.filter(|median| median.is_finite() && *median > 0.0) else { continue };
        let key = (&cell.workload, &cell.metric, &cell.backend, params.clone());
        let group = *index.entry(key).or_insert_with(|| {
            groups.push((cell, params, Vec::new()));
            groups.len() - 1
        });
        groups[group].2.push((size as f64, median));
    }
    groups.into_iter().filter_map(|(cell, params, points)| fitted(cell, params, points)).collect()
}

/// The size, if there is one that has a logarithm, and the other parameters.
fn split(params: &Params) -> Option<(u64, Params)> {
    let mut size = None;
    let mut others = Params::new();
    for (name, value) in params.iter() {
        match value {
            Value::Number(number) if name == SIZE => size = Some(*number),
            Value::Number(number) => others = others.number(name, *number),
            Value::Word(word) => others = others.word(name, word),
        }
    }
    size.filter(|size| *size > 0).map(|size| (size, others))
}

fn fitted(cell: &Cell, params: Params, mut points: Points) -> Option<Growth> {
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let sizes = points.chunk_by(|a, b| a.0 == b.0).count();
    if sizes < LEAST_SIZES {
        return None;
    }
    let logs: Vec<_> = points.iter().map(|(n, cost)| (n.ln(), cost.ln())).collect();
    let line = line(&logs);
    Some(Growth {
        workload: cell.workload.clone(),
        params,
        metric: cell.metric.clone(),
        backend: cell.backend.clone(),
        unit: cell.unit,
        points,
        exponent: line.slope,
        standard_error: line.slope_error,
        constant: line.intercept.exp(),
        r_squared: line.r_squared,
    })
}

/// A line fitted by least squares.
struct Line {
    slope: f64,
    slope_error: f64,
    intercept: f64,
    r_squared: Option<f64>,
}

/// Fits a line through at least three points, not all with one abscissa.
fn line(points: &[(f64, f64)]) -> Line {
    let count = points.len() as f64;
    let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / count;
    let sum =
        |term: fn(f64, f64) -> f64| points.iter().map(|(x, y)| term(x - mean_x, y - mean_y)).sum::<f64>();
    let (xx, xy, yy) = (sum(|x, _| x * x), sum(|x, y| x * y), sum(|_, y| y * y));
    let slope = xy / xx;
    let intercept = mean_y - slope * mean_x;
    // From the residuals themselves: yy - xy²/xx would lose all digits of a good fit.
    let residual = points.iter().map(|(x, y)| (y - intercept - slope * x).powi(2)).sum::<f64>();
    Line {
        slope,
        slope_error: (residual / (count - 2.0) / xx).sqrt(),
        intercept,
        r_squared: (yy > f64::EPSILON).then(|| 1.0 - residual / yy),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::schema::{Meta, VERSION};
    use crate::workload::Better;

    fn cell(metric: &str, backend: &str, params: Params, median: Option<f64>) -> Cell {
        Cell {
            workload: "scale".to_owned(),
            params,
            metric: metric.to_owned(),
            backend: backend.to_owned(),
            arcfs: false,
            unit: Unit::Nanoseconds,
            better: Better::Lower,
            samples: median.into_iter().collect(),
            median,
            min: median,
            max: median,
            latency: None,
            checks: 1,
            empty: None,
        }
    }

    fn files(files: u64) -> Params {
        Params::new().number(SIZE, files)
    }

    fn run(cells: Vec<Cell>) -> Run {
        Run { schema: VERSION, meta: Meta::default(), cells }
    }

    /// The growth of one metric with these medians by size.
    fn of(medians: &[(u64, f64)]) -> Vec<Growth> {
        growth(&run(medians.iter().map(|(n, cost)| cell("m", "b", files(*n), Some(*cost))).collect()))
    }

    const SIZES: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];

    #[test]
    fn known_exponents_are_found() {
        for (c, k) in [(3.0, 0.0), (100.0, 1.0), (0.5, 2.0), (7.0, 0.5), (1e9, -1.0)] {
            let found = of(&SIZES.map(|n| (n, c * (n as f64).powf(k))));
            let [growth] = &found[..] else { panic!("{found:?}") };
            assert!((growth.exponent - k).abs() < 1e-9, "{growth:?}");
            assert!((growth.constant / c - 1.0).abs() < 1e-9, "{growth:?}");
            assert!(growth.standard_error < 1e-9, "{growth:?}");
            assert!(growth.r_squared.is_none_or(|share| share > 0.999_999), "{growth:?}");
            assert_eq!(growth.r_squared.is_none(), k == 0.0);
            assert!((growth.at(5_000.0) / (c * 5_000_f64.powf(k)) - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn noise_is_within_the_standard_error() {
        // A fifth up and down in turns: a linear cost all the same.
        let noisy = of(&[(1_000, 1_200.0), (10_000, 8_000.0), (100_000, 120_000.0), (1_000_000, 800_000.0)]);
        let growth = &noisy[0];
        assert!((growth.exponent - 1.0).abs() < 2.0 * growth.standard_error, "{growth:?}");
        assert!((0.01..0.1).contains(&growth.standard_error), "{growth:?}");
        assert!(growth.r_squared.expect("it varies") > 0.99, "{growth:?}");
    }

    #[test]
    fn the_figures_are_those_of_the_textbook() {
        // ln cost = 1, 2, 2, 3 at ln n = 0, 1, 2, 3: slope 0.6, intercept 1.1, residual 0.2, variance 2.
        let line = line(&[(0.0, 1.0), (1.0, 2.0), (2.0, 2.0), (3.0, 3.0)]);
        assert!((line.slope - 0.6).abs() < 1e-12 && (line.intercept - 1.1).abs() < 1e-12);
        assert!((line.r_squared.expect("it varies") - 0.9).abs() < 1e-12);
        assert!((line.slope_error - (0.2_f64 / 2.0 / 5.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn too_few_sizes_make_no_growth() {
        assert_eq!(of(&[]), []);
        assert_eq!(of(&[(1_000, 1.0)]), []);
        assert_eq!(of(&[(1_000, 1.0), (1_000, 2.0), (1_000, 3.0)]), []);
        assert_eq!(of(&[(1_000, 1.0), (10_000, 2.0), (10_000, 3.0)]), []);
    }

    #[test]
    fn what_has_no_logarithm_is_no_point() {
        let mut cells: Vec<_> = SIZES.iter().map(|&n| cell("m", "b", files(n), Some(n as f64))).collect();
        for (size, median) in
            [(5, Some(0.0)), (6, Some(-1.0)), (7, Some(f64::NAN)), (8, None), (0, Some(3.0))]
        {
            cells.push(cell("m", "b", files(size), median));
        }
        cells.push(cell("m", "b", Params::new().word(SIZE, "many"), Some(1.0)));
        cells.push(cell("m", "b", Params::new(), Some(1.0)));
        let found = growth(&run(cells));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].points, SIZES.map(|n| (n as f64, n as f64)));
        assert!((found[0].exponent - 1.0).abs() < 1e-9);
        assert_eq!(of(&SIZES.map(|n| (n, 0.0))), []);
    }

    #[test]
    fn metrics_backends_and_other_parameters_are_apart() {
        let mut cells = Vec::new();
        for n in SIZES {
            for (metric, backend, payload, k) in
                [("a", "x", 1, 0.0), ("b", "x", 1, 1.0), ("a", "y", 1, 2.0), ("a", "x", 2, 3.0)]
            {
                let cost = (n as f64).powf(k);
                cells.push(cell(metric, backend, files(n).number("payload", payload), Some(cost)));
            }
        }
        let found = growth(&run(cells));
        let exponents: Vec<_> = found.iter().map(|growth| growth.exponent.round()).collect();
        assert_eq!(exponents, [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(found[3].params, Params::new().number("payload", 2));
    }
}
