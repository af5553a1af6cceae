//! The program `arcfs-harness`.

fn main() -> std::process::ExitCode {
    arcfs_harness::cli::main()
}
