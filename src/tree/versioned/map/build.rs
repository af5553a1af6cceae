//! New nodes from slots: what splitting, merging and changing a prefix have in common.

use std::mem::MaybeUninit;
use std::ptr::NonNull;

use super::super::arena::OutOfMemory;
use super::super::cx::Cx;
use super::super::dead::Value;
use super::super::name::{MAX_NAME, NamePtr, common, key};
use super::node::{self, FAN, Head, Node, RUN, Raw, STEP};

/// What a slot leads to: a name with its value, or a child.
#[derive(Debug, Clone, Copy)]
pub struct Item {
    pub link: NonNull<u8>,
    /// Of a leaf.
    pub value: MaybeUninit<Value>,
}

impl Item {
    pub fn entry(name: NamePtr, value: Value) -> Self {
        Self { link: name.as_raw(), value: MaybeUninit::new(value) }
    }

    pub fn child(node: Raw) -> Self {
        Self { link: node.cast(), value: MaybeUninit::uninit() }
    }

    /// The text that separates it from the slot before it.
    ///
    /// # Safety
    ///
    /// What it leads to is, for a slot of a node of this level, neither written nor freed during `'a`.
    pub unsafe fn separator<'a>(self, level: u8) -> &'a [u8] {
        // SAFETY: as the caller warrants.
        unsafe {
            if level == 0 {
                NamePtr::from_raw(self.link).text()
            } else {
                Node::new(self.link.cast()).least().as_str().as_bytes()
            }
        }
    }
}

/// The slots of up to two nodes.
pub struct Items {
    len: usize,
    items: [MaybeUninit<Item>; 2 * FAN],
}

impl Items {
    pub fn new() -> Self {
        Self { len: 0, items: [MaybeUninit::uninit(); 2 * FAN] }
    }

    pub fn push(&mut self, item: Item) {
        self.items[self.len].write(item);
        self.len += 1;
    }

    /// Adds the slots of a node.
    ///
    /// # Safety
    ///
    /// It was not freed.
    pub unsafe fn extend(&mut self, raw: Raw) {
        // SAFETY: the first `len` links are written, and of a leaf as many values.
        unsafe {
            let head = raw.as_ref();
            for slot in 0..head.len as usize {
                let link = node::links(raw).add(slot).read();
                let value = if head.level == 0 {
                    MaybeUninit::new(node::values(raw).add(slot).read())
                } else {
                    MaybeUninit::uninit()
                };
                self.push(Item { link, value });
            }
        }
    }

    pub fn insert(&mut self, at: usize, item: Item) {
        assert!(at <= self.len && self.len < self.items.len());
        self.items.copy_within(at..self.len, at + 1);
        self.items[at].write(item);
        self.len += 1;
    }

    pub fn as_slice(&self) -> &[Item] {
        // SAFETY: the first `len` are written.
        unsafe { self.items[..self.len].assume_init_ref() }
    }
}

/// A new node of the version under construction with these slots: prefix and run as good as they can be, the
/// prefix no longer than `most`, capacity for `room` more.
///
/// # Safety
///
/// * There is a slot, and no more than a node holds; they are slots of a node of this level, in order;
/// * what they lead to satisfies M1 to M4, and was not freed.
pub unsafe fn build(
    cx: &mut Cx<'_>,
    level: u8,
    items: &[Item],
    most: usize,
    room: usize,
) -> Result<Raw, OutOfMemory> {
    debug_assert!((1..=FAN).contains(&items.len()));
    let mut texts = [[].as_slice(); FAN];
    let texts = &mut texts[..items.len()];
    for (text, item) in texts.iter_mut().zip(items) {
        // SAFETY: as the caller warrants; nothing of this is written here.
        *text = unsafe { item.separator(level) };
    }
    let greatest = if level == 0 {
        texts[texts.len() - 1]
    } else {
        // SAFETY: as above.
        unsafe { Node::new(items[items.len() - 1].link.cast()).greatest().as_str().as_bytes() }
    };
    let prefix = common(texts[0], greatest).min(most).min(MAX_NAME);
    let (run, run_end) = longest_run(texts, prefix, usize::from(level != 0));
    let head = Head {
        birth: cx.version(),
        len: items.len() as u8,
        cap: rounded(items.len() + room),
        level,
        prefix: prefix as u8,
        wide: run != run_end,
        run: run as u8,
        run_end: run_end as u8,
        run_prefix: if run == run_end {
            0
        } else {
            common(texts[run], texts[run_end - 1]).min(MAX_NAME) as u8
        },
    };
    let raw = node::alloc(cx.arena(), head)?;
    for (slot, (text, item)) in texts.iter().zip(items).enumerate() {
        // SAFETY: the node is ours, and `slot` below its capacity; an item of a leaf has a value.
        unsafe {
            node::keys(raw).add(slot).write(key(text, prefix));
            node::links(raw).add(slot).write(item.link);
            if level == 0 {
                node::values(raw).add(slot).write(item.value.assume_init());
            }
            if head.wide {
                node::fine(raw).add(slot).write(key(text, head.run_prefix as usize));
            }
        }
    }
    Ok(raw)
}

/// The largest set of neighbours from slot `from` on with equal keys, if it is worth a run.
fn longest_run(texts: &[&[u8]], prefix: usize, from: usize) -> (usize, usize) {
    let mut longest = (0, 0);
    let mut start = from;
    for slot in from..texts.len() {
        if key(texts[slot], prefix) != key(texts[start], prefix) {
            start = slot;
        }
        if slot + 1 - start > (longest.1 - longest.0).max(RUN - 1) {
            longest = (start, slot + 1);
        }
    }
    longest
}

/// The capacity of a node for so many slots.
pub fn rounded(slots: usize) -> u8 {
    slots.next_multiple_of(STEP).clamp(STEP, FAN) as u8
}
