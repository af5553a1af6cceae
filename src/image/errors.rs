//! What an image is refused for, in words that say what to do.

use std::io;

use super::format::VERSION;
use crate::error::{Error, ErrorKind};

/// What to do with an image that cannot be read.
const INSTEAD: &str = "it was left as it is; bring back a copy of it, or move it away to begin anew";

#[cold]
fn refused(what: std::fmt::Arguments<'_>) -> Error {
    Error::new(ErrorKind::InvalidData).because(format!("{what}; {INSTEAD}"))
}

/// The file is something else.
#[cold]
pub fn foreign() -> Error {
    Error::new(ErrorKind::InvalidData)
        .because("this is not an arcfs image: it does not begin as one; give the path of an image")
}

/// The image was written by a later version of arcfs.
#[cold]
pub fn newer(version: u32) -> Error {
    Error::new(ErrorKind::Unsupported).because(format!(
        "the image has format version {version}, and this arcfs reads up to {VERSION}; use a newer arcfs"
    ))
}

/// The image ends too early.
#[cold]
pub fn truncated(len: u64, of: Option<u64>) -> Error {
    match of {
        Some(of) => refused(format_args!("the image is truncated: it has {len} of its {of} bytes")),
        None => refused(format_args!("the image is truncated: it has {len} bytes, less than its header")),
    }
}

/// Something follows the image.
#[cold]
pub fn appended(of: u64) -> Error {
    refused(format_args!("the image is damaged: something follows its {of} bytes"))
}

/// The bytes are not those that were written.
#[cold]
pub fn damaged(what: &str) -> Error {
    refused(format_args!("the image is damaged: {what}"))
}

/// The bytes are those that were written, but make no filesystem.
#[cold]
pub fn broken(what: impl std::fmt::Display) -> Error {
    refused(format_args!("the image is malformed: {what}"))
}

/// The source of an image could not be read.
#[cold]
pub fn unreadable(error: io::Error) -> Error {
    Error::of_host(error, "the image could not be read")
}

/// An image could not be written.
#[cold]
pub fn unwritable(error: io::Error) -> Error {
    Error::of_host(error, "the image could not be written")
}

/// There are more records of a sort than can be numbered.
#[cold]
pub fn too_many(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported)
        .because(format!("an image holds less than 2^32 {what}; save fewer snapshots, or fewer files"))
}
