//! The program `arcfs-harness`.
fn main() {}
