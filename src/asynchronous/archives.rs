//! Archives in and out: work of many entries, which always leaves the task.

use std::io::Write;

use super::AsyncMemFs;
use crate::archive::{
    ArchiveOptions, ArchiveReport, ArchiveSource, ArchiveSummary, ImportOptions, import_archive,
    import_archive_streaming,
};
use crate::error::Result;
use crate::snapshot::Snapshot;

impl AsyncMemFs {
    /// As [`import_archive`].
    ///
    /// ```
    /// use arcfs::asynchronous::AsyncMemFs;
    /// use arcfs::{ArchiveOptions, ImportOptions};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = AsyncMemFs::new();
    /// fs.import_tree([("/src/a", "one"), ("/src/b", "two")]).await?;
    /// let (zip, summary) = fs.export_zip(Vec::new(), ArchiveOptions::new().prefix("/src")).await?;
    /// assert_eq!(summary.files, 2);
    /// fs.import_archive(zip, "/copy", ImportOptions::new()).await?;
    /// assert_eq!(fs.read("/copy/b").await?, b"two");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn import_archive(
        &self,
        source: impl Into<ArchiveSource>,
        dest: impl AsRef<str>,
        options: ImportOptions,
    ) -> Result<ArchiveReport> {
        let (source, dest) = (source.into(), dest.as_ref().to_owned());
        self.off_task(move |fs| import_archive(fs, source, dest, options)).await
    }

    /// As [`import_archive_streaming`]. Dropped once it has begun, it goes on to its end.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn import_archive_streaming(
        &self,
        source: impl Into<ArchiveSource>,
        dest: impl AsRef<str>,
        options: ImportOptions,
    ) -> Result<ArchiveReport> {
        let (source, dest) = (source.into(), dest.as_ref().to_owned());
        self.off_task(move |fs| import_archive_streaming(fs, source, dest, options)).await
    }

    /// As [`MemFs::export_zip`](crate::MemFs::export_zip), of the instant of the first poll. Gives the
    /// writer back.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn export_zip<W: Write + Send + 'static>(
        &self,
        writer: W,
        options: ArchiveOptions,
    ) -> Result<(W, ArchiveSummary)> {
        self.export(writer, move |snapshot, writer| snapshot.export_zip(writer, options)).await
    }

    /// As [`MemFs::export_tar`](crate::MemFs::export_tar), of the instant of the first poll. Gives the
    /// writer back.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn export_tar<W: Write + Send + 'static>(
        &self,
        writer: W,
        options: ArchiveOptions,
    ) -> Result<(W, ArchiveSummary)> {
        self.export(writer, move |snapshot, writer| snapshot.export_tar(writer, options)).await
    }

    /// Writes an archive of this instant elsewhere, and gives the writer back.
    async fn export<W: Write + Send + 'static>(
        &self,
        mut writer: W,
        export: impl FnOnce(Snapshot, &mut W) -> Result<ArchiveSummary> + Send + 'static,
    ) -> Result<(W, ArchiveSummary)> {
        let snapshot = self.snapshot();
        self.off_task(move |_| {
            let summary = export(snapshot, &mut writer)?;
            Ok((writer, summary))
        })
        .await
    }
}
