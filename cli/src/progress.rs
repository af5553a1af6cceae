//! How far long work has come, for whoever watches a terminal. Others see nothing of it.

use std::sync::Once;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::Out;

/// A bar, or with no known end a count, on standard error. Gone when it is dropped.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// Starts one, of which nothing is known yet but that it is under way.
    pub fn new(what: &str, out: &Out) -> Self {
        // The bar draws nothing where standard error is no terminal.
        let bar = if out.is_quiet() { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        bar.set_message(what.to_owned());
        set_style(&bar, "{spinner} {msg} {elapsed}");
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    /// What tells it how many bytes are done, and of how many where that is known.
    pub fn teller(&self) -> impl Fn(u64, Option<u64>) + Send + Sync + 'static {
        let (bar, counting) = (self.0.clone(), Once::new());
        move |done, total| {
            bar.set_position(done);
            match total {
                // Setting the length draws, so what is drawn has to be right by then.
                Some(total) if bar.length() != Some(total) => {
                    set_style(&bar, "{msg} {wide_bar} {bytes}/{total_bytes} {eta}");
                    bar.set_length(total);
                }
                Some(_) => {}
                None => counting.call_once(|| set_style(&bar, "{spinner} {msg} {bytes} {elapsed}")),
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn set_style(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
}
