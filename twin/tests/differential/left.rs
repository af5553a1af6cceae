//! arcfs as it is used.

pub use arcfs as engine;

#[path = "side.rs"]
mod side;
pub use side::World;
