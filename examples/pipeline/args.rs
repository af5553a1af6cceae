//! What was asked for on the command line.

use std::ffi::OsString;
use std::num::{NonZeroUsize, ParseIntError};
use std::path::PathBuf;
use std::time::Duration;

pub const USAGE: &str = "\
usage: pipeline [DIR] [options]

Imports the files below DIR, moves them through the stages /raw, /processed and /output with many
threads, and checks snapshots of all of it while that goes on.

  DIR              a directory of the host; default: the sources in cargo's registry, or this crate
  --quota BYTES    of the filesystem, also 64K, 64M, 1G; default: four times the input
                   and at least 1M
  --threads N      that move files; default: what the machine has, at least 2
  --seconds S      starts again, from the import on, until so much time has passed; default: one round
  --all            takes all of DIR, not only the first 256 MiB
  --help";

#[derive(Debug)]
pub struct Options {
    pub dir: Option<PathBuf>,
    pub quota: Option<u64>,
    pub threads: usize,
    pub at_least: Duration,
    pub all: bool,
}

/// What to do, or why that is not clear; `None` if only help is wanted.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Option<Options>, String> {
    let threads = std::thread::available_parallelism().map_or(2, NonZeroUsize::get).max(2);
    let mut options = Options { dir: None, quota: None, threads, at_least: Duration::ZERO, all: false };
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        let text = arg.to_str().unwrap_or_default();
        let (flag, attached) = match text.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => (flag, Some(value.to_owned())),
            _ => (text, None),
        };
        let mut value = || {
            let next = || args.next().and_then(|value| value.into_string().ok());
            attached.clone().or_else(next).ok_or(format!("{flag} needs a value"))
        };
        match flag {
            "--help" | "-h" => return Ok(None),
            "--all" => options.all = true,
            "--quota" => options.quota = Some(bytes(&value()?)?),
            "--threads" => match value()?.parse() {
                Ok(threads) if threads > 0 => options.threads = threads,
                _ => return Err("--threads needs a number above 0".into()),
            },
            "--seconds" => {
                let seconds: f64 = value()?.parse().map_err(|_| "--seconds needs a number")?;
                options.at_least = Duration::try_from_secs_f64(seconds)
                    .map_err(|error| format!("--seconds {seconds}: {error}"))?;
            }
            flag if flag.starts_with('-') => return Err(format!("there is no option {flag}")),
            _ if options.dir.is_some() => return Err("only one directory can be taken".into()),
            _ => options.dir = Some(arg.into()),
        }
    }
    Ok(Some(options))
}

/// A number of bytes, with a binary unit or without.
fn bytes(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.to_ascii_uppercase().chars().last() {
        Some('K') => (&text[..text.len() - 1], 10),
        Some('M') => (&text[..text.len() - 1], 20),
        Some('G') => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let number: u64 = digits.parse().map_err(|error: ParseIntError| format!("{text:?} bytes: {error}"))?;
    number.checked_mul(1 << shift).ok_or_else(|| format!("{text:?} bytes are too many"))
}
