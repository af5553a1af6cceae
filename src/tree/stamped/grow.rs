//! All versions of a filesystem out of a plan: made one after the other, each by its difference from the one before.
//!
//! What two versions in turn have in common they share as if edits had led from one to the other. What comes
//! back after it was gone, and a file that changed its place, are made again, for what died is never linked
//! again (I3 in `versioned`); a directory that only moved goes on as it is.
//!
//! * **G1** Every version but the last is kept by a snapshot before the next one is begun. So nothing that the
//!   plan asked for is freed meanwhile, and what [`Owners`] lead to is there.
//! * **G2** What the plan pays for once (a file that pays for itself, a receipt, a long name) is owed by the newest
//!   object that has it, as in O4.
//! * **G3** So many objects may be made again as the plan has nodes. What is made beyond that is charged for
//!   itself: trees that take turns could ask for any number.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ptr::NonNull;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::apply::Work;
use super::node::{Dir, FileNode, FileParts, Objects, make_dir, make_file, make_receipt};
use super::tree::Tree;
use super::versions::{DirRef, Payment, Root, Versions};
use crate::charge::Charge;
use crate::error::Result;
use crate::quota::{NoRelief, NodeLimit, Quota};
use crate::tree::examine::Refusal;
use crate::tree::holds::Holds;
use crate::tree::plan::{DirPlan, FilePlan, Place, Plan, Planned};
use crate::tree::root::Limits;
use crate::tree::versioned::{Map, Name, OutOfMemory, Store, Value};

/// The trees with these roots, oldest first, of a filesystem whose published one is the last, as `version`.
/// `quota` is asked where G3 says so.
///
/// # Errors
///
/// `AllocationFailed`, `QuotaExceeded`, `MemoryGuard`; nothing is left then.
///
/// # Panics
///
/// If there is no root.
pub fn grow(
    mut plan: Plan<'_>,
    roots: &[u32],
    version: u64,
    paid: Payment,
    quota: &Quota,
) -> Result<(Arc<Versions>, Vec<Tree>)> {
    let mut growth = Growth::new(&plan, paid.chunk_overhead, quota)?;
    let (last, older) = roots.split_last().expect("there is a current root");
    for root in older {
        growth.advance(*root)?;
        growth.keep()?;
    }
    growth.advance(*last)?;
    growth.keep()?;

    let (store, root, kept) = growth.finish();
    let (owed, extra) = (growth.owners.owed, std::mem::take(&mut growth.owners.extra));
    drop(growth);
    let versions = Versions::start(store, root, (version, Holds::default()), paid, None);
    // SAFETY: the store took a snapshot of each of these, for this handle.
    let handle = |(root, number)| unsafe { Tree::new(Arc::clone(&versions), root, number) };
    let trees = kept.into_iter().map(handle).collect();
    plan.purse.split(owed).absorb();
    extra.absorb();
    Ok((versions, trees))
}

/// Who owes what the plan pays for once (G2).
struct Owners {
    /// By the number of the file that pays.
    files: Vec<Option<NonNull<FileNode>>>,
    receipts: Vec<Option<NonNull<FileNode>>>,
    names: Vec<Option<NonNull<Name>>>,
    /// What they owe together.
    owed: u64,
    /// What pays for the objects beyond G3, and how many may still be made before it does.
    extra: Charge,
    spare: usize,
}

/// What a plan pays for once, but for names.
#[derive(Clone, Copy)]
enum What {
    File(u32),
    Receipt(u32),
}

/// Versions that are being made.
struct Growth<'p, 'm> {
    plan: &'p Plan<'m>,
    limits: Limits,
    quota: &'p Quota,
    /// `None` once it is finished.
    store: Option<Store<Objects>>,
    /// The root of the last version, and its number in the plan.
    root: Root,
    at: Option<u32>,
    kept: Kept,
    owners: Owners,
}

/// The roots of versions that are kept, with their numbers.
type Kept = Vec<(NonNull<Dir>, u64)>;

/// A directory of the version under construction that is to become another one.
struct Change {
    own: NonNull<Dir>,
    from: u32,
    to: u32,
}

/// An entry that is to be made.
struct Binding<'m> {
    into: NonNull<Dir>,
    name: &'m str,
    place: Place,
}

/// What a step has still to do.
#[derive(Default)]
struct Pending<'m> {
    changes: Vec<Change>,
    bindings: Vec<Binding<'m>>,
    /// Directories that were taken out, by their receipts, each with its number: they may turn up elsewhere.
    parted: HashMap<u32, (Value, u32), RandomState>,
}

/// A directory whose entries are being made.
struct Level<'m, I> {
    own: NonNull<Dir>,
    /// Its name in the directory above.
    name: &'m str,
    /// Its number there, if it is long.
    long: Option<u32>,
    left: I,
    made: Vec<Made<'m>>,
}

/// An entry that was made, with the number of its name if that is long.
type Made<'m> = (&'m str, Option<u32>, Value);

impl Drop for Growth<'_, '_> {
    fn drop(&mut self) {
        if let Some(store) = self.store.take() {
            // SAFETY: nobody has got any version; the one that was under construction was given up.
            let (_arena, remains) = unsafe { store.end(Some(Value::directory(self.root.tree.0))) };
            drop(remains); // the purse still has what it owes
        }
    }
}

impl<'p, 'm> Growth<'p, 'm> {
    /// An empty root directory.
    fn new(plan: &'p Plan<'m>, chunk_overhead: u64, quota: &'p Quota) -> Result<Self> {
        let mut store = Store::new(0);
        store.name_overhead = chunk_overhead;
        let meta = Default::default();
        let root = make_dir(store.arena_mut(), 1, 0, meta, None).map_err(super::versions::no_memory)?;
        // SAFETY: nothing was published before.
        unsafe { store.commit() };
        let root = Root { tree: DirRef(root), holds: Holds::default(), version: 0, birth: store.version() };
        Ok(Self {
            plan,
            limits: Limits { max_nodes: NodeLimit::CEILING, max_depth: usize::MAX, chunk_overhead },
            quota,
            store: Some(store),
            root,
            at: None,
            kept: Vec::new(),
            owners: Owners {
                files: vec![None; plan.files.len()],
                receipts: vec![None; plan.receipts],
                names: vec![None; plan.longs.len()],
                owed: 0,
                extra: Charge::none(),
                spare: plan.files.len() + plan.dirs.len(),
            },
        })
    }

    fn store(&mut self) -> &mut Store<Objects> {
        self.store.as_mut().expect("there until it is finished")
    }

    /// Makes the version with this root, if it is another than the last one.
    fn advance(&mut self, to: u32) -> Result<()> {
        if self.at == Some(to) {
            return Ok(());
        }
        let store = self.store.as_mut().expect("there until it is finished");
        // SAFETY: the root is that of the last version of this store, in which nothing is freed meanwhile.
        let work = unsafe { Work::new(store, &self.root, 0, &self.limits) };
        let (plan, quota, owners) = (self.plan, self.quota, &mut self.owners);
        let step = Step { plan, quota, owners, work, pending: Pending::default() };
        self.root = step.run(self.at, to).map_err(failed)?;
        // SAFETY: nobody reads any version yet; the work was prepared.
        unsafe { self.store().commit() };
        self.at = Some(to);
        Ok(())
    }

    /// Keeps the last version for a handle.
    fn keep(&mut self) -> Result<()> {
        let number = self.store().take().map_err(super::versions::no_memory)?;
        self.kept.push((self.root.tree.0, number));
        Ok(())
    }

    /// The store, its root, and what was kept.
    fn finish(&mut self) -> (Store<Objects>, NonNull<Dir>, Kept) {
        let mut store = self.store.take().expect("not finished before");
        // SAFETY: nobody reads a version that is not kept.
        unsafe { store.sweep(&[], usize::MAX) }; // the root directory that was there first
        (store, self.root.tree.0, std::mem::take(&mut self.kept))
    }
}

/// One version that is made.
struct Step<'s, 'p, 'm> {
    plan: &'p Plan<'m>,
    quota: &'p Quota,
    owners: &'s mut Owners,
    work: Work<'s>,
    pending: Pending<'m>,
}

type Done<T = ()> = Result<T, Refusal>;

impl<'m> Step<'_, '_, 'm> {
    /// Makes the whole version; on an error it is given up.
    fn run(mut self, from: Option<u32>, to: u32) -> Done<Root> {
        let mut top = self.work.top()?;
        match from {
            Some(from) => self.pending.changes.push(Change { own: top, from, to }),
            None => {
                self.fill(top, to)?;
                // SAFETY: it is of this version.
                self.describe(unsafe { top.as_mut() }, to);
            }
        }
        loop {
            if let Some(change) = self.pending.changes.pop() {
                self.change(&change)?;
            } else if let Some(binding) = self.pending.bindings.pop() {
                self.bind(binding)?;
            } else {
                break;
            }
        }
        for (_, (value, _)) in std::mem::take(&mut self.pending.parted) {
            self.work.bury(value)?;
        }
        self.work.prepare()?;
        Ok(self.work.finish().root)
    }

    /// Gives a directory what the plan says of it beside its entries.
    fn describe(&self, dir: &mut Dir, number: u32) {
        let DirPlan { totals, meta, .. } = &self.plan.dirs[number as usize];
        (dir.totals, dir.meta) = (*totals, *meta);
    }

    fn receipt_of(&self, number: u32) -> Option<u32> {
        self.plan.dirs[number as usize].receipt
    }

    /// Makes a directory what another one is. O(differences × log entries) where both share their maps.
    fn change(&mut self, &Change { mut own, from, to }: &Change) -> Done {
        // SAFETY: it is of this version, and nobody else has it now.
        let dir = unsafe { own.as_mut() };
        self.describe(dir, to);
        let plan = self.plan;
        let [before, after] = [from, to].map(|number| &plan.dirs[number as usize].entries);
        for (name, old, new) in after.changes_since(before) {
            let mut was = old.map(|_| dir.entries.map().get(name).expect("the plan is followed").1);
            let stays = match (old, new) {
                // Versions of one directory.
                (Some(Place { node: Planned::Dir(a), .. }), Some(Place { node: Planned::Dir(b), .. }))
                    if self.receipt_of(a) == self.receipt_of(b) =>
                {
                    let mut next = self.work.own(was.expect("it is there"))?;
                    // SAFETY: it is of this version.
                    unsafe { next.as_mut() }.placed = new.expect("it is there").placed;
                    self.pending.changes.push(Change { own: next, from: a, to: b });
                    was = None;
                    Some(Value::directory(next))
                }
                _ => None,
            };
            let made = match (stays, new) {
                (None, Some(Place { node: Planned::File(file), placed, .. })) => {
                    Some(self.file(file, placed)?)
                }
                _ => stays,
            };
            let keeps_name = old.map(|old| old.long) == new.map(|new| new.long);
            let linked = match made {
                Some(made) if keeps_name => self.swap(dir, name, made),
                _ => self.unlink(dir, name, old.is_some()).and_then(|()| match made {
                    Some(made) => self.link(dir, name, new.and_then(|new| new.long), made),
                    None => Ok(()),
                }),
            };
            if let Err(error) = linked {
                // What stays is the copy of one that lives on.
                match (stays, made) {
                    (Some(copy), _) => self.forget(copy),
                    (None, made) => made.into_iter().for_each(|made| self.work.disown(made)),
                }
                return Err(error.into());
            }
            match (was, old.map(|old| old.node)) {
                (Some(gone), Some(Planned::Dir(number))) => {
                    let receipt = self.receipt_of(number).expect("only roots have none");
                    self.pending.parted.insert(receipt, (gone, number));
                }
                (Some(gone), _) => self.work.bury(gone)?,
                (None, _) => {}
            }
            if let (None, Some(place)) = (made, new) {
                self.pending.bindings.push(Binding { into: own, name, place });
            }
        }
        Ok(())
    }

    /// Makes the entry of a directory: out of one that was taken from another place, or anew.
    fn bind(&mut self, Binding { mut into, name, place }: Binding<'m>) -> Done {
        let Planned::Dir(number) = place.node else { unreachable!("files are made at once") };
        // SAFETY: it is of this version, and nobody else has it now.
        let into = unsafe { into.as_mut() };
        let (own, made) = match self.take(number, place.placed)? {
            Some(own) => (own, Ok(())),
            None => {
                let own = self.dir(number, place.placed)?;
                (own, self.fill(own, number))
            }
        };
        let made = made.and_then(|()| Ok(self.link(into, name, place.long, Value::directory(own))?));
        // Of one that was taken, what is below it lives on: it is older.
        made.inspect_err(|_| self.work.disown(Value::directory(own)))
    }

    /// A version of a directory that was taken from another place, if it was; it has still to be changed.
    fn take(&mut self, number: u32, placed: u64) -> Done<Option<NonNull<Dir>>> {
        let receipt = self.receipt_of(number).expect("only roots have none");
        let Some((value, from)) = self.pending.parted.remove(&receipt) else { return Ok(None) };
        let mut own = self.work.own(value)?;
        // SAFETY: it is of this version.
        unsafe { own.as_mut() }.placed = placed;
        self.pending.changes.push(Change { own, from, to: number });
        Ok(Some(own))
    }

    /// Gives the copy of a directory up, but not what is below it.
    fn forget(&mut self, copy: Value) {
        // SAFETY: nobody else knows it. Where there is no memory to note it, it is left to the end.
        let _ = unsafe { self.work.store.kill(copy) };
    }

    /// Puts a node in the place of one.
    fn swap(&mut self, dir: &mut Dir, name: &str, value: Value) -> Result<(), OutOfMemory> {
        // SAFETY: the map is of this version.
        let slot = dir.entries.map_mut().get_mut(&mut unsafe { self.work.store.edit() }, name)?;
        *slot.expect("it is there") = value;
        Ok(())
    }

    /// Takes an entry out, if there is one.
    fn unlink(&mut self, dir: &mut Dir, name: &str, is_there: bool) -> Result<(), OutOfMemory> {
        if is_there {
            // SAFETY: the map is of this version.
            dir.entries.map_mut().remove(&mut unsafe { self.work.store.edit() }, name)?;
        }
        Ok(())
    }

    /// Adds an entry under a new name.
    fn link(
        &mut self,
        dir: &mut Dir,
        name: &str,
        long: Option<u32>,
        value: Value,
    ) -> Result<(), OutOfMemory> {
        // SAFETY: the map is of this version.
        dir.entries.map_mut().insert(&mut unsafe { self.work.store.edit() }, name, value)?;
        if let Some(number) = long {
            self.owners.name(number, dir.entries.map().get(name).expect("just put there").0);
        }
        Ok(())
    }

    /// A version of a file.
    fn file(&mut self, number: u32, placed: u64) -> Done<Value> {
        let FilePlan { content, meta, payer } = &self.plan.files[number as usize];
        let amount = self.plan.node_overhead;
        let what = What::File(payer.unwrap_or(number));
        let was_made = self.owners.of(what).is_some();
        let is_charged = self.owners.charge(was_made, amount, self.quota)?;
        let (content, meta) = (content.clone(), *meta);
        let parts = FileParts { placed, content, meta, charged: amount, owes: true };
        let made = make_file(self.work.store.arena_mut(), self.work.birth, parts)?;
        if !is_charged {
            self.owners.owe(what, made, amount);
        }
        Ok(Value::file(made))
    }

    /// A directory without entries.
    fn dir(&mut self, number: u32, placed: u64) -> Done<NonNull<Dir>> {
        let receipt = self.receipt_of(number).expect("only roots have none");
        let amount = self.plan.node_overhead;
        let what = What::Receipt(receipt);
        let was_made = self.owners.of(what).is_some();
        let is_charged = self.owners.charge(was_made, amount, self.quota)?;
        let (arena, birth) = (self.work.store.arena_mut(), self.work.birth);
        let receipt = make_receipt(arena, birth, amount, true)?;
        let made = make_dir(arena, birth, placed, Default::default(), Some(receipt));
        let mut made = made.inspect_err(|_| self.work.disown(Value::file(receipt)))?;
        if !is_charged {
            self.owners.owe(what, receipt, amount);
        }
        // SAFETY: it is of this version.
        self.describe(unsafe { made.as_mut() }, number);
        Ok(made)
    }

    /// Makes everything below a directory that has no entries yet.
    fn fill(&mut self, own: NonNull<Dir>, number: u32) -> Done {
        let plan = self.plan;
        let level = |own, (name, long), number: u32| {
            let entries = &plan.dirs[number as usize].entries;
            Level { own, name, long, left: entries.iter(), made: Vec::with_capacity(entries.len()) }
        };
        let mut levels = vec![level(own, ("", None), number)];
        let filled = loop {
            let current = levels.last_mut().expect("ends with the first");
            let step = match current.left.next() {
                Some((name, Place { node: Planned::File(file), placed, long })) => {
                    self.file(file, placed).map(|made| current.made.push((name, long, made)))
                }
                Some((name, Place { node: Planned::Dir(below), placed, long })) => {
                    match self.take(below, placed) {
                        Ok(Some(own)) => {
                            current.made.push((name, long, Value::directory(own)));
                            Ok(())
                        }
                        Ok(None) => {
                            self.dir(below, placed).map(|own| levels.push(level(own, (name, long), below)))
                        }
                        Err(error) => Err(error),
                    }
                }
                None => self.close(current).map(|()| {
                    let Level { own, name, long, .. } = levels.pop().expect("it was just there");
                    if let Some(above) = levels.last_mut() {
                        above.made.push((name, long, Value::directory(own)));
                    }
                }),
            };
            if step.is_err() || levels.is_empty() {
                break step;
            }
        };
        if filled.is_err() {
            // The first one is the caller's.
            for (depth, level) in levels.iter().enumerate() {
                level.made.iter().for_each(|(.., value)| self.work.disown(*value));
                if depth > 0 {
                    self.work.disown(Value::directory(level.own));
                }
            }
        }
        filled
    }

    /// Gives a directory the entries that were made for it. On an error they are left to the caller.
    fn close<I>(&mut self, level: &mut Level<'m, I>) -> Done {
        let entries = level.made.iter().map(|(name, _, value)| (*name, *value));
        // SAFETY: the map is new, and its values are of this version.
        let map = Map::from_sorted(&mut unsafe { self.work.store.edit() }, entries)?;
        for (name, long, _) in &level.made {
            if let Some(number) = long {
                self.owners.name(*number, map.get(name).expect("just put there").0);
            }
        }
        // SAFETY: it is of this version, and nobody else has it now.
        *unsafe { level.own.as_mut() }.entries.map_mut() = map;
        Ok(())
    }
}

impl Owners {
    /// Whether an object has to be charged for itself, which it then is (G3).
    fn charge(&mut self, was_made: bool, amount: u64, quota: &Quota) -> Result<bool> {
        if !was_made {
            return Ok(false);
        }
        if let Some(spare) = self.spare.checked_sub(1) {
            self.spare = spare;
            return Ok(false);
        }
        self.extra.merge(quota.reserve(amount, &NoRelief)?);
        Ok(true)
    }

    /// Has `newest` owe what the plan pays for once.
    fn owe(&mut self, what: What, newest: NonNull<FileNode>, amount: u64) {
        match self.of(what).replace(newest) {
            // SAFETY: it is of this version or of one that is kept (G1).
            Some(older) => unsafe { older.as_ref() }.leave(),
            None => self.owed += amount,
        }
    }

    /// Has a long name owe what the plan pays for once.
    fn name(&mut self, number: u32, newest: &Name) {
        match self.names[number as usize].replace(NonNull::from(newest)) {
            // SAFETY: it is of this version or of one that is kept (G1).
            Some(older) => unsafe { older.as_ref() }.owes_nothing(),
            None => self.owed += newest.charged(),
        }
    }

    fn of(&mut self, what: What) -> &mut Option<NonNull<FileNode>> {
        match what {
            What::File(number) => &mut self.files[number as usize],
            What::Receipt(number) => &mut self.receipts[number as usize],
        }
    }
}

fn failed(refusal: Refusal) -> crate::error::Error {
    match refusal {
        Refusal::Failed(error) => error,
        Refusal::Held(_) | Refusal::Stale => unreachable!("no edit is applied"),
    }
}
