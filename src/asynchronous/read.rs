//! Calls that read. Each looks at one root; none takes a lock or waits for one.

use super::AsyncMemFs;
use super::task::{counted, off_task, share};
use crate::content::Content;
use crate::error::Result;
#[cfg(doc)]
use crate::fs::MemFs;
use crate::fs::utf8;
use crate::ops::{Named, SMALL, read_content};
use crate::tree::metadata::Metadata;
use crate::tree::read_dir::ReadDir;
use crate::tree::walk::Walk;
use crate::usage::Usage;

impl AsyncMemFs {
    /// As [`MemFs::exists`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.write("/a", b"").await?;
    /// assert!(fs.exists("/a").await && !fs.exists("/b").await);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn exists(&self, path: impl AsRef<str>) -> bool {
        share().await;
        self.fs.exists(path)
    }

    /// As [`MemFs::is_file`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.write("/a", b"").await?;
    /// assert!(fs.is_file("/a").await && !fs.is_file("/").await);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn is_file(&self, path: impl AsRef<str>) -> bool {
        share().await;
        self.fs.is_file(path)
    }

    /// As [`MemFs::is_dir`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.write("/a", b"").await?;
    /// assert!(fs.is_dir("/").await && !fs.is_dir("/a").await);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn is_dir(&self, path: impl AsRef<str>) -> bool {
        share().await;
        self.fs.is_dir(path)
    }

    /// As [`MemFs::metadata`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.write("/a", b"12345").await?;
    /// assert_eq!(fs.metadata("/a").await?.len(), 5);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn metadata(&self, path: impl AsRef<str>) -> Result<Metadata> {
        share().await;
        self.fs.metadata(path)
    }

    /// As [`MemFs::read_dir`]. The iterator is of one instant and never waits.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.import_tree([("/a", ""), ("/b", "")]).await?;
    /// let names: Vec<_> = fs.read_dir("/").await?.map(|entry| entry.name().to_string()).collect();
    /// assert_eq!(names, ["a", "b"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn read_dir(&self, path: impl AsRef<str>) -> Result<ReadDir> {
        share().await;
        self.fs.read_dir(path)
    }

    /// As [`MemFs::read`]. More than 1 MiB is copied elsewhere.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.write("/a", b"bytes").await?;
    /// assert_eq!(fs.read("/a").await?, b"bytes");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn read(&self, path: impl AsRef<str>) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.read_as("read", path.as_ref(), &mut bytes).await?;
        Ok(bytes)
    }

    /// As [`MemFs::read_to_string`]. More than 1 MiB is copied, and checked to be UTF-8, elsewhere.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.write("/a", "text").await?;
    /// assert_eq!(fs.read_to_string("/a").await?, "text");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn read_to_string(&self, path: impl AsRef<str>) -> Result<String> {
        share().await;
        let (path, mut bytes) = (path.as_ref(), Vec::new());
        let text = match self.fs.volume().read_small(path, &mut bytes) {
            Ok(None) => {
                counted(bytes.len()).await;
                utf8(bytes)
            }
            Ok(Some(content)) => {
                off_task(move || {
                    read_content(&content, &mut bytes)?;
                    utf8(bytes)
                })
                .await
            }
            Err(error) => Err(error),
        };
        text.named("read_to_string", path)
    }

    /// As [`MemFs::read_into`]. More than 1 MiB is copied elsewhere; `out` goes there too, and a call that
    /// is dropped meanwhile leaves it empty.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.write("/a", b"bytes").await?;
    /// let mut buffer = b"something older".to_vec();
    /// assert_eq!(fs.read_into("/a", &mut buffer).await?, 5);
    /// assert_eq!(buffer, b"bytes");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn read_into(&self, path: impl AsRef<str>, out: &mut Vec<u8>) -> Result<usize> {
        self.read_as("read_into", path.as_ref(), out).await?;
        Ok(out.len())
    }

    async fn read_as(&self, operation: &'static str, path: &str, out: &mut Vec<u8>) -> Result<()> {
        share().await;
        match self.fs.volume().read_small(path, out).named(operation, path)? {
            None => counted(out.len()).await,
            Some(content) => {
                let mut bytes = std::mem::take(out);
                *out = off_task(move || {
                    read_content(&content, &mut bytes)?;
                    Ok(bytes)
                })
                .await
                .named(operation, path)?;
            }
        }
        Ok(())
    }

    /// As [`MemFs::content`]: no bytes are copied.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.write("/a", b"bytes").await?;
    /// assert_eq!(fs.content("/a").await?.to_vec()?, b"bytes");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn content(&self, path: impl AsRef<str>) -> Result<Content> {
        share().await;
        self.fs.content(path)
    }

    /// As [`MemFs::walk`]. The iterator is of one instant and never waits.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.create_dir_all("/a/b").await?;
    /// let paths: Vec<_> = fs.walk("/").await?.map(|dir| dir.path).collect();
    /// assert_eq!(paths, ["/", "/a", "/a/b"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn walk(&self, path: impl AsRef<str>) -> Result<Walk> {
        share().await;
        self.fs.walk(path)
    }

    /// As [`MemFs::glob`]. A large tree, below the part of the pattern that is no pattern, is searched
    /// elsewhere.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.import_tree([("/src/lib.rs", ""), ("/src/tree/mod.rs", "")]).await?;
    /// assert_eq!(fs.glob("**/*.rs").await?, ["/src/lib.rs", "/src/tree/mod.rs"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn glob(&self, pattern: impl AsRef<str>) -> Result<Vec<String>> {
        let pattern = pattern.as_ref().to_owned();
        let plain = pattern.split(['*', '?', '[']).next().unwrap_or_default();
        let base = plain.rfind(['/', '\\']).map_or("/", |end| &plain[..end]);
        self.by_size(self.is_large(base), move |fs| fs.glob(pattern)).await
    }

    /// As [`MemFs::usage`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.write("/a", b"12345").await?;
    /// assert_eq!(fs.usage("/").await?.bytes, 5);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn usage(&self, path: impl AsRef<str>) -> Result<Usage> {
        share().await;
        self.fs.usage(path)
    }

    /// As [`MemFs::export_bytes`]. More than 1 MiB is copied elsewhere.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.write("/a", b"12345").await?;
    /// assert_eq!(fs.export_bytes("/a", Some(5)).await?, b"12345");
    /// assert!(fs.export_bytes("/a", Some(4)).await.is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn export_bytes(&self, path: impl AsRef<str>, max_size: Option<u64>) -> Result<Vec<u8>> {
        share().await;
        let path = path.as_ref();
        let content = self.fs.volume().content(path).named("export_bytes", path)?;
        let len = content.len();
        let export = move || crate::export::export_bytes(&content, max_size);
        let exported = if len > SMALL { off_task(export).await } else { export() };
        exported.named("export_bytes", path)
    }
}
