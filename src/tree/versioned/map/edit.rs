//! Changing entries: path copying, splitting, joining.

use std::cmp::Ordering;
use std::ptr::NonNull;

use super::super::arena::OutOfMemory;
use super::super::cx::Cx;
use super::super::dead::{Dead, Kind, Value};
use super::super::name::{MAX_NAME, NamePtr, common};
use super::Map;
use super::build::{Item, Items, build};
use super::node::{self, FAN, Node, Raw};
use super::path::{HIGHEST, Path, Place};
use super::slots::{Spot, add, child, cut, kill, own};

/// Nodes and names that one edit kills at most: at each level a node that is copied, one that is built anew, and
/// a neighbour.
const DEATHS: usize = 4 * HIGHEST + 4;
/// A node with fewer slots looks for a neighbour to be joined with.
const FEW: usize = FAN / 2;
/// Two nodes are joined if they have at most so many slots together.
const JOINED: usize = FAN - FAN / 4;

impl Map {
    /// The value of that name, to be changed by the version under construction. O(log n).
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`]; the map is as before then.
    #[inline]
    pub fn get_mut(&mut self, cx: &mut Cx<'_>, name: &str) -> Result<Option<&mut Value>, OutOfMemory> {
        cx.reserve(DEATHS)?;
        // SAFETY: the map is only read while the path is used, and nobody frees what it reaches.
        let Some(root) = self.root.map(|root| unsafe { Node::new(root) }) else { return Ok(None) };
        let mut path = Path::new();
        if !Place::of(root, name.as_bytes(), &mut path).found {
            return Ok(None);
        }
        // SAFETY: the path leads to an entry of this map, and room was made.
        unsafe {
            let leaf = self.own_to(cx, &path, path.len())?;
            let slot = path.last().1;
            Ok(Some(&mut *node::values(leaf.read()).add(slot).as_ptr()))
        }
    }

    /// Adds an entry, or replaces the value of the one that is there and returns the old value. O(log n).
    ///
    /// The version under construction must not reach the value in another way. What becomes of an old value is
    /// up to the caller.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`], also for more than 2³² - 1 entries; the map is as before then.
    ///
    /// # Panics
    ///
    /// If the name is empty or longer than [`MAX_NAME`] bytes.
    pub fn insert(
        &mut self,
        cx: &mut Cx<'_>,
        name: &str,
        value: Value,
    ) -> Result<Option<Value>, OutOfMemory> {
        cx.reserve(DEATHS)?;
        let mut path = Path::new();
        // SAFETY: as in `get_mut`.
        let root = self.root.map(|root| unsafe { Node::new(root) });
        let place = root.map(|root| Place::of(root, name.as_bytes(), &mut path));
        if let Some(place) = place
            && place.found
        {
            // SAFETY: as in `get_mut`.
            unsafe {
                let leaf = self.own_to(cx, &path, path.len())?;
                let slot = node::values(leaf.read()).add(path.last().1);
                return Ok(Some(slot.replace(value)));
            }
        }
        let len = self.len.checked_add(1).ok_or(OutOfMemory)?;
        let version = cx.version();
        let name = {
            let overhead = cx.overhead;
            NamePtr::new(cx.arena(), version, name, overhead)?
        };
        let item = Item::entry(name, value);
        // SAFETY: the place was looked for in this map as it is; the name is ours, and freed if nobody got it.
        let added = unsafe {
            match place {
                Some(place) => self.insert_at(cx, place, &path, item),
                None => build(cx, 0, &[item], MAX_NAME, 0).map(|leaf| self.root = Some(leaf)),
            }
        };
        if let Err(error) = added {
            // SAFETY: as above.
            unsafe { name.free(cx.arena()) };
            return Err(error);
        }
        self.len = len;
        Ok(None)
    }

    /// Takes an entry out and returns its value, of which the caller disposes. O(log n).
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`]; the map is as before then.
    pub fn remove(&mut self, cx: &mut Cx<'_>, name: &str) -> Result<Option<Value>, OutOfMemory> {
        cx.reserve(DEATHS)?;
        // SAFETY: as in `get_mut`.
        let Some(root) = self.root.map(|root| unsafe { Node::new(root) }) else { return Ok(None) };
        let mut path = Path::new();
        if !Place::of(root, name.as_bytes(), &mut path).found {
            return Ok(None);
        }
        let path = &path;
        let (leaf, slot) = path.last();
        let (name, value) = (leaf.link(slot), leaf.value(slot));
        // The highest node that becomes empty goes with the name, and all below it.
        let depth = (0..path.len()).rev().find(|depth| path.step(*depth).0.len() > 1);
        // SAFETY: the path leads to an entry of this map, and room was made for what dies.
        unsafe {
            if let Some(depth) = depth {
                let spot = self.own_to(cx, path, depth)?;
                cut(cx, spot, path.step(depth).1)?;
            } else {
                self.root = None;
            }
            for below in depth.map_or(0, |depth| depth + 1)..path.len() {
                kill(cx, path.step(below).0.raw());
            }
            cx.kill(Dead::new(Kind::Name, name));
            self.len -= 1;
            if let Some(depth) = depth {
                self.join_up(cx, path, depth);
            }
        }
        Ok(Some(value))
    }

    fn spot(&mut self) -> Spot {
        // An option of an address that is never null is that address.
        NonNull::from(&mut self.root).cast()
    }

    /// Makes the nodes in front of depth `end` of a path one's own, and returns the spot of the node at depth
    /// `end`, or of the last one if that is behind it.
    ///
    /// # Safety
    ///
    /// It is a path of this map, as it is but for copied nodes. There is room for the dead.
    #[inline]
    unsafe fn own_to(&mut self, cx: &mut Cx<'_>, path: &Path<'_>, end: usize) -> Result<Spot, OutOfMemory> {
        let mut spot = self.spot();
        for depth in 0..end {
            // SAFETY: the spot is in the map, or in a node that has just become ours.
            unsafe {
                own(cx, spot)?;
                if depth + 1 < path.len() {
                    spot = child(spot, path.step(depth).1);
                }
            }
        }
        Ok(spot)
    }

    /// Puts a new entry where its name belongs.
    ///
    /// # Safety
    ///
    /// The place is one of this map as it is, where the name was not found.
    unsafe fn insert_at(
        &mut self,
        cx: &mut Cx<'_>,
        place: Place,
        path: &Path<'_>,
        item: Item,
    ) -> Result<(), OutOfMemory> {
        let misfit = (0..path.len()).find(|depth| path.step(*depth).0.head().prefix as usize > place.common);
        // SAFETY: as the caller warrants; what is built from a node replaces it.
        unsafe {
            let Some(depth) = misfit else { return self.insert_along(cx, path, item) };
            // The name is before or behind all names of that node: the prefixes along this edge of it become shorter.
            let mut spot = self.own_to(cx, path, depth)?;
            let last = |raw: Raw| match place.side {
                Ordering::Less => 0,
                _ => raw.as_ref().len as usize - 1,
            };
            loop {
                let old = spot.read();
                let mut items = Items::new();
                items.extend(old);
                let new = build(cx, old.as_ref().level, items.as_slice(), place.common, 0)?;
                spot.write(new);
                kill(cx, old);
                if new.as_ref().level == 0 {
                    break;
                }
                spot = child(spot, last(new));
            }
            // Now it fits everywhere.
            let root = self.root.map(|root| Node::new(root)).expect("the path leads through it");
            let mut path = Path::new();
            let place = Place::of(root, item.separator(0), &mut path);
            let fits = |depth| path.step(depth).0.head().prefix as usize <= place.common;
            debug_assert!(!place.found && (0..path.len()).all(fits));
            self.insert_along(cx, &path, item)
        }
    }

    /// Puts a new entry where a path leads, splitting full nodes on the way down.
    ///
    /// # Safety
    ///
    /// It is a path of this map as it is; the name belongs there and has the prefixes of all nodes on it.
    unsafe fn insert_along(
        &mut self,
        cx: &mut Cx<'_>,
        path: &Path<'_>,
        item: Item,
    ) -> Result<(), OutOfMemory> {
        let leaf = path.len() - 1;
        let full = (0..path.len()).rev().take_while(|depth| path.step(*depth).0.len() == FAN).count();
        let split = path.len() - full;
        // SAFETY: as the caller warrants; each spot is in the map or in a node that is ours.
        unsafe {
            if full == 0 {
                let spot = self.own_to(cx, path, leaf)?;
                return add(cx, spot, path.last().1, item);
            }
            if is_end(path) {
                return self.append(cx, path, split, item);
            }
            let text = item.separator(0);
            let slots: [usize; HIGHEST] = std::array::from_fn(|depth| match depth {
                _ if depth < path.len() => path.step(depth).1,
                _ => 0,
            });
            let (mut spot, mut at) = if split == 0 {
                self.split_root(cx, text, slots[0])?
            } else {
                let parent = self.own_to(cx, path, split - 1)?;
                split_child(cx, parent, slots[split - 1], text, slots[split])?
            };
            for slot in &slots[split + 1..path.len()] {
                (spot, at) = split_child(cx, spot, at, text, *slot)?;
            }
            add(cx, spot, at, item)
        }
    }

    /// Puts a new entry behind all others, where the nodes of its path are full from depth `split` on: they stay
    /// so, a new branch is added beside them.
    ///
    /// # Safety
    ///
    /// As [`insert_along`](Self::insert_along), and the path leads to the end.
    unsafe fn append(
        &mut self,
        cx: &mut Cx<'_>,
        path: &Path<'_>,
        split: usize,
        item: Item,
    ) -> Result<(), OutOfMemory> {
        // SAFETY: what was built is ours until it is linked; the spot is in the map or in a node that is ours.
        unsafe {
            let mut branch = build(cx, 0, &[item], MAX_NAME, 0)?;
            for level in 1..(path.len() - split) as u8 {
                branch = match build(cx, level, &[Item::child(branch)], MAX_NAME, 0) {
                    Ok(above) => above,
                    Err(error) => return Err(discard(cx, branch, error)),
                };
            }
            let linked = match (split, self.root) {
                (0, Some(root)) => {
                    let both = [Item::child(root), Item::child(branch)];
                    build(cx, path.len() as u8, &both, MAX_NAME, 0).map(|root| self.root = Some(root))
                }
                _ => self
                    .own_to(cx, path, split - 1)
                    .and_then(|spot| add(cx, spot, path.step(split - 1).1 + 1, Item::child(branch))),
            };
            linked.map_err(|error| discard(cx, branch, error))
        }
    }

    /// Splits the root, which is full, and returns where slot `at` of it is.
    ///
    /// # Safety
    ///
    /// There is such a root; `text` has its prefix.
    unsafe fn split_root(
        &mut self,
        cx: &mut Cx<'_>,
        text: &[u8],
        at: usize,
    ) -> Result<(Spot, usize), OutOfMemory> {
        // SAFETY: as the caller warrants; the halves are ours until they are linked.
        unsafe {
            let spot = self.spot();
            let old = spot.read();
            let level = old.as_ref().level;
            assert!((level as usize) + 2 < HIGHEST, "a map of 2^32 entries is not so high");
            let most = common(text, Node::new(old).least().as_str().as_bytes());
            let halves = halve(cx, old, text, at)?;
            let both = [Item::child(halves.left), Item::child(halves.right)];
            match build(cx, level + 1, &both, most, 0) {
                Ok(root) => spot.write(root),
                Err(error) => return Err(halves.discard(cx, error)),
            }
            kill(cx, old);
            Ok((child(spot, usize::from(halves.is_right)), halves.at))
        }
    }

    /// Joins nodes that have become small with a neighbour, from `depth` of a path upwards, as far as memory
    /// allows: nothing depends on it.
    ///
    /// # Safety
    ///
    /// It is a path of this map, whose nodes are our own down to `depth`.
    unsafe fn join_up(&mut self, cx: &mut Cx<'_>, path: &Path<'_>, depth: usize) {
        // SAFETY: as the caller warrants.
        unsafe {
            for depth in (1..=depth).rev() {
                let parent = (0..depth - 1).fold(self.spot(), |spot, depth| child(spot, path.step(depth).1));
                if join(cx, parent, path.step(depth - 1).1).is_err() {
                    break;
                }
            }
            while let Some(root) = self.root
                && root.as_ref().level > 0
                && root.as_ref().len == 1
            {
                self.root = Some(Node::new(root).child(0).raw());
                kill(cx, root);
            }
        }
    }
}

/// Whether a path leads behind the last entry.
fn is_end(path: &Path<'_>) -> bool {
    let leaf = path.len() - 1;
    let (last, at) = path.last();
    at == last.len() && (0..leaf).all(|depth| path.step(depth).1 + 1 == path.step(depth).0.len())
}

/// A full node in two.
struct Halves {
    left: Raw,
    right: Raw,
    /// Where the sought slot of the node is now.
    is_right: bool,
    at: usize,
}

impl Halves {
    /// Frees both, which nobody has got.
    fn discard(self, cx: &mut Cx<'_>, error: OutOfMemory) -> OutOfMemory {
        // SAFETY: they are ours, and nobody else knows them.
        unsafe {
            Node::free(self.left, cx.arena());
            Node::free(self.right, cx.arena());
        }
        error
    }
}

/// Two nodes for the slots of a full one, which `text` will be put into at or below slot `at`.
///
/// # Safety
///
/// It is such a node, and was not freed.
unsafe fn halve(cx: &mut Cx<'_>, old: Raw, text: &[u8], at: usize) -> Result<Halves, OutOfMemory> {
    const HALF: usize = FAN / 2;
    // SAFETY: as the caller warrants; the slots are those of one node, in order.
    unsafe {
        let level = old.as_ref().level;
        let mut items = Items::new();
        items.extend(old);
        let (left, right) = items.as_slice().split_at(HALF);
        // A new entry at the border goes to the left; the child at the border is the first of the right.
        let is_right = if level == 0 { at > HALF } else { at >= HALF };
        // The half that gets the text keeps a prefix that it has, too.
        let most =
            |half: &[Item], gets_it| if gets_it { common(text, half[0].separator(level)) } else { MAX_NAME };
        let (most_left, most_right) = (most(left, !is_right), most(right, is_right));
        let left = build(cx, level, left, most_left, usize::from(!is_right))?;
        let right = match build(cx, level, right, most_right, usize::from(is_right)) {
            Ok(right) => right,
            Err(error) => {
                Node::free(left, cx.arena());
                return Err(error);
            }
        };
        Ok(Halves { left, right, is_right, at: if is_right { at - HALF } else { at } })
    }
}

/// Splits the child in a slot of a node that is not full, and returns where slot `at` of the child is.
///
/// # Safety
///
/// The parent at the spot is not full, its child is; `text` has the prefixes of both.
unsafe fn split_child(
    cx: &mut Cx<'_>,
    parent: Spot,
    slot: usize,
    text: &[u8],
    at: usize,
) -> Result<(Spot, usize), OutOfMemory> {
    // SAFETY: as the caller warrants; the halves are ours until they are linked.
    unsafe {
        let old: Raw = node::links(parent.read()).add(slot).read().cast();
        let halves = halve(cx, old, text, at)?;
        if let Err(error) = add(cx, parent, slot + 1, Item::child(halves.right)) {
            return Err(halves.discard(cx, error));
        }
        child(parent, slot).write(halves.left);
        kill(cx, old);
        Ok((child(parent, slot + usize::from(halves.is_right)), halves.at))
    }
}

/// Joins the child in a slot with a neighbour, if it has few slots and both fit well into one node.
///
/// # Safety
///
/// The parent is ours.
unsafe fn join(cx: &mut Cx<'_>, parent: Spot, slot: usize) -> Result<(), OutOfMemory> {
    // SAFETY: as the caller warrants; the new node is ours until it is linked.
    unsafe {
        let node = Node::new(parent.read());
        let len = |slot: usize| node.child(slot).len();
        if len(slot) >= FEW {
            return Ok(());
        }
        let fits = |left: &usize| left + 1 < node.len() && len(*left) + len(left + 1) <= JOINED;
        let Some(left) = [Some(slot), slot.checked_sub(1)].into_iter().flatten().find(fits) else {
            return Ok(());
        };
        let (first, second) = (node.child(left).raw(), node.child(left + 1).raw());
        let mut items = Items::new();
        items.extend(first);
        items.extend(second);
        let joined = build(cx, first.as_ref().level, items.as_slice(), MAX_NAME, 0)?;
        if let Err(error) = cut(cx, parent, left + 1) {
            Node::free(joined, cx.arena());
            return Err(error);
        }
        child(parent, left).write(joined);
        kill(cx, first);
        kill(cx, second);
        Ok(())
    }
}

/// Frees a branch of nodes with one child each, which nobody has got, without the entry in its leaf.
///
/// # Safety
///
/// As said.
unsafe fn discard(cx: &mut Cx<'_>, mut branch: Raw, error: OutOfMemory) -> OutOfMemory {
    // SAFETY: as the caller warrants; the address below is read before the node is freed.
    unsafe {
        loop {
            let below = (branch.as_ref().level > 0).then(|| Node::new(branch).child(0).raw());
            Node::free(branch, cx.arena());
            match below {
                Some(below) => branch = below,
                None => return error,
            }
        }
    }
}
