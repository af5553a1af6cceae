//! Jobs done by many threads, their results taken in order by one.
//!
//! Whoever owns the pipeline submits jobs and takes results on one thread. Helpers on the threads
//! of the current rayon pool begin jobs in order; a helper with nothing to do ends, so no thread of
//! the pool ever waits here. The owner waits only for a job that is running: if none is that might
//! be, it does the next one itself. So a pool that is busy, or of which the owner is the only
//! thread, makes this slow but never stuck.
//!
//! Once the pipeline is dropped nothing of it runs, and no job or result is kept: also where the
//! owner leaves early, or panics. A panic of a job reaches the owner with its result.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::thread;

use crate::error::Result;
use crate::sync::{Deadline, Mutex, Parker};

/// What is done with jobs.
pub trait Work: Send + Sync + 'static {
    /// What is to be done.
    type Job: Send + 'static;
    /// What comes of it.
    type Done: Send + 'static;
    /// What a thread needs for it and the next thread can use again.
    type Tools: Send + 'static;

    /// New tools.
    ///
    /// # Errors
    ///
    /// What the first result is then.
    fn tools(&self) -> Result<Self::Tools>;

    /// Does a job. The result must not depend on what was done with the tools before.
    ///
    /// # Errors
    ///
    /// What the result is then.
    fn run(&self, job: Self::Job, tools: &mut Self::Tools) -> Result<Self::Done>;
}

/// Where jobs go in and results come out; see the module.
pub struct Pipeline<W: Work>(Arc<Shared<W>>);

struct Shared<W: Work> {
    work: W,
    /// Jobs that may run at once.
    threads: usize,
    owner: Parker,
    state: Mutex<State<W>>,
}

struct State<W: Work> {
    /// Jobs that nobody has begun.
    waiting: VecDeque<W::Job>,
    /// The jobs before those, from the one on whose result is taken next; `None` while they run.
    begun: VecDeque<Option<Outcome<W>>>,
    /// Results taken so far.
    taken: usize,
    /// Jobs that run now.
    running: usize,
    /// Helpers that have been sent for and have not ended.
    helpers: usize,
    /// Tools that nobody uses now.
    tools: Vec<W::Tools>,
    /// Whether the owner waits to be woken.
    asleep: bool,
    /// Whether the owner is leaving and waits for what runs.
    closed: bool,
}

type Outcome<W> = thread::Result<Result<<W as Work>::Done>>;

/// A job that a thread is about to run.
struct Begun<W: Work> {
    number: usize,
    job: W::Job,
    tools: Option<W::Tools>,
}

impl<W: Work> Pipeline<W> {
    /// A pipeline on which at most so many jobs run at once, one at least.
    pub fn new(work: W, threads: usize) -> Self {
        let state = State {
            waiting: VecDeque::new(),
            begun: VecDeque::new(),
            taken: 0,
            running: 0,
            helpers: 0,
            tools: Vec::new(),
            asleep: false,
            closed: false,
        };
        let (threads, owner) = (threads.max(1), Parker::current());
        Self(Arc::new(Shared { work, threads, owner, state: Mutex::new(state) }))
    }

    /// Whether as many jobs are under way as there should be before a result is taken.
    pub fn is_full(&self) -> bool {
        let state = self.0.state.lock();
        state.begun.len() + state.waiting.len() >= 4 * self.0.threads
    }

    /// Adds a job.
    pub fn submit(&self, job: W::Job) {
        let mut state = self.0.state.lock();
        state.waiting.push_back(job);
        if self.0.threads > 1 && state.helpers < self.0.threads {
            state.helpers += 1;
            drop(state);
            let shared = Arc::clone(&self.0);
            rayon::spawn(move || shared.help());
        }
    }

    /// Takes the result of the oldest job if that has ended.
    pub fn next_if_done(&self) -> Option<Result<W::Done>> {
        let outcome = self.0.state.lock().take_first()?;
        Some(outcome.unwrap_or_else(|panic| resume_unwind(panic)))
    }

    /// Takes the result of the oldest job, waiting for it; `None` if there are no jobs.
    pub fn next(&self) -> Option<Result<W::Done>> {
        let shared = &*self.0;
        loop {
            let mut state = shared.state.lock();
            state.asleep = false;
            if let Some(outcome) = state.take_first() {
                drop(state);
                return Some(outcome.unwrap_or_else(|panic| resume_unwind(panic)));
            }
            if state.begun.is_empty() && state.waiting.is_empty() {
                return None;
            }
            if let Some(begun) = shared.begin(&mut state) {
                drop(state);
                shared.complete(begun);
            } else {
                state.asleep = true;
                drop(state);
                shared.owner.park_until(&Deadline::after(None));
            }
        }
    }
}

impl<W: Work> State<W> {
    /// The result of the oldest job, if it has ended.
    fn take_first(&mut self) -> Option<Outcome<W>> {
        let outcome = self.begun.front_mut()?.take()?;
        self.begun.pop_front();
        self.taken += 1;
        Some(outcome)
    }
}

impl<W: Work> Shared<W> {
    /// Takes jobs until there are none, or enough run.
    fn help(&self) {
        loop {
            let mut state = self.state.lock();
            let Some(begun) = self.begin(&mut state) else {
                state.helpers -= 1;
                return;
            };
            drop(state);
            self.complete(begun);
        }
    }

    /// Takes the next job, if one more may run.
    fn begin(&self, state: &mut State<W>) -> Option<Begun<W>> {
        if state.running == self.threads {
            return None;
        }
        let job = state.waiting.pop_front()?;
        let number = state.taken + state.begun.len();
        state.begun.push_back(None);
        state.running += 1;
        Some(Begun { number, job, tools: state.tools.pop() })
    }

    /// Runs a job and stores its result.
    fn complete(&self, Begun { number, job, tools }: Begun<W>) {
        let run = || {
            let mut tools = match tools {
                Some(tools) => tools,
                None => self.work.tools()?,
            };
            self.work.run(job, &mut tools).map(|done| (done, tools))
        };
        let (outcome, tools) = match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok((done, tools))) => (Ok(Ok(done)), Some(tools)),
            Ok(Err(error)) => (Ok(Err(error)), None),
            Err(panic) => (Err(panic), None),
        };
        let mut state = self.state.lock();
        let at = number - state.taken;
        state.begun[at] = Some(outcome);
        state.running -= 1;
        state.tools.extend(tools);
        let awaited = if state.closed { state.running == 0 } else { at == 0 };
        if awaited && std::mem::take(&mut state.asleep) {
            drop(state);
            self.owner.unpark();
        }
    }
}

impl<W: Work> Drop for Pipeline<W> {
    fn drop(&mut self) {
        let shared = &*self.0;
        let mut state = shared.state.lock();
        state.closed = true;
        let waiting = std::mem::take(&mut state.waiting);
        while state.running > 0 {
            state.asleep = true;
            drop(state);
            shared.owner.park_until(&Deadline::after(None));
            state = shared.state.lock();
        }
        let left = (std::mem::take(&mut state.begun), std::mem::take(&mut state.tools));
        drop(state);
        drop((waiting, left));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Weak, mpsc};
    use std::time::Duration;

    use super::*;
    use crate::error::Error;

    /// Doubles numbers, the slower the smaller their last digit is; counts what runs at once. The sleep
    /// only has jobs meet and end in another order than they begin in: what is asserted is so however
    /// long they take.
    #[derive(Default)]
    struct Doubling {
        now: Arc<AtomicUsize>,
        most: Arc<AtomicUsize>,
    }

    impl Work for Doubling {
        type Job = (u64, Arc<()>);
        type Done = u64;
        type Tools = ();

        fn tools(&self) -> Result<()> {
            Ok(())
        }

        fn run(&self, (number, _held): Self::Job, (): &mut ()) -> Result<u64> {
            let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            thread::sleep(Duration::from_micros(50 * (9 - number % 10)));
            self.now.fetch_sub(1, Ordering::SeqCst);
            match number {
                13 => Err(Error::other("unlucky")),
                666 => panic!("not this one"),
                _ => Ok(2 * number),
            }
        }
    }

    /// Runs all numbers through a pipeline that is kept full.
    fn doubled(pipeline: &Pipeline<Doubling>, numbers: impl IntoIterator<Item = u64>) -> Result<Vec<u64>> {
        let mut results = Vec::new();
        for number in numbers {
            if pipeline.is_full() {
                results.push(pipeline.next().expect("full")?);
            }
            pipeline.submit((number, Arc::new(())));
        }
        while let Some(result) = pipeline.next() {
            results.push(result?);
        }
        Ok(results)
    }

    #[test]
    fn results_come_in_order_and_no_more_run_at_once_than_may() {
        for threads in [1, 2, 3, 8] {
            let work = Doubling::default();
            let most = Arc::clone(&work.most);
            let pipeline = Pipeline::new(work, threads);
            let numbers = (100..300).filter(|number| *number != 113);
            let expected: Vec<u64> = numbers.clone().map(|number| 2 * number).collect();
            assert_eq!(doubled(&pipeline, numbers).expect("no unlucky one"), expected);
            assert!((1..=threads).contains(&most.load(Ordering::SeqCst)));
        }
    }

    #[test]
    fn the_result_of_a_job_that_ends_late_still_comes_first() {
        /// The first of three jobs goes on until the third has begun, for which the second has ended.
        struct Late {
            begins: mpsc::Sender<()>,
            has_begun: Mutex<mpsc::Receiver<()>>,
        }
        impl Work for Late {
            type Job = u8;
            type Done = u8;
            type Tools = ();
            fn tools(&self) -> Result<()> {
                Ok(())
            }
            fn run(&self, job: u8, (): &mut ()) -> Result<u8> {
                match job {
                    0 => self.has_begun.lock().recv().expect("the third begins"),
                    1 => {}
                    _ => self.begins.send(()).expect("the first waits"),
                }
                Ok(job)
            }
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().expect("three threads");
        let results: Result<Vec<u8>> = pool.install(|| {
            let (begins, has_begun) = mpsc::channel();
            let pipeline = Pipeline::new(Late { begins, has_begun: Mutex::new(has_begun) }, 2);
            (0..3).for_each(|job| pipeline.submit(job));
            std::iter::from_fn(|| pipeline.next()).collect()
        });
        assert_eq!(results.expect("none fails"), [0, 1, 2]);
    }

    #[test]
    fn it_is_full_with_four_jobs_for_each_thread_done_or_not() {
        for threads in [1, 2, 5] {
            let pipeline = Pipeline::new(Doubling::default(), threads);
            for number in 0..4 * threads as u64 {
                assert!(!pipeline.is_full());
                pipeline.submit((number, Arc::new(())));
            }
            assert!(pipeline.is_full());
            assert_eq!(pipeline.next().expect("a job").expect("lucky"), 0);
            assert!(!pipeline.is_full());
        }
    }

    #[test]
    fn a_result_is_taken_without_waiting_only_if_it_is_there() {
        let pipeline = Pipeline::new(Doubling::default(), 1);
        assert!(pipeline.next_if_done().is_none());
        pipeline.submit((1, Arc::new(())));
        assert!(pipeline.next_if_done().is_none()); // nobody else may do it

        let pipeline = Pipeline::new(Doubling::default(), 2);
        (1..4).for_each(|number| pipeline.submit((number, Arc::new(()))));
        let mut results = Vec::new();
        while results.len() < 3 {
            results.extend(pipeline.next_if_done().map(|result| result.expect("lucky")));
            thread::yield_now();
        }
        assert_eq!(results, [2, 4, 6]);
        assert!(pipeline.next_if_done().is_none() && pipeline.next().is_none());
    }

    #[test]
    fn one_thread_is_the_calling_one() {
        struct Here(thread::ThreadId);
        impl Work for Here {
            type Job = ();
            type Done = bool;
            type Tools = ();
            fn tools(&self) -> Result<()> {
                Ok(())
            }
            fn run(&self, (): (), (): &mut ()) -> Result<bool> {
                Ok(thread::current().id() == self.0)
            }
        }
        let pipeline = Pipeline::new(Here(thread::current().id()), 1);
        for _ in 0..10 {
            pipeline.submit(());
        }
        let results: Result<Vec<bool>> = std::iter::from_fn(|| pipeline.next()).collect();
        assert_eq!(results.expect("none fails"), [true; 10]);
    }

    #[test]
    fn it_ends_in_a_pool_whose_threads_are_all_busy_with_it() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("one thread");
        let expected: Vec<u64> = (200..250).map(|number| 2 * number).collect();
        let results = pool.install(|| doubled(&Pipeline::new(Doubling::default(), 4), 200..250));
        assert_eq!(results.expect("none fails"), expected);
    }

    #[test]
    fn an_error_comes_in_its_turn_and_nothing_is_kept_after_the_drop() {
        for threads in [1, 3] {
            let held: Vec<Weak<()>> = {
                let pipeline = Pipeline::new(Doubling::default(), threads);
                let jobs: Vec<_> = (10..20).map(|number| (number, Arc::new(()))).collect();
                let held = jobs.iter().map(|(_, held)| Arc::downgrade(held)).collect();
                jobs.into_iter().for_each(|job| pipeline.submit(job));
                for number in 10..13 {
                    assert_eq!(pipeline.next().expect("a job").expect("lucky"), 2 * number);
                }
                assert_eq!(pipeline.next().expect("a job").unwrap_err().to_string(), "unlucky");
                held
            };
            assert!(held.iter().all(|held| held.strong_count() == 0));
        }
    }

    #[test]
    fn a_panic_of_a_job_reaches_the_owner() {
        for threads in [1, 3] {
            let pipeline = Pipeline::new(Doubling::default(), threads);
            let panic = catch_unwind(AssertUnwindSafe(|| doubled(&pipeline, [665, 666, 667]))).unwrap_err();
            assert_eq!(panic.downcast_ref(), Some(&"not this one"));
        }
    }
}
