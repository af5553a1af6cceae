//! What the word before the cursor could become: commands, options and their values, paths here and
//! on the host, names of snapshots. What is expected where comes from the definition of the commands.

use clap::{Arg, Command, CommandFactory, ValueHint};
use rustyline::completion::Pair;

use super::lex::{Partial, partial, quoted};
use crate::args::Line;
use crate::session::Session;

/// The most candidates that are handed on: more than anybody reads, and fewer than the 65,535 beyond
/// which the editor ends the process instead of listing them.
const MOST: usize = 10_000;

/// Where the word starts, and what could stand there, at most [`MOST`] of them.
pub fn candidates(session: &mut Session, line: &str) -> (usize, Vec<Pair>) {
    let Some(partial) = partial(line) else { return (line.len(), Vec::new()) };
    let expected = expected(&partial);
    let mut found = match expected {
        Expected::OneOf(words) => words.into_iter().map(Found::whole).collect(),
        Expected::Path { only_dirs } => paths(session, &partial.word, only_dirs),
        Expected::HostPath => host_paths(&partial.word),
        Expected::Snapshot => snapshots(session),
        Expected::Anything => Vec::new(),
    };
    // Candidates are shown as they are, and a control character could do to the terminal what it likes.
    found.retain(|found| {
        found.text.starts_with(&partial.word) && !found.display.chars().any(char::is_control)
    });
    if found.len() > MOST {
        // What all have in common is what the first and the last have in common.
        found.sort_by(|a, b| a.text.cmp(&b.text));
        found.drain(MOST - 1..found.len() - 1);
    }
    let pairs = found.into_iter().map(|found| {
        let space = if found.finished { " " } else { "" };
        let replacement = quoted(&found.text, partial.quote, found.finished) + space;
        Pair { display: found.display, replacement }
    });
    (partial.start, pairs.collect())
}

/// What can stand in the place of a word.
#[derive(Debug, PartialEq, Eq)]
enum Expected {
    OneOf(Vec<String>),
    Path { only_dirs: bool },
    HostPath,
    Snapshot,
    Anything,
}

/// A word that fits.
#[derive(Debug)]
struct Found {
    text: String,
    display: String,
    /// Whether another word comes next, or this one goes on.
    finished: bool,
}

impl Found {
    fn whole(text: String) -> Self {
        Self { display: text.clone(), text, finished: true }
    }
}

fn expected(partial: &Partial) -> Expected {
    let mut line = Line::command();
    line.build();
    let mut words = partial.before.iter();
    let mut command = &line;
    while command.has_subcommands() {
        let Some(word) = words.next() else { return Expected::OneOf(names(command)) };
        let Some(below) = command.find_subcommand(word) else { return Expected::Anything };
        command = below;
    }
    let (mut nth, mut value_of, mut only_positional) = (0, None, false);
    for word in words {
        if value_of.take().is_some() {
            continue;
        }
        if word == "--" {
            only_positional = true;
        } else if !only_positional && word.len() > 1 && word.starts_with('-') {
            value_of =
                option(command, word).filter(|arg| arg.get_action().takes_values() && !word.contains('='));
        } else {
            nth += 1;
        }
    }
    if let Some(arg) = value_of {
        return value(command, arg);
    }
    if !only_positional && partial.word.starts_with('-') {
        let long = command.get_arguments().filter(|arg| !arg.is_hide_set()).filter_map(Arg::get_long);
        return Expected::OneOf(long.map(|name| format!("--{name}")).collect());
    }
    // One that takes many takes also those beyond the last.
    let takes_many = |arg: &&Arg| arg.get_num_args().is_some_and(|n| n.max_values() > 1);
    let arg = command.get_positionals().nth(nth).or_else(|| command.get_positionals().find(takes_many));
    arg.map_or(Expected::Anything, |arg| value(command, arg))
}

/// The commands below one.
fn names(command: &Command) -> Vec<String> {
    let visible = command.get_subcommands().filter(|command| !command.is_hide_set());
    visible
        .flat_map(|command| std::iter::once(command.get_name()).chain(command.get_visible_aliases()))
        .map(Into::into)
        .collect()
}

/// The option that a word such as `--at` or `-l` is.
fn option<'c>(command: &'c Command, word: &str) -> Option<&'c Arg> {
    let long = word.strip_prefix("--").map(|word| word.split('=').next().unwrap_or(word));
    command.get_arguments().find(|arg| match long {
        Some(long) => arg.get_long() == Some(long),
        None => arg.get_short().is_some_and(|short| word.ends_with(short)),
    })
}

/// What an argument takes.
fn value(command: &Command, arg: &Arg) -> Expected {
    let possible = arg.get_possible_values();
    if !possible.is_empty() {
        return Expected::OneOf(possible.iter().map(|value| value.get_name().to_owned()).collect());
    }
    match arg.get_id().as_str() {
        "at" => Expected::Snapshot,
        "name" | "names" | "other" if command.get_name() != "save" => Expected::Snapshot,
        "path" | "paths" | "source" | "sources" | "dest" => match arg.get_value_hint() {
            ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath => Expected::HostPath,
            _ => Expected::Path { only_dirs: matches!(command.get_name(), "cd" | "rmdir" | "tree") },
        },
        _ => Expected::Anything,
    }
}

/// Files and directories of the filesystem that a word could go on to.
fn paths(session: &mut Session, word: &str, only_dirs: bool) -> Vec<Found> {
    let (dir, prefix) = word.split_at(word.rfind('/').map_or(0, |at| at + 1));
    let path = session.path(if dir.is_empty() { "." } else { dir });
    let Ok(view) = session.view(None) else { return Vec::new() };
    let Ok(entries) = view.read_dir(path) else { return Vec::new() };
    let fitting = entries.filter(|entry| entry.name().starts_with(prefix));
    let found = fitting.map(|entry| entry_found(dir, entry.name(), entry.metadata().is_dir()));
    found.filter(|found| !only_dirs || !found.finished).collect()
}

/// The same of the host.
fn host_paths(word: &str) -> Vec<Found> {
    let (dir, prefix) = word.split_at(word.rfind('/').map_or(0, |at| at + 1));
    let Ok(entries) = std::fs::read_dir(if dir.is_empty() { "." } else { dir }) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.starts_with(prefix) && (prefix.starts_with('.') || !name.starts_with('.')) {
            found.push(entry_found(dir, &name, entry.path().is_dir()));
        }
    }
    found.sort_by(|a, b| a.text.cmp(&b.text));
    found
}

fn entry_found(dir: &str, name: &str, is_dir: bool) -> Found {
    let display = if is_dir { format!("{name}/") } else { name.to_owned() };
    Found { text: format!("{dir}{display}"), display, finished: !is_dir }
}

fn snapshots(session: &mut Session) -> Vec<Found> {
    let names = session.image().map(|image| image.snapshots.keys().cloned().collect::<Vec<_>>());
    names.unwrap_or_default().into_iter().map(Found::whole).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Store;

    /// A session in a directory of its own, with some files.
    fn session(dir: &tempfile::TempDir) -> Session {
        let store = Store::locate(Some(dir.path().join("state"))).unwrap();
        let mut session = Session::new(store);
        session
            .change(|image| {
                image.fs.import_tree([("/docs/my file", ""), ("/docs/more", ""), ("/data.bin", "")])?;
                let snapshot = image.fs.snapshot();
                let taken = std::time::SystemTime::now();
                image.snapshots.insert("first one".into(), arcfs::image::NamedSnapshot { snapshot, taken });
                Ok(())
            })
            .unwrap();
        session
    }

    fn complete(line: &str) -> (usize, Vec<String>) {
        let dir = tempfile::tempdir().unwrap();
        let (start, pairs) = candidates(&mut session(&dir), line);
        (start, pairs.into_iter().map(|pair| pair.replacement).collect())
    }

    #[track_caller]
    fn check(line: &str, start: usize, expected: &[&str]) {
        let expected = expected.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        assert_eq!(complete(line), (start, expected), "{line:?}");
    }

    #[test]
    fn commands_are_completed_first() {
        check("sn", 0, &["snapshot "]);
        check("st", 0, &["stat ", "stats "]);
        check("snapshot sa", 9, &["save "]);
        check("qui", 0, &["quit "]);
        check("help sn", 5, &["snapshot "]);
        check("nonsense x", 9, &[]);
        assert!(complete("").1.contains(&"cd ".to_owned()));
    }

    #[test]
    fn paths_are_completed_in_any_quoting() {
        check("cat /d", 4, &["/data.bin ", "/docs/"]);
        check("cat d", 4, &["data.bin ", "docs/"]);
        check("cat /docs/my", 4, &[r"/docs/my\ file "]);
        check("cat '/docs/my", 4, &["'/docs/my file' "]);
        check("cat \"/docs/my f", 4, &["\"/docs/my file\" "]);
        check("cat /data.bin d", 14, &["data.bin ", "docs/"]);
        check("cd d", 3, &["docs/"]);
        check("cp /data.bin /docs/more do", 24, &["docs/"]);
        check("rename data.bin doc", 16, &["docs/"]);
        check("rename data.bin docs/x d", 23, &[]);
        check("cat /missing/x", 4, &[]);
        check("ls # d", 6, &[]);
    }

    #[test]
    fn a_list_that_is_too_long_keeps_its_ends() {
        let dir = tempfile::tempdir().unwrap();
        let mut session = session(&dir);
        let names = (0..=MOST).map(|n| (format!("/many/n{n:05}"), ""));
        session.change(|image| Ok(image.fs.import_tree(names.chain([("/many/nz".into(), "")]))?)).unwrap();
        let pairs = candidates(&mut session, "cat /many/n").1;
        assert_eq!(pairs.len(), MOST);
        assert_eq!((pairs[0].display.as_str(), pairs[MOST - 1].display.as_str()), ("n00000", "nz"));
        assert_eq!(candidates(&mut session, "cat /many/n0").1.len(), MOST);
        assert_eq!(candidates(&mut session, "cat /many/n00").1.len(), 1000);
    }

    #[test]
    fn names_with_control_characters_are_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let mut session = session(&dir);
        session
            .change(|image| {
                image.fs.import_tree([("/docs/more\u{1b}[31m", ""), ("/docs/mo\u{7f}/x", "")])?;
                let named = image.snapshots["first one"].clone();
                image.snapshots.insert("first\u{1b}[2J".into(), named);
                Ok(())
            })
            .unwrap();
        let mut shown = |line: &str| {
            let pairs = candidates(&mut session, line).1;
            pairs.into_iter().map(|pair| pair.display).collect::<Vec<_>>()
        };
        assert_eq!(shown("cat /docs/mo"), ["more"]);
        assert_eq!(shown("cat --at "), ["first one"]);
        #[cfg(unix)]
        {
            let host = dir.path().display();
            std::fs::write(dir.path().join("host\u{1b}[31m"), "").unwrap();
            std::fs::write(dir.path().join("hosts"), "").unwrap();
            assert_eq!(shown(&format!("import {host}/host")), ["hosts"]);
        }
    }

    #[test]
    fn options_and_their_values_are_completed() {
        check("ls --lo", 3, &["--long "]);
        check("find -t ", 8, &["f ", "d "]);
        check("import --on-conflict s", 21, &["skip "]);
        check("cat --at f", 9, &[r"first\ one "]);
        check("snapshot restore f", 17, &[r"first\ one "]);
        check("snapshot save f", 14, &[]);
        check("cat -- -", 7, &[]);
    }

    #[test]
    fn paths_of_the_host_are_completed_where_they_are_meant() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("host file"), "").unwrap();
        let start = format!("{}/host", dir.path().display());
        let (at, found) = complete(&format!("import {start}"));
        assert_eq!((at, found), (7, vec![format!("{}/host\\ file ", dir.path().display())]));
        let (at, found) = complete(&format!("export /docs {start}"));
        assert_eq!((at, found.len()), (13, 1));
    }
}
