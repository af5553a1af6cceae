//! Lines from a pipe or a file: no prompt, no editing, and an exit code that says how it went.

use std::io::{self, BufRead, Read};

use super::{Next, Shell};
use crate::failure::{Attempt, Failure, Outcome, complain};
use crate::output::Out;

/// The most bytes of a line: more than a command can have as words, and an end to one that has none.
const MOST: u64 = 64 << 20;

/// Runs all lines, or those up to the first that fails. The exit code is that of the one that ended
/// it; with `keep_going` it is 1 if any failed.
pub fn run(mut shell: Shell, keep_going: bool, out: &mut Out) -> Outcome<i32> {
    let mut input = io::stdin().lock();
    let (mut line, mut code) = (Vec::new(), 0);
    for number in 1.. {
        line.clear();
        let read = (&mut input).take(MOST).read_until(b'\n', &mut line);
        let read = read.attempt(|| "cannot read commands from standard input".into())?;
        if read == 0 {
            break;
        }
        if read as u64 == MOST && !line.ends_with(b"\n") {
            // Where the next one starts is not known, so that nothing can be run after it.
            return Err(Failure::Message(format!(
                "line {number}: it is longer than {MOST} bytes; import a file that large instead of writing it"
            )));
        }
        let done = text(&line, number).and_then(|line| shell.run_line(line, out));
        // In the order in which things happened, whatever the outputs are connected to.
        let said = out.flush();
        match done.and_then(|next| said.map(|()| next)) {
            Ok(Next::Line) => {}
            Ok(Next::End) => break,
            // The lines that follow are to be run whether or not anybody reads what they say.
            Err(Failure::ClosedPipe) => out.discard(),
            Err(failure) => {
                complain(&format!("line {number}: {failure}"));
                if !keep_going {
                    return Ok(failure.code());
                }
                code = 1;
            }
        }
    }
    Ok(code)
}

/// A line as text, without a line end of any system or the mark that some put before the first.
fn text(line: &[u8], number: usize) -> Outcome<&str> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = std::str::from_utf8(line).map_err(|_| Failure::message("this line is not UTF-8"))?;
    Ok(if number == 1 { line.trim_start_matches('\u{feff}') } else { line })
}
