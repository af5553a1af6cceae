//! One slot more or less in a node, and nodes made one's own: where nodes are written.
//!
//! A node is given by its `spot`, where its parent (or the map) has its address. What is at the spot
//! afterwards was born in the version under construction.

use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

use super::super::arena::OutOfMemory;
use super::super::cx::Cx;
use super::super::dead::{Dead, Kind};
use super::super::name::{common, key};
use super::build::{Item, Items, build, rounded};
use super::node::{self, FAN, Head, Node, RUN, Raw};

/// Where the address of a node stands: in the map, or in a node of the version under construction.
pub type Spot = NonNull<Raw>;

/// Kills a node, not what is below it.
///
/// # Safety
///
/// The version under construction did reach it, and does so no more; there is room for one that dies.
pub unsafe fn kill(cx: &mut Cx<'_>, raw: Raw) {
    // SAFETY: as the caller warrants.
    unsafe { cx.kill(Dead::new(Kind::Node, raw.cast())) };
}

/// The spot of a child.
///
/// # Safety
///
/// `spot` leads to an inner node of the version under construction with that slot.
pub unsafe fn child(spot: Spot, slot: usize) -> Spot {
    // SAFETY: as the caller warrants; links of inner nodes are addresses of nodes.
    unsafe {
        debug_assert!(slot < spot.read().as_ref().len as usize);
        node::links(spot.read()).add(slot).cast()
    }
}

/// Makes the node at `spot` one's own, copying it if it is older than the version under construction (M5).
///
/// # Safety
///
/// `spot` is where the version under construction reaches the node, and nobody else knows it; there is room for
/// one that dies. This is so in all functions of this module.
pub unsafe fn own(cx: &mut Cx<'_>, spot: Spot) -> Result<(), OutOfMemory> {
    // SAFETY: the node is alive; the copy is ours, and as large.
    unsafe {
        let old = spot.read();
        let head = *old.as_ref();
        if head.birth == cx.version() || super::super::planted::planted!(EditsPublished) {
            return Ok(());
        }
        let new = cx.arena().alloc(head.size())?;
        ptr::copy_nonoverlapping(old.cast::<u8>().as_ptr(), new.as_ptr(), head.size());
        let new = new.cast::<Head>();
        (*new.as_ptr()).birth = cx.version();
        spot.write(new);
        kill(cx, old);
        Ok(())
    }
}

/// Puts a new slot in front of slot `at`; not in front of slot 0 of an inner node.
///
/// # Safety
///
/// As [`own`]; the node is not full, the new slot is one of its level, belongs there, and has its prefix.
pub unsafe fn add(cx: &mut Cx<'_>, spot: Spot, at: usize, item: Item) -> Result<(), OutOfMemory> {
    // SAFETY: the node is alive, what is written is ours.
    unsafe {
        let old = spot.read();
        let head = *old.as_ref();
        debug_assert!((head.len as usize) < FAN && at <= head.len as usize && (at > 0 || head.level == 0));
        let text = item.separator(head.level);
        debug_assert!(common(text, Node::new(old).least().as_str().as_bytes()) >= head.prefix as usize);
        let sought = key(text, head.prefix as usize);
        let Some(run) = run_with(Node::new(old), at, text, sought) else {
            let mut items = Items::new();
            items.extend(old);
            items.insert(at, item);
            let new = build(cx, head.level, items.as_slice(), head.prefix as usize, 0)?;
            spot.write(new);
            kill(cx, old);
            return Ok(());
        };
        let len = head.len as usize;
        let new = if head.birth == cx.version() && head.len < head.cap {
            old
        } else {
            // A node that is being filled step by step would be allocated again and again.
            let room = if head.birth == cx.version() { len / 2 } else { 0 };
            let new = Head { birth: cx.version(), cap: rounded(len + 1 + room), ..head };
            let new = node::alloc(cx.arena(), new)?;
            copy_slots(old, 0, new, 0, at);
            new
        };
        copy_slots(old, at, new, at + 1, len - at);
        node::keys(new).add(at).write(sought);
        node::links(new).add(at).write(item.link);
        if head.level == 0 {
            node::values(new).add(at).write(item.value.assume_init());
        }
        if head.wide {
            node::fine(new).add(at).write(key(text, head.run_prefix as usize));
        }
        (*new.as_ptr()).len += 1;
        ((*new.as_ptr()).run, (*new.as_ptr()).run_end) = run;
        if new != old {
            spot.write(new);
            kill(cx, old);
        }
        Ok(())
    }
}

/// The run of a node after `text` was put in front of slot `at`; `None` if the node is to be built anew (M4).
fn run_with(node: Node<'_>, at: usize, text: &[u8], sought: u64) -> Option<(u8, u8)> {
    let head = node.head();
    let keys = node.keys();
    let (run, end) = (head.run as usize, head.run_end as usize);
    if run != end && keys[run] == sought {
        let inside =
            (run + 1..end).contains(&at) || common(text, node.separator(run)) >= head.run_prefix as usize;
        return inside.then_some((head.run, head.run_end + 1));
    }
    let from = usize::from(!node.is_leaf());
    let equals = keys[from.min(at)..at].iter().rev().take_while(|key| **key == sought).count()
        + keys[at.max(from)..].iter().take_while(|key| **key == sought).count();
    if equals + 1 >= RUN && (run == end || equals + 1 > end - run) {
        return None;
    }
    let behind = u8::from(run != end && at <= run);
    Some((head.run + behind, head.run_end + behind))
}

/// Takes slot `at` out. What it led to is the caller's.
///
/// # Safety
///
/// As [`own`]; the node has that slot and another one.
pub unsafe fn cut(cx: &mut Cx<'_>, spot: Spot, at: usize) -> Result<(), OutOfMemory> {
    // SAFETY: the node is alive, what is written is ours.
    unsafe {
        let old = spot.read();
        let head = *old.as_ref();
        let len = head.len as usize;
        debug_assert!(len > 1 && at < len);
        let roomy = head.cap > rounded(len - 1) + FAN as u8 / 4;
        let new = if head.birth == cx.version() && !roomy {
            old
        } else {
            let new = Head { birth: cx.version(), cap: rounded(len - 1), ..head };
            let new = node::alloc(cx.arena(), new)?;
            copy_slots(old, 0, new, 0, at);
            new
        };
        copy_slots(old, at + 1, new, at, len - at - 1);
        let after = &mut *new.as_ptr();
        after.len = head.len - 1;
        let (mut run, mut end) = (head.run as usize, head.run_end as usize);
        run -= usize::from(at < run);
        end -= usize::from(at < end);
        run = run.max(usize::from(head.level != 0));
        // One alone proves nothing about what is between it and its neighbours (M4).
        (after.run, after.run_end) = if run + 1 < end { (run as u8, end as u8) } else { (0, 0) };
        if run + 1 >= end {
            after.run_prefix = 0;
        }
        if new != old {
            spot.write(new);
            kill(cx, old);
        }
        Ok(())
    }
}

/// Copies slots between nodes of one layout, which may be one node.
///
/// # Safety
///
/// Both have such slots; those of the second one are ours.
unsafe fn copy_slots(from: Raw, at: usize, to: Raw, onto: usize, count: usize) {
    // SAFETY: as the caller warrants; `copy` minds overlaps. What is not initialised stays so.
    unsafe {
        let (from_cap, to_cap) = (from.as_ref().cap as usize, to.as_ref().cap as usize);
        for array in 0..from.as_ref().arrays() {
            let from = node::keys(from).add(array * from_cap + at).cast::<MaybeUninit<u64>>();
            let to = node::keys(to).add(array * to_cap + onto).cast::<MaybeUninit<u64>>();
            ptr::copy(from.as_ptr(), to.as_ptr(), count);
        }
    }
}
