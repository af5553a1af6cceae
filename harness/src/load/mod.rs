//! Load: what is written, where, and at which pace.

mod keys;
mod paced;
mod payload;

pub use keys::{Choice, Keys};
pub use paced::{Closed, Open, closed, histogram, open};
pub use payload::{Payload, check_payload};
