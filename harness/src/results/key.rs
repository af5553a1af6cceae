//! The name of a cell: what two runs must have in common for their figures to belong together.

use std::fmt;

use super::schema::Cell;
use crate::workload::Params;

/// The name of a cell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The workload.
    pub workload: String,
    /// Its parameters.
    pub params: Params,
    /// The figure.
    pub metric: String,
    /// The backend.
    pub backend: String,
}

impl Key {
    /// The name of `cell`.
    pub fn of(cell: &Cell) -> Self {
        Self {
            workload: cell.workload.clone(),
            params: cell.params.clone(),
            metric: cell.metric.clone(),
            backend: cell.backend.clone(),
        }
    }

    /// It without the backend, for people.
    pub fn figure(&self) -> String {
        label(&self.workload, &self.params, &self.metric)
    }

    /// What its neighbours share: the workload and the figure.
    pub fn group(&self) -> (&str, &str) {
        (&self.workload, &self.metric)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", label(&self.workload, &self.params, &self.metric), self.backend)
    }
}

fn label(workload: &str, params: &Params, metric: &str) -> String {
    let space = if params.iter().next().is_some() { " " } else { "" };
    format!("{workload}{space}{params} {metric}")
}
