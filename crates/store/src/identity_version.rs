//! Which state of the identities a reader has seen: tenants, enrollments, users, applications, consents and roles.
//!
//! What is kept of them elsewhere carries the version that it was read at, and is good only while that is still the version. The number is
//! this process's own. Where several processes share a database this is the one place to make it the database's.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::Any;
use sqlx::any::AnyArguments;
use sqlx::query::Query;

use crate::{Store, StoreError};

#[derive(Debug, Clone, Default)]
pub(crate) struct IdentityVersion(Arc<AtomicU64>);

/// Makes the version another one when it is dropped: also when the write failed half-way, and nobody knows how far it came.
struct Changed(IdentityVersion);

impl Drop for Changed {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Store {
    /// Read it before the identities themselves.
    pub fn identity_version(&self) -> u64 {
        self.identities.0.load(Ordering::SeqCst)
    }

    /// Runs a write of identities. It goes on to its end when its caller is gone, so that nothing is committed after the version changed; once
    /// this returns, every reader sees the new version.
    pub(crate) async fn change_identities<T, F>(&self, write: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let changed = Changed(self.identities.clone());
        let written = tokio::spawn(async move {
            let outcome = write.await;
            drop(changed);
            outcome
        });
        written.await.unwrap_or(Err(StoreError::Interrupted))
    }

    /// A write of identities that is one statement. How many rows it changed.
    pub(crate) async fn change_identity(&self, query: Query<'static, Any, AnyArguments>) -> Result<u64, StoreError> {
        let pool = self.pool.clone();
        self.change_identities(async move { Ok(query.execute(&pool).await?.rows_affected()) }).await
    }
}
