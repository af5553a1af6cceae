//! Calls that make, remove, move and copy nodes; none of them waits for a lock.

use super::AsyncMemFs;
use super::task::{is_large, share};
use crate::error::Result;
use crate::fs::MemFs;
use crate::ops::SMALL;
use crate::snapshot::Snapshot;

impl AsyncMemFs {
    /// As [`MemFs::create_dir`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.create_dir("/d").await?;
    /// assert!(fs.is_dir("/d").await);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn create_dir(&self, path: impl AsRef<str>) -> Result<()> {
        share().await;
        self.fs.create_dir(path)
    }

    /// As [`MemFs::create_dir_all`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.create_dir_all("/a/b/c").await?;
    /// assert!(fs.is_dir("/a/b").await);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn create_dir_all(&self, path: impl AsRef<str>) -> Result<()> {
        share().await;
        self.fs.create_dir_all(path)
    }

    /// As [`MemFs::remove_file`]. A file of more than 64 MiB is removed elsewhere, since freeing it takes
    /// long.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.write("/a", b"1").await?;
    /// fs.remove_file("/a").await?;
    /// assert!(!fs.exists("/a").await);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn remove_file(&self, path: impl AsRef<str>) -> Result<()> {
        let path = path.as_ref().to_owned();
        self.by_size(self.is_large(&path), move |fs| fs.remove_file(path)).await
    }

    /// As [`MemFs::remove_dir`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.create_dir("/d").await?;
    /// fs.remove_dir("/d").await?;
    /// assert!(!fs.exists("/d").await);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn remove_dir(&self, path: impl AsRef<str>) -> Result<()> {
        share().await;
        self.fs.remove_dir(path)
    }

    /// As [`MemFs::remove_dir_all`]. A large tree is freed elsewhere.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.create_dir_all("/a/b/c").await?;
    /// fs.remove_dir_all("/a").await?;
    /// assert!(!fs.exists("/a").await);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn remove_dir_all(&self, path: impl AsRef<str>) -> Result<()> {
        let path = path.as_ref().to_owned();
        self.by_size(self.is_large(&path), move |fs| fs.remove_dir_all(path)).await
    }

    /// As [`MemFs::clear`]. A large tree is freed elsewhere.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.create_dir_all("/a/b/c").await?;
    /// fs.clear().await?;
    /// assert_eq!(fs.stats().used_bytes, 0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn clear(&self) -> Result<()> {
        self.by_size(self.is_large("/"), MemFs::clear).await
    }

    /// As [`MemFs::rename`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.write("/a", b"1").await?;
    /// fs.rename("/a", "/b").await?;
    /// assert_eq!(fs.read("/b").await?, b"1");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn rename(&self, from: impl AsRef<str>, to: impl AsRef<str>) -> Result<()> {
        share().await;
        self.fs.rename(from, to)
    }

    /// As [`MemFs::replace`]. A file of more than 64 MiB is replaced elsewhere, since freeing it takes
    /// long.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.write("/new", b"2").await?;
    /// fs.write("/current", b"1").await?;
    /// fs.replace("/new", "/current").await?;
    /// assert_eq!(fs.read("/current").await?, b"2");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn replace(&self, from: impl AsRef<str>, to: impl AsRef<str>) -> Result<()> {
        let (from, to) = (from.as_ref().to_owned(), to.as_ref().to_owned());
        self.by_size(self.is_large(&to), move |fs| fs.replace(from, to)).await
    }

    /// As [`MemFs::exchange`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.write("/a", b"1").await?;
    /// fs.create_dir("/b").await?;
    /// fs.exchange("/a", "/b").await?;
    /// assert!(fs.is_dir("/a").await && fs.is_file("/b").await);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn exchange(&self, a: impl AsRef<str>, b: impl AsRef<str>) -> Result<()> {
        share().await;
        self.fs.exchange(a, b)
    }

    /// As [`MemFs::move_path`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.write("/a", b"1").await?;
    /// fs.move_path("/a", "/x/y/a").await?;
    /// assert_eq!(fs.read("/x/y/a").await?, b"1");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn move_path(&self, from: impl AsRef<str>, to: impl AsRef<str>) -> Result<()> {
        share().await;
        self.fs.move_path(from, to)
    }

    /// As [`MemFs::copy`]: the bytes are shared, so this takes no longer for a large file.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.write("/a", b"12345").await?;
    /// assert_eq!(fs.copy("/a", "/b").await?, 5);
    /// assert_eq!(fs.read("/b").await?, b"12345");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn copy(&self, from: impl AsRef<str>, to: impl AsRef<str>) -> Result<u64> {
        share().await;
        self.fs.copy(from, to)
    }

    /// As [`MemFs::copy_dir_all`]. The nodes of a large tree are made elsewhere.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.create_dir_all("/a/b").await?;
    /// fs.write("/a/b/f", b"1").await?;
    /// fs.copy_dir_all("/a", "/c").await?;
    /// assert_eq!(fs.read("/c/b/f").await?, b"1");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn copy_dir_all(&self, from: impl AsRef<str>, to: impl AsRef<str>) -> Result<()> {
        let (from, to) = (from.as_ref().to_owned(), to.as_ref().to_owned());
        self.by_size(self.is_large(&from), move |fs| fs.copy_dir_all(from, to)).await
    }

    /// As [`MemFs::copy_from`]. What is large, or is of another filesystem and has more than 1 MiB, is
    /// copied elsewhere.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.write("/a", b"1").await?;
    /// let snapshot = fs.snapshot();
    /// fs.remove_file("/a").await?;
    /// fs.copy_from(&snapshot, "/a", "/rescued").await?;
    /// assert_eq!(fs.read("/rescued").await?, b"1");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn copy_from(
        &self,
        snapshot: &Snapshot,
        from: impl AsRef<str>,
        to: impl AsRef<str>,
    ) -> Result<u64> {
        let (snapshot, from, to) = (snapshot.clone(), from.as_ref().to_owned(), to.as_ref().to_owned());
        let foreign = !snapshot.is_of(&self.fs.volume().resources);
        let large =
            snapshot.usage(&from).is_ok_and(|usage| is_large(&usage) || foreign && usage.bytes > SMALL);
        self.by_size(large, move |fs| fs.copy_from(&snapshot, from, to)).await
    }
}
