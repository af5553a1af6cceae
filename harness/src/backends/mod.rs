//! arcfs, used in two ways.

mod calls;
mod handles;

use crate::backend::Backend;

/// arcfs through one-shot calls, and through handles.
pub fn all() -> Vec<Backend> {
    vec![calls::BACKEND, handles::BACKEND]
}
