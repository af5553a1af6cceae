//! The targets of the fast core, each a ratio of two medians that were taken in turns in one process.
//!
//! `cargo bench --bench targets` prints the table; words behind `--` choose the rows whose names have one
//! of them. With `--test` each row runs once, small, so that the checks know that it works. What fills fresh memory runs in a
//! process of its own for each round: this program starts itself for that.

mod files;
mod host;
mod measure;
mod streams;
mod threads;

use measure::{Size, Table};

fn main() {
    measure::settle();
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let [flag, job, side] = &words[..]
        && flag == "--child"
    {
        return measure::answer(files::fresh(job, side));
    }
    let size = if words.iter().any(|word| word == "--test") { Size::Smoke } else { Size::Full };
    let chosen = words.into_iter().filter(|word| !word.starts_with("--")).collect();
    let mut table = Table::new(size, chosen);
    files::rows(&mut table);
    threads::rows(&mut table);
    streams::rows(&mut table);
    host::rows(&mut table);
    table.finish();
}
