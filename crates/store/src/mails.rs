//! The outbox of mail. A mail is written in the transaction of what it tells of (`Store::telling`), and then goes the way of every outbox (`outbox`).
//!
//! Each recipient is told of an occasion once. How many mails a tenant and a recipient get in a day is bounded; failures beyond a few are gathered into
//! one mail at the end of the day.

pub(crate) mod expiring;
mod recipients;
mod writing;

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;
use strum::{EnumString, IntoStaticStr};
use uuid::Uuid;

use crate::database::dialect::placeholders;
use crate::database::row::Read;
use crate::database::rows::in_powers_of_two;
use crate::outbox::{Delivery, Due, Outbox, SendOutcome};
use crate::{Connection, Store, StoreError, execute};

pub use recipients::Recipient;

pub(crate) const MAILS: Outbox = Outbox { table: "mails", receiver: "recipient", over: "(finished < $1 OR give_up < $1)", parts: None };

/// What a mail is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, EnumString)]
#[strum(serialize_all = "lowercase")]
pub enum MailKind {
    /// A verification code. It is refused, and not left out, where there is no room for it.
    Code,
    /// A secret that expires.
    Secret,
    /// An execution that failed.
    Failure,
    /// Several of those.
    Failures,
}

impl MailKind {
    pub fn name(self) -> &'static str {
        self.into()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMail {
    pub id: Uuid,
    pub tenant: Uuid,
    pub to: Recipient,
    pub kind: MailKind,
    /// Each recipient is told of it once.
    pub occasion: String,
    pub subject: String,
    pub body: String,
    /// The encrypted body, in place of `body`, for a mail to an address. It was sealed for the purpose `mail` and the mail's id.
    pub sealed: Option<String>,
    pub created: DateTime<Utc>,
    pub give_up: DateTime<Utc>,
    /// What is sent at the end of the day instead, if the recipient got many such mails already.
    pub summary: Option<Summary>,
}

/// A mail about several events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    pub subject: String,
    /// The line of this event, with its line break.
    pub line: String,
}

/// A mail of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    pub id: Uuid,
    pub tenant: Uuid,
    pub recipient: String,
    pub kind: MailKind,
    pub occasion: String,
    pub subject: String,
    /// Of several events: the lines of the first ones.
    pub body: String,
    pub sealed: Option<String>,
    /// How many events it tells of.
    pub events: u32,
    pub created: DateTime<Utc>,
    pub delivery: Delivery,
    /// Why the last attempt failed.
    pub error: Option<String>,
}

impl Store {
    /// A store for one change, which writes this mail in the change's own transaction. If nothing is changed, there is no mail.
    pub fn telling(&self, mail: NewMail) -> Store {
        Store { told: Some(Arc::new(mail)), ..self.clone() }
    }

    /// Runs in the transaction of the change.
    pub(crate) async fn write_mail(&self, connection: &mut Connection) -> Result<(), StoreError> {
        match &self.told {
            Some(mail) => writing::insert(connection, mail).await.map(drop),
            None => Ok(()),
        }
    }

    /// Adds a mail about what is no change. Returns how many recipients get it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add_mail(&self, mail: &NewMail) -> Result<u32, StoreError> {
        let mut transaction = self.begin_beside().await?;
        let added = writing::insert(&mut transaction, mail).await?;
        transaction.commit().await?;
        Ok(added)
    }

    /// Returns which of these occasions somebody was told of, or is to be.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn told_occasions(&self, occasions: &[String]) -> Result<HashSet<String>, StoreError> {
        let mut told = HashSet::new();
        for some in in_powers_of_two(occasions) {
            let statement = format!("SELECT DISTINCT occasion FROM mails WHERE occasion IN ({})", placeholders(0, some.len()));
            let query = some.iter().fold(sqlx::query(AssertSqlSafe(statement)), |query, occasion| query.bind(occasion.clone()));
            for row in query.fetch_all(&self.reports).await? {
                told.insert(row.text("occasion")?);
            }
        }
        Ok(told)
    }

    /// Returns mails that are due and not claimed: the first ones of each tenant, except for the given tenants.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn due_mails(&self, now: DateTime<Utc>, lease_now: i64, without: &[Uuid], limit: u32) -> Result<Vec<Due>, StoreError> {
        self.due(MAILS, now, lease_now, without, limit).await
    }

    /// Claims this mail if it is still pending and not claimed. `now` is the product's clock; all other times are the database's.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn claim_mail(&self, id: Uuid, now: DateTime<Utc>, lease_now: i64, lease_until: i64) -> Result<Option<Mail>, StoreError> {
        let mut transaction = self.begin_beside().await?;
        let Some(row) = MAILS.claim(&mut transaction, id, now, lease_now, lease_until).await? else { return Ok(None) };
        transaction.commit().await?;
        read_mail(&row).map(Some)
    }

    /// Writes the next step, and why the attempt failed if it did, which ends the claim. What was encrypted goes with the last step. Returns false, and
    /// writes nothing, if the mail is no longer claimed.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn finish_mail(
        &self,
        mail: &Mail,
        error: Option<&str>,
        outcome: SendOutcome,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin_beside().await?;
        if !MAILS.finish(&mut transaction, mail.id, &mail.delivery, outcome, now).await? {
            return Ok(false);
        }
        let query =
            sqlx::query("UPDATE mails SET error = $1, sealed = CASE WHEN state = 'pending' THEN sealed ELSE NULL END WHERE id = $2");
        execute(&mut transaction, query.bind(error.map(str::to_owned)).bind(mail.id.to_string())).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Removes mails that ended, or should have, before this time, the oldest first, at most `limit`. Returns the number of removed mails.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_mails(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.forget(MAILS, before, limit).await
    }

    /// Returns the newest mails of the outbox, the first one first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn mails(&self, limit: u32) -> Result<Vec<Mail>, StoreError> {
        let query = sqlx::query("SELECT * FROM mails ORDER BY created DESC, id DESC LIMIT $1").bind(i64::from(limit));
        let mut mails: Vec<Mail> = query.fetch_all(&self.reports).await?.iter().map(read_mail).collect::<Result<_, _>>()?;
        mails.reverse();
        Ok(mails)
    }
}

fn read_mail(row: &AnyRow) -> Result<Mail, StoreError> {
    Ok(Mail {
        id: row.id("id")?,
        tenant: row.id("tenant_id")?,
        recipient: row.text("recipient")?,
        kind: row.named("kind", |name| name.parse().ok())?,
        occasion: row.text("occasion")?,
        subject: row.text("subject")?,
        body: row.text("body")?,
        sealed: row.optional_text("sealed")?,
        events: row.count("events")?,
        created: row.instant("created")?,
        delivery: Delivery::read(row)?,
        error: row.optional_text("error")?,
    })
}
