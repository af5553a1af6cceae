//! Result files: their schema, and what is computed from them.

pub mod history;
pub mod schema;
