//! Loom models of arcfs; see `tests/`.
