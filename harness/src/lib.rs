//! The benchmark harness of arcfs, as a library: stores behind one trait, workloads that know none of
//! them, a schedule that takes turns, results that are kept, and the statistics that compare them.
//!
//! | module | what | knows nothing of |
//! |---|---|---|
//! | [`store`] | what a workload may ask of a store | everything else |
//! | [`backend`] | a kind of store by name | workloads |
//! | [`backends`], [`rivals`] | arcfs; the others | workloads, results |
//! | [`load`] | payloads, key choice, closed and open loops | stores |
//! | [`workload`], [`workloads`] | what is done and measured in a round | which store it is |
//! | [`isolate`], [`python`] | a round in a child process, or in Python | stores |
//! | [`allocator`] | counts allocations, once switched on | everything else |
//! | [`schedule`] | turns, rounds, what becomes of their answers | stores, files |
//! | [`results`] | the schema of result files, their statistics | stores, workloads |
//! | [`report`] | tables and charts from results | stores, workloads |
//! | [`compare`] | two runs of the same cells, the rivals as control | stores, workloads |
//! | [`ab`] | two builds of the engine in turns | what a workload does |
//! | [`gate`] | instruction counts against a baseline | everything else |
//! | [`cli`] | the command line | how anything is measured |

pub mod ab;
pub mod allocator;
pub mod backend;
pub mod backends;
mod child;
pub mod cli;
pub mod compare;
pub mod gate;
pub mod isolate;
pub mod load;
pub mod python;
pub mod report;
pub mod results;
pub mod rivals;
pub mod schedule;
pub mod store;
mod wire;
pub mod workload;
pub mod workloads;
