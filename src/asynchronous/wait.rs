//! Waiting for a lock as a task: the twins of what threads do, step by step the same.
//!
//! | threads | tasks |
//! |---|---|
//! | `Volume::wait_for` | [`wait_for`] |
//! | `Volume::hold` | [`hold`] |
//! | `Volume::in_turn` | [`in_turn`] |
//! | `File::open` | [`open`] |
//!
//! The steps themselves are those of threads. A task suspends in one place, [`acquire`], where it owns
//! nothing but its place in the queue: no root, no content, no charge, no other lock. So it can be
//! dropped there, and what it drops hands its turn on. From the turn to the commit that it is for
//! there is no other place to suspend, so no task sleeps with a turn that others wait for.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

use crate::error::{Error, ErrorKind, Result};
use crate::file::File;
use crate::lock::Mode;
use crate::open_files::{OpenFiles, Turn, WaitError};
use crate::open_options::OpenOptions;
use crate::ops::{Held, Opening, Seen};
use crate::tree::examine::Refusal;
use crate::tree::root::Root;
use crate::volume::{Lane, Volume};

/// When a wait ends without success.
#[derive(Debug, Clone, Copy)]
enum Limit {
    /// It only tries.
    Now,
    At(Instant),
    Never,
}

impl Limit {
    /// As `Deadline::after`, on the clock of tokio.
    fn after(timeout: Option<Duration>) -> Result<Self> {
        let Some(timeout) = timeout else { return Ok(Self::Never) };
        if timeout.is_zero() {
            return Ok(Self::Now);
        }
        if Handle::try_current().is_err() {
            let why = "to wait for a lock no longer than the lock timeout needs the timer of a tokio runtime; \
                outside of one set the lock timeout to None or to zero";
            return Err(Error::new(ErrorKind::Unsupported).because(why));
        }
        Ok(Instant::now().checked_add(timeout).map_or(Self::Never, Self::At))
    }
}

/// Waits for the fair lock of `path` until the limit.
async fn acquire(open_files: &OpenFiles, path: &str, mode: Mode, limit: Limit) -> Result<Turn, WaitError> {
    let mut waiting = open_files.wait(path, mode);
    match limit {
        Limit::Now => waiting.give_up(),
        Limit::Never => Ok(waiting.await),
        Limit::At(at) => {
            let since = Instant::now();
            match timeout_at(at, &mut waiting).await {
                Ok(turn) => Ok(turn),
                Err(_) => waiting.give_up().map_err(|error| WaitError { waited: since.elapsed(), ..error }),
            }
        }
    }
}

/// As `Volume::wait_for`.
pub async fn wait_for(
    volume: &Volume,
    path: &str,
    mode: Mode,
    timeout: Option<Duration>,
    look: impl Fn(&Root) -> Result<(), Refusal>,
) -> Result<Turn> {
    let limit = Limit::after(timeout)?;
    loop {
        match acquire(&volume.open_files, path, mode, limit).await {
            Ok(turn) => return Ok(turn),
            Err(error) => volume.unless_to_be_tried_again(path, timeout, error, &look)?,
        }
        tokio::task::yield_now().await;
    }
}

/// As `Volume::hold`.
pub async fn hold(volume: &Volume, path: &str, opening: Opening, timeout: Option<Duration>) -> Result<Held> {
    let mut seen = Some(volume.look_before_lock(path, &opening)?);
    let turn = match volume.open_files.try_acquire(path, opening.mode()) {
        Some(turn) => turn,
        None => {
            Seen::forget(&mut seen);
            let look = |root: &Root| volume.may_open(root, path, &opening);
            wait_for(volume, path, opening.mode(), timeout, look).await?
        }
    };
    volume.hold_in_turn(turn, opening, seen)
}

/// As `Volume::in_turn`.
pub async fn in_turn<T>(
    volume: &Volume,
    path: &str,
    mut attempt: impl FnMut(&Lane<'_>) -> Result<T, Refusal>,
) -> Result<T> {
    let mut turn = None;
    loop {
        if let Some(done) = volume.unless_held(&mut attempt)? {
            return Ok(done);
        }
        if turn.is_none() {
            let timeout = volume.config.lock_timeout;
            turn = Some(wait_for(volume, path, Mode::Exclusive, timeout, |_| Ok(())).await?);
        }
    }
}

/// As `File::open`; the opening is mostly that of the options.
pub async fn open(
    volume: &Arc<Volume>,
    path: &str,
    options: &OpenOptions,
    opening: Option<Opening>,
) -> Result<File> {
    let path = volume.file_path(path)?;
    let held = match opening {
        Some(opening) => Some(hold(volume, &path, opening, options.patience(volume)).await?),
        None => None,
    };
    File::start(volume, &path, options, held)
}
