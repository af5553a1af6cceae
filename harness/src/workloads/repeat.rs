//! Repetition of a case within a round, because one pass of a small case is too short to time.
//!
//! A case times its phases itself, piece by piece, so that stamping what is written and checking what
//! was read stay out of the time. Each repetition makes a fresh store, whose making and dropping are not
//! timed either.
//!
//! The first repetition is not counted. It finds memory that the system's allocator has yet to get from
//! the kernel, and each later one mostly what the one before gave back; a store that is fast enough to be
//! repeated a hundred times would show less of that than one that is repeated twice. Only where it took ten
//! times as long as is enough it is all there is: memory is not what costs that much. What memory costs
//! that nobody has used yet is measured apart, by [`once`] in a process of its own.

use std::time::{Duration, Instant};

use crate::store::Answer;
use crate::workload::{Metric, Round};

/// Writing and reading together.
pub const TOTAL: &str = "total";
/// The phase that writes.
pub const WRITE: &str = "write";
/// The phase that reads.
pub const READ: &str = "read";

/// The metrics of a case that writes, then reads: nanoseconds for the whole of each phase.
pub const PHASES: &[Metric] = &[Metric::time(TOTAL), Metric::time(WRITE), Metric::time(READ)];

/// The phase that reads once more, without copying. It is no part of [`TOTAL`].
pub const READ_ZERO_COPY: &str = "read-zero-copy";

/// The metrics of a case that also reads what is lent.
pub const PHASES_AND_ZERO_COPY: &[Metric] =
    &[Metric::time(TOTAL), Metric::time(WRITE), Metric::time(READ), Metric::time(READ_ZERO_COPY)];

/// A round goes on until this much was timed.
const ENOUGH: Duration = Duration::from_millis(20);
/// A first repetition that takes so long is not repeated.
const LONG: Duration = Duration::from_millis(200);
/// The end where phases are so short that untimed work takes far longer than they do.
pub const MOST_REPETITIONS: u64 = 256;

/// Time that is taken in pieces.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stopwatch(Duration);

impl Stopwatch {
    /// The time taken so far.
    pub fn taken(self) -> Duration {
        self.0
    }

    /// Adds the time that `timed` takes.
    pub fn time<T>(&mut self, timed: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let result = timed();
        self.0 += began.elapsed();
        result
    }
}

/// What one repetition of a case gave.
#[derive(Debug, Default)]
pub struct Repetition {
    /// The time of each phase, by the name of its metric.
    pub times: Vec<(&'static str, Stopwatch)>,
    /// Answers that were compared with what they had to be.
    pub checks: u64,
    /// Phases that were not done, with the reason.
    pub cannot: Vec<(&'static str, &'static str)>,
}

/// Does a case once to warm up, then repeats it until enough was timed, and gives the mean time of each
/// phase. `case` is told the number of the repetition, from 0. Where there is a time of [`WRITE`] and of
/// [`READ`], [`TOTAL`] is their sum.
///
/// # Errors
/// The first failure of `case`.
pub fn repeat(mut case: impl FnMut(u64) -> Answer<Repetition>) -> Answer<Round> {
    let warm_up = mean(1, |_| case(0))?;
    let timed = warm_up.values.iter().filter(|(name, _)| [WRITE, READ].contains(name));
    if timed.map(|(_, value)| value).sum::<f64>() >= LONG.as_nanos() as f64 {
        return Ok(warm_up);
    }
    let mut round = mean(MOST_REPETITIONS, case)?;
    round.checks += warm_up.checks;
    Ok(round)
}

/// Does a case once, and gives the time of each phase as [`repeat`] does.
///
/// # Errors
/// The failure of `case`.
pub fn once(case: impl FnMut(u64) -> Answer<Repetition>) -> Answer<Round> {
    mean(1, case)
}

fn mean(most: u64, mut case: impl FnMut(u64) -> Answer<Repetition>) -> Answer<Round> {
    let mut sums: Vec<(&'static str, Duration)> = Vec::new();
    let mut round = Round::default();
    let mut repetitions = 0;
    // Without what only some stores do, or those would repeat less.
    let taken = |sums: &[(&'static str, Duration)]| -> Duration {
        sums.iter().filter(|(name, _)| *name != READ_ZERO_COPY).map(|(_, sum)| *sum).sum()
    };
    while repetitions < most && taken(&sums) < ENOUGH {
        repetitions += 1;
        let repetition = case(repetitions)?;
        for (name, Stopwatch(time)) in repetition.times {
            match sums.iter_mut().find(|(known, _)| *known == name) {
                Some((_, sum)) => *sum += time,
                None => sums.push((name, time)),
            }
        }
        round.checks += repetition.checks;
        round.cannot = repetition.cannot;
    }
    let mean = |sum: Duration| sum.as_nanos() as f64 / repetitions as f64;
    let of = |name| sums.iter().find(|(known, _)| *known == name).map(|(_, sum)| *sum);
    if let (Some(write), Some(read)) = (of(WRITE), of(READ)) {
        round.values.push((TOTAL, mean(write + read)));
    }
    round.values.extend(sums.iter().map(|(name, sum)| (*name, mean(*sum))));
    Ok(round)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phases(write: u64, read: u64) -> Repetition {
        let time = |milliseconds| Stopwatch(Duration::from_millis(milliseconds));
        Repetition { times: vec![(WRITE, time(write)), (READ, time(read))], checks: 3, cannot: vec![] }
    }

    #[test]
    fn a_long_case_is_timed_once_and_a_short_one_until_enough() {
        let long =
            repeat(|number| Ok(phases(if number == 0 { 150 } else { 30 }, 10))).expect("nothing fails");
        assert_eq!(long.values, [(TOTAL, 40e6), (WRITE, 30e6), (READ, 10e6)]);
        assert_eq!(long.checks, 6, "the answers of the first count, its times do not");

        let longest =
            repeat(|number| Ok(phases(if number == 0 { 190 } else { 30 }, 10))).expect("nothing fails");
        assert_eq!(longest.values, [(TOTAL, 200e6), (WRITE, 190e6), (READ, 10e6)]);
        assert_eq!(longest.checks, 3);

        // 1 + 1, 2 + 1, 3 + 1, 4 + 1 and 5 + 1 milliseconds make 20.
        let mut told = Vec::new();
        let short = repeat(|number| {
            told.push(number);
            Ok(phases(number, 1))
        });
        let short = short.expect("nothing fails");
        assert_eq!(told, [0, 1, 2, 3, 4, 5]);
        assert_eq!(short.values, [(TOTAL, 4e6), (WRITE, 3e6), (READ, 1e6)]);
        assert_eq!(short.checks, 18);
    }

    #[test]
    fn what_is_done_once_is_timed_at_once() {
        let first = once(|number| Ok(phases(number, 1))).expect("nothing fails");
        assert_eq!(first.values, [(TOTAL, 2e6), (WRITE, 1e6), (READ, 1e6)]);
        assert_eq!(first.checks, 3);
    }

    #[test]
    fn what_only_some_stores_do_does_not_count_for_enough() {
        let mut repetitions = 0;
        let lends = repeat(|_| {
            repetitions += 1;
            let mut phases = phases(5, 5);
            phases.times.push((READ_ZERO_COPY, Stopwatch(Duration::from_millis(40))));
            Ok(phases)
        });
        assert_eq!(repetitions, 3);
        let values = [(TOTAL, 10e6), (WRITE, 5e6), (READ, 5e6), (READ_ZERO_COPY, 40e6)];
        assert_eq!(lends.expect("nothing fails").values, values);
    }

    #[test]
    fn a_phase_that_was_left_out_makes_no_total() {
        let only = repeat(|_| {
            let mut repetition = phases(0, 1);
            repetition.times.remove(0);
            repetition.cannot.push((WRITE, "not done"));
            Ok(repetition)
        });
        let only = only.expect("nothing fails");
        assert_eq!(only.values, [(READ, 1e6)]);
        assert_eq!(only.cannot, [(WRITE, "not done")]);
    }

    #[test]
    fn repetition_ends_where_nothing_takes_time() {
        let round = repeat(|_| Ok(phases(0, 0))).expect("nothing fails");
        assert_eq!(round.checks, 3 * (MOST_REPETITIONS + 1));
    }
}
