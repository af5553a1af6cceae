//! The lines of a text.

use std::fmt;
use std::io::Read;
use std::iter::FusedIterator;

use super::TextFile;
use crate::error::Result;

/// The lines of a [`TextFile`] without what ends them; see [`TextFile::lines`].
///
/// It ends at the end of the file, and after an error.
pub struct Lines<'a, H> {
    text: &'a mut TextFile<H>,
    ended: bool,
}

impl<'a, H> Lines<'a, H> {
    pub(super) fn new(text: &'a mut TextFile<H>) -> Self {
        Self { text, ended: false }
    }
}

impl<H: Read> Iterator for Lines<'_, H> {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Result<String>> {
        if self.ended {
            return None;
        }
        let mut line = String::new();
        match self.text.read_line(&mut line) {
            Ok(0) => {
                self.ended = true;
                None
            }
            Ok(_) => {
                if line.ends_with('\n') {
                    line.pop();
                    if line.ends_with('\r') {
                        line.pop();
                    }
                } else if line.ends_with('\r') {
                    line.pop();
                }
                Some(Ok(line))
            }
            Err(error) => {
                self.ended = true;
                Some(Err(error))
            }
        }
    }
}

impl<H: Read> FusedIterator for Lines<'_, H> {}

impl<H> fmt::Debug for Lines<'_, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").field("text", &self.text).field("ended", &self.ended).finish()
    }
}
