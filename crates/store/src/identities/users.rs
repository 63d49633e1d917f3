//! Users and their credentials.

use chrono::{DateTime, Utc};
use insightgate_identity::user::{PasswordState, User};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::database::again::again;
use crate::database::dialect::{by_bytes, containing};
use crate::database::locks::Hold;
use crate::database::row::{Read, millis};
use crate::room;
use crate::sign_in::counts::forget_failures;
use crate::sign_in::sessions::end_sign_ins;
use crate::{Store, StoreError, execute};

/// Selects users, with the time until which sign-ins from unknown addresses are refused.
pub(crate) const SELECT_USERS: &str =
    "SELECT users.*, (SELECT locked_until FROM sign_in_counts WHERE subject = users.id AND network = '') AS shut_until FROM users";

/// A user with the stored credentials for a sign-in.
#[derive(Clone)]
pub struct UserCredentials {
    pub user: User,
    /// The hash in PHC form; `None` without a password.
    pub password_hash: Option<String>,
    /// The encrypted secret of the second factor; this crate cannot read it.
    pub totp_secret: Option<String>,
}

impl Store {
    /// Adds a user with a password hash in PHC form, or without a password.
    ///
    /// # Errors
    /// When the name is taken, there is no room for another, or the database does not answer.
    pub async fn add_user(&self, user: &User, password_hash: Option<&str>, created: DateTime<Utc>) -> Result<(), StoreError> {
        let query = sqlx::query(
            "INSERT INTO users (id, tenant_id, username, display_name, password_hash, must_change, enabled, failures, locked_until,
                                totp_secret, totp_step, created)
             VALUES ($1, $2, $3, $4, $5, $6, $7, 0, NULL, NULL, 0, $8)",
        )
        .bind(user.id.to_string())
        .bind(user.tenant.to_string())
        .bind(user.username.clone())
        .bind(user.display_name.clone())
        .bind(password_hash.map(str::to_owned))
        .bind(i64::from(user.password == PasswordState::MustChange))
        .bind(i64::from(user.enabled))
        .bind(millis(created));
        let mut transaction = self.begin(Hold::Tenant(user.tenant)).await?;
        room::USERS.check(&mut transaction, user.tenant).await?;
        execute(&mut transaction, query).await?;
        self.record_change(&mut transaction).await?;
        self.commit_identities(transaction).await
    }

    /// Returns the user; `username` has to be in lowercase. A user of another tenant is not found.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn user_credentials(&self, tenant: Uuid, username: &str) -> Result<Option<UserCredentials>, StoreError> {
        let query = sqlx::query(AssertSqlSafe(format!("{SELECT_USERS} WHERE tenant_id = $1 AND username = $2")));
        let row = query.bind(tenant.to_string()).bind(username.to_owned()).fetch_optional(&self.pool).await?;
        row.as_ref().map(read_credentials).transpose()
    }

    /// Returns the user; one of another tenant is not found.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn user_credentials_by_id(&self, tenant: Uuid, id: Uuid) -> Result<Option<UserCredentials>, StoreError> {
        let query = sqlx::query(AssertSqlSafe(format!("{SELECT_USERS} WHERE tenant_id = $1 AND id = $2")));
        let row = query.bind(tenant.to_string()).bind(id.to_string()).fetch_optional(&self.pool).await?;
        row.as_ref().map(read_credentials).transpose()
    }

    /// Returns the user; one of another tenant is not found.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn user(&self, tenant: Uuid, id: Uuid) -> Result<Option<User>, StoreError> {
        Ok(self.user_credentials_by_id(tenant, id).await?.map(|credentials| credentials.user))
    }

    /// Returns the tenant's users, ordered by sign-in name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn users(&self, tenant: Uuid) -> Result<Vec<User>, StoreError> {
        let query = sqlx::query(by_bytes(self.dialect, &format!("{SELECT_USERS} WHERE tenant_id = $1 ORDER BY username {{}}")));
        let query = query.bind(tenant.to_string());
        query.fetch_all(&self.pool).await?.iter().map(read_user).collect()
    }

    /// Returns at most `limit` of the tenant's users, ordered by sign-in name, from the one after `after` on. `search` is a part of the sign-in name or of the
    /// name for people; letter case does not matter.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn users_page(&self, tenant: Uuid, search: &str, after: &str, limit: u32) -> Result<Vec<User>, StoreError> {
        let text = format!(
            "{SELECT_USERS} WHERE tenant_id = $1 AND username {{}} > $2
             AND (username LIKE $3 ESCAPE '!' OR LOWER(display_name) LIKE $3 ESCAPE '!' OR LOWER(display_name) LIKE $4 ESCAPE '!')
             ORDER BY username {{}} LIMIT $5"
        );
        let [lower, lower_ascii] = containing(search);
        let query = sqlx::query(by_bytes(self.dialect, &text))
            .bind(tenant.to_string())
            .bind(after.to_owned())
            .bind(lower)
            .bind(lower_ascii)
            .bind(i64::from(limit));
        query.fetch_all(&self.pool).await?.iter().map(read_user).collect()
    }

    /// Ends the user's sign-ins: in browsers, on devices, and what applications were given for the user.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn end_sign_ins_of(&self, user: Uuid) -> Result<(), StoreError> {
        again(|| async move {
            let mut transaction = self.begin(Hold::User(user)).await?;
            end_sign_ins(self.dialect, &mut transaction, user).await?;
            self.record_change(&mut transaction).await?;
            self.commit_identities(transaction).await
        })
        .await
    }

    /// Enables or disables the user. Disabling also ends the user's sign-ins: their refresh tokens do not become valid again when the account is enabled.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn set_user_enabled(&self, user: Uuid, enabled: bool) -> Result<(), StoreError> {
        self.change_user(user, None, Some(enabled)).await
    }

    /// Changes the given values and leaves the others unchanged. Disabling also ends the user's sign-ins.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn change_user(&self, user: Uuid, display_name: Option<&str>, enabled: Option<bool>) -> Result<(), StoreError> {
        again(|| async move {
            let query =
                sqlx::query("UPDATE users SET display_name = COALESCE($1, display_name), enabled = COALESCE($2, enabled) WHERE id = $3")
                    .bind(display_name.map(str::to_owned))
                    .bind(enabled.map(i64::from))
                    .bind(user.to_string());
            let mut transaction = self.begin(Hold::User(user)).await?;
            execute(&mut transaction, query).await?;
            if enabled == Some(false) {
                end_sign_ins(self.dialect, &mut transaction, user).await?;
            }
            self.record_change(&mut transaction).await?;
            self.commit_identities(transaction).await
        })
        .await
    }

    /// Sets the password. A new password unlocks the account and ends the sign-ins that were made with the old one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn set_user_password(&self, user: Uuid, hash: &str, must_change: bool) -> Result<(), StoreError> {
        again(|| async move {
            let mut transaction = self.begin(Hold::User(user)).await?;
            self.hold(&mut transaction, Hold::Subject(&user.to_string())).await?;
            let query = sqlx::query("UPDATE users SET password_hash = $1, must_change = $2 WHERE id = $3")
                .bind(hash.to_owned())
                .bind(i64::from(must_change))
                .bind(user.to_string());
            execute(&mut transaction, query).await?;
            forget_failures(&mut transaction, user).await?;
            end_sign_ins(self.dialect, &mut transaction, user).await?;
            self.record_change(&mut transaction).await?;
            self.commit_identities(transaction).await
        })
        .await
    }

    /// Sets up the second factor with an encrypted secret, or removes it. Removing it ends the sign-ins in which it was given, since they would still
    /// count as having a second factor.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn set_totp(&self, user: Uuid, sealed: Option<&str>) -> Result<(), StoreError> {
        again(|| async move {
            let mut transaction = self.begin(Hold::User(user)).await?;
            let query = sqlx::query("UPDATE users SET totp_secret = $1, totp_step = 0 WHERE id = $2");
            execute(&mut transaction, query.bind(sealed.map(str::to_owned)).bind(user.to_string())).await?;
            if sealed.is_none() {
                end_sign_ins(self.dialect, &mut transaction, user).await?;
            }
            self.record_change(&mut transaction).await?;
            self.commit_identities(transaction).await
        })
        .await
    }

    /// Sets up the second factor. Returns false if there already is one, which is never replaced.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add_totp(&self, user: Uuid, sealed: &str) -> Result<bool, StoreError> {
        let query = sqlx::query("UPDATE users SET totp_secret = $1, totp_step = 0 WHERE id = $2 AND totp_secret IS NULL");
        Ok(self.change_identity(query.bind(sealed.to_owned()).bind(user.to_string())).await? == 1)
    }

    /// Marks a time step as used. Returns false if it, or a later one, was used before, since a code is valid only once.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn use_totp_step(&self, user: Uuid, step: i64) -> Result<bool, StoreError> {
        let mut connection = self.pool.acquire().await?;
        let query = sqlx::query("UPDATE users SET totp_step = $1 WHERE id = $2 AND totp_step < $1").bind(step).bind(user.to_string());
        Ok(execute(&mut connection, query).await? == 1)
    }
}

fn read_credentials(row: &AnyRow) -> Result<UserCredentials, StoreError> {
    Ok(UserCredentials {
        user: read_user(row)?,
        password_hash: row.optional_text("password_hash")?,
        totp_secret: row.optional_text("totp_secret")?,
    })
}

pub(crate) fn read_user(row: &AnyRow) -> Result<User, StoreError> {
    let password = match (row.optional_text("password_hash")?, row.flag("must_change")?) {
        (None, _) => PasswordState::Absent,
        (Some(_), true) => PasswordState::MustChange,
        (Some(_), false) => PasswordState::Set,
    };
    Ok(User {
        id: row.id("id")?,
        tenant: row.id("tenant_id")?,
        username: row.text("username")?,
        display_name: row.text("display_name")?,
        enabled: row.flag("enabled")?,
        locked_until: row.optional_instant("shut_until")?,
        password,
        totp: row.optional_text("totp_secret")?.is_some(),
    })
}
