//! A step on both sides, and the accounts.

use crate::ops::{Config, Op, Pick};
use crate::script::{Act, Fault, Line};
use crate::{Account, Seen, Side};

/// The steps so far agree, or this is what differs.
type Agreed = Result<(), String>;

/// Why accounts may differ from now on (`ARCHITECTURE.md`, §2a; each with its figures in `apart`).
#[derive(Debug, Default)]
pub struct Reasons {
    /// A fork keeps the version that it grew from, and what that is charged.
    pub forked: bool,
    /// A restore makes nodes anew, which are charged if there is room.
    pub restored: bool,
    /// Versions of a file that differ only in their place share a charge, which the newest owes; while an older one is held
    /// they are charged once in one tree, and not at all once the newest is gone in the other.
    pub moved: bool,
    /// The same for times that were set without room.
    pub unpaid: bool,
}

impl Reasons {
    fn any(&self) -> bool {
        self.forked || self.restored || self.moved || self.unpaid
    }
}

/// Both sides.
pub struct Pair<L, R> {
    left: L,
    right: R,
    reasons: Reasons,
    /// What the left ones may use.
    quotas: Vec<u64>,
    node_overhead: u64,
    steps: usize,
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, left: &T, right: &T) -> Agreed {
    if left == right { Ok(()) } else { Err(format!("{what}:\n left {left:?}\nright {right:?}")) }
}

fn same_seen(what: &str, left: &Seen, right: &Seen) -> Agreed {
    for (left, right) in left.lines.iter().zip(&right.lines) {
        same(what, left, right)?;
    }
    same(what, &left.lines.len(), &right.lines.len())?;
    let lens = |seen: &Seen| -> Vec<Vec<usize>> {
        seen.bytes.iter().map(|file| file.iter().map(bytes::Bytes::len).collect()).collect()
    };
    same("how bytes are cut", &lens(left), &lens(right))?;
    if left.bytes == right.bytes { Ok(()) } else { Err(format!("{what}: bytes differ")) }
}

impl<L: Side, R: Side> Pair<L, R> {
    pub fn new(config: &Config) -> Self {
        let quotas = vec![config.quota];
        let (left, right) = (L::new(config), R::new(config));
        Self {
            left,
            right,
            reasons: Reasons::default(),
            quotas,
            node_overhead: config.node_overhead,
            steps: 0,
        }
    }

    /// One line of a script on both sides, and everything that can be seen after it.
    pub fn step(&mut self, line: &Line) -> Agreed {
        let at = line.fs % self.left.filesystems();
        let act = line.act.spelled(&|pick, source| self.spell(at, pick, source));
        let free = self.left.account(at).free;
        self.expect_differences(&act, free);
        let (left, right) = (self.left.act(at, &act), self.right.act(at, &act));
        same(&format!("{act:?}"), &left, &right)?;
        if let Act::One(Op::SetMaxQuota(bytes)) | Act::Failing(_, _, Op::SetMaxQuota(bytes)) = act {
            self.quotas[at] = bytes;
        }
        if let Act::One(Op::Fork(_, config)) | Act::Failing(_, _, Op::Fork(_, config)) = &act
            && self.quotas.len() < self.left.filesystems()
        {
            self.quotas.push(config.quota);
            self.reasons.forked = true;
        }
        self.steps += 1;
        self.compare(self.steps.is_multiple_of(8))
    }

    /// Notes what a step that comes may do to the accounts.
    fn expect_differences(&mut self, act: &Act, free: u64) {
        let (held, overhead) = (self.left.holds_versions(), self.node_overhead);
        let reasons = &mut self.reasons;
        let mut note = |op: &Op<String>, short: bool| match op {
            Op::Restore(_) => reasons.restored = true,
            Op::Rename(..) | Op::Replace(..) | Op::Exchange(..) | Op::MovePath(..) => reasons.moved |= held,
            Op::SetModified(..) => reasons.unpaid |= held && (short || free < overhead),
            _ => {}
        };
        match act {
            Act::One(op) => note(op, false),
            Act::Failing(fault, _, op) => note(op, *fault == Fault::Charge),
            Act::Transaction(ops, _) => ops.iter().for_each(|op| note(op, true)),
            Act::Begin(..) | Act::Advance(..) | Act::Forget(_) => {}
        }
    }

    fn compare(&mut self, thoroughly: bool) -> Agreed {
        for at in 0..self.left.filesystems() {
            same_seen(&format!("filesystem {at}"), &self.left.look(at), &self.right.look(at))?;
            let (left, right) = (self.left.account(at), self.right.account(at));
            self.compare_accounts(at, left, right)?;
        }
        if thoroughly {
            for slot in 0..3 {
                match (self.left.look_back(slot), self.right.look_back(slot)) {
                    (Some(left), Some(right)) => same_seen(&format!("snapshot {slot}"), &left, &right)?,
                    (None, None) => {}
                    _ => return Err(format!("one side has a snapshot {slot}")),
                }
            }
        }
        Ok(())
    }

    fn compare_accounts(&mut self, at: usize, left: Account, right: Account) -> Agreed {
        if !self.reasons.any() {
            return same("account", &left, &right);
        }
        if !self.reasons.forked {
            same("chunks", &left.chunks, &right.chunks)?;
        }
        // What is free is made the same, so that both go on to refuse the same.
        if left.free != right.free {
            let quota = Act::One(Op::SetMaxQuota(right.used.saturating_add(left.free)));
            self.right.act(at, &quota);
            same("room that was made", &left.free, &self.right.account(at).free)?;
        }
        Ok(())
    }

    /// The path that was picked, as things stand on both sides.
    fn spell(&self, at: usize, pick: &Pick, source: Option<usize>) -> String {
        let seen = source.and_then(|slot| self.left.look_back(slot)).unwrap_or_else(|| self.left.look(at));
        let nth = |n: usize, wanted: &dyn Fn(bool) -> bool| {
            let mut all: Vec<&String> =
                seen.paths.iter().filter(|(_, dir)| wanted(*dir)).map(|(path, _)| path).collect();
            all.sort();
            if all.is_empty() { "/a".to_owned() } else { all[n % all.len()].clone() }
        };
        match pick {
            Pick::Spelled(path) => path.clone(),
            Pick::Node(n) | Pick::Dir(n) if n % 16 == 0 => "/".to_owned(),
            Pick::Node(n) => nth(*n, &|_| true),
            Pick::File(n) | Pick::Held(n) => nth(*n, &|dir| !dir),
            Pick::Dir(n) => nth(*n, &|dir| dir),
            Pick::In(n, name) if n % 3 == 0 => format!("/{name}"),
            Pick::In(n, name) => format!("{}/{name}", nth(*n, &|dir| dir)),
        }
    }

    /// After the last step: lets go of one thing after the other, until nothing is charged on either side.
    pub fn finish(mut self) -> Agreed {
        self.compare(true)?;
        self.left.let_go();
        self.right.let_go();
        self.compare(true)?;
        while self.left.filesystems() > 1 {
            self.left.end_fork();
            self.right.end_fork();
            self.compare(false)?;
        }
        // Nobody holds an older version, so each node of the tree is charged, on both sides; but for what a restore
        // had no room for.
        let (left, right) = (self.left.account(0).used, self.right.account(0).used);
        let (counted, versioned) = if L::VERSIONED { (right, left) } else { (left, right) };
        if !self.reasons.restored {
            same("used by the tree alone", &left, &right)?;
        } else if versioned > counted {
            return Err(format!("{versioned} bytes are used by the tree alone, where {counted} suffice"));
        }
        let clear = Act::One(Op::Clear);
        same("clear", &self.left.act(0, &clear), &self.right.act(0, &clear))?;
        let (left, right) = (self.left.account(0), self.right.account(0));
        same("used in the end", &(left.used, left.chunks), &(0, 0))?;
        same("used in the end", &(right.used, right.chunks), &(0, 0))
    }
}
