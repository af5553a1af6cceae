//! The surface for tasks against the model of `main.rs`: the same operations, the same answers.

mod compare;
mod drive;
mod handles;
mod model;
mod ops;
mod paths;
mod subject;
mod value;

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use drive::Pair;
use ops::{Config, Step, config, steps};

/// Cases of one run; `PROPTEST_CASES` asks for more. Fewer than for threads: what is below is the same.
const CASES: u32 = 2_000;

fn settings() -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig {
        cases: asked.unwrap_or(CASES),
        max_shrink_iters: 20_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "tests/model/regressions_tasks.txt",
        ))),
        ..ProptestConfig::default()
    }
}

fn run(config: &Config, steps: &[Step]) -> Result<(), String> {
    let mut pair = Pair::new(config);
    for (at, step) in steps.iter().enumerate() {
        pair.step(step).map_err(|what| format!("step {at}, {step:?}: {what}"))?;
    }
    pair.finish().map_err(|what| format!("after the last step: {what}"))
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn tasks_are_answered_as_the_model_does(config in config(), steps in steps()) {
        if let Err(what) = run(&config, &steps) {
            return Err(TestCaseError::fail(what));
        }
    }
}
