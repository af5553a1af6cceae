//! Lines from a terminal: prompt, history, editing, completion.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

use anstyle::AnsiColor;
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{ColorMode, CompletionType, Config, Context, Editor, Helper};

use super::complete::candidates;
use super::{Next, Shell};
use crate::failure::{Failure, Outcome, remark};
use crate::output::{Out, may_colour};
use crate::state::{make_own_directory, own_directory};

/// The most lines that the history keeps.
const HISTORY: usize = 1000;

/// Runs lines until `exit` or the end of the input. What fails is said, and the next line is asked for.
pub fn run(shell: Shell, out: &mut Out) -> Outcome<i32> {
    let shell = Rc::new(RefCell::new(shell));
    let mut editor = editor(&shell).map_err(|error| unusable(&error))?;
    let history = History::open(&mut editor);
    out.line(format_args!("arcfs shell. Type help or ? to list commands."))?;
    loop {
        out.flush()?;
        let cwd = out.name(shell.borrow().session.cwd()).into_owned();
        let (plain, style) = (format!("arcfs:{cwd}> "), out.style(AnsiColor::Green.on_default().bold()));
        let line = match editor.readline(&(plain.as_str(), format!("{style}{plain}{style:#}").as_str())) {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => continue, // the line is given up, not the shell
            Err(ReadlineError::Eof) => {
                out.line(format_args!("Goodbye!"))?;
                return Ok(0);
            }
            Err(error) => return Err(unusable(&error)),
        };
        history.add(&mut editor, &line);
        let done = shell.borrow_mut().run_line(&line, out);
        out.flush()?;
        match done {
            Ok(Next::Line) => {}
            Ok(Next::End) => return Ok(0),
            Err(Failure::ClosedPipe) => return Err(Failure::ClosedPipe),
            Err(failure) => _ = failure.report(),
        }
    }
}

type Line = Editor<Completion, FileHistory>;

fn editor(shell: &Rc<RefCell<Shell>>) -> rustyline::Result<Line> {
    let config = Config::builder()
        .max_history_size(HISTORY)?
        .history_ignore_dups(true)?
        .history_ignore_space(true)
        .completion_type(CompletionType::List)
        .color_mode(if may_colour(true) { ColorMode::Enabled } else { ColorMode::Disabled })
        .build();
    let mut editor = Editor::with_config(config)?;
    editor.set_helper(Some(Completion(Rc::clone(shell))));
    Ok(editor)
}

fn unusable(error: &ReadlineError) -> Failure {
    Failure::Message(format!("the terminal cannot be used: {error}"))
}

/// Where lines are kept from one shell to the next: `~/.arcfs/history`, for the user alone.
struct History(Option<PathBuf>);

impl History {
    fn open(editor: &mut Line) -> Self {
        let Some(directory) = own_directory() else { return Self(None) };
        if let Err(error) = make_own_directory(&directory) {
            remark(&format!("The history is not kept: cannot create {directory:?}: {error}"));
            return Self(None);
        }
        let path = directory.join("history");
        if let Err(error) = editor.load_history(&path)
            && path.exists()
        {
            remark(&format!("The history is not kept: cannot read {path:?}: {error}"));
            return Self(None);
        }
        Self(Some(path))
    }

    /// Keeps a line at once, so that a shell that is killed loses none.
    fn add(&self, editor: &mut Line, line: &str) {
        let added = !line.trim().is_empty() && editor.add_history_entry(line).unwrap_or(false);
        if let (true, Some(path)) = (added, &self.0) {
            // Losing a line of the history is not worth a message after each line.
            let _ = editor.append_history(path);
        }
    }
}

/// What rustyline asks for completions.
struct Completion(Rc<RefCell<Shell>>);

impl Completer for Completion {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        Ok(candidates(&mut self.0.borrow_mut().session, &line[..at]))
    }
}

impl Helper for Completion {}
impl Highlighter for Completion {}
impl Validator for Completion {}
impl Hinter for Completion {
    type Hint = String;
}
