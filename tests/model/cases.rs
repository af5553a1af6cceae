//! Cases: how many are drawn, and all steps of one.

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use crate::drive::Pair;
use crate::ops::{Config, Step};

/// So many cases, unless `PROPTEST_CASES` asks for another number; those that failed are kept in the
/// file `regressions`.
pub fn settings(cases: u32, regressions: &'static str) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig {
        cases: asked.unwrap_or(cases),
        max_shrink_iters: 20_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(regressions))),
        ..ProptestConfig::default()
    }
}

/// Takes all steps on both sides.
pub fn play(config: &Config, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut pair = Pair::new(config);
    for (at, step) in steps.iter().enumerate() {
        pair.step(step).map_err(|what| TestCaseError::fail(format!("step {at}, {step:?}: {what}")))?;
    }
    pair.finish().map_err(|what| TestCaseError::fail(format!("after the last step: {what}")))
}
