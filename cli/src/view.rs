//! What commands that only look are given: a tree in memory, or the file that it is saved in.
//!
//! Building a filesystem of many files to read one of them would cost more than reading the file of
//! the host, so a command line that asks for a file or two is answered out of that.

use arcfs::image::ImageReader;
use arcfs::{Content, DirEntry, ErrorKind, Metadata, Snapshot};

use crate::failure::{Failure, Outcome};
use crate::state::Store;

/// A tree of one instant.
#[derive(Debug)]
pub enum View {
    Tree(Snapshot),
    Saved { image: Box<ImageReader>, store: Store },
}

impl View {
    pub fn metadata(&self, path: &str) -> Outcome<Metadata> {
        self.answer(match self {
            Self::Tree(tree) => tree.metadata(path),
            Self::Saved { image, .. } => image.metadata(path),
        })
    }

    pub fn content(&self, path: &str) -> Outcome<Content> {
        self.answer(match self {
            Self::Tree(tree) => tree.content(path),
            Self::Saved { image, .. } => image.read(path).map(Content::from),
        })
    }

    /// The entries of a directory, in tree order.
    pub fn read_dir(&self, path: &str) -> Outcome<Vec<DirEntry>> {
        self.answer(match self {
            Self::Tree(tree) => tree.read_dir(path).map(Iterator::collect),
            Self::Saved { image, .. } => image.read_dir(path),
        })
    }

    /// An error about the path is the user's; one about the data is the state's.
    fn answer<T>(&self, answer: arcfs::Result<T>) -> Outcome<T> {
        answer.map_err(|error| match self {
            Self::Saved { store, .. } if *error.kind() == ErrorKind::InvalidData => store.unusable(&error),
            _ => Failure::Engine(error),
        })
    }
}
