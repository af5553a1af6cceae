//! The promises of the module, checked against a plain vector of bytes.

use std::collections::BTreeMap;
use std::io::{BufRead, Read, Seek, SeekFrom};
use std::sync::Arc;

use proptest::prelude::*;

use super::chunk::{CHUNK, Chunk};
use super::index::Index;
use super::{Content, Draft, MAX_LEN};
use crate::charge::{Account, Charge};
use crate::error::ErrorKind;

/// A filesystem's account, an overhead, and a limit that nothing here reaches.
struct Payer {
    account: Arc<Account>,
    overhead: u64,
}

impl Payer {
    fn new(overhead: u64) -> Self {
        Self { account: Account::new(), overhead }
    }

    fn pay(&self, amount: u64) -> Charge {
        self.account.try_reserve(amount, u64::MAX).unwrap()
    }

    fn build(&self, bytes: &[u8]) -> Content {
        let charge = self.pay(Content::cost(bytes.len() as u64, self.overhead));
        Content::build(bytes, charge, &self.account, self.overhead).unwrap()
    }

    fn append(&self, content: &Content, bytes: &[u8], merge: bool) -> Content {
        let (merged, plain) = content.append_plan(bytes.len() as u64, self.overhead);
        let charge = self.pay(if merge { merged } else { plain });
        content.appended(bytes, charge, &self.account, self.overhead, merge).unwrap()
    }

    fn adopt(&self, content: Content) -> Content {
        let charge = self.pay(content.adoption_cost(&self.account, self.overhead));
        content.adopt(charge, &self.account, self.overhead).unwrap()
    }

    fn write(&self, draft: &mut Draft, offset: u64, bytes: &[u8], merge: bool) {
        let write = draft.write_plan(offset, bytes.len(), self.overhead);
        let (merged, plain) = write.costs();
        assert_eq!(plain, draft.write_cost(offset, bytes.len(), self.overhead));
        assert!(merged >= plain);
        let cost = if merge { merged } else { plain };
        let own = draft.own_charged();
        draft.write(write, bytes, self.pay(cost), &self.account, self.overhead).unwrap();
        assert_eq!(draft.own_charged(), own + cost); // not a byte too much was asked for
    }

    fn set_len(&self, draft: &mut Draft, len: u64) {
        let charge = self.pay(draft.set_len_cost(len, self.overhead));
        draft.set_len(len, charge, &self.account, self.overhead).unwrap();
    }
}

fn pattern(len: usize, seed: u64) -> Vec<u8> {
    (0..len as u64).map(|i| (i.wrapping_mul(31) ^ (i >> 8) ^ seed.wrapping_mul(97)) as u8).collect()
}

fn check(content: &Content, expected: &[u8]) {
    content.check_consistent().unwrap();
    assert_eq!(content.len(), expected.len() as u64);
    assert_eq!(content.is_empty(), expected.is_empty());
    assert!(content.to_vec().unwrap() == expected);
    assert!(content.to_bytes().unwrap() == expected);
    let chunks: Vec<_> = content.chunks().map(Result::unwrap).collect();
    assert!(chunks.iter().all(|chunk| !chunk.is_empty()));
    assert!(chunks.concat() == expected);
    let mut read = Vec::new();
    content.reader().read_to_end(&mut read).unwrap();
    assert!(read == expected);
}

fn read_draft(draft: &Draft) -> Vec<u8> {
    let mut bytes = vec![0; draft.len() as usize + 10];
    let n = draft.read_at(&mut bytes, 0).unwrap();
    bytes.truncate(n);
    bytes
}

#[test]
fn costs_are_exact_to_the_byte() {
    let payer = Payer::new(128);
    let content = payer.build(&[7; 872]);
    assert_eq!((payer.account.used(), content.charged(), content.chunk_count()), (1000, 1000, 1));
    assert_eq!(Content::cost(0, 128), 0);
    assert_eq!(Content::cost(CHUNK as u64 + 1, 128), CHUNK as u64 + 1 + 256);
    assert_eq!(Content::cost(u64::MAX, u64::MAX), u64::MAX);

    let mut draft = Draft::new(Content::default());
    for i in 0..872 {
        payer.write(&mut draft, i, &[1], true);
    }
    assert_eq!((draft.own_charged(), payer.account.used()), (1000, 2000));
    let published = draft.publish();
    published.check_consistent().unwrap();
    assert_eq!((draft.own_charged(), published.charged(), payer.account.used()), (0, 1000, 2000));
    drop((content, draft, published));
    assert_eq!((payer.account.used(), payer.account.chunks_alive()), (0, 0));
}

#[test]
fn build_cuts_into_full_chunks() {
    let payer = Payer::new(100);
    for len in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK, 70 * CHUNK + 3] {
        let bytes = pattern(len, 1);
        let content = payer.build(&bytes);
        check(&content, &bytes);
        assert_eq!(content.chunk_count(), len.div_ceil(CHUNK) as u64);
        assert_eq!(content.charged(), payer.account.used());
    }
    assert_eq!(payer.account.used(), 0);
}

#[test]
fn read_at_stops_at_the_end() {
    let payer = Payer::new(0);
    let bytes = pattern(3 * CHUNK + 17, 2);
    for content in [payer.build(&bytes), Content::from(&bytes), Content::from(bytes.clone())] {
        for offset in [0, 1, CHUNK - 1, CHUNK, 2 * CHUNK + 5, 3 * CHUNK + 16, 3 * CHUNK + 17, usize::MAX] {
            for len in [0, 1, 100, CHUNK, 4 * CHUNK] {
                let mut buf = vec![0; len];
                let expected = bytes.get(offset..).unwrap_or_default();
                let n = content.read_at(&mut buf, offset as u64).unwrap();
                assert_eq!(n, expected.len().min(len));
                assert!(buf[..n] == expected[..n]);
            }
        }
    }
}

#[test]
fn reader_reads_lines_and_seeks() {
    let payer = Payer::new(0);
    let text = "a line of text\n".repeat(10_000);
    let mut reader = payer.build(text.as_bytes()).reader();
    assert_eq!(reader.by_ref().lines().count(), 10_000);
    assert_eq!(reader.seek(SeekFrom::End(-5)).unwrap(), text.len() as u64 - 5);
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "text\n");
    assert_eq!(reader.seek(SeekFrom::Current(1000)).unwrap(), text.len() as u64 + 1000);
    assert_eq!(reader.read(&mut [0; 10]).unwrap(), 0);
    assert_eq!(reader.seek(SeekFrom::Current(-3000)).unwrap(), text.len() as u64 - 2000);
    let error = reader.seek(SeekFrom::End(-(text.len() as i64) - 1)).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    assert_eq!(reader.stream_position().unwrap(), text.len() as u64 - 2000);
    assert!(reader.seek(SeekFrom::Start(u64::MAX)).is_ok());
    assert!(reader.seek(SeekFrom::Current(1)).is_err());
    assert_eq!(reader.read(&mut [0; 10]).unwrap(), 0);
}

#[test]
fn conversions_keep_the_bytes() {
    let text = String::from("text");
    for content in [
        Content::from(b"text"),
        Content::from(&b"text"[..]),
        Content::from("text"),
        Content::from(&text),
        Content::from(&text.clone().into_bytes()),
        Content::from(text.clone().into_bytes()),
        Content::from(text.clone().into_bytes().into_boxed_slice()),
        Content::from(bytes::Bytes::from_static(b"text")),
        Content::from(text),
    ] {
        check(&content, b"text");
        assert_eq!((content.charged(), content.chunk_count()), (0, 1));
        assert_eq!(format!("{content:?}"), "Content { len: 4, chunks: 1 }");
    }
    assert!(Content::from("").ptr_eq(&Content::default()));
}

#[test]
fn chunks_and_bytes_are_shared_and_outlive_the_content() {
    let payer = Payer::new(0);
    let bytes = pattern(CHUNK + 1, 3);
    let content = payer.build(&bytes);
    let mut chunks = content.chunks();
    let first = chunks.next().unwrap().unwrap();
    drop((content, chunks));
    assert!(first == bytes[..CHUNK]);
    assert_eq!(payer.account.used(), CHUNK as u64);
    drop(first);
    assert_eq!(payer.account.used(), 0);

    let single = payer.build(b"single");
    let (a, b) = (single.to_bytes().unwrap(), single.to_bytes().unwrap());
    assert_eq!(a.as_ptr(), b.as_ptr());
}

#[test]
fn adoption_shares_what_is_paid_and_copies_the_rest() {
    let (here, there) = (Payer::new(10), Payer::new(20));
    let bytes = pattern(2 * CHUNK + 5, 4);

    let own = here.build(&bytes);
    assert_eq!(own.adoption_cost(&here.account, 10), 0);
    assert!(here.adopt(own.clone()).ptr_eq(&own));

    let foreign = there.build(&bytes).with_random(true);
    let adopted = here.adopt(foreign.clone());
    check(&adopted, &bytes);
    assert!(adopted.is_random());
    assert_eq!(adopted.charged(), Content::cost(bytes.len() as u64, 10));
    assert_eq!(here.account.used(), 2 * adopted.charged());

    let fork = there.append(&own, b"more", false); // a fork's content: chunks of both
    let back = here.adopt(fork);
    check(&back, &[&bytes, &b"more"[..]].concat());
    assert_eq!(here.account.used(), 2 * adopted.charged() + 4 + 10);

    let mut exact = Vec::with_capacity(9);
    exact.extend_from_slice(b"unchanged");
    let address = exact.as_ptr();
    let taken = here.adopt(Content::from(exact));
    assert_eq!(taken.to_bytes().unwrap().as_ptr(), address);
    let mut loose = Vec::with_capacity(100);
    loose.extend_from_slice(b"copied");
    check(&here.adopt(Content::from(loose)), b"copied");
    check(&here.adopt(Content::from(bytes.clone())), &bytes);

    drop((own, foreign, adopted, back, taken));
    assert_eq!((here.account.used(), there.account.used()), (0, 0));
}

#[test]
fn small_appends_leave_few_chunks() {
    let payer = Payer::new(64);
    let mut content = Content::default();
    let mut copied = 0;
    let n = 200_000_u64;
    for i in 0..n {
        let (merged, plain) = content.append_plan(10, 64);
        assert_eq!(plain, 74);
        copied += merged - 64;
        content = payer.append(&content, &[i as u8; 10], true);
    }
    content.check_consistent().unwrap();
    assert_eq!(payer.account.used(), content.charged());
    assert!(content.chunk_count() <= n * 10 / CHUNK as u64 + 16, "{content:?}");
    assert!(copied / (n * 10) <= 14, "each byte was copied {} times", copied / (n * 10));
    let bytes = content.to_vec().unwrap();
    assert!(bytes.chunks(10).enumerate().all(|(i, ten)| ten == [i as u8; 10]));
}

#[test]
fn flushed_lines_leave_few_chunks() {
    let payer = Payer::new(64);
    let mut draft = Draft::new(Content::default());
    for _ in 0..2_000 {
        for _ in 0..50 {
            let end = draft.len();
            payer.write(&mut draft, end, b"a line of the log\n", true);
        }
        draft.publish();
    }
    let content = draft.publish();
    assert!(content.chunk_count() <= content.len() / CHUNK as u64 + 16, "{content:?}");
}

#[test]
fn a_million_extents_are_dropped_and_cut() {
    let payer = Payer::new(0);
    let mut content = payer.build(b"0");
    for _ in 1..1_000_000 {
        content = content.appended(b"1", payer.pay(1), &payer.account, 0, false).unwrap();
    }
    content.check_consistent().unwrap();
    assert_eq!((content.chunk_count(), payer.account.used()), (1_000_000, 1_000_000));
    let mut draft = Draft::new(content);
    payer.set_len(&mut draft, 10);
    assert_eq!((draft.publish().chunk_count(), payer.account.used()), (10, 10));
}

#[test]
fn unchanged_drafts_publish_what_they_started_from() {
    let payer = Payer::new(0);
    let base = payer.build(b"base").with_random(true);
    let mut draft = Draft::new(base.clone());
    payer.write(&mut draft, 4, b"", true);
    payer.set_len(&mut draft, 4);
    assert!(!draft.is_changed());
    assert!(draft.publish().ptr_eq(&base) && draft.publish().is_random());
    payer.write(&mut draft, 0, b"B", true);
    assert!(draft.is_changed());
    let second = draft.publish();
    assert!(!second.ptr_eq(&base) && second.ptr_eq(&draft.publish()) && second.is_random());
    check(&base, b"base");
    check(&second, b"Base");
}

#[test]
fn only_writes_off_the_end_randomise() {
    let payer = Payer::new(0);
    let mut draft = Draft::new(Content::default());
    payer.write(&mut draft, 0, b"abc", true);
    payer.set_len(&mut draft, 2);
    assert!(!draft.would_randomise(0, 0) && !draft.would_randomise(2, 1));
    assert!(draft.would_randomise(0, 1) && draft.would_randomise(3, 1));
    payer.write(&mut draft, 2, b"d", true);
    assert!(!draft.publish().is_random());
    payer.write(&mut draft, 5, b"e", true);
    assert!(draft.is_random() && !draft.would_randomise(0, 1) && draft.lands_off_end(0, 1));
    check(&draft.publish(), b"abd\0\0e");
}

#[test]
fn a_write_copies_the_pages_that_it_touches_and_shares_the_rest() {
    let payer = Payer::new(100);
    let mut bytes = pattern(4 * CHUNK, 6);
    let base = payer.build(&bytes);
    let mut draft = Draft::new(base.clone());
    let mut write = |draft: &mut Draft, at: usize, len: usize| {
        let used = payer.account.used();
        let new = pattern(len, at as u64);
        payer.write(draft, at as u64, &new, true);
        bytes[at..at + len].copy_from_slice(&new);
        let content = draft.publish();
        check(&content, &bytes);
        (content.chunk_count(), content.charged() - base.charged(), payer.account.used() - used)
    };
    // What the file is charged grows as well, though nobody else may hold the base: it holds all its chunks.
    assert_eq!(write(&mut draft, 5000, 4096), (4 + 2, 8192 + 100, 8192 + 100)); // two pages in one new chunk
    assert_eq!(write(&mut draft, 2 * CHUNK, 4096), (4 + 3, 12_288 + 200, 4096 + 100)); // at a border
    assert_eq!(write(&mut draft, CHUNK - 1, 2), (4 + 4, 20_480 + 300, 8192 + 100)); // over one
    // Where the writes go on, the rest of the extent is made anew at once; and short chunks always are, so
    // that the one before goes. The file has nothing of the second chunk any more.
    let (new, gone) = (8192 + 15 * 4096 + 200, 8192 + 100);
    let charged = 20_480 + 300 + new - gone - (CHUNK as u64 + 100);
    assert_eq!(write(&mut draft, CHUNK + 1, 4096), (4 + 4, charged, new - gone));
}

#[test]
fn less_than_half_of_a_chunk_is_not_kept() {
    let payer = Payer::new(100);
    let mut bytes = pattern(2 * CHUNK, 6);
    let base = payer.build(&bytes);
    let mut draft = Draft::new(base);
    for (page, cost) in [(0, 1), (2, 1), (4, 1), (6, 1), (8, 1), (10, 1), (12, 1), (15, 1), (1, 8)] {
        assert_eq!(draft.write_cost(page * 4096, 4096, 100) / 4096, cost, "page {page}");
        payer.write(&mut draft, page * 4096, &[page as u8; 4096], true);
        bytes[page as usize * 4096..][..4096].fill(page as u8);
        draft.check_consistent().unwrap();
    }
    let content = draft.publish();
    drop(draft);
    check(&content, &bytes);
    assert_eq!(payer.account.used(), content.charged());
    assert_eq!(payer.account.used() - content.chunk_count() * 100, bytes.len() as u64);
}

#[test]
fn cutting_a_file_leaves_no_small_part_of_a_chunk() {
    let payer = Payer::new(100);
    for len in
        [0, 1, 4096, 5 * 4096, 6 * 4096 + 1, 9 * 4096, 10 * 4096, 15 * 4096, CHUNK - 1, CHUNK, CHUNK + 9]
    {
        let mut bytes = pattern(2 * CHUNK, 6);
        let mut draft = Draft::new(payer.build(&bytes));
        for page in [3, 5, 9] {
            payer.write(&mut draft, page * 4096, &[1; 4096], true);
            bytes[page as usize * 4096..][..4096].fill(1);
        }
        draft.publish();
        payer.set_len(&mut draft, len as u64);
        draft.check_consistent().unwrap();
        check(&draft.publish(), &bytes[..len]);
    }
    assert_eq!((payer.account.used(), payer.account.chunks_alive()), (0, 0));
}

#[test]
fn a_reservation_is_not_lost_by_merging_what_is_the_drafts_own() {
    let payer = Payer::new(128);
    let mut draft = Draft::new(payer.build(b"1"));
    let mut reserved = draft.reserve_cost(CHUNK as u64 + 1, 128);
    for (at, len) in [(1, 1), (0, 1), (0, CHUNK), (CHUNK, 1)] {
        let cost = draft.write_cost(at as u64, len, 128);
        payer.write(&mut draft, at as u64, &pattern(len, 1), false);
        reserved -= cost;
        assert!(draft.reserve_cost(CHUNK as u64 + 1, 128) <= reserved);
    }
}

#[test]
fn impossible_lengths_are_refused() {
    let payer = Payer::new(0);
    let mut draft = Draft::new(payer.build(b"abc"));
    for offset in [MAX_LEN, u64::MAX - 1, u64::MAX] {
        assert_eq!(draft.write_cost(offset, 5, 1), u64::MAX);
        let write = draft.write_plan(offset, 5, 1);
        assert_eq!(write.costs(), (u64::MAX, u64::MAX));
        let error = draft.write(write, b"12345", Charge::none(), &payer.account, 0).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(draft.set_len_cost(MAX_LEN + 1, 1), u64::MAX);
    assert!(draft.set_len(u64::MAX, Charge::none(), &payer.account, 0).is_err());
    assert_eq!(draft.set_len_cost(MAX_LEN, 0), MAX_LEN - 3); // what a sparse file costs is known at once
    assert!(draft.write_cost(MAX_LEN - 1, 1, 1) > MAX_LEN - 3);
    assert!(draft.reserve_cost(MAX_LEN, u64::MAX) == u64::MAX);
    assert!(!draft.is_changed());
    check(&draft.publish(), b"abc");
}

#[test]
fn a_streamed_chunk_is_one_exact_allocation() {
    let payer = Payer::new(0);
    let mut draft = Draft::new(Content::default());
    let bytes = pattern(CHUNK, 5);
    for i in 0..40 {
        payer.write(&mut draft, i * CHUNK as u64, &bytes, true);
    }
    let content = draft.publish();
    content.check_consistent().unwrap();
    assert_eq!(content.chunk_count(), 40);
}

/// An operation on a draft. Offsets and lengths are in units that make borders likely.
#[derive(Debug, Clone)]
enum Op {
    Write { at: usize, len: usize, merge: bool },
    Append { len: usize, merge: bool },
    SetLen(usize),
    Publish,
    Reopen,
}

fn offset() -> impl Strategy<Value = usize> {
    prop_oneof![
        0..300_usize,
        0..5 * CHUNK,
        (0..5_usize, 0..3_usize).prop_map(|(chunk, by)| (chunk * CHUNK + by).saturating_sub(1)),
    ]
}

fn length() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 0..40_usize, 2 => 0..5000_usize, 1 => 0..3 * CHUNK, 1 => Just(CHUNK), 1 => Just(CHUNK / 2)]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (offset(), length(), any::<bool>()).prop_map(|(at, len, merge)| Op::Write { at, len, merge }),
        5 => (length(), any::<bool>()).prop_map(|(len, merge)| Op::Append { len, merge }),
        2 => offset().prop_map(Op::SetLen),
        3 => Just(Op::Publish),
        1 => Just(Op::Reopen),
    ]
}

proptest! {

    #[test]
    fn drafts_are_files(
        overhead in prop_oneof![Just(0_u64), Just(128)],
        keep in any::<bool>(),
        ops in prop::collection::vec(op(), 1..40),
    ) {
        let payer = Payer::new(overhead);
        let mut bytes = Vec::new();
        let mut draft = Draft::new(Content::default());
        let mut published: Vec<(Content, Vec<u8>)> = Vec::new();
        let mut held = 0; // charged for all that was published, which stays if it is kept
        for (i, op) in ops.into_iter().enumerate() {
            match op {
                Op::Write { at, len, merge } => {
                    let new = pattern(len, i as u64);
                    payer.write(&mut draft, at as u64, &new, merge);
                    if len > 0 {
                        bytes.resize(bytes.len().max(at + len), 0);
                        bytes[at..at + len].copy_from_slice(&new);
                    }
                }
                Op::Append { len, merge } => {
                    let new = pattern(len, i as u64);
                    payer.write(&mut draft, bytes.len() as u64, &new, merge);
                    bytes.extend_from_slice(&new);
                }
                Op::SetLen(len) => {
                    payer.set_len(&mut draft, len as u64);
                    bytes.resize(len, 0);
                }
                Op::Publish => {
                    let content = draft.publish();
                    prop_assert!(draft.own_charged() == 0 && !draft.is_changed());
                    check(&content, &bytes);
                    if keep {
                        published.push((content, bytes.clone()));
                    }
                    held = payer.account.used();
                }
                Op::Reopen => {
                    let content = draft.publish();
                    draft = Draft::new(content.clone());
                    if keep {
                        published.push((content, bytes.clone()));
                    }
                    held = payer.account.used();
                }
            }
            draft.check_consistent().map_err(TestCaseError::fail)?;
            prop_assert_eq!(draft.len(), bytes.len() as u64);
            prop_assert!(read_draft(&draft) == bytes);
            if keep {
                prop_assert_eq!(payer.account.used() - draft.own_charged(), held);
            } else if overhead == 0 {
                let (used, len) = (payer.account.used(), bytes.len() as u64);
                prop_assert!((len..=2 * len).contains(&used), "{} for {}", used, len);
            }
        }
        for (content, expected) in &published {
            check(content, expected);
        }
        let content = draft.publish();
        check(&content, &bytes);
        drop(draft);
        published.clear();
        prop_assert_eq!(payer.account.used(), content.charged());
        prop_assert!(payer.account.chunks_alive() <= content.chunk_count());
        drop(content);
        prop_assert_eq!((payer.account.used(), payer.account.chunks_alive()), (0, 0));
    }

    #[test]
    fn a_reservation_pays_for_all_writes_below_it(
        base in prop::collection::vec(length(), 0..8),
        writes in prop::collection::vec((offset(), length()), 1..30),
        up_to in offset(),
    ) {
        let payer = Payer::new(128);
        let content = base.into_iter().fold(Content::default(), |content, len| {
            payer.append(&content, &pattern(len, 0), false)
        });
        let mut draft = Draft::new(content);
        let mut reserved = draft.reserve_cost(up_to as u64, 128);
        for (at, len) in writes {
            let len = len.min(up_to.saturating_sub(at));
            let cost = draft.write_cost(at as u64, len, 128);
            prop_assert!(cost <= reserved, "a write of {} at {} needs {} of {}", len, at, cost, reserved);
            let write = draft.write_plan(at as u64, len, 128);
            draft.write(write, &pattern(len, 1), payer.pay(cost), &payer.account, 128).unwrap();
            reserved -= cost;
            prop_assert!(draft.reserve_cost(up_to as u64, 128) <= reserved);
        }
    }

    #[test]
    fn appended_content_shares_what_was_before(
        pieces in prop::collection::vec((length(), any::<bool>()), 1..60),
    ) {
        let payer = Payer::new(128);
        let mut versions = vec![(Content::default(), Vec::new())];
        for (i, (len, merge)) in pieces.into_iter().enumerate() {
            let (content, mut bytes) = versions.last().unwrap().clone();
            let new = pattern(len, i as u64);
            bytes.extend_from_slice(&new);
            versions.push((payer.append(&content, &new, merge), bytes));
        }
        for (content, bytes) in &versions {
            check(content, bytes);
        }
        let (last, _) = versions.pop().unwrap();
        versions.clear();
        prop_assert_eq!(payer.account.used(), last.charged());
        drop(last);
        prop_assert_eq!(payer.account.used(), 0);
    }

    #[test]
    fn the_index_is_an_ordered_map(ops in prop::collection::vec((any::<bool>(), 0..200_u64), 1..600)) {
        let (mut index, mut model) = (Index::default(), BTreeMap::new());
        let mut older = Vec::new();
        for (i, (keep, key)) in ops.into_iter().enumerate() {
            let removed = index.remove(key).is_some();
            prop_assert_eq!(removed, model.remove(&key).is_some());
            if keep {
                let chunk = Arc::new(Chunk::new(vec![key as u8].into(), Charge::none(), &Account::new(), 0));
                model.insert(key, Arc::clone(&chunk));
                index.insert(key, chunk);
            }
            index.check_consistent().map_err(TestCaseError::fail)?;
            let found = index.floor(key).map(|(start, chunk)| (start, Arc::as_ptr(chunk)));
            let expected = model.range(..=key).next_back().map(|(start, chunk)| (*start, Arc::as_ptr(chunk)));
            prop_assert_eq!(found, expected);
            if i % 50 == 0 {
                older.push((index.clone(), model.clone()));
            }
        }
        older.push((index, model));
        for (index, model) in older {
            prop_assert_eq!(index.len(), model.len());
            for key in 0..201 {
                prop_assert_eq!(index.floor(key).map(|f| f.0), model.range(..=key).next_back().map(|f| *f.0));
            }
        }
    }
}

#[cfg(feature = "testing")]
mod faults {
    use super::*;
    use crate::testing::Injected;

    fn failing<T>(n: u64, f: impl FnOnce() -> crate::error::Result<T>) -> Option<T> {
        let fault = Injected::allocation(n);
        match f() {
            Ok(value) => Some(value),
            Err(error) => {
                assert!(fault.struck());
                assert!(matches!(error.kind(), ErrorKind::AllocationFailed { .. }));
                None
            }
        }
    }

    #[test]
    fn failed_construction_gives_all_back() {
        let payer = Payer::new(10);
        let bytes = pattern(3 * CHUNK + 1, 0);
        for n in 1..=4 {
            let charge = payer.pay(Content::cost(bytes.len() as u64, 10));
            assert!(failing(n, || Content::build(&bytes, charge, &payer.account, 10)).is_none());
            let charge = payer.pay(Content::cost(bytes.len() as u64, 10));
            let detached = Content::from(bytes.clone());
            assert!(failing(n, || detached.adopt(charge, &payer.account, 10)).is_none());
            assert_eq!((payer.account.used(), payer.account.chunks_alive()), (0, 0));
        }
        let content = payer.build(&bytes);
        assert!(failing(1, || content.to_vec()).is_none());
        assert!(failing(1, || content.to_bytes()).is_none());
        let charge = payer.pay(11);
        assert!(failing(1, || content.appended(b"1", charge, &payer.account, 10, false)).is_none());
        assert_eq!(payer.account.used(), content.charged());
    }

    #[test]
    fn a_slice_that_cannot_be_copied_says_so_when_asked() {
        let content = {
            let _fault = Injected::allocation(1);
            Content::from("some bytes")
        };
        assert_eq!(content.len(), 10);
        let requested = ErrorKind::AllocationFailed { requested: 10 };
        assert_eq!(*content.to_vec().unwrap_err().kind(), requested);
        assert_eq!(*content.read_at(&mut [0; 3], 0).unwrap_err().kind(), requested);
        assert_eq!(*content.chunks().next().unwrap().unwrap_err().kind(), requested);
        assert!(content.reader().read(&mut [0; 3]).is_err());
        let payer = Payer::new(0);
        let error = content.adopt(payer.pay(10), &payer.account, 0).unwrap_err();
        assert_eq!(*error.kind(), requested);
        assert_eq!(payer.account.used(), 0);
    }

    #[test]
    fn publication_survives_a_failed_allocation() {
        let payer = Payer::new(0);
        let mut draft = Draft::new(Content::default());
        payer.write(&mut draft, 0, b"abc", true);
        payer.write(&mut draft, 3, b"d", true);
        let _fault = Injected::allocation(1);
        let content = draft.publish();
        assert_eq!(content.to_vec().unwrap(), b"abcd");
    }

    proptest! {
        #[test]
        fn a_failed_write_changes_nothing(
            before in prop::collection::vec((offset(), length(), any::<bool>()), 0..10),
            at in offset(),
            len in length(),
            merge in any::<bool>(),
            cut in any::<bool>(),
            n in 1..4_u64,
        ) {
            let payer = Payer::new(128);
            let mut draft = Draft::new(Content::default());
            let mut published = Vec::new();
            for (at, len, publish) in before {
                payer.write(&mut draft, at as u64, &pattern(len, 1), true);
                if publish {
                    published.push(draft.publish());
                }
            }
            let bytes = read_draft(&draft);
            let (used, alive, own) = (payer.account.used(), payer.account.chunks_alive(), draft.own_charged());
            let (changed, random) = (draft.is_changed(), draft.is_random());
            let done = if cut {
                let charge = payer.pay(draft.set_len_cost(at as u64, 128));
                failing(n, || draft.set_len(at as u64, charge, &payer.account, 128))
            } else {
                let write = draft.write_plan(at as u64, len, 128);
                let (merged, plain) = write.costs();
                let charge = payer.pay(if merge { merged } else { plain });
                failing(n, || draft.write(write, &pattern(len, 2), charge, &payer.account, 128))
            };
            draft.check_consistent().map_err(TestCaseError::fail)?;
            if done.is_none() {
                prop_assert!(read_draft(&draft) == bytes);
                prop_assert_eq!((payer.account.used(), payer.account.chunks_alive()), (used, alive));
                prop_assert_eq!((draft.own_charged(), draft.is_changed(), draft.is_random()), (own, changed, random));
            }
        }
    }
}
