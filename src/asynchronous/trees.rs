//! Whole trees: restoring, transactions, and many files in and out at one instant.

use std::collections::BTreeMap;
use std::path::Path;

use super::AsyncMemFs;
use super::task::{is_large, off_task, share};
use crate::content::Content;
use crate::error::Result;
use crate::export::{ExportIter, ExportOptions};
use crate::fs::MemFs;
use crate::host::{ExportReport, HostOptions, ImportReport};
use crate::ops::import::Import;
use crate::ops::{Named, SMALL};
use crate::snapshot::Snapshot;
use crate::transaction::{Runs, Transaction};
use crate::usage::Usage;

impl AsyncMemFs {
    /// As [`MemFs::restore`]. A large tree is freed elsewhere.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.write("/a", b"1").await?;
    /// let snapshot = fs.snapshot();
    /// fs.write("/a", b"2").await?;
    /// fs.restore(&snapshot).await?;
    /// assert_eq!(fs.read("/a").await?, b"1");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn restore(&self, snapshot: &Snapshot) -> Result<()> {
        let snapshot = snapshot.clone();
        self.by_size(self.is_large("/"), move |fs| fs.restore(&snapshot)).await
    }

    /// As [`MemFs::transaction`]. The closure runs in the task, and between two runs others have their
    /// turn. Dropped between two runs, it leaves no trace.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.write("/in", b"data").await?;
    /// let length = fs
    ///     .transaction(|tx| {
    ///         tx.create_dir_all("/out")?;
    ///         tx.rename("/in", "/out/done")?;
    ///         Ok(tx.metadata("/out/done")?.len())
    ///     })
    ///     .await?;
    /// assert_eq!(length, 4);
    /// assert!(fs.is_file("/out/done").await);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there. How long it may be repeated is on the real clock, since it limits work and not a wait.
    pub async fn transaction<T>(&self, mut f: impl FnMut(&mut Transaction) -> Result<T>) -> Result<T> {
        share().await;
        let runs = Runs::begin(self.fs.volume());
        loop {
            if let Some(value) = runs.once(self.fs.volume(), &mut f)? {
                return Ok(value);
            }
            tokio::task::yield_now().await;
        }
    }

    /// As [`MemFs::import_tree`]. `files` is gone through in the task; many files, or more than 1 MiB, are
    /// brought in elsewhere.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.import_tree([("/a/1", "one"), ("/a/2", "two")]).await?;
    /// assert_eq!(fs.read("/a/2").await?, b"two");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn import_tree<P: AsRef<str>, B: Into<Content>>(
        &self,
        files: impl IntoIterator<Item = (P, B)>,
    ) -> Result<()> {
        share().await;
        let import = Import::of_files(self.fs.volume(), files).named("import_tree", "/")?;
        let bytes = import.files.iter().map(|file| file.content.len()).fold(0, u64::saturating_add);
        let usage = Usage { bytes, files: import.files.len() as u64, dirs: 0 };
        let bring = move |fs: &MemFs| fs.volume().import(import).map(drop).named("import_tree", "/");
        if is_large(&usage) || bytes > SMALL { self.off_task(bring).await } else { bring(&self.fs) }
    }

    /// As [`MemFs::export_tree`]. Many files, or more than 1 MiB, are copied elsewhere.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.import_tree([("/a/1", "one"), ("/b", "two")]).await?;
    /// let files = fs.export_tree("/a", Default::default()).await?;
    /// assert_eq!(files.into_iter().collect::<Vec<_>>(), [("/a/1".to_string(), b"one".to_vec())]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn export_tree(
        &self,
        prefix: impl AsRef<str>,
        options: ExportOptions,
    ) -> Result<BTreeMap<String, Vec<u8>>> {
        share().await;
        let prefix = prefix.as_ref();
        let large = self.fs.usage(prefix).is_ok_and(|usage| is_large(&usage) || usage.bytes > SMALL);
        let files = self.fs.files("export_tree", prefix, options)?;
        let export = move || crate::export::export_tree(files);
        if large { off_task(export).await.named("export_tree", prefix) } else { export() }
    }

    /// As [`MemFs::iter_export_tree`]. The iterator is of one instant, copies nothing and never waits.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.write("/a", b"1").await?;
    /// let mut files = fs.iter_export_tree("/", Default::default()).await?;
    /// assert_eq!(files.next().unwrap().1.to_vec()?, b"1");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn iter_export_tree(
        &self,
        prefix: impl AsRef<str>,
        options: ExportOptions,
    ) -> Result<ExportIter> {
        share().await;
        self.fs.iter_export_tree(prefix, options)
    }

    /// As [`MemFs::import_dir`], on a thread for blocking work.
    ///
    /// Dropped before it has begun, nothing is done. Dropped later, it goes on, and publishes all of the
    /// directory or nothing.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let host = tempfile::tempdir()?;
    /// # let host = host.path();
    /// std::fs::write(host.join("lib.rs"), "//! A crate.")?;
    ///
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// let report = fs.import_dir(host, "/project").await?;
    /// assert_eq!((report.files, report.bytes), (1, 12));
    /// assert_eq!(fs.read("/project/lib.rs").await?, b"//! A crate.");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there; `Other` if the runtime shuts down before it begins.
    pub async fn import_dir(&self, host: impl AsRef<Path>, dest: impl AsRef<str>) -> Result<ImportReport> {
        self.import_dir_with(host, dest, HostOptions::new()).await
    }

    /// As [`MemFs::import_dir_with`]; otherwise as [`import_dir`](Self::import_dir).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let host = tempfile::tempdir()?;
    /// # let host = host.path();
    /// use arcfs::HostOptions;
    /// use arcfs::asynchronous::AsyncMemFs;
    ///
    /// std::fs::write(host.join("lib.rs"), "//! A crate.")?;
    /// let (sender, mut receiver) = tokio::sync::watch::channel(0);
    /// let options = HostOptions::new().progress(move |done| {
    ///     sender.send_replace(done.bytes);
    /// });
    /// AsyncMemFs::new().import_dir_with(host, "/project", options).await?;
    /// assert_eq!(*receiver.borrow_and_update(), 12);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there; `Other` if the runtime shuts down before it begins.
    pub async fn import_dir_with(
        &self,
        host: impl AsRef<Path>,
        dest: impl AsRef<str>,
        options: HostOptions,
    ) -> Result<ImportReport> {
        let (host, path) = (host.as_ref().to_owned(), dest.as_ref().to_owned());
        let import = self.off_task(move |fs| fs.import_dir_with(host, path, options));
        import.await.named("import_dir", dest.as_ref())
    }

    /// As [`MemFs::export_dir`], on a thread for blocking work: of the instant of the first poll.
    ///
    /// Dropped before it has begun, nothing is written. Dropped later, it goes on to its end.
    ///
    /// For a snapshot of another instant: `fs.off_task(move |_| snapshot.export_dir(src, host))`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let host = tempfile::tempdir()?;
    /// # let host = host.path();
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.write("/a", b"one").await?;
    /// let report = fs.export_dir("/", host).await?;
    /// assert_eq!((report.files, report.bytes), (1, 3));
    /// assert_eq!(std::fs::read(host.join("a"))?, b"one");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there; `Other` if the runtime shuts down before it begins.
    pub async fn export_dir(&self, src: impl AsRef<str>, host: impl AsRef<Path>) -> Result<ExportReport> {
        self.export_dir_with(src, host, HostOptions::new()).await
    }

    /// As [`MemFs::export_dir_with`]; otherwise as [`export_dir`](Self::export_dir).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let host = tempfile::tempdir()?;
    /// # let host = host.path();
    /// use arcfs::HostOptions;
    /// use arcfs::asynchronous::AsyncMemFs;
    ///
    /// let fs = AsyncMemFs::new();
    /// fs.write("/a", b"one").await?;
    /// let (sender, mut receiver) = tokio::sync::watch::channel(0);
    /// let options = HostOptions::new().progress(move |done| {
    ///     sender.send_replace(done.bytes);
    /// });
    /// fs.export_dir_with("/", host, options).await?;
    /// assert_eq!(*receiver.borrow_and_update(), 3);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there; `Other` if the runtime shuts down before it begins.
    pub async fn export_dir_with(
        &self,
        src: impl AsRef<str>,
        host: impl AsRef<Path>,
        options: HostOptions,
    ) -> Result<ExportReport> {
        let (snapshot, path, host) = (self.snapshot(), src.as_ref().to_owned(), host.as_ref().to_owned());
        let export = off_task(move || snapshot.export_dir_with(path, host, options));
        export.await.named("export_dir", src.as_ref())
    }
}
