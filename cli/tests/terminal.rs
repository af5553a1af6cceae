//! What only a terminal shows: the shell with its prompt, editing, history and completion; colours; how far
//! long work is.

#![cfg(unix)]

mod support;

use std::fs;
use std::process::Command;

use rexpect::session::{PtySession, spawn_command};
use support::Place;

/// The keys.
const TAB: &str = "\t";
const UP: &str = "\u{1b}[A";

struct Terminal(PtySession);

impl Terminal {
    fn start(place: &Place) -> Self {
        let mut command = place.command(&["shell"]);
        command.env("TERM", "xterm").env("NO_COLOR", "1");
        let mut terminal = Self(spawn_command(command, Some(60_000)).expect("started"));
        terminal.expect("Type help or ? to list commands.");
        terminal.expect("arcfs:/> ");
        terminal
    }

    #[track_caller]
    fn expect(&mut self, text: &str) -> String {
        match self.0.exp_string(text) {
            Ok(before) => before,
            Err(error) => panic!("{text:?} did not come: {error}"),
        }
    }

    fn keys(&mut self, keys: &str) {
        self.0.send(keys).and_then(|_| self.0.flush()).expect("sent");
    }

    /// Types a line, and expects something in answer to it and then the prompt of the root.
    #[track_caller]
    fn line(&mut self, line: &str, answer: &str) {
        self.keys(&format!("{line}\r"));
        self.expect(answer);
        self.expect("arcfs:/> ");
    }

    /// Expects the end of the shell.
    #[track_caller]
    fn ends(mut self) {
        self.0.exp_eof().expect("the end");
        let status = self.0.process().wait().expect("ended");
        assert!(format!("{status:?}").ends_with(", 0)"), "{status:?}"); // its type is not exported
    }
}

#[test]
fn commands_are_answered_and_the_prompt_follows() {
    let place = Place::new();
    let mut terminal = Terminal::start(&place);
    terminal.line("write /a 'two words'", "Wrote to: /a");
    terminal.line("read /a", "two words");
    terminal.line("read /missing", "Error: ");
    terminal.line("nonsense", "Unknown command: nonsense\r\nType 'help' for a list of commands.");
    terminal.line("ls 'a", "Error: the quote ' in column 4 is not closed");
    // What is typed before the prompt comes is not lost.
    terminal.keys("mkdir d\rcd d\r");
    terminal.expect("arcfs:/d> ");
    terminal.keys("cd\r");
    terminal.expect("arcfs:/> ");
    terminal.keys("exit\r");
    terminal.expect("Goodbye!");
    terminal.ends();
    assert_eq!(place.ok(&["ls"]), "a\nd/\n");
}

#[test]
fn an_empty_line_does_nothing() {
    let place = Place::new();
    let mut terminal = Terminal::start(&place);
    terminal.line("append /log x", "Appended to: /log");
    for _ in 0..3 {
        terminal.keys("\r");
        terminal.expect("arcfs:/> ");
        terminal.keys("   \r");
        terminal.expect("arcfs:/> ");
    }
    terminal.line("read /log", "\r\nx\r\n");
    terminal.keys("quit\r");
    terminal.expect("Goodbye!");
    terminal.ends();
}

#[test]
fn the_end_of_the_input_ends_the_shell() {
    let place = Place::new();
    let mut terminal = Terminal::start(&place);
    terminal.0.send_control('d').expect("sent");
    terminal.expect("Goodbye!");
    terminal.ends();
}

#[test]
fn an_interrupt_gives_up_the_line_and_not_the_shell() {
    let place = Place::new();
    let mut terminal = Terminal::start(&place);
    terminal.keys("rm -r /");
    terminal.expect("rm -r /");
    terminal.0.send_control('c').expect("sent");
    terminal.expect("arcfs:/> ");
    terminal.line("touch /still-here", "Created file: /still-here");
    terminal.keys("exit\r");
    terminal.expect("Goodbye!");
    terminal.ends();
    assert_eq!(place.ok(&["ls"]), "still-here\n");
}

#[test]
fn tab_completes_commands_and_paths() {
    let place = Place::new();
    place.ok(&["mkdir", "-p", "/projects/alpha"]);
    place.ok(&["write", "/projects/alpha/my notes", "found"]);
    let mut terminal = Terminal::start(&place);
    terminal.keys(&format!("quo{TAB}\r"));
    terminal.expect("quota ");
    terminal.expect("Quota: ");
    terminal.expect("arcfs:/> ");
    terminal.keys(&format!("cat /pr{TAB}al{TAB}my{TAB}\r"));
    terminal.expect(r"cat /projects/alpha/my\ notes");
    terminal.expect("found");
    terminal.expect("arcfs:/> ");
    // Two that fit are listed.
    terminal.keys(&format!("st{TAB}{TAB}"));
    terminal.expect("stat ");
    terminal.expect("stats");
    terminal.keys("s\r");
    terminal.expect("used_bytes: ");
    terminal.expect("arcfs:/> ");
    terminal.keys("exit\r");
    terminal.ends();
}

#[test]
fn tab_in_a_directory_of_many_files_does_not_end_the_shell() {
    let place = Place::new();
    let files: Vec<String> =
        (0..66_000).map(|n| format!("\"/common-{n}\": {{\"type\": \"text\", \"content\": \"\"}}")).collect();
    let state = format!("{{\"files\": {{{}}}, \"dirs\": []}}", files.join(","));
    place.with_input(&["import", "--json-state", "-"], state).success();
    let mut terminal = Terminal::start(&place);
    terminal.keys(&format!("stat /c{TAB}{TAB}"));
    terminal.expect("stat /common-");
    terminal.expect("Display all 10000 possibilities?");
    terminal.keys("y");
    terminal.expect("common-10000 ");
    terminal.expect("common-9999\r\n"); // the last of all, as they are sorted
    terminal.expect("stat /common-");
    terminal.keys("65999\r");
    terminal.expect("Path: /common-65999");
    terminal.expect("arcfs:/> ");
    terminal.keys("exit\r");
    terminal.ends();
}

#[test]
fn lines_are_remembered_here_and_in_the_next_shell() {
    let place = Place::new();
    let mut terminal = Terminal::start(&place);
    terminal.line("append /log a", "Appended to: /log");
    terminal.line("append /log b", "Appended to: /log");
    terminal.line(" append /log secret", "Appended to: /log");
    terminal.keys(&format!("{UP}{UP}\r"));
    terminal.expect("append /log a");
    terminal.expect("Appended to: /log");
    terminal.expect("arcfs:/> ");
    terminal.keys("exit\r");
    terminal.ends();

    let mut terminal = Terminal::start(&place);
    terminal.keys(&format!("{UP}{UP}\r"));
    terminal.expect("append /log a");
    terminal.expect("Appended to: /log");
    terminal.expect("arcfs:/> ");
    terminal.keys("exit\r");
    terminal.ends();
    assert_eq!(place.ok(&["cat", "/log"]), "absecretaa");

    let history = place.path("home/.arcfs/history");
    let kept = std::fs::read_to_string(&history).expect("kept");
    assert!(kept.contains("append /log b") && !kept.contains("secret"), "{kept}");
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&history), 0o600);
    assert_eq!(mode(&place.path("home/.arcfs")), 0o700);
}

#[test]
fn names_cannot_command_the_terminal() {
    let place = Place::new();
    place.ok(&["write", "/red\u{1b}[31m", "x"]);
    assert_eq!(place.ok(&["ls"]), "red\u{1b}[31m\n", "a pipe gets the name");
    let mut terminal = Terminal::start(&place);
    // What reads the terminal takes bytes for characters.
    let shown: String = "red\u{fffd}[31m".bytes().map(char::from).collect();
    terminal.line("ls", &shown);
    terminal.keys("exit\r");
    terminal.ends();
}

#[test]
fn colours_are_shown_in_a_terminal_that_wants_them() {
    let place = Place::new();
    place.ok(&["mkdir", "/d"]);
    for (no_color, shown) in [("", "\u{1b}[1m\u{1b}[34md\u{1b}[0m/"), ("1", "d/\r\n")] {
        let mut command = place.command(&["ls"]);
        command.env("TERM", "xterm").env("NO_COLOR", no_color);
        let mut session = spawn_command(command, Some(60_000)).expect("started");
        let printed = session.exp_eof().expect("the end");
        assert_eq!(printed.trim_end(), shown.trim_end(), "NO_COLOR={no_color:?}");
    }
}

// ---- how far long work is ----

/// The command in a terminal of its own, its standard error where `line` leads it: `"$@"` is the command.
fn in_terminal(place: &Place, line: &str, args: &[&str]) -> PtySession {
    let template = place.command(args);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("stty cols 80; {line}"), "sh"]);
    command.arg(template.get_program()).args(template.get_args());
    command.current_dir(template.get_current_dir().expect("set"));
    for (name, value) in template.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.env("TERM", "xterm");
    spawn_command(command, Some(60_000)).expect("started")
}

/// A place with a tree of 3 MiB in the state and on the host, and an archive of it.
fn place_with_much() -> Place {
    let place = Place::new();
    fs::create_dir_all(place.path("tree/d")).expect("made");
    for name in ["tree/a", "tree/d/b", "tree/d/c"] {
        fs::write(place.path(name), vec![b'x'; 1 << 20]).expect("written");
    }
    place.ok(&["-q", "import", "tree", "/tree"]);
    place.ok(&["-q", "export", "/tree", "tree.tar"]);
    place
}

/// All that brings much in or takes much out, with what there is of it: of an archive, its own bytes.
const LONG_WORK: [(&[&str], &str); 8] = [
    (&["import", "tree", "/new"], "3.00 MiB"),
    (&["import", "tree.tar", "/new"], "3.01 MiB"),
    (&["import", "tree.tar", "/new", "--json"], "3.01 MiB"),
    (&["import", "tree/a", "/new"], "1.00 MiB"),
    (&["export", "/tree", "new"], "3.00 MiB"),
    (&["export", "/tree", "new.zip"], "3.00 MiB"),
    (&["export", "/tree", "new.tar.zst"], "3.00 MiB"),
    (&["export", "/tree/d/b", "new"], "1.00 MiB"),
];

#[test]
fn a_terminal_shows_how_far_long_work_is() {
    for (args, total) in LONG_WORK {
        let place = place_with_much();
        let shown = in_terminal(&place, "\"$@\"", args).exp_eof().expect("the end");
        // The full blocks of the bar, as what reads the terminal takes bytes for characters.
        let bar: String = "\u{2588}".bytes().map(char::from).collect();
        let what = if args[0] == "import" { "Importing " } else { "Exporting " };
        let drawn = shown.split('\r').find(|line| line.contains(&format!("/{total} ")));
        let drawn = drawn.unwrap_or_else(|| panic!("{args:?}: no bar of {total}: {shown:?}"));
        assert!(drawn.contains(what), "{args:?}: {drawn:?}");
        assert!(drawn.contains(&bar), "{args:?}: {drawn:?}");
        // It is gone before the answer comes.
        let (_, after) = shown.rsplit_once("\u{1b}[2K").expect("cleared");
        assert!(!after.contains(what), "{args:?}: {after:?}");
        assert!(
            after.contains(if args.contains(&"--json") { "\"files\":3" } else { "ported " }),
            "{after:?}"
        );
    }
}

#[test]
fn nobody_else_sees_how_far_it_is() {
    for (args, _) in LONG_WORK {
        let place = place_with_much();
        let shown = in_terminal(&place, "\"$@\" 2>errors", args).exp_eof().expect("the end");
        assert!(!shown.contains("porting") && !shown.contains('\u{1b}'), "{args:?}: {shown:?}");
        assert_eq!(fs::read_to_string(place.path("errors")).expect("read"), "", "{args:?}");

        let place = place_with_much();
        let shown = in_terminal(&place, "\"$@\" --quiet", args).exp_eof().expect("the end");
        let answer = if args.contains(&"--json") { "{" } else { "" };
        assert_eq!(shown.get(..1).unwrap_or(""), answer, "{args:?}: {shown:?}");
    }
}

#[test]
fn of_a_pipe_a_terminal_shows_how_much_has_come() {
    let place = place_with_much();
    let made = Command::new("mkfifo").arg(place.path("pipe")).status().expect("mkfifo runs");
    assert!(made.success());
    let mut session = in_terminal(&place, "\"$@\"", &["import", "--unpack", "pipe", "/new"]);
    let tar = fs::read(place.path("tree.tar")).expect("read");
    let mut pipe = fs::File::options().write(true).open(place.path("pipe")).expect("opened");
    let (half, rest) = tar.split_at(tar.len() / 2);
    std::io::Write::write_all(&mut pipe, half).expect("written");
    // It goes on only when that has been seen.
    session.exp_regex(r"1\.[0-9]+ MiB [0-9]+s").unwrap_or_else(|error| panic!("no count: {error}"));
    std::io::Write::write_all(&mut pipe, rest).expect("written");
    drop(pipe);
    session.exp_string("Imported 3 files, 3.0 MiB, from pipe").expect("the answer");
    session.exp_eof().expect("the end");
}
