//! Reads the audit trail page by page: filtered, with the newest event first. New events do not shift a page.

use chrono::{DateTime, Utc};
use sqlx::Row;
use uuid::Uuid;

use crate::audit::read_event;
use crate::database::row::{Read, millis};
use crate::{AuditEvent, Store, StoreError};

/// Each field narrows the events; `None` matches all of them.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    pub tenant: Option<Uuid>,
    pub actor: Option<String>,
    pub action: Option<String>,
    pub subject: Option<String>,
    pub correlation: Option<String>,
    pub from: Option<DateTime<Utc>>,
    /// The end of the time range, exclusive.
    pub to: Option<DateTime<Utc>>,
}

/// The position of an event after which a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditPlace {
    /// The time in milliseconds.
    pub at: i64,
    pub id: Uuid,
}

#[derive(Debug, Clone)]
pub struct AuditPage {
    pub events: Vec<AuditEvent>,
    /// The number of events that match the filter, on all pages.
    pub total: u64,
    /// Where the next page begins; `None` on the last page.
    pub next: Option<AuditPlace>,
}

enum Bound {
    Text(String),
    Number(i64),
}

impl AuditFilter {
    fn conditions(&self) -> (Vec<String>, Vec<Bound>) {
        let texts = [
            ("tenant_id", self.tenant.map(|tenant| tenant.to_string())),
            ("actor", self.actor.clone()),
            ("action", self.action.clone()),
            ("subject", self.subject.clone()),
            ("correlation_id", self.correlation.clone()),
        ];
        let instants = [("at >=", self.from), ("at <", self.to)];
        let texts = texts.into_iter().filter_map(|(column, text)| Some((format!("{column} ="), Bound::Text(text?))));
        let instants = instants.into_iter().filter_map(|(column, at)| Some((column.to_owned(), Bound::Number(millis(at?)))));
        let (columns, bounds): (Vec<_>, Vec<_>) = texts.chain(instants).unzip();
        let conditions = columns.iter().enumerate().map(|(index, column)| format!("{column} ${}", index + 1)).collect();
        (conditions, bounds)
    }
}

impl Store {
    /// Returns the events that match the filter, after this position.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn audit_page(&self, filter: &AuditFilter, after: Option<AuditPlace>, limit: u32) -> Result<AuditPage, StoreError> {
        let (mut conditions, mut bounds) = filter.conditions();
        let counted = format!("SELECT COUNT(*) FROM audit_events{}", all_of(&conditions));
        let counted = bounds.iter().fold(sqlx::query(sqlx::AssertSqlSafe(counted)), bind);
        let total: i64 = counted.fetch_one(&self.reports).await?.try_get(0)?;
        if let Some(AuditPlace { at, id }) = after {
            let (at_bind, id_bind) = (bounds.len() + 1, bounds.len() + 2);
            conditions.push(format!("(at < ${at_bind} OR (at = ${at_bind} AND id < ${id_bind}))"));
            bounds.extend([Bound::Number(at), Bound::Text(id.to_string())]);
        }
        bounds.push(Bound::Number(i64::from(limit) + 1));
        let listed = format!("SELECT * FROM audit_events{} ORDER BY at DESC, id DESC LIMIT ${}", all_of(&conditions), bounds.len());
        let listed = bounds.iter().fold(sqlx::query(sqlx::AssertSqlSafe(listed)), bind);
        let mut rows = listed.fetch_all(&self.reports).await?;
        let further = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = match rows.last() {
            Some(last) if further => Some(AuditPlace { at: last.number("at")?, id: last.id("id")? }),
            _ => None,
        };
        let events = rows.iter().map(read_event).collect::<Result<_, _>>()?;
        Ok(AuditPage { events, total: u64::try_from(total).unwrap_or_default(), next })
    }
}

fn all_of(conditions: &[String]) -> String {
    if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) }
}

type AnyQuery<'q> = sqlx::query::Query<'q, sqlx::Any, sqlx::any::AnyArguments>;

fn bind<'q>(query: AnyQuery<'q>, bound: &Bound) -> AnyQuery<'q> {
    match bound {
        Bound::Text(text) => query.bind(text.clone()),
        Bound::Number(number) => query.bind(*number),
    }
}
