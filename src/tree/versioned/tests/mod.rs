//! Tests of the whole; each module of it is used through its safe or unsafe face only.

mod arena;
mod forest;
mod map;
mod reclaim;
