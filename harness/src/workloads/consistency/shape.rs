//! Whose file is which, what its writer writes into it, and what one instant of all of that looks like.
//!
//! Each writer writes its own files in a cycle. After `position` writes, file `i` of `n` has been written
//! `position / n` times, and once more where `i < position % n`. So the numbers in the files of one instant
//! add up to the position and follow from it; anything else is a mixture of instants. Each write also
//! carries how many writes its writer's neighbour had finished when it began, so an instant that shows the
//! write must show those too: this ties the writers together.
//!
//! It knows nothing of stores, threads and clocks.

use crate::load::check_payload;
use crate::store::{Answer, Failure};

/// Bytes of each file.
pub const SIZE: usize = 4096;
/// Matches the files whose number ends in 7.
pub const PATTERN: &str = "**/f*7";

/// How many writers there are, and how many files each of them has.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Threads that write.
    pub writers: usize,
    /// Files of each writer.
    pub each: usize,
}

/// What one write puts into a file, besides the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// How many times the file has been written with this one.
    pub generation: u64,
    /// How many writes the neighbour of the writer had finished when this one began.
    pub seen: u64,
}

impl Written {
    /// As the number of a payload. Both halves stay below 2^32: that is more writes than a round has time for.
    pub fn number(self) -> u64 {
        self.seen << 32 | self.generation
    }

    /// From the number of a payload.
    pub fn from_number(number: u64) -> Self {
        Self { generation: number & u64::from(u32::MAX), seen: number >> 32 }
    }
}

impl Shape {
    /// All files.
    pub fn files(self) -> usize {
        self.writers * self.each
    }

    /// The directory of a writer.
    pub fn dir(writer: usize) -> String {
        format!("/w{writer}")
    }

    /// The path of a file of a writer.
    pub fn path(writer: usize, file: usize) -> String {
        format!("/w{writer}/f{file:04}")
    }

    /// The key of a file among all.
    pub fn key(self, writer: usize, file: usize) -> usize {
        writer * self.each + file
    }

    /// The key of the file of that name, if it is one of these.
    pub fn find(self, dir: &str, name: &str) -> Option<usize> {
        let writer: usize = dir.strip_prefix("/w")?.parse().ok()?;
        let file: usize = name.strip_prefix('f')?.parse().ok()?;
        (writer < self.writers && file < self.each).then(|| self.key(writer, file))
    }

    /// How many files [`PATTERN`] matches.
    pub fn matches(self) -> usize {
        self.writers * (0..self.each).filter(|file| file % 10 == 7).count()
    }

    /// How often a file has been written after that many writes of its writer.
    pub fn generation(self, position: u64, file: usize) -> u64 {
        let each = self.each as u64;
        position / each + u64::from((file as u64) < position % each)
    }

    /// Whose progress a writer notes down.
    pub fn neighbour(self, writer: usize) -> usize {
        (writer + 1) % self.writers
    }
}

/// What a view shows, gathered file by file.
#[derive(Debug)]
pub struct Shown {
    shape: Shape,
    files: Vec<Option<Written>>,
    wrong: Option<Failure>,
}

impl Shown {
    /// Nothing yet.
    pub fn new(shape: Shape) -> Self {
        Self { shape, files: vec![None; shape.files()], wrong: None }
    }

    /// Takes in a file with its content, which must be one whole write.
    pub fn content(&mut self, path: &str, bytes: &[u8]) {
        if let Err(failure) = self.take_in(path, bytes) {
            self.wrong.get_or_insert(failure);
        }
    }

    fn take_in(&mut self, path: &str, bytes: &[u8]) -> Answer<()> {
        let key = path.rsplit_once('/').and_then(|(dir, name)| self.shape.find(dir, name));
        let key = key.ok_or_else(|| Failure::failed(format!("a view shows {path}, which nobody wrote")))?;
        let number = check_payload(bytes, SIZE, key as u64)?;
        match self.files[key].replace(Written::from_number(number)) {
            None => Ok(()),
            Some(_) => Err(Failure::failed(format!("a view shows {path} twice"))),
        }
    }

    /// Checks that all of it is one instant between two moments, given by the number of writes that each writer
    /// had finished before the view was asked for and after it was there. Tells the number of checks.
    ///
    /// # Errors
    /// [`Failure::Failed`] with the first thing that no instant can show.
    pub fn check(self, before: &[u64], after: &[u64]) -> Answer<u64> {
        if let Some(failure) = self.wrong {
            return Err(failure);
        }
        let shape = self.shape;
        let missing = self.files.iter().position(Option::is_none);
        if let Some(key) = missing {
            let path = Shape::path(key / shape.each, key % shape.each);
            return Err(Failure::failed(format!("a view does not show {path}, which is always there")));
        }
        let files: Vec<Written> = self.files.into_iter().flatten().collect();
        let own = |writer: usize| &files[writer * shape.each..][..shape.each];
        let position = |writer: usize| own(writer).iter().map(|written| written.generation).sum::<u64>();
        for writer in 0..shape.writers {
            let position = position(writer);
            for (file, written) in own(writer).iter().enumerate() {
                let must = shape.generation(position, file);
                if written.generation != must {
                    let path = Shape::path(writer, file);
                    return Err(Failure::failed(format!(
                        "a view is not one instant: after {position} writes, which is what all files of its \
                         writer add up to, {path} holds its write {must}, but it shows write {}",
                        written.generation
                    )));
                }
            }
            if position < before[writer] {
                return Err(Failure::failed(format!(
                    "a view is stale: it was taken after write {} of writer {writer} had returned and shows \
                     {position}",
                    before[writer]
                )));
            }
            // One more than had returned: the write that was under way.
            if position > after[writer] + 1 {
                return Err(Failure::failed(format!(
                    "a view changed after it had been taken: writer {writer} had finished {} writes then, and it \
                     shows {position}",
                    after[writer]
                )));
            }
        }
        for writer in 0..shape.writers {
            let neighbour = shape.neighbour(writer);
            let seen = own(writer).iter().map(|written| written.seen).max().unwrap_or(0);
            if seen > position(neighbour) {
                return Err(Failure::failed(format!(
                    "a view is not one instant: it shows a write of writer {writer} that began after write {seen} \
                     of writer {neighbour} had returned, but of that writer only {}",
                    position(neighbour)
                )));
            }
        }
        Ok(files.len() as u64)
    }
}

/// The names that a walk shows.
#[derive(Debug)]
pub struct Walked {
    shape: Shape,
    there: Vec<bool>,
    wrong: Option<String>,
}

impl Walked {
    /// Nothing yet.
    pub fn new(shape: Shape) -> Self {
        Self { shape, there: vec![false; shape.files()], wrong: None }
    }

    /// Takes in the name of a file.
    pub fn name(&mut self, dir: &str, name: &str) {
        let first = self.shape.find(dir, name).map(|key| !std::mem::replace(&mut self.there[key], true));
        if first != Some(true) {
            let how = if first.is_none() { "which nobody wrote" } else { "twice" };
            self.wrong.get_or_insert_with(|| format!("a walk shows {name} in {dir}, {how}"));
        }
    }

    /// Checks that it was every file once. Tells the number of checks.
    ///
    /// # Errors
    /// [`Failure::Failed`] with the first file that is missing or too many.
    pub fn check(self) -> Answer<u64> {
        if let Some(wrong) = self.wrong {
            return Err(Failure::failed(wrong));
        }
        match self.there.iter().position(|there| !there) {
            None => Ok(self.there.len() as u64),
            Some(key) => {
                let path = Shape::path(key / self.shape.each, key % self.shape.each);
                Err(Failure::failed(format!("a walk does not show {path}, which is always there")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Payload;

    const SHAPE: Shape = Shape { writers: 2, each: 4 };

    /// What a view is that shows these generations and counts of the neighbour.
    fn shown(files: [(u64, u64); 8]) -> Shown {
        let mut payload = Payload::new(SIZE);
        let mut shown = Shown::new(SHAPE);
        for (key, (generation, seen)) in files.into_iter().enumerate() {
            let number = Written { generation, seen }.number();
            let path = Shape::path(key / SHAPE.each, key % SHAPE.each);
            shown.content(&path, payload.stamp(key as u64, number));
        }
        shown
    }

    fn generations(files: [u64; 8]) -> Shown {
        shown(files.map(|generation| (generation, 0)))
    }

    #[track_caller]
    fn refused(answer: Answer<u64>, why: &str) {
        let text = answer.expect_err("no instant shows this").to_string();
        assert!(text.contains(why), "{text}");
    }

    #[test]
    fn every_prefix_of_a_cycle_is_an_instant() {
        for view in [[1; 8], [2, 1, 1, 1, 1, 1, 1, 1], [2, 2, 2, 1, 5, 4, 4, 4]] {
            let position = [view[..4].iter().sum(), view[4..].iter().sum()];
            assert_eq!(generations(view).check(&position, &position).expect("an instant"), 8);
        }
    }

    #[test]
    fn a_later_file_that_is_newer_or_a_step_of_two_is_no_instant() {
        for view in [[1, 2, 1, 1, 1, 1, 1, 1], [3, 1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 2, 2, 1, 2]] {
            refused(generations(view).check(&[0, 0], &[99, 99]), "not one instant");
        }
    }

    #[test]
    fn a_view_lies_between_the_moments_around_it() {
        let view = [2, 2, 1, 1, 1, 1, 1, 1];
        assert!(generations(view).check(&[5, 4], &[5, 4]).is_ok(), "the sixth write was under way");
        refused(generations(view).check(&[7, 4], &[9, 4]), "stale");
        refused(generations(view).check(&[3, 4], &[4, 4]), "changed after");
    }

    #[test]
    fn what_a_write_had_seen_must_be_shown() {
        let mut files = [(1, 0); 8];
        files[4] = (2, 4);
        assert!(shown(files).check(&[4, 4], &[9, 9]).is_ok());
        files[4] = (2, 5);
        refused(shown(files).check(&[4, 4], &[9, 9]), "only 4");
    }

    #[test]
    fn missing_foreign_doubled_and_torn_files_are_refused() {
        refused(Shown::new(SHAPE).check(&[0, 0], &[9, 9]), "does not show /w0/f0000");
        for path in ["/w0/f0004", "/w2/f0000", "/f0000", "f0000", "/w0/f0000x"] {
            let mut view = generations([1; 8]);
            view.content(path, &[]);
            refused(view.check(&[4, 4], &[4, 4]), "nobody wrote");
        }
        let mut payload = Payload::new(SIZE);
        let mut view = generations([1; 8]);
        view.content("/w0/f0000", payload.stamp(0, 1));
        refused(view.check(&[4, 4], &[4, 4]), "twice");
        let mut view = Shown::new(SHAPE);
        let mut torn = payload.stamp(0, 1).to_vec();
        torn[2048..].copy_from_slice(&payload.stamp(0, 2)[2048..]);
        view.content("/w0/f0000", &torn);
        refused(view.check(&[4, 4], &[4, 4]), "mixture");
    }

    #[test]
    fn a_walk_shows_every_file_once() {
        let all = |walked: &mut Walked| {
            for (writer, file) in (0..2).flat_map(|writer| (0..4).map(move |file| (writer, file))) {
                walked.name(&Shape::dir(writer), &format!("f{file:04}"));
            }
        };
        let mut walked = Walked::new(SHAPE);
        all(&mut walked);
        assert_eq!(walked.check().expect("all"), 8);
        refused(Walked::new(SHAPE).check(), "does not show /w0/f0000");
        for (name, why) in [("f0000", "twice"), ("g", "nobody")] {
            let mut walked = Walked::new(SHAPE);
            all(&mut walked);
            walked.name("/w0", name);
            refused(walked.check(), why);
        }
    }
}
