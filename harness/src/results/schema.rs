//! The schema of `results/*.json`. Changing the meaning of a field makes a new [`VERSION`].

use serde::{Deserialize, Serialize};

use crate::workload::{Better, Extent, Params, Unit};

/// The version that this build writes and reads.
pub const VERSION: u32 = 1;

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// [`VERSION`].
    pub schema: u32,
    /// What was measured, where and when.
    pub meta: Meta,
    /// The figures, in the order of tables.
    pub cells: Vec<Cell>,
}

/// What was measured, where and when. What cannot be found out is empty or 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// The commit that the binary was built from.
    pub commit: String,
    /// Whether the tree that it was built from differed from that commit.
    pub dirty: bool,
    /// `rustc --version` of the compiler that built it.
    pub rustc: String,
    /// The profile it was built with, and the flags for the compiler if there were any.
    pub profile: String,
    /// The model of the processor.
    pub cpu: String,
    /// Logical processors that the process may use.
    pub cores: usize,
    /// Physical memory in bytes.
    pub memory: u64,
    /// Name and release of the kernel.
    pub kernel: String,
    /// When the run began: seconds since 1970-01-01 00:00 UTC, as RFC 3339.
    pub date: String,
    /// The arguments of the command line.
    pub args: Vec<String>,
    /// How much of everything was run.
    pub extent: Option<Extent>,
    /// The number of rounds.
    pub rounds: usize,
    /// Versions of the rivals, by crate.
    pub rivals: Vec<(String, String)>,
}

/// One figure of one backend: a metric of a workload with its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The name of the workload.
    pub workload: String,
    /// Its parameters.
    pub params: Params,
    /// The name of the metric.
    pub metric: String,
    /// The name of the backend.
    pub backend: String,
    /// Whether the backend is arcfs; the others are rivals.
    pub arcfs: bool,
    /// The unit of all values.
    pub unit: Unit,
    /// Which direction is an improvement.
    pub better: Better,
    /// One value a round, in the order of rounds. Empty where there is none, never zero.
    pub samples: Vec<f64>,
    /// The median of the samples.
    pub median: Option<f64>,
    /// The smallest sample.
    pub min: Option<f64>,
    /// The largest sample.
    pub max: Option<f64>,
    /// Latencies of single operations of all rounds, where they were taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
    /// Answers that were compared with what they had to be, in all rounds.
    pub checks: u64,
    /// Why there is no sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty: Option<String>,
}

/// Percentiles of the merged histogram of all threads and rounds, in nanoseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Recorded operations.
    pub count: u64,
    /// Half of the operations took at most this.
    pub p50: u64,
    /// 90 %.
    pub p90: u64,
    /// 99 %.
    pub p99: u64,
    /// 99.9 %.
    #[serde(rename = "p99.9")]
    pub p99_9: u64,
    /// The slowest operation.
    pub max: u64,
    /// Points `(quantile, nanoseconds)` of the distribution, for drawing.
    pub curve: Vec<(f64, u64)>,
}
