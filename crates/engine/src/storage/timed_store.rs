//! An object store whose calls are timed and whose failures are counted, by what they do. Lists and deletions are streams, which take as long as their
//! reader: only the failures of other calls count, and an object that does not exist is no failure.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions,
    PutPayload, PutResult, RenameOptions, Result, UploadPart,
};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tokio::time::Instant;
use tracing::Instrument as _;

/// The target of spans, which whoever collects traces asks for. It is the same in every crate.
const SPANS: &str = "insightgate_traces";

/// Upper bounds in seconds: a file answers within a millisecond, an object store within some tens of them, and a slow one is given up after seconds.
const BOUNDS: [f64; 10] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

type Labels = [(&'static str, &'static str); 2];

/// The times of the stores of rows and of artifacts. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct StorageTelemetry {
    calls: Family<Labels, Histogram, fn() -> Histogram>,
    failures: Family<Labels, Counter>,
}

impl Default for StorageTelemetry {
    fn default() -> Self {
        StorageTelemetry { calls: Family::new_with_constructor(|| Histogram::new(BOUNDS)), failures: Family::default() }
    }
}

impl StorageTelemetry {
    pub(crate) fn register(&self, registry: &mut Registry) {
        let about = "Time of a call to the store of rows or of artifacts; of a read, until its first byte";
        registry.register_with_unit("storage_call", about, Unit::Seconds, self.calls.clone());
        registry.register("storage_failures", "Calls to the store of rows or of artifacts that failed", self.failures.clone());
    }

    /// The same store, timed. `which` names it.
    pub(crate) fn around(&self, which: &'static str, store: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
        let times = |call| {
            let labels = [("store", which), ("call", call)];
            Times { which, call, seconds: self.calls.get_or_create_owned(&labels), failures: self.failures.get_or_create_owned(&labels) }
        };
        Arc::new(TimedStore { read: times("read"), write: times("write"), other: times("other"), store })
    }
}

#[derive(Debug, Clone)]
struct Times {
    which: &'static str,
    call: &'static str,
    seconds: Histogram,
    failures: Counter,
}

impl Times {
    async fn of<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        let begun = Instant::now();
        let span = tracing::info_span!(target: SPANS, "storage", store = self.which, call = self.call);
        let outcome = call.instrument(span).await;
        self.seconds.observe(begun.elapsed().as_secs_f64());
        if outcome.as_ref().is_err_and(is_failure) {
            self.failures.inc();
        }
        outcome
    }
}

/// Whether the store failed. What is not there, or has changed, is an answer.
fn is_failure(error: &Error) -> bool {
    !matches!(error, Error::NotFound { .. } | Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotModified { .. })
}

#[derive(Debug)]
struct TimedStore {
    store: Arc<dyn ObjectStore>,
    read: Times,
    write: Times,
    other: Times,
}

impl fmt::Display for TimedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for TimedStore {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.read.of(self.store.get_opts(location, options)).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.read.of(self.store.get_ranges(location, ranges)).await
    }

    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.write.of(self.store.put_opts(location, payload, options)).await
    }

    async fn put_multipart_opts(&self, location: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        let upload = self.other.of(self.store.put_multipart_opts(location, options)).await?;
        Ok(Box::new(TimedUpload { upload, write: self.write.clone(), other: self.other.clone() }))
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.store.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.other.of(self.store.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.other.of(self.store.copy_opts(from, to, options)).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.other.of(self.store.rename_opts(from, to, options)).await
    }
}

/// An upload whose parts are timed.
#[derive(Debug)]
struct TimedUpload {
    upload: Box<dyn MultipartUpload>,
    write: Times,
    other: Times,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl MultipartUpload for TimedUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (part, write) = (self.upload.put_part(data), self.write.clone());
        Box::pin(async move { write.of(part).await })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.other.of(self.upload.complete()).await
    }

    async fn abort(&mut self) -> Result<()> {
        self.other.of(self.upload.abort()).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use object_store::ObjectStoreExt as _;
    use object_store::memory::InMemory;
    use prometheus_client::encoding::prometheus_text;

    use super::*;

    #[tokio::test]
    async fn calls_are_timed_and_what_is_not_there_is_no_failure() {
        let telemetry = StorageTelemetry::default();
        let store = telemetry.around("rows", Arc::new(InMemory::new()));
        let path = Path::from("a");
        store.put(&path, PutPayload::from_static(b"0123456789")).await.unwrap();
        assert_eq!(store.get_ranges(&path, &[0..4, 8..9]).await.unwrap().len(), 2);
        assert!(store.get(&Path::from("b")).await.is_err());
        assert!(store.get_ranges(&path, std::slice::from_ref(&(100..101))).await.is_err());
        let mut upload = store.put_multipart(&path).await.unwrap();
        upload.put_part(PutPayload::from_static(b"x")).await.unwrap();
        upload.complete().await.unwrap();
        let mut registry = Registry::default();
        telemetry.register(&mut registry);
        let mut text = String::new();
        prometheus_text::encode(&mut text, &registry).unwrap();
        for line in [
            "storage_call_seconds_count{store=\"rows\",call=\"read\"} 3",
            "storage_call_seconds_count{store=\"rows\",call=\"write\"} 2",
            "storage_call_seconds_count{store=\"rows\",call=\"other\"} 2",
            "storage_failures_total{store=\"rows\",call=\"read\"} 1",
            "storage_failures_total{store=\"rows\",call=\"write\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }
}
