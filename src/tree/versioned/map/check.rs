//! The invariants of a map, checked: for tests.

use super::super::arena::round;
use super::super::dead::{Dead, Kind};
use super::super::name::{Name, common, key};
use super::Map;
use super::node::{FAN, Node, RUN, STEP};

/// What a map is made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Entries, hence names.
    pub entries: usize,
    /// Leaves.
    pub leaves: usize,
    /// Inner nodes.
    pub inner: usize,
    /// Nodes with a run of tying keys.
    pub wide: usize,
    /// Bytes of nodes and names, as the arena counts them.
    pub bytes: usize,
    /// Levels of nodes.
    pub height: usize,
}

impl Map {
    /// What the map is made of, or which invariant it breaks. Nothing in it may be born after `newest`.
    ///
    /// # Errors
    ///
    /// A sentence for people.
    pub fn check(&self, newest: u64) -> Result<Tally, String> {
        let mut tally = Tally::default();
        if let Some(root) = self.root() {
            if !root.is_leaf() && root.len() < 2 {
                return Err("M7: the root has one child".to_owned());
            }
            tally.height = root.head().level as usize + 1;
            check(root, newest, &mut tally)?;
        }
        let texts: Vec<_> = self.iter().map(|(name, _)| name.as_str()).collect();
        if let Some(pair) = texts.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(format!("M2: {:?} is in front of {:?}", pair[0], pair[1]));
        }
        if tally.entries != self.len() || texts.len() != self.len() {
            return Err(format!(
                "{} entries, {} counted, {} iterated",
                self.len(),
                tally.entries,
                texts.len()
            ));
        }
        Ok(tally)
    }

    /// Calls `visit` with every node and name, and how many bytes of the arena it takes.
    pub fn objects(&self, visit: &mut impl FnMut(Dead, usize)) {
        if let Some(root) = self.root() {
            objects(root, visit);
        }
    }
}

fn objects(node: Node<'_>, visit: &mut impl FnMut(Dead, usize)) {
    visit(Dead::new(Kind::Node, node.raw().cast()), round(node.head().size()));
    for slot in 0..node.len() {
        if node.is_leaf() {
            visit(Dead::new(Kind::Name, node.link(slot)), round(Name::size(node.text(slot).len())));
        } else {
            objects(node.child(slot), visit);
        }
    }
}

fn check(node: Node<'_>, newest: u64, tally: &mut Tally) -> Result<(), String> {
    let head = node.head();
    let ensure = |holds: bool, what: &str| if holds { Ok(()) } else { Err(format!("{what}: {head:?}")) };
    ensure(head.birth <= newest, "M6: born after what is above it")?;
    ensure(
        (1..=FAN).contains(&node.len()) && head.len <= head.cap && usize::from(head.cap).is_multiple_of(STEP),
        "M7: the number of slots",
    )?;
    let prefix = head.prefix as usize;
    let (least, greatest) = (node.least().as_str().as_bytes(), node.greatest().as_str().as_bytes());
    ensure(common(least, greatest) >= prefix, "M1: a name without the prefix")?;
    let keys = node.keys();
    let first = usize::from(!node.is_leaf());
    ensure(keys[first..].is_sorted(), "the keys do not ascend")?;
    for (slot, stored) in keys.iter().enumerate().skip(first) {
        let own = key(node.separator(slot), prefix);
        if node.is_leaf() {
            ensure(*stored == own, "M2: the key of a name")?;
        } else {
            let before = key(node.child(slot - 1).greatest().as_str().as_bytes(), prefix);
            ensure(before <= *stored && *stored <= own, "M3: the key of a separator")?;
        }
    }
    let (run, end) = (head.run as usize, head.run_end as usize);
    if run == end {
        let most = keys[first..].chunk_by(|a, b| a == b).map(<[u64]>::len).max().unwrap_or(0);
        // Removing may leave a node with ties; adding one more must not.
        ensure(most < RUN || head.wide, "M4: ties without a run")?;
    } else {
        tally.wide += 1;
        ensure(head.wide && first <= run && run + 1 < end && end <= node.len(), "M4: where the run is")?;
        let tie = |slot: &usize| keys[*slot] == keys[run];
        ensure((first..node.len()).filter(tie).eq(run..end), "M4: the run is not all that ties")?;
        let fine = node.fine();
        ensure(fine.is_sorted(), "M4: the second keys do not ascend")?;
        for slot in run..end {
            let (member, own) = (node.separator(run), node.separator(slot));
            let shares = |text| common(text, member) >= head.run_prefix as usize;
            let fine_of = |text| key(text, head.run_prefix as usize);
            if node.is_leaf() {
                ensure(shares(own) && fine[slot - run] == fine_of(own), "M4: a second key of a name")?;
            } else if slot + 1 < end {
                let last = node.child(slot).greatest().as_str().as_bytes();
                ensure(shares(own) && shares(last), "M4: a name without the prefix of its run")?;
                ensure(fine[slot - run] <= fine_of(own), "M4: a second key of a separator")?;
                ensure(fine_of(last) <= fine[slot + 1 - run], "M4: a second key of the next separator")?;
            }
        }
    }
    tally.bytes += round(head.size());
    if node.is_leaf() {
        tally.leaves += 1;
        tally.entries += node.len();
        for slot in 0..node.len() {
            ensure(node.name(slot).birth() <= head.birth, "M6: a name born after its leaf")?;
            tally.bytes += round(Name::size(node.text(slot).len()));
        }
    } else {
        tally.inner += 1;
        for slot in 0..node.len() {
            ensure(node.child(slot).head().level + 1 == head.level, "M7: the level of a child")?;
            check(node.child(slot), head.birth, tally)?;
        }
    }
    Ok(())
}
