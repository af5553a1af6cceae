//! One turn: every chosen cell once, on the backends of arcfs, as JSON for the process that asked.
//!
//! Values of rounds are compared, their histograms of latencies are not.

use crate::allocator;
use crate::backend::{self, Backend, Side};
use crate::results::schema::Cell;
use crate::store::Failure;
use crate::workload::{Extent, Isolation, Params, Scope, Workload};

/// The workloads of a turn whose names match a glob: those of [`super::paths`], and of the whole harness only where
/// a glob is given. Cells that want a process of their own for each round are not for turns, nor are workloads
/// that have no others.
///
/// # Errors
/// Where the glob is wrong, or nothing matches it.
pub fn chosen(glob: Option<&str>) -> Result<Vec<Box<dyn Workload>>, String> {
    let Some(glob) = glob else { return Ok(super::paths::all()) };
    let matcher = globset::Glob::new(glob).map_err(|error| error.to_string())?.compile_matcher();
    let mut workloads = super::paths::all();
    workloads.extend(crate::workload::all());
    let scope = Scope { extent: Extent::Quick, large: false };
    workloads
        .retain(|workload| workload.cells(&scope).iter().any(|params| is_for_turns(&**workload, params)));
    let names: Vec<&str> = workloads.iter().map(|workload| workload.name()).collect();
    let names = names.join(", ");
    workloads.retain(|workload| matcher.is_match(workload.name()));
    if workloads.is_empty() {
        return Err(format!("no workload matches {glob:?}; there are {names}"));
    }
    Ok(workloads)
}

fn is_for_turns(workload: &dyn Workload, params: &Params) -> bool {
    workload.isolation(params) == Isolation::Shared
}

/// Runs each cell once. `only` names backends, none means all of arcfs; `smoke` makes the cells small.
///
/// # Errors
/// Where an answer is wrong or a call fails.
pub fn cells(workloads: &[Box<dyn Workload>], only: &[String], smoke: bool) -> Result<Vec<Cell>, String> {
    let extent = if smoke { Extent::Smoke } else { Extent::Quick };
    let scope = Scope { extent, large: false };
    let arcfs: Vec<Backend> = backend::all()
        .into_iter()
        .filter(|backend| backend.side == Side::Arcfs)
        .filter(|backend| only.is_empty() || only.iter().any(|name| name == backend.name))
        .collect();
    let mut cells = Vec::new();
    for workload in workloads {
        for params in workload.cells(&scope).into_iter().filter(|params| is_for_turns(&**workload, params)) {
            for backend in &arcfs {
                if workload.left_out(backend, &params, &scope).is_none() {
                    cells.extend(round(&**workload, backend, &params)?);
                }
            }
        }
    }
    Ok(cells)
}

/// The cells of one round; none where the backend cannot do it.
fn round(workload: &dyn Workload, backend: &Backend, params: &Params) -> Result<Vec<Cell>, String> {
    allocator::settle();
    let round = match workload.round(backend, params) {
        Ok(round) => round,
        Err(Failure::Cannot(_)) => return Ok(Vec::new()),
        Err(error) => return Err(format!("{} {params} {}: {error}", workload.name(), backend.name)),
    };
    let cell = |(name, value): &(&'static str, f64)| {
        let metric = workload.metrics().iter().find(|metric| metric.name == *name)?;
        Some(Cell {
            workload: workload.name().to_owned(),
            params: params.clone(),
            metric: (*name).to_owned(),
            backend: backend.name.to_owned(),
            arcfs: true,
            unit: metric.unit,
            better: metric.better,
            samples: vec![*value],
            median: Some(*value),
            min: Some(*value),
            max: Some(*value),
            latency: None,
            checks: round.checks,
            empty: None,
        })
    };
    Ok(round.values.iter().filter_map(cell).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_chooses_and_one_that_matches_nothing_is_an_error() {
        let names = |glob| -> Vec<&str> {
            chosen(glob).expect("matches").iter().map(|workload| workload.name()).collect()
        };
        assert_eq!(names(None), ["ab-contention", "ab-consistency", "ab-calls"]);
        assert_eq!(names(Some("ab-con*")), ["ab-contention", "ab-consistency"]);
        assert!(chosen(Some("nothing-*")).is_err());
        assert!(chosen(Some("[")).is_err());
    }
}
