//! Figures as people read them: three significant digits and the unit that fits.
//!
//! Tables and charts both use these functions, so a figure has the same digits wherever it stands.
//! The module knows nothing of tables and charts.

use crate::workload::{Params, Unit, Value};

/// Units of one kind with the factor of each, in rising order.
type Steps = &'static [(f64, &'static str)];

const KIB: f64 = 1024.0;

fn steps(unit: Unit) -> Steps {
    match unit {
        Unit::Nanoseconds => &[(1.0, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s")],
        Unit::OperationsPerSecond => &[(1.0, "op/s"), (1e3, "k op/s"), (1e6, "M op/s"), (1e9, "G op/s")],
        Unit::Bytes => &[(1.0, "B"), (KIB, "KiB"), (KIB * KIB, "MiB"), (KIB * KIB * KIB, "GiB")],
        Unit::BytesPerFile => &[(1.0, "B/file"), (KIB, "KiB/file"), (KIB * KIB, "MiB/file")],
        Unit::BytesPerByte => &[(1.0, "B/B")],
        Unit::Share => &[(0.01, "%")],
        Unit::Exponent => &[(1.0, "")], // has two decimals instead, because 0 is as good as any
    }
}

/// The unit itself, for the title of an axis whose ticks say the rest.
pub fn name(unit: Unit) -> &'static str {
    match unit {
        Unit::Nanoseconds => "time",
        Unit::OperationsPerSecond => "rate",
        Unit::Bytes => "bytes",
        Unit::BytesPerFile => "bytes for each file",
        Unit::BytesPerByte => "bytes for each byte",
        Unit::Share => "share",
        Unit::Exponent => "exponent",
    }
}

/// Whether larger units are 1024 times, not 1000 times, the smaller ones.
pub fn is_binary(unit: Unit) -> bool {
    matches!(unit, Unit::Bytes | Unit::BytesPerFile)
}

/// The factor of the unit that a value of this size is printed in.
pub fn factor(value: f64, unit: Unit) -> f64 {
    step(value, unit).0
}

/// The largest step of which the value, with the digits that are printed, is at least one.
fn step(value: f64, unit: Unit) -> (f64, &'static str) {
    let steps = steps(unit);
    let fits = |(factor, _): &&(f64, &str)| rounded(value / factor).abs() >= 1.0;
    *steps.iter().rev().find(fits).unwrap_or(&steps[0])
}

/// Rounds to three significant digits.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let scale = 10_f64.powi(2 - value.abs().log10().floor() as i32);
    (value * scale).round() / scale
}

/// Three significant digits without an exponent as long as they can be read; what is below a millionth is 0.
fn digits(value: f64) -> String {
    let value = rounded(value);
    let magnitude = if value == 0.0 { 2 } else { value.abs().log10().floor() as i32 };
    if magnitude < -6 {
        return "0".to_owned();
    }
    if magnitude >= 15 {
        return format!("{value:.2e}"); // nothing that is measured, but a wrong number would be worse
    }
    if magnitude >= 3 {
        let sign = if value < 0.0 { "-" } else { "" };
        return format!("{sign}{}", grouped(value.abs().round() as u64));
    }
    format!("{value:.*}", (2 - magnitude).clamp(0, 8) as usize)
}

fn with_unit(digits: &str, name: &str) -> String {
    if name.is_empty() { digits.to_owned() } else { format!("{digits} {name}") }
}

/// The value with its unit: `1.23 ms`.
pub fn figure(value: f64, unit: Unit) -> String {
    if unit == Unit::Exponent {
        return format!("{:.2}", (value * 100.0).round() / 100.0 + 0.0); // never -0.00
    }
    let (factor, name) = step(value, unit);
    with_unit(&digits(value / factor), name)
}

/// The same without zeros that say nothing, for the ticks of an axis: `1 ms`.
pub fn tick(value: f64, unit: Unit) -> String {
    let (factor, name) = step(value, unit);
    let digits = digits(value / factor);
    let short = match digits.split_once('.') {
        Some(_) => digits.trim_end_matches('0').trim_end_matches('.'),
        None => &digits,
    };
    with_unit(short, name)
}

/// How far samples lie from the median at most, as a share of it: `±3 %`.
pub fn spread(share: f64) -> String {
    let percent = share * 100.0;
    if percent < 0.05 {
        "±0 %".to_owned()
    } else if percent < 9.95 {
        format!("±{percent:.1} %")
    } else {
        format!("±{} %", grouped(percent.round() as u64))
    }
}

/// A ratio of two medians: `2.10×`.
pub fn ratio(ratio: f64) -> String {
    if (0.1..1.0).contains(&ratio) { format!("{ratio:.2}×") } else { format!("{}×", digits(ratio)) }
}

/// A count with its thousands set apart: `1,000,000`.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number of bytes: whole KiB, MiB or GiB where it is one, else bytes.
pub fn bytes(count: u64) -> String {
    let names = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let whole = names.iter().find(|(size, _)| count >= *size && count.is_multiple_of(*size));
    match whole {
        Some((size, name)) => format!("{} {name}", grouped(count / size)),
        None => format!("{} B", grouped(count)),
    }
}

/// The value of a parameter. Names that stand for bytes or rates throughout the workloads give it a unit.
pub fn parameter(name: &str, value: &Value) -> String {
    match (name, value) {
        ("bytes" | "payload" | "piece" | "size" | "limit" | "page" | "block", Value::Number(count)) => {
            bytes(*count)
        }
        ("rate", Value::Number(count)) => tick(*count as f64, Unit::OperationsPerSecond),
        (_, Value::Number(count)) => grouped(*count),
        (_, Value::Word(word)) => word.clone(),
    }
}

/// Parameters as a phrase: `mix mixed, payload 4 KiB`; only those that `keep` says yes to.
pub fn parameters(params: &Params, keep: impl Fn(&str) -> bool) -> String {
    let phrase = |(name, value): (&str, &Value)| match (name.strip_suffix("ms"), value) {
        (Some(""), Value::Number(_)) => format!("for {value} ms"),
        (Some(what), Value::Number(_)) if what.ends_with('-') => {
            format!("{} {value} ms", what.trim_end_matches('-'))
        }
        _ => format!("{name} {}", parameter(name, value)),
    };
    params.iter().filter(|(name, _)| keep(name)).map(phrase).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: f64, unit: Unit, expected: &str) {
        assert_eq!(figure(value, unit), expected, "{value} {unit:?}");
    }

    #[test]
    fn times() {
        use Unit::Nanoseconds as Ns;
        check(0.0, Ns, "0 ns");
        check(0.1234, Ns, "0.123 ns");
        check(1.0, Ns, "1.00 ns");
        check(12.34, Ns, "12.3 ns");
        check(999.4, Ns, "999 ns");
        check(999.6, Ns, "1.00 µs");
        check(9_996.0, Ns, "10.0 µs");
        check(1_234_567.0, Ns, "1.23 ms");
        check(999_999_999.0, Ns, "1.00 s");
        check(12_345e9, Ns, "12,300 s");
        check(-1500.0, Ns, "-1.50 µs");
        check(1e-9, Ns, "0 ns");
        check(1e300, Ns, "1.00e291 s");
    }

    #[test]
    fn other_units() {
        check(950.0, Unit::OperationsPerSecond, "950 op/s");
        check(1_500_000.0, Unit::OperationsPerSecond, "1.50 M op/s");
        check(1023.0, Unit::Bytes, "1,020 B");
        check(1024.0, Unit::Bytes, "1.00 KiB");
        check(16.0 * KIB * KIB, Unit::Bytes, "16.0 MiB");
        check(163.2, Unit::BytesPerFile, "163 B/file");
        check(1.046, Unit::BytesPerByte, "1.05 B/B");
        check(0.973, Unit::Share, "97.3 %");
        check(1.0, Unit::Share, "100 %");
        check(0.000_012, Unit::Share, "0.00120 %");
        check(1.017, Unit::Exponent, "1.02");
        check(-0.02, Unit::Exponent, "-0.02");
        check(-0.002, Unit::Exponent, "0.00");
    }

    #[test]
    fn ticks_have_no_idle_zeros() {
        let check = |value, expected: &str| assert_eq!(tick(value, Unit::Nanoseconds), expected);
        check(1e6, "1 ms");
        check(2.5e6, "2.5 ms");
        check(200.0, "200 ns");
        check(100e9, "100 s");
    }

    #[test]
    fn spreads_ratios_counts_and_bytes() {
        let check = |share, expected: &str| assert_eq!(spread(share), expected);
        check(0.0, "±0 %");
        check(0.034, "±3.4 %");
        check(0.0996, "±10 %");
        check(0.25, "±25 %");
        check(12.0, "±1,200 %");
        assert_eq!([1.0, 0.5, 13.37].map(ratio), ["1.00×", "0.50×", "13.4×"]);
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([256, 4096, 1 << 20, 5000, 0].map(bytes), ["256 B", "4 KiB", "1 MiB", "5,000 B", "0 B"]);
    }

    #[test]
    fn parameters_say_their_unit() {
        let params = Params::new().number("payload", 4096).number("rate", 100_000).word("mix", "mixed");
        assert_eq!(parameters(&params, |_| true), "mix mixed, payload 4 KiB, rate 100 k op/s");
        assert_eq!(parameters(&params, |name| name == "mix"), "mix mixed");
        let times = Params::new().number("ms", 60).number("phase-ms", 75).number("items", 3);
        assert_eq!(parameters(&times, |_| true), "items 3, for 60 ms, phase 75 ms");
    }
}
