//! The program `arcfs-harness`.

use std::process::ExitCode;

use arcfs_harness::allocator::Counting;
use arcfs_harness::isolate;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        [isolate::SUBCOMMAND, "--workload", workload, "--backend", backend, "--params", params] => {
            isolate::serve(workload, backend, params)
        }
        _ => ExitCode::from(2),
    }
}
