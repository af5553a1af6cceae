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
//! | `cases` | all steps of a case, and how many cases are drawn |
//! | `found` | what this found, as small tests |
//! | `subject` | the surface that is compared; `tasks.rs` has the one for tasks |
//!
//! What the contract leaves open, the model leaves open too: it then accepts every answer that the
//! contract allows and goes on with the one it got. How bytes are laid out is not modelled: where a
//! charge depends on it, the model knows a lower and an upper bound; elsewhere these are equal.

mod cases;
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

use cases::{play, settings};
use ops::{config, steps};

/// Cases of one run; `PROPTEST_CASES` asks for more.
const CASES: u32 = 10_000;

proptest! {
    #![proptest_config(settings(CASES, "tests/model/regressions.txt"))]

    #[test]
    fn the_engine_answers_as_the_model_does(config in config(), steps in steps()) {
        play(&config, &steps)?;
    }
}
