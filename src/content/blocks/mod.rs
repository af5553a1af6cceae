//! The memory of payloads: blocks of fitting sizes from slabs of 2 MiB.
//!
//! | module | one idea |
//! |---|---|
//! | `class` | sizes of blocks |
//! | `region` | memory from the system |
//! | `slab` | which parts of a slab are free |
//! | `central` | all slabs, and which of their memory is out |
//! | `shard` | free blocks near those who take and give them |
//! | `buffer` | up to a chunk of bytes, in a block or in an allocation of its own |
//! | `payload` | a buffer and what pays for it, or a part of the bytes of another |
//!
//! Why not the allocator of the process: fresh memory is what costs a small write most, and pages of
//! 2 MiB cost a tenth; and an allocator keeps its lists in the blocks, so that to replace a file that
//! nobody has read for long brings its old bytes back into the cache.
//!
//! **One pool for the process**, not one for each filesystem. A [`Content`](crate::Content) outlives the
//! filesystem that it is from, so a pool of a filesystem would have to be counted by each chunk, and would
//! keep its slabs for the last of them; filesystems that come and go, as in tests, would meet fresh memory
//! each time; and the slack of partly used slabs would be paid once for each. What that costs: what is
//! reserved and not used is nobody's, so no quota counts it. It is bounded instead, and
//! [`ContentMemory`](crate::ContentMemory) tells it.
//!
//! # Invariants
//!
//! * **P1** A place (start and class) is in at most one of: a `Buffer`, a shard, the free units of its
//!   slab. `Central::take` and `Central::give` move it between the slab and a shard, `shard::take` and
//!   `shard::give` between a shard and a buffer, each under the lock of both. A map panics when a place is
//!   taken or given twice.
//! * **P2** A slab is given back to the system only while all its units are free: no block of it is out or
//!   in a shard. `Central::excess` takes only slabs from the list of empty ones.
//! * **P3** A free block is never written and never read; what is known of it lies elsewhere.
//! * **P4** A reader sees only bytes that were written since the block was taken (`Buffer`, B2).
//!
//! # Bounds
//!
//! * A block is at most an eighth longer than its bytes must have it; payloads under 1,793 bytes are left to
//!   the allocator of the process.
//! * Shards hold at most 1 MiB each of free blocks, 16 of them together.
//! * Empty slabs are kept up to 16 MiB, or an eighth of what is out. Where, of all but 16 MiB, less than a
//!   quarter is out, blocks go past the shards, which hold nothing then: a held block keeps its slab.
//! * A slab that is used in part is kept whole. Places are filled from the first slab on; which blocks stay
//!   is up to the program, so files removed at random leave slabs with holes, which new files fill.
//!
//! # First touch
//!
//! The first slabs have 256 KiB, 256 KiB, 512 KiB and 1 MiB of ordinary pages, so the files of a small process
//! cost what they cost anywhere: 1 to 1.3 µs in each 4 KiB. After these 2 MiB each slab is one large page, which
//! the system clears when it is first written: that write takes 60 to 200 µs, once in 2 MiB, which is a third to
//! a tenth as much in sum. Ordinary pages are touched 64 KiB at a time, which saves a fifth of what they cost one
//! by one, and takes 18 µs. In a virtual machine that reports free memory to its host, memory
//! that was free for seconds takes milliseconds a MiB to come back, of either sort of page.
//!
//! # Threads and processes
//!
//! Nothing is bound to a thread, and nothing runs when one ends. A forked child has the slabs as they were,
//! copied when written; as with any lock, it may use them only if no other thread was in here at that
//! moment, which a process of one thread knows.

mod buffer;
mod central;
mod class;
mod payload;
mod region;
mod shard;
mod slab;
#[cfg(test)]
mod tests;

pub use buffer::Buffer;
pub use payload::Payload;

/// The memory that the contents of files have taken from the system, of all filesystems of this process.
///
/// Contents lie in blocks of fitting sizes, cut from slabs of 2 MiB that are aligned so that the system
/// can back them with large pages. What is not used of them is kept for the next content: up to 16 MiB of
/// empty slabs, or an eighth of what is used if that is more; holes in slabs between blocks that are used; and
/// up to 1 MiB for each of 16 groups of threads. No quota counts it. Contents under 1,793 bytes, and such
/// as were taken in without copying, have allocations of their own and are not counted here.
///
/// ```
/// use arcfs::{ContentMemory, MemFs};
///
/// let fs = MemFs::new();
/// fs.write("/file", [7; 100_000])?;
/// let now = ContentMemory::now();
/// assert!(now.used() >= 100_000 && now.reserved() >= now.used());
/// drop(fs);
/// assert!(ContentMemory::trim() <= now.reserved());
/// # Ok::<(), arcfs::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentMemory {
    reserved: u64,
    used: u64,
}

impl ContentMemory {
    /// As it is now. While other threads work, the sums may be of slightly different instants.
    #[must_use]
    pub fn now() -> Self {
        let (reserved, out) = shard::sums();
        Self { reserved: reserved as u64, used: out.saturating_sub(shard::held()) as u64 }
    }

    /// Bytes taken from the system.
    #[must_use]
    pub fn reserved(&self) -> u64 {
        self.reserved
    }

    /// Bytes of them in blocks that contents have. A block is at most an eighth longer than its content.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.used
    }

    /// Gives back to the system every slab that no content has a block in; returns how many bytes.
    ///
    /// Never needed: what is kept is bounded. It is for a program that knows that it will not need the
    /// memory again soon. O(slabs).
    pub fn trim() -> u64 {
        shard::trim() as u64
    }
}
