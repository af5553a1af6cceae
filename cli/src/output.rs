//! Standard output: buffered, coloured for terminals only, exact for everybody else.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::sync::OnceLock;

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use serde::Serialize;

use crate::failure::{Failure, Outcome, warn};

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum When {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    Always,
    Never,
}

/// What `--color` says; set once, before anything is written.
static WHEN: OnceLock<When> = OnceLock::new();

/// Whether to colour what goes to a terminal, or to something else.
pub fn may_colour(terminal: bool) -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value: std::ffi::OsString| !value.is_empty());
    match WHEN.get().copied().unwrap_or_default() {
        When::Always => true,
        When::Never => false,
        When::Auto => {
            terminal && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
        }
    }
}

/// How many bytes are gathered before they are handed over.
const CAPACITY: usize = 64 << 10;

/// Standard output, until nobody reads it.
#[derive(Debug)]
struct Sink {
    buffer: BufWriter<Stdout>,
    open: bool,
}

impl Sink {
    fn new() -> Self {
        Self { buffer: BufWriter::with_capacity(CAPACITY, io::stdout()), open: true }
    }

    /// Gives up what was not handed over yet.
    fn forget(&mut self) {
        let buffer = BufWriter::with_capacity(CAPACITY, io::stdout());
        let _ = std::mem::replace(&mut self.buffer, buffer).into_parts(); // dropped, it would be written
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.open { self.buffer.write(bytes) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.open { self.buffer.flush() } else { Ok(()) }
    }
}

/// Where answers go.
#[derive(Debug)]
pub struct Out {
    sink: Sink,
    terminal: bool,
    colour: bool,
    quiet: bool,
    /// Whether what is written tells of something that was done already.
    done: bool,
}

impl Out {
    pub fn new(when: When, quiet: bool) -> Self {
        let _ = WHEN.set(when);
        let terminal = io::stdout().is_terminal();
        let colour = may_colour(terminal);
        Self { sink: Sink::new(), terminal, colour, quiet, done: false }
    }

    /// A line of an answer.
    pub fn line(&mut self, line: fmt::Arguments<'_>) -> Outcome {
        self.sink.write_fmt(line).and_then(|()| self.sink.write_all(b"\n")).map_err(Failure::output)
    }

    /// A text with its line ends.
    pub fn text(&mut self, text: &str) -> Outcome {
        self.bytes(text.as_bytes())
    }

    /// Bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) -> Outcome {
        self.sink.write_all(bytes).map_err(Failure::output)
    }

    /// Runs a command, and hands over what it wrote. What was done is not undone because nobody could be
    /// told of it: that is only a warning.
    pub fn telling(&mut self, command: impl FnOnce(&mut Self) -> Outcome) -> Outcome {
        self.done = false;
        match command(self).and_then(|()| self.flush()) {
            Err(Failure::Output(error)) if self.done => {
                // Not to be written again with what comes next.
                self.sink.forget();
                warn(&format!("it was done, but {}", Failure::Output(error)));
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// Notes that the command has done its work, and what follows only tells of it.
    pub fn done(&mut self) {
        self.done = true;
    }

    /// That something was done; not said with `--quiet`.
    pub fn confirm(&mut self, line: fmt::Arguments<'_>) -> Outcome {
        self.done();
        if self.quiet { Ok(()) } else { self.line(line) }
    }

    /// One value for a program, on a line of its own.
    pub fn json(&mut self, value: &impl Serialize) -> Outcome {
        serde_json::to_writer(&mut self.sink, value).map_err(|error| Failure::output(error.into()))?;
        self.bytes(b"\n")
    }

    /// A list for a program, written value by value, each on a line of its own.
    pub fn json_list<T: Serialize>(&mut self, values: impl IntoIterator<Item = Outcome<T>>) -> Outcome {
        self.bytes(b"[")?;
        for (number, value) in values.into_iter().enumerate() {
            self.bytes(if number == 0 { b"\n" } else { b",\n" })?;
            let value = value?;
            serde_json::to_writer(&mut self.sink, &value).map_err(|error| Failure::output(error.into()))?;
        }
        self.bytes(b"\n]\n")
    }

    /// The stream itself, for what writes on its own; errors through [`Failure::output`].
    pub fn stream(&mut self) -> &mut impl Write {
        &mut self.sink
    }

    /// A style where colours are wanted, else none.
    pub fn style(&self, style: Style) -> Style {
        if self.colour { style } else { Style::new() }
    }

    /// The style of the names of directories.
    pub fn dir_style(&self) -> Style {
        self.style(AnsiColor::Blue.on_default().bold())
    }

    /// A name as it may be shown: on a terminal without control characters, which could do to the
    /// terminal what they like. Elsewhere exactly.
    pub fn name<'n>(&self, name: &'n str) -> Cow<'n, str> {
        if self.terminal && name.chars().any(char::is_control) {
            name.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
        } else {
            Cow::Borrowed(name)
        }
    }

    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Takes no notice of what is written from here on: nobody reads it.
    pub fn discard(&mut self) {
        self.sink.forget();
        self.sink.open = false;
    }

    /// Hands over what was written so far.
    pub fn flush(&mut self) -> Outcome {
        self.sink.flush().map_err(Failure::output)
    }
}
