//! What one component of a pattern says of one name. It knows no separators but where they end it.

use crate::path::MAX_NAME;

/// One component of a pattern, other than `**`.
///
/// A name matches if it starts with `head`, ends with `tail`, and `middle` matches what is
/// between them.
#[derive(Debug, Clone)]
pub(super) struct Component {
    head: Box<str>,
    /// Empty, or from the first token that is not a plain character to the last such.
    middle: Box<[Token]>,
    tail: Box<str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// `*`: any number of characters; never two in a row.
    Star,
    /// `?`: any character.
    Any,
    Char(char),
    Class(Class),
}

/// `[a-z]`, or `[!a-z]` where `negated`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Class {
    negated: bool,
    /// First and last member of each range; never backwards, ascending, none overlaps another. So
    /// a class of any length is asked in few steps.
    ranges: Box<[(char, char)]>,
}

/// Where a class opens (the text from there on), and what is wrong with it.
type Problem<'a> = (&'a str, &'static str);

impl Component {
    /// Reads a component from the start of the text, and returns what follows it.
    pub(super) fn parse(text: &str) -> Result<(Self, &str), Problem<'_>> {
        let mut tokens = Vec::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let after = &rest[c.len_utf8()..];
            match c {
                '/' | '\\' => break,
                '*' => {
                    if tokens.last() != Some(&Token::Star) {
                        tokens.push(Token::Star);
                    }
                    rest = after;
                }
                '?' => {
                    tokens.push(Token::Any);
                    rest = after;
                }
                '[' => {
                    let (class, after) = Class::parse(after).map_err(|problem| (rest, problem))?;
                    tokens.push(Token::Class(class));
                    rest = after;
                }
                _ => {
                    tokens.push(Token::Char(c));
                    rest = after;
                }
            }
        }
        Ok((Self::new(&tokens), rest))
    }

    fn new(tokens: &[Token]) -> Self {
        let plain = |token: &Token| if let Token::Char(c) = token { Some(*c) } else { None };
        let text = |tokens: &[Token]| tokens.iter().filter_map(plain).collect();
        let start = tokens.iter().position(|token| plain(token).is_none()).unwrap_or(tokens.len());
        let end = tokens.iter().rposition(|token| plain(token).is_none()).map_or(start, |last| last + 1);
        Self { head: text(&tokens[..start]), middle: tokens[start..end].into(), tail: text(&tokens[end..]) }
    }

    /// Whether there is a name that matches.
    pub(super) fn is_possible(&self) -> bool {
        let shortest = |token: &Token| match token {
            Token::Star => 0,
            Token::Any | Token::Class(_) => 1,
            Token::Char(c) => c.len_utf8(),
        };
        let no_member = |token: &Token| matches!(token, Token::Class(class) if class.is_empty());
        let len = self.head.len() + self.middle.iter().map(shortest).sum::<usize>() + self.tail.len();
        len <= MAX_NAME && !self.middle.iter().any(no_member) && !matches!(self.literal(), Some("." | ".."))
    }

    /// The only name that matches, if there is just one.
    pub(super) fn literal(&self) -> Option<&str> {
        self.middle.is_empty().then_some(&self.head)
    }

    /// Whether the name matches; time at most the product of both lengths, without recursion.
    pub(super) fn matches(&self, name: &str) -> bool {
        self.inner(name).is_some_and(|inner| match &*self.middle {
            [] => inner.is_empty(),
            [Token::Star] => true,
            middle => matches_tokens(middle, inner),
        })
    }

    /// What is left of the name between head and tail, if it has them.
    fn inner<'a>(&self, name: &'a str) -> Option<&'a str> {
        // Byte by byte: for the few bytes that these have, a call to compare them costs ten times as much.
        let same = |a: &[u8], b: &str| a.iter().eq(b.as_bytes());
        let (start, end) = (self.head.len(), name.len().checked_sub(self.tail.len())?);
        let inner = name.get(start..end)?;
        let bytes = name.as_bytes();
        (same(&bytes[end..], &self.tail) && same(&bytes[..start], &self.head)).then_some(inner)
    }
}

/// Goes through both from the left. At a mismatch the last star takes one character more; the
/// stars before it need not, for what follows them matched as early as it could.
fn matches_tokens(tokens: &[Token], text: &str) -> bool {
    let (mut at, mut rest) = (0, text.chars());
    let mut last_star = None;
    loop {
        let mut next = rest.clone();
        match (tokens.get(at), next.next()) {
            (Some(Token::Star), _) => {
                at += 1;
                last_star = Some((at, rest.clone()));
                continue;
            }
            (Some(token), Some(c)) if token.matches(c) => {
                at += 1;
                rest = next;
                continue;
            }
            (None, None) => return true,
            (Some(_), None) => return false,
            (None | Some(_), Some(_)) => {}
        }
        let Some((after_star, taken)) = &mut last_star else { return false };
        if *after_star == tokens.len() {
            return true;
        }
        taken.next();
        (at, rest) = (*after_star, taken.clone());
    }
}

impl Token {
    fn matches(&self, c: char) -> bool {
        match self {
            Self::Star | Self::Any => true,
            Self::Char(own) => *own == c,
            Self::Class(class) => class.contains(c),
        }
    }
}

impl Class {
    /// Reads a class from the text behind its `[`, and returns what follows its `]`.
    fn parse(text: &str) -> Result<(Self, &str), &'static str> {
        let body = text.strip_prefix('!').unwrap_or(text);
        let mut ranges = Vec::new();
        let mut chars = body.chars();
        loop {
            let is_first = chars.as_str().len() == body.len();
            let first = match chars.next() {
                None => return Err("is not closed"),
                Some('/' | '\\') => return Err("contains a separator"),
                Some(']') if !is_first => break,
                Some(c) => c,
            };
            let mut ahead = chars.clone();
            let last = match (ahead.next(), ahead.next()) {
                (Some('-'), Some(last)) if last != ']' => {
                    chars = ahead;
                    last
                }
                _ => first,
            };
            if matches!(last, '/' | '\\') {
                return Err("contains a separator");
            }
            if first <= last {
                ranges.push((first, last));
            }
        }
        ranges.sort_unstable();
        ranges.dedup_by(|next, kept| {
            let joins = next.0 <= kept.1;
            kept.1 = if joins { kept.1.max(next.1) } else { kept.1 };
            joins
        });
        Ok((Self { negated: body.len() < text.len(), ranges: ranges.into() }, chars.as_str()))
    }

    fn is_empty(&self) -> bool {
        self.ranges.is_empty() && !self.negated
    }

    fn contains(&self, c: char) -> bool {
        let begun = self.ranges.partition_point(|&(first, _)| first <= c);
        let within = begun.checked_sub(1).is_some_and(|at| c <= self.ranges[at].1);
        within != self.negated
    }
}
