//! Free blocks near those who take and give them: a few shards, each with a lock that is nearly always free.
//!
//! A thread has a shard by its number, so that threads rarely meet. What was given last is taken first: it
//! is still in the caches of the processor. Blocks go to and come from the slabs in batches.
//!
//! Nothing belongs to a thread, so nothing is to be done when one ends. The locks are not loom's: nothing
//! that a model could interleave happens under them.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::central::{Central, KEPT, Place};
use super::class::{CLASSES, Class};

const SHARDS: usize = 16;
/// The most blocks of a size in a shard.
const SLOTS: usize = 32;
/// The most bytes of a size, from which a batch is moved, and of all sizes.
const MOST_OF_SIZE: usize = 512 << 10;
const MOST: usize = 1 << 20;

static SHARD: [Shard; SHARDS] = [const { Shard::new() }; SHARDS];
static CENTRAL: Mutex<Central> = Mutex::new(Central::new());

/// What `CENTRAL` says of itself, for those who do not hold its lock. Written under the lock; publishes
/// nothing, so relaxed.
static OUT: AtomicUsize = AtomicUsize::new(0);
static RESERVED: AtomicUsize = AtomicUsize::new(0);

/// A lock of its own cache lines.
#[repr(align(128))]
struct Shard {
    cache: Mutex<Cache>,
    /// The bytes in the cache. Written under the lock; publishes nothing, so relaxed.
    held: AtomicUsize,
}

struct Cache {
    stacks: [Stack; CLASSES],
    bytes: usize,
}

/// Blocks of one size; the first `len` are there, and the last of them was given last.
struct Stack {
    len: usize,
    places: [Option<Place>; SLOTS],
}

/// Blocks that go to or come from the slabs.
type Batch = [Option<Place>; SLOTS];

impl Shard {
    const fn new() -> Self {
        let stacks = [const { Stack { len: 0, places: [None; SLOTS] } }; CLASSES];
        Self { cache: Mutex::new(Cache { stacks, bytes: 0 }), held: AtomicUsize::new(0) }
    }

    /// That of this thread.
    #[inline]
    fn home() -> &'static Self {
        thread_local! {
            static HOME: Cell<Option<&'static Shard>> = const { Cell::new(None) };
        }
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        HOME.with(|home| {
            home.get().unwrap_or_else(|| {
                let shard = &SHARD[NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS];
                home.set(Some(shard));
                shard
            })
        })
    }
}

/// How many blocks of a size are held at most, and half of them are moved at once.
const fn slots(class: Class) -> usize {
    let slots = MOST_OF_SIZE / class.size();
    if slots > SLOTS { SLOTS } else { slots }
}

/// Takes a block out; `None` where the system has no memory.
#[inline]
pub fn take(class: Class) -> Option<Place> {
    let shard = Shard::home();
    let mut cache = shard.cache.lock();
    let place = match cache.pop(class) {
        None => cache.refill(class),
        place => place,
    };
    shard.held.store(cache.bytes, Ordering::Relaxed);
    place
}

/// Gives back a block that was taken, of the same class.
#[inline]
pub fn give(class: Class, place: Place) {
    let shard = Shard::home();
    let mut cache = shard.cache.lock();
    let room = cache.push(class, place);
    let done = room && cache.bytes <= MOST && !is_sparse();
    if !done {
        cache.overflow(class);
    }
    shard.held.store(cache.bytes, Ordering::Relaxed);
    drop(cache);
    if !done {
        settle();
    }
}

/// Whether far more is reserved than is out, so that blocks held in shards could keep whole slabs.
fn is_sparse() -> bool {
    RESERVED.load(Ordering::Relaxed) > KEPT + 4 * OUT.load(Ordering::Relaxed)
}

/// Gives slabs that are empty and not kept back to the system, outside the locks.
#[cold]
fn settle() {
    if is_sparse() && held() > 0 {
        sweep();
    }
    loop {
        let mut central = CENTRAL.lock();
        let keep = central.keep();
        let Some(region) = central.excess(keep) else { break };
        tell(&central);
        drop(central);
        drop(region);
    }
}

/// Moves all that shards hold to the slabs.
fn sweep() {
    for shard in &SHARD {
        let mut cache = shard.cache.lock();
        cache.flush(None);
        shard.held.store(cache.bytes, Ordering::Relaxed);
    }
}

/// Gives back to the system all that can be given back; tells how many bytes.
pub fn trim() -> usize {
    sweep();
    let mut bytes = 0;
    loop {
        let mut central = CENTRAL.lock();
        let Some(region) = central.excess(0) else { return bytes };
        tell(&central);
        drop(central);
        bytes += region.len();
    }
}

/// Bytes of blocks that are free and in shards.
pub fn held() -> usize {
    SHARD.iter().map(|shard| shard.held.load(Ordering::Relaxed)).sum()
}

/// Bytes of slabs, and bytes of blocks that are taken from them, also to be held in shards.
pub fn sums() -> (usize, usize) {
    let central = CENTRAL.lock();
    (central.reserved(), central.out())
}

fn tell(central: &Central) {
    OUT.store(central.out(), Ordering::Relaxed);
    RESERVED.store(central.reserved(), Ordering::Relaxed);
}

impl Cache {
    #[inline]
    fn pop(&mut self, class: Class) -> Option<Place> {
        let stack = &mut self.stacks[class.number()];
        let last = stack.len.checked_sub(1)?;
        stack.len = last;
        self.bytes -= class.size();
        stack.places[last].take()
    }

    /// Adds a block for which there is room; tells whether there is room for another.
    #[inline]
    fn push(&mut self, class: Class, place: Place) -> bool {
        let stack = &mut self.stacks[class.number()];
        stack.places[stack.len] = Some(place);
        stack.len += 1;
        self.bytes += class.size();
        stack.len < slots(class)
    }

    /// Takes a batch from the slabs: one block to be used, the others to be held.
    #[cold]
    fn refill(&mut self, class: Class) -> Option<Place> {
        let mut batch: Batch = [None; SLOTS];
        let wanted = if is_sparse() { 1 } else { slots(class) / 2 };
        let taken = {
            let mut central = CENTRAL.lock();
            let taken = central.take(class, &mut batch[..wanted]);
            tell(&central);
            taken
        };
        for place in batch[..taken].iter().skip(1).rev().flatten() {
            self.push(class, *place);
        }
        batch[0]
    }

    /// Moves blocks to the slabs, after too many were given.
    #[cold]
    fn overflow(&mut self, class: Class) {
        if is_sparse() {
            self.flush(None);
        } else {
            self.flush_half(class);
            if self.bytes > MOST {
                self.flush(Some(class));
            }
        }
    }

    /// Moves the half of a size to the slabs that was given first.
    fn flush_half(&mut self, class: Class) {
        let stack = &mut self.stacks[class.number()];
        let half = stack.len / 2;
        let mut central = CENTRAL.lock();
        for place in &mut stack.places[..half] {
            if let Some(place) = place.take() {
                central.give(class, place);
                self.bytes -= class.size();
            }
        }
        tell(&central);
        drop(central);
        stack.places[..stack.len].rotate_left(half);
        stack.len -= half;
    }

    /// Moves all to the slabs, but for one size.
    fn flush(&mut self, but: Option<Class>) {
        if self.bytes == 0 {
            return;
        }
        let mut central = CENTRAL.lock();
        for number in 0..CLASSES {
            let (class, stack) = (Class::numbered(number), &mut self.stacks[number]);
            if but == Some(class) {
                continue;
            }
            for place in &mut stack.places[..stack.len] {
                if let Some(place) = place.take() {
                    central.give(class, place);
                    self.bytes -= class.size();
                }
            }
            stack.len = 0;
        }
        tell(&central);
    }
}
