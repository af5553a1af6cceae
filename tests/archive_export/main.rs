//! Archives out: what is in them as independent readers see it, byte for byte the same whoever
//! makes them, and nothing left behind where it fails.

mod contents;
mod options;
mod programs;
mod support;
mod writers;
