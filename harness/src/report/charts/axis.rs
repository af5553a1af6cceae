//! Axes: where a value lies between two ends, and which values are written beside the axis.
//!
//! It knows nothing of pixels.

use crate::report::format;
use crate::workload::Unit;

/// A range of values that needs a logarithmic axis to be seen.
const WIDE: f64 = 20.0;
/// A range of values that a logarithmic axis would have too few ticks for.
const NARROW: f64 = 5.0;
/// Ticks that fit beside each other.
const TICKS: usize = 8;

/// An axis from one value to another.
#[derive(Clone, Debug)]
pub struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
    /// Values with what is written beside them, in rising order.
    pub ticks: Vec<(f64, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    Linear,
    Log,
    /// Of quantiles: the number of nines, -log10(1 - q).
    Nines,
}

impl Scale {
    fn of(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Log => value.log10(),
            Self::Nines => -(1.0 - value).log10(),
        }
    }
}

impl Axis {
    /// For bars: from 0, or logarithmic from the tick below the smallest value where the largest is more
    /// than 20 times as large.
    pub fn of_bars(values: impl IntoIterator<Item = f64>, unit: Unit) -> Self {
        let (low, high) = bounds(values);
        if low <= 0.0 || high / low <= WIDE {
            return Self::linear(low, high, unit);
        }
        let mut axis = Self::log(low / 1.5, high, unit);
        axis.low = axis.ticks.first().map_or(axis.low, |(first, _)| first.min(low / 1.1));
        axis
    }

    /// For lines: the same, but close around the values where it is logarithmic.
    pub fn of_lines(values: impl IntoIterator<Item = f64>, unit: Unit) -> Self {
        let (low, high) = bounds(values);
        if low > 0.0 && high / low > WIDE {
            Self::log(low, high, unit)
        } else {
            Self::linear(low, high, unit)
        }
    }

    /// For lines: logarithmic wherever no value is 0 or less, unless they are so close that there would be
    /// hardly a round number between them.
    pub fn log_if_positive(values: impl IntoIterator<Item = f64>, unit: Unit) -> Self {
        let (low, high) = bounds(values);
        if low > 0.0 && high / low > NARROW {
            Self::log(low, high, unit)
        } else {
            Self::linear(low, high, unit)
        }
    }

    fn linear(low: f64, high: f64, unit: Unit) -> Self {
        let (low, mut high) = (low.min(0.0), high.max(0.0));
        if high <= low {
            high = low + 1.0;
        }
        // Ticks are round numbers of the unit that they are printed in.
        let factor = format::factor(high.max(-low), unit);
        let step = nice((high - low) / factor / 5.0) * factor;
        let (first, last) = ((low / step).floor() as i64, (high / step).ceil() as i64);
        let ticks = (first..=last).map(|index| index as f64 * step);
        let ticks: Vec<_> = ticks.map(|value| (value, format::tick(value, unit))).collect();
        Self { scale: Scale::Linear, low: first as f64 * step, high: last as f64 * step, ticks }
    }

    /// From a little below the smallest value to a little above the largest.
    fn log(low: f64, high: f64, unit: Unit) -> Self {
        // No further than that, or the ends would leave the numbers.
        let (low, high) = (low.max(1e-250), high.clamp(1e-250, 1e250));
        let room = (high / low).clamp(1.0, 1e100).powf(0.04).max(1.05);
        let (low, high) = (low / room, high * room);
        let ticks = log_ticks(low, high, unit);
        let ticks = ticks.into_iter().map(|value| (value, format::tick(value, unit))).collect();
        Self { scale: Scale::Log, low, high, ticks }
    }

    /// Logarithmic, with a tick at each of the counts, which are above 0 and in rising order.
    pub fn counts(counts: &[u64]) -> Self {
        let ticks: Vec<_> = counts.iter().map(|count| (*count as f64, format::grouped(*count))).collect();
        let (first, last) = (ticks[0].0, ticks[ticks.len() - 1].0);
        let room = (last / first).max(1.5).powf(0.06);
        Self { scale: Scale::Log, low: first / room, high: last * room, ticks }
    }

    /// Quantiles from a half to the largest of the values, which are below 1.
    pub fn nines(quantiles: impl IntoIterator<Item = f64>) -> Self {
        let high = quantiles.into_iter().fold(0.9, f64::max);
        let mut ticks = vec![(0.5, "50 %".to_owned())];
        for nines in 1..=9 {
            let quantile = 1.0 - 0.1_f64.powi(nines);
            if Scale::Nines.of(quantile) <= Scale::Nines.of(high) + 1e-6 {
                ticks.push((
                    quantile,
                    format!("{:.*} %", (nines as usize).saturating_sub(2), quantile * 100.0),
                ));
            }
        }
        Self { scale: Scale::Nines, low: 0.5, high, ticks }
    }

    /// Places 0, 1, 2, … with names.
    pub fn names(names: impl IntoIterator<Item = String>) -> Self {
        let ticks: Vec<_> = names.into_iter().enumerate().map(|(index, name)| (index as f64, name)).collect();
        let last = ticks.len().saturating_sub(1) as f64;
        Self { scale: Scale::Linear, low: -0.3, high: last + 0.3, ticks }
    }

    /// `count` rows without ticks, the middle of the first at 0.5.
    pub fn rows(count: usize) -> Self {
        Self { scale: Scale::Linear, low: 0.0, high: count as f64, ticks: Vec::new() }
    }

    /// Where the value lies, from 0 at the low end to 1 at the high end, and never outside.
    pub fn place(&self, value: f64) -> f64 {
        let of = |value| self.scale.of(value);
        let place = (of(value) - of(self.low)) / (of(self.high) - of(self.low));
        if place.is_nan() { 0.0 } else { place.clamp(0.0, 1.0) }
    }

    /// Where a bar begins: at 0, or at the low end where there is no 0.
    pub fn base(&self) -> f64 {
        if self.scale == Scale::Linear { self.place(0.0) } else { 0.0 }
    }

    /// A remark for the title of the axis.
    pub fn remark(&self) -> &'static str {
        if self.scale == Scale::Log { " (log scale)" } else { "" }
    }
}

/// The smallest and the largest; 0 and 1 where there is none.
fn bounds(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let values = values.into_iter().filter(|value| value.is_finite());
    let fold = |(low, high): (f64, f64), value: f64| (low.min(value), high.max(value));
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), fold);
    if low > high { (0.0, 1.0) } else { (low, high) }
}

/// 1, 2 or 5 times a power of ten, not below `value`.
fn nice(value: f64) -> f64 {
    let power = 10_f64.powi(value.log10().floor() as i32);
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|digit| digit * power)
        .find(|nice| *nice >= value * 0.999)
        .unwrap_or(value)
}

/// Round values in a range: as many as fit, and never fewer than two where there are two.
fn log_ticks(low: f64, high: f64, unit: Unit) -> Vec<f64> {
    let base: f64 = if format::is_binary(unit) { 2.0 } else { 10.0 };
    let exponents = ((low.ln() / base.ln()).floor() as i32, (high.ln() / base.ln()).ceil() as i32);
    let ticks = |digits: &[f64], step: i32| -> Vec<f64> {
        let multiples =
            (exponents.0.div_euclid(step)..=exponents.1.div_euclid(step)).map(|index| index * step);
        let ticks =
            multiples.flat_map(|exponent| digits.iter().map(move |digit| digit * base.powi(exponent)));
        ticks.filter(|tick| (low..=high).contains(tick)).collect()
    };
    let fine =
        if base == 10.0 { [ticks(&[1.0, 2.0, 5.0], 1), ticks(&[1.0, 3.0], 1)] } else { [vec![], vec![]] };
    let coarse = (1..).map(|step| ticks(&[1.0], step));
    let fits = |ticks: &Vec<f64>| ticks.len() <= TICKS && !ticks.is_empty();
    // Beyond so large a step there is no tick left to thin out.
    fine.into_iter().chain(coarse.take(1200)).find(fits).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn a_narrow_range_begins_at_zero_and_a_wide_one_is_logarithmic() {
        let narrow = Axis::of_bars([2e6, 9e6], Unit::Nanoseconds);
        assert_eq!(labels(&narrow), ["0 ns", "2 ms", "4 ms", "6 ms", "8 ms", "10 ms"]);
        assert_eq!((narrow.place(0.0), narrow.place(10e6), narrow.place(99e6)), (0.0, 1.0, 1.0));
        let wide = Axis::of_bars([2e3, 5e6], Unit::Nanoseconds);
        assert_eq!(labels(&wide), ["1 µs", "3 µs", "10 µs", "30 µs", "100 µs", "300 µs", "1 ms", "3 ms"]);
        assert_eq!(wide.place(1e3), 0.0);
        let bytes = Axis::of_lines([100.0, 3000.0], Unit::Bytes);
        assert_eq!(labels(&bytes), ["128 B", "256 B", "512 B", "1 KiB", "2 KiB"]);
    }

    #[test]
    fn close_values_have_ticks_too() {
        let bytes = Axis::log_if_positive([1.1, 1.25], Unit::BytesPerByte);
        assert_eq!(labels(&bytes), ["0 B/B", "0.5 B/B", "1 B/B", "1.5 B/B"]);
        for step in 0..200 {
            let high = 1.01_f64.powi(step) * 7.3;
            for unit in [Unit::Nanoseconds, Unit::BytesPerFile, Unit::BytesPerByte, Unit::Share] {
                let ticks = Axis::log_if_positive([7.3, high], unit).ticks.len();
                assert!((2..=9).contains(&ticks), "{high} {unit:?}: {ticks}");
            }
        }
    }

    #[test]
    fn nines_are_evenly_spaced() {
        let axis = Axis::nines([0.5, 0.9, 0.999]);
        assert_eq!(labels(&axis), ["50 %", "90 %", "99 %", "99.9 %"]);
        let place = |quantile| axis.place(quantile);
        assert!(((place(0.999) - place(0.99)) - (place(0.99) - place(0.9))).abs() < 1e-9);
        assert_eq!(place(1.0), 1.0);
    }

    #[test]
    fn nothing_sensible_still_makes_an_axis() {
        let inputs = [vec![], vec![0.0], vec![-3.0, -1.0], vec![5.0], vec![f64::NAN], vec![1e-300, 1e300]];
        for values in inputs {
            for axis in [
                Axis::of_bars(values.clone(), Unit::Bytes),
                Axis::log_if_positive(values.clone(), Unit::OperationsPerSecond),
            ] {
                assert!(axis.ticks.len() < 30, "{values:?}");
                for value in values.iter().chain(&[0.0, -1.0]) {
                    assert!((0.0..=1.0).contains(&axis.place(*value)), "{values:?} {value}");
                }
            }
        }
    }
}
