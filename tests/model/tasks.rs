//! The surface for tasks against the model of `main.rs`: the same operations, the same answers.

mod cases;
mod compare;
mod drive;
mod handles;
mod model;
mod ops;
mod paths;
mod subject;
mod value;

use proptest::prelude::*;

use cases::{play, settings};
use ops::{config, steps};

/// Cases of one run; `PROPTEST_CASES` asks for more. Fewer than for threads: what is below is the same.
const CASES: u32 = 2_000;

proptest! {
    #![proptest_config(settings(CASES, "tests/model/regressions_tasks.txt"))]

    #[test]
    fn tasks_are_answered_as_the_model_does(config in config(), steps in steps()) {
        play(&config, &steps)?;
    }
}
