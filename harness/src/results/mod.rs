//! Result files: their schema, reading and writing them, and what is computed from their samples.

pub mod file;
pub mod growth;
pub mod history;
pub mod key;
pub mod meta;
pub mod samples;
pub mod schema;

pub use file::Error;
