//! Archives: zip and tar, in and out.
//!
//! | module | one idea |
//! |---|---|
//! | `export` | one instant of a tree, written as an archive |

mod export;

pub use export::{ArchiveOptions, ArchiveProgress, ArchiveSummary, Compression};
