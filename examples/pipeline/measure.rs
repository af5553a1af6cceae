//! How long things took, and how that is shown.

use std::fmt;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// The durations of one kind of call.
#[derive(Debug, Clone)]
pub struct Timings(Histogram<u64>);

impl Default for Timings {
    fn default() -> Self {
        Self(Histogram::new(3).expect("three digits are possible"))
    }
}

impl Timings {
    /// Runs something and notes how long it took.
    pub fn time<T>(&mut self, call: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = call();
        let nanos = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.0.record(nanos).expect("it grows as needed");
        done
    }

    pub fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("it grows as needed");
    }
}

/// The heads of the columns of [`Timings`].
pub const COLUMNS: &str = "     count       p50       p90       p99     p99.9       max";

impl fmt::Display for Timings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>10}", grouped(self.0.len()))?;
        for nanos in [0.5, 0.9, 0.99, 0.999].map(|quantile| self.0.value_at_quantile(quantile)) {
            write!(f, "{:>10}", short(nanos))?;
        }
        write!(f, "{:>10}", short(self.0.max()))
    }
}

/// A time in three digits or so.
fn short(nanos: u64) -> String {
    match nanos {
        0..1_000 => format!("{nanos} ns"),
        1_000..1_000_000 => format!("{:.1} µs", nanos as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} ms", nanos as f64 / 1e6),
        _ => format!("{:.2} s", nanos as f64 / 1e9),
    }
}

/// A number with its digits in groups of three.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of bytes in MiB.
pub fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / 1_048_576.0)
}

/// Files and bytes in some time, and how many of both in a second.
pub fn rate(files: u64, bytes: u64, time: Duration) -> String {
    let seconds = time.as_secs_f64().max(1e-9);
    let (per_second, megabytes) = (files as f64 / seconds, bytes as f64 / 1e6 / seconds);
    format!(
        "{:>10} files in {seconds:>7.2} s {:>10} files/s {megabytes:>8.1} MB/s",
        grouped(files),
        grouped(per_second as u64)
    )
}
