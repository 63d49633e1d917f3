//! Writes a mail for each of its recipients, as far as the bounds of the day allow.

use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use super::{MailKind, NewMail, Recipient, Summary, recipients};
use crate::database::row::millis;
use crate::{Connection, StoreError, execute, room};

/// A day in milliseconds. The days of the bounds are those of UTC.
const DAY: i64 = 24 * 3600 * 1000;
/// How many events a mail about several names. Of the others it has the number.
const NAMED: i64 = 20;

/// A row for one recipient.
struct Written<'a> {
    id: Uuid,
    recipient: &'a str,
    kind: MailKind,
    occasion: String,
    subject: &'a str,
    body: &'a str,
    sealed: Option<&'a str>,
    due: i64,
    give_up: i64,
}

/// Returns how many recipients get it. Two transactions that come at the same time may count without each other: the bounds are against floods, and a
/// mail more does no harm.
pub(super) async fn insert(connection: &mut Connection, mail: &NewMail) -> Result<u32, StoreError> {
    let created = millis(mail.created);
    let begun = created - created.rem_euclid(DAY);
    let mut added = 0;
    for recipient in recipients::of(connection, mail.tenant, &mail.to).await? {
        let of_tenant = count(connection, "tenant_id = $1", &mail.tenant.to_string(), begun).await?;
        let of_recipient = count(connection, "recipient = $1", &recipient, begun).await?;
        let gathered = match &mail.summary {
            Some(summary) if count(connection, "kind = 'failure' AND recipient = $1", &recipient, begun).await? >= room::FAILURES_ALONE => {
                Some(summary)
            }
            _ => None,
        };
        let row = match gathered {
            Some(summary) => one_of_several(mail, summary, &recipient, begun),
            None => alone(mail, &recipient),
        };
        let is_crowded = of_tenant >= room::MAILS_OF_TENANT || of_recipient >= room::MAILS_OF_RECIPIENT;
        if is_crowded && mail.kind == MailKind::Code {
            return Err(StoreError::MailsFull);
        }
        // There is one about several a day, whatever comes.
        if is_crowded && gathered.is_none() {
            tracing::warn!(tenant = %mail.tenant, occasion = mail.occasion, "a mail was left out: this day had very many");
            continue;
        }
        added += u32::from(write(connection, mail, &row).await?);
    }
    Ok(added)
}

fn alone<'a>(mail: &'a NewMail, recipient: &'a str) -> Written<'a> {
    let id = match mail.to {
        Recipient::Contact => mail.id,
        Recipient::Owner(_) | Recipient::Administrators => Uuid::new_v5(&mail.id, recipient.as_bytes()),
    };
    Written {
        id,
        recipient,
        kind: mail.kind,
        occasion: mail.occasion.clone(),
        subject: &mail.subject,
        body: &mail.body,
        sealed: mail.sealed.as_deref(),
        due: millis(mail.created),
        give_up: millis(mail.give_up),
    }
}

/// It waits until the day is over.
fn one_of_several<'a>(mail: &'a NewMail, summary: &'a Summary, recipient: &'a str, begun: i64) -> Written<'a> {
    let due = begun + DAY;
    Written {
        id: Uuid::new_v5(&mail.id, recipient.as_bytes()),
        recipient,
        kind: MailKind::Failures,
        occasion: format!("failures {}", begun / DAY),
        subject: &summary.subject,
        body: &summary.line,
        sealed: None,
        due,
        give_up: due + millis(mail.give_up) - millis(mail.created),
    }
}

/// How many mails there are of this day.
async fn count(connection: &mut Connection, which: &str, value: &str, since: i64) -> Result<i64, StoreError> {
    let statement = format!("SELECT COUNT(*) FROM mails WHERE {which} AND created >= $2");
    let query = sqlx::query(AssertSqlSafe(statement)).bind(value.to_owned()).bind(since);
    Ok(query.fetch_one(connection).await?.try_get(0)?)
}

/// Returns false if the recipient was told of the occasion before.
async fn write(connection: &mut Connection, mail: &NewMail, row: &Written<'_>) -> Result<bool, StoreError> {
    let again = match row.kind {
        MailKind::Failures => format!(
            "DO UPDATE SET events = mails.events + 1,
                 body = CASE WHEN mails.events < {NAMED} THEN mails.body || excluded.body ELSE mails.body END
             WHERE mails.state = 'pending'"
        ),
        MailKind::Code | MailKind::Secret | MailKind::Failure => "DO NOTHING".to_owned(),
    };
    let statement = format!(
        "INSERT INTO mails (id, tenant_id, recipient, kind, occasion, subject, body, sealed, events, created, state, attempts, epoch, due, give_up,
                            lease_until)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, 'pending', 0, 0, $10, $11, 0) ON CONFLICT (occasion, recipient) {again}"
    );
    let query = sqlx::query(AssertSqlSafe(statement))
        .bind(row.id.to_string())
        .bind(mail.tenant.to_string())
        .bind(row.recipient.to_owned())
        .bind(row.kind.name())
        .bind(row.occasion.clone())
        .bind(row.subject.to_owned())
        .bind(row.body.to_owned())
        .bind(row.sealed.map(str::to_owned))
        .bind(millis(mail.created))
        .bind(row.due)
        .bind(row.give_up);
    Ok(execute(connection, query).await? == 1)
}
