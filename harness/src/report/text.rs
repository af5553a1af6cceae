//! Names from a result file made safe for the language they are put into.

/// Text within a table or paragraph of Markdown, shown as it is.
pub fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '|' => out.push_str("&#124;"),
            '@' => out.push_str("&#64;"), // nobody is mentioned by a result
            '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '#' | '$' | '!' => out.extend(['\\', c]),
            c if c.is_whitespace() => out.push(' '),
            c => out.push(printable(c)),
        }
    }
    out
}

/// One line of text that a terminal and XML can hold; escaping markup is left to whoever writes XML.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_whitespace() { ' ' } else { printable(c) }).collect()
}

/// Text of several lines for a terminal: as [`plain`], and lines stay lines.
pub fn lines(text: &str) -> String {
    text.chars().map(|c| if c == '\n' { c } else { printable(c) }).collect()
}

/// Control characters, those that turn the direction of text, and those that XML forbids, as the
/// replacement character.
fn printable(c: char) -> char {
    let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if c.is_control() || turns || matches!(c, '\u{fffe}' | '\u{ffff}') {
        char::REPLACEMENT_CHARACTER
    } else {
        c
    }
}

/// A file name made of lower-case letters, digits and single dashes.
pub fn slug(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    let short: String = out.chars().take(80).collect();
    short.trim_end_matches('-').to_owned()
}

/// A relative link's segment.
pub fn link(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_shows_what_it_is_given() {
        let check = |input, expected: &str| assert_eq!(markdown(input), expected);
        check("map-mutex", "map-mutex");
        check("a|b\nc", "a&#124;b c");
        check("<x>&", "&lt;x&gt;&amp;");
        check("*_`[l](u)", "\\*\\_\\`\\[l\\](u)");
        check("\u{0}\u{1b}\u{202e}", "\u{fffd}\u{fffd}\u{fffd}");
    }

    #[test]
    fn slugs_and_links_are_file_names() {
        assert_eq!(slug("Contention: keys=zipf/../x"), "contention-keys-zipf-x");
        assert_eq!(slug("<>&"), "");
        assert_eq!(link("2026 a#b.c"), "2026%20a%23b.c");
    }
}
