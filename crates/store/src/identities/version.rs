//! The version of the identities that a reader has seen: tenants, enrollments, users, applications, consents and roles.
//!
//! A cached copy of them carries the version at which it was read, and is valid only while that is still the version. If this process is the only one
//! that uses the database, the number is its own; if several do, it is a row that each write of identities changes within its transaction.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::Any;
use sqlx::any::AnyArguments;
use sqlx::query::Query;

use crate::database::locks::Hold;
use crate::{Store, StoreError, Transaction, execute};

/// The setting that the processes share.
const SHARED: &str = "identity_version";

#[derive(Debug, Clone, Default)]
pub(crate) struct IdentityVersion(Arc<AtomicU64>);

/// Changes the version when it is dropped, also if the write failed half-way and it is unknown how far it came.
struct Changed(IdentityVersion);

impl Drop for Changed {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Store {
    /// Returns the version, which has to be read before the identities themselves.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn identity_version(&self) -> Result<u64, StoreError> {
        if !self.is_shared() {
            return Ok(self.identities.0.load(Ordering::SeqCst));
        }
        let text = self.setting(SHARED).await?.unwrap_or_default();
        text.parse().map_err(|_| StoreError::Corrupt { column: SHARED, value: text })
    }

    /// Executes a write of identities that is one statement. Returns the number of changed rows.
    pub(crate) async fn change_identity(&self, query: Query<'static, Any, AnyArguments>) -> Result<u64, StoreError> {
        self.change_identity_of(None, query).await
    }

    /// Like [`Store::change_identity`], with a lock on what the statement counts until its end.
    pub(crate) async fn change_identity_of(
        &self,
        hold: Option<Hold<'_>>,
        query: Query<'static, Any, AnyArguments>,
    ) -> Result<u64, StoreError> {
        if !self.is_shared() && self.recorded.is_none() && self.told.is_none() {
            let pool = self.pool.clone();
            return self.change(async move { Ok(query.execute(&pool).await?.rows_affected()) }).await;
        }
        let mut transaction = match hold {
            Some(hold) => self.begin(hold).await?,
            None => self.begin_beside().await?,
        };
        let changed = execute(&mut transaction, query).await?;
        if changed > 0 {
            self.record_change(&mut transaction).await?;
        }
        self.commit_identities(transaction).await?;
        Ok(changed)
    }

    /// Commits a transaction that wrote identities.
    pub(crate) async fn commit_identities(&self, mut transaction: Transaction) -> Result<(), StoreError> {
        if self.is_shared() {
            let next = "UPDATE settings SET value = CAST(CAST(value AS BIGINT) + 1 AS TEXT) WHERE name = $1";
            execute(&mut transaction, sqlx::query(next).bind(SHARED)).await?;
        }
        self.change(async move { transaction.commit().await }).await
    }

    /// Runs the write to its end even if its caller is gone, so that nothing is committed after the version changes; once this returns, every reader
    /// sees the new version.
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
    /// Used codes are read from the database at each sign-in, and change with each one.
    const NOT_KEPT: [&str; 1] = ["fn use_totp_step"];

    #[test]
    fn every_write_of_identities_changes_the_version() {
        let files = [
            include_str!("tenants.rs"),
            include_str!("users.rs"),
            include_str!("applications.rs"),
            include_str!("principals.rs"),
            include_str!("enrollment_changes.rs"),
            include_str!("removals.rs"),
        ];
        let mut changing = 0;
        for function in files.iter().flat_map(|text| text.split("    pub async ").skip(1)) {
            changing += usize::from(function.contains("change_identity(") || function.contains("commit_identities("));
            let past = [".commit()", "execute(&self.pool)", "self.pool.acquire()"].iter().any(|way| function.contains(way));
            let writes = ["INSERT ", "UPDATE ", "DELETE "].iter().any(|word| function.contains(word));
            let kept = !NOT_KEPT.iter().any(|name| function.starts_with(name));
            assert!(!(past && writes && kept), "a write that readers do not hear of: {function}");
            let records =
                ["self.record_change(&mut transaction)", "record(&mut transaction, &event)"].iter().any(|way| function.contains(way));
            assert!(records || !function.contains("commit_identities("), "a write that takes no event along: {function}");
        }
        assert!(changing >= 18, "{changing}");
    }
}
