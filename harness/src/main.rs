//! The program `arcfs-harness`.

use std::process::ExitCode;

use arcfs_harness::allocator::Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> ExitCode {
    arcfs_harness::cli::main()
}
