//! The place of rows or artifacts: a folder, or a place in an object store that a URL names.
//!
//! Reads the operator's text and the store's settings in the environment (`AWS_…`, `AZURE_…`, `GOOGLE_…`, under the names that `object_store` reads),
//! and returns a store in which paths are relative to that place. No credential is ever part of a URL, an error or a debug form.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::signer::Signer;
use object_store::{ClientOptions, ObjectStore, ObjectStoreScheme, RetryConfig};
use url::Url;

use crate::error::EngineError;
use crate::storage::advice::Step;
use crate::storage::checked_store::CheckedStore;
use crate::storage::odd_names::PassingOver;
use crate::storage::timed_store::StorageTelemetry;

/// How often, and for how long at most, a request that failed for a transient reason is retried: a preview has 100 seconds in all.
const RETRIES: usize = 5;
const RETRY_TIME: Duration = Duration::from_secs(20);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The forms of an address, for messages.
const FORMS: &str = "a folder, file:///path, s3://bucket/prefix, azure://container/prefix, abfss://container@account.dfs.core.windows.net/prefix, \
                     https://account.blob.core.windows.net/container/prefix or gs://bucket/prefix";

/// The place that contains `<program>/<Dataset>/…`; artifacts have a place of their own.
#[derive(Debug, Clone)]
pub enum DataRoot {
    /// A folder, which is created if it does not exist.
    Folder(PathBuf),
    Store(StoreUrl),
}

/// A place in an object store, and how to reach it.
#[derive(Clone)]
pub struct StoreUrl {
    url: Url,
    scheme: ObjectStoreScheme,
    prefix: Path,
    /// The settings, with names in lowercase; they include credentials.
    settings: Vec<(String, String)>,
}

/// A store that is ready for use, and its signer if it can sign URLs.
pub(crate) struct OpenedStore {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) signing: Option<Signing>,
}

/// Signs URLs that open one object of a store to whoever has them.
pub(crate) struct Signing {
    signer: Arc<dyn Signer>,
    prefix: Path,
}

/// The text does not name a place for rows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadDataRoot(String);

impl From<PathBuf> for DataRoot {
    fn from(folder: PathBuf) -> Self {
        DataRoot::Folder(folder)
    }
}

impl DataRoot {
    /// Reads a folder or a URL. `environment` has the store's settings; other variables are ignored.
    ///
    /// # Errors
    ///
    /// Fails if the address is not a URL, names an unknown store, or contains credentials, a query or a fragment.
    pub fn parse(text: &str, environment: impl IntoIterator<Item = (String, String)>) -> Result<DataRoot, BadDataRoot> {
        let Some((scheme, rest)) = text.split_once("://") else { return Ok(DataRoot::Folder(PathBuf::from(text))) };
        // From here on no message repeats more than the scheme, since the rest may contain a credential that should not be there.
        let refused = |why: &str| BadDataRoot(format!("the address {scheme}://… {why}; it should be {FORMS}"));
        let mut url = Url::parse(&with_account_host(scheme, rest)).map_err(|error| refused(&format!("is no URL ({error})")))?;
        if url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return Err(refused("may hold no password, query or fragment: credentials come from the environment"));
        }
        if url.scheme() == "file" {
            let folder = url.to_file_path().map_err(|()| refused("names no folder of this machine"))?;
            return Ok(DataRoot::Folder(folder));
        }
        let names_container = matches!(url.scheme(), "az" | "abfs" | "abfss");
        if !url.username().is_empty() && !names_container {
            return Err(refused("may hold no user name: credentials come from the environment"));
        }
        let (scheme, prefix) = ObjectStoreScheme::parse(&url).map_err(|_| refused("is of no store that is known"))?;
        let variables = match scheme {
            ObjectStoreScheme::AmazonS3 => "aws_",
            ObjectStoreScheme::MicrosoftAzure => "azure_",
            ObjectStoreScheme::GoogleCloudStorage => "google_",
            _ => return Err(refused("is of no store that is known")),
        };
        let settings = environment.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
        let settings = settings.filter(|(name, _)| name.starts_with(variables)).collect();
        // A trailing slash has no meaning.
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(DataRoot::Store(StoreUrl { url, scheme, prefix, settings }))
    }

    pub(crate) fn open(&self) -> Result<OpenedStore, EngineError> {
        match self {
            DataRoot::Folder(folder) => {
                std::fs::create_dir_all(folder).map_err(EngineError::io(folder.display().to_string()))?;
                // When the last file of a folder is deleted, the folder is deleted too.
                let store = LocalFileSystem::new_with_prefix(folder)?.with_automatic_cleanup(true);
                Ok(OpenedStore { store: Arc::new(store), signing: None })
            }
            DataRoot::Store(url) => url.open(retry()),
        }
    }

    /// The same, but makes no folder.
    pub(crate) fn open_existing(&self, retry: RetryConfig) -> Result<OpenedStore, EngineError> {
        match self {
            DataRoot::Folder(folder) => {
                std::fs::read_dir(folder).map_err(EngineError::io(folder.display().to_string()))?;
                self.open()
            }
            DataRoot::Store(url) => url.open(retry),
        }
    }

    /// Why no store can be opened here, with what helps; `None` if it can. Nothing is asked of the store.
    pub fn fault(&self) -> Option<(EngineError, Option<String>)> {
        let error = self.open().err()?;
        let advice = self.advice(Step::Open, &error);
        Some((error, advice))
    }

    /// Why the store cannot sign URLs of single objects; `None` if it can.
    pub fn why_unsigned(&self) -> Option<&'static str> {
        match self {
            DataRoot::Folder(_) => Some("a folder has no links of its own"),
            // The library signs the encoded form of the name, and Azure checks the name itself.
            DataRoot::Store(StoreUrl { scheme: ObjectStoreScheme::MicrosoftAzure, url, .. }) if url.path().contains('%') => {
                Some("Azure takes no links to names with characters that have to be encoded")
            }
            DataRoot::Store(_) => None,
        }
    }

    /// The folder, if the rows are on this machine.
    pub fn folder(&self) -> Option<&std::path::Path> {
        match self {
            DataRoot::Folder(folder) => Some(folder),
            DataRoot::Store(_) => None,
        }
    }
}

impl StoreUrl {
    pub(crate) fn scheme(&self) -> &ObjectStoreScheme {
        &self.scheme
    }

    /// The name of the bucket or container, as far as the address says it.
    pub(crate) fn container(&self) -> &str {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.scheme() {
            "https" if host.contains(".s3.") => host.split('.').next().unwrap_or_default(),
            "https" => self.url.path_segments().and_then(|mut segments| segments.next()).unwrap_or_default(),
            _ if !self.url.username().is_empty() => self.url.username(),
            _ => host,
        }
    }

    fn open(&self, retry: RetryConfig) -> Result<OpenedStore, EngineError> {
        let options = ClientOptions::new().with_connect_timeout(CONNECT_TIMEOUT);
        // Settings that do not concern the store are ignored, as the builders' own `from_env` does.
        macro_rules! opened {
            ($builder:ty) => {{
                let builder = <$builder>::new().with_client_options(options).with_retry(retry);
                let builder = self.settings.iter().fold(builder, |builder, (name, value)| match name.parse() {
                    Ok(key) => builder.with_config(key, value),
                    Err(_) => builder,
                });
                self.below_prefix(builder.with_url(self.url.as_str()).build()?)
            }};
        }
        Ok(match self.scheme {
            ObjectStoreScheme::AmazonS3 => opened!(AmazonS3Builder),
            ObjectStoreScheme::GoogleCloudStorage => opened!(GoogleCloudStorageBuilder),
            _ => opened!(MicrosoftAzureBuilder),
        })
    }

    fn below_prefix<S: ObjectStore + Signer>(&self, store: S) -> OpenedStore {
        let store = Arc::new(store);
        let signing = Some(Signing { signer: Arc::clone(&store) as Arc<dyn Signer>, prefix: self.prefix.clone() });
        let store: Arc<dyn ObjectStore> =
            if self.prefix.as_ref().is_empty() { store } else { Arc::new(PrefixStore::new(store, self.prefix.clone())) };
        OpenedStore { store: Arc::new(CheckedStore(store)), signing }
    }
}

fn retry() -> RetryConfig {
    RetryConfig { max_retries: RETRIES, retry_timeout: RETRY_TIME, ..RetryConfig::default() }
}

impl Signing {
    /// A URL that answers GET with the object for the given time, by the store's own clock.
    pub(crate) async fn address(&self, path: &Path, lifetime: Duration) -> Result<String, EngineError> {
        let whole: Path = self.prefix.parts().chain(path.parts()).collect();
        Ok(self.signer.signed_url(Method::GET, &whole, lifetime).await?.into())
    }
}

impl OpenedStore {
    /// The same store, whose calls are timed under this name.
    pub(crate) fn timed(self, telemetry: &StorageTelemetry, which: &'static str) -> OpenedStore {
        OpenedStore { store: telemetry.around(which, self.store), ..self }
    }

    /// The same store without files whose names it cannot hold, if it is this folder.
    pub(crate) fn passing_over(self, folder: Option<&std::path::Path>) -> OpenedStore {
        match folder {
            Some(folder) => OpenedStore { store: Arc::new(PassingOver { store: self.store, folder: folder.to_owned() }), ..self },
            None => self,
        }
    }

    pub(crate) fn is_folder(&self) -> bool {
        self.signing.is_none()
    }

    /// Whether objects have a content type; files have none.
    pub(crate) fn keeps_types(&self) -> bool {
        self.signing.is_some()
    }
}

/// `abfss://container@account/…` is short for the account's own host.
fn with_account_host(scheme: &str, rest: &str) -> String {
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    match authority.split_once('@') {
        Some((_, account)) if scheme.to_ascii_lowercase().starts_with("abfs") && !account.contains('.') => {
            format!("{scheme}://{authority}.dfs.core.windows.net/{path}")
        }
        _ => format!("{scheme}://{rest}"),
    }
}

impl fmt::Display for DataRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DataRoot::Folder(folder) => folder.display().fmt(f),
            DataRoot::Store(StoreUrl { url, .. }) => url.fmt(f),
        }
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StoreUrl").field(&self.url.as_str()).finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    const SECRET: &str = "c2VjcmV0LXNlY3JldA==";

    fn environment() -> Vec<(String, String)> {
        let set = [
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
            ("AWS_REGION", "eu-north-1"),
            ("AWS_NO_SETTING_OF_A_STORE", "x"),
            ("AZURE_STORAGE_ACCOUNT_NAME", "account"),
            ("AZURE_STORAGE_ACCOUNT_KEY", SECRET),
            ("PATH", "/bin"),
        ];
        set.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    #[test]
    fn folders_and_urls_name_places() {
        for (text, shown, prefix) in [
            ("s3://bucket", "s3://bucket", ""),
            ("s3://bucket/", "s3://bucket", ""),
            ("S3://bucket/a%20b/c/", "s3://bucket/a%20b/c", "a b/c"),
            ("https://bucket.s3.eu-north-1.amazonaws.com/a", "https://bucket.s3.eu-north-1.amazonaws.com/a", "a"),
            ("azure://container/a", "azure://container/a", "a"),
            ("abfs://container@account/a/b", "abfs://container@account.dfs.core.windows.net/a/b", "a/b"),
            ("abfss://container@account.dfs.core.windows.net", "abfss://container@account.dfs.core.windows.net", ""),
            ("https://account.blob.core.windows.net/container/a", "https://account.blob.core.windows.net/container/a", "a"),
        ] {
            let root = DataRoot::parse(text, environment()).unwrap();
            assert_eq!(root.to_string(), shown);
            let DataRoot::Store(url) = &root else { panic!("{text}") };
            assert_eq!(url.prefix.as_ref(), prefix, "{text}");
            assert!(root.open().is_ok() && root.fault().is_none(), "{text}");
            assert!(["bucket", "container"].contains(&url.container()), "{text}: {}", url.container());
            assert!(!format!("{root:?}").contains(SECRET));
        }
        let no_credentials = [("GOOGLE_SKIP_SIGNATURE".to_owned(), "true".to_owned())];
        assert!(DataRoot::parse("gs://bucket/a", no_credentials).unwrap().open().is_ok());
        for (text, folder) in [("data", "data"), ("file:///srv/a%20b", "/srv/a b"), ("/srv/data", "/srv/data")] {
            assert_eq!(DataRoot::parse(text, environment()).unwrap().folder(), Some(std::path::Path::new(folder)));
        }
    }

    #[test]
    fn other_addresses_are_refused_without_repeating_them() {
        for (text, why) in [
            ("ftp://host/x-secret", "no store that is known"),
            ("http://host/x-secret", "no store that is known"),
            ("https://example.com/x-secret", "no store that is known"),
            ("memory:///x-secret", "no store that is known"),
            ("s3://id:x-secret@bucket/a", "no password"),
            ("s3://x-secret@bucket/a", "no user name"),
            ("https://account.blob.core.windows.net/c?sig=x-secret", "no password, query"),
            ("s3://bucket/a#x-secret", "fragment"),
            ("file://x-secret/a", "no folder of this machine"),
            ("s3://[x-secret/a", "is no URL"),
        ] {
            let message = DataRoot::parse(text, environment()).expect_err(text).to_string();
            assert!(message.contains(why) && message.contains("s3://bucket/prefix") && !message.contains("x-secret"), "{text}: {message}");
        }
    }

    #[test]
    fn what_cannot_be_signed_is_known() {
        for (text, why) in [
            ("files", Some("a folder")),
            ("file:///srv/files", Some("a folder")),
            ("azure://container/a%20b", Some("Azure")),
            ("azure://container/ö", Some("Azure")),
            ("azure://container/a-b/c", None),
            ("s3://bucket/a%20b", None),
            ("gs://bucket/a", None),
        ] {
            let found = DataRoot::parse(text, environment()).unwrap().why_unsigned();
            assert!(found.map(|found| found.split(' ').next()) == why.map(|why| why.split(' ').next()), "{text}: {found:?}");
        }
    }

    /// The variables that the page for operators names.
    #[test]
    fn every_documented_variable_is_read() {
        let page = include_str!("../../../../docs/object-stores.md");
        let words = page.split(|character: char| !(character.is_ascii_uppercase() || character.is_ascii_digit() || character == '_'));
        let (mut aws, mut azure, mut google) = (0, 0, 0);
        for name in words {
            let lower = name.to_ascii_lowercase();
            let (count, is_read) = match lower.split_once('_') {
                Some(("aws", rest)) if !rest.is_empty() => (&mut aws, lower.parse::<object_store::aws::AmazonS3ConfigKey>().is_ok()),
                Some(("azure", rest)) if !rest.is_empty() => (&mut azure, lower.parse::<object_store::azure::AzureConfigKey>().is_ok()),
                Some(("google", rest)) if !rest.is_empty() => (&mut google, lower.parse::<object_store::gcp::GoogleConfigKey>().is_ok()),
                _ => continue,
            };
            assert!(is_read, "{name} is documented, and nothing reads it");
            *count += 1;
        }
        assert!(aws > 25 && azure > 15 && google > 5, "{aws} {azure} {google}");
    }

    #[test]
    fn what_a_store_lacks_is_said() {
        for text in ["azure://container/a", "gs://bucket/a"] {
            let root = DataRoot::parse(text, Vec::new()).unwrap();
            // Google's own machines need no further settings.
            if text.starts_with("azure") {
                let (error, advice) = root.fault().unwrap();
                assert!(error.to_string().contains("Account must be specified"), "{error}");
                assert!(advice.unwrap().contains("AZURE_STORAGE_ACCOUNT_NAME"));
            }
        }
    }
}
