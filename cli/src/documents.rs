//! Completion scripts and manual pages, made from the definition of the commands.

use std::io::Write;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::args::Cli;
use crate::failure::{Attempt, Failure, Outcome};
use crate::output::Out;

pub fn completions(shell: Shell, out: &mut Out) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "arcfs", &mut script);
    out.bytes(&script)
}

pub fn man(command: Option<&str>, directory: Option<&Path>, out: &mut Out) -> Outcome {
    if let Some(directory) = directory {
        return all_pages(directory, out);
    }
    let mut cli = Cli::command();
    cli.build();
    let page = match command {
        None => cli,
        Some(name) => {
            let found = cli.find_subcommand(name).cloned();
            found.ok_or_else(|| Failure::Message(format!("there is no command {name:?}")))?
        }
    };
    let mut roff = Vec::new();
    Man::new(page).render(&mut roff).map_err(Failure::output)?;
    out.bytes(&roff)
}

/// Writes `arcfs.1`, `arcfs-ls.1` and so on.
fn all_pages(directory: &Path, out: &mut Out) -> Outcome {
    let failed = || format!("cannot write manual pages to {directory:?}");
    std::fs::create_dir_all(directory).attempt(failed)?;
    clap_mangen::generate_to(Cli::command(), directory).attempt(failed)?;
    let _ = out.stream().flush();
    out.confirm(format_args!("Wrote manual pages to {}", directory.display()))
}
