//! The cache of identities: tenants, applications with their secrets, and principals. Every grant and every request reads it.
//!
//! An entry is valid for one version of the identities only. A request reads the version once, when it first asks ([`Directory::view`]), so every request
//! that begins after a write has returned sees that write. Missing identities are not cached, and neither are lockouts, which a sign-in reads from the store.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use insightgate_identity::application::{Application, ClientSecret};
use insightgate_identity::principal::Principal;
use insightgate_identity::tenant::Tenant;
use insightgate_store::{Store, StoreError};
use tokio::sync::OnceCell;
use uuid::Uuid;

/// The most entries of each kind. One more clears all entries of that kind.
const LIMIT: usize = 10_000;

pub struct Directory {
    store: Store,
    known: Mutex<Known>,
}

/// An application as the token endpoint needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    pub application: Application,
    pub secrets: Vec<ClientSecret>,
}

type Kept<Key, Value> = HashMap<Key, Arc<Value>>;

/// Cached entries, all of the same version.
#[derive(Default)]
struct Known {
    version: u64,
    tenants: Kept<Uuid, Tenant>,
    domains: Kept<String, Tenant>,
    /// By tenant and application.
    clients: Kept<(Uuid, Uuid), Client>,
    /// By tenant, application, user and whether a second factor was given.
    principals: Kept<(Uuid, Uuid, Option<Uuid>, bool), Principal>,
}

impl Directory {
    pub fn new(store: Store) -> Directory {
        Directory { store, known: Mutex::default() }
    }

    /// The identities as one request sees them.
    pub fn view(&self) -> View<'_> {
        View { directory: self, version: OnceCell::new() }
    }

    /// The entries of this version, or of a newer one. There are none if this is the first request with the version.
    fn at(&self, version: u64) -> MutexGuard<'_, Known> {
        let mut known = self.lock();
        // A request that read an earlier version gets newer entries, which are as good.
        if known.version < version {
            *known = Known { version, ..Known::default() };
        }
        known
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The directory at one version of the identities, or a newer one.
pub struct View<'a> {
    directory: &'a Directory,
    /// Read once, before the identities themselves, so that a change while they are read makes them out of date.
    version: OnceCell<u64>,
}

impl View<'_> {
    /// # Errors
    /// When the database does not answer.
    pub async fn tenant(&self, id: Uuid) -> Result<Option<Arc<Tenant>>, StoreError> {
        self.find(|known| &mut known.tenants, id, self.directory.store.tenant(id)).await
    }

    /// The tenant with this domain, which must be in lower case.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn tenant_by_domain(&self, domain: &str) -> Result<Option<Arc<Tenant>>, StoreError> {
        self.find(|known| &mut known.domains, domain.to_owned(), self.directory.store.tenant_by_domain(domain)).await
    }

    /// The application, if it belongs to the tenant.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn client(&self, tenant: Uuid, id: Uuid) -> Result<Option<Arc<Client>>, StoreError> {
        let read = async {
            let Some(application) = self.directory.store.application(tenant, id).await? else { return Ok(None) };
            let secrets = self.directory.store.client_secrets(id).await?;
            Ok(Some(Client { application, secrets }))
        };
        self.find(|known| &mut known.clients, (tenant, id), read).await
    }

    /// The principal, as [`Store::principal`] returns it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn principal(&self, tenant: Uuid, application: Uuid, user: Option<Uuid>) -> Result<Option<Arc<Principal>>, StoreError> {
        self.bearer(tenant, application, user, false).await
    }

    /// The principal of a token, which says whether the user gave a second factor.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn bearer(
        &self,
        tenant: Uuid,
        application: Uuid,
        user: Option<Uuid>,
        mfa: bool,
    ) -> Result<Option<Arc<Principal>>, StoreError> {
        let read = async { Ok(self.directory.store.principal(tenant, application, user).await?.map(|found| Principal { mfa, ..found })) };
        self.find(|known| &mut known.principals, (tenant, application, user, mfa), read).await
    }

    async fn find<Key: Eq + Hash, Value>(
        &self,
        kind: fn(&mut Known) -> &mut Kept<Key, Value>,
        key: Key,
        read: impl Future<Output = Result<Option<Value>, StoreError>>,
    ) -> Result<Option<Arc<Value>>, StoreError> {
        let directory = self.directory;
        let version = *self.version.get_or_try_init(|| directory.store.identity_version()).await?;
        if let Some(found) = kind(&mut directory.at(version)).get(&key) {
            return Ok(Some(Arc::clone(found)));
        }
        let Some(found) = read.await?.map(Arc::new) else { return Ok(None) };
        let mut known = directory.lock();
        if known.version == version {
            let kept = kind(&mut known);
            if kept.len() >= LIMIT {
                kept.clear();
            }
            kept.insert(key, Arc::clone(&found));
        }
        Ok(Some(found))
    }
}
