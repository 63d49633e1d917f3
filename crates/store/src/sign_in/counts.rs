//! Counts wrong passwords, by name and by the addresses from which a user is known. Names that do not exist are counted by the same statements as
//! existing ones, so that neither the answer nor its time shows which it is.

use chrono::{DateTime, Utc};
use insightgate_identity::guessing::{KNOWN_ADDRESSES, KNOWN_FOR, Lockout, REMEMBERED_FOR, WrongPassword, is_known};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::database::again::again;
use crate::database::locks::Hold;
use crate::database::row::{Read, millis};
use crate::{Connection, Store, StoreError, execute};

/// The account whose password is guessed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    User(Uuid),
    /// The keyed digest of a name that does not exist.
    Nobody(String),
}

impl Subject {
    fn text(&self) -> String {
        match self {
            Subject::User(id) => id.to_string(),
            Subject::Nobody(digest) => digest.clone(),
        }
    }
}

/// The count to which an attempt from a network belongs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SignInCount {
    pub count: Lockout,
    /// The user's last sign-in from this network; `None` if the network is unknown, and the count is that of all unknown addresses.
    pub last_success: Option<DateTime<Utc>>,
}

impl SignInCount {
    pub fn is_known(&self) -> bool {
        self.last_success.is_some()
    }
}

impl Store {
    /// `network` is the keyed digest of the network; `None` stands for an unknown address.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sign_in_count(&self, subject: &Subject, network: Option<&str>, now: DateTime<Utc>) -> Result<SignInCount, StoreError> {
        again(|| async { find(&mut self.pool.acquire().await?, subject, network, now, "").await }).await
    }

    /// Reads the count, changes it and writes it back in one transaction, so that simultaneous guesses all count. Returns the count as it was before.
    /// It always writes, so that its time does not show whether something changed. It does not change the version of identities, since guesses must
    /// not cause all identities to be read again.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn change_sign_in_count(
        &self,
        subject: &Subject,
        network: Option<&str>,
        now: DateTime<Utc>,
        change: impl Fn(Lockout) -> Lockout,
    ) -> Result<SignInCount, StoreError> {
        again(|| self.try_to_change(subject, network, now, &change)).await
    }

    async fn try_to_change(
        &self,
        subject: &Subject,
        network: Option<&str>,
        now: DateTime<Utc>,
        change: impl Fn(Lockout) -> Lockout,
    ) -> Result<SignInCount, StoreError> {
        let mut transaction = self.begin(Hold::Subject(&subject.text())).await?;
        let found = find(&mut transaction, subject, network, now, self.dialect.for_update()).await?;
        let changed = change(found.count.clone());
        let network = network.filter(|_| found.is_known()).unwrap_or_default();
        let recent: Vec<String> = changed.recent.iter().map(|wrong| hex::encode(wrong.0.to_be_bytes())).collect();
        let query = sqlx::query(
            "INSERT INTO sign_in_counts (subject, network, nobody, failures, locked_until, since, recent, last_failure, last_success)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)
             ON CONFLICT (subject, network) DO UPDATE SET failures = excluded.failures, locked_until = excluded.locked_until,
                 since = excluded.since, recent = excluded.recent, last_failure = excluded.last_failure",
        )
        .bind(subject.text())
        .bind(network.to_owned())
        .bind(i64::from(matches!(subject, Subject::Nobody(_))))
        .bind(i64::from(changed.failures))
        .bind(changed.until.map(millis))
        .bind(millis(changed.since))
        .bind(recent.join(" "))
        .bind(millis(now));
        execute(&mut transaction, query).await?;
        transaction.commit().await?;
        Ok(found)
    }

    /// Records that the user is known from this network. If there are more than [`KNOWN_ADDRESSES`], the least recently used one is removed.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn know_address(&self, user: Uuid, network: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        again(|| self.try_to_know(user, network, now)).await
    }

    async fn try_to_know(&self, user: Uuid, network: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut transaction = self.begin(Hold::Subject(&user.to_string())).await?;
        let query = sqlx::query(
            "INSERT INTO sign_in_counts (subject, network, nobody, failures, locked_until, since, recent, last_failure, last_success)
             VALUES ($1, $2, 0, 0, NULL, $3, '', $3, $3)
             ON CONFLICT (subject, network) DO UPDATE SET last_success = excluded.last_success",
        );
        let query = query.bind(user.to_string()).bind(network.to_owned()).bind(millis(now));
        execute(&mut transaction, query).await?;
        let query = sqlx::query(
            "DELETE FROM sign_in_counts WHERE subject = $1 AND network IN
                 (SELECT network FROM sign_in_counts WHERE subject = $1 AND network <> '' ORDER BY last_success DESC, network
                  LIMIT 1000 OFFSET $2)",
        );
        execute(&mut transaction, query.bind(user.to_string()).bind(i64::from(KNOWN_ADDRESSES))).await?;
        transaction.commit().await
    }
}

/// Whether a sign-in from this network has to be recorded: the network is new, or was recorded long ago.
pub fn is_news(found: &SignInCount, now: DateTime<Utc>) -> bool {
    found.last_success.is_none_or(|last| now - last >= REMEMBERED_FOR || last > now)
}

/// `for_update` locks the row that is to be written back.
async fn find(
    connection: &mut Connection,
    subject: &Subject,
    network: Option<&str>,
    now: DateTime<Utc>,
    for_update: &str,
) -> Result<SignInCount, StoreError> {
    let query = sqlx::query(AssertSqlSafe(format!("SELECT * FROM sign_in_counts WHERE subject = $1 AND network IN ('', $2) {for_update}")));
    let rows = query.bind(subject.text()).bind(network.unwrap_or_default().to_owned()).fetch_all(connection).await?;
    let counts = rows.iter().map(read_count).collect::<Result<Vec<_>, _>>()?;
    let known = counts.iter().find(|found| found.last_success.is_some_and(|last| is_known(last, now)));
    let found = known.or_else(|| counts.iter().find(|found| found.last_success.is_none()));
    Ok(found.cloned().unwrap_or_default())
}

fn read_count(row: &AnyRow) -> Result<SignInCount, StoreError> {
    let recent = row.text("recent")?;
    let corrupt = |value: &str| StoreError::Corrupt { column: "recent", value: value.to_owned() };
    let recent = recent.split_whitespace().map(|text| read_wrong(text).ok_or_else(|| corrupt(text)));
    let count = Lockout {
        failures: row.count("failures")?,
        until: row.optional_instant("locked_until")?,
        since: row.instant("since")?,
        recent: recent.collect::<Result<_, _>>()?,
    };
    let last_success = if row.text("network")?.is_empty() { None } else { Some(row.instant("last_success")?) };
    Ok(SignInCount { count, last_success })
}

fn read_wrong(text: &str) -> Option<WrongPassword> {
    let mut bytes = [0; 16];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(WrongPassword(u128::from_be_bytes(bytes)))
}

/// A new password unlocks the account. The addresses from which the user is known are kept.
pub(crate) async fn forget_failures(connection: &mut Connection, user: Uuid) -> Result<(), StoreError> {
    let query = sqlx::query("UPDATE sign_in_counts SET failures = 0, locked_until = NULL, recent = '' WHERE subject = $1");
    execute(connection, query.bind(user.to_string())).await.map(drop)
}

/// Addresses that were last used before this time are unknown again.
pub(crate) fn known_since(now: DateTime<Utc>) -> DateTime<Utc> {
    now - KNOWN_FOR
}
