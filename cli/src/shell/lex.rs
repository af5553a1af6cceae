//! A line of the shell, cut into words.
//!
//! Spaces separate words. `'...'` takes everything as it is; `"..."` takes everything but `\"` and
//! `\\`; outside of quotes `\` takes the next character as it is. `#` at the start of a word starts a
//! comment. Nothing is expanded.

use std::fmt;

/// What is open at some place of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Quote {
    #[default]
    None,
    Single,
    Double,
}

/// A line that cannot be cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LexError {
    /// This quote, at this column counted from 1, has no end.
    Unclosed(char, usize),
    /// A backslash is the last character.
    NothingEscaped,
}

impl fmt::Display for LexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unclosed(quote, column) => write!(f, "the quote {quote} in column {column} is not closed"),
            Self::NothingEscaped => f.write_str("nothing comes after the \\ at the end; write \\\\ for one"),
        }
    }
}

/// The words of a line.
///
/// # Errors
///
/// [`LexError`].
pub fn split(line: &str) -> Result<Vec<String>, LexError> {
    let scan = Scan::of(line);
    match scan.end {
        End::Escape => Err(LexError::NothingEscaped),
        End::Open(quote, at) => {
            let mark = if quote == Quote::Single { '\'' } else { '"' };
            Err(LexError::Unclosed(mark, line[..at].chars().count() + 1))
        }
        End::Between | End::Word | End::Comment => Ok(scan.words.into_iter().map(|word| word.text).collect()),
    }
}

/// A line up to the cursor, for completion.
#[derive(Debug, PartialEq, Eq)]
pub struct Partial {
    /// The words before the one that the cursor is in.
    pub before: Vec<String>,
    /// What that word means so far.
    pub word: String,
    /// Where it starts in the line, its opening quote included.
    pub start: usize,
    /// What is open at the cursor.
    pub quote: Quote,
}

/// What is before the cursor; `None` where nothing can be completed, in a comment.
pub fn partial(line: &str) -> Option<Partial> {
    let Scan { mut words, end } = Scan::of(line);
    let quote = match end {
        End::Comment => return None,
        End::Open(quote, _) => quote,
        End::Between | End::Word | End::Escape => Quote::None,
    };
    let word = if end == End::Between { None } else { words.pop() };
    let Word { text, start } = word.unwrap_or(Word { text: String::new(), start: line.len() });
    Some(Partial { before: words.into_iter().map(|word| word.text).collect(), word: text, start, quote })
}

/// Writes a word so that it is read as one, within the quote that is open already. A finished one is
/// closed; one that goes on is not.
pub fn quoted(word: &str, quote: Quote, finished: bool) -> String {
    let mut text = String::with_capacity(word.len() + 2);
    match quote {
        Quote::None => {
            for (at, c) in word.char_indices() {
                if matches!(c, '\'' | '"' | '\\') || c.is_whitespace() || (at == 0 && c == '#') {
                    text.push('\\');
                }
                text.push(c);
            }
            if word.is_empty() && finished {
                text.push_str("''");
            }
        }
        Quote::Single => {
            // There is no way to write it within; the quote is left for it.
            text.push('\'');
            text.push_str(&word.replace('\'', r"'\''"));
            text.push_str(if finished { "'" } else { "" });
        }
        Quote::Double => {
            text.push('"');
            text.push_str(&word.replace('\\', r"\\").replace('"', "\\\""));
            text.push_str(if finished { "\"" } else { "" });
        }
    }
    text
}

#[derive(Debug)]
struct Word {
    text: String,
    start: usize,
}

/// What the end of a line is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Between,
    Word,
    Comment,
    /// A quote, opened there.
    Open(Quote, usize),
    /// Right behind a backslash.
    Escape,
}

#[derive(Debug)]
struct Scan {
    words: Vec<Word>,
    end: End,
}

impl Scan {
    fn of(line: &str) -> Self {
        let (mut words, mut end) = (Vec::<Word>::new(), End::Between);
        let mut escaped_in = End::Word;
        for (at, c) in line.char_indices() {
            if end == End::Between {
                if c.is_whitespace() {
                    continue;
                }
                if c == '#' {
                    end = End::Comment;
                    break;
                }
                words.push(Word { text: String::new(), start: at });
                end = End::Word;
            }
            let Some(word) = words.last_mut() else { unreachable!("a word was just started") };
            end = match (end, c) {
                (End::Escape, c) => {
                    // Within double quotes a backslash is one, but before what it can escape.
                    if matches!(escaped_in, End::Open(..)) && !matches!(c, '"' | '\\') {
                        word.text.push('\\');
                    }
                    word.text.push(c);
                    escaped_in
                }
                (End::Open(Quote::Single, _), '\'') | (End::Open(Quote::Double, _), '"') => End::Word,
                (End::Word | End::Open(Quote::Double, _), '\\') => {
                    escaped_in = end;
                    End::Escape
                }
                (End::Word, '\'') => End::Open(Quote::Single, at),
                (End::Word, '"') => End::Open(Quote::Double, at),
                (End::Word, c) if c.is_whitespace() => End::Between,
                (end, c) => {
                    word.text.push(c);
                    end
                }
            };
        }
        // An unfinished escape within a quote leaves the quote open, which says more.
        if end == End::Escape && escaped_in != End::Word {
            end = escaped_in;
        }
        Self { words, end }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;

    fn words(line: &str) -> Vec<String> {
        split(line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }

    #[test]
    fn words_are_what_is_between_spaces() {
        assert_eq!(words("  ls  -l\t/a "), ["ls", "-l", "/a"]);
        assert_eq!(words(""), Vec::<String>::new());
        assert_eq!(words(" # all of it"), Vec::<String>::new());
        assert_eq!(words("ls # the rest"), ["ls"]);
        assert_eq!(words("write /a#b #"), ["write", "/a#b"]);
    }

    #[test]
    fn quotes_keep_a_word_together() {
        assert_eq!(words(r#"write "/a b" 'c "d" \ e'"#), ["write", "/a b", r#"c "d" \ e"#]);
        assert_eq!(words(r#"a"b c"'d e'f"#), ["ab cd ef"]);
        assert_eq!(words(r#"'' """#), ["", ""]);
        assert_eq!(words(r#""a \"b\" \\ \n \c""#), [r#"a "b" \ \n \c"#]);
        assert_eq!(words(r"a\ b \' \# '#'"), ["a b", "'", "#", "#"]);
    }

    #[test]
    fn what_is_open_is_named() {
        assert_eq!(split("write 'a b"), Err(LexError::Unclosed('\'', 7)));
        assert_eq!(split("é \"a \\\""), Err(LexError::Unclosed('"', 3)));
        assert_eq!(split("é \"a \\"), Err(LexError::Unclosed('"', 3)));
        assert_eq!(split("a \\"), Err(LexError::NothingEscaped));
        assert!(split("'").unwrap_err().to_string().contains("column 1"));
    }

    fn at_cursor(line: &str) -> (Vec<String>, String, usize, Quote) {
        let Partial { before, word, start, quote } = partial(line).expect("not in a comment");
        (before, word, start, quote)
    }

    #[test]
    fn completion_sees_the_word_before_the_cursor() {
        let strings = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        assert_eq!(at_cursor(""), (vec![], String::new(), 0, Quote::None));
        assert_eq!(at_cursor("ls"), (vec![], "ls".into(), 0, Quote::None));
        assert_eq!(at_cursor("ls "), (strings(&["ls"]), String::new(), 3, Quote::None));
        assert_eq!(at_cursor(r"ls /a\ b"), (strings(&["ls"]), "/a b".into(), 3, Quote::None));
        assert_eq!(at_cursor("ls '/a b"), (strings(&["ls"]), "/a b".into(), 3, Quote::Single));
        assert_eq!(at_cursor("ls \"/a"), (strings(&["ls"]), "/a".into(), 3, Quote::Double));
        assert_eq!(at_cursor("ls '/a' x"), (strings(&["ls", "/a"]), "x".into(), 8, Quote::None));
        assert_eq!(partial("ls # x"), None);
    }

    #[test]
    fn a_quoted_word_is_read_as_it_was() {
        for word in ["plain", "a b", "it's", r#"say "x""#, r"back\slash", "#hash", "tab\there", "é ü", ""] {
            for quote in [Quote::None, Quote::Single, Quote::Double] {
                let text = quoted(word, quote, true);
                assert_eq!(split(&format!("x {text} y")).unwrap(), ["x", word, "y"], "{text}");
                let open = format!("x {}", quoted(word, quote, false));
                if !(word.is_empty() && quote == Quote::None) {
                    assert_eq!(partial(&open).unwrap().word, word, "{open}");
                }
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn any_words_survive_quoting(
            words in vec(r#"[ab #'"\\\t\u{e9}/-]{0,6}"#, 1..5),
            quotes in vec(0..3_usize, 5),
        ) {
            let quote = |n: usize| [Quote::None, Quote::Single, Quote::Double][n];
            let line: Vec<String> =
                words.iter().zip(quotes).map(|(word, n)| quoted(word, quote(n), true)).collect();
            proptest::prop_assert_eq!(split(&line.join(" ")), Ok(words));
        }

        #[test]
        fn any_line_is_cut_or_refused(line in r#"[ab #'"\\\t\u{e9}]{0,12}"#) {
            let cut = split(&line);
            if let Some(Partial { before, word, start, .. }) = partial(&line) {
                proptest::prop_assert!(line.is_char_boundary(start));
                if let Ok(mut words) = cut {
                    if start == line.len() {
                        words.push(String::new());
                    }
                    proptest::prop_assert_eq!(words.split_last(), Some((&word, &before[..])));
                }
            }
        }
    }
}
