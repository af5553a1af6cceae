//! Failures on demand.

use std::fmt;
use std::marker::PhantomData;

use crate::fault::{Fault, arm, disarm, state};

/// Lets one grant of a resource be refused, the n-th from now on, for as long as this is kept.
///
/// Everything that makes a filesystem grow passes one of three places, whichever call it comes from:
///
/// * [`charge`](Self::charge): bytes are reserved from the quota. The call answers `QuotaExceeded`.
/// * [`node`](Self::node): a commit makes files or directories. The call answers `NodeLimit`.
/// * [`allocation`](Self::allocation): memory for payload is allocated. The call answers
///   `AllocationFailed`.
///
/// A call that fails leaves everything as it was, and so should what is built of such calls; a test
/// can say so for each of its steps. Some calls find another way instead: an append that may not join
/// small pieces leaves them as they are.
///
/// ```
/// use arcfs::MemFs;
/// use arcfs::testing::{Injected, assert_tree_eq, mem_fs};
///
/// fn step(fs: &MemFs) -> arcfs::Result<()> {
///     fs.transaction(|tx| {
///         tx.write("/new", b"content")?;
///         tx.append("/log", b"made new\n")
///     })
/// }
///
/// for n in 1.. {
///     let fs = mem_fs! { "log" => "begun\n" };
///     let fault = Injected::charge(n);
///     let outcome = step(&fs);
///     if !fault.struck() {
///         outcome?; // it asked for fewer than n, and all were granted
///         assert!(n > 2);
///         break;
///     }
///     if outcome.is_err() {
///         assert_tree_eq!(fs, { "log" => "begun\n" }, "charge {n}");
///     }
/// }
/// # Ok::<(), arcfs::Error>(())
/// ```
///
/// It is about the thread that made it and no other, so tests that run side by side do not disturb each
/// other, and work that a call hands to other threads is not struck. Of several of the same sort the one
/// made last counts; the one before it goes on from where it was when that is dropped. They may be
/// dropped in any order.
#[must_use = "it is disarmed when it is dropped"]
pub struct Injected {
    fault: Fault,
    id: u64,
    /// It belongs to its thread.
    thread: PhantomData<*const ()>,
}

impl Injected {
    /// The n-th grant of this sort is refused, counted from 1; 0 refuses none.
    ///
    /// ```
    /// use arcfs::testing::{Fault, Injected};
    ///
    /// let fs = arcfs::MemFs::new();
    /// for fault in [Fault::Charge, Fault::Node, Fault::Allocation] {
    ///     let injected = Injected::new(fault, 1);
    ///     assert!(fs.write("/a", b"1").is_err());
    ///     assert!(injected.struck());
    /// }
    /// ```
    pub fn new(fault: Fault, n: u64) -> Self {
        Self { fault, id: arm(fault, n), thread: PhantomData }
    }

    /// The n-th reservation of quota is refused, counted from 1.
    ///
    /// ```
    /// use arcfs::{ErrorKind, testing::Injected};
    ///
    /// let fs = arcfs::MemFs::new();
    /// let _full = Injected::charge(2);
    /// fs.write("/a", b"1")?;
    /// let error = fs.write("/b", b"1").unwrap_err();
    /// assert!(matches!(error.kind(), ErrorKind::QuotaExceeded { .. }));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn charge(n: u64) -> Self {
        Self::new(Fault::Charge, n)
    }

    /// The n-th commit that makes files or directories is refused, counted from 1.
    ///
    /// ```
    /// use arcfs::{ErrorKind, testing::Injected};
    ///
    /// let fs = arcfs::MemFs::new();
    /// let _full = Injected::node(1);
    /// let error = fs.create_dir("/d").unwrap_err();
    /// assert!(matches!(error.kind(), ErrorKind::NodeLimit { .. }));
    /// ```
    pub fn node(n: u64) -> Self {
        Self::new(Fault::Node, n)
    }

    /// The n-th allocation of payload fails, counted from 1.
    ///
    /// ```
    /// use arcfs::{ErrorKind, testing::Injected};
    ///
    /// let fs = arcfs::MemFs::new();
    /// let _full = Injected::allocation(1);
    /// let error = fs.write("/a", b"1").unwrap_err();
    /// assert!(matches!(error.kind(), ErrorKind::AllocationFailed { .. }));
    /// ```
    pub fn allocation(n: u64) -> Self {
        Self::new(Fault::Allocation, n)
    }

    /// Whether this one has refused a grant.
    ///
    /// ```
    /// use arcfs::testing::Injected;
    ///
    /// let fs = arcfs::MemFs::new();
    /// let fault = Injected::node(2);
    /// fs.create_dir("/one")?;
    /// assert!(!fault.struck());
    /// assert!(fs.create_dir("/two").is_err());
    /// assert!(fault.struck());
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn struck(&self) -> bool {
        state(self.fault, self.id).1
    }
}

impl Drop for Injected {
    fn drop(&mut self) {
        disarm(self.fault, self.id);
    }
}

impl fmt::Debug for Injected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (left, struck) = state(self.fault, self.id);
        let mut shown = f.debug_struct("Injected");
        shown.field("fault", &self.fault).field("left", &left).field("struck", &struck).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemFs;

    #[test]
    fn it_strikes_once_and_not_after_it_is_gone() {
        let fs = MemFs::new();
        let fault = Injected::charge(2);
        fs.write("/a", b"1").unwrap();
        assert!(fs.write("/b", b"1").is_err());
        assert!(fault.struck());
        fs.write("/b", b"1").unwrap();
        drop(Injected::charge(1));
        fs.write("/c", b"1").unwrap();
    }

    #[test]
    fn an_inner_one_leaves_the_count_of_the_outer() {
        let fs = MemFs::new();
        let outer = Injected::node(2);
        fs.create_dir("/a").unwrap();
        {
            let inner = Injected::node(1);
            assert!(fs.create_dir("/b").is_err());
            assert!(inner.struck());
            assert!(!outer.struck());
            fs.create_dir("/b").unwrap();
        }
        assert!(!outer.struck());
        assert!(fs.create_dir("/c").is_err());
        assert!(outer.struck());
    }

    #[test]
    fn they_may_be_dropped_in_any_order() {
        let fs = MemFs::new();
        let (first, second, third) = (Injected::charge(2), Injected::charge(1), Injected::charge(3));
        drop(first);
        fs.write("/a", b"1").unwrap();
        drop(third);
        assert!(fs.write("/b", b"1").is_err(), "the second, which counts again");
        assert!(second.struck());
        drop(second);
        for n in 0..10 {
            fs.write(format!("/{n}"), b"1").unwrap();
        }
    }

    #[test]
    fn one_that_never_counted_has_not_struck() {
        let fs = MemFs::new();
        let outer = Injected::node(1);
        let inner = Injected::node(1);
        assert!(fs.create_dir("/a").is_err());
        assert_eq!((outer.struck(), inner.struck()), (false, true));
        assert_eq!(format!("{outer:?}"), "Injected { fault: Node, left: 1, struck: false }");
        drop(inner);
        assert!(fs.create_dir("/a").is_err());
        assert!(outer.struck());
    }

    #[test]
    fn it_is_about_its_thread_only() {
        let _fault = Injected::charge(1);
        let elsewhere = std::thread::spawn(|| MemFs::new().write("/a", b"1"));
        elsewhere.join().unwrap().unwrap();
        assert!(MemFs::new().write("/a", b"1").is_err());
    }

    #[test]
    fn none_strikes_none() {
        let fault = Injected::charge(0);
        assert!(!fault.struck());
        MemFs::new().write("/a", b"1").unwrap();
        assert!(!fault.struck());
    }
}
