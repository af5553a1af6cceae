//! Intervals of a median, from many pairs and from few.
//!
//! The interval is the percentile interval of the bootstrap. For a median nothing has to be drawn: a
//! resample of `n` has its median at or below the `k`-th smallest value with the probability that a
//! binomial of `n` and `k / n` reaches half (Efron 1979), so the limit of infinitely many resamples is
//! computed, without a seed. It is never narrower than the interval of the sign test, which holds for
//! any distribution.
//!
//! Neither can reach beyond the pairs, and five pairs say nothing at a level of one in ten thousand:
//! the chance that all lie on one side of the median is 1 in 16. Then the interval is that of Student's
//! t around the median, with the variance of the cell leaning on that of its group as if the group were
//! [`PRIOR`] pairs more (Smyth's moderated t, 2004).
//!
//! Knows nothing of runs, controls and thresholds.

use crate::results::samples;

/// How many further observations an estimate of a group counts for in that of one of its members.
pub const PRIOR: f64 = 20.0;

/// The standard error of a median, in those of a mean, for a normal distribution.
const MEDIAN_ERROR: f64 = 1.253_314_137_315_5;

/// A closed interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// The variance within the cells of a group.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pool {
    squares: f64,
    degrees: f64,
}

impl Pool {
    /// Adds the values of one cell.
    pub fn add(&mut self, values: &[f64]) {
        self.squares += squares(values);
        self.degrees += values.len().saturating_sub(1) as f64;
    }

    /// The variance of a cell of the group, and its degrees of freedom, at least 1.
    fn moderated(&self, values: &[f64]) -> (f64, f64) {
        let (own, degrees) = (squares(values), values.len() as f64 - 1.0);
        let weight = PRIOR.min(self.degrees - degrees).max(0.0);
        let pooled = if self.degrees > 0.0 { self.squares / self.degrees } else { 0.0 };
        let total = (degrees + weight).max(1.0);
        ((own + weight * pooled) / total, total)
    }
}

/// The sum of squared deviations from the mean.
fn squares(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    values.iter().map(|value| (value - mean).powi(2)).sum()
}

impl Interval {
    /// The interval of the median of `values`, which misses it with the chance `tail` on each side.
    ///
    /// One value has an interval without ends where no other cell of the group tells its variance.
    ///
    /// # Panics
    /// Where there are no values.
    pub fn of_median(values: &[f64], pool: &Pool, tail: f64) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len();
        let Some(rank) = sign_rank(n, tail) else {
            if n == 1 && pool.degrees == 0.0 {
                return Self { low: f64::NEG_INFINITY, high: f64::INFINITY };
            }
            let (variance, degrees) = pool.moderated(values);
            let error = MEDIAN_ERROR * (variance / n as f64).sqrt();
            let reach = student_quantile(tail, degrees) * error;
            let middle = median(values);
            return Self { low: sorted[0].min(middle - reach), high: sorted[n - 1].max(middle + reach) };
        };
        let rank = rank.min(bootstrap_rank(n, tail));
        Self { low: sorted[rank - 1], high: sorted[n - rank] }
    }
}

/// The median; of an even number the mean of the middle two.
///
/// # Panics
/// Where there are no values.
pub fn median(values: &[f64]) -> f64 {
    samples::median(values).expect("there are values")
}

/// The rank, from 1, of the value below which the median lies with at most the chance `tail`, whatever
/// the distribution; `None` where there are too few values for that.
fn sign_rank(n: usize, tail: f64) -> Option<usize> {
    (1..=n.div_ceil(2)).rev().find(|rank| 1.0 - at_least(n, 0.5, *rank) <= tail)
}

/// The rank, from 1, of the lower end of the percentile bootstrap.
fn bootstrap_rank(n: usize, tail: f64) -> usize {
    let half = n.div_ceil(2);
    (1..half).find(|rank| at_least(n, *rank as f64 / n as f64, half) >= tail).unwrap_or(half)
}

/// The chance that of `n` trials with the chance `p` at least `k` succeed.
fn at_least(n: usize, p: f64, k: usize) -> f64 {
    let chance = |successes: usize| {
        let ways: f64 = (1..=successes).map(|i| (((n - successes + i) as f64) / i as f64).ln()).sum();
        (ways + successes as f64 * p.ln() + (n - successes) as f64 * (1.0 - p).ln()).exp()
    };
    // The shorter side, so that a small chance is no difference of large ones.
    if k > n / 2 { (k..=n).map(chance).sum() } else { 1.0 - (0..k).map(chance).sum::<f64>() }
}

/// The value that Student's t with `degrees` of freedom exceeds with the chance `tail`, below one half.
/// Degrees are rounded down to a whole number, and count as 1000 above that.
pub fn student_quantile(tail: f64, degrees: f64) -> f64 {
    let degrees = degrees.clamp(1.0, 1000.0) as u32;
    let (mut low, mut high) = (0.0, 1.0);
    while student_tail(high, degrees) > tail && high < 1e12 {
        high *= 2.0;
    }
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if student_tail(middle, degrees) > tail { low = middle } else { high = middle }
    }
    high
}

/// The chance that Student's t exceeds `t`, above 0 (Abramowitz and Stegun 26.7.3 and 26.7.4).
fn student_tail(t: f64, degrees: u32) -> f64 {
    let nu = f64::from(degrees);
    let theta = (t / nu.sqrt()).atan();
    let cos = theta.cos();
    let odd = degrees % 2 == 1;
    let (mut term, mut sum) = if odd { (cos, cos) } else { (1.0, 1.0) };
    if degrees == 1 {
        sum = 0.0;
    }
    let mut factor = if odd { 2 } else { 1 };
    while factor + 3 <= degrees {
        term *= f64::from(factor) / f64::from(factor + 1) * cos * cos;
        sum += term;
        factor += 2;
    }
    let within =
        if odd { (theta + theta.sin() * sum) * std::f64::consts::FRAC_2_PI } else { theta.sin() * sum };
    ((1.0 - within) / 2.0).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn close(left: f64, right: f64, share: f64) {
        assert!((left - right).abs() <= share * right.abs(), "{left} is not {right}");
    }

    #[test]
    fn students_quantiles_are_those_of_the_tables() {
        for (tail, degrees, expected) in [
            (0.025, 1.0, 12.706),
            (0.025, 2.0, 4.3027),
            (0.025, 3.0, 3.1824),
            (0.025, 4.0, 2.7764),
            (0.025, 5.0, 2.5706),
            (0.005, 8.0, 3.3554),
            (0.0005, 9.0, 4.7809),
            (0.0005, 30.0, 3.6460),
            (0.025, 1e9, 1.962),
        ] {
            close(student_quantile(tail, degrees), expected, 1e-3);
        }
        close(student_quantile(1e-6, 1000.0), 4.786, 5e-3);
    }

    #[test]
    fn binomial_chances() {
        close(at_least(5, 0.5, 5), 1.0 / 32.0, 1e-12);
        close(at_least(25, 0.5, 13), 0.5, 1e-12);
        close(at_least(3, 0.25, 1), 1.0 - 0.421_875, 1e-12);
    }

    #[test]
    fn the_ranks_of_the_sign_test() {
        // 0.5^5 = 3.1 % is the least chance that five values can give.
        assert_eq!(sign_rank(5, 0.025), None);
        assert_eq!(sign_rank(6, 0.025), Some(1));
        // P(Bin(25, 1/2) <= 7) = 2.16 %, <= 8 is 5.4 %.
        assert_eq!(sign_rank(25, 0.025), Some(8));
        assert_eq!(sign_rank(25, 0.000_4), Some(4));
    }

    #[test]
    fn the_interval_holds_the_middle_and_grows_with_the_level() {
        let values: Vec<f64> = (0..25).map(|value| f64::from(value * 7 % 25)).collect();
        let mut pool = Pool::default();
        pool.add(&values);
        let wide = Interval::of_median(&values, &pool, 1e-5);
        let narrow = Interval::of_median(&values, &pool, 0.05);
        assert!(wide.low < narrow.low && narrow.low < 12.0 && 12.0 < narrow.high && narrow.high < wide.high);
    }

    #[test]
    fn few_pairs_lean_on_the_group_and_never_trust_their_own_agreement() {
        let same = [0.5, 0.5, 0.5];
        let mut pool = Pool::default();
        pool.add(&same);
        for _ in 0..20 {
            pool.add(&[-0.1, 0.0, 0.1]);
        }
        let interval = Interval::of_median(&same, &pool, 1e-4);
        assert!(interval.low < 0.3 && interval.high > 0.7, "{interval:?}");
        let alone = Interval::of_median(&[0.5], &Pool::default(), 1e-4);
        assert!(alone.low.is_infinite() && alone.high.is_infinite());
    }
}
