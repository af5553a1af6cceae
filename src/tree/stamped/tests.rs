//! Who holds versions, and when what they held comes back.

use super::versions::{Payment, Versions};
use crate::charge::{Account, Charge};
use crate::content::Content;
use crate::tree::edit::{Edit, PutRule};
use crate::tree::meta::Timestamp;
use crate::tree::node::NewFile;
use crate::tree::root::Limits;

#[test]
fn a_handle_that_goes_while_somebody_commits_is_not_forgotten() {
    let now = Timestamp::default();
    let limits = Limits { max_nodes: 100, max_depth: 10, chunk_overhead: 0 };
    let put = || Edit::Put {
        path: "/f".into(),
        name: None,
        file: NewFile::new(Content::default(), Charge::none()),
        rule: PutRule::Write,
        now,
    };
    let payment = Payment { account: Some(Account::new()), chunk_overhead: 0 };
    let versions = Versions::empty(now, 0, payment).unwrap();
    versions.commit(&mut [put()], &limits, None).unwrap();
    let live = versions.live_objects();
    let held = versions.base();
    versions.commit(&mut [put()], &limits, None).unwrap();
    assert!(versions.live_objects() > live, "the handle keeps the older file");
    assert!(!versions.sweep(), "nothing waits: the older file is needed");

    let mut turn = versions.short_turn();
    drop(held);
    turn.commit(&mut [put()], &limits, None).unwrap();
    drop(turn);
    assert_eq!(versions.live_objects(), live, "whoever committed has freed what the handle kept");

    // The same where nobody commits any more.
    let held = versions.base();
    versions.commit(&mut [put()], &limits, None).unwrap();
    let lock = versions.lock();
    drop(held);
    drop(lock);
    assert!(versions.sweep(), "a handle has left");
    assert_eq!(versions.live_objects(), live);
}

#[test]
fn one_commit_of_61_is_timed() {
    let now = Timestamp::default();
    let limits = Limits { max_nodes: 100, max_depth: 10, chunk_overhead: 0 };
    let versions = Versions::empty(now, 0, Payment { account: None, chunk_overhead: 0 }).unwrap();
    for commit in 1..=200 {
        versions.commit(&mut [Edit::Clear { now }], &limits, None).unwrap();
        assert_eq!(versions.lengths().samples(), commit / 61);
    }
}
