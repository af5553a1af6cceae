//! What one backend gave in one cell, round by round, until it becomes figures.
//!
//! A figure has one sample from each round or none at all, so that rounds can be paired when runs are
//! compared. Why there is none is kept in words that begin with its kind: `cannot`, `left out`,
//! `failed`, `no value`.

use hdrhistogram::Histogram;

use super::Runner;
use crate::backend::Side;
use crate::results::samples;
use crate::results::schema::Cell;
use crate::workload::{Metric, Params, Round, Workload};

/// What one backend gave in one cell.
pub struct Column {
    backend: String,
    arcfs: bool,
    series: Vec<Series>,
    rounds: usize,
    checks: u64,
    /// Why the whole column is empty.
    empty: Option<String>,
}

/// The samples of one metric.
struct Series {
    metric: Metric,
    samples: Vec<f64>,
    latency: Option<Histogram<u64>>,
    /// Why this figure is empty.
    empty: Option<String>,
}

impl Column {
    /// An empty column; it stays empty where there is a reason to leave the backend out.
    pub fn new(runner: &dyn Runner, metrics: &[Metric], left_out: Option<&str>) -> Self {
        let series =
            |metric: &Metric| Series { metric: *metric, samples: Vec::new(), latency: None, empty: None };
        Self {
            backend: runner.name().to_owned(),
            arcfs: runner.backend().is_some_and(|backend| backend.side == Side::Arcfs),
            series: metrics.iter().map(series).collect(),
            rounds: 0,
            checks: 0,
            empty: left_out.map(|reason| format!("left out: {reason}")),
        }
    }

    /// Whether the backend still gets its turn.
    pub fn is_open(&self) -> bool {
        self.empty.is_none()
    }

    /// The backend cannot do this cell.
    ///
    /// # Errors
    /// It could in an earlier round.
    pub fn cannot(&mut self, reason: &str) -> Result<(), String> {
        if self.rounds > 0 {
            return Err(format!("could do it {} time(s) and now cannot: {reason}", self.rounds));
        }
        self.empty = Some(format!("cannot: {reason}"));
        Ok(())
    }

    /// The backend failed, so its earlier rounds are not to be trusted either.
    pub fn fail(&mut self, round: usize, message: &str) {
        self.empty = Some(format!("failed in round {round}: {message}"));
    }

    /// Adds the answer of a round.
    ///
    /// # Errors
    /// What is wrong with the answer: an unknown metric, no finite number, a figure without any check.
    pub fn add(&mut self, round: Round) -> Result<(), String> {
        self.rounds += 1;
        for (index, (name, value)) in round.values.iter().enumerate() {
            if !value.is_finite() {
                return Err(format!("the value of {name} is {value}"));
            }
            if round.values[..index].iter().any(|(earlier, _)| earlier == name) {
                return Err(format!("{name} has two values in a round"));
            }
            self.series(name)?.samples.push(*value);
        }
        for (name, histogram) in round.latencies {
            let latency = &mut self.series(name)?.latency;
            match latency {
                None => *latency = Some(histogram),
                Some(merged) => merged
                    .add(histogram)
                    .map_err(|error| format!("latencies of {name} cannot be merged: {error:?}"))?,
            }
        }
        for (name, reason) in &round.cannot {
            self.series(name)?.empty = Some(format!("cannot: {reason}"));
        }
        if !round.values.is_empty() && round.checks == 0 {
            return Err("measured something and checked no answer".to_owned());
        }
        self.checks += round.checks;
        let rounds = self.rounds;
        for series in &mut self.series {
            if series.samples.len() < rounds && series.empty.is_none() {
                series.empty = Some(format!("no value in round {rounds}"));
            }
        }
        Ok(())
    }

    fn series(&mut self, name: &str) -> Result<&mut Series, String> {
        let found = self.series.iter_mut().find(|series| series.metric.name == name);
        found.ok_or_else(|| format!("the workload has no metric {name}"))
    }

    /// The figure of one of its metrics.
    pub fn cell(&self, workload: &dyn Workload, params: &Params, metric: &Metric) -> Cell {
        let series = self.series.iter().find(|series| series.metric.name == metric.name);
        let series = series.expect("a column has a series for each metric of its workload");
        let empty = self.empty.as_ref().or(series.empty.as_ref()).cloned();
        let samples = if empty.is_none() { series.samples.clone() } else { Vec::new() };
        let summary = samples::summary(&samples);
        Cell {
            workload: workload.name().to_owned(),
            params: params.clone(),
            metric: metric.name.to_owned(),
            backend: self.backend.clone(),
            arcfs: self.arcfs,
            unit: metric.unit,
            better: metric.better,
            median: summary.map(|summary| summary.median),
            min: summary.map(|summary| summary.min),
            max: summary.map(|summary| summary.max),
            latency: series.latency.as_ref().filter(|_| !samples.is_empty()).and_then(samples::latency),
            checks: self.checks,
            empty,
            samples,
        }
    }
}
