//! What a pattern should match, in the plainest code; for its tests and its fuzz target.
//!
//! Tables filled from the end instead of sets carried from the start, and characters by index.

enum Token {
    Star,
    One { negated: bool, ranges: Vec<(char, char)> },
}

/// Whether the pattern matches the path of these names, or `None` where it must be refused.
pub fn matches(pattern: &str, names: &[&str]) -> Option<bool> {
    let pattern = pattern.replace('\\', "/");
    let parts: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty()).collect();
    let tokens = parts.iter().map(|part| parse(part)).collect::<Option<Vec<_>>>()?;
    if parts.is_empty() || names.is_empty() || parts.iter().any(|part| matches!(*part, "." | "..")) {
        return Some(false);
    }
    // table[i][j]: the parts from i on match the names from j on.
    let mut table = vec![vec![false; names.len() + 1]; parts.len() + 1];
    table[parts.len()][names.len()] = true;
    for i in (0..parts.len()).rev() {
        for j in (0..=names.len()).rev() {
            table[i][j] = if parts[i] == "**" && i + 1 == parts.len() {
                j < names.len()
            } else if parts[i] == "**" {
                table[i + 1][j] || (j < names.len() && table[i][j + 1])
            } else {
                j < names.len() && table[i + 1][j + 1] && name_matches(&tokens[i], names[j])
            };
        }
    }
    Some(table[0][0])
}

fn parse(part: &str) -> Option<Vec<Token>> {
    let chars: Vec<char> = part.chars().collect();
    let mut tokens = Vec::new();
    let mut i = 0;
    while i < chars.len() {
        tokens.push(match chars[i] {
            '*' => Token::Star,
            '?' => Token::One { negated: true, ranges: vec![] },
            '[' => {
                let negated = chars.get(i + 1) == Some(&'!');
                let start = i + 1 + usize::from(negated);
                i = (start + 1..chars.len()).find(|&close| chars[close] == ']')?;
                Token::One { negated, ranges: ranges(&chars[start..i]) }
            }
            c => Token::One { negated: false, ranges: vec![(c, c)] },
        });
        i += 1;
    }
    Some(tokens)
}

fn ranges(mut body: &[char]) -> Vec<(char, char)> {
    let mut ranges = Vec::new();
    while let [first, rest @ ..] = body {
        (body, _) = match rest {
            ['-', last, rest @ ..] => (rest, ranges.push((*first, *last))),
            _ => (rest, ranges.push((*first, *first))),
        };
    }
    ranges
}

fn name_matches(tokens: &[Token], name: &str) -> bool {
    let chars: Vec<char> = name.chars().collect();
    // table[i][j]: the tokens from i on match the characters from j on.
    let mut table = vec![vec![false; chars.len() + 1]; tokens.len() + 1];
    table[tokens.len()][chars.len()] = true;
    for i in (0..tokens.len()).rev() {
        for j in (0..=chars.len()).rev() {
            table[i][j] = match &tokens[i] {
                Token::Star => table[i + 1][j] || (j < chars.len() && table[i][j + 1]),
                Token::One { negated, ranges } => {
                    j < chars.len()
                        && table[i + 1][j + 1]
                        && ranges.iter().any(|(first, last)| (*first..=*last).contains(&chars[j])) != *negated
                }
            };
        }
    }
    table[0][0]
}
