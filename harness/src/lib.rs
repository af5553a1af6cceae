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
//! | [`results`] | the schema of result files, their statistics | stores, workloads |

pub mod ab;
pub mod backend;
pub mod backends;
pub mod cli;
pub mod compare;
pub mod gate;
pub mod load;
pub mod results;
pub mod rivals;
pub mod store;
pub mod workload;
pub mod workloads;
