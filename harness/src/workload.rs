//! What a workload is to the schedule: parameters of its cells, the metrics of a cell, and one round.

use std::collections::BTreeMap;
use std::fmt;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::backend::Backend;
use crate::store::Answer;

/// How much of everything a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Extent {
    /// Every workload on every backend once, as small as it can be: to check answers, not to measure.
    Smoke,
    /// Under two minutes.
    Quick,
    /// Under twenty minutes.
    Default,
    /// Every combination of parameters.
    Full,
}

/// What is chosen on the command line and matters to a workload.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// How much of everything.
    pub extent: Extent,
    /// Whether the large stream has 2 GiB.
    pub large: bool,
}

/// The parameters of one cell, by name: numbers or words. Sorted, so that equal cells compare equal.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Params(BTreeMap<String, Value>);

/// The value of a parameter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// A count, a number of bytes or of threads.
    Number(u64),
    /// The name of a choice.
    Word(String),
}

impl Params {
    /// No parameters yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a number added.
    #[must_use]
    pub fn number(mut self, name: &str, value: u64) -> Self {
        self.0.insert(name.to_owned(), Value::Number(value));
        self
    }

    /// With a word added.
    #[must_use]
    pub fn word(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_owned(), Value::Word(value.to_owned()));
        self
    }

    /// The number of that name.
    ///
    /// # Panics
    /// Where the workload gave itself no such parameter.
    pub fn get(&self, name: &str) -> u64 {
        match self.0.get(name) {
            Some(Value::Number(value)) => *value,
            other => panic!("parameter {name} is {other:?}, not a number"),
        }
    }

    /// The word of that name.
    ///
    /// # Panics
    /// Where the workload gave itself no such parameter.
    pub fn get_word(&self, name: &str) -> &str {
        match self.0.get(name) {
            Some(Value::Word(value)) => value,
            other => panic!("parameter {name} is {other:?}, not a word"),
        }
    }

    /// The parameters in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(value) => value.fmt(f),
            Self::Word(value) => value.fmt(f),
        }
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.iter().enumerate() {
            write!(f, "{}{name}={value}", if index == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

/// The unit of a metric. Values are always in the unit named, never scaled; only reports scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Nanoseconds.
    #[serde(rename = "ns")]
    Nanoseconds,
    /// Operations per second.
    #[serde(rename = "op/s")]
    OperationsPerSecond,
    /// Bytes.
    #[serde(rename = "B")]
    Bytes,
    /// Bytes for each file.
    #[serde(rename = "B/file")]
    BytesPerFile,
    /// Bytes for each byte of payload.
    #[serde(rename = "B/B")]
    BytesPerByte,
    /// A share of one.
    #[serde(rename = "share")]
    Share,
    /// `k` in "grows like n to the k".
    #[serde(rename = "exponent")]
    Exponent,
}

/// Which direction is an improvement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
}

/// One figure that a round of a workload yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name, unique within the workload.
    pub name: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// Which direction is an improvement.
    pub better: Better,
}

impl Metric {
    /// A time in nanoseconds.
    pub const fn time(name: &'static str) -> Self {
        Self { name, unit: Unit::Nanoseconds, better: Better::Lower }
    }

    /// A rate in operations per second.
    pub const fn rate(name: &'static str) -> Self {
        Self { name, unit: Unit::OperationsPerSecond, better: Better::Higher }
    }
}

/// What one round of one cell gave.
#[derive(Debug, Default)]
pub struct Round {
    /// Values by the name of their metric. A metric without a value leaves its cell without a sample.
    pub values: Vec<(&'static str, f64)>,
    /// Latencies of single operations in nanoseconds, by the name of the metric that they belong to.
    pub latencies: Vec<(&'static str, Histogram<u64>)>,
    /// Answers that were compared with what they had to be; all were right, or the round failed.
    pub checks: u64,
    /// Metrics that this backend has no answer for, with the reason.
    pub cannot: Vec<(&'static str, &'static str)>,
}

impl Round {
    /// Adds a value.
    #[must_use]
    pub fn value(mut self, metric: &'static str, value: f64) -> Self {
        self.values.push((metric, value));
        self
    }
}

/// Where a round runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// In the harness's own process, beside what earlier rounds left in the allocator, which has been
    /// [settled](crate::allocator::settle).
    Shared,
    /// In a process of its own, whose allocator is as the system starts it.
    Process,
}

/// A workload.
pub trait Workload: Sync {
    /// Its name in results and on the command line.
    fn name(&self) -> &'static str;

    /// What it does, in one sentence.
    fn about(&self) -> &'static str;

    /// The figures that a round gives.
    fn metrics(&self) -> &'static [Metric];

    /// The parameters of each of its cells, in the order of tables.
    fn cells(&self, scope: &Scope) -> Vec<Params>;

    /// Why a backend is left out of a cell by choice, though it could do it; `None` runs it.
    fn left_out(&self, _backend: &Backend, _params: &Params, _scope: &Scope) -> Option<&'static str> {
        None
    }

    /// Where a round of a cell runs.
    fn isolation(&self, _params: &Params) -> Isolation {
        Isolation::Shared
    }

    /// Does everything once on a fresh store and checks the answers.
    ///
    /// # Errors
    /// [`Failure::Cannot`](crate::store::Failure::Cannot) where the backend cannot do this at all,
    /// [`Failure::Failed`](crate::store::Failure::Failed) where it did wrong.
    fn round(&self, backend: &Backend, params: &Params) -> Answer<Round>;
}

/// Every workload, in the order of tables.
pub fn all() -> Vec<Box<dyn Workload>> {
    crate::workloads::all()
}
