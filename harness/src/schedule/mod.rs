//! The schedule: which round of which cell runs when, and what becomes of its answer.
//!
//! Backends take turns inside a cell, each round in another order (A B C D, B A D C, ...), so a machine
//! that becomes slower or warmer while a cell runs does so for all of them, and nobody always follows the
//! same neighbour's garbage at the same place. A backend that cannot do a cell is asked once; one that fails or panics loses the
//! cell, is reported, and the run goes on.
//!
//! The schedule knows neither stores nor what is measured, and nothing of files.

mod column;
mod runner;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use runner::Runner;

use crate::results::schema::Cell;
use crate::store::Failure;
use crate::workload::{Params, Round, Scope, Workload};
use column::Column;

/// What is to be run.
pub struct Plan {
    /// How much of everything.
    pub scope: Scope,
    /// How often each backend gets its turn in a cell.
    pub rounds: usize,
    /// The workloads, in the order of tables.
    pub workloads: Vec<Box<dyn Workload>>,
    /// Who runs them, in the order of tables.
    pub runners: Vec<Box<dyn Runner>>,
}

/// What came of a plan.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The figures, by workload, parameters, metric and backend, each in the order of the plan.
    pub cells: Vec<Cell>,
    /// What went wrong, in the order in which it did.
    pub faults: Vec<Fault>,
}

/// A round that went wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{workload}{}{params} on {backend}, round {round}: {message}", if params.iter().next().is_some() { " " } else { "" })]
pub struct Fault {
    /// The name of the workload.
    pub workload: String,
    /// The parameters of the cell.
    pub params: Params,
    /// The name of the backend.
    pub backend: String,
    /// Which round it was; the first is 1.
    pub round: usize,
    /// What went wrong.
    pub message: String,
}

/// Somebody who watches a run.
pub trait Progress {
    /// The run begins; so many rounds are planned, over all cells and backends.
    fn begin(&mut self, _rounds: usize) {}

    /// A cell begins, and with it so many of those rounds.
    fn cell(&mut self, _workload: &str, _params: &Params, _rounds: usize) {}

    /// A backend's turn begins; the first round is 1.
    fn turn(&mut self, _backend: &str, _round: usize) {}

    /// A turn is over, or was skipped.
    fn done(&mut self) {}

    /// The run is over.
    fn end(&mut self) {}
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let workloads: Vec<&str> = self.workloads.iter().map(|workload| workload.name()).collect();
        let runners: Vec<&str> = self.runners.iter().map(|runner| runner.name()).collect();
        let mut plan = f.debug_struct("Plan");
        plan.field("scope", &self.scope).field("rounds", &self.rounds);
        plan.field("workloads", &workloads).field("runners", &runners).finish()
    }
}

impl Plan {
    /// Runs all of it.
    pub fn run(mut self, progress: &mut dyn Progress) -> Outcome {
        let mut outcome = Outcome::default();
        let work: Vec<(usize, Params)> = (self.workloads.iter().enumerate())
            .flat_map(|(index, workload)| {
                workload.cells(&self.scope).into_iter().map(move |params| (index, params))
            })
            .collect();
        let turns = self.rounds * self.runners.len();
        progress.begin(work.len() * turns);
        for (index, params) in work {
            let workload = &*self.workloads[index];
            progress.cell(workload.name(), &params, turns);
            let columns = run_cell(
                workload,
                &params,
                &self.scope,
                self.rounds,
                &mut self.runners,
                progress,
                &mut outcome,
            );
            for metric in workload.metrics() {
                outcome.cells.extend(columns.iter().map(|column| column.cell(workload, &params, metric)));
            }
        }
        progress.end();
        outcome
    }
}

/// Runs all rounds of one cell on all backends, in turns.
fn run_cell(
    workload: &dyn Workload,
    params: &Params,
    scope: &Scope,
    rounds: usize,
    runners: &mut [Box<dyn Runner>],
    progress: &mut dyn Progress,
    outcome: &mut Outcome,
) -> Vec<Column> {
    let left_out = |runner: &dyn Runner| workload.left_out(runner.backend()?, params, scope);
    let mut columns: Vec<Column> = (runners.iter())
        .map(|runner| Column::new(&**runner, workload.metrics(), left_out(&**runner)))
        .collect();
    let count = runners.len();
    for round in 0..rounds {
        for place in order(round, count) {
            let (runner, column) = (&mut *runners[place], &mut columns[place]);
            if column.is_open() {
                progress.turn(runner.name(), round + 1);
                if let Err(message) = take_turn(runner, column, workload, params) {
                    column.fail(round + 1, &message);
                    outcome.faults.push(Fault {
                        workload: workload.name().to_owned(),
                        params: params.clone(),
                        backend: runner.name().to_owned(),
                        round: round + 1,
                        message,
                    });
                }
            }
            progress.done();
        }
    }
    columns
}

/// The order of a round: another one begins, and with another stride, so neighbours change too.
fn order(round: usize, count: usize) -> impl Iterator<Item = usize> {
    // A stride without a common divisor meets everybody once.
    let strides: Vec<usize> = (1..count).filter(|stride| divisor(*stride, count) == 1).collect();
    let stride = if strides.is_empty() { 1 } else { strides[round % strides.len()] };
    (0..count).map(move |turn| (round + turn * stride) % count)
}

/// The greatest common divisor.
fn divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { divisor(b, a % b) }
}

/// One turn of one backend; the error is what went wrong.
fn take_turn(
    runner: &mut dyn Runner,
    column: &mut Column,
    workload: &dyn Workload,
    params: &Params,
) -> Result<(), String> {
    // A store that panicked is dropped with its round, so nobody sees what it left behind.
    let answer = catch_unwind(AssertUnwindSafe(|| runner.round(workload, params)));
    let round: Round = match answer {
        Ok(Ok(round)) => round,
        Ok(Err(Failure::Cannot(reason))) => return column.cannot(reason),
        Ok(Err(failure @ Failure::Full)) => return Err(failure.to_string()),
        Ok(Err(Failure::Failed(cause))) => return Err(chain(&*cause)),
        Err(panic) => return Err(format!("panicked: {}", panic_message(&*panic))),
    };
    column.add(round)
}

/// An error and its causes. Many errors print their cause themselves; it is not said twice.
fn chain(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
        cause = error.source();
    }
    message
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}

#[cfg(test)]
mod tests;
