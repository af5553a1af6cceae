//! Whole filesystems as files of the host.

use std::collections::BTreeMap;
use std::path::Path;

use super::AsyncMemFs;
use super::task::off_task;
use crate::error::Result;
use crate::image::{Image, ImageSummary, NamedSnapshot, load_image_file, save_image_file};

impl AsyncMemFs {
    /// As [`save_image_file`], of an instant after the first poll.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use arcfs::asynchronous::AsyncMemFs;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let dir = tempfile::tempdir()?;
    /// let fs = AsyncMemFs::new();
    /// fs.write("/a", b"kept").await?;
    /// fs.save_image_file(dir.path().join("image"), BTreeMap::new()).await?;
    ///
    /// let image = AsyncMemFs::load_image_file(dir.path().join("image")).await?;
    /// assert_eq!(AsyncMemFs::from(image.fs).read("/a").await?, b"kept");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn save_image_file(
        &self,
        path: impl AsRef<Path>,
        snapshots: BTreeMap<String, NamedSnapshot>,
    ) -> Result<ImageSummary> {
        let path = path.as_ref().to_owned();
        self.off_task(move |fs| save_image_file(path, fs, &snapshots)).await
    }

    /// As [`load_image_file`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn load_image_file(path: impl AsRef<Path>) -> Result<Image> {
        let path = path.as_ref().to_owned();
        off_task(move || load_image_file(path)).await
    }
}
