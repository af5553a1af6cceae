//! Every command with its arguments, defined once: the command line and the shell both read these.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::parser::ValueSource;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

use crate::output::When;
use crate::sizes::ByteSize;

/// An in-memory filesystem that is kept in one file between commands.
///
/// Every command loads the filesystem, does its work and, if it changed something, saves it. A command
/// that fails changes nothing. Paths are absolute and separated by slashes; where a file of the host
/// is meant, the help says so. `-` is standard input or output.
#[derive(Debug, Parser)]
#[command(name = "arcfs", version, max_term_width = 100, after_help = AFTER_HELP)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    /// Start the shell, as the command `shell` does
    #[arg(long)]
    pub shell: bool,
    #[command(subcommand)]
    pub command: Option<Top>,
}

const AFTER_HELP: &str = "\
Exit codes: 0 done, 1 it failed and the filesystem is as it was, 2 the command was not understood,
3 an import or export was done, but some entries could not be brought or written.
A script has the code of the line that ended it; what the lines before it did stays done.
The state is ~/.arcfs/state.arcfs unless --state or ARCFS_STATE name another file.";

/// What holds for every command.
#[derive(Debug, Args)]
pub struct Global {
    /// The file of the host that holds the filesystem [default: ~/.arcfs/state.arcfs]
    #[arg(long, global = true, env = "ARCFS_STATE", hide_env_values = true, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = StateFile)]
    pub state: Option<PathBuf>,
    /// When to colour the output: always, never, or auto, which follows the terminal and `NO_COLOR`
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_possible_values = true)]
    pub color: When,
    /// Say nothing about what was done, and show no progress
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// The file of the state. In the environment an empty one is as good as none; where it is typed it is
/// a mistake, and must not lead to another state than the one that was meant.
#[derive(Debug, Clone)]
struct StateFile;

impl TypedValueParser for StateFile {
    type Value = PathBuf;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &OsStr,
    ) -> clap::error::Result<PathBuf> {
        PathBufValueParser::new().parse_ref(command, arg, value)
    }

    fn parse_ref_(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &OsStr,
        source: ValueSource,
    ) -> clap::error::Result<PathBuf> {
        match source {
            ValueSource::EnvVariable if value.is_empty() => Ok(PathBuf::new()),
            _ => self.parse_ref(command, arg, value),
        }
    }
}

/// The commands of the command line.
#[derive(Debug, Subcommand)]
pub enum Top {
    #[command(flatten)]
    Files(Command),
    /// Read commands from the terminal, or from a pipe as a script
    Shell(ShellArgs),
    /// Print a completion script for a shell of the host
    Completions {
        /// bash, elvish, fish, powershell or zsh
        shell: clap_complete::Shell,
    },
    /// Print the manual page, of arcfs or of one command
    Man {
        /// The command
        #[arg(conflicts_with = "directory")]
        command: Option<String>,
        /// Write all pages into this directory of the host
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        directory: Option<PathBuf>,
    },
}

impl Top {
    /// What `--shell` means.
    pub fn shell() -> Self {
        Self::Shell(ShellArgs::default())
    }
}

#[derive(Debug, Default, Args)]
pub struct ShellArgs {
    /// In a script, go on after an error; the exit code is 1 if there was one
    #[arg(long, short)]
    pub keep_going: bool,
}

/// The commands of the shell.
#[derive(Debug, Parser)]
#[command(multicall = true, disable_help_flag = false, subcommand_value_name = "COMMAND", help_template = SHELL_HELP)]
pub struct Line {
    #[command(subcommand)]
    pub command: Inner,
}

const SHELL_HELP: &str = "\
{subcommands}

Type 'help COMMAND' for its arguments. Words are separated by spaces; quote with '...', \"...\" or \\.
Paths without a leading slash start at the current directory. '#' starts a comment.";

#[derive(Debug, Subcommand)]
pub enum Inner {
    #[command(flatten)]
    Files(Command),
    /// Go to a directory; without one to /, with - to the one before
    Cd { path: Option<String> },
    /// Print the current directory
    Pwd,
    /// Leave the shell
    #[command(visible_alias = "quit")]
    Exit,
}

/// The commands that work on the filesystem, on the command line and in the shell alike.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start with a new, empty filesystem; the state before is kept beside it as FILE.old, FILE.old.1 ...
    Init(InitArgs),
    /// Show a directory and everything below it, four spaces a level
    Tree(TreeArgs),
    /// List directories
    Ls(LsArgs),
    /// Create directories
    Mkdir {
        /// Create missing parents too, and accept directories that exist
        #[arg(long, short)]
        parents: bool,
        #[arg(required = true, value_name = "PATH", value_hint = ValueHint::Other)]
        paths: Vec<String>,
    },
    /// Create empty files, or set the modification time of what exists to now
    Touch {
        #[arg(required = true, value_name = "PATH", value_hint = ValueHint::Other)]
        paths: Vec<String>,
    },
    /// Write a file, replacing what it held
    Write(ContentArgs),
    /// Add to the end of a file, which is created if it is missing
    Append(ContentArgs),
    /// Print a file, and a line end after it
    Read {
        #[command(flatten)]
        at: At,
        /// Print no line end after it
        #[arg(long)]
        raw: bool,
        #[arg(value_hint = ValueHint::Other)]
        path: String,
    },
    /// Print files exactly, one after the other
    Cat {
        #[command(flatten)]
        at: At,
        #[arg(required = true, value_name = "PATH", value_hint = ValueHint::Other)]
        paths: Vec<String>,
    },
    /// Copy files, and with -r directories; bytes are shared, not copied
    Cp {
        /// Copy directories with everything below them
        #[arg(long, short)]
        recursive: bool,
        #[arg(required = true, value_name = "SOURCE", value_hint = ValueHint::Other)]
        sources: Vec<String>,
        #[arg(value_hint = ValueHint::Other)]
        dest: String,
    },
    /// Move files and directories; a file in the way is replaced
    Mv {
        #[arg(required = true, value_name = "SOURCE", value_hint = ValueHint::Other)]
        sources: Vec<String>,
        #[arg(value_hint = ValueHint::Other)]
        dest: String,
    },
    /// Give a file or directory another path, which must be free
    Rename {
        #[arg(value_hint = ValueHint::Other)]
        source: String,
        #[arg(value_hint = ValueHint::Other)]
        dest: String,
    },
    /// Remove files, and with -r directories
    Rm {
        /// Remove directories with everything below them
        #[arg(long, short)]
        recursive: bool,
        /// Do not mind what is missing
        #[arg(long, short)]
        force: bool,
        #[arg(required = true, value_name = "PATH", value_hint = ValueHint::Other)]
        paths: Vec<String>,
    },
    /// Remove empty directories
    Rmdir {
        #[arg(required = true, value_name = "PATH", value_hint = ValueHint::Other)]
        paths: Vec<String>,
    },
    /// Find files and directories by pattern
    Find(FindArgs),
    /// Show how many bytes the files below directories have
    Du(DuArgs),
    /// Show what is known about files and directories
    Stat {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        json: Json,
        #[arg(required = true, value_name = "PATH", value_hint = ValueHint::Other)]
        paths: Vec<String>,
    },
    /// Show the figures of the whole filesystem
    Stats {
        #[command(flatten)]
        json: Json,
    },
    /// Print all files below a path as JSON, path to text
    Dump {
        #[command(flatten)]
        at: At,
        /// Print a state of pyfunc's memfs with PATH as its root instead: files, binary ones in base64,
        /// and directories
        #[arg(long)]
        json_state: bool,
        #[arg(default_value = ".", hide_default_value = true, value_hint = ValueHint::Other)]
        path: String,
    },
    /// Bring in a file, a directory or an archive of the host
    #[command(after_help = IMPORT_HELP)]
    Import(ImportArgs),
    /// Take a file or a directory out to the host, also as an archive
    #[command(after_help = EXPORT_HELP)]
    Export(ExportArgs),
    /// Keep, show and bring back earlier states
    #[command(subcommand)]
    Snapshot(SnapshotCommand),
    /// Show how much room there is, or set how much there may be
    Quota {
        #[command(flatten)]
        json: Json,
        /// The new limit, for example 64MiB; below what is used it only stops growth
        #[arg(value_name = "BYTES")]
        bytes: Option<ByteSize>,
    },
}

const IMPORT_HELP: &str = "\
What is imported:
  a directory      to DEST [default: the current directory], with all below it
  an archive       (.zip, .tar, .tar.gz, .tgz, .tar.zst, .tzst, .tar.bz2, .tbz2,
                   .tar.xz, .txz) is unpacked into DEST, all of it or nothing;
                   with --file it comes as the file that it is
  another file     to DEST, or into it if it is a directory or ends in a slash
  -                standard input: to the file DEST, or with --unpack an archive";

const EXPORT_HELP: &str = "\
How it is written:
  to an archive    if DEST ends in .zip, .tar, .tar.gz, .tgz, .tar.zst or .tzst,
                   or --format says so; a SOURCE of the same ending is taken for
                   one already, and copied; with bzip2 and xz none is written
  to -             standard output: a file as it is, a directory with --format
  else             a file to a file, or into a directory of the host; a directory
                   to a directory
A file of the host is replaced only when the new one is complete.";

/// Looking at a snapshot instead of the current tree.
#[derive(Debug, Args)]
pub struct At {
    /// Look at this snapshot instead of the current state
    #[arg(long, value_name = "SNAPSHOT")]
    pub at: Option<String>,
}

/// Answers for programs.
#[derive(Debug, Args)]
pub struct Json {
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct InitArgs {
    /// The most bytes that the filesystem may hold [default: 256MiB]
    #[arg(long, value_name = "BYTES")]
    pub quota: Option<ByteSize>,
    /// The most files and directories, the root included
    #[arg(long, value_name = "NUMBER")]
    pub max_nodes: Option<u64>,
}

#[derive(Debug, Args)]
pub struct TreeArgs {
    #[command(flatten)]
    pub at: At,
    #[command(flatten)]
    pub json: Json,
    /// Exit with 1 if PATH is not a directory; without this the tree says so and the code is 0
    #[arg(long)]
    pub strict: bool,
    #[arg(default_value = ".", hide_default_value = true, value_hint = ValueHint::Other)]
    pub path: String,
}

#[derive(Debug, Args)]
pub struct LsArgs {
    #[command(flatten)]
    pub at: At,
    #[command(flatten)]
    pub json: Json,
    /// Show kind, size and time of modification
    #[arg(long, short)]
    pub long: bool,
    /// Show sizes as 1.5 MiB
    #[arg(long, short = 'H')]
    pub human: bool,
    #[arg(default_value = ".", hide_default_value = true, value_name = "PATH", value_hint = ValueHint::Other)]
    pub paths: Vec<String>,
}

#[derive(Debug, Args)]
pub struct ContentArgs {
    #[arg(value_hint = ValueHint::Other)]
    pub path: String,
    /// The bytes; `-` is standard input
    #[arg(allow_negative_numbers = true, value_hint = ValueHint::Other)]
    pub content: OsString,
}

#[derive(Debug, Args)]
pub struct FindArgs {
    #[command(flatten)]
    pub at: At,
    #[command(flatten)]
    pub json: Json,
    /// Only files, or only directories
    #[arg(long = "type", short = 't', value_name = "KIND")]
    pub kind: Option<Kind>,
    /// A name such as '*.txt', found at any depth; or with a slash a path such as 'src/**/*.rs'
    #[arg(value_hint = ValueHint::Other)]
    pub pattern: String,
    /// Where to look
    #[arg(default_value = ".", hide_default_value = true, value_hint = ValueHint::Other)]
    pub path: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    #[value(name = "f", alias = "file")]
    File,
    #[value(name = "d", alias = "dir")]
    Dir,
}

#[derive(Debug, Args)]
pub struct DuArgs {
    #[command(flatten)]
    pub at: At,
    #[command(flatten)]
    pub json: Json,
    /// Only the sum of each PATH
    #[arg(long, short)]
    pub summarize: bool,
    /// Show sizes as 1.5 MiB
    #[arg(long, short = 'H')]
    pub human: bool,
    #[arg(default_value = ".", hide_default_value = true, value_name = "PATH", value_hint = ValueHint::Other)]
    pub paths: Vec<String>,
}

#[derive(Debug, Args)]
pub struct ImportArgs {
    #[command(flatten)]
    pub json: Json,
    /// Unpack it as an archive whatever its name is; the kind is found out from its bytes
    #[arg(long, conflicts_with_all = ["file", "json_state"])]
    pub unpack: bool,
    /// Bring it as the file that it is, even if its name is that of an archive
    #[arg(long, conflicts_with = "json_state")]
    pub file: bool,
    /// It is a state of pyfunc's memfs in JSON
    #[arg(long)]
    pub json_state: bool,
    /// What to do with files that exist; `error` and `skip` are for files and archives
    #[arg(long, value_name = "WHAT", default_value = "overwrite")]
    pub on_conflict: Conflict,
    /// Leave out so many leading components of the names in an archive
    #[arg(long, value_name = "NUMBER", default_value_t = 0, hide_default_value = true)]
    pub strip_components: usize,
    /// Bring entries of an archive that are absolute or contain `..` below DEST instead of refusing it
    #[arg(long)]
    pub reroot: bool,
    /// The file, directory or archive of the host, or -
    #[arg(value_hint = ValueHint::AnyPath)]
    pub source: PathBuf,
    /// The path to bring it to
    #[arg(value_hint = ValueHint::Other)]
    pub dest: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Conflict {
    Error,
    #[default]
    Overwrite,
    Skip,
}

#[derive(Debug, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    pub at: At,
    #[command(flatten)]
    pub json: Json,
    /// Write an archive of this kind, whatever the name is
    #[arg(long, value_name = "KIND")]
    pub format: Option<Format>,
    /// Only files that were written to since they were imported or copied
    #[arg(long)]
    pub only_dirty: bool,
    /// How hard to compress, 1 to 9, with zstd to 22
    #[arg(long, value_name = "NUMBER")]
    pub level: Option<u32>,
    #[arg(value_hint = ValueHint::Other)]
    pub source: String,
    /// The file or directory of the host, or -
    #[arg(value_hint = ValueHint::AnyPath)]
    pub dest: PathBuf,
}

/// The kinds of archives that can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Zip,
    Tar,
    #[value(name = "tar.gz", alias = "tgz")]
    TarGz,
    #[value(name = "tar.zst", alias = "tzst")]
    TarZst,
}

#[derive(Debug, Subcommand)]
pub enum SnapshotCommand {
    /// Keep the current state under a name
    Save {
        /// Replace a snapshot of that name
        #[arg(long, short)]
        force: bool,
        name: String,
    },
    /// List the snapshots
    List {
        #[command(flatten)]
        json: Json,
    },
    /// Show a snapshot: its figures and its tree, or with PATH a file or directory of it
    Show {
        #[command(flatten)]
        json: Json,
        name: String,
        #[arg(value_hint = ValueHint::Other)]
        path: Option<String>,
    },
    /// Show what changed since a snapshot: + created, - removed, ~ modified
    Diff {
        #[command(flatten)]
        json: Json,
        name: String,
        /// The later snapshot [default: the current state]
        other: Option<String>,
    },
    /// Make a snapshot the current state
    Restore { name: String },
    /// Give snapshots up
    #[command(visible_alias = "rm")]
    Delete {
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
}
