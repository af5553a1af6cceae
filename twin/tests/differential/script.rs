//! What is done in one case, and how it is drawn.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::ops::{self, Op, Pick, Source};

/// A resource that is refused once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Charge,
    Node,
    Allocation,
}

/// What an iterator goes through.
#[derive(Debug, Clone, Copy)]
pub enum Way {
    Walk,
    List,
    Export,
}

/// Something that is done to a filesystem. `P` is a path, as it is spelled or as it is picked.
#[derive(Debug, Clone)]
pub enum Act<P = String> {
    One(Op<P>),
    /// The operation, and the n-th grant of that is refused.
    Failing(Fault, u64, Op<P>),
    /// All of them as one, which is given up in the end or not.
    Transaction(Vec<Op<P>>, bool),
    /// An iterator, which is kept.
    Begin(Source, Way, P),
    /// So many items of one of the iterators.
    Advance(usize, usize),
    /// Lets one of the iterators go.
    Forget(usize),
}

/// A line of the script: which filesystem, and what is done.
#[derive(Debug, Clone)]
pub struct Line {
    pub fs: usize,
    pub act: Act<Pick>,
}

impl Act<Pick> {
    /// The act with the paths that were picked.
    pub fn spelled(&self, path: ops::PathIn<'_>) -> Act {
        match self {
            Act::One(op) => Act::One(op.spelled(path)),
            Act::Failing(fault, n, op) => Act::Failing(*fault, *n, op.spelled(path)),
            Act::Transaction(ops, give_up) => {
                Act::Transaction(ops.iter().map(|op| op.spelled(path)).collect(), *give_up)
            }
            Act::Begin(source, way, at) => Act::Begin(*source, *way, path(at, *source)),
            Act::Advance(which, items) => Act::Advance(*which, *items),
            Act::Forget(which) => Act::Forget(*which),
        }
    }
}

fn act() -> BoxedStrategy<Act<Pick>> {
    let fault = prop_oneof![3 => Just(Fault::Charge), 2 => Just(Fault::Node), 1 => Just(Fault::Allocation)];
    let way = prop_oneof![Just(Way::Walk), Just(Way::List), Just(Way::Export)];
    let source = proptest::option::weighted(0.3, 0..3_usize);
    prop_oneof![
        30 => ops::op().prop_map(Act::One),
        5 => (fault, 1..4_u64, ops::op()).prop_map(|(fault, n, op)| Act::Failing(fault, n, op)),
        6 => (vec(ops::op(), 1..8), any::<bool>()).prop_map(|(ops, give_up)| Act::Transaction(ops, give_up)),
        3 => (source, way, ops::any_path()).prop_map(|(source, way, at)| Act::Begin(source, way, at)),
        4 => (0..4_usize, 1..4_usize).prop_map(|(which, items)| Act::Advance(which, items)),
        1 => (0..4_usize).prop_map(Act::Forget),
    ]
    .boxed()
}

/// The lines of a script.
pub fn script() -> BoxedStrategy<Vec<Line>> {
    let fs = prop_oneof![5 => Just(0_usize), 2 => 0..3_usize];
    let line = (fs, act()).prop_map(|(fs, act)| Line { fs, act });
    let begin = |steps: Vec<ops::Step>| {
        steps.into_iter().map(|step| Line { fs: step.fs, act: Act::One(step.op) }).collect::<Vec<_>>()
    };
    (ops::beginning().prop_map(begin), vec(line, 1..60))
        .prop_map(|(beginning, rest)| [beginning, rest].concat())
        .boxed()
}
