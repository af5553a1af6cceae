//! Any bytes, imported as an archive, beginning with zips: an error that leaves nothing, or a tree
//! that is what the archive says. The two targets differ in their corpora only.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../shared/archive.rs"]
mod archive;

fuzz_target!(|input: &[u8]| archive::check(input));
