//! Load: what is written, where, and at which pace.

mod closed;
mod keys;
mod open;
mod payload;

pub use closed::{Closed, closed};
pub use keys::{Choice, Keys, shuffled};
pub use open::{Open, Operation, histogram, open, open_each};
pub use payload::{Payload, check_payload};

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::store::Answer;

/// Prepares one thread, then waits for the others. A thread whose preparation fails or panics still
/// arrives, or the others would wait for ever.
fn prepare_and_meet<Op>(prepare: impl FnOnce() -> Answer<Op>, meeting: impl FnOnce()) -> Answer<Op> {
    let prepared = catch_unwind(AssertUnwindSafe(prepare));
    meeting();
    prepared.unwrap_or_else(|panic| resume_unwind(panic))
}
