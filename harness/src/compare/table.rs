//! The outcome of a comparison as text for people.
//!
//! Knows how to print, not how to judge.

use std::fmt::Write as _;

use super::pairs::Of;
use super::{Comparison, Drift, Judged, Rules, Verdict};
use crate::report::{PlainTable, format};
use crate::results::key::Key;

/// The report of `comparison`: what changed, or with `all` every cell; what the control says; a summary.
pub fn report(comparison: &Comparison, rules: &Rules, all: bool) -> String {
    let mut text = String::new();
    for (verdict, title) in [
        (Verdict::Regression, "REGRESSIONS"),
        (Verdict::Improvement, "Improvements"),
        (Verdict::Uncertain, "Beyond the threshold, but too noisy to tell"),
        (Verdict::Same, "Within the threshold"),
    ] {
        let shown = matches!(verdict, Verdict::Regression | Verdict::Improvement) || all;
        let mut judged: Vec<&Judged> =
            comparison.judged.iter().filter(|judged| judged.verdict == verdict).collect();
        if shown && !judged.is_empty() {
            judged.sort_by(|left, right| right.ratio.total_cmp(&left.ratio));
            push(&mut text, &format!("{title}\n{}\n", changes(&judged)));
        }
    }
    if all && !comparison.control.is_empty() {
        push(&mut text, &format!("How the rivals moved\n{}\n", control(comparison)));
    }
    only(&mut text, "only in the base", &comparison.only_base, all);
    only(&mut text, "only in the new run", &comparison.only_new, all);
    if !comparison.no_ratio.is_empty() {
        let cells = comparison.no_ratio.len();
        push(&mut text, &format!("{cells} cells of arcfs without a ratio were not judged"));
        if all {
            for (key, why) in &comparison.no_ratio {
                push(&mut text, &format!("  {key}: {why}"));
            }
        }
    }
    push(&mut text, &summary(comparison, rules));
    text
}

fn push(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a string grows");
}

fn only(text: &mut String, which: &str, keys: &[Key], all: bool) {
    if keys.is_empty() {
        return;
    }
    push(text, &format!("{} cells {which}", keys.len()));
    if all {
        keys.iter().for_each(|key| push(text, &format!("  {key}")));
    }
}

/// One line on what was found, and how sure it is.
fn summary(comparison: &Comparison, rules: &Rules) -> String {
    let count = |verdict| comparison.count(verdict);
    let corrected = match rules.drift {
        Drift::Measured => ", less what the rivals of the workload moved",
        Drift::Interleaved => "",
    };
    format!(
        "of {} cells and means of arcfs: {} regressions, {} improvements, {} uncertain, {} the same\n\
         (worse by: median of at least {} paired ratios{corrected}; threshold {} %; chance of any false alarm {})",
        comparison.judged.len(),
        count(Verdict::Regression),
        count(Verdict::Improvement),
        count(Verdict::Uncertain),
        count(Verdict::Same),
        comparison.fewest_pairs,
        (rules.threshold * 1000.0).round() / 10.0,
        rules.family,
    )
}

fn changes(judged: &[&Judged]) -> PlainTable {
    let header = ["workload", "parameters", "metric", "backend", "base", "new", "worse by", "interval"];
    let mut table = PlainTable::new(header, 4..8);
    for judged in judged {
        let Key { workload, params, metric, backend } = &judged.pairs.key;
        let params = match judged.pairs.of {
            Of::Cell => params.to_string(),
            Of::Mean(cells) => format!("(mean of {cells} cells)"),
        };
        let unit = judged.pairs.unit;
        let value = |value: Option<f64>| value.map_or_else(String::new, |value| format::figure(value, unit));
        table.push([
            workload.clone(),
            params,
            metric.clone(),
            backend.clone(),
            value(judged.pairs.medians.map(|(base, _)| base)),
            value(judged.pairs.medians.map(|(_, new)| new)),
            factor(judged.ratio),
            format!("{} .. {}", factor(judged.interval.0), factor(judged.interval.1)),
        ]);
    }
    table
}

fn control(comparison: &Comparison) -> PlainTable {
    let mut table = PlainTable::new(["workload", "metric", "rivals' cells", "shift", "spread"], 2..5);
    for ((workload, metric), shift, spread, cells) in &comparison.control {
        table.push([
            workload.clone(),
            metric.clone(),
            cells.to_string(),
            factor(*shift),
            format!("{:.0} %", spread * 100.0),
        ]);
    }
    table
}

fn factor(ratio: f64) -> String {
    if ratio.is_finite() && ratio < 1000.0 { format::ratio(ratio) } else { "∞".to_owned() }
}
