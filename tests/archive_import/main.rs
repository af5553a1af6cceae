//! Archives of all formats, as they should be, into a filesystem.
//!
//! | module | what |
//! |---|---|
//! | `formats`, `zips`, `tars` | what a format can have is read, whoever wrote it |
//! | `programs` | the programs of the host wrote it |
//! | `own_formats` | formats that users add |
//! | `sources` | where the bytes come from, and how that fails |
//! | `conflicts`, `races` | what stands at the destination, before and meanwhile |
//! | `threads` | many threads that unpack |
//! | `options`, `times` | what is brought, limited and told; when directories were modified |
//! | `support` | filesystems to look at, bytes to pack, both ways of importing |

#[path = "../common/archives.rs"]
mod archives;
mod conflicts;
mod formats;
mod options;
mod own_formats;
#[cfg(unix)]
mod programs;
mod races;
mod sources;
mod support;
mod tars;
mod threads;
mod times;
mod zips;
