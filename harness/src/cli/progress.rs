//! Showing how far a run is: bars for a terminal, a line for each workload otherwise.

use std::io::IsTerminal as _;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::complain;
use crate::schedule::Progress;
use crate::workload::Params;

/// What suits standard error.
pub fn suitable() -> Box<dyn Progress> {
    if std::io::stderr().is_terminal() { Box::new(Bars::new()) } else { Box::new(Lines::default()) }
}

/// One bar for the run and one for its cell. They are drawn between rounds only: a thread that kept
/// them moving would take part in what is measured.
struct Bars {
    bars: MultiProgress,
    run: ProgressBar,
    cell: ProgressBar,
}

impl Bars {
    fn new() -> Self {
        let bars = MultiProgress::new();
        let bar = |template| {
            let style = ProgressStyle::with_template(template).expect("a valid template");
            bars.add(ProgressBar::new(0).with_style(style.progress_chars("=> ")))
        };
        let run = bar("run  [{bar:30}] {pos}/{len} rounds, {elapsed} gone, about {eta} left");
        let cell = bar("cell [{bar:30}] {pos}/{len} {prefix}{msg}");
        Self { bars, run, cell }
    }
}

impl Progress for Bars {
    fn begin(&mut self, rounds: usize) {
        self.run.set_length(rounds as u64);
    }

    fn cell(&mut self, workload: &str, params: &Params, rounds: usize) {
        self.cell.set_length(rounds as u64);
        self.cell.set_position(0);
        self.cell.set_prefix(format!("{workload} {params}"));
        self.cell.set_message("");
    }

    fn turn(&mut self, backend: &str, round: usize) {
        self.cell.set_message(format!(", {backend}, round {round}"));
        self.cell.force_draw();
    }

    fn done(&mut self) {
        self.run.inc(1);
        self.cell.inc(1);
    }

    fn end(&mut self) {
        self.run.finish();
        self.cell.finish();
        // Only a terminal that is gone cannot be cleared.
        let _gone = self.bars.clear();
    }
}

/// A line for each workload.
#[derive(Default)]
struct Lines {
    workload: String,
}

impl Progress for Lines {
    fn cell(&mut self, workload: &str, _params: &Params, _rounds: usize) {
        if self.workload != workload {
            workload.clone_into(&mut self.workload);
            complain(&format!("running {workload}"));
        }
    }
}
