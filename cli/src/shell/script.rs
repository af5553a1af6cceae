//! Lines from a pipe or a file: no prompt, no editing, and an exit code that says how it went.

use std::io::{self, BufRead};

use super::{Next, Shell};
use crate::failure::{Attempt, Failure, Outcome, complain};
use crate::output::Out;

/// Runs all lines, or those up to the first that fails. The exit code is that of the one that ended
/// it; with `keep_going` it is 1 if any failed.
pub fn run(mut shell: Shell, keep_going: bool, out: &mut Out) -> Outcome<i32> {
    let mut input = io::stdin().lock();
    let (mut line, mut code) = (Vec::new(), 0);
    for number in 1.. {
        line.clear();
        if input.read_until(b'\n', &mut line).attempt(|| "cannot read commands from standard input".into())?
            == 0
        {
            break;
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
