//! Where the runs of a comparison come from: the one place that reads their files.

use std::path::Path;

use crate::results::schema::{Run, VERSION};

/// Why a file gave no run.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct Error {
    path: String,
    problem: String,
}

/// Reads a result file.
///
/// # Errors
/// [`Error`] where the file cannot be read, is no JSON, no result of this harness, or of another schema.
pub fn read(path: &Path) -> Result<Run, Error> {
    let error = |problem: String| Error { path: path.display().to_string(), problem };
    let text = std::fs::read_to_string(path).map_err(|cause| error(cause.to_string()))?;
    let value: serde_json::Value =
        serde_json::from_str(&text).map_err(|cause| error(format!("is no JSON: {cause}")))?;
    match value.get("schema").and_then(serde_json::Value::as_u64) {
        Some(schema) if schema == u64::from(VERSION) => {}
        Some(schema) => {
            return Err(error(format!("has schema {schema}, this build reads {VERSION}")));
        }
        None => return Err(error("is JSON, but no result of arcfs-harness".to_owned())),
    }
    serde_json::from_value(value).map_err(|cause| error(format!("is no whole result: {cause}")))
}
