//! The store of rows, in which the access log has a folder: it is another store's, since the server writes it and may not write where the data lie.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, RenameOptions, Result,
};

use crate::rows::layout::is_of_access_log;

#[derive(Debug)]
pub(crate) struct WithAccessLog {
    pub(crate) rows: Arc<dyn ObjectStore>,
    /// The store whose folder of the access log is read.
    pub(crate) log: Arc<dyn ObjectStore>,
}

impl WithAccessLog {
    fn of(&self, path: &Path) -> &Arc<dyn ObjectStore> {
        if is_of_access_log(path) { &self.log } else { &self.rows }
    }

    fn under(&self, prefix: Option<&Path>) -> &Arc<dyn ObjectStore> {
        prefix.map_or(&self.rows, |prefix| self.of(prefix))
    }
}

impl fmt::Display for WithAccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rows.fmt(f)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for WithAccessLog {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.of(location).get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.of(location).get_ranges(location, ranges).await
    }

    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.of(location).put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(&self, location: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.of(location).put_multipart_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let (rows, log) = (Arc::clone(&self.rows), Arc::clone(&self.log));
        let one = |store: &Arc<dyn ObjectStore>, path: Path| store.delete_stream(futures::stream::iter([Ok(path)]).boxed());
        let each = move |location: Result<Path>| match location {
            Ok(path) if is_of_access_log(&path) => one(&log, path),
            Ok(path) => one(&rows, path),
            Err(error) => futures::stream::iter([Err(error)]).boxed(),
        };
        locations.flat_map(each).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.under(prefix).list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.under(prefix).list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.under(prefix).list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.of(from).copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.of(from).rename_opts(from, to, options).await
    }
}
