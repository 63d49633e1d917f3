//! An object store whose answers are checked to be as long as they say. The Parquet reader trusts the length: it panics on a shorter answer, and the
//! file would seem to be damaged.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt, unfold};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, OBJECT_STORE_COALESCE_DEFAULT, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, coalesce_ranges,
};

use crate::storage::causes::causes;

/// How often an answer that was too short is requested again before it is an error.
const TRIES: u32 = 3;
const WAIT: Duration = Duration::from_millis(100);

/// The store returned fewer or more bytes than it announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it answered with {got} of {wanted} bytes")]
pub(crate) struct WrongLength {
    got: u64,
    wanted: u64,
}

impl WrongLength {
    /// Finds it in a chain of causes.
    pub(crate) fn in_error(error: &Error) -> Option<WrongLength> {
        causes(error).find_map(|cause| cause.downcast_ref()).copied()
    }
}

#[derive(Debug)]
pub(crate) struct CheckedStore(pub(crate) Arc<dyn ObjectStore>);

impl fmt::Display for CheckedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for CheckedStore {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let has_body = !options.head;
        let mut found = self.0.get_opts(location, options).await?;
        found.payload = match found.payload {
            GetResultPayload::Stream(stream) if has_body => {
                GetResultPayload::Stream(checked(stream, found.range.end.saturating_sub(found.range.start)))
            }
            other => other,
        };
        Ok(found)
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let mut tries = 0;
        loop {
            tries += 1;
            match coalesce_ranges(ranges, |range| self.get_range(location, range), OBJECT_STORE_COALESCE_DEFAULT).await {
                Err(error) if tries < TRIES && WrongLength::in_error(&error).is_some() => tokio::time::sleep(WAIT * tries).await,
                outcome => return outcome,
            }
        }
    }

    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.0.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(&self, location: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.0.put_multipart_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.0.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.0.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.0.rename_opts(from, to, options).await
    }
}

/// The same bytes, with an error if there are more than wanted, or if they end too early.
fn checked(stream: BoxStream<'static, Result<Bytes>>, wanted: u64) -> BoxStream<'static, Result<Bytes>> {
    let wrong = move |got| Error::Generic { store: "object store", source: Box::new(WrongLength { got, wanted }) };
    unfold(Some((stream, 0_u64)), move |state| async move {
        let (mut stream, before) = state?;
        match stream.next().await {
            Some(Ok(bytes)) => {
                let got = before + bytes.len() as u64;
                if got > wanted { Some((Err(wrong(got)), None)) } else { Some((Ok(bytes), Some((stream, got)))) }
            }
            Some(Err(error)) => Some((Err(error), None)),
            None if before < wanted => Some((Err(wrong(before)), None)),
            None => None,
        }
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::atomic::{AtomicU32, Ordering};

    use object_store::memory::InMemory;

    use super::*;

    /// Leaves out the last byte of this many answers.
    #[derive(Debug)]
    struct Short(InMemory, AtomicU32);

    impl fmt::Display for Short {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("short")
        }
    }

    #[async_trait]
    impl ObjectStore for Short {
        async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
            let found = self.0.get_opts(location, options).await?;
            let (meta, range, attributes) = (found.meta.clone(), found.range.clone(), found.attributes.clone());
            let mut bytes = found.bytes().await?;
            if self.1.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                bytes.truncate(bytes.len() - 1);
            }
            let payload = GetResultPayload::Stream(futures::stream::iter([Ok(bytes)]).boxed());
            Ok(GetResult { payload, meta, range, attributes })
        }

        async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
            self.0.put_opts(location, payload, options).await
        }

        async fn put_multipart_opts(&self, location: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
            self.0.put_multipart_opts(location, options).await
        }

        fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
            self.0.delete_stream(locations)
        }

        fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
            self.0.list(prefix)
        }

        async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
            self.0.list_with_delimiter(prefix).await
        }

        async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
            self.0.copy_opts(from, to, options).await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn short_answers_are_asked_for_again_and_then_named() {
        let path = Path::from("a");
        // The last range lies beyond the end of a short answer.
        let ranges = [0..4, 8..9, 9..10];
        for (short, told) in [(0, true), (2, true), (3, false)] {
            let store = CheckedStore(Arc::new(Short(InMemory::new(), AtomicU32::new(short))));
            store.put(&path, PutPayload::from_static(b"0123456789")).await.unwrap();
            let found = store.get_ranges(&path, &ranges).await;
            match found {
                Ok(found) => assert!(told && found == [&b"0123"[..], b"8", b"9"], "{short}"),
                Err(error) => {
                    assert!(!told, "{short}");
                    assert_eq!(WrongLength::in_error(&error), Some(WrongLength { got: 9, wanted: 10 }));
                }
            }
        }
        let store = CheckedStore(Arc::new(Short(InMemory::new(), AtomicU32::new(1))));
        store.put(&path, PutPayload::from_static(b"0123456789")).await.unwrap();
        let whole = store.get(&path).await.unwrap().bytes().await;
        assert!(WrongLength::in_error(&whole.unwrap_err()).is_some());
    }
}
