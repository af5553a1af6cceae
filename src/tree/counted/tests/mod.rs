//! Tests of the tree as a whole.

mod depth;
mod edits;
mod model;
mod random;
mod reading;
mod support;
