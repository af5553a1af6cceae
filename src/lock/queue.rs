//! The policy of the lock as plain data: who holds it, who waits, and who is next.

use std::collections::VecDeque;

use crate::sync::broken;

/// How a lock is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Together with other readers.
    Shared,
    /// Alone.
    Exclusive,
}

/// A waiter's place in the queue. Places are never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(u64);

/// Who holds a lock and who waits for it, in the order of arrival.
///
/// Invariants, after every call:
///
/// 1. A writer holds it alone.
/// 2. The first waiter could not be let in; so nobody waits for a lock that is free.
/// 3. Places grow from front to back.
#[derive(Debug)]
pub struct Queue<W> {
    readers: usize,
    writer: bool,
    waiting: VecDeque<Waiting<W>>,
    next: Place,
}

#[derive(Debug)]
struct Waiting<W> {
    place: Place,
    mode: Mode,
    waiter: W,
}

impl<W> Queue<W> {
    /// A lock that is free.
    #[must_use]
    pub const fn new() -> Self {
        Self { readers: 0, writer: false, waiting: VecDeque::new(), next: Place(0) }
    }

    /// How many wait.
    #[cfg(any(test, feature = "internals"))]
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Enters if that overtakes nobody.
    pub fn try_enter(&mut self, mode: Mode) -> bool {
        let fair = self.waiting.is_empty() || (mode == Mode::Shared && broken!(LockReadersOvertake));
        let enters = fair && self.has_room_for(mode);
        if enters {
            self.enter(mode);
        }
        enters
    }

    /// Waits behind everybody else; only after [`try_enter`](Self::try_enter) has refused.
    pub fn enqueue(&mut self, mode: Mode, waiter: W) -> Place {
        debug_assert!(!self.waiting.is_empty() || !self.has_room_for(mode), "nothing to wait for");
        let place = self.next;
        self.next = Place(place.0 + 1);
        self.waiting.push_back(Waiting { place, mode, waiter });
        place
    }

    /// Gives the lock back and lets in whoever can enter now.
    pub fn leave(&mut self, mode: Mode, admitted: impl FnMut(W)) {
        match mode {
            Mode::Shared => {
                debug_assert!(self.readers > 0 && !self.writer, "no reader can leave");
                self.readers -= 1;
            }
            Mode::Exclusive => {
                debug_assert!(self.readers == 0 && self.writer, "no writer can leave");
                self.writer = false;
            }
        }
        self.admit(admitted);
    }

    /// Stops waiting, and lets in whoever can enter now. `None`: it was let in before.
    pub fn withdraw(&mut self, place: Place, admitted: impl FnMut(W)) -> Option<W> {
        let withdrawn = self.waiting.remove(self.find(place)?)?;
        if !broken!(LockTimeoutForgetsNext) {
            self.admit(admitted);
        }
        Some(withdrawn.waiter)
    }

    /// The waiter at `place`. `None`: it was let in before.
    #[cfg(any(test, feature = "internals", feature = "tokio"))]
    pub fn waiter_mut(&mut self, place: Place) -> Option<&mut W> {
        let index = self.find(place)?;
        Some(&mut self.waiting[index].waiter)
    }

    fn find(&self, place: Place) -> Option<usize> {
        self.waiting.binary_search_by_key(&place, |waiting| waiting.place).ok()
    }

    /// Lets in the first waiters, as many as can enter together.
    fn admit(&mut self, mut admitted: impl FnMut(W)) {
        while let Some(waiter) = self.pick_next() {
            admitted(waiter);
        }
    }

    fn pick_next(&mut self) -> Option<W> {
        if broken!(LockServesLast) && self.has_room_for(self.waiting.back()?.mode) {
            let last = self.waiting.pop_back()?;
            self.enter(last.mode);
            return Some(last.waiter);
        }
        if !self.has_room_for(self.waiting.front()?.mode) {
            return None;
        }
        let first = self.waiting.pop_front()?;
        self.enter(first.mode);
        Some(first.waiter)
    }

    fn has_room_for(&self, mode: Mode) -> bool {
        let alone = self.readers == 0 || broken!(LockWriterJoinsReaders);
        !self.writer && (mode == Mode::Shared || alone)
    }

    fn enter(&mut self, mode: Mode) {
        match mode {
            Mode::Shared => self.readers += 1,
            Mode::Exclusive => self.writer = true,
        }
    }
}

impl<W> Default for Queue<W> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(all(test, not(arcfs_loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The same policy, written down without regard to cost: everybody in the order of arrival,
    /// and after each step whoever can enter without overtaking does.
    #[derive(Default)]
    struct Naive(Vec<Visitor>);

    #[derive(Debug, Clone, Copy, PartialEq)]
    struct Visitor {
        number: usize,
        mode: Mode,
        inside: bool,
    }

    impl Naive {
        fn settle(&mut self) -> Vec<usize> {
            let mut entered = Vec::new();
            loop {
                let Some(first) = self.0.iter().position(|visitor| !visitor.inside) else { return entered };
                let all_shared = self.0.iter().all(|visitor| !visitor.inside || visitor.mode == Mode::Shared);
                let nobody = self.0.iter().all(|visitor| !visitor.inside);
                let enters = if self.0[first].mode == Mode::Shared { all_shared } else { nobody };
                if !enters {
                    return entered;
                }
                self.0[first].inside = true;
                entered.push(self.0[first].number);
            }
        }

        fn pick(&self, inside: bool, index: prop::sample::Index) -> Option<usize> {
            let of: Vec<usize> = (0..self.0.len()).filter(|&i| self.0[i].inside == inside).collect();
            (!of.is_empty()).then(|| of[index.index(of.len())])
        }
    }

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Try(Mode),
        Arrive(Mode),
        Leave(prop::sample::Index),
        GiveUp(prop::sample::Index),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let mode = prop_oneof![Just(Mode::Shared), Just(Mode::Exclusive)];
        prop::collection::vec(
            prop_oneof![
                1 => mode.clone().prop_map(Step::Try),
                4 => mode.prop_map(Step::Arrive),
                3 => any::<prop::sample::Index>().prop_map(Step::Leave),
                2 => any::<prop::sample::Index>().prop_map(Step::GiveUp),
            ],
            0..200,
        )
    }

    fn check_consistent(queue: &Queue<usize>) -> Result<(), &'static str> {
        if queue.writer && queue.readers > 0 {
            return Err("a writer is not alone");
        }
        if queue.waiting.front().is_some_and(|first| queue.has_room_for(first.mode)) {
            return Err("the first waiter could enter");
        }
        if !queue.waiting.iter().is_sorted_by(|a, b| a.place < b.place) {
            return Err("places out of order");
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn agrees_with_a_naive_model(steps in steps()) {
            let mut queue = Queue::new();
            let mut naive = Naive::default();
            let mut places = Vec::new();
            for (number, step) in steps.into_iter().enumerate() {
                let mut admitted = Vec::new();
                let mut expected = Vec::new();
                places.push(None);
                match step {
                    Step::Try(mode) => {
                        naive.0.push(Visitor { number, mode, inside: false });
                        let enters = !naive.settle().is_empty();
                        if !enters {
                            naive.0.pop();
                        }
                        prop_assert_eq!(queue.try_enter(mode), enters);
                    }
                    Step::Arrive(mode) => {
                        naive.0.push(Visitor { number, mode, inside: false });
                        expected = naive.settle();
                        if queue.try_enter(mode) {
                            admitted.push(number);
                        } else {
                            places[number] = Some(queue.enqueue(mode, number));
                        }
                    }
                    Step::Leave(index) => {
                        if let Some(index) = naive.pick(true, index) {
                            let visitor = naive.0.remove(index);
                            expected = naive.settle();
                            queue.leave(visitor.mode, |waiter| admitted.push(waiter));
                            if let Some(place) = places[visitor.number] {
                                prop_assert!(queue.waiter_mut(place).is_none());
                                prop_assert!(queue.withdraw(place, |_| unreachable!()).is_none());
                            }
                        }
                    }
                    Step::GiveUp(index) => {
                        if let Some(index) = naive.pick(false, index) {
                            let visitor = naive.0.remove(index);
                            expected = naive.settle();
                            let place = places[visitor.number].expect("it waits");
                            prop_assert_eq!(queue.waiter_mut(place).copied(), Some(visitor.number));
                            let withdrawn = queue.withdraw(place, |waiter| admitted.push(waiter));
                            prop_assert_eq!(withdrawn, Some(visitor.number));
                        }
                    }
                }
                prop_assert_eq!(admitted, expected);
                prop_assert_eq!(queue.waiting(), naive.0.iter().filter(|visitor| !visitor.inside).count());
                prop_assert_eq!(check_consistent(&queue), Ok(()));
            }
        }
    }

    #[test]
    fn adjacent_readers_enter_together_and_no_further() {
        let mut queue = Queue::new();
        assert!(queue.try_enter(Mode::Exclusive));
        for (number, mode) in
            [Mode::Shared, Mode::Shared, Mode::Exclusive, Mode::Shared].into_iter().enumerate()
        {
            assert!(!queue.try_enter(mode));
            queue.enqueue(mode, number);
        }
        let mut admitted = Vec::new();
        queue.leave(Mode::Exclusive, |waiter| admitted.push(waiter));
        assert_eq!(admitted, [0, 1]);
    }

    #[test]
    fn a_writer_that_gives_up_frees_the_readers_behind_it() {
        let mut queue = Queue::new();
        assert!(queue.try_enter(Mode::Shared));
        let writer = queue.enqueue(Mode::Exclusive, 2);
        assert!(!queue.try_enter(Mode::Shared), "a waiting writer stops new readers");
        queue.enqueue(Mode::Shared, 3);
        let mut admitted = Vec::new();
        assert_eq!(queue.withdraw(writer, |waiter| admitted.push(waiter)), Some(2));
        assert_eq!(admitted, [3]);
    }
}
