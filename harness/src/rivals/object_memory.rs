//! `object_store::memory::InMemory`, driven by a current-thread runtime of tokio.
//!
//! Every thread makes a runtime of its own at its first call and keeps it, so that no two threads
//! ever wait for one runtime; what the calls cost includes entering it. Its locks are the store's
//! own. Objects are put whole: a stream is collected and put at close, which costs one copy where
//! parts, put one by one and joined by the store, cost two. A stream is read from one `get`; bytes
//! in the middle come from a `get` of their range. The store deletes what is not there without
//! telling. Paths are parsed at each call, as by who has them as text. A view is a fork, which copies the map and shares the bytes.

use std::cell::OnceCell;

use bytes::Bytes;
use futures_util::future::ready;
use futures_util::{StreamExt, TryStreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use tokio::runtime::{Builder, Runtime};

use super::flat::{FlatView, Frozen};
use super::pieces::{Draft, copy_piece, ends_early, not_open_for};
use super::without_limit;
use crate::backend::{Backend, Side};
use crate::store::{Answer, Failure, Mode, OpenFile, Store, View};

/// See the module.
pub const BACKEND: Backend = Backend {
    name: "object-store",
    about: "InMemory of the crate object_store, through a current-thread runtime in each thread",
    side: Side::Rival,
    make: |setup| {
        without_limit(setup)?;
        Ok(Box::new(Objects(InMemory::new())))
    },
};

thread_local! {
    static RUNTIME: OnceCell<Runtime> = const { OnceCell::new() };
}

/// Runs a call of the store to its end on this thread.
fn wait<T>(call: impl Future<Output = object_store::Result<T>>) -> Answer<T> {
    RUNTIME.with(|runtime| {
        let runtime = runtime.get_or_init(|| {
            Builder::new_current_thread().build().expect("a runtime without drivers opens nothing")
        });
        runtime.block_on(call).map_err(Failure::failed)
    })
}

fn key(path: &str) -> Answer<Path> {
    Path::parse(path).map_err(Failure::failed)
}

/// The objects below a prefix.
fn metas(store: &InMemory, prefix: Option<&Path>) -> Answer<Vec<ObjectMeta>> {
    wait(store.list(prefix).try_collect())
}

fn get(store: &InMemory, key: &Path) -> Answer<Bytes> {
    wait(async { store.get(key).await?.bytes().await })
}

struct Objects(InMemory);

impl Store for Objects {
    fn create_dir_all(&self, _path: &str) -> Answer<()> {
        Ok(())
    }

    fn write(&self, path: &str, bytes: &[u8]) -> Answer<()> {
        wait(self.0.put(&key(path)?, Bytes::copy_from_slice(bytes).into())).map(drop)
    }

    fn read(&self, path: &str, out: &mut Vec<u8>) -> Answer<()> {
        let bytes = get(&self.0, &key(path)?)?;
        out.clear();
        out.extend_from_slice(&bytes);
        Ok(())
    }

    fn read_shared(&self, path: &str, each: &mut dyn FnMut(&[u8])) -> Answer<()> {
        each(&get(&self.0, &key(path)?)?);
        Ok(())
    }

    fn size(&self, path: &str) -> Answer<u64> {
        wait(self.0.head(&key(path)?)).map(|meta| meta.size)
    }

    fn list(&self, path: &str, each: &mut dyn FnMut(&str)) -> Answer<()> {
        let found = wait(self.0.list_with_delimiter(Some(&key(path)?)))?;
        let files = found.objects.iter().map(|meta| &meta.location);
        files.chain(&found.common_prefixes).filter_map(Path::filename).for_each(each);
        Ok(())
    }

    fn remove(&self, path: &str) -> Answer<()> {
        wait(self.0.delete(&key(path)?))
    }

    fn copy_dir_all(&self, from: &str, to: &str) -> Answer<()> {
        let prefix = key(from)?;
        for meta in metas(&self.0, Some(&prefix))? {
            let rest = &meta.location.as_ref()[prefix.as_ref().len()..];
            wait(self.0.copy(&meta.location, &key(&format!("{to}{rest}"))?))?;
        }
        Ok(())
    }

    fn remove_dir_all(&self, path: &str) -> Answer<()> {
        let found = self.0.list(Some(&key(path)?)).map_ok(|meta| meta.location).boxed();
        wait(self.0.delete_stream(found).try_for_each(|_| ready(Ok(()))))
    }

    fn open<'store>(&'store self, path: &str, mode: Mode) -> Answer<Box<dyn OpenFile + 'store>> {
        let key = key(path)?;
        match mode {
            Mode::Read => {
                wait(self.0.head(&key))?;
                Ok(Box::new(Reading { store: &self.0, key, body: None, position: 0 }))
            }
            Mode::Create => {
                Ok(Box::new(Draft::new(move |value| wait(self.0.put(&key, value.into())).map(drop))))
            }
            Mode::Update => Err(Failure::Cannot("has no way to write a part of an object")),
        }
    }

    fn view(&self) -> Answer<Box<dyn View + '_>> {
        Ok(Box::new(FlatView(Box::new(self.0.fork()))))
    }
}

/// An object that is read in pieces.
struct Reading<'store> {
    store: &'store InMemory,
    key: Path,
    /// From the first read in order on.
    body: Option<Bytes>,
    position: usize,
}

impl OpenFile for Reading<'_> {
    fn read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        let body = match &mut self.body {
            Some(body) => body,
            body => body.insert(get(self.store, &self.key)?),
        };
        let count = copy_piece(body, self.position, buf);
        self.position += count;
        Ok(count)
    }

    fn write(&mut self, _bytes: &[u8]) -> Answer<()> {
        Err(not_open_for("writing"))
    }

    fn read_at(&mut self, buf: &mut [u8], offset: u64) -> Answer<()> {
        if buf.is_empty() {
            return Ok(()); // an empty range is an error of the store
        }
        let bytes = wait(self.store.get_range(&self.key, offset..offset + buf.len() as u64))?;
        if bytes.len() < buf.len() {
            return Err(ends_early(offset));
        }
        buf.copy_from_slice(&bytes);
        Ok(())
    }

    fn write_at(&mut self, _bytes: &[u8], _offset: u64) -> Answer<()> {
        Err(not_open_for("writing"))
    }

    fn close(self: Box<Self>) -> Answer<()> {
        Ok(())
    }
}

/// Paths of objects have no slash in front.
fn with_slash<'path>(path: &Path, buf: &'path mut String) -> &'path str {
    buf.clear();
    buf.push('/');
    buf.push_str(path.as_ref());
    buf
}

impl Frozen for InMemory {
    fn paths(&self, mut each: impl FnMut(&str)) -> Answer<()> {
        let mut path = String::new();
        metas(self, None)?.iter().for_each(|meta| each(with_slash(&meta.location, &mut path)));
        Ok(())
    }

    fn files(&self, mut each: impl FnMut(&str, &[u8])) -> Answer<()> {
        let mut path = String::new();
        for meta in metas(self, None)? {
            let bytes = get(self, &meta.location)?;
            each(with_slash(&meta.location, &mut path), &bytes);
        }
        Ok(())
    }
}
