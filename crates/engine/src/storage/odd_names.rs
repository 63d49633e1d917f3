//! Files in a folder whose names no store can hold: they are no UTF-8, or have control characters in them. Somebody else put them there. One of them would
//! end every list of the folder; a [`PassingOver`] leaves them out, and [`find`] names them.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt as _,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};
use tokio::task::spawn_blocking;

use crate::storage::causes::causes;

/// Files that are listed with one call.
const AT_ONCE: usize = 1024;
/// The most names that are told.
const MOST: usize = 1_000;

/// A store of a folder's files, whose lists leave out what has an odd name.
#[derive(Debug)]
pub(crate) struct PassingOver {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) folder: PathBuf,
}

/// The path of a file that a list ended at because of its name, as far as it can be written, with its other bytes as `%E9`.
pub(crate) fn odd_path(error: &Error) -> Option<String> {
    causes(error).find_map(|cause| match cause.downcast_ref::<object_store::path::Error>()? {
        object_store::path::Error::NonUnicode { path, .. } | object_store::path::Error::BadSegment { path, .. } => Some(path.clone()),
        _ => None,
    })
}

/// The paths below the folder whose last part is odd, as they can be shown; 1,000 at most. What a link leads to and what may not be read is not looked at.
///
/// # Errors
/// If the folder itself cannot be read.
pub fn find(folder: &FilePath) -> std::io::Result<Vec<String>> {
    let (mut found, mut next) = (Vec::new(), vec![std::fs::read_dir(folder)?]);
    while let Some(entries) = next.pop() {
        for entry in entries.flatten() {
            if found.len() >= MOST {
                return Ok(found);
            }
            if entry.file_name().to_str().is_none_or(|name| Path::parse(name).is_err()) {
                found.push(format!("{:?}", entry.path()));
            } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                next.extend(std::fs::read_dir(entry.path()).ok());
            }
        }
    }
    found.sort();
    Ok(found)
}

impl PassingOver {
    /// The store's own list without errors about names. The library ends a list at its first error, unless it is called outside the runtime.
    fn passing_over(
        &self,
        list: impl FnOnce(&dyn ObjectStore) -> BoxStream<'static, Result<ObjectMeta>> + Send,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let Ok(files) = std::thread::scope(|scope| scope.spawn(|| list(self.store.as_ref())).join()) else {
            return stream::empty().boxed();
        };
        let files = files.filter(|file| std::future::ready(!file.as_ref().is_err_and(|error| odd_path(error).is_some()))).boxed();
        let listed = stream::try_unfold((files, VecDeque::new()), async |(mut files, mut some)| {
            if some.is_empty() {
                (files, some) = spawn_blocking(move || {
                    // Outside the runtime no file is waited for.
                    let some = std::iter::from_fn(|| files.next().now_or_never().flatten()).take(AT_ONCE).collect();
                    (files, some)
                })
                .await?;
            }
            some.pop_front().transpose().map(|file| file.map(|file| (file, (files, some))))
        });
        listed.boxed()
    }

    /// What lies in one folder, without what has an odd name.
    async fn level(&self, prefix: &Path) -> Result<ListResult> {
        let folder = prefix.parts().fold(self.folder.clone(), |folder, part| folder.join(part.as_ref()));
        let read = move || -> std::io::Result<Vec<(String, bool)>> {
            let entries = std::fs::read_dir(folder)?.flatten();
            let named = entries.filter_map(|entry| {
                let is_folder = std::fs::metadata(entry.path()).ok()?.is_dir();
                Some((entry.file_name().into_string().ok()?, is_folder))
            });
            Ok(named.collect())
        };
        let source = |error: std::io::Error| Error::Generic { store: "LocalFileSystem", source: Box::new(error) };
        let (mut common_prefixes, mut objects) = (Vec::new(), Vec::new());
        for (name, is_folder) in spawn_blocking(read).await?.map_err(source)? {
            let Ok(below) = Path::parse(&name) else { continue };
            let path: Path = prefix.parts().chain(below.parts()).collect();
            if is_folder {
                common_prefixes.push(path);
            } else if let Ok(meta) = self.store.head(&path).await {
                objects.push(meta);
            }
        }
        common_prefixes.sort();
        Ok(ListResult { common_prefixes, objects })
    }
}

impl fmt::Display for PassingOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for PassingOver {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.store.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.store.get_ranges(location, ranges).await
    }

    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.store.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(&self, location: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.store.put_multipart_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.store.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.passing_over(|store| store.list(prefix))
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.passing_over(|store| store.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        match self.store.list_with_delimiter(prefix).await {
            Err(error) if odd_path(&error).is_some() => self.level(prefix.unwrap_or(&Path::ROOT)).await,
            listed => listed,
        }
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.store.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.store.rename_opts(from, to, options).await
    }
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    use futures::TryStreamExt as _;
    use object_store::local::LocalFileSystem;

    use super::*;

    #[tokio::test]
    async fn odd_names_are_passed_over_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let at = |bytes: &[u8]| folder.path().join(OsStr::from_bytes(bytes));
        std::fs::create_dir_all(at(b"a/b")).unwrap();
        std::fs::create_dir(at(b"a/\xe9")).unwrap();
        for name in [&b"a/1.csv"[..], b"a/b/2.csv", b"3.csv", b"\xe9.csv", b"a/b/\xff", b"a/\xe9/4.csv", b"a/line\n.csv"] {
            std::fs::write(at(name), "x").unwrap();
        }
        let store = Arc::new(LocalFileSystem::new_with_prefix(folder.path()).unwrap());
        let store = PassingOver { store, folder: folder.path().to_owned() };
        for (prefix, expected) in [(None, &["3.csv", "a/1.csv", "a/b/2.csv"][..]), (Some(Path::from("a/b")), &["a/b/2.csv"])] {
            let listed: Vec<_> = store.list(prefix.as_ref()).map_ok(|meta| meta.location.to_string()).try_collect().await.unwrap();
            let mut listed: Vec<String> = listed;
            listed.sort();
            assert_eq!(listed, expected);
        }
        let level = store.list_with_delimiter(None).await.unwrap();
        assert_eq!((level.common_prefixes, level.objects.len()), (vec![Path::from("a")], 1));
        let level = store.list_with_delimiter(Some(&Path::from("a"))).await.unwrap();
        assert_eq!((level.common_prefixes, level.objects.len()), (vec![Path::from("a/b")], 1));
        let found = find(folder.path()).unwrap();
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(
            found.iter().any(|name| name.ends_with(r#"/a/b/\xFF""#)) && found.iter().any(|name| name.ends_with(r#"/a/line\n.csv""#)),
            "{found:?}"
        );
    }
}
