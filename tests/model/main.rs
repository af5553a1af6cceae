//! The engine against a naive model: one enumeration of operations drives both, and after every
//! step all that can be seen of them is the same.
//!
//! | module | what |
//! |---|---|
//! | `ops` | the operations and how they are drawn |
//! | `paths` | paths and patterns in the plainest code |
//! | `value` | trees as maps of paths, and everything that is charged |
//! | `model` | what each call must answer, and what it changes |
//! | `handles` | the same for open files |
//! | `compare` | what is compared, and how strictly |
//! | `drive` | a step on both sides |
//! | `found` | what this found, as small tests |
//! | `subject` | the surface that is compared; `tasks.rs` has the one for tasks |
//!
//! What the contract leaves open, the model leaves open too: it then accepts every answer that the
//! contract allows and goes on with the one it got. How bytes are laid out is not modelled: where a
//! charge depends on it, the model knows a lower and an upper bound; elsewhere these are equal.

mod compare;
mod drive;
mod found;
mod handles;
mod model;
mod ops;
mod paths;
mod value;

mod subject {
    //! The surface for threads.

    pub use arcfs::{File, MemFs};

    /// Whether dropping a handle that writes publishes its draft.
    pub const DROP_PUBLISHES: bool = true;

    pub fn of(fs: arcfs::MemFs) -> MemFs {
        fs
    }

    pub fn open(options: &arcfs::OpenOptions, fs: &MemFs, path: &str) -> arcfs::Result<File> {
        options.open(fs, path)
    }
}

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use drive::Pair;
use ops::{Config, Step, config, steps};

/// Cases of one run; `PROPTEST_CASES` asks for more.
const CASES: u32 = 10_000;

fn settings() -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig {
        cases: asked.unwrap_or(CASES),
        max_shrink_iters: 20_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("tests/model/regressions.txt"))),
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
    fn the_engine_answers_as_the_model_does(config in config(), steps in steps()) {
        if let Err(what) = run(&config, &steps) {
            return Err(TestCaseError::fail(what));
        }
    }
}
