//! Which state of the identities a reader has seen: tenants, enrollments, users, applications, consents and roles.
//!
//! What is kept of them elsewhere carries the version that it was read at, and is good only while that is still the version. The number is
//! this process's own. Where several processes share a database this is the one place to make it the database's.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, Transaction};

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

    /// A write of identities that is one statement. How many rows it changed.
    pub(crate) async fn change_identity(&self, query: Query<'static, Any, AnyArguments>) -> Result<u64, StoreError> {
        let pool = self.pool.clone();
        self.change(async move { Ok(query.execute(&pool).await?.rows_affected()) }).await
    }

    /// Commits a transaction that wrote identities.
    pub(crate) async fn commit_identities(&self, transaction: Transaction<'static, Any>) -> Result<(), StoreError> {
        self.change(async move { Ok(transaction.commit().await?) }).await
    }

    /// Goes on to its end when its caller is gone, so that nothing is committed after the version changed; once this returns, every reader sees
    /// the new version.
    async fn change<T: Send + 'static>(
        &self,
        write: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let changed = Changed(self.identities.clone());
        let written = tokio::spawn(async move {
            let outcome = write.await;
            drop(changed);
            outcome
        });
        written.await.unwrap_or(Err(StoreError::Interrupted))
    }
}

#[cfg(test)]
mod tests {
    /// Lockouts and used codes are read from the database at each sign-in, and change with each.
    const NOT_KEPT: [&str; 3] = ["fn change_lockout", "fn count_wrong_password", "fn use_totp_step"];

    #[test]
    fn every_write_of_identities_changes_the_version() {
        let files = [include_str!("tenants.rs"), include_str!("users.rs"), include_str!("applications.rs"), include_str!("principals.rs")];
        let mut changing = 0;
        for function in files.iter().flat_map(|text| text.split("    pub async ").skip(1)) {
            changing += usize::from(function.contains("change_identity(") || function.contains("commit_identities("));
            let past = [".commit()", "execute(&self.pool)", "self.pool.acquire()"].iter().any(|way| function.contains(way));
            let writes = ["INSERT ", "UPDATE ", "DELETE "].iter().any(|word| function.contains(word));
            let kept = !NOT_KEPT.iter().any(|name| function.starts_with(name));
            assert!(!(past && writes && kept), "a write that readers do not hear of: {function}");
        }
        assert!(changing >= 18, "{changing}");
    }
}
