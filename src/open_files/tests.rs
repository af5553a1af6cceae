use super::*;
use crate::lock::Wake;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

const LONG: Duration = Duration::from_secs(30);

fn bounded() -> Deadline {
    Deadline::after(Some(LONG))
}

fn tried_only() -> Deadline {
    Deadline::after(Some(Duration::ZERO))
}

fn await_waiting(open: &OpenFiles, path: &str, waiting: usize) {
    let start = Instant::now();
    while open.waiting(path) != waiting {
        assert!(start.elapsed() < LONG, "{} wait instead of {waiting}", open.waiting(path));
        thread::yield_now();
    }
}

#[test]
fn a_turn_excludes_others_on_its_path_only() {
    let open = OpenFiles::new();
    let a = open.acquire("/a", Mode::Exclusive, &tried_only()).unwrap();
    assert_eq!((&**a.path(), a.mode()), ("/a", Mode::Exclusive));
    let error = open.acquire("/a", Mode::Shared, &tried_only()).unwrap_err();
    assert!(error.holder.is_some());
    let b = open.acquire("/b", Mode::Exclusive, &tried_only()).unwrap();
    assert_eq!(open.len(), 2);
    drop(a);
    let _readers = [(); 2].map(|()| open.acquire("/a", Mode::Shared, &tried_only()).unwrap());
    drop(b);
    assert_eq!(open.len(), 1);
}

#[test]
fn an_unused_path_has_no_entry() {
    let open = OpenFiles::new();
    let turn = open.acquire("/a", Mode::Exclusive, &Deadline::NEVER).unwrap();
    let soon = Deadline::after(Some(Duration::from_millis(5)));
    assert!(open.acquire("/a", Mode::Exclusive, &soon).unwrap_err().waited > Duration::ZERO);
    drop(open.enqueue("/a", Mode::Shared, Arc::new(std::task::Waker::noop().clone())));
    assert_eq!(open.len(), 1);
    drop(turn);
    assert!(open.is_empty());
    assert_eq!(open.waiting("/a"), 0);
    assert!(open.describe("/a").is_none());
}

#[test]
fn many_open_paths_leave_no_large_table_behind() {
    let open = OpenFiles::new();
    let paths = (0..10_000).map(|number| format!("/{number}"));
    let turns: Vec<_> =
        paths.map(|path| open.acquire(&path, Mode::Exclusive, &Deadline::NEVER).unwrap()).collect();
    assert_eq!(open.len(), 10_000);
    drop(turns);
    assert!(open.is_empty());
    assert!(open.0.shards.iter().all(|shard| shard.lock().capacity() <= KEPT_CAPACITY));
}

#[test]
fn turns_may_be_sent_and_shared() {
    fn check<T: Send + Sync>() {}
    check::<OpenFiles>();
    check::<Turn>();
    check::<Pending>();
    check::<Waiting<'_>>();
    check::<WaitError>();
}

#[test]
fn a_turn_outlives_the_handle_of_the_table_and_can_change_threads() {
    let open = OpenFiles::new();
    let turn = open.acquire("/a", Mode::Exclusive, &Deadline::NEVER).unwrap();
    drop(open);
    thread::spawn(move || drop(turn)).join().unwrap();
}

#[test]
fn a_busy_error_names_the_holder() {
    let open = OpenFiles::new();
    let other = open.clone();
    let turn = thread::Builder::new()
        .name("worker-3".to_owned())
        .spawn(move || other.acquire("/a", Mode::Exclusive, &Deadline::NEVER).unwrap())
        .unwrap()
        .join()
        .unwrap();
    let error = open.acquire("/a", Mode::Shared, &tried_only()).unwrap_err().at("/a");
    assert!(matches!(error.kind(), ErrorKind::Busy { .. }));
    assert_eq!(error.path(), Some("/a"));
    let text = error.to_string();
    assert!(text.contains("opened by thread \"worker-3\"") && text.contains(" ago"), "{text}");
    drop(turn);

    let turn = thread::spawn({
        let open = open.clone();
        move || open.acquire("/a", Mode::Shared, &Deadline::NEVER).unwrap()
    });
    let turn = turn.join().unwrap();
    let holder = open.describe("/a").unwrap().to_string();
    assert!(holder.starts_with("opened by an unnamed thread"), "{holder}");
    let second = open.acquire("/a", Mode::Shared, &Deadline::NEVER).unwrap();
    drop(turn);
    let holder = open.describe("/a").unwrap().to_string();
    assert!(holder.starts_with("opened by thread"), "{holder}");
    drop(second);
    assert!(open.describe("/a").is_none());
}

#[test]
fn a_pending_turn_is_taken_when_its_time_comes() {
    let open = OpenFiles::new();
    let turn = open.acquire("/a", Mode::Exclusive, &Deadline::NEVER).unwrap();
    let noop = || -> Arc<dyn Wake> { Arc::new(std::task::Waker::noop().clone()) };
    let pending = open.enqueue("/a", Mode::Exclusive, noop());
    let late = open.enqueue("/a", Mode::Exclusive, noop());
    let pending = pending.take().unwrap_err();
    assert!(pending.set_wake(noop()));
    assert!(late.give_up().unwrap_err().holder.is_some());
    drop(turn);
    assert!(pending.is_granted());
    let turn = pending.take().unwrap();
    assert!(open.describe("/a").is_some());
    drop(turn);
    assert!(open.is_empty());
}

/// Counts how often it is woken.
#[derive(Default)]
struct Bell(AtomicU64);

impl std::task::Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn poll(waiting: &mut Waiting<'_>, bell: &Arc<Bell>) -> Option<Turn> {
    let waker = std::task::Waker::from(Arc::clone(bell));
    match std::pin::Pin::new(waiting).poll(&mut std::task::Context::from_waker(&waker)) {
        std::task::Poll::Ready(turn) => Some(turn),
        std::task::Poll::Pending => None,
    }
}

#[test]
fn a_task_keeps_its_place_whoever_polls_it_and_wakes_the_last_who_did() {
    let open = OpenFiles::new();
    let turn = open.acquire("/a", Mode::Exclusive, &Deadline::NEVER).unwrap();
    let (mut first, mut second) = (open.wait("/a", Mode::Exclusive), open.wait("/a", Mode::Exclusive));
    let bells = [(); 3].map(|()| Arc::new(Bell::default()));
    let rings = || bells.each_ref().map(|bell| bell.0.load(Ordering::Relaxed));
    assert!(poll(&mut first, &bells[0]).is_none() && poll(&mut second, &bells[1]).is_none());
    assert!(poll(&mut first, &bells[2]).is_none() && poll(&mut first, &bells[2]).is_none());
    assert_eq!(open.waiting("/a"), 2);
    drop(turn);
    assert_eq!((rings(), open.is_given_to_a_task("/a")), ([0, 0, 1], true));
    let turn = poll(&mut first, &bells[0]).expect("it was first");
    assert!(poll(&mut second, &bells[1]).is_none() && !open.is_given_to_a_task("/a"));
    drop(turn);
    assert_eq!(rings(), [0, 1, 1]);
    drop(second);
    assert!(open.is_empty());
}

#[test]
fn a_task_that_gives_up_says_whom_it_waited_for() {
    let open = OpenFiles::new();
    let turn = open.acquire("/a", Mode::Exclusive, &Deadline::NEVER).unwrap();
    let bell = Arc::new(Bell::default());
    assert!(
        open.wait("/a", Mode::Exclusive).give_up().unwrap_err().holder.is_some(),
        "never polled: it tries"
    );
    let mut late = open.wait("/a", Mode::Exclusive);
    let mut lucky = open.wait("/a", Mode::Exclusive);
    assert!(poll(&mut late, &bell).is_none() && poll(&mut lucky, &bell).is_none());
    assert!(late.give_up().unwrap_err().holder.is_some());
    drop(turn);
    drop(lucky.give_up().expect("a late success"));
    drop(open.wait("/a", Mode::Shared).give_up().unwrap());
    assert!(open.is_empty());
}

#[test]
fn a_waiter_gets_the_turn_that_is_passed_on() {
    let open = OpenFiles::new();
    let turn = open.acquire("/a", Mode::Exclusive, &Deadline::NEVER).unwrap();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| open.acquire("/a", Mode::Exclusive, &bounded()).unwrap());
        await_waiting(&open, "/a", 1);
        drop(turn);
        drop(waiter.join().unwrap());
    });
    assert!(open.is_empty());
}

/// Each gets the lock before those who came later, of either kind.
#[test]
fn threads_and_tasks_are_served_in_the_order_of_arrival() {
    const WAITERS: usize = 10;
    let (open, bell) = (OpenFiles::new(), Arc::new(Bell::default()));
    let served = std::sync::Mutex::new(Vec::new());
    let turn = open.acquire("/a", Mode::Exclusive, &Deadline::NEVER).unwrap();
    thread::scope(|scope| {
        let mut tasks = Vec::new();
        for number in 0..WAITERS {
            if number % 2 == 0 {
                let mut waiting = open.wait("/a", Mode::Exclusive);
                assert!(poll(&mut waiting, &bell).is_none());
                tasks.push((number, waiting));
            } else {
                let (open, served) = (&open, &served);
                scope.spawn(move || {
                    let turn = open.acquire("/a", Mode::Exclusive, &bounded()).unwrap();
                    served.lock().unwrap().push(number);
                    drop(turn);
                });
            }
            await_waiting(&open, "/a", number + 1);
        }
        drop(turn);
        let start = Instant::now();
        while !tasks.is_empty() {
            assert!(start.elapsed() < LONG, "{} wait for ever", tasks.len());
            tasks.retain_mut(|(number, waiting)| match poll(waiting, &bell) {
                Some(turn) => {
                    served.lock().unwrap().push(*number);
                    drop(turn);
                    false
                }
                None => true,
            });
            thread::yield_now();
        }
    });
    assert_eq!(served.into_inner().unwrap(), (0..WAITERS).collect::<Vec<_>>());
    assert!(open.is_empty());
}

/// Entries come and go all the time; two threads must never use two of one path.
#[test]
fn stress() {
    const PATHS: [&str; 3] = ["/a", "/b", "/c"];
    const ROUNDS: usize = 3_000;
    let open = OpenFiles::new();
    let counts = [const { AtomicU64::new(0) }; 3]; // loaded and stored under the path's lock
    thread::scope(|scope| {
        for thread in 0..4 {
            let (open, counts) = (&open, &counts);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let which = (round * 7 + thread) % 3;
                    let _turn = open.acquire(PATHS[which], Mode::Exclusive, &bounded()).unwrap();
                    let count = counts[which].load(Ordering::Relaxed);
                    counts[which].store(count + 1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(counts.iter().map(|count| count.load(Ordering::Relaxed)).sum::<u64>(), 4 * ROUNDS as u64);
    assert!(open.is_empty());
}
