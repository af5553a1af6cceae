//! `arcfs-harness compare BASE NEW`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{Execution, complain, print};
use crate::compare::admission::{Objection, objections};
use crate::compare::{Rules, compare, table};
use crate::results::file;

/// Compares two result files. The rivals in both tell how much the machine moved.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 nothing regressed; 1 something did; 2 the files cannot be read or compared"
)]
pub struct Options {
    /// The result file to compare with.
    base: PathBuf,
    /// The result file in question.
    new: PathBuf,
    /// Changes up to this are of no interest.
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = percent)]
    threshold: f64,
    /// Shows every cell, what is the same and what is uncertain too, and how the rivals moved.
    #[arg(long)]
    all: bool,
    /// Compares runs of different machines or profiles too.
    #[arg(long)]
    force: bool,
}

/// Reads `5%`, `5 %` or `5` as 0.05.
///
/// # Errors
/// A sentence, where it is no number, or not from 0 % to 1000 %.
pub fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches('%').trim_end();
    match number.parse::<f64>() {
        Ok(value) if (0.0..=1000.0).contains(&value) => Ok(value / 100.0),
        _ => Err("expected percent from 0 to 1000, such as 5%".to_owned()),
    }
}

/// Compares, prints, and answers 0, or 1 where something regressed.
///
/// # Errors
/// Where a file cannot be read, or the runs cannot be compared.
pub fn execute(options: &Options) -> Execution {
    let (base, new) = (file::read(&options.base)?, file::read(&options.new)?);
    let mut refused = Vec::new();
    for objection in objections(&base, &new) {
        match objection {
            Objection::Impossible(why) => return Err(why.into()),
            Objection::Refused(why) if !options.force => refused.push(why),
            Objection::Refused(text) | Objection::Warning(text) => complain(&format!("warning: {text}")),
        }
    }
    if !refused.is_empty() {
        return Err(format!("{}; --force compares all the same", refused.join("; ")).into());
    }
    let rules = Rules::separate(options.threshold);
    let comparison = compare(&base, &new, &rules);
    if comparison.judged.is_empty() {
        return Err("the runs have no cell of arcfs in common that has a ratio".into());
    }
    if comparison.control.is_empty() {
        complain(
            "warning: no rival is in both runs, so nothing tells how much the machine moved; assumed: 20 %",
        );
    }
    if comparison.fewest_pairs < 5 {
        complain(&format!(
            "warning: few rounds ({}): small changes cannot be found",
            comparison.fewest_pairs
        ));
    }
    print(&table::report(&comparison, &rules, options.all))?;
    Ok(if comparison.regressed() { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_is_read_with_and_without_its_sign() {
        for (text, expected) in [("5%", Some(0.05)), ("2.5 %", Some(0.025)), ("10", Some(0.1))] {
            assert_eq!(percent(text).ok(), expected, "{text}");
        }
        for text in ["", "%", "-1%", "many", "NaN", "5%%x"] {
            assert!(percent(text).is_err(), "{text}");
        }
    }

    /// A result file of one workload on arcfs in two ways and six rivals, each way so many times slower than usual.
    fn file(dir: &std::path::Path, cpu: &str, slower: [f64; 2]) -> PathBuf {
        let cell = |backend: usize| {
            let arcfs = backend < slower.len();
            let factor = slower.get(backend).copied().unwrap_or(1.0);
            let samples = [100.0, 101.0, 99.0, 100.5, 99.5].map(|sample| factor * sample);
            serde_json::json!({
                "workload": "w", "params": {}, "metric": "total", "backend": backend.to_string(),
                "arcfs": arcfs, "unit": "ns", "better": "lower", "samples": samples, "median": 100.0 * factor,
                "min": 99.0 * factor, "max": 101.0 * factor, "checks": 1,
            })
        };
        let meta = serde_json::json!({
            "commit": "", "dirty": false, "rustc": "", "profile": "release", "cpu": cpu, "cores": 2, "memory": 1,
            "kernel": "", "date": "", "args": [], "extent": "default", "rounds": 5, "rivals": [],
        });
        let cells: Vec<_> = (0..8).map(cell).collect();
        let path = dir.join(format!("{cpu}{slower:?}.json"));
        let run = serde_json::json!({ "schema": 1, "meta": meta, "cells": cells });
        std::fs::write(&path, run.to_string()).expect("written");
        path
    }

    fn code(base: &std::path::Path, new: &std::path::Path, force: bool) -> Option<ExitCode> {
        let options =
            Options { base: base.to_owned(), new: new.to_owned(), threshold: 0.05, all: true, force };
        execute(&options).ok()
    }

    #[test]
    fn exit_codes() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = |cpu, slower| file(dir.path(), cpu, slower);
        let (base, other) = (file("a", [1.0, 1.0]), file("b", [1.0, 1.0]));
        let (slow, fast) = (file("a", [2.0, 2.0]), file("a", [0.5, 0.5]));
        let one_way = file("a", [2.0, 1.0]);
        assert_eq!(code(&base, &base, false), Some(ExitCode::SUCCESS));
        assert_eq!(code(&base, &slow, false), Some(ExitCode::from(1)));
        assert_eq!(code(&base, &fast, false), Some(ExitCode::SUCCESS));
        // Few rounds of one cell are no evidence without the other way to use the same engine.
        assert_eq!(code(&base, &one_way, false), Some(ExitCode::SUCCESS));
        assert_eq!(code(&base, &other, false), None);
        assert_eq!(code(&base, &other, true), Some(ExitCode::SUCCESS));
        assert_eq!(code(&base, &dir.path().join("missing"), false), None);
    }
}
