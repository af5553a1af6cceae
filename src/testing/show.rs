//! How the bytes of two files differ, for people.

use std::fmt::Write as _;
use std::time::Duration;

use similar::{ChangeTag, TextDiff};

use crate::content::Content;
use crate::error::Result;

/// The most bytes of a file that are compared line by line.
const LARGEST_TEXT: u64 = 256 << 10;

/// How long the fewest lines that differ are looked for, which takes time that grows with the square of
/// them; what is found until then is shown, and is right, but may be more than need be.
const PATIENCE: Duration = Duration::from_millis(500);

/// The most lines that are shown of a file.
const LINES: usize = 60;

/// The most characters that are shown of a line.
const COLUMNS: usize = 200;

/// Lines that show how `left` and `right` differ; `None` if they do not.
pub fn difference(left: &Content, right: &Content) -> Result<Option<String>> {
    if left.ptr_eq(right) {
        return Ok(None);
    }
    let Some(at) = first_difference(left, right)? else { return Ok(None) };
    if left.len().max(right.len()) <= LARGEST_TEXT {
        let (left, right) = (left.to_vec()?, right.to_vec()?);
        if let (Some(left), Some(right)) = (text(&left), text(&right)) {
            return Ok(Some(lines(left, right)));
        }
    }
    bytes(left, right, at).map(Some)
}

/// The offset from which on they differ, the end of the shorter one included.
fn first_difference(left: &Content, right: &Content) -> Result<Option<u64>> {
    let (mut l, mut r) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    let mut offset = 0;
    loop {
        let (n, m) = (left.read_at(&mut l, offset)?, right.read_at(&mut r, offset)?);
        let differs = l[..n].iter().zip(&r[..m]).position(|(a, b)| a != b);
        match differs.or_else(|| (n != m).then_some(n.min(m))) {
            Some(at) => return Ok(Some(offset + at as u64)),
            None if n == 0 => return Ok(None),
            None => offset += n as u64,
        }
    }
}

/// The bytes as text, if a person would call them so.
fn text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t')).then_some(text)
}

/// The lines that differ, with two around them, and their numbers on the side that has them.
fn lines(left: &str, right: &str) -> String {
    // Lines that end at `\n` alone: a return is a character of its line, which is shown.
    let (left, right): (Vec<&str>, Vec<&str>) =
        (left.split_inclusive('\n').collect(), right.split_inclusive('\n').collect());
    let diff = TextDiff::configure().timeout(PATIENCE).diff_slices(&left, &right);
    let (mut shown, mut out) = (0, String::new());
    for (at, group) in diff.grouped_ops(2).iter().enumerate() {
        if at > 0 {
            out.push_str("       ...\n");
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            if shown == LINES {
                out.push_str("       and more\n");
                return out;
            }
            shown += 1;
            let sign = match change.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            };
            let number = change.new_index().or(change.old_index()).unwrap_or(0) + 1;
            let line = visible(change.value());
            writeln!(out, "{number:>6} {sign} {line}").expect("a string takes everything");
        }
    }
    out
}

/// A line with what cannot be seen made visible.
fn visible(line: &str) -> String {
    let (body, end) = match line.strip_suffix('\n') {
        Some(body) => (body, ""),
        None => (line, "  (no newline at the end)"),
    };
    let mut shown = String::new();
    for c in body.chars().take(COLUMNS) {
        if c.is_control() && c != '\t' {
            shown.extend(c.escape_debug());
        } else {
            shown.push(c);
        }
    }
    if body.chars().nth(COLUMNS).is_some() {
        shown.push_str("...");
    }
    shown + end
}

/// The rows around the first byte that differs, of both.
fn bytes(left: &Content, right: &Content, at: u64) -> Result<String> {
    const ROW: u64 = 16;
    let first = (at / ROW).saturating_sub(1) * ROW;
    let mut out = format!("       {} and {} bytes, different from offset {at} on\n", left.len(), right.len());
    for offset in (first..first + 4 * ROW).step_by(ROW as usize) {
        let (mut l, mut r) = ([0; ROW as usize], [0; ROW as usize]);
        let (n, m) = (left.read_at(&mut l, offset)?, right.read_at(&mut r, offset)?);
        if l[..n] == r[..m] {
            row(&mut out, ' ', offset, &l[..n]);
        } else {
            row(&mut out, '-', offset, &l[..n]);
            row(&mut out, '+', offset, &r[..m]);
        }
    }
    Ok(out)
}

fn row(out: &mut String, sign: char, offset: u64, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let text: String =
        bytes.iter().map(|&b| if (b' '..=b'~').contains(&b) { b as char } else { '.' }).collect();
    writeln!(out, "       {sign} {offset:08x}  {:<47}  {text}", hex.join(" "))
        .expect("a string takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(left: impl Into<Content>, right: impl Into<Content>) -> String {
        difference(&left.into(), &right.into()).unwrap().unwrap_or_default()
    }

    #[test]
    fn equal_bytes_show_nothing() {
        assert_eq!(show("", ""), "");
        assert_eq!(show(vec![7; 200_000], vec![7; 200_000]), "");
    }

    #[test]
    fn texts_differ_by_lines_with_some_around_them() {
        let left: String = (0..50).map(|i| format!("{i}\n")).collect();
        let right = left.replace("20\n", "").replace("40\n", "forty\n");
        assert_eq!(
            show(left, right),
            "    19   18\n    20   19\n    21 - 20\n    21   21\n    22   22\n       ...\n    38   38\n    39   39\n\
             \x20   41 - 40\n    40 + forty\n    41   41\n    42   42\n"
        );
    }

    #[test]
    fn what_cannot_be_seen_is_made_visible() {
        assert_eq!(show("a\r\n", "a\n"), "     1 - a\\r\n     1 + a\n");
        assert_eq!(show("", "b"), "     1 + b  (no newline at the end)\n");
        assert_eq!(show("", "b\r"), "     1 + b\\r  (no newline at the end)\n");
        assert_eq!(show("a\rb\nc\n", "c\n"), "     1 - a\\rb\n     1   c\n");
        let long = show("", "x".repeat(1000));
        assert!(long.len() < 300 && long.contains("x..."), "{long}");
    }

    #[test]
    fn much_text_is_cut_short() {
        let left: String = (0..500).map(|i| format!("{i}\n")).collect();
        let shown = show(left, "");
        assert_eq!(shown.lines().count(), LINES + 1);
        assert!(shown.ends_with("and more\n"));
    }

    #[test]
    fn texts_that_have_nothing_in_common_are_shown_all_the_same() {
        let texts = ["a", "b"].map(|side| (0..40_000).map(|i| format!("{side}{i:x}\n")).collect::<String>());
        let [left, right] = texts.map(|text| text[..text.len().min(LARGEST_TEXT as usize)].to_owned());
        let shown = show(left, right);
        assert_eq!(shown.lines().count(), LINES + 1);
        assert!(shown.starts_with("     1 - a0\n"), "{shown}");
    }

    #[test]
    fn bytes_differ_by_rows_around_the_first() {
        let left: Vec<u8> = (0..100).collect();
        let mut right = left.clone();
        right[40] = b'!';
        right.truncate(50);
        assert_eq!(
            show(left, right),
            "       100 and 50 bytes, different from offset 40 on\n         \
             00000010  10 11 12 13 14 15 16 17 18 19 1a 1b 1c 1d 1e 1f  ................\n       \
             - 00000020  20 21 22 23 24 25 26 27 28 29 2a 2b 2c 2d 2e 2f   !\"#$%&'()*+,-./\n       \
             + 00000020  20 21 22 23 24 25 26 27 21 29 2a 2b 2c 2d 2e 2f   !\"#$%&'!)*+,-./\n       \
             - 00000030  30 31 32 33 34 35 36 37 38 39 3a 3b 3c 3d 3e 3f  0123456789:;<=>?\n       \
             + 00000030  30 31                                            01\n       \
             - 00000040  40 41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f  @ABCDEFGHIJKLMNO\n"
        );
        assert!(show(vec![0; 1 << 20], vec![0; (1 << 20) + 1]).contains("from offset 1048576 on"));
    }
}
