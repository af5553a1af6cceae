//! The checker: is there one order of the calls of a history, true to the order in which they
//! really ran where they did not overlap, in which the sequential model gives the same answers?
//!
//! A depth-first search after Wing and Gong: take any call that no remaining call precedes,
//! perform it on the model, and go on if its answer is the recorded one. As Lowe proposed, a pair
//! of "which calls were taken" and "the state they led to" is followed only once. States are
//! compared whole, not by their hashes.

use std::collections::HashSet;
use std::fmt;

use crate::history::{BUSY, Event, Op, Opening, Shown, ShownTree, Timeline};
use crate::model::State;

/// No order explains a history.
#[derive(Debug)]
pub struct NotLinearizable {
    events: Vec<Event>,
    initial: State,
    /// The longest order that could be explained, and the state it led to.
    furthest: Vec<usize>,
    state: State,
}

/// Finds an order of the events, by their numbers, that the model explains.
///
/// # Errors
///
/// If there is none.
pub fn check(initial: &State, events: &[Event]) -> Result<Vec<usize>, Box<NotLinearizable>> {
    assert!(events.len() <= u32::BITS as usize, "calls are kept in the bits of a word");
    let mut search = Search {
        events,
        before: before(events),
        seen: HashSet::new(),
        order: Vec::new(),
        furthest: (Vec::new(), initial.clone()),
    };
    if search.explains_rest(0, initial) {
        return Ok(search.order);
    }
    let (furthest, state) = search.furthest;
    Err(Box::new(NotLinearizable { events: events.to_vec(), initial: initial.clone(), furthest, state }))
}

struct Search<'a> {
    events: &'a [Event],
    /// For each call, the set of those that ended before it began.
    before: Vec<u32>,
    /// Sets of calls taken, with the state that they led to, that were tried already.
    seen: HashSet<(u32, State)>,
    order: Vec<usize>,
    furthest: (Vec<usize>, State),
}

impl Search<'_> {
    fn explains_rest(&mut self, taken: u32, state: &State) -> bool {
        if self.order.len() == self.events.len() {
            return true;
        }
        if self.order.len() > self.furthest.0.len() {
            self.furthest = (self.order.clone(), state.clone());
        }
        for number in candidates(&self.before, taken) {
            for next in successors(state, self.events, number) {
                if !self.seen.insert((taken | 1 << number, next.clone())) {
                    continue;
                }
                self.order.push(number);
                if self.explains_rest(taken | 1 << number, &next) {
                    return true;
                }
                self.order.pop();
            }
        }
        false
    }
}

/// For each call, the set of those that ended before it began.
fn before(events: &[Event]) -> Vec<u32> {
    let before = |event: &Event| {
        let earlier = events.iter().enumerate().filter(|(_, other)| other.precedes(event));
        earlier.fold(0, |set, (number, _)| set | 1 << number)
    };
    events.iter().map(before).collect()
}

/// The calls that can come next: not taken, and all that ended before they began are.
fn candidates(before: &[u32], taken: u32) -> Vec<usize> {
    let is_next = |number: &usize| taken & 1 << number == 0 && before[*number] & !taken == 0;
    (0..before.len()).filter(is_next).collect()
}

/// The states after a call that answered what was recorded; none if it cannot have here.
fn successors(state: &State, events: &[Event], number: usize) -> impl Iterator<Item = State> {
    let event = &events[number];
    let is_behind =
        || events.iter().any(|other| other.overlaps(event) && may_wait_before(&other.op, &event.op));
    let refused = event.outcome == Err(BUSY) && state.may_be_busy(&event.op) && is_behind();
    let mut next = state.clone();
    let explained = next.perform(event.thread, &event.op).is_some_and(|outcome| outcome == event.outcome);
    explained.then_some(next).into_iter().chain(refused.then(|| state.clone()))
}

/// Whether the first call could be a writer that waits for the lock which the second tries.
fn may_wait_before(waits: &Op, tries: &Op) -> bool {
    let path = match waits {
        Op::Write(path, _) | Op::Append(path, _) => path,
        Op::Open(path, Opening::Write { wait: true, .. }) => path,
        _ => return false,
    };
    matches!(tries, Op::Open(tried, _) if tried == path)
}

impl fmt::Display for NotLinearizable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { events, initial, furthest, state } = self;
        writeln!(f, "it began with {}\n", ShownTree(initial.tree()))?;
        writeln!(f, "{}", Timeline(events))?;
        writeln!(f, "the longest order that can be explained:")?;
        let mut now = initial.clone();
        for &number in furthest {
            let event = &events[number];
            now.perform(event.thread, &event.op);
            writeln!(f, "  [{number}] thread {}: {}", event.thread, event.op)?;
            writeln!(f, "        {}", ShownTree(now.tree()))?;
        }
        writeln!(f, "\nthen in {}, held: {}", ShownTree(state.tree()), state.held())?;
        let taken = furthest.iter().fold(0, |set, number| set | 1 << number);
        for number in candidates(&before(events), taken) {
            let event = &events[number];
            write!(f, "  [{number}] {}: answered {}", event.op, Shown(&event.outcome))?;
            match state.clone().perform(event.thread, &event.op) {
                Some(expected) => writeln!(f, ", expected {}", Shown(&expected))?,
                None => writeln!(f, ", expected to wait")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Answer, Create, Node, Outcome};
    use arcfs::ErrorKind;

    /// A history written by hand: thread, invocation, response, call, answer.
    type Row = (usize, u64, u64, Op, Outcome);

    const OK: Outcome = Ok(Answer::Unit);

    fn read(text: &str) -> Outcome {
        Ok(Answer::Bytes(text.into()))
    }

    fn write(path: &'static str, text: &str) -> Op {
        Op::Write(path, text.to_owned())
    }

    fn append(path: &'static str, text: &str) -> Op {
        Op::Append(path, text.to_owned())
    }

    fn to_write(path: &'static str, wait: bool) -> Op {
        let (create, truncate, append, atomic) = (Create::IfMissing, false, false, false);
        Op::Open(path, Opening::Write { create, truncate, append, atomic, wait })
    }

    fn whole(files: &[(&str, &str, u64)]) -> Outcome {
        let node = |&(path, text, generation): &(&str, &str, u64)| {
            (path.to_owned(), Node::File { bytes: text.into(), generation, modified: 0 })
        };
        Ok(Answer::Tree(files.iter().map(node).collect()))
    }

    fn checked(before: &[Op], rows: &[Row]) -> Result<Vec<usize>, Box<NotLinearizable>> {
        let mut initial = State::default();
        for op in before {
            assert!(matches!(initial.perform(0, op), Some(Ok(_))), "{op}");
        }
        let event = |(thread, invoked, responded, op, outcome): &Row| Event {
            thread: *thread,
            op: op.clone(),
            outcome: outcome.clone(),
            invoked: *invoked,
            responded: *responded,
        };
        check(&initial, &rows.iter().map(event).collect::<Vec<_>>())
    }

    #[track_caller]
    fn accepts(before: &[Op], rows: &[Row]) {
        if let Err(why) = checked(before, rows) {
            panic!("{why}");
        }
    }

    #[track_caller]
    fn rejects(before: &[Op], rows: &[Row]) -> String {
        match checked(before, rows) {
            Ok(order) => panic!("explained as {order:?}"),
            Err(why) => why.to_string(),
        }
    }

    #[test]
    fn a_lost_update_is_rejected() {
        let appends = |last: &str| {
            [
                (0, 0, 4, append("/a", "x"), OK),
                (1, 1, 3, append("/a", "y"), OK),
                (0, 5, 6, Op::Read("/a"), read(last)),
            ]
        };
        rejects(&[write("/a", "")], &appends("x"));
        rejects(&[write("/a", "")], &appends("y"));
        accepts(&[write("/a", "")], &appends("xy"));
        accepts(&[write("/a", "")], &appends("yx"));
    }

    #[test]
    fn a_stale_read_is_rejected() {
        let rows =
            |invoked| [(0, 0, 2, write("/a", "new"), OK), (1, invoked, 9, Op::Read("/a"), read("old"))];
        rejects(&[write("/a", "old")], &rows(3));
        accepts(&[write("/a", "old")], &rows(1));
    }

    #[test]
    fn reads_that_see_two_writes_in_different_orders_are_rejected() {
        let reads = |second: &str| {
            [
                (0, 0, 9, write("/a", "new"), OK),
                (1, 1, 2, Op::Read("/a"), read("new")),
                (2, 3, 4, Op::Read("/a"), read(second)),
            ]
        };
        rejects(&[write("/a", "old")], &reads("old"));
        accepts(&[write("/a", "old")], &reads("new"));
    }

    #[test]
    fn half_a_rename_is_rejected() {
        let globs = |paths: &[&str]| {
            let paths = paths.iter().map(|path| (*path).to_owned()).collect();
            [(0, 0, 3, Op::Rename("/a", "/b"), OK), (1, 1, 2, Op::Glob, Ok(Answer::Paths(paths)))]
        };
        rejects(&[write("/a", "1")], &globs(&[]));
        rejects(&[write("/a", "1")], &globs(&["/a", "/b"]));
        accepts(&[write("/a", "1")], &globs(&["/a"]));
        accepts(&[write("/a", "1")], &globs(&["/b"]));
    }

    #[test]
    fn two_writers_at_once_are_rejected() {
        let rows = |close| {
            [
                (0, 0, 1, to_write("/a", false), OK),
                (1, 2, 6, to_write("/a", false), OK),
                (0, close, close + 1, Op::Close, OK),
                (1, 7, 8, Op::Close, OK),
            ]
        };
        rejects(&[write("/a", "")], &rows(9));
        accepts(&[write("/a", "")], &rows(3));
    }

    #[test]
    fn busy_needs_a_holder() {
        let rows = |opened| {
            [
                (0, opened, opened + 1, to_write("/a", false), OK),
                (1, 5, 6, to_write("/a", false), Err(BUSY)),
                (0, 8, 9, Op::Close, OK),
            ]
        };
        accepts(&[write("/a", "")], &rows(0));
        rejects(&[write("/a", "")], &rows(7));
    }

    #[test]
    fn a_try_for_a_shared_lock_is_busy_behind_a_writer_only() {
        let shared = Op::Open("/a", Opening::Shared { wait: false });
        let rows = |write| {
            [
                (0, 0, 1, shared.clone(), OK),
                (2, 2, 20, write, OK),
                (1, 5, 6, shared.clone(), Err(BUSY)),
                (0, 8, 9, Op::Close, OK),
            ]
        };
        accepts(&[write("/a", "")], &rows(write("/a", "1")));
        rejects(&[write("/a", "")], &rows(write("/b", "1")));
    }

    #[test]
    fn a_mixed_snapshot_is_rejected() {
        let rows = |a: &str, b: &str| {
            let (a, b) = (("/a", a, a.len() as u64), ("/b", b, b.len() as u64));
            [
                (0, 0, 1, write("/a", "1"), OK),
                (0, 2, 3, write("/b", "1"), OK),
                (1, 0, 9, Op::Snapshot, whole(&[a, b])),
            ]
        };
        let before = [write("/a", ""), write("/b", "")];
        rejects(&before, &rows("", "1"));
        accepts(&before, &rows("", ""));
        accepts(&before, &rows("1", ""));
        accepts(&before, &rows("1", "1"));
    }

    #[test]
    fn an_effect_that_comes_twice_is_rejected() {
        let rows = |last: &str| {
            [
                (0, 0, 2, append("/a", "x"), OK),
                (1, 1, 3, Op::Read("/a"), read("")),
                (1, 4, 5, Op::Read("/a"), read(last)),
            ]
        };
        rejects(&[write("/a", "")], &rows("xx"));
        accepts(&[write("/a", "")], &rows("x"));
    }

    #[test]
    fn a_write_that_waits_is_explained_after_the_release() {
        let rows = |responded| {
            [
                (0, 0, 1, to_write("/a", false), OK),
                (1, 2, responded, write("/a", "mine"), OK),
                (0, 3, 4, Op::HandleWrite("draft".into()), OK),
                (0, 6, 7, Op::Close, OK),
                (2, 12, 13, Op::Read("/a"), read("mine")),
            ]
        };
        accepts(&[write("/a", "")], &rows(10));
        let why = rejects(&[write("/a", "")], &rows(5));
        assert!(why.contains("expected to wait"), "{why}");
    }

    #[test]
    fn a_draft_is_seen_only_when_it_is_published() {
        let rows = |early: &str| {
            [
                (0, 0, 1, to_write("/a", false), OK),
                (0, 2, 3, Op::HandleWrite("draft".into()), OK),
                (1, 4, 5, Op::Read("/a"), read(early)),
                (0, 6, 9, Op::Flush, OK),
                (1, 7, 8, Op::Read("/a"), read("draft")),
                (0, 10, 11, Op::Discard, OK),
            ]
        };
        accepts(&[write("/a", "")], &rows(""));
        rejects(&[write("/a", "")], &rows("draft"));
    }

    #[test]
    fn a_transaction_that_missed_a_write_is_rejected() {
        let rows = |seen: &str| {
            let steps = vec![Op::Read("/a"), write("/b", "of a")];
            [
                (0, 0, 9, Op::Transaction(steps), Ok(Answer::Many(vec![read(seen), OK]))),
                (1, 1, 2, write("/a", "new"), OK),
                (1, 3, 4, Op::Read("/b"), Err(ErrorKind::NotFound)),
            ]
        };
        rejects(&[write("/a", "old")], &rows("old"));
        accepts(&[write("/a", "old")], &rows("new"));
    }
}
