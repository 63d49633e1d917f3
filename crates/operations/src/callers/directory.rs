//! Who there is, as last read: tenants, applications with their secrets, principals. Asked at every grant and every request.
//!
//! What is kept is good for one version of the identities only: a write that has returned is seen by every request that begins after it. Who is
//! not found is not remembered, and neither are lockouts, which a sign-in reads from the store.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use insightgate_identity::application::{Application, ClientSecret};
use insightgate_identity::principal::Principal;
use insightgate_identity::tenant::Tenant;
use insightgate_store::{Store, StoreError};
use uuid::Uuid;

/// Entries of each kind at most; one more empties the kind.
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

/// All of one version.
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

    /// # Errors
    /// The database does not answer, or holds what cannot be read.
    pub async fn tenant(&self, id: Uuid) -> Result<Option<Arc<Tenant>>, StoreError> {
        self.find(|known| &mut known.tenants, id, self.store.tenant(id)).await
    }

    /// `domain` in lower case.
    ///
    /// # Errors
    /// The database does not answer, or holds what cannot be read.
    pub async fn tenant_by_domain(&self, domain: &str) -> Result<Option<Arc<Tenant>>, StoreError> {
        self.find(|known| &mut known.domains, domain.to_owned(), self.store.tenant_by_domain(domain)).await
    }

    /// An application of another tenant is not found.
    ///
    /// # Errors
    /// The database does not answer, or holds what cannot be read.
    pub async fn client(&self, tenant: Uuid, id: Uuid) -> Result<Option<Arc<Client>>, StoreError> {
        let read = async {
            let Some(application) = self.store.application(tenant, id).await? else { return Ok(None) };
            let secrets = self.store.client_secrets(id).await?;
            Ok(Some(Client { application, secrets }))
        };
        self.find(|known| &mut known.clients, (tenant, id), read).await
    }

    /// As [`Store::principal`].
    ///
    /// # Errors
    /// The database does not answer, or holds what cannot be read.
    pub async fn principal(&self, tenant: Uuid, application: Uuid, user: Option<Uuid>) -> Result<Option<Arc<Principal>>, StoreError> {
        self.bearer(tenant, application, user, false).await
    }

    /// The principal of a token, which says whether the user gave a second factor.
    ///
    /// # Errors
    /// The database does not answer, or holds what cannot be read.
    pub async fn bearer(
        &self,
        tenant: Uuid,
        application: Uuid,
        user: Option<Uuid>,
        mfa: bool,
    ) -> Result<Option<Arc<Principal>>, StoreError> {
        let read = async { Ok(self.store.principal(tenant, application, user).await?.map(|found| Principal { mfa, ..found })) };
        self.find(|known| &mut known.principals, (tenant, application, user, mfa), read).await
    }

    async fn find<Key: Eq + Hash, Value>(
        &self,
        kind: fn(&mut Known) -> &mut Kept<Key, Value>,
        key: Key,
        read: impl Future<Output = Result<Option<Value>, StoreError>>,
    ) -> Result<Option<Arc<Value>>, StoreError> {
        // Before the read: what changes while it goes on makes what it finds out of date.
        let version = self.store.identity_version().await?;
        if let Some(found) = kind(&mut self.at(version)).get(&key) {
            return Ok(Some(Arc::clone(found)));
        }
        let Some(found) = read.await?.map(Arc::new) else { return Ok(None) };
        let mut known = self.lock();
        if known.version == version {
            let kept = kind(&mut known);
            if kept.len() >= LIMIT {
                kept.clear();
            }
            kept.insert(key, Arc::clone(&found));
        }
        Ok(Some(found))
    }

    /// What is known of this version: nothing, when it is the first to ask.
    fn at(&self, version: u64) -> MutexGuard<'_, Known> {
        let mut known = self.lock();
        // One who read an earlier version finds what is newer, which is as good.
        if known.version < version {
            *known = Known { version, ..Known::default() };
        }
        known
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
