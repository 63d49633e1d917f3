//! Users and what they sign in with.

use insightgate_identity::user::{Lockout, User};
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::row::{Read, millis};
use crate::{Store, StoreError};

/// A user with the hash that a password is checked against.
#[derive(Clone)]
pub struct UserCredentials {
    pub user: User,
    /// PHC form.
    pub password_hash: String,
}

impl Store {
    pub async fn add_user(&self, user: &User, password_hash: &str) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO users (id, tenant_id, username, password_hash, enabled, failures, locked_until)
             VALUES ($1, $2, $3, $4, $5, 0, NULL)",
        )
        .bind(user.id.to_string())
        .bind(user.tenant.to_string())
        .bind(user.username.clone())
        .bind(password_hash.to_owned())
        .bind(i64::from(user.enabled))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// `username` in lower case. A user of another tenant is not found.
    pub async fn user_credentials(&self, tenant: Uuid, username: &str) -> Result<Option<UserCredentials>, StoreError> {
        let query = sqlx::query("SELECT * FROM users WHERE tenant_id = $1 AND username = $2");
        let row = query.bind(tenant.to_string()).bind(username.to_owned()).fetch_optional(&self.pool).await?;
        row.map(|row| Ok(UserCredentials { user: read_user(&row)?, password_hash: row.text("password_hash")? })).transpose()
    }

    /// A user of another tenant is not found.
    pub async fn user(&self, tenant: Uuid, id: Uuid) -> Result<Option<User>, StoreError> {
        let query = sqlx::query("SELECT * FROM users WHERE tenant_id = $1 AND id = $2");
        let row = query.bind(tenant.to_string()).bind(id.to_string()).fetch_optional(&self.pool).await?;
        row.as_ref().map(read_user).transpose()
    }

    /// Reads the lockout, changes it and writes it back, in one transaction: guesses that come at the same time all count.
    /// Gives the lockout as it was found; a user who is gone has none.
    pub async fn change_lockout(&self, user: Uuid, change: impl FnOnce(Lockout) -> Lockout) -> Result<Lockout, StoreError> {
        let mut transaction = self.begin().await?;
        let query = sqlx::query("SELECT * FROM users WHERE id = $1").bind(user.to_string());
        let Some(row) = query.fetch_optional(&mut *transaction).await? else { return Ok(Lockout::default()) };
        let found = read_user(&row)?.lockout;
        let changed = change(found);
        if changed != found {
            sqlx::query("UPDATE users SET failures = $1, locked_until = $2 WHERE id = $3")
                .bind(i64::from(changed.failures))
                .bind(changed.until.map(millis))
                .bind(user.to_string())
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(found)
    }

    pub async fn set_user_enabled(&self, user: Uuid, enabled: bool) -> Result<(), StoreError> {
        let query = sqlx::query("UPDATE users SET enabled = $1 WHERE id = $2").bind(i64::from(enabled)).bind(user.to_string());
        query.execute(&self.pool).await?;
        Ok(())
    }
}

pub(crate) fn read_user(row: &AnyRow) -> Result<User, StoreError> {
    Ok(User {
        id: row.id("id")?,
        tenant: row.id("tenant_id")?,
        username: row.text("username")?,
        enabled: row.flag("enabled")?,
        lockout: Lockout { failures: row.count("failures")?, until: row.optional_instant("locked_until")? },
    })
}
