//! Result files: their schema, and what is computed from them.

pub mod growth;
pub mod schema;
