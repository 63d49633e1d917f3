//! Device codes, which are requested by one machine, approved on another, and valid for one answer.

use chrono::{DateTime, Utc};
use insightgate_identity::tokens::device::{WAITING_PER_ADDRESS, WAITING_PER_APPLICATION};
use sqlx::Row;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::database::locks::Hold;
use crate::database::row::{Read, millis};
use crate::sign_in::refresh_tokens::RefreshTokenRecord;
use crate::sign_in::sessions::{SignInSession, hold_session};
use crate::{Connection, Store, StoreError, execute};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceCode {
    /// The SHA-256 of the device's own code, in hexadecimal.
    pub digest: String,
    /// The code that the user types.
    pub user_code: String,
    pub tenant: Uuid,
    pub application: Uuid,
    pub resource: String,
    /// Whether an id token was asked for.
    pub openid: bool,
    /// Whether a refresh token was asked for.
    pub offline: bool,
    pub expires: DateTime<Utc>,
    pub state: DeviceState,
    /// The keyed digest of the network that requested the code; empty if unknown.
    pub network: String,
}

/// The result of adding a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddedDeviceCode {
    Added,
    /// The user code is in use.
    Taken,
    /// Too many codes are waiting; the first of them expires at this time.
    Full(DateTime<Utc>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceState {
    Pending,
    /// Approved by this user, who signed in with these methods.
    Approved {
        user: Uuid,
        amr: String,
    },
    Declined,
    /// The device has received its answer.
    Used,
}

impl Store {
    /// Adds a code that waits for its user. Each address has a share of an application's places. If all places are taken, the oldest code of the
    /// address with the most codes makes room for an address with fewer.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add_device_code(&self, code: &DeviceCode, now: DateTime<Utc>) -> Result<AddedDeviceCode, StoreError> {
        let mut transaction = self.begin(Hold::Application(code.application)).await?;
        let waiting = waiting_codes(&mut transaction, code.application, now).await?;
        let all: i64 = waiting.iter().map(|waiting| waiting.number).sum();
        let own = waiting.iter().find(|waiting| waiting.network == code.network);
        if let Some(own) = own.filter(|own| own.number >= i64::from(WAITING_PER_ADDRESS)) {
            return Ok(AddedDeviceCode::Full(own.first_end));
        }
        if all >= i64::from(WAITING_PER_APPLICATION) {
            let fewer = own.map_or(0, |own| own.number) + 1;
            let Some(most) = waiting.iter().max_by_key(|waiting| waiting.number).filter(|most| most.number > fewer) else {
                let first_end = waiting.iter().map(|waiting| waiting.first_end).min();
                return Ok(AddedDeviceCode::Full(first_end.unwrap_or(now)));
            };
            let query = sqlx::query(
                "DELETE FROM device_codes WHERE digest IN
                     (SELECT digest FROM device_codes WHERE application_id = $1 AND network = $2 AND state = 'pending' AND expires > $3
                      ORDER BY expires, digest LIMIT 1)",
            );
            let query = query.bind(code.application.to_string()).bind(most.network.clone()).bind(millis(now));
            execute(&mut transaction, query).await?;
        }
        let query = sqlx::query(
            "INSERT INTO device_codes (digest, user_code, tenant_id, application_id, resource, openid, offline, expires, state, network)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'pending', $9) ON CONFLICT DO NOTHING",
        )
        .bind(code.digest.clone())
        .bind(code.user_code.clone())
        .bind(code.tenant.to_string())
        .bind(code.application.to_string())
        .bind(code.resource.clone())
        .bind(i64::from(code.openid))
        .bind(i64::from(code.offline))
        .bind(millis(code.expires))
        .bind(code.network.clone());
        if execute(&mut transaction, query).await? != 1 {
            return Ok(AddedDeviceCode::Taken);
        }
        transaction.commit().await?;
        Ok(AddedDeviceCode::Added)
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn device_code(&self, digest: &str) -> Result<Option<DeviceCode>, StoreError> {
        let query = sqlx::query("SELECT * FROM device_codes WHERE digest = $1").bind(digest.to_owned());
        query.fetch_optional(&self.pool).await?.as_ref().map(read_device_code).transpose()
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn device_code_by_user_code(&self, user_code: &str) -> Result<Option<DeviceCode>, StoreError> {
        let query = sqlx::query("SELECT * FROM device_codes WHERE user_code = $1").bind(user_code.to_owned());
        query.fetch_optional(&self.pool).await?.as_ref().map(read_device_code).transpose()
    }

    /// Records the user's decision; `approved` is the session in which it was made. Returns false if the code is no longer pending, or the session has ended.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn decide_device_code(&self, digest: &str, approved: Option<&SignInSession>) -> Result<bool, StoreError> {
        let mut transaction = self.begin_beside().await?;
        if let Some(session) = approved
            && !hold_session(&mut transaction, &session.digest).await?
        {
            return Ok(false);
        }
        let state = if approved.is_some() { "approved" } else { "declined" };
        let query = sqlx::query("UPDATE device_codes SET state = $1, user_id = $2, amr = $3 WHERE digest = $4 AND state = 'pending'");
        let query = query
            .bind(state)
            .bind(approved.map(|session| session.user.to_string()))
            .bind(approved.map(|session| session.amr.clone()))
            .bind(digest.to_owned());
        let decided = execute(&mut transaction, query).await? == 1;
        if decided {
            self.record_change(&mut transaction).await?;
        }
        transaction.commit().await?;
        Ok(decided)
    }

    /// Marks the code used and adds the refresh token that it leads to, if any, in one transaction. Returns false, and writes nothing, if the code
    /// was used before, since one code is never valid for two answers.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn redeem_device_code(&self, digest: &str, token: Option<&RefreshTokenRecord>) -> Result<bool, StoreError> {
        self.redeem("UPDATE device_codes SET state = 'used' WHERE digest = $1 AND state = 'approved'", digest, token).await
    }
}

/// The codes of one application that wait for their users, by the network that requested them.
struct Waiting {
    network: String,
    number: i64,
    first_end: DateTime<Utc>,
}

async fn waiting_codes(connection: &mut Connection, application: Uuid, now: DateTime<Utc>) -> Result<Vec<Waiting>, StoreError> {
    let query = sqlx::query(
        "SELECT network, COUNT(*) AS number, MIN(expires) AS first_end FROM device_codes
         WHERE application_id = $1 AND state = 'pending' AND expires > $2 GROUP BY network",
    );
    let rows = query.bind(application.to_string()).bind(millis(now)).fetch_all(connection).await?;
    let waiting =
        |row: &AnyRow| Ok(Waiting { network: row.text("network")?, number: row.try_get("number")?, first_end: row.instant("first_end")? });
    rows.iter().map(waiting).collect()
}

fn read_device_code(row: &AnyRow) -> Result<DeviceCode, StoreError> {
    let corrupt = |value: &str| StoreError::Corrupt { column: "state", value: value.to_owned() };
    let state = match row.text("state")?.as_str() {
        "pending" => DeviceState::Pending,
        "approved" => DeviceState::Approved { user: row.id("user_id")?, amr: row.text("amr")? },
        "declined" => DeviceState::Declined,
        "used" => DeviceState::Used,
        other => return Err(corrupt(other)),
    };
    Ok(DeviceCode {
        digest: row.text("digest")?,
        user_code: row.text("user_code")?,
        tenant: row.id("tenant_id")?,
        application: row.id("application_id")?,
        resource: row.text("resource")?,
        openid: row.flag("openid")?,
        offline: row.flag("offline")?,
        expires: row.instant("expires")?,
        state,
        network: row.text("network")?,
    })
}
